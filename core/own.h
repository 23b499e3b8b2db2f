/* own.h -- memory of ours beside the heap, in a window of its own
 *
 * Everything the library maps for itself (metadata, mark stacks, stacks of its
 * threads) lies in one window of addresses below the zone, so that nothing of
 * it ever merges with a mapping of the program's, and one comparison tells a
 * root from what is ours.
 */
#ifndef GCM_CORE_OWN_H
#define GCM_CORE_OWN_H

#include "core/base.h"

/* Map len bytes (rounded up to kernel pages), zeroed, or NULL.  Any thread, any
 * state; takes no lock: addresses are handed out by one atomic add.
 */
void *gcm_own_map(size_t len);

/* The same, shared with children made by clone without CLONE_VM. */
void *gcm_own_map_shared(size_t len);

/* The same, private and not charged: for sparse tables. */
void *gcm_own_map_sparse(size_t len);

/* Give a whole mapping of the three above back. */
void gcm_own_unmap(void *addr, size_t len);

/* Does [lo, hi) of the address space hold memory of ours: the window, the
 * tables, the library's own data?  *end is where ours, or what is not ours,
 * ends.
 */
bool gcm_own_has(uintptr_t addr, uintptr_t *end);

#endif
