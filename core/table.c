/* table.c -- placing the zone and growing it with its tables
 *
 * MODEL   The zone is a window of addresses, not a reservation: extents are
 *         mapped one after another, and with each the parts of the tables
 *         that describe it, so that address space, commit charge and page
 *         tables follow what the heap holds.
 *
 *         The base is random, with bits 40-47 in 0x60..0x67 and bits 32-39 at
 *         0x80 and above: such words are not small integers, not ASCII, not
 *         UTF-8 text of six letters, and neither PIE programs, brk, mmap,
 *         Go's arenas nor low-memory heaps are placed there.
 *
 * LOCKS   page-heap lock for growth, init lock for the first extent.
 *
 * INVARIANTS
 *   .inv.tables-first  the tables of [lo, hi) are mapped before
 *         gcm_zone_count says so: a lookup inside the zone never faults.
 *   .inv.reach  what a growth is about to map of a table is noted before it
 *         is mapped; what it has mapped of the zone, after, for there it may
 *         have met a mapping of somebody else.
 *
 * FORK    a child may have a mapping that another thread was making, but not
 *         the store that says so: growth would meet it for ever, or leave a
 *         hole.  It was noted, and is unmapped.
 */
#include "core/table.h"

#include <errno.h>

#include "core/os.h"

enum {
	EXTENT_MIN = 1 << 20, /* bytes */
	EXTENT_MAX = 64 << 20,
	EXTENT_ALIGN = 64 << 10, /* the largest kernel page */
	TABLE_CHUNK = 64 << 10,
	SKIP_MIN = 64 << 20, /* first step over what is in the zone's way */
	COLLAPSE_BYTES = 8 << 20, /* of states: a heap of 128 MiB */
	BASE_TRIES = 16
};

struct gcm_zone gcm_zone;
uint64_t gcm_zone_start;
_Atomic uint64_t gcm_zone_count;

struct window {
	uintptr_t (*find)(uintptr_t addr);
	const char *name;
	uintptr_t lo;         /* const once init */
	_Atomic uintptr_t hi; /* mapped so far; page-heap lock; read by all */
	uintptr_t reach; /* hi, or what it is about to be; page-heap lock */
};

/* What was last mapped for the zone, or is being unmapped; page-heap lock. */
static struct {
	uintptr_t lo, hi;
} zone_new;

/* The zone's last part without a hole begins here; page-heap lock. */
static uintptr_t zone_piece;

static uintptr_t
find_state(uintptr_t addr)
{
	return (uintptr_t)gcm_state_at(addr);
}

static uintptr_t
find_page(uintptr_t addr)
{
	return (uintptr_t)gcm_page_at(addr);
}

static uintptr_t
find_bits(uintptr_t addr)
{
	return (uintptr_t)gcm_bits_at(addr, GCM_CLEAN);
}

static struct window windows[] = {
    {find_state, "gcmalloc: states", 0, 0, 0},
    {find_page, "gcmalloc: pages", 0, 0, 0},
    {find_bits, "gcmalloc: bits", 0, 0, 0},
};

enum {
	NWINDOWS = sizeof(windows) / sizeof(windows[0])
};

static int
grow_window(struct window *window, uintptr_t zone_hi)
{
	/* Of the last byte: one entry of the bits is about 64 pages. */
	uintptr_t need =
	    gcm_round_up(window->find(zone_hi - 1) + 1, TABLE_CHUNK);
	size_t step = (window->hi - window->lo) / 8;
	int error;

	if (need <= window->hi)
		return 0;
	if (need - window->hi < step) /* few, longer mappings */
		need = gcm_round_up(window->hi + step, TABLE_CHUNK);
	window->reach = need; /* .inv.reach */
	error = gcm_os_map_at((void *)window->hi, need - window->hi, true);
	if (error != 0) {
		window->reach = window->hi;
		return error;
	}
	/* Mappings merge only under one name; the first, small one does
	 * without, so that a program's start has fewer calls.
	 */
	if (window->hi > window->lo)
		gcm_os_name(
		    (void *)window->lo, need - window->lo, window->name);
	window->hi = need;
	return 0;
}

/* Note [lo, hi): a fork may be between any two stores. */
static void
note_new(uintptr_t lo, uintptr_t hi)
{
	zone_new.hi = 0;
	atomic_signal_fence(memory_order_seq_cst);
	zone_new.lo = lo;
	atomic_signal_fence(memory_order_seq_cst);
	zone_new.hi = hi;
}

static int
map_extent(uintptr_t lo, uintptr_t hi)
{
	int error;

	for (unsigned int i = 0; i < NWINDOWS; i++) { /* .inv.tables-first */
		error = grow_window(&windows[i], hi);
		if (error != 0)
			return error;
	}
	error = gcm_os_map_at((void *)lo, hi - lo, false);
	if (error == 0)
		note_new(lo, hi); /* .inv.reach */
	return error;
}

static void
publish_zone(uintptr_t hi)
{
	gcm_zone.hi = hi;
	atomic_store_explicit(&gcm_zone_count,
	    (hi - gcm_zone.lo) >> GCM_GRANULE_SHIFT, memory_order_release);
}

/* Mask of the pages of [lo, hi) in the word that holds lo's. */
static uint64_t
bits_mask(uintptr_t lo, uintptr_t hi)
{
	unsigned int first = lo >> GCM_PAGE_SHIFT & 63;
	size_t npages = (hi - lo) >> GCM_PAGE_SHIFT;
	uint64_t mask = npages >= 64 ? ~0ull : (1ull << npages) - 1;

	return mask << first;
}

static uintptr_t
bits_next(uintptr_t lo)
{
	return gcm_round_up(lo + 1, (uintptr_t)64 << GCM_PAGE_SHIFT);
}

void
gcm_bits_mark_locked(enum gcm_page_bit bit, uintptr_t lo, uintptr_t hi, bool on)
{
	for (; lo < hi; lo = bits_next(lo)) {
		if (on)
			*gcm_bits_at(lo, bit) |= bits_mask(lo, hi);
		else
			*gcm_bits_at(lo, bit) &= ~bits_mask(lo, hi);
	}
}

uintptr_t
gcm_bits_find_locked(enum gcm_page_bit bit, uintptr_t lo, uintptr_t hi)
{
	for (; lo < hi; lo = bits_next(lo)) {
		uint64_t word = *gcm_bits_at(lo, bit) & bits_mask(lo, hi);

		if (word != 0)
			return gcm_round_down(
				   lo, (uintptr_t)64 << GCM_PAGE_SHIFT) +
			       ((uintptr_t)__builtin_ctzll(word)
				   << GCM_PAGE_SHIFT);
	}
	return hi;
}

/* Mostly all or nothing: the baseline processor has no instruction for it. */
static uint32_t
count_bits(uint64_t word)
{
	if (word == 0)
		return 0;
	return word == ~(uint64_t)0 ? 64 : (uint32_t)__builtin_popcountll(word);
}

uint32_t
gcm_bits_count_locked(enum gcm_page_bit bit, uintptr_t lo, uintptr_t hi)
{
	uint32_t npages = 0;

	for (; lo < hi; lo = bits_next(lo))
		npages += count_bits(*gcm_bits_at(lo, bit) & bits_mask(lo, hi));
	return npages;
}

static uintptr_t
choose_base(void)
{
	uint64_t chance = gcm_os_random();
	uint64_t top = chance & 7;              /* bits 40-42 */
	uint64_t middle = (chance >> 8) % 0x60; /* bits 32-39 */
	uint64_t low = (chance >> 32) & 0x7ff;  /* 2 MiB steps */

	return GCM_ZONE_WINDOW + (top << 40) + (middle << 32) + (low << 21);
}

int
gcm_table_init(void)
{
	int error = 0;

	for (int i = 0; i < BASE_TRIES; i++) {
		uintptr_t lo = choose_base(), hi = lo + EXTENT_MIN;

		for (unsigned int w = 0; w < NWINDOWS; w++) {
			windows[w].lo =
			    gcm_round_down(windows[w].find(lo), TABLE_CHUNK);
			windows[w].hi = windows[w].lo;
			windows[w].reach = windows[w].lo;
		}
		error = map_extent(lo, hi);
		if (error == 0) {
			gcm_zone.lo = lo;
			gcm_zone_start = lo >> GCM_GRANULE_SHIFT;
			gcm_bits_mark_locked(GCM_CLEAN, lo, hi, true);
			publish_zone(hi);
			return 0;
		}
		for (unsigned int w = 0; w < NWINDOWS; w++)
			if (windows[w].hi > windows[w].lo)
				gcm_os_unmap((void *)windows[w].lo,
				    windows[w].hi - windows[w].lo);
	}
	return error;
}

/* Somebody has mapped something at *lo: find room for len bytes behind it. */
static int
skip_obstacle(uintptr_t *lo, size_t len)
{
	int error = -EEXIST;

	for (size_t skip = SKIP_MIN; error == -EEXIST; skip *= 2) {
		if (skip + len > GCM_ZONE_LIMIT - *lo)
			return -ENOMEM;
		error = map_extent(*lo + skip, *lo + skip + len);
		if (error == 0)
			*lo += skip;
	}
	return error;
}

/* Pages of the zone's range that are somebody else's: a large span that was
 * never a block, as if it were lost.
 */
static void
note_hole(uintptr_t lo, uintptr_t hi)
{
	struct gcm_page *page = gcm_page_at(lo);

	page->n = (uint32_t)((hi - lo) >> GCM_PAGE_SHIFT);
	page->flags = 0;
	atomic_store_explicit(gcm_state_at(lo), GCM_LOST, memory_order_relaxed);
	atomic_store_explicit(
	    &page->kind, GCM_KIND_LARGE, memory_order_release);
}

int64_t
gcm_table_grow_locked(uint32_t *npages)
{
	uintptr_t lo = gcm_zone.hi;
	size_t need =
	    gcm_round_up((size_t)*npages << GCM_PAGE_SHIFT, EXTENT_ALIGN);
	size_t wish = gcm_round_up((lo - gcm_zone.lo) / 16, EXTENT_ALIGN);
	int error;

	if (wish < EXTENT_MIN)
		wish = EXTENT_MIN;
	if (wish > EXTENT_MAX)
		wish = EXTENT_MAX;
	if (wish < need)
		wish = need;
	if (need > GCM_ZONE_LIMIT - lo)
		return -ENOMEM;
	if (wish > GCM_ZONE_LIMIT - lo)
		wish = need;
	error = map_extent(lo, lo + wish);
	if (error != 0 && wish > need) {
		wish = need;
		error = map_extent(lo, lo + wish);
	}
	if (error == -EEXIST)
		error = skip_obstacle(&lo, wish);
	if (error != 0)
		return error;
	gcm_bits_mark_locked(GCM_CLEAN, lo, lo + wish, true);
	if (lo != gcm_zone.hi || zone_piece == 0)
		zone_piece = lo == gcm_zone.hi ? gcm_zone.lo : lo;
	if (lo > gcm_zone.hi) /* a child must not find it free */
		note_hole(gcm_zone.hi, lo);
	publish_zone(lo + wish);
	gcm_os_name(
	    (void *)zone_piece, gcm_zone.hi - zone_piece, "gcmalloc: heap");
	*npages = (uint32_t)(wish >> GCM_PAGE_SHIFT);
	return (int64_t)((lo - gcm_zone.lo) >> GCM_PAGE_SHIFT);
}

void
gcm_table_collapse(void)
{
	static uintptr_t done; /* the collector's thread */
	uintptr_t hi = gcm_round_down(
	    find_state(gcm_page_addr(gcm_zone_pages())), GCM_OS_HUGE);

	if (hi < find_state(gcm_zone.lo) + COLLAPSE_BYTES)
		return;
	if (done == 0)
		done = gcm_round_up(find_state(gcm_zone.lo), GCM_OS_HUGE);
	for (; done < hi; done += GCM_OS_HUGE) /* a piece at a time: locks */
		(void)gcm_os_collapse((void *)done, GCM_OS_HUGE);
}

static void
drop_reach(uintptr_t hi, uintptr_t *reach)
{
	if (*reach > hi)
		gcm_os_unmap((void *)hi, *reach - hi);
	*reach = hi;
}

void
gcm_table_repair(void)
{
	gcm_zone.hi = gcm_page_addr(gcm_zone_pages());
	if (zone_new.lo < gcm_zone.hi)
		zone_new.lo = gcm_zone.hi;
	if (zone_new.hi > zone_new.lo)
		gcm_os_unmap((void *)zone_new.lo, zone_new.hi - zone_new.lo);
	zone_new.hi = 0;
	for (unsigned int i = 0; i < NWINDOWS; i++)
		drop_reach(windows[i].hi, &windows[i].reach);
}

void
gcm_table_shrink_locked(uint32_t npages)
{
	uintptr_t hi = gcm_zone.hi - ((uintptr_t)npages << GCM_PAGE_SHIFT);

	note_new(hi, gcm_zone.hi); /* a child in between unmaps it */
	publish_zone(hi);
	gcm_os_unmap((void *)hi, (size_t)npages << GCM_PAGE_SHIFT);
	note_new(hi, hi);
}

size_t
gcm_table_mapped(void)
{
	size_t sum = 0;

	for (unsigned int i = 0; i < NWINDOWS; i++)
		sum += windows[i].hi - windows[i].lo;
	return sum;
}

bool
gcm_table_at(unsigned int i, uintptr_t *lo, uintptr_t *hi)
{
	if (i >= NWINDOWS ||
	    atomic_load_explicit(&gcm_zone_count, memory_order_acquire) == 0)
		return false;
	*lo = windows[i].lo;
	*hi = atomic_load_explicit(&windows[i].hi, memory_order_relaxed);
	return true;
}
