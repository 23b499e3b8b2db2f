/* start.c -- what a preloaded library adds to a short process
 *
 * MODEL   start LIBRARY COMMAND ARG...      (LIBRARY `-`: none)
 *         runs the command under ptrace and prints one line: system calls from
 *         exec to exit; those of them that the dynamic loader made, mapping
 *         objects; resident and private KiB at the moment of exit.  Threads
 *         are followed, child processes are not.  With SHOW_CALLS in the
 *         environment, each call that is not the loader's goes to stderr.
 */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

struct figures {
	unsigned ncalls;
	unsigned nloader_calls;
	long rss_kib;
	long private_kib;
};

static void
fail(const char *what)
{
	perror(what);
	exit(2);
}

static FILE *
open_proc(pid_t pid, const char *name)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	file = fopen(path, "r");
	if (file == NULL)
		fail(path);
	return file;
}

/* Whether the address lies in the dynamic loader. */
static bool
in_loader(pid_t pid, unsigned long long address)
{
	FILE *maps = open_proc(pid, "maps");
	bool found = false;
	char line[512];

	while (!found && fgets(line, sizeof(line), maps) != NULL) {
		unsigned long long lo, hi;

		if (sscanf(line, "%llx-%llx", &lo, &hi) == 2 && lo <= address &&
		    address < hi)
			found = strstr(line, "/ld-") != NULL ||
				strstr(line, "/ld.so") != NULL;
	}
	fclose(maps);
	return found;
}

static void
read_memory(pid_t pid, struct figures *figures)
{
	FILE *rollup = open_proc(pid, "smaps_rollup");
	char line[256];

	figures->rss_kib = 0;
	figures->private_kib = 0;
	while (fgets(line, sizeof(line), rollup) != NULL) {
		const char *colon = strchr(line, ':');
		long kib = colon != NULL ? strtol(colon + 1, NULL, 10) : 0;

		if (strncmp(line, "Rss:", 4) == 0)
			figures->rss_kib = kib;
		if (strncmp(line, "Private_", 8) == 0)
			figures->private_kib += kib;
	}
	fclose(rollup);
}

static void
count_call(pid_t pid, struct figures *figures)
{
	struct __ptrace_syscall_info info;

	if (ptrace(PTRACE_GET_SYSCALL_INFO, pid, sizeof(info), &info) < 0 ||
	    info.op != PTRACE_SYSCALL_INFO_ENTRY)
		return;
	figures->ncalls++;
	if (in_loader(pid, info.instruction_pointer))
		figures->nloader_calls++;
	else if (getenv("SHOW_CALLS") != NULL)
		fprintf(stderr, "start: call %llu(%#llx, %#llx, %#llx)\n",
		    (unsigned long long)info.entry.nr,
		    (unsigned long long)info.entry.args[0],
		    (unsigned long long)info.entry.args[1],
		    (unsigned long long)info.entry.args[2]);
}

static pid_t
start_child(const char *library, char **command)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		if (strcmp(library, "-") != 0)
			setenv("LD_PRELOAD", library, 1);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			execvp(command[0], command);
		fail(command[0]);
	}
	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFSTOPPED(status))
		fail("start: fork");
	ptrace(PTRACE_SETOPTIONS, child, NULL,
	    PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXIT | PTRACE_O_TRACECLONE |
		PTRACE_O_EXITKILL);
	return child;
}

/* Follow the process to its end; its wait status. */
static int
follow(pid_t child, struct figures *figures)
{
	pid_t pid = child;
	int status = 0;

	ptrace(PTRACE_SYSCALL, child, NULL, NULL);
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		long deliver = 0;

		if (!WIFSTOPPED(status)) {
			if (pid == child)
				return status;
			continue;
		}
		if (WSTOPSIG(status) == (SIGTRAP | 0x80))
			count_call(pid, figures);
		else if (status >> 8 == (SIGTRAP | PTRACE_EVENT_EXIT << 8))
			read_memory(pid, figures);
		else if (WSTOPSIG(status) != SIGTRAP &&
			 WSTOPSIG(status) != SIGSTOP)
			deliver = WSTOPSIG(status);
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)deliver);
	}
	return status;
}

int
main(int argc, char **argv)
{
	struct figures figures = {0, 0, 0, 0};
	int status;

	if (argc < 3) {
		fprintf(stderr, "usage: start LIBRARY COMMAND...\n");
		return 2;
	}
	status = follow(start_child(argv[1], argv + 2), &figures);
	printf("%u %u %ld %ld\n", figures.ncalls, figures.nloader_calls,
	    figures.rss_kib, figures.private_kib);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 1;
}
