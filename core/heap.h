/* heap.h -- the heap as the malloc family sees it
 *
 * These are the slow paths: complete, for any size and any thread, in any
 * state of the process (before libc is up, after thread teardown, in a forked
 * child).  None sets errno.  The fast paths are in cache.h.
 */
#ifndef GCM_CORE_HEAP_H
#define GCM_CORE_HEAP_H

#include "core/base.h"

/* A block of at least size bytes, or NULL: no memory, or size above
 * PTRDIFF_MAX.
 */
void *gcm_heap_alloc(size_t size);

/* The same, all requested bytes zero. */
void *gcm_heap_alloc_zeroed(size_t size);

/* The same, at a multiple of align, a power of two. */
void *gcm_heap_alloc_aligned(size_t size, size_t align);

/* Free a block whose address lies in the zone.  `call` names the call in the
 * report when it is not an allocated block's address.
 */
void gcm_heap_free(void *block, const char *call);

/* Resize a block in the zone (size not 0): in place or elsewhere.  NULL: no
 * memory, the block is as before.
 */
void *gcm_heap_realloc(void *block, size_t size);

/* Bytes the program may use of a block in the zone. */
size_t gcm_heap_usable(const void *block, const char *call);

/* Usable bytes that a request of size would get; 0 when none could. */
size_t gcm_heap_good_size(size_t size, size_t align);

/* Is the address inside the zone, mapped so far? */
bool gcm_heap_has(const void *addr);

/* Right after fork, in the child, by the only thread: remembers whose cache
 * lives on.  Costs nothing; the repair itself waits for the first slow path.
 */
void gcm_heap_forked(void);

/* False in a forked child until its first slow path has repaired the heap: no
 * thread of ours may be started before.
 */
bool gcm_heap_is_sound(void);

/* End the threads of ours, the scavenger and the collector, and wait for them;
 * a later allocation or free may start them again.  False when one does not
 * answer.  _for_fork leaves a collection running that forks have kept from its
 * end again and again.
 */
bool gcm_heap_stop_threads(void);
bool gcm_heap_stop_threads_for_fork(void);
bool gcm_heap_has_threads(void);

/* The program is about to filter system calls: from now on the heap makes none
 * that it can do without, and has no threads.
 */
void gcm_heap_confine(void);

/* Make sure that the heap is there and fit to be used by a slow path; false:
 * no memory.
 */
bool gcm_heap_enter(void);

#endif
