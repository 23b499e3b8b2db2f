/* span.c -- runs of pages cut into equal slots
 *
 * MODEL   A span owns whole pages and holds slots of one size class, carved
 *         from its start as they are first needed.  Every page's record
 *         carries the span's tag (owner and bin), so that free needs one load
 *         to know both.  Freed slots are found by scanning states, guided by
 *         the hints: one byte a line, set by whoever stored FREE.
 *
 * STATES  kind NONE   pages taken, records being written
 *         kind SMALL  a span; the tag names its owner:
 *                       a cache   its cache lock guards lists and carving
 *                       ORPHAN    the orphan lock does
 *
 * LOCKS   the owner's; slot states need none.
 *
 * INVARIANTS
 *   .inv.start   a granule inside a span is INTERIOR unless a slot starts
 *                there and has been carved.
 *   .inv.owner   only the owner turns FREE slots of its span to CACHED.
 *   .inv.commit  the first page's kind is the last store of a new span.
 *   .inv.tag     a page's states are stored before its tag.
 *   .inv.hint    a line with a FREE slot has its hint set, or its thread is
 *                about to set it.
 *
 * FORK    the child may see a span's records without its states or the other
 *         way round.  Blocks that the program could still have were there
 *         before the fork began, so their span was committed and their bytes
 *         are right; gcm_span_repair keeps those and frees the rest.
 */
#include "core/span.h"

#include <string.h>

#include "core/audit.h"
#include "core/line.h"
#include "core/os.h"
#include "core/pageheap.h"
#include "core/pin.h"

static void
write_records(uint32_t index, uint32_t npages, uint32_t tag)
{
	for (uint32_t i = npages; i-- > 0;) {
		struct gcm_page *page = gcm_page(index + i);

		/* .inv.tag */
		atomic_store_explicit(&page->tag, tag, memory_order_release);
		atomic_store_explicit(&page->hints, 0, memory_order_relaxed);
		page->flags = 0;
		page->n = i > 0 ? i : npages;
		if (i > 0)
			atomic_store_explicit(
			    &page->kind, GCM_KIND_BODY, memory_order_relaxed);
	}
}

/* Of a span that does not fill pages of the kernel nothing is protected. */
static int
protect_span(uint32_t index, uint32_t npages, bool hidden)
{
	uintptr_t addr = gcm_page_addr(index);
	size_t len = (size_t)npages << GCM_PAGE_SHIFT;

	if (((addr | len) & (gcm_os_page_size() - 1)) != 0)
		return 0;
	if (hidden && gcm_pin_is_on())
		return 0;
	return gcm_os_protect((void *)addr, len, hidden);
}

uint32_t
gcm_span_new(uint32_t class_id, uint32_t owner, uint32_t npages, bool may_grow)
{
	uint32_t tag = owner << GCM_TAG_OWNER_SHIFT | class_id;
	struct gcm_page *page;
	uint32_t index;
	bool clean;

	gcm_lock_acquire(&gcm_pageheap.lock);
	index = gcm_pageheap_take_locked(npages, 1, may_grow, &clean);
	gcm_lock_release(&gcm_pageheap.lock);
	if (index == GCM_NO_PAGE)
		return GCM_NO_PAGE;
	memset(gcm_state_bytes(gcm_page_addr(index)), GCM_INTERIOR,
	    (size_t)npages << (GCM_PAGE_SHIFT - GCM_GRANULE_SHIFT));
	write_records(index, npages, tag);
	page = gcm_page(index);
	page->carved = 0;
	page->next = 0;
	page->prev = 0;
	atomic_store_explicit(&page->kind, GCM_KIND_SMALL,
	    memory_order_release); /* .inv.commit */
	/* After the commit: a child must not find such pages free.  If it
	 * cannot be, it is not.
	 */
	if (class_id == GCM_CLASS_ZERO)
		(void)protect_span(index, npages, true);
	return index;
}

void
gcm_span_release(uint32_t index)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t npages = page->n;
	bool lost = gcm_page_class(page) == GCM_CLASS_ZERO &&
		    protect_span(index, npages, false) != 0;

	for (uint32_t i = 0; i < npages; i++)
		atomic_store_explicit(
		    &gcm_page(index + i)->tag, 0, memory_order_relaxed);
	gcm_lock_acquire(&gcm_pageheap.lock);
	if (lost) { /* nobody could use these pages: a block that nobody has */
		gcm_slot_set(gcm_page_addr(index), GCM_LOST);
		atomic_store_explicit(
		    &page->kind, GCM_KIND_LARGE, memory_order_release);
	} else {
		gcm_pageheap_give_locked(index, npages, false);
	}
	gcm_lock_release(&gcm_pageheap.lock);
}

void
gcm_span_assign(uint32_t index, uint32_t owner)
{
	struct gcm_page *head = gcm_page(index);
	uint32_t tag =
	    owner << GCM_TAG_OWNER_SHIFT | (gcm_page_tag(head) & GCM_TAG_CLASS);

	for (uint32_t i = 0; i < head->n; i++)
		atomic_store_explicit(/* .inv.tag */
		    &gcm_page(index + i)->tag, tag, memory_order_release);
}

void
gcm_span_push(struct gcm_span_list *list, uint32_t index)
{
	struct gcm_page *page = gcm_page(index);

	if (list->head == 0) {
		page->next = index + 1;
		page->prev = index + 1;
	} else {
		struct gcm_page *head = gcm_page(list->head - 1);

		page->next = list->head;
		page->prev = head->prev;
		gcm_page(head->prev - 1)->next = index + 1;
		head->prev = index + 1;
	}
	list->head = index + 1;
	list->count++;
}

void
gcm_span_unlink(struct gcm_span_list *list, uint32_t index)
{
	struct gcm_page *page = gcm_page(index);

	GCM_AVER(list->count > 0);
	if (page->next == index + 1) {
		list->head = 0;
	} else {
		gcm_page(page->next - 1)->prev = page->prev;
		gcm_page(page->prev - 1)->next = page->next;
		if (list->head == index + 1)
			list->head = page->next;
	}
	page->next = 0;
	page->prev = 0;
	list->count--;
}

/* Take free slots of one line; true when some are left in it. */
static bool
harvest_line(uintptr_t line, void ***top, uint32_t *want)
{
	uint64_t mask = gcm_line_find_free(gcm_state_bytes(line));
	void **at = *top;
	uint32_t left = *want;

	while (mask != 0 && left > 0) {
		uintptr_t addr = line + ((uintptr_t)__builtin_ctzll(mask)
					    << GCM_GRANULE_SHIFT);

		gcm_slot_set(addr, GCM_CACHED); /* .inv.owner */
		*--at = (void *)addr;
		left--;
		mask &= mask - 1;
	}
	*top = at;
	*want = left;
	return mask != 0;
}

static void
harvest_page(uint32_t index, void ***top, uint32_t *want)
{
	struct gcm_page *page = gcm_page(index);
	uintptr_t addr = gcm_page_addr(index);
	uint64_t hints;

	if (atomic_load_explicit(&page->hints, memory_order_relaxed) == 0)
		return;
	/* Pairs with gcm_hint_set: the exchange is a full barrier, so a FREE
	 * whose hint it took is seen below, and a later one sets it again.
	 */
	hints = atomic_exchange(&page->hints, 0);
	while (hints != 0) {
		unsigned int line = (unsigned int)__builtin_ctzll(hints) / 8;
		uintptr_t at = addr + ((uintptr_t)line << GCM_LINE_SHIFT);

		if (*want == 0 || harvest_line(at, top, want))
			gcm_hint_set(at); /* .inv.hint */
		hints &= ~(0xffull << line * 8);
	}
}

uint32_t
gcm_span_harvest(uint32_t index, void **top, uint32_t want)
{
	uint32_t npages = gcm_page(index)->n, asked = want;

	for (uint32_t i = 0; i < npages && want > 0; i++)
		harvest_page(index + i, &top, &want);
	return asked - want;
}

uint32_t
gcm_span_slots(const struct gcm_page *head)
{
	return (head->n << GCM_PAGE_SHIFT) /
	       gcm_classes[gcm_page_class(head)].size;
}

uint32_t
gcm_span_carve(uint32_t index, void **top, uint32_t want)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t size = gcm_classes[gcm_page_class(page)].size;
	uint32_t left = gcm_span_slots(page) - page->carved;
	uintptr_t addr = gcm_page_addr(index) + (uintptr_t)page->carved * size;

	if (want > left)
		want = left;
	for (uint32_t i = 0; i < want; i++, addr += size) {
		gcm_slot_set(addr, GCM_CACHED);
		*--top = (void *)addr;
	}
	page->carved += want;
	return want;
}

bool
gcm_span_may_be_empty(uint32_t index)
{
	struct gcm_page *page = gcm_page(index);

	return page->carved == 0 ||
	       (atomic_load_explicit(&page->hints, memory_order_relaxed) &
		   0xff) != 0;
}

bool
gcm_span_is_empty(uint32_t index)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t size = gcm_classes[gcm_page_class(page)].size;
	uintptr_t lo = gcm_page_addr(index);
	uintptr_t hi = lo + (uintptr_t)page->carved * size;
	uint32_t nfree = 0, wanted = 0;

	for (uintptr_t line = lo; line < hi; line += GCM_LINE) {
		nfree += (uint32_t)__builtin_popcountll(
		    gcm_line_find_free(gcm_state_bytes(line)));
		wanted =
		    line + GCM_LINE >= hi
			? page->carved
			: (uint32_t)(line + GCM_LINE - lo + size - 1) / size;
		if (nfree < wanted)
			return false;
	}
	return nfree == page->carved;
}

void
gcm_span_hint_all(uint32_t index)
{
	uint32_t npages = gcm_page(index)->n;

	for (uint32_t i = 0; i < npages; i++)
		atomic_store_explicit(&gcm_page(index + i)->hints,
		    0x0101010101010101u, memory_order_relaxed);
}

/* May the slot of a torn span not be given out again?  One in limbo is for the
 * sweep to free.
 */
static bool
is_kept(uint8_t state, uint8_t flags)
{
	return (state & (GCM_ALLOC | GCM_SAMPLED)) != 0 || state == GCM_LOST ||
	       gcm_state_is_limbo(state) ||
	       (state == GCM_CACHED && (flags & GCM_PAGE_BINNED) != 0);
}

void
gcm_span_repair(uint32_t index)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t class_id = gcm_page_class(page);
	uint32_t size = gcm_classes[class_id].size;
	uint32_t slots = gcm_span_slots(page);
	uintptr_t lo = gcm_page_addr(index);
	uintptr_t hi = lo + ((uintptr_t)page->n << GCM_PAGE_SHIFT);
	uint32_t next = 0;

	for (uintptr_t at = lo; at < hi; at += GCM_GRANULE) {
		bool start = next < slots && at == lo + (uintptr_t)next * size;

		if (!start)
			gcm_slot_set(at, GCM_INTERIOR);
		else if (!is_kept(gcm_slot_get(at), page->flags))
			gcm_slot_set(at, GCM_FREE);
		if (start)
			next++;
	}
	page->carved = slots;
	page->flags &= (uint8_t) ~(GCM_PAGE_TORN | GCM_PAGE_BINNED);
	gcm_span_hint_all(index);
	if (gcm_audit_is_on())
		gcm_audit_note_repaired();
}

uint32_t
gcm_span_trim(struct gcm_span_list *list, uint32_t carving, uint32_t count)
{
	uint32_t released = 0;

	for (; count > 0 && list->head != 0; count--) {
		uint32_t index = list->head - 1;
		struct gcm_page *page = gcm_page(index);

		list->head = page->next;
		if (index + 1 == carving ||
		    (page->flags & GCM_PAGE_TORN) != 0 ||
		    !gcm_span_may_be_empty(index) || !gcm_span_is_empty(index))
			continue;
		gcm_span_unlink(list, index);
		released += page->n;
		gcm_span_release(index);
	}
	return released;
}
