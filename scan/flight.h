/* flight.h -- addresses that are on their way through the kernel
 *
 * A message of a pipe, a socket or a queue may hold the only copy of an
 * address: its sender has dropped it, its receiver has not read it.  All may be
 * called by any thread of the program's, in any state, and keep errno.
 */
#ifndef GCM_SCAN_FLIGHT_H
#define GCM_SCAN_FLIGHT_H

#include "scan/mark.h"

enum {
	GCM_FLIGHT_MIN = 8,   /* bytes of a message that is looked at */
	GCM_FLIGHT_MAX = 1024 /* longer ones are data */
};

/* The word leaves: kept alive until it arrives, or many others have left. */
void gcm_flight_leave_word(uint64_t word);
void gcm_flight_arrive_word(uint64_t word);

/* The same of all words in [data, data + size), which can be read. */
void gcm_flight_leave(const void *data, size_t size);
void gcm_flight_arrive(const void *data, size_t size);

/* Can these bytes, size > 0, be read?  Asked before a call that may refuse
 * them: after it they may be somebody else's, and gone.
 */
bool gcm_flight_can_see(const void *data, size_t size);

/* Mappings change: what could be read may not be any more. */
void gcm_flight_forget(void);

/* Leave, if so; false: not so. */
bool gcm_flight_try(const void *data, size_t size);

/* Has any word ever left? */
static inline bool
gcm_flight_is_used(void)
{
	extern GCM_HIDDEN _Atomic bool gcm_flight_used;

	return atomic_load_explicit(&gcm_flight_used, memory_order_relaxed);
}

static inline bool
gcm_flight_fits(size_t size)
{
	return size - GCM_FLIGHT_MIN <= GCM_FLIGHT_MAX - GCM_FLIGHT_MIN;
}

/* Mark all blocks in flight.  The collector's thread. */
void gcm_flight_mark(struct gcm_marker *marker);

#endif
