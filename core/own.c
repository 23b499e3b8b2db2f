/* own.c -- memory of ours beside the heap, in a window of its own
 *
 * MODEL   The window is the GCM_OWN_WINDOW bytes below the zone, but for the
 *         last GiB.  Its granules of 64 KiB (the largest kernel page) are
 *         handed out by an atomic add, round and round: what was given back
 *         is come upon again, and what is in the way is skipped, in growing
 *         steps.  A map of bits, one a granule, says which are ours now, so
 *         that a mapping of the program's in the window stays a root.  The map
 *         is 512 KiB of bss, of which a page is touched for each 2 GiB.
 *
 *         Before the zone exists, or should the window be full, memory comes
 *         from anywhere and is listed in a small table.
 *
 * LOCKS   none.
 *
 * INVARIANTS
 *   .inv.own-exact  memory counts as ours only while it is mapped by us: noted
 *         after it is mapped, forgotten before it is unmapped.
 *
 * FORK    the child has the mappings, the map of bits and the cursor; a mapping
 *         that another thread was making is not noted: lost, and never in the
 *         way for long.
 */
#include "core/own.h"

#include <errno.h>

#include "core/os.h"
#include "core/table.h"

enum {
	GRANULE_SHIFT = 16,
	SLACK_BYTES = 1 << 30,
	TRIES = 32,
	NSTRAYS = 256,
	STRAY_SHIFT = 12,   /* unit of a stray's address and length */
	STRAY_LEN_BITS = 24 /* 64 GiB */
};

#define NGRANULES ((GCM_OWN_WINDOW - SLACK_BYTES) >> GRANULE_SHIFT)

enum kind {
	PLAIN,
	SHARED,
	SPARSE
};

static struct {
	_Atomic uint64_t cursor;               /* granules handed out */
	_Atomic uint64_t bits[NGRANULES / 64]; /* .inv.own-exact */
	_Atomic uint64_t strays[NSTRAYS];      /* address | length; 0: free */
	_Atomic uint32_t nstrays;              /* of the table ever used */
} own;

/* Where the window begins; 0 while there is no zone. */
static uintptr_t
window_lo(void)
{
	if (atomic_load_explicit(&gcm_zone_count, memory_order_acquire) == 0)
		return 0;
	return gcm_zone.lo - GCM_OWN_WINDOW;
}

/* The first of n granules of the window, n at most half of it. */
static uint64_t
take_granules(uint64_t n)
{
	uint64_t at;

	do {
		at = atomic_fetch_add_explicit(
			 &own.cursor, n, memory_order_relaxed) %
		     NGRANULES;
	} while (at + n > NGRANULES);
	return at;
}

static uint64_t
word_mask(uint64_t at, uint64_t end)
{
	uint64_t first = at % 64, n = end - at;

	return (n >= 64 ? ~(uint64_t)0 : ((uint64_t)1 << n) - 1) << first;
}

static void
note_granules(uint64_t at, uint64_t n, bool on)
{
	for (uint64_t end = at + n; at < end; at = (at / 64 + 1) * 64) {
		uint64_t mask = word_mask(at, end);

		if (on)
			atomic_fetch_or(&own.bits[at / 64], mask);
		else
			atomic_fetch_and(&own.bits[at / 64], ~mask);
	}
}

static int
map_kind(void *addr, size_t len, enum kind kind)
{
	return kind == SPARSE ? gcm_os_map_at(addr, len, true)
			      : gcm_os_map_own(addr, len, kind == SHARED);
}

/* 0, and *out is set, or -errno: -EEXIST when no room was found. */
static int
map_in_window(void **out, uintptr_t lo, size_t len, enum kind kind)
{
	uint64_t n = len >> GRANULE_SHIFT, skip = n;

	if (n > NGRANULES / 2)
		return -ENOMEM;
	for (int i = 0; i < TRIES; i++) {
		uint64_t at = take_granules(n);
		void *addr = (void *)(lo + (at << GRANULE_SHIFT));
		int error = map_kind(addr, len, kind);

		if (error == 0) {
			note_granules(at, n, true); /* .inv.own-exact */
			*out = addr;
			return 0;
		}
		if (error != -EEXIST)
			return error;
		atomic_fetch_add_explicit(
		    &own.cursor, skip, memory_order_relaxed);
		if (skip < NGRANULES / 4)
			skip *= 2;
	}
	return -EEXIST;
}

/* Strays ---------------------------------------------------------------------
 */

static uint64_t
pack_stray(uintptr_t lo, size_t len)
{
	return (uint64_t)(lo >> STRAY_SHIFT) << STRAY_LEN_BITS |
	       len >> STRAY_SHIFT;
}

static void
unpack_stray(uint64_t stray, uintptr_t *lo, uintptr_t *hi)
{
	*lo = (uintptr_t)(stray >> STRAY_LEN_BITS) << STRAY_SHIFT;
	*hi = *lo +
	      ((stray & (((uint64_t)1 << STRAY_LEN_BITS) - 1)) << STRAY_SHIFT);
}

/* Exchange one entry for another (0: a free one); false when there is none. */
static bool
swap_stray(uint64_t from, uint64_t to)
{
	uint32_t nstrays = atomic_load(&own.nstrays);

	for (uint32_t i = 0; i < NSTRAYS; i++) {
		uint64_t seen = from;

		if (!atomic_compare_exchange_strong(&own.strays[i], &seen, to))
			continue;
		while (to != 0 && nstrays <= i &&
		       !atomic_compare_exchange_weak(
			   &own.nstrays, &nstrays, i + 1))
			;
		return true;
	}
	return false;
}

static void *
map_stray(size_t len)
{
	void *got;

	if (len >> STRAY_SHIFT >> STRAY_LEN_BITS != 0 ||
	    gcm_os_map(&got, len) != 0)
		return NULL;
	if (swap_stray(0, pack_stray((uintptr_t)got, len)))
		return got;
	gcm_os_unmap(got, len);
	return NULL;
}

/* Mapping --------------------------------------------------------------------
 */

static size_t
round_len(size_t len)
{
	return gcm_round_up(len, (uintptr_t)1 << GRANULE_SHIFT);
}

static void *
map_own(size_t len, enum kind kind)
{
	size_t whole = round_len(len);
	uintptr_t lo = window_lo();
	void *got;
	int error;

	if (whole < len || len == 0)
		return NULL;
	if (lo != 0) {
		error = map_in_window(&got, lo, whole, kind);
		if (error != -EEXIST)
			return error == 0 ? got : NULL;
	}
	return kind == SHARED ? NULL : map_stray(whole);
}

void *
gcm_own_map(size_t len)
{
	return map_own(len, PLAIN);
}

void *
gcm_own_map_shared(size_t len)
{
	return map_own(len, SHARED);
}

void *
gcm_own_map_sparse(size_t len)
{
	return map_own(len, SPARSE);
}

void
gcm_own_unmap(void *addr, size_t len)
{
	uintptr_t lo = window_lo(), at = (uintptr_t)addr;
	size_t whole = round_len(len);

	if (addr == NULL)
		return;
	if (!swap_stray(pack_stray(at, whole), 0)) { /* .inv.own-exact */
		GCM_AVER(at - lo < NGRANULES << GRANULE_SHIFT);
		note_granules(
		    (at - lo) >> GRANULE_SHIFT, whole >> GRANULE_SHIFT, false);
	}
	gcm_os_unmap(addr, whole);
}

/* Questions ------------------------------------------------------------------
 */

/* [lo, hi) is ours: is addr in it?  If not, *end is lo at most. */
static bool
meets(uintptr_t addr, uintptr_t lo, uintptr_t hi, uintptr_t *end)
{
	if (lo <= addr && addr < hi) {
		*end = hi;
		return true;
	}
	if (addr < lo && lo < hi && lo < *end)
		*end = lo;
	return false;
}

/* The first granule at or behind `at` whose bit is `on`, at most limit. */
static uint64_t
find_granule(uint64_t at, uint64_t limit, bool on)
{
	for (; at < limit; at = (at / 64 + 1) * 64) {
		uint64_t word = atomic_load_explicit(
		    &own.bits[at / 64], memory_order_acquire);

		word = (on ? word : ~word) & word_mask(at, limit);
		if (word != 0)
			return at / 64 * 64 + (uint64_t)__builtin_ctzll(word);
	}
	return limit;
}

static bool
window_has(uintptr_t addr, uintptr_t *end)
{
	uintptr_t lo = window_lo(), from;
	uint64_t limit = atomic_load(&own.cursor), at;

	if (lo == 0)
		return false;
	if (limit > NGRANULES)
		limit = NGRANULES;
	if (addr >= lo + (limit << GRANULE_SHIFT))
		return false;
	at = addr > lo ? (addr - lo) >> GRANULE_SHIFT : 0;
	at = find_granule(at, limit, true);
	from = lo + (at << GRANULE_SHIFT);
	at = find_granule(at, limit, false);
	return meets(addr, from, lo + (at << GRANULE_SHIFT), end);
}

bool
gcm_own_has(uintptr_t addr, uintptr_t *end)
{
	uint32_t nstrays = atomic_load(&own.nstrays);
	uintptr_t lo, hi;

	*end = UINTPTR_MAX;
	if (window_has(addr, end))
		return true;
	for (unsigned int i = 0; gcm_table_at(i, &lo, &hi); i++)
		if (meets(addr, lo, hi, end))
			return true;
	if (gcm_os_image(&lo, &hi) && meets(addr, lo, hi, end))
		return true;
	for (uint32_t i = 0; i < nstrays; i++) {
		unpack_stray(atomic_load(&own.strays[i]), &lo, &hi);
		if (meets(addr, lo, hi, end))
			return true;
	}
	return false;
}
