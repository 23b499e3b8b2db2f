/* kernel.c -- cells whose only address is in the kernel for a while: epoll
 * sets, pipes and sockets, timers, queued signals
 *
 * MODEL   The functions that hand an address over are not inlined and keep no
 *         copy, the kernel gives it back, the cell is checked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "tests/soak/soak.h"

enum {
	BUSY = 24,        /* connections that something comes from */
	CONNECTIONS = 40, /* the others are silent until the end */
	FLYING = 40,
	TIMERS = 8
};

/* Epoll: a connection is known to its set alone
 * ------------------------------------------------------------------- */

struct connection {
	struct cell *cell;
	int fd;
};

static __attribute__((noinline)) void
connect_one(int set, int op, int fd, struct kit_rng *rng)
{
	struct connection *connection = malloc(sizeof(*connection));
	struct epoll_event event = {
	    .events = EPOLLIN, .data = {.ptr = connection}};

	connection->fd = fd;
	connection->cell = cell_any(rng);
	KIT_CHECK(epoll_ctl(set, op, fd, &event) == 0);
	memset(&event, 0, sizeof(event));
}

static __attribute__((noinline)) void
serve_connection(int set, struct connection *connection, struct kit_rng *rng)
{
	uint64_t count;
	int fd = connection->fd;

	KIT_CHECK(read(fd, &count, sizeof(count)) == sizeof(count));
	if (kit_below(rng, 3) != 0) {
		cell_check(connection->cell, "connection");
		return;
	}
	connect_one(set, EPOLL_CTL_MOD, fd, rng);
	if (kit_below(rng, 4) == 0) {
		lost_note(LOST_EPOLL, connection->cell,
		    sizeof(*connection) + cell_bytes(connection->cell));
		return;
	}
	cell_free(connection->cell, "connection");
	free(connection);
}

static void
drop_connections(int set)
{
	struct epoll_event events[CONNECTIONS];
	int n = epoll_wait(set, events, CONNECTIONS, 0);

	for (int i = 0; i < n; i++) {
		struct connection *connection = events[i].data.ptr;

		cell_free(connection->cell, "last of connection");
		close(connection->fd);
		free(connection);
	}
	KIT_CHECK(n == CONNECTIONS);
}

static void
run_epoll(struct kit_rng *rng)
{
	int set = epoll_create1(EPOLL_CLOEXEC), fds[CONNECTIONS];
	uint64_t one = 1;

	for (size_t i = 0; i < CONNECTIONS; i++) {
		fds[i] = eventfd(0, EFD_CLOEXEC);
		connect_one(set, EPOLL_CTL_ADD, fds[i], rng);
	}
	while (soak_goes_on()) {
		struct epoll_event events[8];
		int n;

		for (size_t i = kit_below(rng, 4); i > 0; i--)
			KIT_CHECK(write(fds[kit_below(rng, BUSY)], &one,
				      sizeof(one)) == sizeof(one));
		n = epoll_wait(set, events, 8, (int)kit_below(rng, 4));
		if (n < 0)
			KIT_FAIL("epoll_wait"); /* EINTR too: no handler here */
		for (int i = 0; i < n; i++)
			serve_connection(set, events[i].data.ptr, rng);
		memset(events, 0, sizeof(events));
		soak_did(&task_epoll);
	}
	for (size_t i = 0; i < CONNECTIONS; i++)
		KIT_CHECK(write(fds[i], &one, sizeof(one)) == sizeof(one));
	drop_connections(set);
	close(set);
}
struct task task_epoll = {"epoll", run_epoll, 1, 0};

/* In flight
 * -------------------------------------------------------------------- */

static __attribute__((noinline)) void
send_cell(int fd, struct kit_rng *rng)
{
	struct cell *volatile cell = cell_any(rng);
	void *word = cell;

	KIT_CHECK(write(fd, &word, sizeof(word)) == sizeof(word));
	cell = NULL;
	word = NULL;
	__asm__ volatile("" : : "r"(&word) : "memory");
}

static __attribute__((noinline)) void
receive_cell(int fd)
{
	struct cell *cell;

	KIT_CHECK(read(fd, &cell, sizeof(cell)) == sizeof(cell));
	cell_free(cell, "in flight");
}

static void
run_pipe(struct kit_rng *rng)
{
	int ends[2][2];
	unsigned flying[2] = {0, 0};

	KIT_CHECK(pipe2(ends[0], O_CLOEXEC) == 0);
	KIT_CHECK(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends[1]) == 0);
	while (soak_goes_on()) {
		size_t way = kit_below(rng, 2);

		if (flying[way] < kit_below(rng, FLYING)) {
			send_cell(ends[way][1], rng);
			flying[way]++;
		} else if (flying[way] > 0) {
			receive_cell(ends[way][0]);
			flying[way]--;
		}
		soak_nap(rng, 400);
		soak_did(&task_pipe);
	}
	for (size_t way = 0; way < 2; way++) {
		for (; flying[way] > 0; flying[way]--)
			receive_cell(ends[way][0]);
		close(ends[way][0]);
		close(ends[way][1]);
	}
}
struct task task_pipe = {"pipe", run_pipe, 1, 0};

/* Signals and timers.  This thread alone has them open.
 * ------------------------------------------------------------------- */

static __thread struct cell *volatile arrived[FLYING]; /* its handler's */
static __thread volatile unsigned narrived;

static void
take_value(int sig, siginfo_t *info, void *context)
{
	struct cell *cell = info->si_value.sival_ptr;

	(void)sig;
	(void)context;
	cell_check(cell, "value of a signal");
	if (narrived == FLYING)
		KIT_FAIL("more signals than sent");
	arrived[narrived] = cell;
	narrived = narrived + 1;
}

static void
handle(int sig, sigset_t *set)
{
	struct sigaction action = {
	    .sa_sigaction = take_value, .sa_flags = SA_SIGINFO | SA_RESTART};

	sigemptyset(set);
	sigaddset(set, sig);
	KIT_CHECK(pthread_sigmask(SIG_BLOCK, set, NULL) == 0);
	KIT_CHECK(sigaction(sig, &action, NULL) == 0);
}

static __attribute__((noinline)) void
queue_cell(int sig, struct kit_rng *rng)
{
	/* Small: addresses that a handler has had are still kept alive,
	 * whatever is there by then, and must not be those of what areas.c
	 * loses.
	 */
	union sigval value = {
	    .sival_ptr = cell_new(rng, 0, kit_below(rng, 60))};

	KIT_CHECK(pthread_sigqueue(pthread_self(), sig, value) == 0);
	value.sival_ptr = NULL;
	__asm__ volatile("" : : "r"(&value) : "memory");
}

static __attribute__((noinline)) void
free_arrived(unsigned wanted)
{
	KIT_CHECK(narrived == wanted);
	for (unsigned i = 0; i < wanted; i++) {
		cell_free(arrived[i], "signalled");
		arrived[i] = NULL;
	}
	narrived = 0;
}

static void
run_signal(struct kit_rng *rng)
{
	int sig = SIGRTMIN + 3;
	sigset_t set;

	handle(sig, &set);
	while (soak_goes_on()) {
		unsigned n = 1 + (unsigned)kit_below(rng, FLYING / 2);

		for (unsigned i = 0; i < n; i++)
			queue_cell(sig, rng);
		soak_nap(rng, 20000);
		pthread_sigmask(SIG_UNBLOCK, &set, NULL); /* all at once */
		pthread_sigmask(SIG_BLOCK, &set, NULL);
		free_arrived(n);
		soak_did(&task_signal);
	}
}
struct task task_signal = {"signal", run_signal, 1, 0};

static __attribute__((noinline)) timer_t
set_timer(int sig, time_t seconds, struct kit_rng *rng)
{
	struct sigevent event = {
	    .sigev_notify = SIGEV_SIGNAL, .sigev_signo = sig};
	struct itimerspec when = {
	    .it_value = {seconds, 1 + (long)kit_below(rng, 30000000)}};
	timer_t timer;

	event.sigev_value.sival_ptr = cell_any(rng);
	KIT_CHECK(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0);
	KIT_CHECK(timer_settime(timer, 0, &when, NULL) == 0);
	memset(&event, 0, sizeof(event));
	__asm__ volatile("" : : "r"(&event) : "memory");
	return timer;
}

/* Fetched by sigwaitinfo: its timer may be any thread's, nobody else does. */
static void
await_timers(timer_t *timers, size_t n, int sig)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	for (size_t i = 0; i < n; i++) {
		KIT_CHECK(sigwaitinfo(&set, &info) == sig);
		cell_free(info.si_value.sival_ptr, "timer");
	}
	for (size_t i = 0; i < n; i++)
		timer_delete(timers[i]);
}

static void
run_timer(struct kit_rng *rng)
{
	struct itimerspec now = {.it_value = {0, 1}};
	timer_t timers[TIMERS], late[TIMERS]; /* those: in the end */
	int sig = SIGRTMIN + 4, late_sig = SIGRTMIN + 5;

	for (size_t i = 0; i < TIMERS; i++)
		late[i] = set_timer(late_sig, 100000, rng);
	while (soak_goes_on()) {
		for (size_t i = 0; i < TIMERS; i++)
			timers[i] = set_timer(sig, 0, rng);
		await_timers(timers, TIMERS, sig);
		soak_did(&task_timer);
	}
	for (size_t i = 0; i < TIMERS; i++)
		KIT_CHECK(timer_settime(late[i], 0, &now, NULL) == 0);
	await_timers(late, TIMERS, late_sig);
}
struct task task_timer = {"timer", run_timer, 1, 0};
