/* own.h -- memory of ours beside the heap, in a window of its own
 *
 * Everything the library maps for itself (metadata, mark stacks, stacks of its
 * threads) lies in one window of addresses below the zone, so that nothing of
 * it ever merges with a mapping of the program's.
 */
#ifndef GCM_CORE_OWN_H
#define GCM_CORE_OWN_H

#include "core/base.h"

/* Map len bytes (rounded up to 64 KiB), zeroed, or NULL.  Any thread, any
 * state; takes no lock: addresses are handed out by one atomic add.
 */
void *gcm_own_map(size_t len);

/* The same, shared with children made by clone without CLONE_VM, and so with
 * those of the program.  NULL before the heap is there.
 */
void *gcm_own_map_shared(size_t len);

/* The same, private and not charged: for sparse tables. */
void *gcm_own_map_sparse(size_t len);

/* Give a whole mapping of the three above back. */
void gcm_own_unmap(void *addr, size_t len);

/* Is addr in memory of ours: mapped by the calls above, the tables, the
 * library's own data (unless it is linked into the program)?  *end is where
 * ours, or what is not ours, ends.  The heap itself is not meant.  Any thread;
 * what another one maps or unmaps at the same time counts as not ours.
 */
bool gcm_own_has(uintptr_t addr, uintptr_t *end);

#endif
