/* ring.h -- orders that the program puts into a ring (io_uring)
 *
 * What an order names may be known to the kernel alone until it is done.  A
 * ring is known from syscall(), mmap() and their kin; one that is driven by
 * instructions of the program's own is not.
 */
#ifndef GCM_PRELOAD_RING_H
#define GCM_PRELOAD_RING_H

#include "core/core.h"

extern GCM_HIDDEN _Atomic bool gcm_ring_used; /* sticky: one was set up */

static inline bool
gcm_ring_is_used(void)
{
	return atomic_load_explicit(&gcm_ring_used, memory_order_relaxed);
}

/* `params` were filled by io_uring_setup, which returned fd. */
struct io_uring_params;
void gcm_ring_note_setup(long fd, const struct io_uring_params *params);

/* The descriptor was mapped; a range is unmapped. */
void gcm_ring_note_map(int fd, uint64_t offset, void *at);
void gcm_ring_note_unmap(const void *addr, size_t len);

/* Around io_uring_enter: orders leave, and what is done arrives. */
void gcm_ring_before_enter(const long *arg);
void gcm_ring_after_enter(const long *arg);

#endif
