/* flight.c -- wrappers of calls that send and receive: addresses in messages
 *
 * MODEL   What is sent is looked at before the call, if it can be read: after
 *         it its receiver may have freed or unmapped it already.  What the
 *         call refused is taken back: that is still the caller's.
 *
 *         Orders for the kernel (Linux aio) and values of signals are words
 *         that are in flight from the call until the event is fetched.
 */
#include "preload/flight.h"

#include <errno.h>
#include <limits.h>
#include <linux/aio_abi.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "preload/next.h"
#include "preload/preload.h"
#include "preload/signal.h"

void
gcm_flight_settle(const void *data, size_t size, ssize_t sent)
{
	size_t done = sent > 0 ? (size_t)sent : 0;

	if (done < size) /* refused: it will be sent again */
		gcm_flight_arrive((const char *)data + done, size - done);
}

typedef void see_fn(const void *data, size_t size);

/* The bytes around the borders of parts: a word may lie across one. */
struct border {
	unsigned char bytes[2 * (sizeof(uint64_t) - 1)];
	size_t count; /* of the parts before, at most seven */
};

static void
see_border(
    struct border *border, const unsigned char *part, size_t size, see_fn *see)
{
	enum {
		MOST = sizeof(uint64_t) - 1
	};
	size_t add = size < MOST ? size : MOST, drop;

	if (border->count > 0) {
		memcpy(border->bytes + border->count, part, add);
		if (border->count + add > MOST)
			see(border->bytes, border->count + add);
	}
	if (size >= MOST) {
		memcpy(border->bytes, part + size - MOST, MOST);
		border->count = MOST;
		return;
	}
	memcpy(border->bytes + border->count, part, add);
	border->count += add;
	drop = border->count > MOST ? border->count - MOST : 0;
	border->count -= drop;
	memmove(border->bytes, border->bytes + drop, border->count);
}

/* All but the first `skip` of `left` bytes. */
static void
see_parts(const struct iovec *parts, size_t count, size_t skip, size_t left,
    see_fn *see)
{
	struct border border = {.count = 0};

	for (size_t i = 0; i < count && left > 0; i++) {
		const unsigned char *part = parts[i].iov_base;
		size_t size = parts[i].iov_len < left ? parts[i].iov_len : left;
		size_t out = size < skip ? size : skip;

		left -= size;
		skip -= out;
		size -= out;
		if (size == 0)
			continue;
		see_border(&border, part + out, size, see);
		see(part + out, size);
	}
}

/* Bytes of all parts, where they can be read and are so few that they are
 * looked at; else 0.
 */
static size_t
measure_parts(const struct iovec *parts, size_t count)
{
	size_t sum = 0;

	if (gcm_stop_signal() == 0 || count - 1 >= IOV_MAX ||
	    !gcm_flight_can_see(parts, count * sizeof(*parts)))
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (parts[i].iov_len > GCM_FLIGHT_MAX - sum)
			return 0;
		sum += parts[i].iov_len;
	}
	if (!gcm_flight_fits(sum))
		return 0;
	for (size_t i = 0; i < count; i++)
		if (parts[i].iov_len > 0 &&
		    !gcm_flight_can_see(parts[i].iov_base, parts[i].iov_len))
			return 0;
	return sum;
}

/* The kernel has the pages themselves, until the other side has read them. */
static void
lend_parts(const struct iovec *parts, size_t count)
{
	if (gcm_stop_signal() == 0 || count - 1 >= IOV_MAX ||
	    !gcm_flight_can_see(parts, count * sizeof(*parts)))
		return;
	for (size_t i = 0; i < count; i++)
		gcm_flight_leave_word((uintptr_t)parts[i].iov_base);
}

size_t
gcm_flight_before_parts(const struct iovec *parts, size_t count, int flags)
{
	size_t sum = measure_parts(parts, count);

	if ((flags & MSG_ZEROCOPY) != 0)
		lend_parts(parts, count);
	see_parts(parts, count, 0, sum, gcm_flight_leave);
	return sum; /* .inv.flight-sent */
}

void
gcm_flight_sent_parts(
    const struct iovec *parts, size_t count, ssize_t sent, size_t noted)
{
	size_t done = sent > 0 ? (size_t)sent : 0;

	if (done < noted)
		see_parts(parts, count, done, measure_parts(parts, count),
		    gcm_flight_arrive);
}

size_t
gcm_flight_before_message(const struct msghdr *message, int flags)
{
	if (gcm_stop_signal() == 0 ||
	    !gcm_flight_can_see(message, sizeof(*message)))
		return 0;
	return gcm_flight_before_parts(
	    message->msg_iov, message->msg_iovlen, flags);
}

void
gcm_flight_sent_message(
    const struct msghdr *message, ssize_t sent, size_t noted)
{
	if ((sent > 0 ? (size_t)sent : 0) < noted)
		gcm_flight_sent_parts(
		    message->msg_iov, message->msg_iovlen, sent, noted);
}

/* How many messages were looked at. */
size_t
gcm_flight_before_messages(
    const struct mmsghdr *messages, size_t count, int flags)
{
	size_t i;

	for (i = 0; i < count && i < IOV_MAX; i++) {
		if (gcm_stop_signal() == 0 ||
		    !gcm_flight_can_see(&messages[i], sizeof(messages[i])))
			break;
		(void)gcm_flight_before_message(&messages[i].msg_hdr, flags);
	}
	return i;
}

void
gcm_flight_sent_messages(
    const struct mmsghdr *messages, size_t count, int sent, size_t noted)
{
	for (size_t i = sent > 0 ? (size_t)sent : 0; i < count && i < noted;
	     i++)
		gcm_flight_sent_message(&messages[i].msg_hdr, 0, 1);
}

void
gcm_flight_received_parts(const struct iovec *parts, size_t count, ssize_t got)
{
	if (gcm_flight_is_used() && got > 0 && /* .inv.flight-taken */
	    gcm_flight_fits((size_t)got))
		see_parts(parts, count, 0, (size_t)got, gcm_flight_arrive);
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
void
gcm_flight_order(struct iocb *const *orders, long count)
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

void
gcm_flight_fetch(const struct io_event *events, long count)
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
	gcm_flight_order(orders, count);
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
	gcm_flight_fetch(events, got);
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
	gcm_flight_fetch(events, got);
	return got;
}
