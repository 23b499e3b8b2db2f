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

void gcm_flight_settle(const void *data, size_t size, ssize_t sent, bool noted);

static inline void
gcm_flight_sent(const void *data, size_t size, ssize_t sent, bool noted)
{
	if (gcm_flight_fits(size))
		gcm_flight_settle(data, size, sent, noted);
}

static inline void
gcm_flight_received(const void *data, ssize_t got)
{
	if (GCM_UNLIKELY(gcm_flight_is_used()) && got > 0 &&
	    gcm_flight_fits((size_t)got))
		gcm_flight_arrive(data, (size_t)got);
}

void gcm_flight_sent_parts(
    const struct iovec *parts, size_t count, ssize_t sent);
void gcm_flight_received_parts(
    const struct iovec *parts, size_t count, ssize_t got);
void gcm_flight_sent_messages(struct mmsghdr *messages, int sent, int flags);
void gcm_flight_received_messages(struct mmsghdr *messages, int got, int flags);

/* What was sent with these flags may be the memory itself: kept for long. */
void gcm_flight_lent(const void *data, ssize_t sent, int flags);
void gcm_flight_lent_parts(
    const struct iovec *parts, size_t count, ssize_t sent, int flags);

/* syscall() with this number: before it, and what it returned. */
void gcm_flight_before_call(long number, const long *arg);
void gcm_flight_after_call(long number, const long *arg, long result);

#endif
