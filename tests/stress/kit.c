/* kit.c -- runs each case in a process of its own and judges it
 *
 * MODEL   The first process is never preloaded.  It starts itself again
 *         with `--case NAME`, LD_PRELOAD set, output to a memory file, as
 *         the leader of a new session.  A case passes when it exits with 0
 *         in time with nothing written; 77 skips it.  Whatever is left of
 *         its process group is killed afterwards.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_JOBS = 16,
	OUTPUT_SHOWN = 6000
};

struct job {
	const struct kit_case *c; /* NULL: no job here */
	pid_t pid;
	int output; /* memory file */
	double started, deadline;
};

static struct job jobs[MAX_JOBS];
static int npassed, nfailed, nskipped;
static char exe[PATH_MAX];

/* The process of the case: environment, then the program anew. */
static void
become_case(const char *name, unsigned flags, int output)
{
	struct rlimit no_core = {0, 0};
	char arg[] = "--case";
	char *argv[] = {exe, arg, strdup(name), NULL};
	const char *lib = getenv("GCMTEST_LIB");
	int null = open("/dev/null", O_RDONLY);

	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGTERM, SIG_DFL);
	if (getenv("KIT_CORE") == NULL)
		setrlimit(RLIMIT_CORE, &no_core);
	dup2(null, 0);
	dup2(output, 1);
	dup2(output, 2);
	close(null);
	if (output > 2)
		close(output);
	if (*lib != '\0' && (flags & KIT_PLAIN) == 0)
		setenv("LD_PRELOAD", lib, 1);
	execv(exe, argv);
	_exit(127);
}

static void
start(const struct kit_case *c, struct job *job)
{
	unsigned seconds = c->seconds != 0 ? c->seconds : 60;

	if (getenv("GCMTEST_LONG") != NULL)
		seconds *= 10;
	if (getenv("KIT_SLOW") != NULL)
		seconds *= (unsigned)atoi(getenv("KIT_SLOW"));
	job->output = memfd_create("output", MFD_CLOEXEC);
	fflush(NULL);
	job->pid = fork();
	if (job->pid == 0)
		become_case(c->name, c->flags, job->output);
	job->c = c;
	job->started = kit_now();
	job->deadline = job->started + seconds;
}

static void
show_file(const char *label, const char *path)
{
	char text[512];
	int fd = open(path, O_RDONLY);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	printf(" %s=%s", label, text);
}

/* Where every thread of a process sits: enough to name a deadlock. */
static void
show_process(pid_t pid)
{
	static const char *const files[] = {"comm", "wchan", "syscall"};
	char path[PATH_MAX];
	const struct dirent *e;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", (int)pid);
	dir = opendir(path);
	while (dir != NULL && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.')
			continue;
		printf("    process %d thread %s", (int)pid, e->d_name);
		for (size_t i = 0; i < KIT_COUNT(files); i++) {
			snprintf(path, sizeof(path), "/proc/%d/task/%s/%s",
			    (int)pid, e->d_name, files[i]);
			show_file(files[i], path);
		}
		putchar('\n');
	}
	if (dir != NULL)
		closedir(dir);
	if (getenv("KIT_GDB") != NULL) {
		snprintf(path, sizeof(path),
		    "gdb -batch -p %d -ex "
		    "'thread apply all bt' 2>/dev/null",
		    (int)pid);
		fflush(stdout);
		if (system(path) != 0)
			printf("    (no gdb)\n");
	}
}

/* Calls show on every process of a session, or only counts them. */
static int
each_of_session(pid_t session, void (*show)(pid_t))
{
	DIR *proc = opendir("/proc");
	const struct dirent *e;
	int found = 0;

	while (proc != NULL && (e = readdir(proc)) != NULL) {
		pid_t pid = (pid_t)atoi(e->d_name);

		if (pid <= 0 || getsid(pid) != session)
			continue;
		found++;
		if (show != NULL)
			show(pid);
	}
	if (proc != NULL)
		closedir(proc);
	return found;
}

static void
report(const struct job *job, const char *verdict)
{
	static char text[OUTPUT_SHOWN];
	ssize_t n = pread(job->output, text, sizeof(text), 0);

	printf("FAIL %s: %s (GCMTEST_SEED=%" PRIu64 ")\n", job->c->name,
	    verdict, kit_seed());
	if (n > 0)
		printf("%.*s\n", (int)n, text);
	fflush(stdout);
	nfailed++;
}

static void
judge(struct job *job, int status)
{
	char verdict[100];
	bool silent = lseek(job->output, 0, SEEK_END) == 0;

	if (getenv("KIT_VERBOSE") != NULL)
		printf("%6.2f s %s\n", kit_now() - job->started, job->c->name);
	if (WIFSIGNALED(status)) {
		snprintf(verdict, sizeof(verdict), "killed by signal %d (%s)",
		    WTERMSIG(status), strsignal(WTERMSIG(status)));
		report(job, verdict);
	} else if (WEXITSTATUS(status) == KIT_SKIPPED) {
		char why[200];
		ssize_t n = pread(job->output, why, sizeof(why), 0);

		nskipped++;
		printf("SKIP %s: %.*s", job->c->name, (int)n, why);
	} else if (WEXITSTATUS(status) != 0) {
		snprintf(verdict, sizeof(verdict), "exit status %d",
		    WEXITSTATUS(status));
		report(job, verdict);
	} else if (!silent) {
		report(job, "something was printed");
	} else {
		npassed++;
	}
}

/* One look at a job; true while it runs on. */
static bool
running(struct job *job)
{
	int status = 0;

	if (waitpid(job->pid, &status, WNOHANG) == job->pid) {
		judge(job, status);
	} else if (kit_now() > job->deadline) {
		report(job, "still running at the deadline");
		each_of_session(job->pid, show_process);
		kill(-job->pid, SIGKILL);
		waitpid(job->pid, &status, 0);
	} else {
		return true;
	}
	kill(-job->pid, SIGKILL);
	close(job->output);
	job->c = NULL;
	return false;
}

static void
finish_one_of(int njobs)
{
	for (;;) {
		for (int i = 0; i < njobs; i++) {
			if (jobs[i].c != NULL && !running(&jobs[i]))
				return;
		}
		kit_sleep(0.003);
	}
}

static void
run_all(const struct kit_case *cases, const char *only, bool parallel)
{
	int limit = parallel ? MAX_JOBS : 1, active = 0;

	for (const struct kit_case *c = cases; c->name != NULL; c++) {
		int slot = 0;

		if (((c->flags & KIT_PARALLEL) != 0) != parallel)
			continue;
		if (only != NULL && strcmp(only, c->name) != 0)
			continue;
		if ((c->flags & KIT_LONG) != 0 && only == NULL &&
		    getenv("GCMTEST_LONG") == NULL)
			continue;
		if (active == limit) {
			finish_one_of(limit);
			active--;
		}
		while (jobs[slot].c != NULL)
			slot++;
		start(c, &jobs[slot]);
		active++;
	}
	for (; active > 0; active--)
		finish_one_of(limit);
}

/* The harness ran out of patience: what runs goes too. */
static void
give_up(int sig)
{
	for (size_t i = 0; i < MAX_JOBS; i++) {
		if (jobs[i].c != NULL)
			kill(-jobs[i].pid, SIGKILL);
	}
	signal(sig, SIG_DFL);
	raise(sig);
}

/* A case that runs without the library although it should have it would
 * pass for the wrong reason.
 */
static void
check_preloaded(unsigned flags)
{
	static char maps[1 << 18];
	const char *lib = kit_lib(), *base = strrchr(lib, '/');
	size_t n = 0;
	ssize_t got = 1;
	int fd = open("/proc/self/maps", O_RDONLY);

	if (*lib == '\0' || (flags & KIT_PLAIN) != 0) {
		close(fd);
		return;
	}
	while (got > 0 && n < sizeof(maps) - 1) {
		got = read(fd, maps + n, sizeof(maps) - 1 - n);
		n += got > 0 ? (size_t)got : 0;
	}
	close(fd);
	maps[n] = '\0';
	if (base == NULL || strstr(maps, base) == NULL)
		KIT_FAIL("%s is not preloaded", lib);
}

int
kit_main(int argc, char **argv, const struct kit_case *cases)
{
	const char *lib = getenv("GCMTEST_LIB");
	char seed[32];
	ssize_t n;

	if (argc == 3 && strcmp(argv[1], "--case") == 0) {
		for (const struct kit_case *c = cases; c->name != NULL; c++) {
			if (strcmp(c->name, argv[2]) == 0) {
				check_preloaded(c->flags);
				c->run();
				return 0;
			}
		}
		return 127;
	}
	n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	if (n < 0 || lib == NULL || (*lib != '\0' && access(lib, R_OK) != 0)) {
		printf("GCMTEST_LIB must name the library (empty: none)\n");
		return 99;
	}
	snprintf(seed, sizeof(seed), "%" PRIu64, kit_seed());
	setenv("GCMTEST_SEED", seed, 1);
	signal(SIGTERM, give_up);
	run_all(cases, argc > 1 ? argv[1] : NULL, true);
	run_all(cases, argc > 1 ? argv[1] : NULL, false);
	if (nfailed > 0)
		return 1;
	return npassed == 0 ? KIT_SKIPPED : 0;
}
