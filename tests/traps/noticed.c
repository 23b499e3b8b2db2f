/* noticed.c -- what a program asks of the system gets the same answers
 *
 * MODEL   Each body asks, says what it got, and is run with and without the
 *         library: signals of every number, children and SIGCHLD, credentials
 *         of all threads, a new root, limits, ends.  The collector runs
 *         meanwhile, by snapshots in children where that could be seen.
 *
 * RED     B3, B4: with gcm_signal_open of preload/signal.c leaving sets alone
 *         "every-signal" printed "signalfd: -1; with the library: signalfd:
 *         128" and "sigtimedwait: -1; with the library: sigtimedwait: 62".
 *         B4: without give_up_signal there "all-signals" printed "62 waited
 *         for: 62; with the library: 62 waited for: -1".
 *         B6: without gcm_heap_stop_threads "credentials" printed "CapEff:
 *         0000000000000000; with the library: Gid: 0 0 0 0".
 *         B9: with a line written by the constructor "ends" printed "0: 300;
 *         with the library: gcmalloc: here".
 *         B11: with SIGCHLD as exit signal in scan/trace_fork.c "children"
 *         printed "waitpid: 9238".
 *         B13: with a byte of each marked block written in scan/mark.c "copies"
 *         printed "65668 KiB were copied, at most 14648".
 *         B17: there is nothing to take out; with the loader asked in the stop
 *         handler "unwinding" is slower and passes: the deadline of a stop
 *         keeps it from a deadlock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <grp.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/traps/both.h"

/* Signals ----------------------------------------------------------------- */

enum {
	EACH = 20,
	NSIGNALS = 65
};

static _Atomic int got[NSIGNALS], wrong;

static void
count_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	if (info->si_pid != getpid())
		wrong++;
	got[sig]++;
}

/* All real-time signals are the program's, each for itself. */
static int
use_all_signals(void)
{
	struct sigaction act = {.sa_sigaction = count_signal};
	struct timespec none = {0, 0};
	union sigval value = {.sival_int = 7};
	siginfo_t info;
	sigset_t set;

	both_begin();
	act.sa_flags = SA_SIGINFO;
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++) {
		KIT_CHECK(sigaction(sig, &act, NULL) == 0);
		for (int i = 0; i < EACH; i++)
			KIT_CHECK(kill(getpid(), sig) == 0);
		kit_sleep(0.002);
		both_say("%d: %d, %d of others", sig, got[sig], wrong);
	}
	sigfillset(&set);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++) {
		KIT_CHECK(pthread_sigqueue(pthread_self(), sig, value) == 0);
		sigemptyset(&set);
		sigaddset(&set, sig);
		both_say(
		    "%d waited for: %d", sig, sigtimedwait(&set, &info, &none));
		both_say("with %d", info.si_value.sival_int);
	}
	sigpending(&set);
	both_say("pending: %d", !sigisemptyset(&set));
	return 0;
}

/* What waits for every signal gets those of the program only. */
static int
read_all_signals(void)
{
	struct timespec some = {0, 300000000};
	struct signalfd_siginfo info;
	sigset_t all;
	int fd;

	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, NULL);
	both_begin();
	fd = signalfd(-1, &all, SFD_NONBLOCK);
	for (double end = kit_now() + 0.2; kit_now() < end;)
		free(malloc(100)); /* in no call that waits */
	errno = 0;
	both_say("signalfd: %zd", read(fd, &info, sizeof(info)));
	both_say("sigtimedwait: %d", sigtimedwait(&all, NULL, &some));
	both_say("errno %d", errno);
	both_say("signalfd: %zd", read(fd, &info, sizeof(info)));
	sigpending(&all);
	both_say("pending: %d", !sigisemptyset(&all));
	raise(SIGRTMAX - 2);
	both_say("sigtimedwait: %d", sigtimedwait(&all, NULL, &some));
	return 0;
}

/* Children ---------------------------------------------------------------- */

static _Atomic int nchildren;

static void
count_child(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	(void)info;
	nchildren++;
}

static int
have_children(void)
{
	struct sigaction act = {.sa_sigaction = count_child};

	act.sa_flags = SA_SIGINFO | SA_RESTART;
	sigaction(SIGCHLD, &act, NULL);
	both_begin();
	errno = 0;
	for (double end = kit_now() + 0.4; kit_now() < end; kit_sleep(0.001)) {
		pid_t pid = waitpid(-1, NULL, WNOHANG);

		if (pid != -1 || errno != ECHILD)
			KIT_FAIL("waitpid: %d", (int)pid);
	}
	both_say("before: %d", nchildren);
	for (int i = 0; i < 5; i++) {
		pid_t pid = fork(), seen;
		int status;

		if (pid == 0) {
			free(malloc(100));
			_exit(40 + i);
		}
		seen = wait(&status);
		both_say("%s child, status %x",
		    seen == pid ? "that" : "another", (unsigned)status);
	}
	both_say("SIGCHLD: %d", nchildren);
	both_say("no more: %d", waitpid(-1, NULL, WNOHANG) == -1);
	return 0;
}

/* Credentials ------------------------------------------------------------- */

/* What any thread of the process, of whoever it is, has in a line. */
static void
say_of_all(const char *field)
{
	char seen[10][80], text[4096], path[64];
	int nseen = 0;

	for (int tid = getpid(); tid < getpid() + 200; tid++) {
		const char *at;
		ssize_t n;
		int fd, i;

		snprintf(path, sizeof(path), "/proc/self/task/%d/status", tid);
		fd = open(path, O_RDONLY);
		n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
		close(fd);
		text[n > 0 ? n : 0] = '\0';
		at = strstr(text, field);
		if (at == NULL)
			continue;
		snprintf(
		    path, sizeof(path), "%.*s", (int)strcspn(at, "\n"), at);
		for (i = 0; i < nseen && strcmp(seen[i], path) != 0; i++)
			continue;
		if (i == nseen && nseen < 10)
			snprintf(seen[nseen++], 80, "%s", path);
	}
	for (int i = 0; i < nseen; i++)
		both_say("%s", seen[i]);
}

static void *
sleep_beside(void *arg)
{
	kit_sleep(1000);
	return arg;
}

static int
give_up_rights(void)
{
	gid_t group = 65531;

	if (geteuid() != 0) {
		both_say("only root can become another");
		return KIT_SKIPPED;
	}
	for (int i = 0; i < 3; i++)
		kit_thread(sleep_beside, NULL);
	both_begin();
	KIT_CHECK(setgroups(1, &group) == 0);
	say_of_all("Groups:");
	KIT_CHECK(setresgid(65532, 65532, 65532) == 0);
	say_of_all("Gid:");
	KIT_CHECK(setresuid(65533, 65533, 65533) == 0);
	say_of_all("Uid:");
	say_of_all("CapEff:");
	both_say("back: %d", setuid(0));
	kit_sleep(0.1);
	say_of_all("Uid:");
	return 0;
}

/* A root without /proc: nothing is collected, and nothing said. */
static int
change_root(void)
{
	char path[] = "root.XXXXXX";

	if (geteuid() != 0) {
		both_say("only root may change it");
		return KIT_SKIPPED;
	}
	both_begin();
	KIT_CHECK(mkdtemp(path) != NULL);
	both_say("chroot: %d %d", chroot(path), chdir("/"));
	both_say("proc: %d", open("/proc/self/status", O_RDONLY));
	kit_sleep(0.2);
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			free(malloc(1000));
			_exit(0);
		}
		both_say("child: %x", (unsigned)kit_wait(pid));
	}
	return 0;
}

/* Copies ------------------------------------------------------------------ */

enum {
	BLOCKS = 60000,
	BLOCK = 1000
};

static long
kib_of(const char *text, const char *field)
{
	const char *at = strstr(text, field);

	KIT_CHECK(at != NULL);
	return strtol(at + strlen(field), NULL, 10);
}

/* Pages that are nobody's but this process's: of a child, what either has
 * written since the fork.
 */
static long
private_kib(void)
{
	char text[4096];
	int fd = open("/proc/self/smaps_rollup", O_RDONLY);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);

	if (n <= 0)
		kit_skip("no smaps_rollup here");
	close(fd);
	text[n] = '\0';
	return kib_of(text, "Private_Clean:") + kib_of(text, "Private_Dirty:");
}

/* Collections beside a child that shares all pages copy few of them. */
static void
copies(void)
{
	static char *volatile blocks[BLOCKS];
	long most = BLOCKS * (long)BLOCK / 1024 / 4, kib;
	pid_t child;

	for (size_t i = 0; i < BLOCKS; i++)
		blocks[i] = memset(malloc(BLOCK), 1, BLOCK);
	both_begin();
	kit_sleep(0.1);
	child = kit_fork();
	if (child == 0) {
		kit_sleep(0.5);
		kib = private_kib();
		if (kib > most)
			KIT_FAIL("%ld KiB were copied, at most %ld", kib, most);
		_exit(0);
	}
	kit_reap(child);
	for (size_t i = 0; i < BLOCKS; i++)
		KIT_CHECK(blocks[i][BLOCK - 1] == 1);
}

/* Ends -------------------------------------------------------------------- */

static void
end_so(int how)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	both_begin();
	if (how == 0)
		exit(3);
	else if (how == 1)
		_exit(4);
	else if (how == 2)
		abort();
	else if (how == 3)
		raise(SIGTERM);
	else if (how == 4)
		*(volatile int *)16 = 1; /* a fault is the program's own */
	else if (how == 5)
		quick_exit(6);
	else
		pthread_exit(NULL); /* the others never end: by alarm */
}

static int
end_all_ways(void)
{
	for (int how = 0; how < 7; how++) {
		pid_t pid = fork();

		if (pid == 0) {
			signal(SIGALRM, SIG_DFL);
			if (how == 6)
				ualarm(300000, 0);
			end_so(how);
		}
		both_say("%d: %x", how, (unsigned)kit_wait(pid));
	}
	return 0;
}

/* Unwinding --------------------------------------------------------------- */

static int
ask_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	(void)size;
	*(size_t *)arg += info->dlpi_phnum;
	free(malloc(300)); /* with the loader's lock */
	return 0;
}

static void *
unwind_often(void *arg)
{
	void *frames[20];
	size_t n = 0;

	for (int i = 0; i < 2000; i++) {
		char **names = NULL;

		KIT_CHECK(backtrace(frames, 20) > 1);
		if (i % 100 == 0)
			names = backtrace_symbols(frames, 3);
		free(names);
		KIT_CHECK(dl_iterate_phdr(ask_object, &n) == 0 && n > 0);
	}
	return arg;
}

static int
unwind(void)
{
	pthread_t threads[4];

	both_begin();
	for (int i = 0; i < 4; i++)
		threads[i] = kit_thread(unwind_often, NULL);
	for (int i = 0; i < 4; i++)
		kit_join(threads[i]);
	both_say("done");
	return 0;
}

/* Cases ------------------------------------------------------------------- */

#define SAME(name, body, option)                                               \
	static void name(void)                                                 \
	{                                                                      \
		setenv("GCM_CONCURRENT", option, 1);                           \
		both_same(body, 2, 0);                                         \
	}
SAME(all_signals, "all-signals", "auto")
SAME(every_signal, "every-signal", "auto")
SAME(children, "children", "fork")
SAME(credentials, "credentials", "auto")
SAME(credentials_fork, "credentials", "fork")
SAME(root, "root", "auto")
SAME(ends, "ends", "auto")
SAME(unwinding, "unwind", "auto")

int
main(int argc, char **argv)
{
	enum {
		P = KIT_PLAIN | KIT_PARALLEL
	};
	static const struct kit_case cases[] = {
	    {"all-signals", all_signals, P, 0},
	    {"every-signal", every_signal, P, 0},
	    {"children", children, P, 0},
	    {"credentials", credentials, P, 0},
	    {"credentials-by-snapshot", credentials_fork, P, 0},
	    {"root", root, P, 0},
	    {"ends", ends, P, 0},
	    {"copies", copies, KIT_PARALLEL, 0},
	    {"unwinding", unwinding, P, 0},
	    {NULL, NULL, 0, 0},
	};
	static const struct both_body bodies[] = {
	    {"all-signals", use_all_signals},
	    {"every-signal", read_all_signals},
	    {"children", have_children},
	    {"credentials", give_up_rights},
	    {"root", change_root},
	    {"ends", end_all_ways},
	    {"unwind", unwind},
	    {NULL, NULL},
	};

	return both_main(argc, argv, cases, bodies);
}
