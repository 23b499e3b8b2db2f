/* pageheap.h -- free runs of pages: best fit by size, then address
 *
 * The index of free runs is a treap whose nodes are the runs' own page
 * records; it is rebuilt from the page table after fork.  All functions with
 * _locked want gcm_pageheap.lock held.
 */
#ifndef GCM_CORE_PAGEHEAP_H
#define GCM_CORE_PAGEHEAP_H

#include "core/table.h"

struct gcm_pageheap {
	struct gcm_lock lock;
	uint32_t root;              /* index + 1; lock */
	uint32_t free_pages;        /* in runs; lock */
	_Atomic uint32_t dirty;     /* of them, not known to be zero; lock,
				       read by all */
	_Atomic uint32_t dirty_low; /* least `dirty` since the scavenger last
				       looked; lock */
	_Atomic uint32_t used;      /* pages in spans; lock, read by all */
	uint32_t holes;             /* pages that are not ours; lock */
};
extern GCM_HIDDEN struct gcm_pageheap gcm_pageheap;

enum {
	GCM_NO_PAGE = 0xffffffff
};

/* Take a run of npages whose address is a multiple of align_pages (a power of
 * two); when nothing fits, grow the zone if may_grow.  The pages' records have
 * tag 0 and name no head; *clean says that all of them read as zero.  Returns
 * the index of the first page or GCM_NO_PAGE.  The caller commits the kind.
 */
uint32_t gcm_pageheap_take_locked(
    uint32_t npages, uint32_t align_pages, bool may_grow, bool *clean);

/* Make the page fault on access; false when the system cannot.  Whoever takes
 * the page from the heap again gets it without.
 */
bool gcm_pageheap_guard_locked(uint32_t index);

/* May any page have been made to fault? */
bool gcm_pageheap_has_guards(void);

/* Make the pages accessible again; they read as zero. */
void gcm_pageheap_unguard_locked(uint32_t first, uint32_t npages);

/* Lengthen the span at `first` from npages to want pages, if the pages behind
 * it are free or the zone can grow there.
 */
bool gcm_pageheap_extend_locked(
    uint32_t first, uint32_t npages, uint32_t want, bool *clean);

/* Give pages back; `clean` when they are known to read as zero. */
void gcm_pageheap_give_locked(uint32_t first, uint32_t npages, bool clean);

/* Release dirty free pages to the system, larger runs first, until about
 * `npages` are released.  Returns the pages released; 0 when none are left.
 */
uint32_t gcm_pageheap_release_locked(uint32_t npages);

/* The index of the first page of the span or run that holds addr, an address in
 * the zone, by walking the heads (.inv.large-body); GCM_NO_PAGE when there is
 * none, for now.  Exact for a block that the caller has.  No lock.
 */
uint32_t gcm_pageheap_find(uintptr_t addr);

/* Replace what lies in [lo, hi), whole kernel pages only, by fresh zero pages;
 * false when that could not be.  Nobody else uses the range.
 */
bool gcm_pageheap_renew(uintptr_t lo, uintptr_t hi);

/* Unmap the free run at the zone's end, if it is long; the pages unmapped. */
uint32_t gcm_pageheap_shrink_locked(void);

/* Empty the index, for a rebuild. */
void gcm_pageheap_reset(void);

/* Check the index against the page table: .inv.run-*; dies on a fault. */
void gcm_pageheap_check_locked(void);

#endif
