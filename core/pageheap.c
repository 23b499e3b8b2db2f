/* pageheap.c -- free runs of pages: best fit by size, then address
 *
 * MODEL   A free run is named by the records of its first page (kind RUN, n
 *         pages, tree links) and of its last (kind TAIL, n pages back).  The
 *         index is a treap ordered by (n, index): the least node that is
 *         large enough is the best fit, the lowest address among equals.
 *         Priorities are a hash of the index, so nothing is stored for them
 *         (Seidel and Aragon, "Randomized Search Trees", 1996).
 *
 *         Whether a page is known to read as zero, and whether it faults, are
 *         bits of a table; a run may hold all sorts.
 *
 * LOCKS   gcm_pageheap.lock guards everything here, the kind, n and links of
 *         free pages, and zone growth.
 *
 * INVARIANTS
 *   .inv.run-ends     a free run's first and last record name it, and no two
 *                     free runs touch.
 *   .inv.run-stale    no record inside a free run, or inside a large span
 *                     after its first page, has kind SMALL, LARGE or RUN, so
 *                     that a walk by records never takes one for a head.
 *   .inv.run-index    every free run is in the treap, once.
 *
 * FORK    the index and counters may be torn in a child: gcm_pageheap_reset,
 *         then heap.c gives every page that is in no span again.
 */
#include "core/pageheap.h"

#include "core/event.h"
#include "core/os.h"
#include "core/pin.h"
#include "core/span.h"

struct gcm_pageheap gcm_pageheap = {.lock = GCM_LOCK_INIT(pageheap)};

/* The treap ---------------------------------------------------------------- */

static struct gcm_page *
node_page(uint32_t link)
{
	return gcm_page(link - 1);
}

static uint32_t
node_priority(uint32_t link)
{
	uint32_t hash = link * 0x9e3779b1u;

	hash ^= hash >> 15;
	return hash * 0x85ebca77u;
}

static bool
node_before(uint32_t n, uint32_t link, uint32_t other)
{
	uint32_t other_n = node_page(other)->n;

	return n != other_n ? n < other_n : link < other;
}

/* Split the tree at `at` into nodes before and after (n, link). */
static void
split_tree(
    uint32_t at, uint32_t n, uint32_t link, uint32_t *before, uint32_t *after)
{
	while (at != 0) {
		struct gcm_page *page = node_page(at);

		if (node_before(n, link, at)) {
			*after = at;
			after = &page->prev;
			at = page->prev;
		} else {
			*before = at;
			before = &page->next;
			at = page->next;
		}
	}
	*before = 0;
	*after = 0;
}

static void
insert_node(uint32_t link)
{
	struct gcm_page *page = node_page(link);
	uint32_t priority = node_priority(link);
	uint32_t *at = &gcm_pageheap.root;

	while (*at != 0 && node_priority(*at) >= priority)
		at = node_before(page->n, link, *at) ? &node_page(*at)->prev
						     : &node_page(*at)->next;
	split_tree(*at, page->n, link, &page->prev, &page->next);
	*at = link;
}

static void
remove_node(uint32_t link)
{
	struct gcm_page *page = node_page(link);
	uint32_t *at = &gcm_pageheap.root;
	uint32_t before = page->prev, after = page->next;

	while (*at != link) {
		GCM_AVER(*at != 0); /* .inv.run-index */
		at = node_before(page->n, link, *at) ? &node_page(*at)->prev
						     : &node_page(*at)->next;
	}
	while (before != 0 && after != 0) {
		if (node_priority(before) >= node_priority(after)) {
			*at = before;
			at = &node_page(before)->next;
			before = *at;
		} else {
			*at = after;
			at = &node_page(after)->prev;
			after = *at;
		}
	}
	*at = before != 0 ? before : after;
}

/* The least run of at least n pages, as a link; 0 when there is none. */
static uint32_t
find_fit(uint32_t n)
{
	uint32_t at = gcm_pageheap.root, best = 0;

	while (at != 0) {
		struct gcm_page *page = node_page(at);

		if (page->n >= n) {
			best = at;
			at = page->prev;
		} else {
			at = page->next;
		}
	}
	return best;
}

/* Runs --------------------------------------------------------------------- */

static void
set_kind(struct gcm_page *page, enum gcm_kind kind)
{
	atomic_store_explicit(&page->kind, (uint8_t)kind, memory_order_release);
}

/* Name [first, first+n) a free run and index it. */
static void
add_run(uint32_t first, uint32_t n)
{
	struct gcm_page *page = gcm_page(first);

	if (n > 1) {
		struct gcm_page *tail = gcm_page(first + n - 1);

		tail->n = n - 1;
		set_kind(tail, GCM_KIND_TAIL);
	}
	page->n = n;
	page->flags = 0;
	set_kind(page, GCM_KIND_RUN);
	insert_node(first + 1);
}

/* Take the run at `first` out of the index; its records say nothing more. */
static uint32_t
drop_run(uint32_t first)
{
	struct gcm_page *page = gcm_page(first);
	uint32_t n = page->n;

	GCM_AVER(gcm_page_kind(page) == GCM_KIND_RUN);
	remove_node(first + 1);
	set_kind(page, GCM_KIND_NONE); /* .inv.run-stale */
	set_kind(gcm_page(first + n - 1), GCM_KIND_NONE);
	return n;
}

static void
count_free(uint32_t first, uint32_t n, bool added)
{
	uintptr_t lo = gcm_page_addr(first), hi = gcm_page_addr(first + n);
	uint32_t ndirty = n - gcm_bits_count_locked(GCM_CLEAN, lo, hi);
	uint32_t dirty =
	    atomic_load_explicit(&gcm_pageheap.dirty, memory_order_relaxed);

	if (added) {
		gcm_pageheap.free_pages += n;
		dirty += ndirty;
	} else {
		gcm_pageheap.free_pages -= n;
		dirty -= ndirty;
		if (dirty < atomic_load_explicit(
				&gcm_pageheap.dirty_low, memory_order_relaxed))
			atomic_store_explicit(&gcm_pageheap.dirty_low, dirty,
			    memory_order_relaxed);
	}
	atomic_store_explicit(&gcm_pageheap.dirty, dirty, memory_order_relaxed);
}

static void
count_used(int64_t npages)
{
	atomic_fetch_add_explicit(
	    &gcm_pageheap.used, (uint32_t)npages, memory_order_relaxed);
}

/* Free pages join the runs on both sides. */
static void
join_run(uint32_t first, uint32_t n)
{
	if (first > 0) {
		struct gcm_page *left = gcm_page(first - 1);
		uint8_t kind = gcm_page_kind(left);

		if (kind == GCM_KIND_TAIL ||
		    (kind == GCM_KIND_RUN && left->n == 1)) {
			uint32_t back = kind == GCM_KIND_TAIL ? left->n : 0;

			first -= 1 + back;
			n += drop_run(first);
		}
	}
	if (first + n < gcm_zone_pages() &&
	    gcm_page_kind(gcm_page(first + n)) == GCM_KIND_RUN)
		n += drop_run(first + n);
	add_run(first, n);
}

static bool
grow_zone(uint32_t npages)
{
	uint32_t end = gcm_zone_pages(), got = npages;
	int64_t first = gcm_table_grow_locked(&got);

	if (first < 0)
		return false;
	GCM_NOTE(grow, (uint64_t)got << GCM_PAGE_SHIFT);
	gcm_pageheap.holes += (uint32_t)first - end;
	count_free((uint32_t)first, got, true);
	join_run((uint32_t)first, got);
	return true;
}

static _Atomic bool guarded; /* before the first guard; page-heap lock */

bool
gcm_pageheap_has_guards(void)
{
	return atomic_load_explicit(&guarded, memory_order_relaxed);
}

bool
gcm_pageheap_guard_locked(uint32_t index)
{
	uintptr_t addr = gcm_page_addr(index);
	bool before = gcm_pageheap_has_guards();

	if (gcm_os_page_size() > GCM_PAGE_SIZE)
		return false;
	atomic_store_explicit(&guarded, true, memory_order_relaxed);
	if (gcm_os_guard((void *)addr, GCM_PAGE_SIZE, true) != 0) {
		atomic_store_explicit(&guarded, before, memory_order_relaxed);
		return false;
	}
	gcm_bits_mark_locked(GCM_GUARD, addr, addr + GCM_PAGE_SIZE, true);
	return true;
}

void
gcm_pageheap_unguard_locked(uint32_t first, uint32_t npages)
{
	uintptr_t hi = gcm_page_addr(first + npages);
	uintptr_t at =
	    gcm_bits_find_locked(GCM_GUARD, gcm_page_addr(first), hi);

	/* One by one: the system takes its time over what lies between. */
	for (; at < hi; at = gcm_bits_find_locked(GCM_GUARD, at, hi)) {
		(void)gcm_os_guard((void *)at, GCM_PAGE_SIZE, false);
		gcm_bits_mark_locked(GCM_GUARD, at, at + GCM_PAGE_SIZE, false);
	}
}

static bool
take_pages(uint32_t first, uint32_t n)
{
	uintptr_t lo = gcm_page_addr(first), hi = gcm_page_addr(first + n);
	bool clean;

	gcm_pageheap_unguard_locked(first, n);
	count_free(first, n, false);
	count_used(n);
	clean = gcm_bits_count_locked(GCM_CLEAN, lo, hi) == n;
	gcm_bits_mark_locked(GCM_CLEAN, lo, hi, false);
	return clean;
}

uint32_t
gcm_pageheap_take_locked(
    uint32_t npages, uint32_t align_pages, bool may_grow, bool *clean)
{
	uint32_t slack = align_pages - 1, link, first, n, skip;

	GCM_AVER(gcm_lock_held(&gcm_pageheap.lock));
	link = find_fit(npages + slack);
	if (link == 0) {
		if (!may_grow || !grow_zone(npages + slack))
			return GCM_NO_PAGE;
		link = find_fit(npages + slack);
		GCM_AVER(link != 0);
	}
	first = link - 1;
	n = drop_run(first);
	skip = (uint32_t)(-(gcm_page_addr(first) >> GCM_PAGE_SHIFT) & slack);
	if (skip > 0)
		add_run(first, skip);
	first += skip;
	n -= skip;
	if (n > npages)
		add_run(first + npages, n - npages);
	*clean = take_pages(first, npages);
	return first;
}

bool
gcm_pageheap_extend_locked(
    uint32_t first, uint32_t npages, uint32_t want, bool *clean)
{
	uint32_t next = first + npages, more = want - npages, n;

	GCM_AVER(gcm_lock_held(&gcm_pageheap.lock));
	if (next == gcm_zone_pages() && !grow_zone(more))
		return false;
	if (gcm_page_kind(gcm_page(next)) != GCM_KIND_RUN)
		return false;
	n = gcm_page(next)->n;
	if (n < more) {
		if (next + n != gcm_zone_pages() || !grow_zone(more - n))
			return false;
		n = gcm_page(next)->n;
		if (n < more)
			return false;
	}
	(void)drop_run(next);
	if (n > more)
		add_run(next + more, n - more);
	*clean = take_pages(next, more);
	return true;
}

void
gcm_pageheap_give_locked(uint32_t first, uint32_t npages, bool clean)
{
	GCM_AVER(gcm_lock_held(&gcm_pageheap.lock));
	set_kind(gcm_page(first), GCM_KIND_NONE); /* .inv.run-stale */
	if (clean)
		gcm_bits_mark_locked(GCM_CLEAN, gcm_page_addr(first),
		    gcm_page_addr(first + npages), true);
	count_used(-(int64_t)npages);
	count_free(first, npages, true);
	join_run(first, npages);
}

/* Returning memory -----------------------------------------------------------
 */

enum {
	EXTENT_PAGES =
	    (1 << 20) / GCM_PAGE_SIZE, /* the zone shrinks by these */
	RELEASE_PAGES = 512            /* released in one call to the system */
};

/* Release one piece, its ends rounded inwards to the kernel's pages. */
static uint32_t
release_piece(uintptr_t lo, uintptr_t hi)
{
	size_t page = gcm_os_page_size();
	uint32_t ndirty;

	lo = gcm_round_up(lo, page);
	hi = gcm_round_down(hi, page);
	if (lo >= hi)
		return 0;
	ndirty = (uint32_t)((hi - lo) >> GCM_PAGE_SHIFT) -
		 gcm_bits_count_locked(GCM_CLEAN, lo, hi);
	if (ndirty == 0 || gcm_os_release((void *)lo, hi - lo) != 0)
		return 0;
	gcm_bits_mark_locked(GCM_CLEAN, lo, hi, true);
	atomic_fetch_sub_explicit(
	    &gcm_pageheap.dirty, ndirty, memory_order_relaxed);
	return ndirty;
}

static uint32_t
release_run(uint32_t first, uint32_t n, uint32_t most)
{
	uintptr_t lo = gcm_page_addr(first), end = gcm_page_addr(first + n);
	uint32_t released = 0;

	while (lo < end && released < most) {
		uintptr_t hi = gcm_round_up(
		    lo + 1, (uintptr_t)RELEASE_PAGES << GCM_PAGE_SHIFT);

		if (hi > end)
			hi = end;
		if (hi - lo > (uintptr_t)(most - released) << GCM_PAGE_SHIFT)
			hi = lo +
			     ((uintptr_t)(most - released) << GCM_PAGE_SHIFT);
		released += release_piece(lo, hi);
		lo = hi;
	}
	return released;
}

/* The greatest run before (n, link) in the order; 0 when there is none. */
static uint32_t
find_before(uint32_t n, uint32_t link)
{
	uint32_t at = gcm_pageheap.root, best = 0;

	while (at != 0) {
		struct gcm_page *page = node_page(at);

		if (page->n < n || (page->n == n && at < link)) {
			best = at;
			at = page->next;
		} else {
			at = page->prev;
		}
	}
	return best;
}

uint32_t
gcm_pageheap_release_locked(uint32_t npages)
{
	uint32_t link = find_before(0xffffffff, 0xffffffff), released = 0;
	uint32_t low;

	GCM_AVER(gcm_lock_held(&gcm_pageheap.lock));
	while (link != 0 && released < npages) {
		uint32_t n = node_page(link)->n;

		released += release_run(link - 1, n, npages - released);
		link = find_before(n, link);
	}
	low = atomic_load_explicit(&gcm_pageheap.dirty, memory_order_relaxed);
	if (low <
	    atomic_load_explicit(&gcm_pageheap.dirty_low, memory_order_relaxed))
		atomic_store_explicit(
		    &gcm_pageheap.dirty_low, low, memory_order_relaxed);
	return released;
}

uint32_t
gcm_pageheap_find(uintptr_t addr)
{
	uint32_t want = (uint32_t)((addr - gcm_zone.lo) >> GCM_PAGE_SHIFT);

	/* Nothing on the way looks like a head: .inv.run-stale. */
	for (uint32_t i = want + 1; i-- > 0;) {
		const struct gcm_page *page = gcm_page(i);
		uint8_t kind = gcm_page_kind(page);

		if (kind == GCM_KIND_SMALL || kind == GCM_KIND_LARGE ||
		    kind == GCM_KIND_RUN)
			return want - i < page->n ? i : GCM_NO_PAGE;
	}
	return GCM_NO_PAGE;
}

bool
gcm_pageheap_renew(uintptr_t lo, uintptr_t hi)
{
	size_t page = gcm_os_page_size();

	lo = gcm_round_up(lo, page);
	hi = gcm_round_down(hi, page);
	return lo >= hi || gcm_os_renew((void *)lo, hi - lo) == 0;
}

uint32_t
gcm_pageheap_shrink_locked(void)
{
	uint32_t total = gcm_zone_pages(), first = total - 1, n, off;
	uint32_t unit = EXTENT_PAGES - 1;

	if (total == 0 || gcm_pin_is_on()) /* the heap was never used */
		return 0;
	if (gcm_page_kind(gcm_page(first)) == GCM_KIND_TAIL)
		first -= gcm_page(first)->n;
	if (gcm_page_kind(gcm_page(first)) != GCM_KIND_RUN)
		return 0;
	off = (total - first) & ~unit; /* whole extents */
	if (off == total)
		off -= EXTENT_PAGES; /* never all of it */
	if (off == 0)
		return 0;
	n = drop_run(first);
	count_free(first, n, false);
	gcm_bits_mark_locked(
	    GCM_GUARD, gcm_page_addr(total - off), gcm_page_addr(total), false);
	gcm_table_shrink_locked(off);
	if (n > off) {
		count_free(first, n - off, true);
		add_run(first, n - off);
	}
	return off;
}

void
gcm_pageheap_reset(void)
{
	gcm_lock_init(&gcm_pageheap.lock, GCM_RANK_pageheap);
	gcm_pageheap.root = 0;
	gcm_pageheap.free_pages = 0;
	atomic_store_explicit(&gcm_pageheap.dirty, 0, memory_order_relaxed);
	atomic_store_explicit(&gcm_pageheap.dirty_low, 0, memory_order_relaxed);
	atomic_store_explicit(&gcm_pageheap.used,
	    gcm_zone_pages() - gcm_pageheap.holes, memory_order_relaxed);
}

/* Checking -------------------------------------------------------------------
 */

void
gcm_pageheap_check_locked(void)
{
	uint32_t total = gcm_zone_pages(), nfree = 0, ndirty = 0, runs = 0;
	uint32_t indexed = 0, link = find_before(0xffffffff, 0xffffffff);
	bool after_run = false;

	for (uint32_t i = 0; i < total;) {
		struct gcm_page *page = gcm_page(i);
		uint8_t kind = gcm_page_kind(page);

		GCM_AVER(kind == GCM_KIND_RUN || kind == GCM_KIND_SMALL ||
			 kind == GCM_KIND_LARGE);
		GCM_AVER(page->n > 0 && page->n <= total - i);
		if (kind == GCM_KIND_RUN) {
			struct gcm_page *tail = gcm_page(i + page->n - 1);

			GCM_AVER(!after_run); /* .inv.run-ends */
			GCM_AVER(page->n == 1 ||
				 (gcm_page_kind(tail) == GCM_KIND_TAIL &&
				     tail->n == page->n - 1));
			runs++;
			nfree += page->n;
			ndirty += page->n - gcm_bits_count_locked(GCM_CLEAN,
						gcm_page_addr(i),
						gcm_page_addr(i + page->n));
		}
		after_run = kind == GCM_KIND_RUN;
		i += page->n;
	}
	for (; link != 0; indexed++) {
		GCM_AVER(gcm_page_kind(node_page(link)) == GCM_KIND_RUN);
		link = find_before(node_page(link)->n, link);
	}
	GCM_AVER(indexed == runs); /* .inv.run-index */
	GCM_AVER(nfree == gcm_pageheap.free_pages);
	GCM_AVER(ndirty == gcm_pageheap.dirty);
	GCM_AVER(total - nfree == gcm_pageheap.used + gcm_pageheap.holes);
}
