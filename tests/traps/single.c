/* single.c -- a single-threaded program stays one, and finds nothing changed
 *
 * MODEL   A small program never has a second thread.  A large one may have
 *         one for a while, but what only a single-threaded process may do
 *         (unshare, setns), what goes to every thread (setuid) and what
 *         counts threads after a fork finds one.  Signals, timers, children,
 *         keys: all as a plain program has them.
 *
 * RED     B6: with gcm_heap_stop_threads of core/heap.c empty
 *         "unshare-at-once" printed "unshare with 3 threads"; with its brother
 *         for forks empty "fork-finds-one-thread" printed "3 threads after
 *         fork, 4.0 s left".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <malloc.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/single_threaded.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/stress/kit.h"

/* Fills and frees: 3 MB make a small program, 300 MB a large one. */
static void
use(size_t megabytes)
{
	static void *blocks[400000];
	size_t n = megabytes * 1048576 / 1000;

	for (size_t i = 0; i < n; i++)
		blocks[i] = memset(malloc(1000), 1, 1000);
	for (size_t i = 0; i < n; i++)
		free(blocks[i]);
}

static void
small_has_one_task(void)
{
	KIT_CHECK(kit_ntasks() == 1);
	for (int i = 0; i < 40; i++) {
		use(3);
		KIT_CHECK(kit_ntasks() == 1);
		kit_sleep(0.1);
		KIT_CHECK(kit_ntasks() == 1);
	}
}

/* For each delay a child of its own, since what it does lasts; the delays
 * are those at which a scavenger might be anywhere in its life.
 */
static void
for_each_delay(size_t megabytes, void (*act)(void))
{
	static const double delays[] = {0, 0.1, 0.5, 1, 1.7, 2.5, 4, 6};
	size_t step = kit_long() ? 1 : 2;
	pid_t children[KIT_COUNT(delays)];

	for (size_t i = 0; i < KIT_COUNT(delays); i += step) {
		children[i] = kit_fork();
		if (children[i] == 0) {
			use(megabytes);
			kit_sleep(delays[i]);
			act();
			use(megabytes);
			exit(0);
		}
	}
	for (size_t i = 0; i < KIT_COUNT(delays); i += step)
		kit_reap(children[i]);
}

static bool
user_namespaces_allowed(void)
{
	pid_t child = kit_fork();

	if (child == 0)
		_exit(unshare(CLONE_NEWUSER) != 0);
	return kit_wait(child) == 0;
}

static void
act_unshare(void)
{
	if (unshare(CLONE_NEWUSER) != 0)
		KIT_FAIL("unshare with %d threads", kit_ntasks());
}

static void
unshare_small(void)
{
	if (!user_namespaces_allowed())
		kit_skip("no user namespaces");
	for_each_delay(3, act_unshare);
	use(3);
	act_unshare();
}

static void
unshare_large(void)
{
	if (!user_namespaces_allowed())
		kit_skip("no user namespaces");
	for_each_delay(120, act_unshare);
}

/* Without a fork before: a child starts with one thread anyway. */
static void
unshare_at_once(void)
{
	if (!user_namespaces_allowed())
		kit_skip("no user namespaces");
	use(300);
	kit_sleep(1.2);
	act_unshare();
	use(300);
	kit_sleep(1.2);
	KIT_CHECK(kit_ntasks() >= 1);
}

static void
act_setns(void)
{
	int fd = open("/proc/self/ns/mnt", O_RDONLY);

	if (setns(fd, CLONE_NEWNS) != 0)
		KIT_FAIL("setns with %d threads", kit_ntasks());
	close(fd);
}

static void
setns_large(void)
{
	if (geteuid() != 0)
		kit_skip("only root may enter a mount namespace");
	use(150);
	kit_sleep(0.8);
	act_setns();
	for_each_delay(120, act_setns);
}

/* -- credentials: every thread must change, none may block it -- */

static void
act_setuid(void)
{
	double begun = kit_now();

	KIT_CHECK(setgroups(0, NULL) == 0);
	KIT_CHECK(setresgid(65534, 65534, 65534) == 0);
	KIT_CHECK(setresuid(65534, 65534, 65534) == 0);
	KIT_CHECK(kit_now() < begun + 3);
	KIT_CHECK(setuid(0) == -1 && errno == EPERM);
	KIT_CHECK(kit_status("Uid") == 65534);
	kit_sleep(2);
}

static void
setuid_large(void)
{
	if (geteuid() != 0)
		kit_skip("only root may become another");
	for_each_delay(120, act_setuid);
	use(150);
	act_setuid();
}

/* -- what CPython 3.12 does after fork: field 20 of /proc/self/stat -- */

static long
threads_by_stat(void)
{
	char text[1024];
	const char *at;
	int fd = open("/proc/self/stat", O_RDONLY), field = 2;
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	KIT_CHECK(n > 0);
	text[n] = '\0';
	for (at = strrchr(text, ')'); at != NULL && field < 20; field++)
		at = strchr(at + 1, ' ');
	KIT_CHECK(at != NULL);
	return strtol(at, NULL, 10);
}

static void
fork_finds_one_thread(void)
{
	for (int round = 0; round < 2; round++) {
		use(200);
		for (double end = kit_now() + 4; kit_now() < end;) {
			pid_t child = kit_fork();

			if (child == 0)
				_exit(threads_by_stat() != 1);
			if (threads_by_stat() != 1)
				KIT_FAIL("%ld threads after fork, %.1f s left",
				    threads_by_stat(), end - kit_now());
			kit_reap(child);
			kit_sleep(0.03);
		}
	}
}

static void
single_threaded_flag(void)
{
	use(300);
	for (int i = 0; i < 30; i++) {
		KIT_CHECK(__libc_single_threaded);
		kit_sleep(0.1);
	}
	use(300);
	KIT_CHECK(__libc_single_threaded);
}

/* -- nothing of the process's state is changed -- */

static void
check_signals(void)
{
	struct sigaction action;
	sigset_t set;
	stack_t stack;

	for (int sig = 1; sig < NSIG; sig++) {
		if (sigaction(sig, NULL, &action) != 0)
			continue;
		if (action.sa_handler != SIG_DFL)
			KIT_FAIL("signal %d is handled", sig);
	}
	KIT_CHECK(pthread_sigmask(SIG_BLOCK, NULL, &set) == 0);
	KIT_CHECK(sigisemptyset(&set));
	KIT_CHECK(sigpending(&set) == 0 && sigisemptyset(&set));
	KIT_CHECK(sigaltstack(NULL, &stack) == 0);
	KIT_CHECK((stack.ss_flags & SS_DISABLE) != 0);
}

static void
check_rest(void)
{
	static const enum __itimer_which timers[] = {
	    ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF};
	struct itimerval timer;
	char byte;
	int fd = open("/proc/self/timers", O_RDONLY);

	for (size_t i = 0; i < KIT_COUNT(timers); i++) {
		KIT_CHECK(getitimer(timers[i], &timer) == 0);
		KIT_CHECK(timer.it_value.tv_sec == 0);
	}
	KIT_CHECK(fd < 0 || read(fd, &byte, 1) == 0);
	close(fd);
	errno = 0;
	KIT_CHECK(waitpid(-1, NULL, WNOHANG | __WALL) == -1);
	KIT_CHECK(errno == ECHILD);
	KIT_CHECK(prctl(PR_GET_DUMPABLE) == 1);
	KIT_CHECK(prctl(PR_GET_CHILD_SUBREAPER, &fd) == 0 && fd == 0);
}

static void
all_as_it_was(void)
{
	check_signals();
	check_rest();
	use(200);
	for (int i = 0; i < 8; i++) {
		check_signals();
		check_rest();
		kit_sleep(0.5);
	}
}

static void
keys_are_left(void)
{
	pthread_key_t key;
	int n = 0;

	use(3);
	while (pthread_key_create(&key, free) == 0)
		n++;
	if (n < 1020)
		KIT_FAIL("%d of 1024 keys are left", n);
	use(3);
}

/* -- what has to happen at once, with or without a thread of ours -- */

static void
exec_from_large(void)
{
	char name[] = "true";
	char *argv[] = {name, NULL};

	use(300);
	kit_sleep(1);
	execv("/bin/true", argv);
	KIT_FAIL("execv");
}

static void
exit_from_large(void)
{
	static const double delays[] = {0, 0.3, 1, 2};

	for (size_t i = 0; i < KIT_COUNT(delays); i++) {
		pid_t child = kit_fork();
		double asked;

		if (child == 0) {
			use(150);
			kit_sleep(delays[i]);
			raise(SIGSTOP);
			exit(0);
		}
		waitpid(child, NULL, WUNTRACED);
		asked = kit_now();
		kill(child, SIGCONT);
		kit_reap(child);
		KIT_CHECK(kit_now() < asked + 2);
	}
}

int
main(int argc, char **argv)
{
	enum {
		P = KIT_PARALLEL
	};
	static const struct kit_case cases[] = {
	    {"small-has-one-task", small_has_one_task, P, 0},
	    {"unshare-small", unshare_small, P, 0},
	    {"unshare-large", unshare_large, P, 0},
	    {"unshare-at-once", unshare_at_once, P, 0},
	    {"setns-large", setns_large, P, 0},
	    {"setuid-large", setuid_large, P, 0},
	    {"fork-finds-one-thread", fork_finds_one_thread, P, 0},
	    {"single-threaded-flag", single_threaded_flag, P, 0},
	    {"all-as-it-was", all_as_it_was, P, 0},
	    {"keys-are-left", keys_are_left, 0, 0},
	    {"exec-from-large", exec_from_large, P, 0},
	    {"exit-from-large", exit_from_large, P, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
