/* suite_main.c -- runs one program of the misuse suite, or lists them
 *
 * Nothing here allocates before the case does.
 */
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
missed(void)
{
	puts("missed");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	const struct wrong *row;

	for (row = wrongs; row->name != NULL; row++) {
		if (argc < 2)
			puts(row->name);
		else if (strcmp(row->name, argv[1]) == 0)
			break;
	}
	if (argc < 2)
		return 0;
	if (row->name == NULL || argc != 3) {
		fprintf(stderr, "usage: suite [CASE SIZE]\n");
		return 2;
	}
	row->run(strtoul(argv[2], NULL, 10), row->how);
	return 0;
}
