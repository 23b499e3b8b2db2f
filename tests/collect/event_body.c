/* event_body.c -- programs whose execution trace event.py reads
 *
 *         event_body WHAT      says on standard output what the trace must have
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "include/gcmalloc.h"

#define MIB ((size_t)1 << 20)
#define MASK 0x5a5a5a5a5a5a5a5au
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static atomic_uint nlogs;

static void
need(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "event_body: not so: %s (errno %d)\n", what, errno);
	_exit(99);
}
#define NEED(cond) need((cond), #cond)

static __attribute__((noinline)) void
lose(size_t total)
{
	for (size_t lost = 0; lost < total; lost += 1000)
		memset(malloc(1000), 1, 1000);
}

static void
say(const char *text)
{
	gcm_log(text);
	atomic_fetch_add(&nlogs, 1);
}

static void
rest(long ms)
{
	struct timespec span = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&span, NULL);
}

static void *
lose_in_thread(void *arg)
{
	prctl(PR_SET_NAME, "loser");
	say("begin");
	lose(*(size_t *)arg);
	say("end");
	return NULL;
}

static void
run_threads(size_t total)
{
	pthread_t threads[4];

	for (size_t i = 0; i < COUNT(threads); i++)
		NEED(pthread_create(
			 &threads[i], NULL, lose_in_thread, &total) == 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
}

static int
be_threads(void)
{
	run_threads(40 * MIB);
	NEED(gcm_collect() >= 0);
	rest(100);
	printf("logs %u\n", atomic_load(&nlogs));
	return 42;
}

static int
be_killed(void)
{
	while (getppid() != 1) {
		run_threads(8 * MIB);
		say("round");
		puts("round");
		fflush(stdout);
	}
	return 0;
}

static int
crash(void)
{
	run_threads(20 * MIB);
	say("last words");
	*(volatile int *)(uintptr_t)8 = 1;
	return 0;
}

/* Children ---------------------------------------------------------------- */

static void
reap(pid_t child, int wanted)
{
	int status = -1;

	NEED(child > 0 && waitpid(child, &status, 0) == child);
	NEED(WIFEXITED(status) && WEXITSTATUS(status) == wanted);
}

static int
be_forks(void)
{
	pid_t child;

	for (int i = 0; i < 4; i++) {
		lose(5 * MIB);
		child = fork();
		if (child == 0) {
			lose(12 * MIB);
			say("child");
			exit(0);
		}
		printf("child %d\n", child);
		fflush(stdout);
		reap(child, 0);
	}
	child = fork(); /* silent: _exit */
	if (child == 0)
		_exit(5);
	reap(child, 5);
	child = fork();
	if (child == 0) {
		execl("/bin/true", "true", NULL);
		_exit(6);
	}
	reap(child, 0);
	child = vfork();
	if (child == 0) {
		execl("/bin/true", "true", NULL);
		_exit(6);
	}
	reap(child, 0);
	child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0); /* raw */
	if (child == 0) {
		lose(2 * MIB);
		say("raw child");
		exit(0);
	}
	printf("child %d\n", child);
	fflush(stdout);
	reap(child, 0);
	return 0;
}

static int
be_daemon(void)
{
	int done[2];
	char c;
	pid_t child;

	NEED(pipe(done) == 0);
	child = fork();
	if (child == 0) {
		if (daemon(1, 1) != 0)
			_exit(1);
		lose(20 * MIB);
		say("daemon");
		rest(100);
		printf("child %d\n", getpid());
		exit(0);
	}
	reap(child, 0);
	close(done[1]);
	NEED(read(done[0], &c, 1) == 0); /* it has ended */
	return 0;
}

/* Handlers ---------------------------------------------------------------- */

static void
log_in_handler(int number)
{
	(void)number;
	say("handler");
	say("handler");
}

static void *
log_in_thread(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		say("thread");
		if (i % 8 == 0)
			free(malloc(40000));
	}
	return arg;
}

static int
be_storm(void)
{
	struct itimerval often = {{0, 100}, {0, 100}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {
	    .sa_handler = log_in_handler, .sa_flags = SA_RESTART};
	pthread_t threads[4];

	NEED(sigaction(SIGALRM, &action, NULL) == 0);
	NEED(setitimer(ITIMER_REAL, &often, NULL) == 0);
	for (size_t i = 0; i < COUNT(threads); i++)
		NEED(pthread_create(&threads[i], NULL, log_in_thread, NULL) ==
		     0);
	lose(20 * MIB);
	for (size_t i = 0; i < COUNT(threads); i++)
		pthread_join(threads[i], NULL);
	NEED(setitimer(ITIMER_REAL, &never, NULL) == 0);
	signal(SIGALRM, SIG_IGN);
	rest(10);
	printf("logs %u\n", atomic_load(&nlogs));
	return 0;
}

/* No descriptor is free meanwhile. */
static int
be_scarce(void)
{
	struct rlimit before, none = {3, 0};

	NEED(getrlimit(RLIMIT_NOFILE, &before) == 0);
	none.rlim_max = before.rlim_max;
	none.rlim_cur = 0;
	NEED(setrlimit(RLIMIT_NOFILE, &none) == 0);
	for (int i = 0; i < 50000; i++)
		say("flood");
	NEED(setrlimit(RLIMIT_NOFILE, &before) == 0);
	printf("logs %u\n", atomic_load(&nlogs));
	return 0;
}

/* Not noticed ------------------------------------------------------------- */

static int
count_descriptors(void)
{
	int n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

static int
be_descriptors(void)
{
	int before = count_descriptors();

	errno = 4321;
	say("errno");
	NEED(errno == 4321);
	for (int i = 0; i < 50; i++) {
		lose(2 * MIB);
		NEED(count_descriptors() == before);
	}
	return 7;
}

static int
be_limited(void)
{
	struct rlimit size = {100 << 10, 100 << 10};

	NEED(setrlimit(RLIMIT_FSIZE, &size) == 0);
	for (int i = 0; i < 50000; i++)
		say("more than the limit");
	lose(8 * MIB);
	return 8;
}

/* The reader of a FIFO goes. */
static int
be_piped(void)
{
	say("something");
	puts("ready");
	fflush(stdout);
	(void)getchar();
	for (int i = 0; i < 50000; i++)
		say("nobody reads");
	lose(8 * MIB);
	return 9;
}

static int
be_confined(void)
{
	struct sock_filter steps[] = {
	    {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
	    {BPF_JMP | BPF_JEQ | BPF_K, 3, 0, SYS_openat},
	    {BPF_JMP | BPF_JEQ | BPF_K, 2, 0, SYS_gettid},
	    {BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_rt_sigpending},
	    {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
	    {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_KILL},
	};
	struct sock_fprog prog = {COUNT(steps), steps};

	lose(8 * MIB);
	say("before");
	NEED(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	NEED(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == 0);
	say("behind");
	lose(8 * MIB);
	return 10;
}

static int
be_jailed(void)
{
	char here[] = "jail";

	NEED(mkdir(here, 0700) == 0 || errno == EEXIST);
	say("outside");
	if (chroot(here) != 0)
		return 77;
	NEED(chdir("/") == 0);
	lose(8 * MIB);
	say("inside");
	return 11;
}

/* A block is freed that seemed unreachable. */
static volatile uintptr_t hidden[64];

static __attribute__((noinline)) void
hide(void)
{
	for (size_t i = 0; i < COUNT(hidden); i++)
		hidden[i] = (uintptr_t)memset(malloc(500), 7, 500) ^ MASK;
}

static int
be_late(void)
{
	struct gcm_stats stats;
	uint64_t before;

	lose(8 * MIB);
	NEED(gcm_collect() >= 0);
	hide();
	gcm_stats(&stats, sizeof(stats));
	before = stats.cycles;
	do { /* with a grace of three they are there then */
		lose(100000);
		rest(1);
		gcm_stats(&stats, sizeof(stats));
	} while (stats.cycles < before + 2);
	for (size_t i = 0; i < COUNT(hidden); i++)
		free((void *)(hidden[i] ^ MASK));
	gcm_stats(&stats, sizeof(stats));
	printf("late %d\n", (int)stats.late_frees);
	fflush(stdout);
	_exit(12);
}

static int
be_quiet(void)
{
	for (int i = 0; i < 10; i++) {
		free(malloc(100));
		rest(50);
	}
	return 13;
}

/* Allocates, collects, and does some work of its own: for what a trace costs.
 */
static int
be_busy(void)
{
	unsigned int sum = 0;

	for (int i = 0; i < 12; i++) {
		lose(8 * MIB);
		for (unsigned int j = 0; j < 3000000; j++)
			sum = sum * 31 + j;
	}
	return sum == 1 ? 1 : 0;
}

static const struct {
	const char *name;
	int (*run)(void);
} bodies[] = {
    {"threads", be_threads},
    {"forever", be_killed},
    {"crash", crash},
    {"forks", be_forks},
    {"daemon", be_daemon},
    {"storm", be_storm},
    {"scarce", be_scarce},
    {"descriptors", be_descriptors},
    {"limited", be_limited},
    {"piped", be_piped},
    {"confined", be_confined},
    {"jailed", be_jailed},
    {"late", be_late},
    {"quiet", be_quiet},
    {"busy", be_busy},
};

int
main(int argc, char **argv)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	for (size_t i = 0; argc == 2 && i < COUNT(bodies); i++)
		if (strcmp(bodies[i].name, argv[1]) == 0)
			return bodies[i].run();
	return 98;
}
