/* blocking.c -- calls that wait are not interrupted by the collector, and are
 * by everything that interrupts them without it
 *
 * The collector runs every few milliseconds meanwhile.  Calls are rows of a
 * table: each waits for something that never comes, for some milliseconds.
 *
 * RED     B1: with gcm_blocked_enter of scan/thread.c returning at once
 *         "undisturbed" printed "poll: error 4 after 24.6 ms".
 * C6: without gcm_blocked_enter in preload/blocking.c: undisturbed: "usleep:
 * error 4 after 47.6 ms".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "tests/stress/kit.h"

/* What a thread waits with; nobody ever writes to any of it. */
struct rig {
	int pipe[2], epoll, pair[2], queue, set;
	sem_t sem;
	int word;
	mqd_t mq;
	bool has_mq;
};

static struct timespec
in_ms(clockid_t clock, long ms)
{
	struct timespec t = {0, 0};

	if (clock >= 0)
		clock_gettime(clock, &t);
	t.tv_sec += ms / 1000;
	t.tv_nsec += ms % 1000 * 1000000;
	if (t.tv_nsec >= 1000000000) {
		t.tv_nsec -= 1000000000;
		t.tv_sec++;
	}
	return t;
}

static void
open_rig(struct rig *r)
{
	struct epoll_event event = {.events = EPOLLIN};
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 8};
	char name[40];

	KIT_CHECK(pipe(r->pipe) == 0);
	r->epoll = epoll_create1(0);
	KIT_CHECK(epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->pipe[0], &event) == 0);
	KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, r->pair) == 0);
	r->queue = msgget(IPC_PRIVATE, 0600);
	r->set = semget(IPC_PRIVATE, 1, 0600);
	sem_init(&r->sem, 0, 0);
	r->word = 0;
	snprintf(
	    name, sizeof(name), "/gcm-test-%d-%p", (int)getpid(), (void *)r);
	r->mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	r->has_mq = r->mq != (mqd_t)-1;
	if (r->has_mq)
		mq_unlink(name);
}

static void
close_rig(struct rig *r)
{
	if (r->queue >= 0)
		msgctl(r->queue, IPC_RMID, NULL);
	if (r->set >= 0)
		semctl(r->set, 0, IPC_RMID);
	if (r->has_mq)
		mq_close(r->mq);
	close(r->epoll);
	for (int i = 0; i < 2; i++) {
		close(r->pipe[i]);
		close(r->pair[i]);
	}
}

/* The calls: 0 when the time was up, else errno ---------------------------- */

#define OVER(ok) ((ok) ? 0 : errno)

static int
by_poll(struct rig *r, int ms)
{
	struct pollfd fd = {r->pipe[0], POLLIN, 0};

	return OVER(poll(&fd, 1, ms) == 0);
}

static int
by_ppoll(struct rig *r, int ms)
{
	struct pollfd fd = {r->pipe[0], POLLIN, 0};
	struct timespec t = in_ms(-1, ms);
	sigset_t none;

	sigemptyset(&none);
	return OVER(ppoll(&fd, 1, &t, &none) == 0);
}

static int
by_select(struct rig *r, int ms)
{
	struct timeval t = {0, ms * 1000};
	fd_set in;

	FD_ZERO(&in);
	FD_SET(r->pipe[0], &in);
	return OVER(select(r->pipe[0] + 1, &in, NULL, NULL, &t) == 0);
}

static int
by_pselect(struct rig *r, int ms)
{
	struct timespec t = in_ms(-1, ms);
	sigset_t none;
	fd_set in;

	FD_ZERO(&in);
	FD_SET(r->pipe[0], &in);
	sigemptyset(&none);
	return OVER(pselect(r->pipe[0] + 1, &in, NULL, NULL, &t, &none) == 0);
}

static int
by_epoll_wait(struct rig *r, int ms)
{
	struct epoll_event event;

	return OVER(epoll_wait(r->epoll, &event, 1, ms) == 0);
}

static int
by_epoll_pwait(struct rig *r, int ms)
{
	struct epoll_event event;
	sigset_t none;

	sigemptyset(&none);
	return OVER(epoll_pwait(r->epoll, &event, 1, ms, &none) == 0);
}

static int
by_epoll_pwait2(struct rig *r, int ms)
{
	struct epoll_event event;
	struct timespec t = in_ms(-1, ms);

	return OVER(epoll_pwait2(r->epoll, &event, 1, &t, NULL) == 0);
}

static int
by_nanosleep(struct rig *r, int ms)
{
	struct timespec t = in_ms(-1, ms), left;

	(void)r;
	return OVER(nanosleep(&t, &left) == 0);
}

static int
by_clock_nanosleep(struct rig *r, int ms)
{
	struct timespec t = in_ms(CLOCK_REALTIME, ms);

	(void)r;
	return clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &t, NULL);
}

static int
by_usleep(struct rig *r, int ms)
{
	(void)r;
	return OVER(usleep((useconds_t)ms * 1000) == 0);
}

static int
by_thrd_sleep(struct rig *r, int ms)
{
	struct timespec t = in_ms(-1, ms);

	(void)r;
	return thrd_sleep(&t, NULL) == 0 ? 0 : EINTR;
}

static int
by_sem(struct rig *r, int ms)
{
	struct timespec t = in_ms(CLOCK_REALTIME, ms);

	return OVER(sem_timedwait(&r->sem, &t) != 0 && errno == ETIMEDOUT);
}

static int
by_sem_clock(struct rig *r, int ms)
{
	struct timespec t = in_ms(CLOCK_MONOTONIC, ms);

	return OVER(sem_clockwait(&r->sem, CLOCK_MONOTONIC, &t) != 0 &&
		    errno == ETIMEDOUT);
}

static int
by_sigtimedwait(struct rig *r, int ms)
{
	struct timespec t = in_ms(-1, ms);
	sigset_t set;

	(void)r;
	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	return OVER(sigtimedwait(&set, NULL, &t) < 0 && errno == EAGAIN);
}

static int
by_semtimedop(struct rig *r, int ms)
{
	struct timespec t = in_ms(-1, ms);
	struct sembuf op = {0, -1, 0};

	if (r->set < 0)
		return by_poll(r, ms);
	return OVER(semtimedop(r->set, &op, 1, &t) != 0 && errno == EAGAIN);
}

static void
set_timeout(int fd, int ms)
{
	struct timeval t = {0, ms * 1000};

	KIT_CHECK(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == 0);
}

static int
by_recv(struct rig *r, int ms)
{
	char c;

	set_timeout(r->pair[0], ms);
	return OVER(recv(r->pair[0], &c, 1, 0) < 0 && errno == EAGAIN);
}

static int
by_recvmsg(struct rig *r, int ms)
{
	char c;
	struct iovec part = {&c, 1};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	set_timeout(r->pair[0], ms);
	return OVER(recvmsg(r->pair[0], &message, 0) < 0 && errno == EAGAIN);
}

static int
by_read(struct rig *r, int ms)
{
	char c;

	set_timeout(r->pair[0], ms);
	return OVER(read(r->pair[0], &c, 1) < 0 && errno == EAGAIN);
}

static int
by_futex(struct rig *r, int ms)
{
	struct timespec t = in_ms(-1, ms);

	return OVER(
	    syscall(SYS_futex, &r->word, FUTEX_WAIT, 0, &t, NULL, 0) != 0 &&
	    errno == ETIMEDOUT);
}

static int
by_number(struct rig *r, int ms)
{
	struct timespec t = in_ms(-1, ms);

	(void)r;
	return OVER(syscall(SYS_nanosleep, &t, NULL) == 0);
}

static int
by_mq(struct rig *r, int ms)
{
	struct timespec t = in_ms(CLOCK_REALTIME, ms);
	char data[8];

	if (!r->has_mq)
		return by_poll(r, ms);
	return OVER(mq_timedreceive(r->mq, data, sizeof(data), NULL, &t) < 0 &&
		    errno == ETIMEDOUT);
}

static const struct {
	const char *name;
	int (*wait)(struct rig *r, int ms);
} calls[] = {
    {"poll", by_poll},
    {"ppoll", by_ppoll},
    {"select", by_select},
    {"pselect", by_pselect},
    {"epoll_wait", by_epoll_wait},
    {"epoll_pwait", by_epoll_pwait},
    {"epoll_pwait2", by_epoll_pwait2},
    {"nanosleep", by_nanosleep},
    {"clock_nanosleep", by_clock_nanosleep},
    {"usleep", by_usleep},
    {"thrd_sleep", by_thrd_sleep},
    {"sem_timedwait", by_sem},
    {"sem_clockwait", by_sem_clock},
    {"sigtimedwait", by_sigtimedwait},
    {"semtimedop", by_semtimedop},
    {"recv", by_recv},
    {"recvmsg", by_recvmsg},
    {"read", by_read},
    {"futex", by_futex},
    {"by number", by_number},
    {"mq_timedreceive", by_mq},
};

/* Garbage, so that there is something to collect -------------------------- */

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

/* Cases ------------------------------------------------------------------- */

enum {
	ROUNDS = 12,
	WAIT_MS = 40
};

static void *
wait_in(void *arg)
{
	size_t i = (size_t)arg;
	struct rig r;

	open_rig(&r);
	for (long round = 0; round < kit_scale(ROUNDS, 200); round++) {
		double began = kit_now(), took;
		int error;

		errno = 0;
		error = calls[i].wait(&r, WAIT_MS);
		took = (kit_now() - began) * 1000;
		if (error != 0)
			KIT_FAIL("%s: error %d after %.1f ms", calls[i].name,
			    error, took);
		/* jiffies round socket timeouts */
		if (took < WAIT_MS - 1)
			KIT_FAIL("%s: %.1f ms", calls[i].name, took);
	}
	close_rig(&r);
	return NULL;
}

static void
undisturbed(void)
{
	pthread_t threads[KIT_COUNT(calls)], garbage;

	garbage = kit_thread(make_garbage, NULL);
	for (size_t i = 0; i < KIT_COUNT(calls); i++)
		threads[i] = kit_thread(wait_in, (void *)i);
	for (size_t i = 0; i < KIT_COUNT(calls); i++)
		kit_join(threads[i]);
	done = true;
	kit_join(garbage);
}

static _Atomic int nhandled;

static void
count(int sig)
{
	(void)sig;
	nhandled++;
}

static _Atomic uint32_t ready;

static void *
be_interrupted(void *arg)
{
	size_t i = (size_t)arg;
	double began, took;
	struct rig r;
	int error;

	open_rig(&r);
	ready = 1;
	began = kit_now();
	error = calls[i].wait(&r, 900);
	took = (kit_now() - began) * 1000;
	close_rig(&r);
	if (error != EINTR)
		KIT_FAIL("%s: error %d, not EINTR", calls[i].name, error);
	if (took > 800)
		KIT_FAIL("%s: after %.1f ms", calls[i].name, took);
	return NULL;
}

/* A handler of the program's ends the call with EINTR. */
static void
interrupted(void)
{
	struct sigaction act = {.sa_handler = count};
	pthread_t garbage = kit_thread(make_garbage, NULL);

	sigaction(SIGUSR1, &act, NULL);
	for (size_t i = 0; i < KIT_COUNT(calls); i++) {
		pthread_t thread;

		nhandled = 0;
		ready = 0;
		thread = kit_thread(be_interrupted, (void *)i);
		while (ready == 0)
			kit_sleep(0.001);
		kit_sleep(0.03);
		KIT_CHECK(nhandled == 0);
		pthread_kill(thread, SIGUSR1);
		kit_join(thread);
		KIT_CHECK(nhandled == 1);
	}
	done = true;
	kit_join(garbage);
}

/* pause and its kin return for a handler of the program's, and for no other
 * reason.
 */
static void *
pause_often(void *arg)
{
	sigset_t mask;

	(void)arg;
	sigemptyset(&mask);
	for (int i = 0; i < 20; i++) {
		int before = nhandled;

		ready = (uint32_t)i + 1;
		errno = 0;
		if (i % 2 == 0)
			KIT_CHECK(pause() == -1 && errno == EINTR);
		else
			KIT_CHECK(sigsuspend(&mask) == -1 && errno == EINTR);
		if (nhandled != before + 1)
			KIT_FAIL("woke by nothing");
	}
	return NULL;
}

static void
pausing(void)
{
	struct sigaction act = {.sa_handler = count};
	pthread_t garbage = kit_thread(make_garbage, NULL), thread;

	sigaction(SIGUSR1, &act, NULL);
	thread = kit_thread(pause_often, NULL);
	for (uint32_t i = 0; i < 20; i++) {
		while (ready != i + 1)
			kit_sleep(0.001);
		kit_sleep(0.02);
		pthread_kill(thread, SIGUSR1);
	}
	kit_join(thread);
	done = true;
	kit_join(garbage);
}

/* Whole writes and whole reads, however slow the other side is. */
static void *
drain_slowly(void *arg)
{
	char buffer[4096];

	for (int i = 0; i < 64; i++) {
		KIT_CHECK(recv(*(int *)arg, buffer, sizeof(buffer),
			      MSG_WAITALL) == sizeof(buffer));
		kit_sleep(0.002);
	}
	return NULL;
}

static void
whole(void)
{
	static char data[64 * 4096];
	pthread_t garbage = kit_thread(make_garbage, NULL), thread;
	int pair[2];

	for (int i = 0; i < 4; i++) {
		KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
		thread = kit_thread(drain_slowly, &pair[1]);
		if (i % 2 == 0)
			KIT_CHECK(write(pair[0], data, sizeof(data)) ==
				  (ssize_t)sizeof(data));
		else
			KIT_CHECK(send(pair[0], data, sizeof(data), 0) ==
				  (ssize_t)sizeof(data));
		kit_join(thread);
		close(pair[0]);
		close(pair[1]);
	}
	done = true;
	kit_join(garbage);
}

/* A block that nobody but the kernel has is written to until the end. */
static void *
send_only_copy(void *arg)
{
	struct iovec part = {malloc(1 << 20), 1 << 20};

	memset(part.iov_base, 0x5a, part.iov_len);
	part.iov_base = (void *)~(uintptr_t)part.iov_base;
	/* the only copy is the argument */
	KIT_CHECK(send(*(int *)arg, (void *)~(uintptr_t)part.iov_base,
		      part.iov_len, 0) == 1 << 20);
	return NULL;
}

static void
only_copy(void)
{
	pthread_t garbage = kit_thread(make_garbage, NULL), thread;
	static char buffer[1 << 14];
	int pair[2];

	KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	thread = kit_thread(send_only_copy, &pair[0]);
	for (int i = 0; i < 64; i++) {
		KIT_CHECK(recv(pair[1], buffer, sizeof(buffer), MSG_WAITALL) ==
			  (ssize_t)sizeof(buffer));
		for (size_t j = 0; j < sizeof(buffer); j++)
			KIT_CHECK(buffer[j] == 0x5a);
		free(memset(malloc(1 << 20), 1, 1 << 20));
		kit_sleep(0.01);
	}
	kit_join(thread);
	done = true;
	kit_join(garbage);
}

/* A handler that waits itself, in the middle of a wait. */
static void
wait_inside(int sig)
{
	struct pollfd none = {-1, 0, 0};

	(void)sig;
	KIT_CHECK(poll(&none, 1, 15) == 0);
	free(malloc(100));
	nhandled++;
}

static void
nested(void)
{
	struct sigaction act = {.sa_handler = wait_inside};
	pthread_t garbage = kit_thread(make_garbage, NULL), thread;

	act.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR1, &act, NULL);
	for (size_t i = 0; i < KIT_COUNT(calls); i++) {
		ready = 0;
		nhandled = 0;
		thread = kit_thread(be_interrupted, (void *)i);
		while (ready == 0)
			kit_sleep(0.001);
		kit_sleep(0.02);
		pthread_kill(thread, SIGUSR1);
		kit_join(thread);
		KIT_CHECK(nhandled == 1);
	}
	done = true;
	kit_join(garbage);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"undisturbed", undisturbed, KIT_PARALLEL, 0},
	    {"interrupted", interrupted, KIT_PARALLEL, 0},
	    {"pausing", pausing, KIT_PARALLEL, 0},
	    {"whole", whole, KIT_PARALLEL, 0},
	    {"only-copy", only_copy, KIT_PARALLEL, 0},
	    {"nested", nested, KIT_PARALLEL, 0},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_INTERVAL", "5ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	return kit_main(argc, argv, cases);
}
