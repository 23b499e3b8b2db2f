/* mark_again.c -- pages that were written: the blocks on them once more
 *
 * MODEL   A block that was marked has been read, or is about to be; what the
 *         program wrote into it since is seen by reading it again.  New blocks
 *         are black without having been read at all.
 */
#include "scan/mark.h"
#include "scan/slot.h"

/* The part on [lo, hi) of a block that was reached. */
static void
scan_part(struct gcm_marker *marker, uintptr_t addr, size_t size, uintptr_t lo,
    uintptr_t hi)
{
	uint8_t state = gcm_slot_get(addr);
	uintptr_t from = addr > lo ? addr : lo;
	uintptr_t to = addr + size < hi ? addr + size : hi;

	if ((state & GCM_NOSCAN) != 0 ||
	    ((state ^ marker->colour) & GCM_COLOUR) != 0)
		return;
	marker->where = addr;
	if (gcm_alter_is_noted(state))
		(void)gcm_mark_foreign(marker, from, to, 0, false);
	else if ((state & GCM_ALLOC) != 0) {
		gcm_mark_range(marker, from, to, gcm_mark_may_be_stack(size));
		if (marker->offsets)
			gcm_mark_distances(marker, addr, from, to);
	}
}

/* Was the block reached, and can it hold pointers? */
static inline bool
is_read_again(const struct gcm_marker *marker, uint8_t state)
{
	return ((state ^ marker->colour) &
		   (GCM_ALLOC | GCM_NOSCAN | GCM_COLOUR)) == 0;
}

/* Blocks that lie side by side are read in one go. */
static void
mark_span_again(
    struct gcm_marker *marker, uint64_t item, uintptr_t lo, uintptr_t hi)
{
	uint32_t class_id = (uint32_t)(item >> GCM_ITEM_SHIFT);
	size_t size = gcm_classes[class_id].size;
	uintptr_t addr = item & GCM_ITEM_ADDR, from = 0;

	if (class_id == 0 || class_id == GCM_CLASS_ZERO)
		return;
	for (; addr < hi; addr += size) {
		uint8_t state = gcm_slot_get(addr);

		if (GCM_UNLIKELY(marker->offsets)) {
			scan_part(marker, addr, size, lo, hi);
			continue;
		}
		if (is_read_again(marker, state)) {
			if (from == 0)
				from = addr < lo ? lo : addr;
			continue;
		}
		if (from != 0)
			gcm_mark_range(
			    marker, from, addr, gcm_mark_may_be_stack(size));
		from = 0;
		if (GCM_UNLIKELY(gcm_alter_is_noted(state)))
			scan_part(marker, addr, size, lo, hi);
	}
	if (from != 0)
		gcm_mark_range(marker, from, hi, gcm_mark_may_be_stack(size));
}

/* Page by page: a written page belongs to one span or block. */
void
gcm_mark_again(struct gcm_marker *marker, uintptr_t lo, uintptr_t hi)
{
	gcm_pin_enter(marker->stopped);
	while (lo < hi) {
		uintptr_t end =
		    gcm_round_down(lo, GCM_PAGE_SIZE) + GCM_PAGE_SIZE;
		uint64_t item = gcm_slot_find(lo);

		if (end > hi)
			end = hi;
		if (item >> GCM_ITEM_SHIFT == GCM_ITEM_LARGE)
			scan_part(marker, item & GCM_ITEM_ADDR,
			    gcm_slot_size(item), lo, end);
		else if (item != 0)
			mark_span_again(marker, item, lo, end);
		lo = end;
		gcm_pin_poll(marker->stopped);
	}
	gcm_pin_leave();
}
