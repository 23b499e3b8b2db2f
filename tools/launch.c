/* launch.c -- gcmalloc run: a program with the library in place of its malloc
 *
 * MODEL   The library is put first in LD_PRELOAD.  It is the one of the build
 *         tree this command lies in, else the one it was installed with, else
 *         one that lies beside the command or in ../lib of it, as in a tree
 *         that was copied elsewhere.
 *
 *         Where it can have no effect that is said in one line, and the
 *         program is run all the same.
 */
#include "tools/launch.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/program.h"
#include "tools/setting.h"
#include "tools/verb.h"

int
find_library(char *path)
{
	static const char *const places[] = {
	    "../.libs/", /* of a build tree */
	    GCM_LIBDIR "/",
	    "",
	    "../lib/",
	};
	char self[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", self, sizeof(self) - 1);

	self[len > 0 ? len : 0] = '\0';
	if (len > 0)
		*strrchr(self, '/') = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		bool beside = places[i][0] != '/';
		int n = snprintf(path, PATH_MAX, "%s%s%s" LIBRARY,
		    beside ? self : "", beside ? "/" : "", places[i]);

		if (beside && len <= 0)
			continue;
		if (n < PATH_MAX && access(path, R_OK) == 0)
			return 0;
	}
	return -1;
}

int
preload_library(const char *path)
{
	const char *others = getenv("LD_PRELOAD");
	char *all;
	int failed;

	if (others == NULL || *others == '\0')
		return setenv("LD_PRELOAD", path, 1);
	if (asprintf(&all, "%s:%s", path, others) < 0)
		return -1;
	failed = setenv("LD_PRELOAD", all, 1);
	free(all);
	return failed;
}

int
refuse_program(const char *name, int error)
{
	return refuse(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN,
	    "%s: %s", name, strerror(error));
}

/* One line, if the library cannot be active. */
static void
warn_of_program(const char *name)
{
	static struct findings findings;
	const struct finding *grave;
	char path[PATH_MAX];

	if (find_program(name, path) != 0 ||
	    inspect_program(path, 0, &findings) != 0)
		return; /* execve will say so */
	grave = first_finding(&findings, SEVERITY_FAIL);
	if (grave != NULL)
		fprintf(stderr, "gcmalloc: no effect: %s\n", grave->text);
}

int
run_program(char **argv)
{
	char path[PATH_MAX];

	argv = take_settings("run", argv);
	if (argv == NULL)
		return EXIT_USAGE;
	if (*argv == NULL)
		return refuse(EXIT_USAGE, "run: which program?");
	if (find_library(path) != 0)
		return refuse(EXIT_CANNOT_RUN, LIBRARY " is not installed");
	if (preload_library(path) != 0)
		return refuse(EXIT_CANNOT_RUN, "%s", strerror(errno));
	warn_of_program(*argv);
	execvp(*argv, argv);
	return refuse_program(*argv, errno);
}
