/* cancelled.c -- cancellation of threads that wait, beside the collector
 *
 * A cancelled thread runs its cleanup handlers from inside the call that it
 * waits in.  A collector that took it for stopped would not see what those
 * have.
 *
 * RED     With a record found by its thread pointer alone (find_by_both in
 *         scan/thread.c) "silent-on-stack" printed "free(): double free".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "tests/stress/kit.h"

static int pipe_ends[2], pair[2], epoll;
static sem_t sem;

static void
open_all(void)
{
	KIT_CHECK(pipe(pipe_ends) == 0);
	KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	epoll = epoll_create1(0);
	sem_init(&sem, 0, 0);
}

static void
in_poll(void)
{
	struct pollfd fd = {pipe_ends[0], POLLIN, 0};

	poll(&fd, 1, -1);
}

static void
in_ppoll(void)
{
	struct pollfd fd = {pipe_ends[0], POLLIN, 0};

	ppoll(&fd, 1, NULL, NULL);
}

static void
in_select(void)
{
	select(0, NULL, NULL, NULL, NULL);
}

static void
in_epoll(void)
{
	struct epoll_event event;

	epoll_wait(epoll, &event, 1, -1);
}

static void
in_sleep(void)
{
	sleep(1000);
}

static void
in_nanosleep(void)
{
	struct timespec t = {1000, 0};

	nanosleep(&t, NULL);
}

static void
in_read(void)
{
	char c;

	if (read(pipe_ends[0], &c, 1) < 0)
		return;
}

static void
in_recv(void)
{
	char c;

	recv(pair[0], &c, 1, 0);
}

static void
in_sem(void)
{
	sem_wait(&sem);
}

static void
in_pause(void)
{
	pause();
}

static void
in_sigwait(void)
{
	sigset_t set;
	int sig;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	sigwait(&set, &sig);
}

static void (*const waits[])(void) = {in_poll, in_ppoll, in_select, in_epoll,
    in_sleep, in_nanosleep, in_read, in_recv, in_sem, in_pause, in_sigwait};

/* A list that only the thread's own frames and the list itself hold. */
struct node {
	struct node *next;
	size_t value;
};

static struct node *
make_list(void)
{
	struct node *head = NULL;

	for (size_t i = 0; i < 100; i++) {
		struct node *node = malloc(sizeof(*node));

		node->value = i;
		node->next = head;
		head = node;
	}
	return head;
}

static _Atomic int ncleaned;
static double cleaning_s = 0.02; /* const once threads run */

/* The list is moved to this function's frame, which lies below that of the
 * wait, and stays there for some collections.
 */
static void
clean_up(void *arg)
{
	struct node **head = arg;
	struct node *volatile mine = *head;
	double until = kit_now() + cleaning_s;
	size_t n = 0;

	*head = NULL;
	while (kit_now() < until)
		free(malloc(100));
	while (mine != NULL) {
		struct node *node = mine;

		KIT_CHECK(node->value == 99 - n++);
		mine = node->next;
		free(node);
	}
	KIT_CHECK(n == 100);
	ncleaned++;
}

static _Atomic int nready;

static void *
wait_for_the_end(void *arg)
{
	struct node *head = NULL;

	pthread_cleanup_push(clean_up, &head);
	head = make_list();
	nready++;
	for (;;)
		waits[(size_t)arg]();
	pthread_cleanup_pop(0);
	return NULL;
}

static _Atomic bool done;

static void *
make_garbage(void *arg)
{
	(void)arg;
	while (!done) {
		for (int i = 0; i < 100; i++)
			*(volatile char *)malloc((size_t)i * 8 + 8) = 1;
		kit_sleep(0.001);
	}
	return NULL;
}

/* Each call, cancelled early (before it waits) and late. */
static void
in_each(void)
{
	pthread_t threads[KIT_COUNT(waits)];
	pthread_t garbage = kit_thread(make_garbage, NULL);
	long rounds = kit_scale(12, 500);

	open_all();
	for (long round = 0; round < rounds; round++) {
		nready = 0;
		ncleaned = 0;
		for (size_t i = 0; i < KIT_COUNT(waits); i++)
			threads[i] = kit_thread(wait_for_the_end, (void *)i);
		while (nready < (int)KIT_COUNT(waits))
			kit_sleep(0.0001);
		if (round % 2 == 0)
			kit_sleep(0.003);
		for (size_t i = 0; i < KIT_COUNT(waits); i++)
			KIT_CHECK(pthread_cancel(threads[i]) == 0);
		for (size_t i = 0; i < KIT_COUNT(waits); i++)
			KIT_CHECK(kit_join(threads[i]) == PTHREAD_CANCELED);
		KIT_CHECK(ncleaned == (int)KIT_COUNT(waits));
	}
	done = true;
	kit_join(garbage);
}

/* Cancelled while it has that disabled: it waits on undisturbed, and ends once
 * it may.
 */
static void *
wait_on(void *arg)
{
	struct node *head = NULL;
	struct pollfd fd = {pipe_ends[0], POLLIN, 0};
	int state;

	(void)arg;
	KIT_CHECK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state) == 0);
	KIT_CHECK(state == PTHREAD_CANCEL_ENABLE);
	nready++;
	for (int i = 0; i < 5; i++)
		KIT_CHECK(poll(&fd, 1, 40) == 0);
	head = make_list();
	pthread_cleanup_push(clean_up, &head);
	KIT_CHECK(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state) == 0);
	KIT_CHECK(state == PTHREAD_CANCEL_DISABLE);
	poll(&fd, 1, -1);
	KIT_FAIL("poll returned");
	pthread_cleanup_pop(0);
	return NULL;
}

static void
disabled(void)
{
	pthread_t garbage = kit_thread(make_garbage, NULL);
	pthread_t threads[10];

	open_all();
	for (int i = 0; i < 10; i++)
		threads[i] = kit_thread(wait_on, NULL);
	while (nready < 10)
		kit_sleep(0.001);
	kit_sleep(0.02);
	for (int i = 0; i < 10; i++)
		KIT_CHECK(pthread_cancel(threads[i]) == 0);
	for (int i = 0; i < 10; i++)
		KIT_CHECK(kit_join(threads[i]) == PTHREAD_CANCELED);
	KIT_CHECK(ncleaned == 10);
	done = true;
	kit_join(garbage);
}

/* A thread that has called nothing of ours yet. */
static _Atomic int spun;

static void *
spin_first(void *arg)
{
	spun = 1;
	while (spun != 2)
		continue;
	in_poll();
	return arg;
}

static void
without_record(void)
{
	open_all();
	for (int i = 0; i < 100; i++) {
		pthread_t thread;

		spun = 0;
		thread = kit_thread(spin_first, NULL);
		while (spun != 1)
			continue;
		KIT_CHECK(pthread_cancel(thread) == 0);
		spun = 2;
		KIT_CHECK(kit_join(thread) == PTHREAD_CANCELED);
	}
}

/* One that ended unnoticed, or has ended and is cancelled late: the next thread
 * on its stack has nothing of that.
 */
static void *
end_now(void *arg)
{
	spun = 1;
	return arg;
}

static void *
sleep_whole(void *arg)
{
	struct timespec t = {0, 30000000};

	KIT_CHECK(nanosleep(&t, NULL) == 0);
	KIT_CHECK(poll(NULL, 0, 30) == 0);
	return arg;
}

static void
too_late(void)
{
	pthread_t garbage = kit_thread(make_garbage, NULL);

	for (int i = 0; i < 10; i++) {
		pthread_t thread = kit_thread(end_now, NULL);

		kit_sleep(0.005);
		KIT_CHECK(pthread_cancel(thread) == 0);
		kit_join(thread);
		kit_join(kit_thread(sleep_whole, NULL));
	}
	done = true;
	kit_join(garbage);
}

/* One that left by the system call alone has told nobody: its record, with the
 * same thread pointer, is not that of the next thread on its stack.
 */
static void *
leave_silently(void *arg)
{
	struct timespec t = {0, 1000000};

	nanosleep(&t, NULL);
	syscall(SYS_exit, 0);
	return arg;
}

/* The first that it asks of the heap is in its cleanup, below its wait. */
static void
list_and_clean(void *arg)
{
	struct node *head = make_list();

	clean_up(&head);
	(void)arg;
}

static void *
spin_then_wait(void *arg)
{
	pthread_cleanup_push(list_and_clean, NULL);
	spun = 1;
	while (spun != 2)
		continue;
	in_nanosleep();
	pthread_cleanup_pop(0);
	return arg;
}

static void
silent_on_stack(void)
{
	pthread_t garbage;
	int nshared = 0;

	cleaning_s = 0.1;
	garbage = kit_thread(make_garbage, NULL);
	for (int i = 0; i < 10; i++) {
		pthread_t silent = kit_thread(leave_silently, NULL), next;

		kit_join(silent);
		spun = 0;
		next = kit_thread(spin_then_wait, NULL);
		nshared += next == silent;
		while (spun != 1)
			continue;
		KIT_CHECK(pthread_cancel(next) == 0);
		spun = 2;
		KIT_CHECK(kit_join(next) == PTHREAD_CANCELED);
	}
	KIT_CHECK(nshared > 0 && ncleaned == 10);
	done = true;
	kit_join(garbage);
}

static void *
spin_for_ever(void *arg)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	for (spun = 1; spun == 1;)
		continue;
	return arg;
}

static void
other_on_stack(void)
{
	pthread_t garbage = kit_thread(make_garbage, NULL);

	for (int i = 0; i < 10; i++) {
		pthread_t thread;

		spun = 0;
		thread = kit_thread(spin_for_ever, NULL);
		while (spun != 1)
			continue;
		KIT_CHECK(pthread_cancel(thread) == 0);
		KIT_CHECK(kit_join(thread) == PTHREAD_CANCELED);
		kit_join(kit_thread(sleep_whole, NULL));
	}
	done = true;
	kit_join(garbage);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"in-each", in_each, KIT_PARALLEL, 0},
	    {"disabled", disabled, KIT_PARALLEL, 0},
	    {"without-record", without_record, KIT_PARALLEL, 0},
	    {"too-late", too_late, KIT_PARALLEL, 0},
	    {"other-on-stack", other_on_stack, KIT_PARALLEL, 0},
	    {"silent-on-stack", silent_on_stack, KIT_PARALLEL, 0},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_INTERVAL", "5ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	setenv("GCM_GRACE", "0", 1);
	setenv("GCM_DEBUG", "poison=1", 1);
	return kit_main(argc, argv, cases);
}
