/* waits_calls.c -- the calls: see waits.h
 *
 * MODEL   One function a call: 0 when what it waited for came or its time was
 *         up, else the error.  Those of signal(7) that SA_RESTART does not
 *         restart, all others of preload/blocking.def, and those that are left
 *         alone because libc or the kernel goes on by itself.
 */
#define _GNU_SOURCE
#include "tests/traps/waits.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/futex.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

int __poll_chk(struct pollfd *, nfds_t, int, size_t);
int __ppoll_chk(
    struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
ssize_t __read_chk(int, void *, size_t, size_t);
ssize_t __recv_chk(int, void *, size_t, size_t, int);
ssize_t __recvfrom_chk(
    int, void *, size_t, size_t, int, __SOCKADDR_ARG, socklen_t *);
int __xpg_sigpause(int);
int __sigpause(int, int);
int __poll(struct pollfd *, nfds_t, int);
int __select(int, fd_set *, fd_set *, fd_set *, struct timeval *);
int __nanosleep(const struct timespec *, struct timespec *);
int __sigsuspend(const sigset_t *);
ssize_t __read(int, void *, size_t);
ssize_t __send(int, const void *, size_t, int);

static const struct timespec *
in_ms(struct timespec *t, clockid_t clock, long ms)
{
	t->tv_sec = t->tv_nsec = 0;
	if (clock >= 0)
		clock_gettime(clock, t);
	t->tv_sec += ms / 1000;
	t->tv_nsec += ms % 1000 * 1000000;
	if (t->tv_nsec >= 1000000000) {
		t->tv_nsec -= 1000000000;
		t->tv_sec++;
	}
	return t;
}

/* 0 or an errno: `over` says what counts as the time being up. */
static int
judge(bool done, int over)
{
	return done || errno == over ? 0 : errno;
}

#define ROW(name)                                                              \
	static int by_##name(struct rig *r __attribute__((unused)),            \
	    int ms __attribute__((unused)))
#define SPAN struct timespec t __attribute__((unused))
#define AFTER in_ms(&t, -1, ms)
#define UNTIL(clock) in_ms(&t, clock, ms)

/* Events ------------------------------------------------------------------ */

#define POLL(name, call)                                                       \
	ROW(name)                                                              \
	{                                                                      \
		struct pollfd fd = {r->ends[0], POLLIN, 0};                    \
		SPAN;                                                          \
                                                                               \
		return judge((call) == 0, 0);                                  \
	}
POLL(poll, poll(&fd, 1, ms))
POLL(poll_chk, __poll_chk(&fd, 1, ms, sizeof(fd)))
POLL(poll_old, __poll(&fd, 1, ms))
POLL(ppoll, ppoll(&fd, 1, AFTER, NULL))
POLL(ppoll_chk, __ppoll_chk(&fd, 1, AFTER, NULL, sizeof(fd)))

#define SELECT(name, call)                                                     \
	ROW(name)                                                              \
	{                                                                      \
		struct timeval tv __attribute__((unused)) = {0, ms * 1000};    \
		fd_set in;                                                     \
		SPAN;                                                          \
                                                                               \
		FD_ZERO(&in);                                                  \
		FD_SET(r->ends[0], &in);                                       \
		return judge((call) == 0, 0);                                  \
	}
SELECT(select, select(r->ends[0] + 1, &in, NULL, NULL, &tv))
SELECT(select_old, __select(r->ends[0] + 1, &in, NULL, NULL, &tv))
SELECT(pselect, pselect(r->ends[0] + 1, &in, NULL, NULL, AFTER, NULL))

#define EPOLL(name, call)                                                      \
	ROW(name)                                                              \
	{                                                                      \
		struct epoll_event event;                                      \
		sigset_t none;                                                 \
		SPAN;                                                          \
                                                                               \
		sigemptyset(&none);                                            \
		return judge((call) == 0, 0);                                  \
	}
EPOLL(epoll_wait, epoll_wait(r->epoll, &event, 1, ms))
EPOLL(epoll_pwait, epoll_pwait(r->epoll, &event, 1, ms, &none))
EPOLL(epoll_pwait2, epoll_pwait2(r->epoll, &event, 1, AFTER, &none))

/* Time -------------------------------------------------------------------- */

#define SLEEP(name, call)                                                      \
	ROW(name)                                                              \
	{                                                                      \
		struct timespec left __attribute__((unused));                  \
		SPAN;                                                          \
                                                                               \
		errno = 0;                                                     \
		return (call) == 0 ? 0 : EINTR;                                \
	}
SLEEP(nanosleep, nanosleep(AFTER, &left))
SLEEP(nanosleep_old, __nanosleep(AFTER, &left))
SLEEP(clock_nanosleep, clock_nanosleep(CLOCK_MONOTONIC, 0, AFTER, &left))
SLEEP(clock_until,
    clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, UNTIL(CLOCK_REALTIME), NULL))
SLEEP(usleep, usleep((useconds_t)ms * 1000))
SLEEP(sleep, sleep(1))
SLEEP(thrd_sleep, thrd_sleep(AFTER, &left))
SLEEP(nanosleep_number, syscall(SYS_nanosleep, AFTER, &left))

/* Signals ----------------------------------------------------------------- */

#define PAUSE(name, call)                                                      \
	ROW(name)                                                              \
	{                                                                      \
		sigset_t none __attribute__((unused));                         \
                                                                               \
		sigemptyset(&none);                                            \
		(void)(call);                                                  \
		return r->released ? 0 : errno;                                \
	}
PAUSE(pause, pause())
PAUSE(sigsuspend, sigsuspend(&none))
PAUSE(sigsuspend_old, __sigsuspend(&none))
PAUSE(xpg_sigpause, __xpg_sigpause(SIGURG))
PAUSE(sigpause, __sigpause(SIGURG, 1))

#define SIGWAIT(name, call)                                                    \
	ROW(name)                                                              \
	{                                                                      \
		sigset_t set;                                                  \
		siginfo_t info __attribute__((unused));                        \
		int sig __attribute__((unused));                               \
		SPAN;                                                          \
                                                                               \
		sigemptyset(&set);                                             \
		sigaddset(&set, SIGUSR2);                                      \
		pthread_sigmask(SIG_BLOCK, &set, NULL);                        \
		return judge((call), EAGAIN);                                  \
	}
SIGWAIT(sigwait, sigwait(&set, &sig) == 0)
SIGWAIT(sigwaitinfo, sigwaitinfo(&set, &info) == SIGUSR2)
SIGWAIT(sigtimedwait, sigtimedwait(&set, &info, AFTER) == SIGUSR2)

/* Counters, messages, children -------------------------------------------- */

#define CALL(name, over, call)                                                 \
	ROW(name)                                                              \
	{                                                                      \
		char data[16] __attribute__((unused)) = {1};                   \
		struct sembuf op __attribute__((unused)) = {0, -1, 0};         \
		struct rusage usage __attribute__((unused));                   \
		siginfo_t info __attribute__((unused));                        \
		int status __attribute__((unused));                            \
		SPAN;                                                          \
                                                                               \
		errno = 0;                                                     \
		return judge((call), over);                                    \
	}
CALL(sem_wait, 0, sem_wait(&r->sem) == 0)
CALL(sem_timedwait, ETIMEDOUT,
    sem_timedwait(&r->sem, UNTIL(CLOCK_REALTIME)) == 0)
CALL(sem_clockwait, ETIMEDOUT,
    sem_clockwait(&r->sem, CLOCK_MONOTONIC, UNTIL(CLOCK_MONOTONIC)) == 0)
CALL(msgrcv, 0, msgrcv(r->queue, data, 1, 2, 0) == 1)
CALL(msgsnd, 0, msgsnd(r->full, data, 8, 0) == 0)
CALL(semop, 0, semop(r->set, &op, 1) == 0)
CALL(semtimedop, EAGAIN, semtimedop(r->set, &op, 1, AFTER) == 0)
CALL(mq_receive, 0, mq_receive(r->mq, data, 8, NULL) >= 0)
CALL(mq_timedreceive, ETIMEDOUT,
    mq_timedreceive(r->mq, data, 8, NULL, UNTIL(CLOCK_REALTIME)) >= 0)
CALL(mq_send, 0, mq_send(r->mq, data, 8, 0) == 0)
CALL(mq_timedsend, ETIMEDOUT,
    mq_timedsend(r->mq, data, 8, 0, UNTIL(CLOCK_REALTIME)) == 0)
CALL(wait, 0, wait(&status) == r->child)
CALL(wait3, 0, wait3(&status, 0, &usage) == r->child)
CALL(waitpid, 0, waitpid(r->child, &status, 0) == r->child)
CALL(wait4, 0, wait4(r->child, &status, 0, &usage) == r->child)
CALL(waitid, 0, waitid(P_PID, (id_t)r->child, &info, WEXITED) == 0)
CALL(flock, 0, flock(r->ends[0], LOCK_EX) == 0)
CALL(futex, ETIMEDOUT,
    syscall(SYS_futex, &r->word, FUTEX_WAIT, 0, AFTER, NULL, 0) == 0)
CALL(
    io_getevents, 0, syscall(SYS_io_getevents, r->ring, 1, 1, data, AFTER) == 0)
CALL(io_pgetevents, 0,
    syscall(SYS_io_pgetevents, r->ring, 1, 1, data, AFTER, NULL) == 0)

ROW(open_fifo)
{
	int fd = openat(r->other, "fifo", O_RDONLY);

	return fd < 0 ? errno : close(fd);
}

ROW(fcntl_lock)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	return judge(fcntl(r->ends[0], F_OFD_SETLKW, &lock) == 0, 0);
}

/* An order outlives the wait for it. */
ROW(aio_suspend)
{
	static struct aiocb orders[32];
	static _Atomic unsigned n;
	static char data[8];
	struct aiocb *order = &orders[n++];
	const struct aiocb *list[1] = {order};
	SPAN;

	order->aio_fildes = r->ends[0];
	order->aio_buf = data;
	order->aio_nbytes = 1;
	if (aio_read(order) != 0)
		return errno;
	errno = 0;
	return judge(aio_suspend(list, 1, AFTER) == 0, EAGAIN);
}

/* Where libc goes on by itself -------------------------------------------- */

ROW(pthread_cond_timedwait)
{
	SPAN;
	int error;

	pthread_mutex_lock(&r->mutex);
	pthread_cleanup_push(
	    (void (*)(void *))(void *)pthread_mutex_unlock, &r->mutex);
	error =
	    pthread_cond_timedwait(&r->cond, &r->mutex, UNTIL(CLOCK_REALTIME));
	pthread_cleanup_pop(1);
	return error == ETIMEDOUT ? 0 : error;
}

ROW(pthread_timedjoin)
{
	SPAN;
	int error =
	    pthread_timedjoin_np(r->sleeper, NULL, UNTIL(CLOCK_REALTIME));

	return error == ETIMEDOUT ? 0 : error;
}

/* Data -------------------------------------------------------------------- */

#define DATA(name, call)                                                       \
	ROW(name)                                                              \
	{                                                                      \
		char data[16] __attribute__((unused)) = {1};                   \
		struct iovec part = {data, 1};                                 \
		struct mmsghdr m __attribute__((unused)) = {                   \
		    .msg_hdr = {.msg_iov = &part, .msg_iovlen = 1}};           \
                                                                               \
		errno = 0;                                                     \
		return judge((call) >= 0, EAGAIN);                             \
	}
DATA(read, read(r->ends[0], data, 1))
DATA(read_old, __read(r->ends[0], data, 1))
DATA(read_chk, __read_chk(r->ends[0], data, 1, 16))
DATA(readv, readv(r->ends[0], &part, 1))
DATA(preadv2, preadv2(r->ends[0], &part, 1, -1, 0))
DATA(recv, recv(r->ends[0], data, 1, 0))
DATA(recv_chk, __recv_chk(r->ends[0], data, 1, 16, 0))
DATA(recvfrom, recvfrom(r->ends[0], data, 1, 0, NULL, NULL))
DATA(recvfrom_chk, __recvfrom_chk(r->ends[0], data, 1, 16, 0,
		       (__SOCKADDR_ARG){.__sockaddr__ = NULL}, NULL))
DATA(recvmsg, recvmsg(r->ends[0], &m.msg_hdr, 0))
DATA(recvmmsg, recvmmsg(r->ends[0], &m, 1, 0, NULL))
DATA(accept, accept(r->ends[0], NULL, NULL))
DATA(accept4, accept4(r->ends[0], NULL, NULL, 0))
DATA(write, write(r->ends[1], data, 1))
DATA(writev, writev(r->ends[1], &part, 1))
DATA(pwritev2, pwritev2(r->ends[1], &part, 1, -1, 0))
DATA(send, send(r->ends[1], data, 1, 0))
DATA(send_old, __send(r->ends[1], data, 1, 0))
DATA(sendto, sendto(r->ends[1], data, 1, 0, NULL, 0))
DATA(sendmsg, sendmsg(r->ends[1], &m.msg_hdr, 0))
DATA(sendmmsg, sendmmsg(r->ends[1], &m, 1, 0))
DATA(read_number, syscall(SYS_read, r->ends[0], data, 1))
DATA(recvfrom_number, syscall(SYS_recvfrom, r->ends[0], data, 1, 0, NULL, NULL))
DATA(recvmsg_number, syscall(SYS_recvmsg, r->ends[0], &m.msg_hdr, 0))
DATA(accept4_number, syscall(SYS_accept4, r->ends[0], NULL, NULL, 0))
DATA(write_number, syscall(SYS_write, r->ends[1], data, 1))
DATA(sendto_number, syscall(SYS_sendto, r->ends[1], data, 1, 0, NULL, 0))
DATA(sendmsg_number, syscall(SYS_sendmsg, r->ends[1], &m.msg_hdr, 0))
DATA(sendfile, sendfile(r->ends[1], r->other, NULL, 1))
DATA(sendfile64, sendfile64(r->ends[1], r->other, NULL, 1))
DATA(splice, splice(r->ends[0], NULL, r->other, NULL, 1, 0))
DATA(tee, tee(r->ends[0], r->other, 1, 0))
DATA(vmsplice, vmsplice(r->ends[1], &part, 1, 0))

ROW(close)
{
	int fd = r->ends[0];

	r->ends[0] = -1;
	return judge(close(fd) == 0, 0);
}

ROW(connect)
{
	struct sockaddr_un name;
	socklen_t len = sizeof(name);

	if (getsockname(r->ends[1], (void *)&name, &len) != 0)
		return errno;
	return judge(connect(r->other, (void *)&name, len) == 0, EAGAIN);
}

#define R(name, kind, timed)                                                   \
	{                                                                      \
#name, kind, 0, timed, by_##name                               \
	}

const struct wait_row wait_rows[] = {
    R(poll, PIPE, true),
    R(poll_chk, PIPE, true),
    R(poll_old, PIPE, true),
    R(ppoll, PIPE, true),
    R(ppoll_chk, PIPE, true),
    R(select, PIPE, true),
    R(select_old, PIPE, true),
    R(pselect, PIPE, true),
    R(epoll_wait, PIPE, true),
    R(epoll_pwait, PIPE, true),
    R(epoll_pwait2, PIPE, true),
    R(nanosleep, TIME, true),
    R(nanosleep_old, TIME, true),
    R(clock_nanosleep, TIME, true),
    R(clock_until, TIME, true),
    R(usleep, TIME, true),
    R(sleep, TIME, false),
    R(thrd_sleep, TIME, true),
    R(nanosleep_number, TIME, true),
    R(pause, NOTHING, false),
    R(sigsuspend, NOTHING, false),
    R(sigsuspend_old, NOTHING, false),
    R(xpg_sigpause, NOTHING, false),
    R(sigpause, NOTHING, false),
    R(sigwait, NOTHING, false),
    R(sigwaitinfo, NOTHING, false),
    R(sigtimedwait, TIME, true),
    R(sem_wait, SEMAPHORE, false),
    R(sem_timedwait, SEMAPHORE, true),
    R(sem_clockwait, SEMAPHORE, true),
    R(msgrcv, SYSV, false),
    R(msgsnd, SYSV, false),
    R(semop, SYSV, false),
    R(semtimedop, SYSV, true),
    R(mq_receive, QUEUE, false),
    R(mq_timedreceive, QUEUE, true),
    R(mq_send, FULL_QUEUE, false),
    R(mq_timedsend, FULL_QUEUE, true),
    {"wait", CHILD, 1, false, by_wait},
    {"wait3", CHILD, 2, false, by_wait3},
    R(waitpid, CHILD, false),
    R(wait4, CHILD, false),
    R(waitid, CHILD, false),
    R(flock, LOCK, false),
    R(fcntl_lock, LOCK, false),
    R(open_fifo, FIFO, false),
    R(futex, FUTEX, true),
    R(io_getevents, FUTEX, true),
    R(io_pgetevents, FUTEX, true),
    {"aio_suspend", PIPE, 3, true, by_aio_suspend},
    R(pthread_cond_timedwait, SEMAPHORE, true),
    R(pthread_timedjoin, CHILD, true),
    R(read, PAIR, true),
    R(read_old, PAIR, true),
    R(read_chk, PAIR, true),
    R(readv, PAIR, true),
    R(preadv2, PAIR, true),
    R(recv, PAIR, true),
    R(recv_chk, PAIR, true),
    R(recvfrom, PAIR, true),
    R(recvfrom_chk, PAIR, true),
    R(recvmsg, PAIR, true),
    R(recvmmsg, PAIR, true),
    R(accept, LISTENER, true),
    R(accept4, LISTENER, true),
    R(connect, LISTENER, true),
    R(close, LINGERING, false),
    R(write, FULL_PAIR, true),
    R(writev, FULL_PAIR, true),
    R(pwritev2, FULL_PAIR, true),
    R(send, FULL_PAIR, true),
    R(send_old, FULL_PAIR, true),
    R(sendto, FULL_PAIR, true),
    R(sendmsg, FULL_PAIR, true),
    R(sendmmsg, FULL_PAIR, true),
    R(read_number, PAIR, true),
    R(recvfrom_number, PAIR, true),
    R(recvmsg_number, PAIR, true),
    R(accept4_number, LISTENER, true),
    R(write_number, FULL_PAIR, true),
    R(sendto_number, FULL_PAIR, true),
    R(sendmsg_number, FULL_PAIR, true),
    R(sendfile, FULL_PAIR, true),
    R(sendfile64, FULL_PAIR, true),
    R(splice, PIPE, false),
    R(tee, PIPE, false),
    R(vmsplice, FULL_PIPE, false),
};
const size_t nwait_rows = KIT_COUNT(wait_rows);
