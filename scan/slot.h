/* slot.h -- from a word to a block of the heap, and grey blocks as items
 *
 * An item is a block's address with its class in the top byte.  A hot header:
 * the lookup is inline.  It needs no lock and may be a moment old; what it
 * finds is checked by the state's compare-and-swap.
 */
#ifndef GCM_SCAN_SLOT_H
#define GCM_SCAN_SLOT_H

#include "core/core.h"

enum {
	GCM_ITEM_SHIFT = 56,   /* the class lies above */
	GCM_ITEM_PIECE = 0xfe, /* whole kernel pages of a large block */
	GCM_ITEM_LARGE = 0xff
};

#define GCM_ITEM_ADDR (((uint64_t)1 << GCM_ITEM_SHIFT) - 1)

/* The first page of the large block that holds addr; 0: none. */
static inline uintptr_t
gcm_slot_find_large(uintptr_t addr, const struct gcm_page *page)
{
	uintptr_t head = gcm_round_down(addr, GCM_PAGE_SIZE);
	uint8_t kind = gcm_page_kind(page);
	uint32_t back = 0;

	if (kind == GCM_KIND_BODY) {
		back = page->n;
		if ((head - gcm_zone.lo) >> GCM_PAGE_SHIFT < back)
			return 0;
		head -= (uintptr_t)back << GCM_PAGE_SHIFT;
		page = gcm_page_at(head);
		kind = gcm_page_kind(page);
	}
	if (kind != GCM_KIND_LARGE || back >= gcm_large_length(page))
		return 0;
	return head;
}

/* The slot that holds addr, an address in the zone, as an item; 0: none. */
static inline uint64_t
gcm_slot_find(uintptr_t addr)
{
	const struct gcm_page *page = gcm_page_at(addr);
	uint32_t tag = gcm_page_tag(page), class_id = tag & GCM_TAG_CLASS;
	uintptr_t base = gcm_round_down(addr, GCM_PAGE_SIZE);
	uint8_t kind;

	if (GCM_UNLIKELY(tag == 0)) {
		base = gcm_slot_find_large(addr, page);
		return base == 0
			   ? 0
			   : base | (uint64_t)GCM_ITEM_LARGE << GCM_ITEM_SHIFT;
	}
	kind = gcm_page_kind(page);
	if (kind == GCM_KIND_BODY) {
		if (GCM_UNLIKELY(page->n >= GCM_SPAN_PAGES_MAX))
			return 0; /* on its way to be something else */
		base -= (uintptr_t)page->n << GCM_PAGE_SHIFT;
	} else if (GCM_UNLIKELY(kind != GCM_KIND_SMALL)) {
		return 0;
	}
	if (GCM_UNLIKELY(base < gcm_zone.lo || class_id >= GCM_NCLASSES))
		return 0;
	base += (uintptr_t)gcm_classes[class_id].size *
		gcm_class_index(class_id, (uint32_t)(addr - base));
	return base | (uint64_t)class_id << GCM_ITEM_SHIFT;
}

/* Bytes of the block, for one that is no piece. */
static inline size_t
gcm_slot_size(uint64_t item)
{
	uint32_t class_id = (uint32_t)(item >> GCM_ITEM_SHIFT);

	if (class_id < GCM_NCLASSES)
		return gcm_classes[class_id].size;
	return (size_t)gcm_large_length(gcm_page_at(item & GCM_ITEM_ADDR))
	       << GCM_PAGE_SHIFT;
}

#endif
