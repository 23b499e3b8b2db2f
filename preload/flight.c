/* flight.c -- wrappers of calls that send and receive: addresses in messages
 *
 * MODEL   A single buffer is looked at before the call if it is known to be
 *         readable, in the caller's stack or in one of its blocks; any other,
 *         and those in parts, after a call that has read it.  By then the
 *         receiver may have been faster: the word stays in the table, some
 *         garbage is kept.
 *
 *         Orders for the kernel (Linux aio) and values of signals are words
 *         that are in flight from the call until the event is fetched.
 */
#include "preload/flight.h"

#include <errno.h>
#include <linux/aio_abi.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include "preload/next.h"
#include "preload/preload.h"
#include "preload/ring.h"
#include "preload/signal.h"

void
gcm_flight_settle(const void *data, size_t size, ssize_t sent, bool noted)
{
	size_t done = sent > 0 ? (size_t)sent : 0;

	if (done > size)
		done = size;
	if (!noted) { /* .inv.flight-sent: the call had to read it first */
		if (done > 0)
			gcm_flight_leave(data, done);
	} else if (done < size) { /* refused: it will be sent again */
		gcm_flight_arrive((const char *)data + done, size - done);
	}
}

static void
see_parts(const struct iovec *parts, size_t count, ssize_t bytes,
    void (*see)(const void *data, size_t size))
{
	size_t left = bytes > 0 ? (size_t)bytes : 0;

	if (!gcm_flight_fits(left))
		return;
	for (size_t i = 0; i < count && left > 0; i++) {
		size_t size = parts[i].iov_len < left ? parts[i].iov_len : left;

		see(parts[i].iov_base, size);
		left -= size;
	}
}

void
gcm_flight_sent_parts(const struct iovec *parts, size_t count, ssize_t sent)
{
	see_parts(parts, count, sent, gcm_flight_leave);
}

void
gcm_flight_received_parts(const struct iovec *parts, size_t count, ssize_t got)
{
	if (gcm_flight_is_used()) /* .inv.flight-taken */
		see_parts(parts, count, got, gcm_flight_arrive);
}

void
gcm_flight_sent_messages(struct mmsghdr *messages, int sent, int flags)
{
	for (int i = 0; i < sent; i++) {
		gcm_flight_sent_parts(messages[i].msg_hdr.msg_iov,
		    messages[i].msg_hdr.msg_iovlen,
		    (ssize_t)messages[i].msg_len);
		gcm_flight_lent_parts(messages[i].msg_hdr.msg_iov,
		    messages[i].msg_hdr.msg_iovlen,
		    (ssize_t)messages[i].msg_len, flags);
	}
}

void
gcm_flight_received_messages(struct mmsghdr *messages, int got, int flags)
{
	if ((flags & MSG_PEEK) != 0)
		return;
	for (int i = 0; i < got; i++)
		gcm_flight_received_parts(messages[i].msg_hdr.msg_iov,
		    messages[i].msg_hdr.msg_iovlen,
		    (ssize_t)messages[i].msg_len);
}

/* The kernel has the pages themselves, until the other side has read them. */
void
gcm_flight_lent(const void *data, ssize_t sent, int flags)
{
	if (sent > 0 && (flags & MSG_ZEROCOPY) != 0)
		gcm_flight_leave_word((uintptr_t)data);
}

void
gcm_flight_lent_parts(
    const struct iovec *parts, size_t count, ssize_t sent, int flags)
{
	for (size_t i = 0; i < count && sent > 0; i++)
		gcm_flight_lent(parts[i].iov_base, sent, flags);
}

/* Signals
 * ---------------------------------------------------------------------- */

GCM_EXPORT int
sigqueue(pid_t pid, int sig, const union sigval value)
{
	__typeof__(&sigqueue) next = GCM_NEXT(sigqueue);

	gcm_flight_leave_word((uintptr_t)value.sival_ptr);
	return next(pid, sig, value);
}

GCM_EXPORT int
pthread_sigqueue(pthread_t thread, int sig, const union sigval value)
{
	__typeof__(&pthread_sigqueue) next = GCM_NEXT(pthread_sigqueue);

	gcm_flight_leave_word((uintptr_t)value.sival_ptr);
	return next(thread, sig, value);
}

GCM_EXPORT int
mq_notify(mqd_t queue, const struct sigevent *event)
{
	__typeof__(&mq_notify) next = GCM_NEXT(mq_notify);

	if (next == NULL) {
		errno = ENOSYS;
		return -1;
	}
	if (event != NULL)
		gcm_flight_leave_word((uintptr_t)event->sigev_value.sival_ptr);
	return next(queue, event);
}

/* Orders
 * ----------------------------------------------------------------------- */

/* The addresses of orders, and what they hold for their events. */
static void
order(struct iocb *const *orders, long count)
{
	for (long i = 0; i < count && gcm_stop_signal() != 0; i++) {
		if (!gcm_os_can_read(&orders[i]) ||
		    !gcm_os_can_read(&orders[i]->aio_data))
			return; /* the kernel's to refuse */
		gcm_flight_leave_word((uintptr_t)orders[i]);
		gcm_flight_leave_word(orders[i]->aio_data);
		gcm_flight_leave_word(orders[i]->aio_buf);
	}
}

static void
fetch(const struct io_event *events, long count)
{
	if (!gcm_flight_is_used() || gcm_stop_signal() == 0)
		return;
	for (long i = 0; i < count; i++) {
		const struct iocb *one =
		    (struct iocb *)(uintptr_t)events[i].obj;

		if (one != NULL && gcm_os_can_read(&one->aio_buf))
			gcm_flight_arrive_word(one->aio_buf);
		gcm_flight_arrive_word(events[i].data);
		gcm_flight_arrive_word(events[i].obj);
	}
}

void
gcm_flight_before_call(long number, const long *arg)
{
	if (number == SYS_io_submit)
		order((struct iocb *const *)arg[2], arg[1]);
	else if (number == SYS_io_uring_enter && gcm_ring_is_used())
		gcm_ring_before_enter(arg);
}

void
gcm_flight_after_call(long number, const long *arg, long result)
{
	if (number == SYS_io_getevents || number == SYS_io_pgetevents)
		fetch((const struct io_event *)arg[3], result);
	else if (number == SYS_io_uring_setup && result >= 0)
		gcm_ring_note_setup(
		    result, (const struct io_uring_params *)arg[1]);
	else if (number == SYS_io_uring_enter && gcm_ring_is_used())
		gcm_ring_after_enter(arg);
}

/* libaio's, which is in no header here; they return -errno. */
GCM_EXPORT int io_submit(void *context, long count, struct iocb **orders);
GCM_EXPORT int io_getevents(void *context, long least, long most,
    struct io_event *events, struct timespec *timeout);
GCM_EXPORT int io_pgetevents(void *context, long least, long most,
    struct io_event *events, struct timespec *timeout, sigset_t *mask);

GCM_EXPORT int
io_submit(void *context, long count, struct iocb **orders)
{
	__typeof__(&io_submit) next = GCM_NEXT(io_submit);

	if (next == NULL)
		return -ENOSYS;
	order(orders, count);
	return next(context, count, orders);
}

GCM_EXPORT int
io_getevents(void *context, long least, long most, struct io_event *events,
    struct timespec *timeout)
{
	__typeof__(&io_getevents) next = GCM_NEXT(io_getevents);
	struct gcm_thread *self;
	int got;

	if (next == NULL)
		return -ENOSYS;
	__builtin_unwind_init();
	self = gcm_blocked_enter();
	got = next(context, least, most, events, timeout);
	gcm_blocked_leave(self);
	fetch(events, got);
	return got;
}

GCM_EXPORT int
io_pgetevents(void *context, long least, long most, struct io_event *events,
    struct timespec *timeout, sigset_t *mask)
{
	__typeof__(&io_pgetevents) next = GCM_NEXT(io_pgetevents);
	struct gcm_thread *self;
	sigset_t open;
	int got;

	if (next == NULL)
		return -ENOSYS;
	mask = (sigset_t *)(uintptr_t)gcm_signal_open(mask, &open);
	__builtin_unwind_init();
	self = gcm_blocked_enter();
	got = next(context, least, most, events, timeout, mask);
	gcm_blocked_leave(self);
	fetch(events, got);
	return got;
}
