/* flight.h -- what wrappers of calls that send and receive do besides
 *
 * Each is given what the call said: bytes, or less than 0.
 */
#ifndef GCM_PRELOAD_FLIGHT_H
#define GCM_PRELOAD_FLIGHT_H

#include <sys/socket.h>
#include <sys/uio.h>

#include "scan/scan.h"

#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

/* Before: true when all that is to be noted is. */
static inline bool
gcm_flight_before(const void *data, size_t size)
{
	return !gcm_flight_fits(size) || gcm_flight_try(data, size);
}

void gcm_flight_settle(const void *data, size_t size, ssize_t sent);

static inline void
gcm_flight_sent(const void *data, size_t size, ssize_t sent, bool noted)
{
	if (noted && gcm_flight_fits(size) && sent != (ssize_t)size)
		gcm_flight_settle(data, size, sent);
}

/* The same of messages in parts: how many bytes are noted, 0 if it is not for
 * us.  What was sent with these flags may be the memory itself, and its address
 * is kept for long.
 */
size_t gcm_flight_before_parts(
    const struct iovec *parts, size_t count, int flags);
size_t gcm_flight_before_message(const struct msghdr *message, int flags);
size_t gcm_flight_before_messages(
    const struct mmsghdr *messages, size_t count, int flags);
void gcm_flight_sent_parts(
    const struct iovec *parts, size_t count, ssize_t sent, size_t noted);
void gcm_flight_sent_message(
    const struct msghdr *message, ssize_t sent, size_t noted);
void gcm_flight_sent_messages(
    const struct mmsghdr *messages, size_t count, int sent, size_t noted);

static inline void
gcm_flight_received(const void *data, ssize_t got)
{
	if (GCM_UNLIKELY(gcm_flight_is_used()) && got > 0 &&
	    gcm_flight_fits((size_t)got))
		gcm_flight_arrive(data, (size_t)got);
}

void gcm_flight_received_parts(
    const struct iovec *parts, size_t count, ssize_t got);
void gcm_flight_received_messages(struct mmsghdr *messages, int got, int flags);

/* What was sent with these flags may be the memory itself: kept for long. */
void gcm_flight_lent(const void *data, ssize_t sent, int flags);

/* Of Linux aio. */
struct iocb;
struct io_event;
void gcm_flight_order(struct iocb *const *orders, long count);
void gcm_flight_fetch(const struct io_event *events, long count);

/* syscall() with this number: before it, and what it returned. */
size_t gcm_flight_before_call(long number, const long *arg);
void gcm_flight_after_call(
    long number, const long *arg, long result, size_t noted);

#endif
