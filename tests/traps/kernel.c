/* kernel.c -- addresses that only the kernel has
 *
 * Seen red:
 * A7: without read_sets in scan/kernel.c: epoll, epoll-moved: "lost: 64 of 64
 *     blocks"; epoll-without-main: "lost: 63 of 64 blocks".
 * A7: without the look at events in mark_given in scan/root.c: epoll-kept:
 *     "lost: 32 of 64 blocks".
 * A8: without the read of /proc/self/timers in scan/kernel.c: timer: "not so:
 *     whole".
 * A7, A8: without expect_left in preload/flight_call.c: epoll-number: "lost: 64
 *     of 64 blocks"; timer-number: "not so: whole".
 * A snapshot that asks the kernel itself: epoll-snapshot: "not so: stats.cycles
 *     > 3".
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/traps/block.h"

enum {
	BLOCKS = BLOCK_MANY,
	VALUES = 2000 /* more than are remembered by themselves */
};

/* One end, by many numbers, each with a block of its own. */
__attribute__((noinline)) static void
leave_in_epoll(int set, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	for (int i = 0; i < BLOCKS; i++) {
		event.data.ptr = block_new();
		KIT_CHECK(epoll_ctl(set, EPOLL_CTL_ADD, dup(fd), &event) == 0);
		block_forget(&event.data.ptr);
	}
}

__attribute__((noinline)) static void
leave_by_number(int set, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	for (int i = 0; i < BLOCKS; i++) {
		event.data.ptr = block_new();
		KIT_CHECK(syscall(SYS_epoll_ctl, set, EPOLL_CTL_ADD, dup(fd),
			      &event) == 0);
		block_forget(&event.data.ptr);
	}
}

static void
hand_over_many(int set)
{
	struct epoll_event event = {.events = EPOLLIN};
	int ends[2];

	KIT_CHECK(pipe(ends) == 0);
	KIT_CHECK(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event) == 0);
	for (int i = 0; i < VALUES; i++)
		KIT_CHECK(epoll_ctl(set, EPOLL_CTL_MOD, ends[0], &event) == 0);
}

static void
check_events(int set)
{
	struct epoll_event events[BLOCKS + 1];
	struct block_count count = {0, 0};
	int n = epoll_wait(set, events, BLOCKS + 1, 1000);

	KIT_CHECK(n == BLOCKS);
	for (int i = 0; i < n; i++)
		block_count(&count, events[i].data.ptr, BLOCK_BYTES);
	block_judge(&count);
}

static void
epoll(void)
{
	int set = epoll_create1(0), ends[2];

	KIT_CHECK(set >= 0 && pipe(ends) == 0);
	leave_in_epoll(set, ends[0]);
	hand_over_many(set);
	block_await_cycles();
	KIT_CHECK(write(ends[1], "", 1) == 1);
	check_events(set);
}

static void
epoll_number(void)
{
	int set = epoll_create1(0), ends[2];

	KIT_CHECK(set >= 0 && pipe(ends) == 0);
	leave_by_number(set, ends[0]);
	block_await_cycles();
	KIT_CHECK(write(ends[1], "", 1) == 1);
	check_events(set);
}

/* The set is known by another number later. */
static void
epoll_moved(void)
{
	int set = epoll_create1(0), ends[2], other;

	KIT_CHECK(set >= 0 && pipe(ends) == 0);
	leave_in_epoll(set, ends[0]);
	hand_over_many(set);
	other = dup(set);
	KIT_CHECK(other >= 0 && close(set) == 0);
	KIT_CHECK(open("/dev/null", O_RDONLY) == set); /* taken by a file */
	block_await_cycles();
	KIT_CHECK(write(ends[1], "", 1) == 1);
	check_events(other);
}

/* What epoll_wait returned stays as it is: entries of 12 bytes, so that every
 * other address lies across two words.
 */
static struct epoll_event *kept;

static void
epoll_kept(void)
{
	int set = epoll_create1(0), ends[2];
	struct block_count count = {0, 0};

	kept = malloc(BLOCKS * sizeof(*kept));
	KIT_CHECK(set >= 0 && pipe(ends) == 0);
	leave_in_epoll(set, ends[0]);
	hand_over_many(set);
	KIT_CHECK(write(ends[1], "", 1) == 1);
	KIT_CHECK(epoll_wait(set, kept, BLOCKS, 1000) == BLOCKS);
	KIT_CHECK(close(set) == 0);
	block_await_cycles();
	for (int i = 0; i < BLOCKS; i++)
		block_count(&count, kept[i].data.ptr, BLOCK_BYTES);
	block_judge(&count);
}

/* A snapshot has none of the program's descriptors. */
static void
epoll_snapshot(void)
{
	char flag[] = "--case", name[] = "epoll-snapshot";
	char self[] = "/proc/self/exe", *argv[] = {self, flag, name, NULL};
	struct gcm_stats stats;

	if (getenv("GCM_CONCURRENT") == NULL) {
		setenv("GCM_CONCURRENT", "fork", 1);
		execv(self, argv);
		KIT_FAIL("execv");
	}
	epoll();
	if (gcm_stats(&stats, sizeof(stats)) == 0)
		KIT_CHECK(stats.cycles > 3);
}

static pthread_t first;

static void *
go_on_alone(void *arg)
{
	kit_join(first);
	epoll();
	exit(0);
	return arg;
}

/* The first thread has left, and what /proc says of it is empty. */
static void
epoll_without_main(void)
{
	first = pthread_self();
	kit_thread(go_on_alone, NULL);
	pthread_exit(NULL);
}

static volatile sig_atomic_t arrived, whole;

static void
take_value(int number, siginfo_t *info, void *context)
{
	(void)number;
	(void)context;
	whole = block_is_whole(info->si_value.sival_ptr);
	arrived = 1;
}

__attribute__((noinline)) static void
leave_in_timer(timer_t *timer)
{
	struct sigevent event = {
	    .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

	event.sigev_value.sival_ptr = block_new();
	KIT_CHECK(timer_create(CLOCK_MONOTONIC, &event, timer) == 0);
	block_forget(&event.sigev_value.sival_ptr);
}

static void
timer(void)
{
	struct sigaction action = {
	    .sa_sigaction = take_value, .sa_flags = SA_SIGINFO};
	struct itimerspec when = {.it_value = {.tv_nsec = 1}};
	struct sigevent other = {.sigev_notify = SIGEV_NONE};
	timer_t timer, another;

	KIT_CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	leave_in_timer(&timer);
	for (int i = 0; i < VALUES; i++)
		KIT_CHECK(
		    timer_create(CLOCK_MONOTONIC, &other, &another) == 0 &&
		    timer_delete(another) == 0);
	block_await_cycles();
	KIT_CHECK(timer_settime(timer, 0, &when, NULL) == 0);
	while (!arrived)
		usleep(1000);
	KIT_CHECK(whole);
}

__attribute__((noinline)) static void
leave_timer_by_number(int *timer)
{
	struct sigevent event = {
	    .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};

	event.sigev_value.sival_ptr = block_new();
	KIT_CHECK(
	    syscall(SYS_timer_create, CLOCK_MONOTONIC, &event, timer) == 0);
	block_forget(&event.sigev_value.sival_ptr);
}

static void
timer_number(void)
{
	struct sigaction action = {
	    .sa_sigaction = take_value, .sa_flags = SA_SIGINFO};
	struct itimerspec when = {.it_value = {.tv_nsec = 1}};
	int timer;

	KIT_CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	leave_timer_by_number(&timer);
	block_await_cycles();
	KIT_CHECK(syscall(SYS_timer_settime, timer, 0, &when, NULL) == 0);
	while (!arrived)
		usleep(1000);
	KIT_CHECK(whole);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"epoll", epoll, 0, 0},
	    {"epoll-moved", epoll_moved, 0, 0},
	    {"epoll-kept", epoll_kept, 0, 0},
	    {"epoll-snapshot", epoll_snapshot, 0, 0},
	    {"epoll-without-main", epoll_without_main, 0, 0},
	    {"timer", timer, 0, 0},
	    {"epoll-number", epoll_number, 0, 0},
	    {"timer-number", timer_number, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return block_main(argc, argv, cases);
}
