/* stops.c -- threads are stopped wherever they are, and none notices
 *
 * MODEL   A body has many threads, each busy with one kind of thing, while
 *         collections run as often as they can.  Each keeps blocks with
 *         cookies, and no call of it may fail as if a signal had come.
 *
 * RED     B3: with gcm_signal_open of preload/signal.c leaving sets alone
 *         "sixteen" printed "3 of 27 given up, the last: ... (abandoned: a
 *         thread did not stop)".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/arch.h"
#include "tests/collect/child.h"

enum {
	KEPT = 20,
	MANY = 300,
	PIPE_TEXT = 8
};

static atomic_bool stop;
static atomic_uint nwaits;
static double run_s;
static int silent_pipe[2], noisy_pipe[2];

struct kept {
	struct kit_block blocks[KEPT];
	struct kit_rng rng;
	unsigned number;
};

static void
keep_new(struct kept *kept, unsigned number)
{
	kept->number = number;
	kept->rng = kit_rng_new(number);
	for (size_t i = 0; i < KEPT; i++)
		kit_block_new(&kept->blocks[i], &kept->rng, 8 + 20 * i, number);
}

/* Free some, lose some, make others. */
static void
keep_moving(struct kept *kept)
{
	for (size_t i = 0; i < 4; i++) {
		size_t place = kit_below(&kept->rng, KEPT);

		kit_block_check(&kept->blocks[place]);
		if (i % 2 == 0)
			kit_block_free(&kept->blocks[place]);
		kit_block_new(&kept->blocks[place], &kept->rng,
		    kit_size(&kept->rng, 1500), kept->number);
	}
}

static void
keep_check(const struct kept *kept)
{
	for (size_t i = 0; i < KEPT; i++)
		kit_block_check(&kept->blocks[i]);
}

/* Kinds of threads: one step each.
 * -------------------------------------------- */

static void
step_run(void)
{
	for (volatile size_t i = 0; i < 20000; i++)
		continue;
}

static void
step_poll(void)
{
	struct pollfd fd = {.fd = silent_pipe[0], .events = POLLIN};
	int n = poll(&fd, 1, 30);

	if (n != 0)
		KIT_FAIL("poll: %d", n);
}

static void
step_select(void)
{
	struct timeval wait = {.tv_usec = 30000};
	int n = select(0, NULL, NULL, NULL, &wait);

	if (n != 0)
		KIT_FAIL("select: %d", n);
}

static void
step_read(void)
{
	char text[PIPE_TEXT];
	ssize_t n = read(noisy_pipe[0], text, sizeof(text));

	if (n != PIPE_TEXT)
		KIT_FAIL("read: %zd", n);
}

static void
step_futex(void)
{
	struct timespec wait = {.tv_nsec = 30000000};
	int word = 5;

	errno = 0;
	if (syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 5, &wait, NULL, 0) !=
		-1 ||
	    errno != ETIMEDOUT)
		KIT_FAIL("futex");
}

static void
step_nanosleep(void)
{
	struct timespec wait = {.tv_nsec = 30000000};

	if (nanosleep(&wait, &wait) != 0)
		KIT_FAIL("nanosleep");
}

static void
step_cond(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += 30000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&lock);
	/* That another time comes true first is no matter here. */
	if (pthread_cond_timedwait(&cond, &lock, &until) != ETIMEDOUT)
		KIT_FAIL("pthread_cond_timedwait");
	pthread_mutex_unlock(&lock);
}

static void
step_blocked(void)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	step_run();
}

static void
step_sigtimedwait(void)
{
	struct timespec wait = {.tv_nsec = 30000000};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	errno = 0;
	if (sigtimedwait(&set, NULL, &wait) != -1 || errno != EAGAIN)
		KIT_FAIL("sigtimedwait");
}

static void (*const steps[])(void) = {
    step_run,
    step_poll,
    step_read,
    step_futex,
    step_nanosleep,
    step_blocked,
    step_select,
    step_cond,
    step_sigtimedwait,
};

static void *
run_thread(void *arg)
{
	struct kept kept;
	unsigned number = (unsigned)(uintptr_t)arg;

	keep_new(&kept, number);
	while (!stop) {
		keep_moving(&kept);
		steps[number % KIT_COUNT(steps)]();
		nwaits++;
	}
	keep_check(&kept);
	return NULL;
}

static void *
feed(void *arg)
{
	static const char text[PIPE_TEXT] = "abcdefg";
	unsigned nreaders = (unsigned)(uintptr_t)arg;

	while (!stop) {
		if (write(noisy_pipe[1], text, PIPE_TEXT) != PIPE_TEXT)
			KIT_FAIL("write");
		kit_sleep(0.002);
	}
	for (unsigned i = 0; i < nreaders; i++)
		KIT_CHECK(write(noisy_pipe[1], text, PIPE_TEXT) == PIPE_TEXT);
	return NULL;
}

/* So many blocks that collections begin, and a thread of ours with them. */
static void
begin(void)
{
	KIT_CHECK(pipe(silent_pipe) == 0 && pipe(noisy_pipe) == 0);
	run_s = (double)kit_scale(800, 30000) / 1000;
	for (size_t i = 0; i < 10000; i++)
		*(volatile char *)malloc(1000) = 1;
}

static int
run_many(size_t n)
{
	pthread_t threads[MANY], feeder;
	double began;

	begin();
	feeder = kit_thread(feed, (void *)n);
	for (size_t i = 0; i < n; i++)
		threads[i] = kit_thread_small(run_thread, (void *)i, 128 << 10);
	kit_sleep(run_s);
	began = kit_now();
	stop = true;
	kit_join(feeder);
	for (size_t i = 0; i < n; i++)
		kit_join(threads[i]);
	if (kit_now() - began > 5)
		KIT_FAIL("%.1f s until all had ended", kit_now() - began);
	KIT_CHECK(nwaits >= n);
	return 0;
}

static int
one(void)
{
	struct kept kept;
	double until;

	begin();
	until = kit_now() + run_s;
	keep_new(&kept, 1);
	while (kit_now() < until) {
		keep_moving(&kept);
		step_run();
		step_poll();
		step_futex();
		step_nanosleep();
		step_select();
		step_sigtimedwait();
	}
	step_blocked();
	keep_moving(&kept);
	keep_check(&kept);
	return 0;
}

static int
sixteen(void)
{
	return run_many(16);
}

static int
three_hundred(void)
{
	return run_many(MANY);
}

/* All waiting the same way, none running but the main thread, which waits. */
static int
all_asleep(void)
{
	pthread_t threads[50];

	begin();
	for (size_t i = 0; i < 50; i++)
		threads[i] = kit_thread_small(
		    run_thread, (void *)(1 + KIT_COUNT(steps) * i), 128 << 10);
	kit_sleep(run_s);
	stop = true;
	for (size_t i = 0; i < 50; i++)
		kit_join(threads[i]);
	return 0;
}

/* Threads that come and go
 * ------------------------------------------------------------------------- */

static void *
live_shortly(void *arg)
{
	struct kept kept;

	keep_new(&kept, 7);
	keep_moving(&kept);
	keep_check(&kept);
	return arg;
}

static void *
make_threads(void *arg)
{
	struct kept kept;

	keep_new(&kept, 8);
	while (!stop) {
		pthread_t threads[5];

		for (size_t i = 0; i < 5; i++)
			threads[i] =
			    kit_thread_small(live_shortly, NULL, 64 << 10);
		keep_moving(&kept);
		for (size_t i = 0; i < 5; i++)
			kit_join(threads[i]);
		nwaits += 5;
	}
	keep_check(&kept);
	return arg;
}

static int
churn(void)
{
	pthread_t threads[4];

	begin();
	for (size_t i = 0; i < 4; i++)
		threads[i] = kit_thread(make_threads, NULL);
	kit_sleep(run_s);
	stop = true;
	for (size_t i = 0; i < 4; i++)
		kit_join(threads[i]);
	KIT_CHECK(nwaits > 100);
	return 0;
}

/* Those that cannot answer: cycles are given up, and come back
 * -------------------------------------------------------- */

static void
set_mask_raw(uint64_t mask)
{
	gcm_arch_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0,
	    sizeof(mask), 0, 0);
}

static int
blocked_raw(void)
{
	struct kept kept;
	double until;

	begin();
	until = kit_now() + run_s / 2;
	keep_new(&kept, 1);
	set_mask_raw(UINT64_MAX);
	while (kit_now() < until) {
		keep_moving(&kept);
		step_run();
	}
	set_mask_raw(0);
	body_await(3);
	keep_check(&kept);
	return 0;
}

static void *
vfork_often(void *arg)
{
	struct kept kept;

	keep_new(&kept, 9);
	while (!stop) {
		int status = 1;
		pid_t pid = vfork();

		if (pid == 0) {
			struct timespec wait = {.tv_nsec = 60000000};

			gcm_arch_syscall(
			    SYS_nanosleep, (long)&wait, 0, 0, 0, 0, 0);
			_exit(3);
		}
		if (pid < 0 || waitpid(pid, &status, 0) != pid ||
		    WEXITSTATUS(status) != 3)
			KIT_FAIL("vfork: %d, status %x", (int)pid, status);
		keep_moving(&kept);
		kit_sleep(0.03);
		nwaits++;
	}
	keep_check(&kept);
	return arg;
}

static int
vforks(void)
{
	pthread_t threads[4];

	begin();
	for (size_t i = 0; i < 4; i++)
		threads[i] = kit_thread(i == 0 ? vfork_often : run_thread,
		    (void *)(i + 2 * KIT_COUNT(steps)));
	kit_sleep(run_s);
	stop = true;
	kit_join(threads[0]);
	KIT_CHECK(write(noisy_pipe[1], "abcdefg", PIPE_TEXT) == PIPE_TEXT);
	for (size_t i = 1; i < 4; i++)
		kit_join(threads[i]);
	body_await(2);
	KIT_CHECK(nwaits > 3);
	return 0;
}

static const struct child_body bodies[] = {
    {"one", one},
    {"sixteen", sixteen},
    {"three-hundred", three_hundred},
    {"all-asleep", all_asleep},
    {"churn", churn},
    {"blocked-raw", blocked_raw},
    {"vforks", vforks},
    {NULL, NULL},
};

/* Cases
 * ------------------------------------------------------------------------ */

/* Where many threads want few processors some answer late: there a few in a
 * hundred, and the first, may be given up.
 */
static void
gave_up_few(const struct child *child, int percent, const char *back_end)
{
	unsigned all = child->completed + child->abandoned;
	unsigned most = percent == 0 ? 0 : 1 + all * (unsigned)percent / 100;

	if (child->abandoned > most)
		KIT_FAIL("%s: %u of %u given up, the last: %s", back_end,
		    child->abandoned, all, child->reason);
}

static void
with_each_back_end(const char *body, unsigned completed, int percent)
{
	static const char *const options[][4] = {
	    {"GCM_INTERVAL=5ms", "GCM_MINHEAP=0", "GCM_CONCURRENT=pagemap"},
	    {"GCM_INTERVAL=5ms", "GCM_MINHEAP=0", "GCM_CONCURRENT=fork"},
	    {"GCM_INTERVAL=5ms", "GCM_MINHEAP=0", "GCM_CONCURRENT=off"},
	};

	for (size_t i = 0; i < KIT_COUNT(options); i++) {
		struct child child = {0};

		child_run(&child, body, options[i]);
		if (child.status != 0)
			kit_print("%s:\n", options[i][2]);
		child_is_good(&child, completed);
		gave_up_few(&child, percent, options[i][2]);
	}
}

#define CASE(name, body, completed, percent)                                   \
	static void name(void)                                                 \
	{                                                                      \
		with_each_back_end(body, completed, percent);                  \
	}
CASE(one_thread, "one", 8, 0)
CASE(of_sixteen, "sixteen", 8, 5)
CASE(of_three_hundred, "three-hundred", 3, 10)
CASE(of_sleepers, "all-asleep", 8, 0)
CASE(of_churn, "churn", 4, 5)
CASE(of_blocked, "blocked-raw", 3, 100)
CASE(of_vforks, "vforks", 3, 100)

static const struct kit_case cases[] = {
    {"one", one_thread, KIT_PLAIN, 0},
    {"sixteen", of_sixteen, KIT_PLAIN, 0},
    {"three-hundred", of_three_hundred, KIT_PLAIN, 0},
    {"asleep", of_sleepers, KIT_PLAIN, 0},
    {"churn", of_churn, KIT_PLAIN, 0},
    {"blocked", of_blocked, KIT_PLAIN, 0},
    {"vfork", of_vforks, KIT_PLAIN, 0},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return child_main(argc, argv, cases, bodies);
}
