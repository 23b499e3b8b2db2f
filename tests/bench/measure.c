/* measure.c -- run one command with a library preloaded, say what it took
 *
 * MODEL   measure FILE LIBRARY COMMAND ARG...   (LIBRARY `-`: none)
 *         writes one line to FILE: wall, user and system nanoseconds, peak
 *         resident KiB and wait status, of the command and all it waited for.
 *
 *         Why not from Python: the kernel carries a process's peak over its
 *         exec, so a child forked from an interpreter starts at the
 *         interpreter's 10 MB.  This program is small.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static long long
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static long long
timeval_ns(struct timeval time)
{
	return time.tv_sec * 1000000000LL + time.tv_usec * 1000LL;
}

static void
run_command(const char *library, char **command)
{
	if (strcmp(library, "-") != 0)
		setenv("LD_PRELOAD", library, 1);
	execvp(command[0], command);
	fprintf(stderr, "measure: %s: %s\n", command[0], strerror(errno));
	_exit(127);
}

int
main(int argc, char **argv)
{
	struct rusage usage;
	long long start_ns, wall_ns;
	int status;
	FILE *file;
	pid_t child;

	if (argc < 4) {
		fprintf(stderr, "usage: measure FILE LIBRARY COMMAND...\n");
		return 2;
	}
	start_ns = now_ns();
	child = fork();
	if (child == 0)
		run_command(argv[2], argv + 3);
	if (child < 0 || wait4(child, &status, 0, &usage) != child)
		return 2;
	wall_ns = now_ns() - start_ns;
	file = fopen(argv[1], "w");
	if (file == NULL)
		return 2;
	fprintf(file, "%lld %lld %lld %ld %d\n", wall_ns,
	    timeval_ns(usage.ru_utime), timeval_ns(usage.ru_stime),
	    usage.ru_maxrss, status);
	return fclose(file) == 0 ? 0 : 2;
}
