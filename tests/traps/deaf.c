/* deaf.c -- beside a thread that has all signals blocked behind our back
 *
 * MODEL   libc's helper for SIGEV_THREAD begins with all signals blocked and
 *         lives on; so does one for aio while an order is open.  No stop can
 *         succeed then.  A busy thread of the program must not stand still for
 *         it: it never sleeps, so each stop of it is a voluntary switch of its
 *         own.  Once nobody is deaf any more there are collections again.
 *
 * RED     B3: without gcm_stop_is_hopeless (scan/stop.c, scan/scanner.c)
 *         "timer-helper" printed "stopped 19 times", order-helper 34,
 * own-thread 33; with intervals that do not grow (core/cycle_thread.c)
 *         "order-helper" printed "111 tries"; without has_deaf (scan/stop.c)
 *         "comers" printed "125 stops, the shortest 20
 *         ms".
 */
#define _GNU_SOURCE
#include <aio.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/arch.h"
#include "include/gcmalloc.h"
#include "tests/stress/kit.h"

enum {
	STOPS_MOST = 3, /* until it is known: one, two on a busy machine */
	COMERS = 20,
	TRIES_MOST = 50 /* of a second, in ever longer intervals */
};

#define DEADLINE_S 0.02 /* of a stop */

static struct gcm_stats
read_stats(void)
{
	struct gcm_stats stats;

	KIT_CHECK(gcm_stats(&stats, sizeof(stats)) == 0);
	return stats;
}

static void
drop_some(void)
{
	for (int i = 0; i < 10; i++)
		*(volatile char *)malloc(2000) = 1;
}

static void
await_cycles(unsigned count)
{
	uint64_t until = read_stats().cycles + count;
	double patience = kit_now() + 30;

	while (read_stats().cycles < until) {
		drop_some();
		kit_sleep(0.002);
		if (kit_now() > patience)
			KIT_FAIL("no collection");
	}
}

static long
count_switches(void)
{
	struct rusage usage;

	KIT_CHECK(getrusage(RUSAGE_THREAD, &usage) == 0);
	return usage.ru_nvcsw;
}

static _Atomic bool busy, watched;

struct stops {
	long count;
	double shortest; /* of the first ones while watched, seconds */
};

/* Its stops, while it computes. */
static void *
compute(void *arg)
{
	struct stops *stops = arg;
	long first = count_switches(), before = first, now;
	double last = kit_now(), gap = 0;

	stops->shortest = 1;
	while (busy) {
		double here, gap_before = gap;

		now = count_switches();
		here = kit_now();
		gap = here - last;
		if (now != before && watched) {
			/* The count may have been read before it. */
			if (gap < gap_before)
				gap = gap_before;
			if (gap < stops->shortest)
				stops->shortest = gap;
			watched = false;
		}
		before = now;
		last = here;
	}
	stops->count = before - first;
	return NULL;
}

/* While the deaf one is there: tries, and next to no stops. */
static void
go_on_beside(double seconds)
{
	struct gcm_stats before = read_stats(), after;
	double until = kit_now() + seconds;
	struct stops stops;
	pthread_t thread;

	busy = true;
	thread = kit_thread(compute, &stops);
	while (kit_now() < until) {
		drop_some();
		kit_sleep(0.001);
	}
	busy = false;
	kit_join(thread);
	after = read_stats();
	if (after.cycles != before.cycles ||
	    after.abandoned == before.abandoned)
		KIT_FAIL("%d cycles, %d given up",
		    (int)(after.cycles - before.cycles),
		    (int)(after.abandoned - before.abandoned));
	if (after.abandoned - before.abandoned > TRIES_MOST)
		KIT_FAIL("%d tries", (int)(after.abandoned - before.abandoned));
	if (stops.count > STOPS_MOST)
		KIT_FAIL("stopped %ld times", stops.count);
}

static void
hear_nothing(union sigval value)
{
	(void)value;
}

static void
timer_helper(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_THREAD};
	struct itimerspec often = {{0, 10000000}, {0, 10000000}};
	timer_t timer;

	event.sigev_notify_function = hear_nothing;
	await_cycles(2);
	KIT_CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	go_on_beside(0.5);
	/* It starts threads now, which are deaf for a moment. */
	KIT_CHECK(timer_settime(timer, 0, &often, NULL) == 0);
	go_on_beside(0.5);
}

static void
order_helper(void)
{
	static struct aiocb order;
	const struct aiocb *list[1] = {&order};
	static char byte;
	int ends[2];

	KIT_CHECK(pipe(ends) == 0);
	order.aio_fildes = ends[0];
	order.aio_buf = &byte;
	order.aio_nbytes = 1;
	await_cycles(2);
	KIT_CHECK(aio_read(&order) == 0);
	go_on_beside(1);
	KIT_CHECK(write(ends[1], "x", 1) == 1);
	KIT_CHECK(aio_suspend(list, 1, NULL) == 0);
	await_cycles(3); /* the helper ends after a while */
}

/* By the program's own instruction; and it runs. */
static void
set_mask_raw(uint64_t mask)
{
	gcm_arch_syscall(
	    SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, 8, 0, 0);
}

static _Atomic int stage;

static void *
be_deaf(void *arg)
{
	set_mask_raw(UINT64_MAX);
	for (stage = 1; stage != 2;)
		continue;
	/* Who waits is stopped without a signal. */
	for (stage = 3; stage != 4;)
		poll(NULL, 0, 20);
	return arg;
}

static void
own_thread(void)
{
	pthread_t thread;

	await_cycles(2);
	thread = kit_thread(be_deaf, NULL);
	while (stage != 1)
		kit_sleep(0.001);
	go_on_beside(1);
	stage = 2;
	while (stage != 3)
		kit_sleep(0.001);
	await_cycles(3);
	stage = 4;
	kit_join(thread);
	await_cycles(3);
}

/* Each is another one, asleep: that is seen before the deadline. */
static void *
be_deaf_for_a_while(void *arg)
{
	struct timespec nap = {0, 100000000};

	set_mask_raw(UINT64_MAX);
	stage = 1;
	gcm_arch_syscall(SYS_nanosleep, (long)&nap, 0, 0, 0, 0, 0);
	set_mask_raw(0);
	return arg;
}

static void
comers(void)
{
	struct stops stops;
	pthread_t thread;

	await_cycles(2);
	busy = true;
	thread = kit_thread(compute, &stops);
	for (int i = 0; i < COMERS; i++) {
		pthread_t deaf;

		stage = 0;
		deaf = kit_thread(be_deaf_for_a_while, NULL);
		while (stage != 1)
			continue;
		drop_some();
		watched = true;
		(void)gcm_collect();
		kit_join(deaf);
	}
	busy = false;
	kit_join(thread);
	if (stops.shortest > DEADLINE_S / 2)
		KIT_FAIL("%ld stops, the shortest %.0f ms", stops.count,
		    stops.shortest * 1000);
	await_cycles(2);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"timer-helper", timer_helper, 0, 0},
	    {"order-helper", order_helper, 0, 0},
	    {"own-thread", own_thread, 0, 0},
	    {"comers", comers, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_INTERVAL", "5ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	setenv("GCM_GRACE", "0", 1);
	return kit_main(argc, argv, cases);
}
