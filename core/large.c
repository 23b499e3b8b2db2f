/* large.c -- blocks with a span of their own
 *
 * MODEL   Taken from and given back to the page heap under its lock, with
 *         no cache between: free pages stay resident until the scavenger
 *         finds them idle, so that a block of the same size comes back
 *         without a page fault.
 *
 *         Growth: in place when the pages behind are free; else to a longer
 *         run with some room to grow again, by moving page table entries
 *         (mremap) rather than bytes above MOVE_BYTES.  Moved pages keep an
 *         own mapping in the kernel, so the span is flagged and its pages are
 *         renewed when it is freed: mappings merge again.
 *
 *         Guards: behind blocks of GUARD_BYTES and more lies a page that
 *         faults, and the first page of such a block faults once it is free,
 *         until somebody takes it again.  The last one freed is kept aside
 *         for the time of one more free, so that a stale pointer to it does
 *         not meet the next block at once.
 *
 * LOCKS   page-heap lock for records and what is kept aside; the state byte by
 *         CAS.
 *
 * INVARIANTS
 *   .inv.large-commit  kind LARGE is stored after n, and the state after it.
 *   .inv.large-body    records of a large span after the first say nothing,
 *                      but while pages are pinned (core/pin.h), when each is
 *                      BODY and says how far back the first one is: that is
 *                      how markers find the block of an interior address.
 */
#include "core/large.h"

#include <string.h>

#include "core/alter.h"
#include "core/cache.h"
#include "core/cycle.h"
#include "core/os.h"
#include "core/pageheap.h"
#include "core/pin.h"
#include "core/scavenge.h"

enum {
	MOVE_BYTES = 512 << 10,  /* longer blocks move by mremap */
	RELEASE_BYTES = 1 << 20, /* longer blocks are zeroed by the system */
	GUARD_PAGES = 32,        /* 256 KiB: from here on with a guard */
	PARK_PAGES = 128,        /* 1 MiB: up to here kept aside when freed */
	PAGES_MAX = 1 << 29      /* 4 TiB: what the zone's window can hold */
};

static _Atomic bool no_guards; /* the system has none */
static uint32_t parked;        /* index + 1 of the span kept aside; page-heap
				  lock */

uint32_t
gcm_large_pages(size_t size)
{
	size_t npages =
	    (size >> GCM_PAGE_SHIFT) + ((size & (GCM_PAGE_SIZE - 1)) != 0);

	return npages > PAGES_MAX ? 0 : (uint32_t)npages;
}

/* Let the records of pages [from, n) of the span say where its first is. */
static void
index_body(uint32_t index, uint32_t from)
{
	uint32_t npages = gcm_page(index)->n;

	for (uint32_t i = from; i < npages; i++) {
		struct gcm_page *page = gcm_page(index + i);

		if (gcm_page_kind(page) == GCM_KIND_BODY && page->n == i)
			continue;
		page->n = i;
		atomic_store_explicit(
		    &page->kind, GCM_KIND_BODY, memory_order_release);
	}
}

uint32_t
gcm_large_index_locked(uint32_t index)
{
	index_body(index, 1); /* .inv.large-body */
	return gcm_page(index)->n;
}

static uint32_t
take_span(uint32_t npages, uint32_t align_pages, bool may_grow, bool *clean)
{
	uint32_t index;

	gcm_lock_acquire(&gcm_pageheap.lock);
	index = gcm_pageheap_take_locked(npages, align_pages, may_grow, clean);
	if (index != GCM_NO_PAGE) {
		struct gcm_page *page = gcm_page(index);

		atomic_store_explicit(&page->tag, 0, memory_order_relaxed);
		page->flags = 0;
		page->n = npages;
		if (gcm_pin_is_on())
			index_body(index, 1);
		atomic_store_explicit(&page->kind, GCM_KIND_LARGE,
		    memory_order_release); /* .inv.large-commit */
	}
	gcm_lock_release(&gcm_pageheap.lock);
	return index;
}

/* Do addresses and lengths (or-ed) fill pages of the kernel?  It rounds what
 * does not to pages that others have a part of.
 */
static bool
fills_pages(uintptr_t bounds)
{
	return (bounds & (gcm_os_page_size() - 1)) == 0;
}

/* Zero what is not known to be. */
static void
zero_pages(uintptr_t addr, size_t len)
{
	if (len <= RELEASE_BYTES || !fills_pages(addr | len) ||
	    gcm_os_release((void *)addr, len) != 0)
		memset((void *)addr, 0, len);
}

static uint32_t
find_span(uint32_t npages, uint32_t align_pages, bool *clean)
{
	uint32_t index = take_span(npages, align_pages, false, clean);

	if (index == GCM_NO_PAGE) {
		gcm_cache_flush_idle(gcm_cache_self());
		if (gcm_cache_trim(NULL) > 0 || gcm_large_unpark())
			index = take_span(npages, align_pages, false, clean);
	}
	if (index == GCM_NO_PAGE)
		index = take_span(npages, align_pages, true, clean);
	return index;
}

/* Colour a new block: always the colour of a cycle that has not ended. */
static void
colour_block(uintptr_t addr)
{
	uint32_t colour;

	do {
		colour = atomic_load(&gcm_cache_none.colour);
		atomic_store(gcm_state_at(addr), (uint8_t)colour);
	} while (colour != atomic_load(&gcm_cache_none.colour));
}

/* How many pages a guard behind npages takes; none while pages are pinned, when
 * nothing is protected.
 */
static uint32_t
guard_pages(uint32_t npages)
{
	return npages >= GUARD_PAGES && !gcm_pin_is_on() &&
	       !atomic_load_explicit(&no_guards, memory_order_relaxed);
}

/* Guard the last page of the span if it was taken for that. */
static void
set_guard_locked(uint32_t index, uint32_t nguards)
{
	struct gcm_page *page = gcm_page(index);

	page->flags &= (uint8_t)~GCM_PAGE_GUARDED;
	if (nguards == 0 || gcm_pin_is_on())
		return;
	if (gcm_pageheap_guard_locked(index + page->n - 1))
		page->flags |= GCM_PAGE_GUARDED;
	else
		atomic_store_explicit(&no_guards, true, memory_order_relaxed);
}

static void
set_guard(uint32_t index, uint32_t nguards)
{
	if (nguards == 0)
		return;
	gcm_lock_acquire(&gcm_pageheap.lock);
	set_guard_locked(index, nguards);
	gcm_lock_release(&gcm_pageheap.lock);
}

void *
gcm_large_alloc(uint32_t npages, uint32_t align_pages, bool zeroed)
{
	bool clean = false;
	uint32_t nguards = guard_pages(npages);
	uint32_t index = find_span(npages + nguards, align_pages, &clean);
	uintptr_t addr;

	if (index == GCM_NO_PAGE)
		return NULL;
	set_guard(index, nguards);
	addr = gcm_page_addr(index);
	if (zeroed && !clean)
		zero_pages(addr, (size_t)npages << GCM_PAGE_SHIFT);
	colour_block(addr);
	gcm_cycle_count(
	    gcm_cache_self(), (int64_t)((uint64_t)npages << GCM_PAGE_SHIFT));
	return (void *)addr;
}

/* Take the block out of the program's hands: the state it had, INTERIOR when
 * the program did not have it.
 */
static uint8_t
retire_block(uintptr_t addr)
{
	_Atomic uint8_t *state = gcm_state_at(addr);
	uint8_t seen = atomic_load_explicit(state, memory_order_relaxed);

	do {
		if ((seen & (GCM_ALLOC | GCM_SAMPLED)) == 0)
			return GCM_INTERIOR;
	} while (!atomic_compare_exchange_weak_explicit(state, &seen, GCM_FREE,
	    memory_order_acq_rel, memory_order_relaxed));
	return seen;
}

/* The first page of a guarded block faults from now on; both guards are
 * without memory.
 */
static void
guard_freed_locked(uint32_t index)
{
	uint32_t last = index + gcm_page(index)->n - 1;

	if (!gcm_pin_is_on() && gcm_pageheap_guard_locked(index))
		gcm_bits_mark_locked(GCM_CLEAN, gcm_page_addr(index),
		    gcm_page_addr(index + 1), true);
	gcm_bits_mark_locked(
	    GCM_CLEAN, gcm_page_addr(last), gcm_page_addr(last + 1), true);
}

/* Keep the span aside; the one that was before, as a link. */
static uint32_t
park_span_locked(uint32_t index)
{
	uint32_t before = parked;

	if (gcm_page(index)->n > PARK_PAGES)
		return index + 1;
	parked = index + 1;
	return before;
}

static void
give_span(uint32_t index, bool clean)
{
	bool guarded = (gcm_page(index)->flags & GCM_PAGE_GUARDED) != 0;
	uint32_t link = index + 1;

	gcm_lock_acquire(&gcm_pageheap.lock);
	if (guarded && !clean) {
		guard_freed_locked(index);
		link = park_span_locked(index);
	}
	if (link != 0)
		gcm_pageheap_give_locked(
		    link - 1, gcm_page(link - 1)->n, clean);
	gcm_lock_release(&gcm_pageheap.lock);
}

bool
gcm_large_unpark(void)
{
	uint32_t link;

	gcm_lock_acquire(&gcm_pageheap.lock);
	link = parked;
	parked = 0;
	if (link != 0)
		gcm_pageheap_give_locked(
		    link - 1, gcm_page(link - 1)->n, false);
	gcm_lock_release(&gcm_pageheap.lock);
	return link != 0;
}

void
gcm_large_drop_guards_locked(void)
{
	atomic_store_explicit(&no_guards, true, memory_order_relaxed);
	gcm_pageheap_unguard_locked(0, gcm_zone_pages());
}

void
gcm_large_reset(void)
{
	parked = 0;
}

/* Give back the pages of a block whose state was `state`; the bytes that may
 * still be resident.
 */
static size_t
free_span(uint32_t index, uint8_t state, bool clean)
{
	struct gcm_page *page = gcm_page(index);
	size_t len = (size_t)page->n << GCM_PAGE_SHIFT;

	if (GCM_UNLIKELY(gcm_cache_frees_are_poisoned()) &&
	    !gcm_alter_is_noted(state) && !clean)
		memset((void *)gcm_page_addr(index), GCM_POISON,
		    (size_t)gcm_large_length(page) << GCM_PAGE_SHIFT);
	if (gcm_alter_is_noted(state) || (page->flags & GCM_PAGE_MOVED) != 0) {
		bool renewed = gcm_pageheap_renew(
		    gcm_page_addr(index), gcm_page_addr(index + page->n));

		if (!renewed && gcm_alter_is_noted(state)) {
			gcm_slot_set(gcm_page_addr(index), GCM_LOST);
			return 0;
		}
		/* Pages of the kernel that are longer than ours may be left. */
		clean = renewed && gcm_os_page_size() <= GCM_PAGE_SIZE;
	}
	give_span(index, clean);
	return clean ? 0 : len;
}

size_t
gcm_large_reclaim(uint32_t index)
{
	return free_span(index, GCM_FREE, false);
}

bool
gcm_large_free(uintptr_t addr)
{
	struct gcm_cache *cache = gcm_cache_self();
	struct gcm_page *page = gcm_page_at(addr);
	size_t len = (size_t)gcm_large_length(page) << GCM_PAGE_SHIFT;
	uint8_t state = retire_block(addr);

	if (state == GCM_INTERIOR)
		return false;
	gcm_scavenge_count(
	    cache, free_span(gcm_page_index(page), state, false));
	gcm_cycle_count(cache, -(int64_t)len);
	return true;
}

/* Shorten the span to npages, the last of them a guard if nguards is 1. */
static void
shrink_span(uint32_t index, uint32_t npages, uint32_t nguards, bool clean)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t now = page->n;

	gcm_lock_acquire(&gcm_pageheap.lock);
	page->n = npages;
	set_guard_locked(index, nguards);
	gcm_pageheap_give_locked(index + npages, now - npages, clean);
	gcm_lock_release(&gcm_pageheap.lock);
}

static bool
extend_span(uint32_t index, uint32_t npages, uint32_t nguards)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t now = page->n;
	bool done, clean;

	gcm_lock_acquire(&gcm_pageheap.lock);
	done = gcm_pageheap_extend_locked(index, now, npages, &clean);
	if (done) {
		page->n = npages;
		if (gcm_pin_is_on())
			index_body(index, now);
		if (nguards > 0)
			gcm_pageheap_unguard_locked(index + now - 1, 1);
		set_guard_locked(index, nguards);
	}
	gcm_lock_release(&gcm_pageheap.lock);
	return done;
}

bool
gcm_large_resize(uintptr_t addr, uint32_t npages)
{
	struct gcm_page *page = gcm_page_at(addr);
	uint32_t index = gcm_page_index(page), now = page->n;
	uint32_t nguards = now - gcm_large_length(page);
	uint32_t want = npages + nguards;

	if (want == now)
		return true;
	gcm_cycle_count(
	    gcm_cache_self(), ((int64_t)want - (int64_t)now) * GCM_PAGE_SIZE);
	if (want > now) {
		bool done = extend_span(index, want, nguards);

		if (!done)
			gcm_cycle_count(gcm_cache_self(),
			    ((int64_t)now - (int64_t)want) * GCM_PAGE_SIZE);
		return done;
	}
	if (gcm_alter_is_noted(gcm_slot_get(addr)) &&
	    !gcm_pageheap_renew(
		gcm_page_addr(index + want), gcm_page_addr(index + now)))
		return true; /* all of it stays */
	shrink_span(index, want, nguards, false);
	gcm_scavenge_count(
	    gcm_cache_self(), (size_t)(now - want) << GCM_PAGE_SHIFT);
	return true;
}

/* True when the pages moved, so that `from` reads as zero. */
static bool
move_contents(uintptr_t from, uintptr_t to, size_t len)
{
	if (len >= MOVE_BYTES && fills_pages(from | to | len) &&
	    !gcm_alter_is_noted(gcm_slot_get(from)) && gcm_pin_move_begin()) {
		int error = gcm_os_move((void *)from, (void *)to, len);

		gcm_pin_move_end();
		if (error == 0) {
			gcm_page_at(to)->flags |= GCM_PAGE_MOVED;
			return true;
		}
		/* Some systems have unmapped `to` by the time they refuse. */
		(void)gcm_os_renew((void *)to, len);
	}
	memcpy((void *)to, (void *)from, len);
	return false;
}

void *
gcm_large_move(uintptr_t addr, uint32_t npages)
{
	size_t len = (size_t)gcm_large_length(gcm_page_at(addr))
		     << GCM_PAGE_SHIFT;
	uint32_t nguards = guard_pages(npages), want = npages + nguards, index;
	uintptr_t to;
	bool clean, moved;
	uint8_t state;

	/* The room behind the block is given back at once: it stays free
	 * unless somebody needs it, and the next growth finds it there.
	 */
	index = find_span(want + npages / 4, 1, &clean);
	if (index != GCM_NO_PAGE && npages / 4 > 0) {
		shrink_span(index, want, nguards, clean);
	} else {
		if (index == GCM_NO_PAGE)
			index = find_span(want, 1, &clean);
		if (index == GCM_NO_PAGE)
			return NULL;
		set_guard(index, nguards);
	}
	to = gcm_page_addr(index);
	/* Before anything is in it: black blocks have been written since writes
	 * are tracked (docs/design/collector.md, claim 1).
	 */
	colour_block(to);
	moved = move_contents(addr, to, len);
	state = retire_block(addr);
	if (state != GCM_INTERIOR)
		gcm_scavenge_count(gcm_cache_self(),
		    free_span(gcm_page_index(gcm_page_at(addr)), state, moved));
	gcm_cycle_count(gcm_cache_self(),
	    ((int64_t)npages << GCM_PAGE_SHIFT) - (int64_t)len);
	return (void *)to;
}
