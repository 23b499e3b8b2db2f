/* flight.c -- addresses that are on their way through the kernel
 *
 * MODEL   A table of words that were sent and point into the heap, found by
 *         hash, each with how often it was sent.  Receiving counts down, and
 *         takes it out in the end.  What never arrives (its reader is another
 *         process, its pipe was closed, a handler had it) stays until its block
 *         is free or its place is wanted: some garbage is kept, no block is
 *         lost.
 *
 *         Messages of few bytes are looked at, at any alignment where they
 * are shorter still: packed structures are.
 *
 * LOCKS   none.
 *
 * INVARIANTS
 *   .inv.flight-sent    a word is in the table before its sender goes on: until
 *                       then the sender's buffer has it.
 *   .inv.flight-taken   it is taken out once the receiver's buffer has it.
 *   .inv.flight-once    a word has one place, however often it is sent (two,
 *                       if two threads sent it first at the same moment): else
 *                       one that never arrives drives out its neighbours.
 *   .assume.flight-many no more than TABLE words are under way at once.
 *
 * FORK    what was under way still is.
 */
#include "scan/flight.h"

#include <string.h>
#include <sys/auxv.h>

#include "scan/filter.h"
#include "scan/slot.h"
#include "scan/stop.h"

enum {
	TABLE_SHIFT = 14,
	TABLE = 1 << TABLE_SHIFT,
	PROBES = 16,
	ANYWHERE = 64,   /* bytes: up to here words are sought at each */
	FILTERED = 256,  /* bytes: from here on by the filter */
	CHUNK = 64,      /* words of it at once */
	NEAR = 64 << 10, /* of the frame: the thread's own stack */
	READABLE = 16
};

/* An entry: the word, and above it how often it is under way. */
#define ONE ((uint64_t)1 << 48)
#define WORD (ONE - 1)
#define OFTEN ((uint64_t)0xffff << 48) /* or more */

_Atomic bool gcm_flight_used;

static _Atomic uint64_t table[TABLE]; /* entries, 0: none; all threads */
static _Atomic uint32_t evicted;      /* counts */

static bool
is_in_heap(uint64_t word)
{
	return word - gcm_zone.lo < (uint64_t)gcm_zone_pages()
					<< GCM_PAGE_SHIFT;
}

static _Atomic uint64_t *
place_of(uint64_t word, uint32_t probe)
{
	uint64_t hash = word * 0x9e3779b97f4a7c15u;

	return &table[((hash >> (64 - TABLE_SHIFT)) + probe) % TABLE];
}

static bool
is_word(uint64_t entry, uint64_t word)
{
	return (entry & WORD) == word;
}

/* Once more, if it has a place; false: it has none. */
static bool
count_up(uint64_t word)
{
	for (uint32_t i = 0; i < PROBES; i++) {
		_Atomic uint64_t *place = place_of(word, i);
		uint64_t seen = atomic_load(place);

		while (is_word(seen, word)) {
			if (seen >= OFTEN || /* .inv.flight-once */
			    atomic_compare_exchange_weak(
				place, &seen, seen + ONE))
				return true;
		}
	}
	return false;
}

void
gcm_flight_leave_word(uint64_t word)
{
	if (!is_in_heap(word) || gcm_stop_signal() == 0)
		return;
	atomic_store_explicit(&gcm_flight_used, true, memory_order_relaxed);
	if (count_up(word))
		return;
	for (uint32_t i = 0; i < PROBES; i++) {
		uint64_t none = 0;

		if (atomic_compare_exchange_strong(
			place_of(word, i), &none, word | ONE))
			return;
	}
	atomic_store(
	    place_of(word, atomic_fetch_add(&evicted, 1) % PROBES), word | ONE);
}

void
gcm_flight_arrive_word(uint64_t word)
{
	if (!is_in_heap(word))
		return;
	for (uint32_t i = 0; i < PROBES; i++) {
		_Atomic uint64_t *place = place_of(word, i);
		uint64_t seen = atomic_load(place);

		while (is_word(seen, word)) {
			uint64_t left = seen - ONE;

			if (seen >= OFTEN) /* not known how often */
				return;
			if (atomic_compare_exchange_weak(
				place, &seen, left < ONE ? 0 : left))
				return;
		}
	}
}

/* Most words of longer messages drop out many at a time. */
static void
look_at_words(const uint64_t *words, size_t nwords, void (*act)(uint64_t word))
{
	uint64_t lo = gcm_zone.lo;
	uint64_t len = (uint64_t)gcm_zone_pages() << GCM_PAGE_SHIFT;
	uint64_t found[CHUNK + 8];

	while (nwords > 0) {
		size_t n = nwords < CHUNK ? nwords : CHUNK;
		size_t hits = gcm_filter_words(words, n, lo, len, found);

		for (size_t i = 0; i < hits; i++)
			act(found[i]);
		words += n;
		nwords -= n;
	}
}

static void
look_at(const void *data, size_t size, void (*act)(uint64_t word))
{
	const unsigned char *bytes = data;
	size_t step = size <= ANYWHERE ? 1 : sizeof(uint64_t);

	if (size >= FILTERED) {
		look_at_words(data, size / sizeof(uint64_t), act);
		return;
	}
	for (size_t i = 0; i + sizeof(uint64_t) <= size; i += step) {
		uint64_t word;

		memcpy(&word, &bytes[i], sizeof(word));
		if (GCM_UNLIKELY(is_in_heap(word)))
			act(word);
	}
}

void
gcm_flight_leave(const void *data, size_t size)
{
	look_at(data, size, gcm_flight_leave_word);
}

void
gcm_flight_arrive(const void *data, size_t size)
{
	look_at(data, size, gcm_flight_arrive_word);
}

/* Inside of one block that the program has not hidden from itself? */
static bool
is_in_block(uintptr_t addr, size_t size)
{
	uint64_t item = gcm_slot_find(addr);
	uintptr_t head = item & GCM_ITEM_ADDR;
	uint8_t state;

	if (item == 0)
		return false;
	state = gcm_slot_get(head);
	return (state & GCM_ALLOC) != 0 && !gcm_alter_is_noted(state) &&
	       addr + size <= head + gcm_slot_size(item);
}

/* Above this frame, and below what lies at the stack's end: the thread's
 * control block, or what the kernel put there.
 */
static bool
is_on_stack(uintptr_t addr, size_t size)
{
	static _Atomic uintptr_t first; /* of the first thread's stack */
	uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
	uintptr_t top = (uintptr_t)__builtin_thread_pointer();

	if (top < frame) {
		top = atomic_load_explicit(&first, memory_order_relaxed);
		if (top == 0) {
			top = getauxval(AT_RANDOM);
			atomic_store(&first, top);
		}
	}
	return frame < addr && addr - frame < NEAR && addr + size <= top;
}

/* Pages that could be read when last asked for; 0: none.  A place that was
 * stored late, after a forget, misleads only about pointers that are bad.
 */
static _Atomic uintptr_t readable[READABLE];

void
gcm_flight_forget(void)
{
	for (unsigned int i = 0; i < READABLE; i++)
		if (atomic_load_explicit(&readable[i], memory_order_relaxed) !=
		    0)
			atomic_store(&readable[i], 0);
}

static bool
can_read_page(uintptr_t addr)
{
	uintptr_t page = gcm_round_down(addr, gcm_os_page_size());
	_Atomic uintptr_t *place =
	    &readable[page / gcm_os_page_size() % READABLE];

	if (atomic_load_explicit(place, memory_order_relaxed) == page)
		return true;
	if (!gcm_os_can_read(
		(const void *)gcm_round_down(addr, sizeof(uint64_t))))
		return false;
	atomic_store_explicit(place, page, memory_order_relaxed);
	return true;
}

bool
gcm_flight_can_see(const void *data, size_t size)
{
	uintptr_t addr = (uintptr_t)data, last = addr + size - 1;

	if (last < addr) /* empty, or nonsense */
		return false;
	if (is_on_stack(addr, size) ||
	    (is_in_heap(addr) && is_in_block(addr, size)))
		return true;
	for (;; addr += gcm_os_page_size()) {
		uintptr_t at = addr < last ? addr : last;

		if (!can_read_page(at))
			return false;
		if (addr >= last)
			return true;
	}
}

bool
gcm_flight_try(const void *data, size_t size)
{
	if (gcm_stop_signal() == 0)
		return true;
	if (!gcm_flight_can_see(data, size))
		return false;
	gcm_flight_leave(data, size);
	return true;
}

/* Nobody's block: the message never arrived, or its receiver freed it. */
static bool
is_stale(uint64_t word)
{
	uint64_t item = gcm_slot_find(word);
	uint8_t state;

	if (item == 0)
		return true;
	state = gcm_slot_get(item & GCM_ITEM_ADDR);
	return state == GCM_FREE || state == GCM_CACHED;
}

void
gcm_flight_mark(struct gcm_marker *marker)
{
	if (!gcm_flight_is_used())
		return;
	marker->where = (uintptr_t)table;
	for (uint32_t i = 0; i < TABLE; i++) {
		uint64_t seen = atomic_load(&table[i]);

		if (seen == 0)
			continue;
		if (!is_stale(seen & WORD))
			gcm_mark_word(marker, seen & WORD);
		else /* unless it has been sent once more since we looked */
			(void)atomic_compare_exchange_strong(
			    &table[i], &seen, 0);
	}
}
