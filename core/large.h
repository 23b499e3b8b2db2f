/* large.h -- blocks with a span of their own
 *
 * Sizes are in pages.  The block's state is the byte of its first granule;
 * the record of its first page says how long it is.
 */
#ifndef GCM_CORE_LARGE_H
#define GCM_CORE_LARGE_H

#include "core/table.h"

/* Pages for size bytes (at most PTRDIFF_MAX); 0 when no zone could hold it. */
uint32_t gcm_large_pages(size_t size);

/* Pages of the block that the program may use. */
static inline uint32_t
gcm_large_length(const struct gcm_page *page)
{
	return page->n - ((page->flags & GCM_PAGE_GUARDED) != 0);
}

/* A block of npages at a multiple of align_pages; NULL: no memory.  `zeroed`
 * asks for a block that reads as zero.
 */
void *gcm_large_alloc(uint32_t npages, uint32_t align_pages, bool zeroed);

/* Free the large block at addr; false when its state was not ALLOC (a double
 * free on another thread won).
 */
bool gcm_large_free(uintptr_t addr);

/* Change the length of the block where it is; false when that cannot be. */
bool gcm_large_resize(uintptr_t addr, uint32_t npages);

/* A copy of the block in a longer span; its pages are moved, not copied,
 * where that is cheaper.  The old block is freed.  NULL: no memory, nothing
 * has changed.
 */
void *gcm_large_move(uintptr_t addr, uint32_t npages);

/* While pages are pinned, markers find the first page of a span of a known
 * head by the records of the others: .inv.large-body.  Returns its pages.
 * Page-heap lock.
 */
uint32_t gcm_large_index_locked(uint32_t index);

/* The collector frees a block whose state it has made FREE; the bytes that may
 * still be resident.
 */
size_t gcm_large_reclaim(uint32_t index);

/* Let go of the freed span that is kept aside; true if there was one. */
bool gcm_large_unpark(void);

/* Make all pages accessible and set no guard any more.  Page-heap lock. */
void gcm_large_drop_guards_locked(void);

/* In a forked child: nothing is kept aside. */
void gcm_large_reset(void);

#endif
