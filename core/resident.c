/* resident.c -- where the process's resident memory went
 *
 * MODEL   The kernel says which pages of the zone are in memory, the tables say
 *         what is on them.  Each span, block or free run is charged with those
 *         of its bytes that are on pages in memory: a slot that has only one
 *         of its two pages counts that one, a huge page counts as a whole,
 *         since all of it is there.  The zone is walked in pieces: which pages
 *         of a piece are there goes into a small map of bits, then its records
 *         are read under the page-heap lock.  Large blocks are counted by
 *         themselves, without it.
 *
 *         Our own memory and the stacks are ranges, counted as such.  The whole
 *         is the kernel's figure, and what is left of it is not ours.  As the
 *         program runs meanwhile, the parts may be a moment apart.  Whoever
 *         wants the thread gone does not wait for the end of it.
 *
 * LOCKS   page-heap lock.
 */
#include "core/resident.h"

#include <errno.h>
#include <string.h>

#include "core/cycle.h"
#include "core/figure.h"
#include "core/heap.h"
#include "core/large.h"
#include "core/os.h"
#include "core/own.h"
#include "core/pageheap.h"
#include "core/span.h"

enum {
	UNIT_SHIFT = 12, /* the least page of any kernel */
	UNIT = 1 << UNIT_SHIFT,
	STEP_PAGES = 512,
	MAP_PAGES = STEP_PAGES + GCM_SPAN_PAGES_MAX, /* the last may be long */
	MAP_UNITS = MAP_PAGES << (GCM_PAGE_SHIFT - UNIT_SHIFT),
	ROLLUP_BYTES = 1024
};

struct walk {
	const struct gcm_scanner *scanner;
	struct gcm_resident *resident;
	uintptr_t lo;                     /* of the map */
	uint64_t map[MAP_UNITS / 64 + 1]; /* units from there that are there */
	uint64_t *large;                  /* what the block at lo counts as */
	uintptr_t large_lo, large_hi;
	int error;
};

static struct walk walk; /* too large for the stack; the collector's thread */

/* Ranges --------------------------------------------------------------------
 */

static void
add_range(uintptr_t lo, uintptr_t hi, void *arg)
{
	*(uint64_t *)arg += hi - lo;
}

static void
count_range(uintptr_t lo, uintptr_t hi, uint64_t *sum)
{
	int error = gcm_cycle_is_asked()
			? -ECANCELED
			: walk.scanner->present(lo, hi, add_range, sum);

	if (error != 0 && walk.error == 0)
		walk.error = error;
}

static void
mark_units(uintptr_t lo, uintptr_t hi, void *arg)
{
	size_t at = (lo - walk.lo) >> UNIT_SHIFT;
	size_t end = (hi - walk.lo) >> UNIT_SHIFT;

	(void)arg;
	for (; at < end && at < MAP_UNITS; at++)
		walk.map[at / 64] |= (uint64_t)1 << at % 64;
}

static bool
has_unit(uintptr_t addr)
{
	size_t at = (addr - walk.lo) >> UNIT_SHIFT;

	return (walk.map[at / 64] >> at % 64 & 1) != 0;
}

/* Bytes of [lo, hi), in the map, that are there. */
static uint64_t
bytes_there(uintptr_t lo, uintptr_t hi)
{
	uint64_t sum = 0;

	while (lo < hi) {
		uintptr_t end = gcm_round_down(lo, UNIT) + UNIT;

		end = end < hi ? end : hi;
		if (has_unit(lo))
			sum += end - lo;
		lo = end;
	}
	return sum;
}

/* The zone ------------------------------------------------------------------
 */

static uint64_t *
place_of_state(uint8_t state)
{
	if ((state & (GCM_ALLOC | GCM_SAMPLED)) != 0)
		return &walk.resident->resident_live_bytes;
	if (gcm_state_is_limbo(state) || (state & GCM_QUAR) != 0)
		return &walk.resident->resident_limbo_bytes;
	if (state == GCM_CACHED)
		return &walk.resident->resident_cached_bytes;
	return &walk.resident->resident_spans_bytes;
}

/* A span all of whose pages are there needs no look at each slot's. */
static void
split_span(uint32_t index)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t size = gcm_classes[gcm_page_class(page)].size;
	uint32_t carved = page->carved;
	uintptr_t lo = gcm_page_addr(index),
		  hi = gcm_page_addr(index + page->n);
	uint64_t there = bytes_there(lo, hi), used = 0;
	bool whole = there == hi - lo;

	if (there == 0)
		return;
	for (; carved > 0 && hi - lo >= size; carved--, lo += size) {
		uint64_t bytes = whole ? size : bytes_there(lo, lo + size);

		*place_of_state(gcm_slot_get(lo)) += bytes;
		used += bytes;
	}
	walk.resident->resident_spans_bytes += there - used;
}

/* What begins at the page; how many pages it has, 0: a large one, to be counted
 * without the lock.
 */
static uint32_t
split_page_locked(uint32_t index)
{
	const struct gcm_page *page = gcm_page(index);
	uint8_t kind = gcm_page_kind(page);
	uintptr_t lo = gcm_page_addr(index);
	uint32_t npages = page->n > 0 ? page->n : 1;

	if (kind == GCM_KIND_SMALL && npages <= GCM_SPAN_PAGES_MAX) {
		split_span(index);
		return npages;
	}
	if (kind != GCM_KIND_LARGE && kind != GCM_KIND_RUN) {
		walk.resident->resident_free_bytes +=
		    bytes_there(lo, gcm_page_addr(index + 1));
		return 1; /* taken, and not yet a span */
	}
	walk.large = &walk.resident->resident_free_bytes;
	if (kind == GCM_KIND_LARGE && place_of_state(gcm_slot_get(lo)) !=
					  &walk.resident->resident_spans_bytes)
		walk.large = place_of_state(gcm_slot_get(lo));
	walk.large_lo = lo;
	walk.large_hi = gcm_page_addr(index + npages);
	return 0;
}

/* Read the records of a piece, as far as one hold of the lock goes; where it
 * ended.
 */
static uint32_t
split_piece(uint32_t index, uint32_t end)
{
	gcm_lock_acquire(&gcm_pageheap.lock);
	while (index < end) {
		uint32_t npages = split_page_locked(index);

		if (npages == 0)
			break;
		index += npages;
	}
	gcm_lock_release(&gcm_pageheap.lock);
	return index;
}

static void
split_zone(void)
{
	uint32_t total = gcm_zone_pages(), index = 0;

	while (index < total && walk.error == 0) {
		uint32_t end =
		    total - index > STEP_PAGES ? index + STEP_PAGES : total;
		uint32_t most =
		    total - index > MAP_PAGES ? index + MAP_PAGES : total;

		memset(walk.map, 0, sizeof(walk.map));
		walk.lo = gcm_page_addr(index);
		walk.error = gcm_cycle_is_asked()
				 ? -ECANCELED
				 : walk.scanner->present(walk.lo,
				       gcm_page_addr(most), mark_units, NULL);
		index = split_piece(index, end);
		if (index < end) {
			count_range(walk.large_lo, walk.large_hi, walk.large);
			index += (uint32_t)((walk.large_hi - walk.large_lo) >>
					    GCM_PAGE_SHIFT);
		}
	}
}

/* The rest ------------------------------------------------------------------
 */

static void
split_own(void)
{
	uintptr_t at = 0, end;

	for (;; at = end) {
		bool ours = gcm_own_has(at, &end);

		if (end <= at || end == UINTPTR_MAX)
			return;
		if (ours)
			count_range(
			    at, end, &walk.resident->resident_own_bytes);
	}
}

static void
split_stack(uintptr_t lo, uintptr_t hi, void *arg)
{
	(void)arg;
	count_range(lo, hi, &walk.resident->resident_stacks_bytes);
}

/* The kernel's exact figure where there is one. */
static uint64_t
read_whole(void)
{
	static char text[ROLLUP_BYTES]; /* the collector's thread */
	long got =
	    gcm_os_read_file("/proc/self/smaps_rollup", text, sizeof(text) - 1);
	static const char key[] = "\nRss:";
	const char *at = text;
	uint64_t value = 0;

	text[got > 0 ? got : 0] = '\0';
	while ((at = strchr(at, '\n')) != NULL &&
	       strncmp(at, key, sizeof(key) - 1) != 0)
		at++;
	if (at == NULL)
		return gcm_os_resident();
	for (at += sizeof(key) - 1; *at == ' '; at++)
		continue;
	for (; *at >= '0' && *at <= '9'; at++)
		value = value * 10 + (uint64_t)(*at - '0');
	return value << 10;
}

int
gcm_resident_count(
    const struct gcm_scanner *scanner, struct gcm_resident *resident)
{
	uint64_t known;

	memset(resident, 0, sizeof(*resident));
	walk.scanner = scanner;
	walk.resident = resident;
	walk.error = 0;
	if (gcm_heap_enter())
		split_zone();
	if (walk.error == 0)
		split_own();
	if (walk.error == 0)
		walk.error = scanner->stacks(split_stack, NULL);
	if (walk.error != 0)
		return walk.error;
	resident->resident_bytes = read_whole();
	known = resident->resident_live_bytes + resident->resident_limbo_bytes +
		resident->resident_cached_bytes +
		resident->resident_spans_bytes + resident->resident_free_bytes +
		resident->resident_own_bytes + resident->resident_stacks_bytes;
	if (resident->resident_bytes > known)
		resident->resident_other_bytes =
		    resident->resident_bytes - known;
	return 0;
}

void
gcm_resident_add(const struct gcm_scanner *scanner, struct gcm_text *text)
{
	struct gcm_resident resident;

	if (scanner->present == NULL || scanner->stacks == NULL ||
	    gcm_resident_count(scanner, &resident) != 0)
		return;
#define KEPT(name, type, unit, doc)
#define ASKED(name, type, unit, doc)
#define WORDS(name, doc)
#define SPLIT(name, unit, doc) gcm_figure_line(text, #name, resident.name);
#include "core/figure.def"
#undef KEPT
#undef ASKED
#undef WORDS
#undef SPLIT
}
