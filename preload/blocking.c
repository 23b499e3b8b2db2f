/* blocking.c -- calls in which a thread counts as stopped
 *
 * MODEL   blocking.def lists them and says why each is there; the macro below
 *         is all that there is to one.  What lies above `sp` when the thread
 *         enters is what the collector reads: the wrapper's frame with all
 *         registers that survive a call (__builtin_unwind_init) and with the
 *         pointers that it passes on (`kept`: the caller may have given away
 *         its only copy), and its callers' frames.  The call itself is the
 * program's, unchanged: its results, its errno, its EINTR when the program's
 * own handler ran.
 *
 *         The call must not be a tail call, and nothing of libc that touches
 *         the heap may run in it: these call the kernel and little else.
 *
 * CANCEL  A thread that is cancelled in such a call runs its cleanup handlers
 *         from inside of it, so it must not count as stopped by then: the
 *         canceller sees to that before it cancels (scan/thread.c).
 *
 * LEFT    mutexes, condition variables, pthread_join and their kin: libc's
 *         loops go on after a signal, and versions of their symbols differ
 *         in more than the name.  io_uring_enter by liburing's own instruction
 *         cannot be seen, nor what libc calls by itself: stdio on a socket
 *         with a timeout.  A signal of the program's that comes while a call
 *         that is not here is restarted after ours does not end it.
 */
#include "preload/blocking.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <mqueue.h>
#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sem.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <termios.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "preload/exec.h"
#include "preload/flight.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/signal.h"
#include "scan/scan.h"

/* What programs built with _FORTIFY_SOURCE call; in no header. */
GCM_EXPORT int __poll_chk(struct pollfd *, nfds_t, int, size_t);
GCM_EXPORT int __ppoll_chk(
    struct pollfd *, nfds_t, const struct timespec *, const sigset_t *, size_t);
GCM_EXPORT ssize_t __read_chk(int, void *, size_t, size_t);
GCM_EXPORT ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
GCM_EXPORT ssize_t __pread64_chk(int, void *, size_t, off64_t, size_t);
GCM_EXPORT ssize_t __recv_chk(int, void *, size_t, size_t, int);
GCM_EXPORT ssize_t __recvfrom_chk(
    int, void *, size_t, size_t, int, __SOCKADDR_ARG, socklen_t *);
GCM_EXPORT int __open_2(const char *, int);
GCM_EXPORT int __open64_2(const char *, int);
GCM_EXPORT int __openat_2(int, const char *, int);
GCM_EXPORT int __openat64_2(int, const char *, int);
/* What <signal.h> makes of sigpause, by its modes. */
GCM_EXPORT int __xpg_sigpause(int);
GCM_EXPORT int __sigpause(int, int);
/* Names that libc has kept for old programs; in no header. */
GCM_EXPORT int __poll(struct pollfd *, nfds_t, int);
GCM_EXPORT int __select(int, fd_set *, fd_set *, fd_set *, struct timeval *);
GCM_EXPORT int __nanosleep(const struct timespec *, struct timespec *);
GCM_EXPORT int __sigsuspend(const sigset_t *);
GCM_EXPORT int __connect(int, __CONST_SOCKADDR_ARG, socklen_t);
GCM_EXPORT ssize_t __read(int, void *, size_t);
GCM_EXPORT ssize_t __write(int, const void *, size_t);
GCM_EXPORT ssize_t __pread64(int, void *, size_t, off64_t);
GCM_EXPORT ssize_t __pwrite64(int, const void *, size_t, off64_t);
GCM_EXPORT ssize_t __send(int, const void *, size_t, int);

#define OPEN(set) gcm_signal_open(set, &open)
#define SPARE(set) gcm_signal_spare(set, &open)

/* Entries that the kernel fills, or has filled. */
static bool
fill_events(const struct epoll_event *events, int count)
{
	if (count > 0)
		gcm_thread_fill(events, (size_t)count * sizeof(*events));
	return true;
}

#define LIST(...) __VA_ARGS__

#define BLOCKING(when, type, name, params, args, held)                         \
	PASSING(when, type, name, params, args, held, true, (void)0)

#define PASSING(when, type, name, params, args, held, before, after)           \
	GCM_EXPORT type name params                                            \
	{                                                                      \
		__typeof__(&(name)) next = GCM_NEXT(name);                     \
		struct gcm_thread *self;                                       \
		sigset_t open __attribute__((unused));                         \
		size_t noted __attribute__((unused));                          \
		type result;                                                   \
                                                                               \
		if (GCM_UNLIKELY(next == NULL)) {                              \
			errno = ENOSYS;                                        \
			return (type)-1;                                       \
		}                                                              \
		const volatile void *volatile kept[] = {LIST held};            \
		(void)kept;                                                    \
		noted = before;                                                \
		__builtin_unwind_init();                                       \
		self = gcm_blocked_enter();                                    \
		result = next args;                                            \
		gcm_blocked_leave(self);                                       \
		after;                                                         \
		return result;                                                 \
	}

/* As in glibc, a mode that the caller did not pass is not looked at. */
#define OPENING(name, params, args)                                            \
	GCM_EXPORT int name params                                             \
	{                                                                      \
		__typeof__(&(name)) next = GCM_NEXT(name);                     \
		const char *const volatile kept = path;                        \
		struct gcm_thread *self;                                       \
		unsigned int mode;                                             \
		va_list list;                                                  \
		int result;                                                    \
                                                                               \
		va_start(list, flags);                                         \
		mode = va_arg(list, unsigned int);                             \
		va_end(list);                                                  \
		(void)kept;                                                    \
		__builtin_unwind_init();                                       \
		self = gcm_blocked_enter();                                    \
		result = next args;                                            \
		gcm_blocked_leave(self);                                       \
		return result;                                                 \
	}

#define LOCKING(name)                                                          \
	GCM_EXPORT int name(int fd, int command, ...)                          \
	{                                                                      \
		__typeof__(&(name)) next = GCM_NEXT(name);                     \
		struct gcm_thread *self = NULL;                                \
		void *volatile arg;                                            \
		va_list list;                                                  \
		int result;                                                    \
                                                                               \
		va_start(list, command);                                       \
		arg = va_arg(list, void *);                                    \
		va_end(list);                                                  \
		if (GCM_UNLIKELY(next == NULL)) {                              \
			errno = ENOSYS;                                        \
			return -1;                                             \
		}                                                              \
		__builtin_unwind_init();                                       \
		if (command == F_SETLKW || command == F_OFD_SETLKW)            \
			self = gcm_blocked_enter();                            \
		result = next(fd, command, arg);                               \
		gcm_blocked_leave(self);                                       \
		return result;                                                 \
	}

#include "preload/blocking.def"

/* By number --------------------------------------------------------------- */

static bool
is_futex_wait(long op)
{
	switch (op & FUTEX_CMD_MASK) {
	case FUTEX_WAIT:
	case FUTEX_WAIT_BITSET:
	case FUTEX_WAIT_REQUEUE_PI:
	case FUTEX_LOCK_PI:
		return true;
	default:
		return false;
	}
}

/* Of a socket with a timeout, or long. */
static bool
is_transfer(long number)
{
	switch (number) {
#ifdef SYS_open /* not on newer machines */
	case SYS_open:
#endif
	case SYS_accept:
	case SYS_read:
	case SYS_readv:
	case SYS_pread64:
	case SYS_preadv:
	case SYS_preadv2:
	case SYS_write:
	case SYS_writev:
	case SYS_pwrite64:
	case SYS_pwritev:
	case SYS_pwritev2:
	case SYS_recvfrom:
	case SYS_recvmsg:
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_accept4:
	case SYS_connect:
	case SYS_sendfile:
	case SYS_splice:
	case SYS_vmsplice:
	case SYS_tee:
	case SYS_copy_file_range:
	case SYS_fallocate:
	case SYS_getrandom:
	case SYS_mq_timedsend:
	case SYS_mq_timedreceive:
	case SYS_flock:
	case SYS_openat:
	case SYS_close:
		return true;
	default:
		return false;
	}
}

bool
gcm_blocking_is(long number, const long *arg)
{
	switch (number) {
	case SYS_futex:
		return is_futex_wait(arg[1]);
	case SYS_fcntl:
		return arg[1] == F_SETLKW || arg[1] == F_OFD_SETLKW;
#ifdef SYS_poll /* not on newer machines */
	case SYS_poll:
	case SYS_select:
	case SYS_epoll_wait:
	case SYS_pause:
#endif
#ifdef SYS_epoll_pwait2
	case SYS_epoll_pwait2:
#endif
#ifdef SYS_futex_waitv
	case SYS_futex_waitv:
#endif
#ifdef SYS_io_uring_enter
	case SYS_io_uring_enter:
#endif
#ifdef SYS_io_pgetevents
	case SYS_io_pgetevents:
#endif
	case SYS_io_getevents:
	case SYS_ppoll:
	case SYS_pselect6:
	case SYS_epoll_pwait:
	case SYS_nanosleep:
	case SYS_clock_nanosleep:
	case SYS_rt_sigsuspend:
	case SYS_rt_sigtimedwait:
	case SYS_msgrcv:
	case SYS_msgsnd:
	case SYS_semop:
	case SYS_semtimedop:
	case SYS_recvmmsg:
	case SYS_wait4:
	case SYS_waitid:
	case SYS_execve:
	case SYS_execveat:
		return true;
	default:
		return is_transfer(number);
	}
}
