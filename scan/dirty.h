/* dirty.h -- which pages the program wrote: tracking by the kernel
 *
 * userfaultfd with WP_ASYNC and PAGEMAP_SCAN (Linux 6.7).  The collector's
 * thread, whose descriptors they are.  Ranges are kernel pages.  Registration
 * stays from cycle to cycle: undoing it walks all pages (24 ms a GiB), having
 * it costs a fault of 0.8 us at the first write after each arming.
 */
#ifndef GCM_SCAN_DIRTY_H
#define GCM_SCAN_DIRTY_H

#include "scan/pages.h"

/* Open and probe with real arguments: a write to an armed page must be seen.
 * After gcm_pages_open.  0 or -errno.
 */
int gcm_dirty_open(void);

/* Undo all, in pieces short enough that nobody waits long for the address
 * space.  Before gcm_pages_close.  In a forked child it only forgets.
 */
void gcm_dirty_close(void);

/* Track [lo, hi), one mapping or a part of it; may be so already.  0 or -errno
 * (somebody else's userfaultfd: EBUSY): then it counts as always written.
 */
int gcm_dirty_watch(uintptr_t lo, uintptr_t hi);

/* From now on writes to [lo, hi) are noted; what was noted is forgotten.  In
 * pieces.  0 or -errno: -EPERM when a part of it is not tracked.
 */
int gcm_dirty_arm(uintptr_t lo, uintptr_t hi);

/* Visit the ranges of [lo, hi) that were written, or first touched, since they
 * were armed; with `again` those are armed anew, atomically.  A part that is
 * not tracked (mapped or moved there since) is visited as a whole, but only
 * pages that are there.  Without `again` a few pages that are not there may be
 * told as well, and some twice.  0 or -errno.
 */
int gcm_dirty_take(
    uintptr_t lo, uintptr_t hi, bool again, gcm_range_visitor visit, void *arg);

/* Is there a page in [lo, hi) that was surely written since it was armed? Where
 * that cannot be told (not tracked, a part of a huge page) the answer is no.
 */
bool gcm_dirty_is_written(uintptr_t lo, uintptr_t hi);

#endif
