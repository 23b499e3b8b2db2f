/* mark.c -- following words to blocks
 *
 * MODEL   A word in the zone leads by the page's record to a slot's start, the
 *         slot's state says whether a block is there (core/table.h): one lookup
 *         that filters and validates.  Most words drop out before, by one
 *         comparison.  Marking is a compare-and-swap of the state; the block is
 *         then grey: an item in a buffer, its address and class in one word.
 *
 *         A word out of a short block is an item itself, unseen: it is marked
 *         and its block scanned when it is taken.  Whatever is taken goes
 *         through a short ring while its state and its first line come into the
 *         cache (Cher, Hosking, Vitek, "Software Prefetching for Mark-Sweep
 *         Garbage Collection", 2004).  Most words are the address of a block's
 *         first granule: there the state alone says that a block begins, and
 *         no slot's start need be calculated.  Words out of long blocks, of
 *         which there may be many for few blocks, are seen on the spot.
 *
 *         Large blocks are scanned in pieces; of very large ones only the pages
 *         that are there.
 *
 *         Everything here may be a moment old while the program runs: a word
 *         that changes under our eyes is on a page that is then seen as
 *         written, and read again (trace.c).
 *
 * LOCKS   none.  Markers share nothing but states and work.c.
 *
 * INVARIANTS
 *   .inv.mark-cas   the state changes only from what was looked at, so that a
 *                   free wins.
 *   .inv.mark-safe  the state is read between the last poll and the words
 *                   (.inv.pin); an ALTERED block is read as memory that may
 *                   vanish.
 */
#include "scan/mark.h"

#include "scan/filter.h"
#include "scan/pages.h"
#include "scan/slot.h"

enum {
	PIECE_SHIFT = 12, /* a piece's length is counted in 4 KiB, and lies in
			     the low bits of its address */
	PIECE_BYTES = 128 << 10,
	SPARSE_BYTES = 4 << 20, /* longer blocks: only pages that are there */
	SHORT_BYTES = 128,      /* blocks that do without the filter */
	SEEN_AHEAD = 12,        /* words whose states are on the way */
	SETTLED = GCM_BUFFER_ITEMS / 2, /* fewer items: the buffer is kept */
	POLL_ITEMS = 32,
	STACK_BYTES = 4096 /* the shortest stack of a coroutine */
};

/* The bytes of a slot whose words need no filter; 0: not such a class. */
static uint8_t
find_short(const struct gcm_marker *marker, uint32_t class_id)
{
	uint32_t size = gcm_classes[class_id].size;

	if (marker->careful || marker->offsets || class_id == 0 ||
	    class_id == GCM_CLASS_ZERO || size > SHORT_BYTES)
		return 0;
	return (uint8_t)size;
}

bool
gcm_mark_begin(struct gcm_marker *marker, uint8_t colour)
{
	marker->colour = colour;
	marker->stopped = false;
	marker->careful =
	    gcm_options.ALIGN != 8 || gcm_options.PTRMASK != GCM_ALL;
	marker->offsets =
	    gcm_options.OFFSETS != 0 || atomic_load(&gcm_mark_offsets);
	marker->bits = NULL;
	marker->blocks = 0;
	marker->bytes = 0;
	marker->scanned = 0;
	marker->shorts = 0;
	for (unsigned int i = 0; i < GCM_MARK_AHEAD; i++)
		marker->ahead[i] = 0;
	for (unsigned int i = 0; i < GCM_NCLASSES; i++)
		marker->short_bytes[i] = find_short(marker, i);
	if (marker->now == NULL)
		marker->now = gcm_work_empty();
	if (marker->now != NULL)
		marker->now->count = 0;
	return marker->now != NULL;
}

/* Grey
 * ------------------------------------------------------------------------- */

static uint64_t settle_word(struct gcm_marker *marker, uint64_t word);

/* Words become blocks that they reach first: there are no more of those than
 * there are blocks, while a list in both directions has two words for each.
 */
static void
settle_words(struct gcm_marker *marker)
{
	struct gcm_buffer *now = marker->now;
	uint64_t count = now->count, kept = 0;

	for (uint64_t i = 0; i < count; i++) {
		uint64_t item = now->items[i];

		if (i + SEEN_AHEAD < count)
			__builtin_prefetch(
			    (const void *)(uintptr_t)gcm_state_at(
				now->items[i + SEEN_AHEAD] & GCM_ITEM_ADDR));
		if (item >> GCM_ITEM_SHIFT == 0)
			item = settle_word(marker, item);
		if (item != 0)
			now->items[kept++] = item;
	}
	now->count = kept;
}

GCM_NOINLINE static void
push_full(struct gcm_marker *marker, uint64_t item)
{
	struct gcm_buffer *buffer;

	settle_words(marker);
	if (marker->now->count < SETTLED) {
		marker->now->items[marker->now->count++] = item;
		return;
	}
	buffer = gcm_work_empty();
	if (buffer == NULL) /* the cycle will be given up */
		return;
	if (marker->now->count > 0)
		gcm_work_put(marker->now);
	else
		gcm_work_drop(marker->now);
	marker->now = buffer;
	buffer->items[buffer->count++] = item;
}

static inline void
push_item(struct gcm_marker *marker, uint64_t item)
{
	struct gcm_buffer *now = marker->now;

	if (GCM_UNLIKELY(now->count == GCM_BUFFER_ITEMS))
		push_full(marker, item);
	else
		now->items[now->count++] = item;
}

/* Pieces of [lo, hi), kernel pages. */
static void
push_pieces(uintptr_t lo, uintptr_t hi, void *arg)
{
	while (lo < hi) {
		uintptr_t len = hi - lo < PIECE_BYTES ? hi - lo : PIECE_BYTES;

		push_item(arg, lo | (len >> PIECE_SHIFT) |
				   (uint64_t)GCM_ITEM_PIECE << GCM_ITEM_SHIFT);
		lo += len;
	}
}

static void
push_large(struct gcm_marker *marker, uintptr_t addr)
{
	size_t len = (size_t)gcm_large_length(gcm_page_at(addr))
		     << GCM_PAGE_SHIFT;

	if (len < SPARSE_BYTES || gcm_pages_resident(addr, addr + len, false,
				      push_pieces, marker) != 0)
		push_pieces(addr, addr + len, marker);
}

/* Count a block that was reached; false if there is nothing to read in it. */
static bool
count_block(struct gcm_marker *marker, uint64_t item, uint8_t state)
{
	uint32_t class_id = (uint32_t)(item >> GCM_ITEM_SHIFT);

	marker->blocks++;
	marker->bytes += gcm_slot_size(item);
	return (state & GCM_NOSCAN) == 0 && class_id != 0 &&
	       class_id != GCM_CLASS_ZERO;
}

static void
make_grey(struct gcm_marker *marker, uint64_t item, uint8_t state)
{
	if (!count_block(marker, item, state))
		return;
	if (item >> GCM_ITEM_SHIFT == GCM_ITEM_LARGE)
		push_large(marker, item & GCM_ITEM_ADDR);
	else
		push_item(marker, item);
}

/* What a reached block's state becomes; its own when there is no block, or it
 * was reached before.
 */
static inline uint8_t
reached_state(uint8_t state, uint8_t colour)
{
	if (GCM_LIKELY((state & GCM_ALLOC) != 0) || gcm_alter_is_noted(state))
		return (uint8_t)((state & ~GCM_COLOUR) | (colour & GCM_COLOUR));
	if (gcm_state_is_limbo(state)) /* reachable after all */
		return (uint8_t)(colour | (state & GCM_NOSCAN));
	return state;
}

/* Into the bits instead of the colours. */
GCM_NOINLINE static void
reach_bits(struct gcm_marker *marker, uint64_t item)
{
	struct gcm_mark_bits *bits = marker->bits;
	uintptr_t addr = item & GCM_ITEM_ADDR;
	uint8_t state = gcm_slot_get(addr);
	size_t bit = (addr - bits->lo) >> GCM_GRANULE_SHIFT;
	uint64_t mask = (uint64_t)1 << bit % 64;

	if (addr >= bits->hi || ((state & (GCM_ALLOC | GCM_SAMPLED)) == 0 &&
				    !gcm_state_is_limbo(state)))
		return;
	if ((atomic_fetch_or_explicit(
		 &bits->reached[bit / 64], mask, memory_order_relaxed) &
		mask) != 0)
		return;
	if (bits->parent != NULL)
		atomic_store_explicit(
		    &bits->parent[bit], marker->where, memory_order_relaxed);
	make_grey(marker, item, state);
}

/* The state that the block has now, or 0: it was reached before. */
static inline uint8_t
reach_state(const struct gcm_marker *marker, uint64_t item)
{
	_Atomic uint8_t *at = gcm_state_at(item & GCM_ITEM_ADDR);
	uint8_t state = atomic_load_explicit(at, memory_order_relaxed), next;

	do { /* .inv.mark-cas */
		next = reached_state(state, marker->colour);
		if (next == state)
			return 0;
	} while (!atomic_compare_exchange_weak_explicit(
	    at, &state, next, memory_order_relaxed, memory_order_relaxed));
	if (GCM_UNLIKELY((state & (GCM_ALLOC | GCM_SAMPLED)) == 0) &&
	    gcm_audit_is_on())
		gcm_audit_note_reached(item & GCM_ITEM_ADDR, state);
	return next;
}

static inline void
reach_slot(struct gcm_marker *marker, uint64_t item)
{
	uint8_t state = reach_state(marker, item);

	if (state != 0)
		make_grey(marker, item, state);
}

/* The block as an item, reached; or 0: it was reached before, or there is
 * nothing in it.  A word that leads to a large one stays one.
 */
static uint64_t
settle_word(struct gcm_marker *marker, uint64_t word)
{
	uint64_t item = gcm_slot_find(word);
	uint8_t state;

	if (item == 0)
		return 0;
	if (item >> GCM_ITEM_SHIFT == GCM_ITEM_LARGE) {
		state = gcm_slot_get(item & GCM_ITEM_ADDR);
		return reached_state(state, marker->colour) == state ? 0 : word;
	}
	state = reach_state(marker, item);
	return state != 0 && count_block(marker, item, state) ? item : 0;
}

static inline void
see_word(struct gcm_marker *marker, uintptr_t word)
{
	uint64_t item = gcm_slot_find(word);

	if (item == 0)
		return;
	if (GCM_UNLIKELY(marker->bits != NULL))
		reach_bits(marker, item);
	else
		reach_slot(marker, item);
}

/* Words in the zone. */
static void
see_words(struct gcm_marker *marker, const uint64_t *words, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		/* There is room behind the last one, with old words in it. */
		__builtin_prefetch((const void *)(uintptr_t)gcm_state_at(
		    words[i + SEEN_AHEAD]));
		see_word(marker, words[i]);
	}
}

void
gcm_mark_word(struct gcm_marker *marker, uintptr_t word)
{
	if (gcm_options.PTRMASK != GCM_ALL)
		word &= (uintptr_t)gcm_options.PTRMASK;
	if (gcm_zone_has(word))
		see_word(marker, word);
}

/* Ranges of words
 * -------------------------------------------------------------- */

static inline uint64_t
load_word(const uint64_t *at)
{
	return __atomic_load_n(at, __ATOMIC_RELAXED);
}

static size_t
zone_length(void)
{
	return (size_t)gcm_zone_pages() << GCM_PAGE_SHIFT;
}

void
gcm_mark_steps(struct gcm_marker *marker, uintptr_t lo, uintptr_t hi,
    unsigned int step, bool exact_end)
{
	for (; lo + sizeof(uint64_t) <= hi; lo += step) {
		uint64_t word;

		__builtin_memcpy(&word, (const void *)lo, sizeof(word));
		gcm_mark_word(marker, word);
		if (exact_end)
			gcm_mark_word(marker, word - 1);
	}
}

static void
mark_words(struct gcm_marker *marker, const uint64_t *words, size_t nwords,
    bool exact_end)
{
	uint64_t lo = gcm_zone.lo, len = zone_length();

	while (nwords > 0) {
		size_t n = nwords < GCM_MARK_WORDS ? nwords : GCM_MARK_WORDS;
		/* One past the end of the last block is out of the zone. */
		size_t found = gcm_filter_words(
		    words, n, lo, len + exact_end, marker->words);

		if (!exact_end)
			see_words(marker, marker->words, found);
		for (size_t i = 0; exact_end && i < found; i++) {
			uint64_t word = marker->words[i];

			if (word - lo < len)
				see_word(marker, word);
			if (word > lo)
				see_word(marker, word - 1);
		}
		words += n;
		nwords -= n;
	}
}

void
gcm_mark_range(
    struct gcm_marker *marker, uintptr_t lo, uintptr_t hi, bool exact_end)
{
	lo = gcm_round_up(lo, sizeof(uint64_t));
	if (lo >= hi)
		return;
	if (marker->careful)
		gcm_mark_steps(
		    marker, lo, hi, (unsigned int)gcm_options.ALIGN, exact_end);
	else
		mark_words(marker, (const uint64_t *)lo,
		    (hi - lo) / sizeof(uint64_t), exact_end);
}

/* Items
 * ------------------------------------------------------------------------ */

static void
scan_altered(struct gcm_marker *marker, uintptr_t addr, size_t len)
{
	(void)gcm_mark_foreign(marker, addr, addr + len, 0, false);
}

/* The words of a block of a short class.  Those that count one by one, with
 * their parents, are seen on the spot.
 */
static inline void
scan_short(struct gcm_marker *marker, const uint64_t *words, size_t size)
{
	uint64_t lo = gcm_zone.lo, len = zone_length();

	for (size_t i = 0; i < size / sizeof(uint64_t); i++) {
		uint64_t word = load_word(words + i);

		if (word - lo >= len)
			continue;
		if (GCM_UNLIKELY(marker->bits != NULL))
			see_word(marker, word);
		else
			push_item(marker, word);
	}
}

_Atomic bool gcm_mark_coroutines;

bool
gcm_mark_may_be_stack(size_t size)
{
	return size >= STACK_BYTES &&
	       atomic_load_explicit(&gcm_mark_coroutines, memory_order_relaxed);
}

static void
scan_slot(struct gcm_marker *marker, uint64_t item)
{
	uintptr_t addr = item & GCM_ITEM_ADDR;
	size_t size = gcm_classes[item >> GCM_ITEM_SHIFT].size;
	uint8_t state = gcm_slot_get(addr); /* .inv.mark-safe */

	/* Freed, and its page cut up anew: what is there now is new. */
	if ((gcm_page_tag(gcm_page_at(addr)) & GCM_TAG_CLASS) !=
	    item >> GCM_ITEM_SHIFT)
		return;
	marker->where = addr;
	if (GCM_UNLIKELY((state & GCM_ALLOC) == 0)) {
		if (gcm_alter_is_noted(state))
			scan_altered(marker, addr, size);
		else if (gcm_state_is_limbo(state) && marker->bits != NULL)
			gcm_mark_range(marker, addr, addr + size, false);
		return; /* else freed meanwhile */
	}
	marker->scanned += size;
	if (marker->short_bytes[item >> GCM_ITEM_SHIFT] != 0)
		scan_short(marker, (const uint64_t *)addr, size);
	else
		gcm_mark_range(
		    marker, addr, addr + size, gcm_mark_may_be_stack(size));
	if (GCM_UNLIKELY(marker->offsets))
		gcm_mark_distances(marker, addr, addr, addr + size);
}

static void
scan_piece(struct gcm_marker *marker, uint64_t item)
{
	uintptr_t addr = item & GCM_ITEM_ADDR & ~(uintptr_t)0xfff;
	size_t len = (size_t)(item & 0xfff) << PIECE_SHIFT;
	uintptr_t head = gcm_slot_find_large(addr, gcm_page_at(addr));

	if (head == 0)
		return; /* freed meanwhile */
	marker->where = head;
	if (gcm_alter_is_noted(gcm_slot_get(head))) { /* .inv.mark-safe */
		scan_altered(marker, addr, len);
		return;
	}
	marker->scanned += len;
	gcm_mark_range(marker, addr, addr + len, gcm_mark_may_be_stack(len));
	if (GCM_UNLIKELY(marker->offsets))
		gcm_mark_distances(marker, head, addr, addr + len);
}

/* All items but those of short blocks' first words. */
GCM_NOINLINE static void
scan_slowly(struct gcm_marker *marker, uint64_t item)
{
	if (item >> GCM_ITEM_SHIFT == GCM_ITEM_PIECE)
		scan_piece(marker, item);
	else if (item >> GCM_ITEM_SHIFT != 0)
		scan_slot(marker, item);
	else
		see_word(marker, item);
}

static inline void
scan_item(struct gcm_marker *marker, uint64_t item)
{
	const struct gcm_page *page = gcm_page_at(item & GCM_ITEM_ADDR);
	uint32_t class_id = gcm_page_tag(page) & GCM_TAG_CLASS, size;
	const uint64_t *words = (const uint64_t *)(item & ~(uint64_t)15);
	_Atomic uint8_t *at = gcm_state_at(item & GCM_ITEM_ADDR);
	uint8_t state, next;

	/* .inv.tag: a state that was there before the tag is not seen. */
	atomic_thread_fence(memory_order_acquire);
	state = atomic_load_explicit(at, memory_order_relaxed);
	size = marker->short_bytes[class_id];
	/* Should the page have a new use, what is read stays on it. */
	if (GCM_UNLIKELY(
		item >> GCM_ITEM_SHIFT != 0 || size == 0 ||
		(state & (GCM_ALLOC | GCM_NOSCAN)) != GCM_ALLOC ||
		(item & (GCM_PAGE_SIZE - 16)) + size > GCM_PAGE_SIZE)) {
		scan_slowly(marker, item);
		return;
	}
	next = (uint8_t)((state & ~GCM_COLOUR) | (marker->colour & GCM_COLOUR));
	if (next == state)
		return;
	if (GCM_UNLIKELY(!atomic_compare_exchange_strong_explicit(at, &state,
		next, memory_order_relaxed, memory_order_relaxed))) {
		scan_slowly(marker, item);
		return;
	}
	marker->blocks++;
	marker->shorts += size;
	scan_short(marker, words, size);
}

void
gcm_mark_flush(struct gcm_marker *marker)
{
	struct gcm_buffer *fresh;

	for (unsigned int i = 0; i < GCM_MARK_AHEAD; i++) {
		uint64_t item = marker->ahead[i];

		marker->ahead[i] = 0;
		if (item != 0)
			push_item(marker, item);
	}
	if (marker->now->count == 0)
		return;
	fresh = gcm_work_empty();
	if (fresh == NULL)
		return;
	gcm_work_put(marker->now);
	marker->now = fresh;
}

/* Give others half of what we have. */
static void
share_items(struct gcm_marker *marker)
{
	struct gcm_buffer *now = marker->now, *other;
	uint64_t half = now->count / 2;

	if (half == 0 || (other = gcm_work_empty()) == NULL)
		return;
	for (uint64_t i = 0; i < half; i++)
		other->items[i] = now->items[i];
	for (uint64_t i = half; i < now->count; i++)
		now->items[i - half] = now->items[i];
	other->count = half;
	now->count -= half;
	gcm_work_put(other);
}

/* Every few blocks; true to go on. */
static bool
poll_marker(struct gcm_marker *marker, uint64_t deadline_ns)
{
	gcm_pin_poll(marker->stopped);
	if (gcm_work_is_wanted())
		share_items(marker);
	if (gcm_work_failed())
		return false;
	if ((++marker->tick & 7) != 0)
		return true;
	if (deadline_ns != 0 && gcm_os_now_ns() >= deadline_ns)
		return false;
	return !gcm_cycle_is_asked();
}

/* An item whose words have had time to come: one for one that is sent for, or,
 * when none is left, those that were sent for; 0: none.
 */
static inline uint64_t
take_item(struct gcm_marker *marker)
{
	struct gcm_buffer *now = marker->now;

	/* Once round to fill an empty ring, once more to find what is in it. */
	for (unsigned int i = 0; i < 2 * GCM_MARK_AHEAD; i++) {
		unsigned int at = marker->ahead_at;
		uint64_t item = marker->ahead[at], next = 0;

		if (GCM_LIKELY(now->count > 0)) {
			next = now->items[--now->count];
			__builtin_prefetch(
			    (const void *)(next & GCM_ITEM_ADDR));
			__builtin_prefetch(
			    (const void *)(uintptr_t)gcm_state_at(
				next & GCM_ITEM_ADDR));
		}
		marker->ahead[at] = next;
		marker->ahead_at = (at + 1) % GCM_MARK_AHEAD;
		if (item != 0)
			return item;
	}
	return 0;
}

/* The next buffer with items; false when there is none anywhere. */
static bool
refill_buffer(struct gcm_marker *marker)
{
	struct gcm_buffer *next;

	gcm_pin_leave(); /* may sleep */
	next = gcm_work_take();
	gcm_pin_enter(marker->stopped);
	if (next == NULL)
		return false;
	gcm_work_drop(marker->now);
	marker->now = next;
	return true;
}

bool
gcm_mark_drain(struct gcm_marker *marker, uint64_t deadline_ns)
{
	uint32_t count = 0;
	bool done = true;

	gcm_pin_enter(marker->stopped);
	for (;;) {
		uint64_t item = take_item(marker);

		if (item == 0) { /* .inv.grey */
			if (!refill_buffer(marker))
				break;
			continue;
		}
		scan_item(marker, item);
		if (++count % POLL_ITEMS == 0 &&
		    !poll_marker(marker, deadline_ns)) {
			gcm_mark_flush(marker);
			gcm_work_hurry();
			done = false;
			break;
		}
	}
	gcm_pin_leave();
	return done && gcm_work_is_empty() && !gcm_work_failed();
}
