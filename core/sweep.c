/* sweep.c -- what was not reached becomes LIMBO, and then free
 *
 * MODEL   Sweeping is freeing: a byte a dead slot, stored as any other thread's
 *         free would, eight slots a step.  No dead block is touched.  Heads
 *         are found by the page records under the page-heap lock, a few at a
 *         time, so that no span is released under our eyes and nobody waits
 *         long.
 *
 * STATES  ALLOC|old   not reached                      LIMBO|now FREE (grace 0)
 *         LIMBO|c     not reached for `grace` cycles   FREE
 *         ALLOC|now   reached, or new                  -
 *         With GCM_DEBUG=audit=1 what would become FREE becomes
 *         LIMBO|c|DUE instead, and stays.
 *         ALTERED blocks are left alone.  In torn spans (a fork's) what was not
 *         reached gets the colour as well, or it would look reached to the
 *         cycle that has its colour again (.inv.wrap).
 *
 * INVARIANTS
 *   .inv.sweep-cas  every change here is by compare-and-swap against a word of
 *         states that was looked at: a free, or a malloc that lost the race of
 *         .inv.colour, makes it fail.
 *   .inv.wrap  when a cycle begins, no block has its colour yet.  A colour
 * comes back after four cycles; blocks that completed cycles reached have none
 * older than one, so only cycles given up in a row bring the danger, and the
 * third of them is followed by gcm_sweep_recolour.
 */
#include "core/sweep.h"

#include <string.h>

#include "core/audit.h"
#include "core/cycle.h"
#include "core/large.h"
#include "core/pageheap.h"
#include "core/span.h"

enum {
	STEP_PAGES = 512, /* looked at under one hold of the lock */
	LARGE_MOST = 32,  /* dead large blocks of one hold */
	WORD = 8          /* states a step */
};

#define EVERY_BYTE 0x0101010101010101u

/* A walk over all heads, in steps. */
struct walk {
	void (*visit)(struct walk *walk, uint32_t index);
	void *arg;
	uint32_t dead[LARGE_MOST]; /* large blocks to free after the hold */
	uint32_t ndead;
};

static void
free_dead(struct walk *walk)
{
	for (uint32_t i = 0; i < walk->ndead; i++)
		(void)gcm_large_reclaim(walk->dead[i]);
	walk->ndead = 0;
}

static void
walk_heads(struct walk *walk)
{
	uint32_t i = 0, total = gcm_zone_pages();

	while (i < total) {
		uint32_t end = i + STEP_PAGES;

		gcm_lock_acquire(&gcm_pageheap.lock);
		total = gcm_zone_pages();
		while (i < end && i < total && walk->ndead < LARGE_MOST) {
			const struct gcm_page *page = gcm_page(i);
			uint8_t kind = gcm_page_kind(page);
			bool head = kind == GCM_KIND_SMALL ||
				    kind == GCM_KIND_LARGE ||
				    kind == GCM_KIND_RUN;

			if (kind == GCM_KIND_SMALL || kind == GCM_KIND_LARGE)
				walk->visit(walk, i);
			i += head && page->n > 0 ? page->n : 1;
		}
		gcm_lock_release(&gcm_pageheap.lock);
		free_dead(walk);
	}
}

/* Words of states -----------------------------------------------------------
 */

static _Atomic uint64_t *
word_at(uintptr_t addr)
{
	return (_Atomic uint64_t *)(uintptr_t)gcm_state_at(addr);
}

/* 0x80 in each byte whose state is ALLOC in another colour than `now`. */
static uint64_t
find_white(uint64_t word, uint8_t now)
{
	uint64_t other = (word ^ now * EVERY_BYTE) & 3 * EVERY_BYTE;

	return word & (0x80 * EVERY_BYTE) & (other << 7 | other << 6);
}

/* 0x80 in each byte whose state is LIMBO. */
static uint64_t
find_limbo(uint64_t word)
{
	uint64_t other = (word ^ GCM_LIMBO * EVERY_BYTE) & 0xf0 * EVERY_BYTE;

	/* A byte is zero iff adding 0x7f to its low bits carries nowhere. */
	other = ((other & 0x7f * EVERY_BYTE) + 0x7f * EVERY_BYTE) | other;
	return ~other & 0x80 * EVERY_BYTE;
}

static uint32_t
count_bytes(uint64_t high_bits)
{
	return (uint32_t)((high_bits >> 7) * EVERY_BYTE >> 56);
}

/* 0x80 in each of the bytes `limbo` whose grace is over.  The age is counted in
 * colours, at most 3; those of cycles given up since the last sweep do not
 * count.
 */
static uint64_t
find_due(const struct gcm_sweep *sweep, uint64_t word, uint64_t limbo)
{
	uint64_t now = (sweep->colour & GCM_COLOUR) + 4u;
	uint64_t age = now * EVERY_BYTE - (word & 3 * EVERY_BYTE), due = 0;
	uint32_t least = (sweep->grace > 0 ? sweep->grace : 1) + sweep->skipped;

	if (least == 1)
		due = age | age >> 1;
	else if (least == 2)
		due = age >> 1;
	else if (least == 3)
		due = age & age >> 1;
	return due << 7 & limbo;
}

/* All bits of the bytes whose 0x80 is set. */
static uint64_t
whole_bytes(uint64_t high_bits)
{
	return (high_bits >> 7) * 0xff;
}

/* The word after sweeping; *freed gets 0x80 in bytes that become FREE. */
static uint64_t
next_word(const struct gcm_sweep *sweep, uint64_t word, uint64_t white,
    uint64_t limbo, uint64_t *freed)
{
	uint64_t hidden = GCM_LIMBO | (sweep->colour & GCM_COLOUR), stay;

	*freed = sweep->reclaim ? find_due(sweep, word, limbo) : 0;
	if (sweep->grace == 0 && sweep->reclaim)
		*freed |= white;
	stay = whole_bytes(white & ~*freed);
	return (word & ~whole_bytes(white | *freed)) |
	       (stay &
		   (hidden * EVERY_BYTE | (word & GCM_NOSCAN * EVERY_BYTE))) |
	       *freed >> 7;
}

/* 0x80 in the bytes that are DUE already. */
static uint64_t
find_known(uint64_t word, uint64_t limbo)
{
	return word << 5 & limbo;
}

/* 0x80 in the bytes that become DUE. */
static uint64_t
find_fresh(const struct gcm_sweep *sweep, uint64_t word, uint64_t white,
    uint64_t limbo)
{
	uint64_t due = find_due(sweep, word, limbo);

	if (sweep->grace == 0)
		due |= white;
	return due & ~find_known(word, limbo);
}

/* The same of one state. */
static uint8_t
next_state(const struct gcm_sweep *sweep, uint8_t state)
{
	uint64_t freed;

	uint64_t white = find_white(state, sweep->colour);
	uint64_t limbo = find_limbo(state) & 0x80;
	uint64_t next = next_word(sweep, state, white, limbo, &freed);

	if (sweep->audit)
		next |= find_fresh(sweep, state, white, limbo) >> 5;
	return (uint8_t)next;
}

/* Spans of slots -------------------------------------------------------------
 */

/* Poisoned before anybody may have it: first LOST, which is nobody's. */
static void
poison_slots(uintptr_t addr, uint64_t freed, uint32_t usable)
{
	for (; freed != 0; freed &= freed - 1) {
		uintptr_t slot =
		    addr +
		    ((uintptr_t)__builtin_ctzll(freed) / 8) * GCM_GRANULE;

		memset((void *)slot, GCM_POISON, usable);
		gcm_slot_set(slot, GCM_FREE);
	}
}

/* Tell of the blocks that are DUE now; `before` and `word` are the states
 * before and after the sweep.
 */
GCM_COLD static void
audit_slots(uintptr_t addr, uint64_t before, uint64_t word, uint32_t size)
{
	uint64_t due = find_known(word, find_limbo(word));
	uint64_t known = find_known(before, find_limbo(before));

	for (; due != 0; due &= due - 1) {
		unsigned int bit = (unsigned int)__builtin_ctzll(due);

		gcm_audit_sweep_due(addr + (uintptr_t)(bit / 8) * GCM_GRANULE,
		    size, (known >> bit & 1) == 0);
	}
}

/* One word of states; the 0x80 bits of what became FREE. */
static uint64_t
sweep_word(
    struct gcm_sweep *sweep, uintptr_t addr, const struct gcm_class *class)
{
	_Atomic uint64_t *at = word_at(addr);
	uint32_t size = class->size;
	uint64_t word = atomic_load_explicit(at, memory_order_relaxed);
	uint64_t white, limbo, todo, next, freed;
	uint64_t live;

	do {
		white = find_white(word, sweep->colour);
		limbo = find_limbo(word);
		todo = white | limbo;
		next = next_word(sweep, word, white, limbo, &freed);
		if (sweep->poison) /* FREE is 1, LOST 3 */
			next |= freed >> 6;
		if (sweep->audit)
			next |= find_fresh(sweep, word, white, limbo) >> 5;
	} while (next != word && /* .inv.sweep-cas */
		 !atomic_compare_exchange_weak_explicit(at, &word, next,
		     memory_order_release, memory_order_relaxed));
	live = count_bytes(next & 0x80 * EVERY_BYTE);
	sweep->live_blocks += live;
	sweep->live_bytes += live * size;
	if (todo == 0)
		return 0;
	if (sweep->audit)
		audit_slots(addr, word, next, size);
	limbo = count_bytes(todo) - count_bytes(freed);
	sweep->limbo_blocks += limbo;
	sweep->limbo_bytes += limbo * size;
	sweep->freed_blocks += count_bytes(freed);
	sweep->freed_bytes += (uint64_t)count_bytes(freed) * size;
	if (sweep->poison)
		poison_slots(addr, freed, class->usable);
	return freed;
}

static void
colour_torn(const struct gcm_sweep *sweep, uint32_t index)
{
	const struct gcm_page *page = gcm_page(index);
	uintptr_t size = gcm_classes[gcm_page_class(page)].size;
	uintptr_t at = gcm_page_addr(index);
	uintptr_t end = at + ((uintptr_t)page->n << GCM_PAGE_SHIFT);

	for (; at + size <= end; at += size) {
		uint8_t state = gcm_slot_get(at);
		uint8_t next = (uint8_t)((state & ~GCM_COLOUR) |
					 (sweep->colour & GCM_COLOUR));

		if ((state & (GCM_ALLOC | GCM_SAMPLED)) != 0 && next != state)
			(void)atomic_compare_exchange_strong(
			    gcm_state_at(at), &state, next);
	}
}

static void
sweep_span(struct gcm_sweep *sweep, uint32_t index)
{
	const struct gcm_page *page = gcm_page(index);
	const struct gcm_class *class = &gcm_classes[gcm_page_class(page)];
	uintptr_t at = gcm_page_addr(index);
	uintptr_t end = at + ((uintptr_t)page->n << GCM_PAGE_SHIFT);

	if ((page->flags & GCM_PAGE_TORN) != 0) {
		colour_torn(sweep, index);
		return;
	}
	for (; at < end; at += (uintptr_t)WORD * GCM_GRANULE) {
		if (atomic_load_explicit(word_at(at), memory_order_relaxed) ==
		    0)
			continue;
		if (sweep_word(sweep, at, class) != 0)
			gcm_hint_set(at); /* .inv.hint: after the store */
	}
}

/* Large blocks ---------------------------------------------------------------
 */

static void
sweep_large(struct gcm_sweep *sweep, struct walk *walk, uint32_t index)
{
	uintptr_t addr = gcm_page_addr(index);
	_Atomic uint8_t *at = gcm_state_at(addr);
	uint8_t state = atomic_load(at), next;
	uint64_t bytes = (uint64_t)gcm_large_length(gcm_page(index))
			 << GCM_PAGE_SHIFT;
	struct gcm_sweep gentle = *sweep;

	/* Its maker colours a block twice when a cycle begins meanwhile, and
	 * may sleep before the second time.
	 */
	if (gentle.grace == 0)
		gentle.grace = 1;
	do {
		next = state;
		if (((state & GCM_ALLOC) != 0 &&
			((state ^ sweep->colour) & GCM_COLOUR) != 0) ||
		    gcm_state_is_limbo(state))
			next = next_state(&gentle, state);
	} while (
	    next != state && !atomic_compare_exchange_weak(at, &state, next));
	if ((next & (GCM_ALLOC | GCM_SAMPLED)) != 0) {
		sweep->live_blocks++;
		sweep->live_bytes += bytes;
	} else if (gcm_state_is_limbo(next)) {
		sweep->limbo_blocks++;
		sweep->limbo_bytes += bytes;
		if ((next & GCM_DUE) != 0)
			gcm_audit_sweep_due(
			    addr, bytes, (state & GCM_DUE) == 0);
	} else if (next != state) {
		sweep->freed_blocks++;
		sweep->freed_bytes += bytes;
		walk->dead[walk->ndead++] = index;
	}
}

static void
visit_swept(struct walk *walk, uint32_t index)
{
	struct gcm_sweep *sweep = walk->arg;

	if (atomic_load(sweep->alarmed))
		sweep->reclaim = false;
	if (gcm_page_kind(gcm_page(index)) == GCM_KIND_SMALL)
		sweep_span(sweep, index);
	else
		sweep_large(sweep, walk, index);
}

void
gcm_sweep_heap(struct gcm_sweep *sweep)
{
	struct walk walk = {.visit = visit_swept, .arg = sweep};

	walk_heads(&walk);
}

/* Before and after a trace ---------------------------------------------------
 */

static void
visit_index(struct walk *walk, uint32_t index)
{
	(void)walk;
	if (gcm_page_kind(gcm_page(index)) == GCM_KIND_LARGE)
		(void)gcm_large_index_locked(index);
}

void
gcm_sweep_index(void)
{
	struct walk walk = {.visit = visit_index};

	walk_heads(&walk);
}

static void
recolour_slot(uintptr_t addr, uint8_t from, uint8_t to)
{
	_Atomic uint8_t *at = gcm_state_at(addr);
	uint8_t state = atomic_load_explicit(at, memory_order_relaxed);

	while ((state & (GCM_ALLOC | GCM_SAMPLED)) != 0 &&
	       ((state ^ from) & GCM_COLOUR) == 0 &&
	       !atomic_compare_exchange_weak(
		   at, &state, (uint8_t)(state ^ ((from ^ to) & GCM_COLOUR))))
		continue;
}

struct recolour {
	uint8_t from, to;
};

static void
visit_recoloured(struct walk *walk, uint32_t index)
{
	const struct recolour *change = walk->arg;
	const struct gcm_page *page = gcm_page(index);
	uintptr_t at = gcm_page_addr(index);
	uintptr_t end = at + ((uintptr_t)page->n << GCM_PAGE_SHIFT);
	uint32_t size;

	if (gcm_page_kind(page) != GCM_KIND_SMALL) {
		recolour_slot(at, change->from, change->to);
		return;
	}
	size = gcm_classes[gcm_page_class(page)].size;
	for (; at + size <= end; at += size)
		recolour_slot(at, change->from, change->to);
}

void
gcm_sweep_recolour(uint8_t from, uint8_t to)
{
	struct recolour change = {from, to};
	struct walk walk = {.visit = visit_recoloured, .arg = &change};

	walk_heads(&walk);
}

struct apply {
	const _Atomic uint64_t *bits;
	uintptr_t hi;
	uint8_t colour;
};

static void
apply_slot(const struct apply *apply, uintptr_t addr)
{
	_Atomic uint8_t *at = gcm_state_at(addr);
	uint8_t state = atomic_load_explicit(at, memory_order_relaxed), next;
	size_t bit = (addr - gcm_zone.lo) >> GCM_GRANULE_SHIFT;

	if (addr >= apply->hi || (apply->bits[bit / 64] >> bit % 64 & 1) == 0)
		return;
	do {
		if ((state & (GCM_ALLOC | GCM_SAMPLED)) != 0)
			next = (uint8_t)((state & ~GCM_COLOUR) |
					 (apply->colour & GCM_COLOUR));
		else if (gcm_state_is_limbo(state))
			next = (uint8_t)(apply->colour | (state & GCM_NOSCAN));
		else
			return; /* freed meanwhile */
	} while (!atomic_compare_exchange_weak(at, &state, next));
	if (gcm_state_is_limbo(state) && gcm_audit_is_on())
		gcm_audit_note_reached(addr, state);
}

static void
visit_applied(struct walk *walk, uint32_t index)
{
	const struct apply *apply = walk->arg;
	const struct gcm_page *page = gcm_page(index);
	uintptr_t at = gcm_page_addr(index);
	uintptr_t end = at + ((uintptr_t)page->n << GCM_PAGE_SHIFT);
	uint32_t size;

	if (gcm_page_kind(page) != GCM_KIND_SMALL) {
		apply_slot(apply, at);
		return;
	}
	size = gcm_classes[gcm_page_class(page)].size;
	for (; at + size <= end; at += size)
		apply_slot(apply, at);
}

void
gcm_sweep_apply(uint8_t colour, const _Atomic uint64_t *bits, uintptr_t hi)
{
	struct apply apply = {bits, hi, colour};
	struct walk walk = {.visit = visit_applied, .arg = &apply};

	walk_heads(&walk);
}
