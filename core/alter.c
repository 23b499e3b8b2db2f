/* alter.c -- blocks whose pages the program maps, unmaps or protects itself
 *
 * MODEL   A block belongs to the program, and so do its pages: it may unmap
 *         them, map a file over them or take away their protections.  Once
 *         the block is freed somebody else will write there.  So such a block
 *         gets a state without the bit that the fast free wants, and the slow
 *         one maps fresh pages over it before the slot becomes free.  Only
 *         pages that lie in the block as a whole are renewed: what is on the
 *         others is not its alone.
 *
 * STATES  ALLOC    the program has it                 ALTERED LOST
 *         ALTERED  the same, pages maybe not there    LOST
 *         LOST     freed; the pages are being renewed, or could not be
 *                                                     FREE
 *
 * LOCKS   none: states change by CAS.
 *
 * FORK    the state is all there is, and the child has it.
 */
#include "core/alter.h"

#include "core/pageheap.h"
#include "core/pin.h"
#include "core/span.h"

/* Note the block that starts at addr, if one does. */
static void
note_block(uintptr_t addr)
{
	_Atomic uint8_t *state = gcm_state_at(addr);
	uint8_t seen = atomic_load(state), noted;

	do {
		if ((seen & (GCM_ALLOC | GCM_SAMPLED)) == 0)
			return;
		noted =
		    (uint8_t)((seen & GCM_COLOUR) | GCM_SAMPLED | GCM_ALTERED);
	} while (!atomic_compare_exchange_weak(state, &seen, noted));
}

/* Note the block that holds addr; where the next one may start. */
static uintptr_t
note_at(uintptr_t addr)
{
	uint32_t index = gcm_pageheap_find(addr);
	struct gcm_page *page;
	uintptr_t start, end;

	if (index == GCM_NO_PAGE)
		return gcm_round_down(addr, GCM_PAGE_SIZE) + GCM_PAGE_SIZE;
	page = gcm_page(index);
	start = gcm_page_addr(index);
	end = gcm_page_addr(index + page->n);
	if (gcm_page_kind(page) == GCM_KIND_SMALL) {
		uint32_t class_id = gcm_page_class(page);
		uint32_t size = gcm_classes[class_id].size;

		start += (uintptr_t)size *
			 gcm_class_index(class_id, (uint32_t)(addr - start));
		end = start + size < end ? start + size : end;
	}
	if (gcm_page_kind(page) != GCM_KIND_RUN)
		note_block(start);
	return end;
}

void
gcm_alter_note(uintptr_t addr, size_t len)
{
	uintptr_t at = addr;

	gcm_pin_exclude(); /* .inv.pin */
	while (at - addr < len && gcm_zone_has(at))
		at = note_at(at);
	gcm_pin_admit();
}

bool
gcm_alter_free(uintptr_t addr, uint8_t state, uint32_t class_id)
{
	if (!atomic_compare_exchange_strong(
		gcm_state_at(addr), &state, GCM_LOST))
		return false;
	if (gcm_pageheap_renew(addr, addr + gcm_classes[class_id].size)) {
		gcm_slot_set(addr, GCM_FREE);
		gcm_hint_set(addr);
	}
	return true;
}
