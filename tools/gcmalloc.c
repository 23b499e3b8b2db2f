/* gcmalloc.c -- the command
 *
 * MODEL   A table of verbs, which makes the help; each has a file of its own.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/collect.h"
#include "tools/doctor.h"
#include "tools/launch.h"
#include "tools/options.h"
#include "tools/trace_show.h"
#include "tools/verb.h"

struct verb {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(char **argv); /* from behind the verb on; the exit status */
};

static const struct verb verbs[] = {
    {"run", "[--] PROGRAM [ARGUMENT...]",
	"Run PROGRAM with " LIBRARY " in place of its malloc.", run_program},
    {"doctor", "[-n] [-o FILE] [--] PROGRAM [ARGUMENT...] | PID",
	"Say whether that works for PROGRAM here, or in a running process.",
	consult_doctor},
    {"gc", "PID", "Ask a running process for a collection.", ask_collector},
    {"trace", "[--html | --perfetto | --events] [--pid PID] [-o FILE] FILE",
	"Show an execution trace, or the gctrace lines of any program.",
	show_trace},
};

struct flag {
	const char *name;
	void (*print)(void);
};

static void
print_help(void)
{
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		printf("%s gcmalloc %s %s\n", i == 0 ? "usage:" : "      ",
		    verbs[i].name, verbs[i].arguments);
	puts("       gcmalloc --help | --version\n");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		printf("  %-8s%s\n", verbs[i].name, verbs[i].help);
	puts("");
	print_option_help();
}

static void
print_version(void)
{
	puts(PACKAGE_STRING);
}

static const struct flag flags[] = {
    {"--help", print_help},
    {"--version", print_version},
    {"--options-md", print_option_markdown},
    {"--options-man", print_option_manual},
};

int
refuse(int status, const char *format, ...)
{
	va_list list;

	fputs("gcmalloc: ", stderr);
	va_start(list, format);
	(void)vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	return status;
}

long
parse_process(const char *text)
{
	char *end;
	long process = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' && process > 0 &&
		       process <= 1 << 30
		   ? process
		   : 0;
}

int
main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	if (word == NULL)
		return refuse(EXIT_USAGE, "what to do? (gcmalloc --help)");
	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(word, verbs[i].name) == 0)
			return verbs[i].run(argv + 2);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(word, flags[i].name) == 0 && argc == 2) {
			flags[i].print();
			return fflush(stdout) == 0 ? EXIT_SUCCESS
						   : EXIT_FAILURE;
		}
	return refuse(
	    EXIT_USAGE, "no such command: %s (gcmalloc --help)", word);
}
