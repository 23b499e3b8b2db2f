/* table.h -- the heap's truth: one byte a slot, one record a page
 *
 * The tables are windows of addresses, each at a fixed arithmetic relation to
 * the zone, so that looking up the state or the page of an address is a shift
 * and an add of constants, without loading any base.  A hot header: the
 * lookups are inline.
 *
 *   state   1 byte for each granule     at (p >> 4)  + GCM_STATE_BIAS
 *   page    32 bytes for each page      at (p >> 13) * 32 + GCM_PAGE_BIAS
 *   bits    2 bits for each page: clean, guard; a pair of words for 64 pages
 *                                       at (p >> 19) * 16 + GCM_CLEAN_BIAS
 */
#ifndef GCM_CORE_TABLE_H
#define GCM_CORE_TABLE_H

#include "core/base.h"
#include "core/lock.h"

enum {
	GCM_GRANULE_SHIFT = 4,
	GCM_LINE_SHIFT = 10, /* a line: 64 granules, one hint */
	GCM_PAGE_SHIFT = 13,
	GCM_GRANULE = 1 << GCM_GRANULE_SHIFT,
	GCM_LINE = 1 << GCM_LINE_SHIFT,
	GCM_PAGE_SIZE = 1 << GCM_PAGE_SHIFT,
	GCM_LINE_GRANULES = GCM_LINE / GCM_GRANULE,
	GCM_PAGE_LINES = GCM_PAGE_SIZE / GCM_LINE
};

/* Where the windows are.  Sanitizers keep much of the address space for
 * themselves: their builds move the windows with -D.
 */
#ifndef GCM_ZONE_WINDOW
#define GCM_ZONE_WINDOW 0x608000000000u /* lowest base of the zone */
#define GCM_ZONE_LIMIT 0x700000000000u  /* no zone reaches this */
#define GCM_STATE_BIAS 0u
#define GCM_PAGE_BIAS 0u
#define GCM_CLEAN_BIAS 0x4000000000u
#define GCM_OWN_WINDOW 0x4000000000u /* bytes below the zone: core/own.h */
#endif

/* States of a slot.  An allocated, unsampled slot is the only one with the
 * sign bit: the hot free tests just that.
 */
enum gcm_state {
	GCM_INTERIOR = 0, /* no slot starts here */
	GCM_FREE = 1,     /* any refill of the owner may take it */
	GCM_CACHED = 2,   /* free, held by one thread cache */
	GCM_LOST = 3,     /* freed, its pages could not be had back: never
			     used again */
	GCM_ALTERED = 4,  /* | SAMPLED | colour: allocated, and the program
			     unmapped, replaced or protected pages of it:
			     maybe not readable, to be renewed when freed */
	GCM_LIMBO = 0x10, /* | colour: unreachable, kept one more cycle */
	GCM_DUE = 4,     /* | LIMBO | colour: would have been reclaimed, were it
			    not for report mode; only with GCM_DEBUG=audit=1 */
	GCM_QUAR = 0x20, /* | colour: freed, kept until nothing points here */
	GCM_SAMPLED = 0x40, /* | colour: allocated, and traced */
	GCM_ALLOC = 0x80,   /* | colour: the program has it */
	GCM_NOSCAN = 8,     /* | ALLOC or LIMBO: holds no pointers */
	GCM_COLOUR = 3      /* mask: cycle number mod 4 */
};

enum gcm_kind {
	GCM_KIND_NONE = 0, /* nothing begins or ends here that matters */
	GCM_KIND_BODY,     /* later page of a span of slots; n: pages back */
	GCM_KIND_SMALL,    /* first page of a span of slots */
	GCM_KIND_LARGE,    /* first page of a large span */
	GCM_KIND_RUN,      /* first page of a free run */
	GCM_KIND_TAIL      /* last page of a free run of two or more pages */
};

enum gcm_page_flag {
	GCM_PAGE_MOVED = 1,   /* large: its pages came by mremap */
	GCM_PAGE_GUARDED = 4, /* large: its last page is a guard */
	GCM_PAGE_TORN = 2,    /* small: from before a fork, not yet repaired */
	GCM_PAGE_BINNED = 8   /* with TORN: slots may be in a living bin */
};

/* The record of a page.  Indexes of pages count from the zone's base; links
 * are index + 1, so that 0 is none.
 */
struct gcm_page {
	_Atomic uint32_t tag;   /* owner << 8 | bin code on every page of a
				   span of slots, else 0; the owner, or who
				   holds the orphan lock */
	_Atomic uint8_t kind;   /* page-heap lock, stored last in a commit */
	uint8_t flags;          /* as kind */
	uint16_t live;          /* spare */
	_Atomic uint64_t hints; /* byte i: a slot that starts in line i was
				   freed by store; any thread sets, the owner
				   clears */
	uint32_t n;             /* pages of the span or run; BODY, TAIL: pages
				   back to the first */
	uint32_t carved;        /* SMALL: slots ever handed out; cache lock */
	uint32_t next;          /* SMALL: list, cache or orphan lock; RUN: right
				   child, page-heap lock */
	uint32_t prev;          /* SMALL: list; RUN: left child */
};
_Static_assert(sizeof(struct gcm_page) == 32, "a shift finds the record");

enum {
	GCM_TAG_CLASS = 0xff, /* bits of the bin code */
	GCM_TAG_OWNER_SHIFT = 8,
	GCM_OWNER_ORPHAN = 1,     /* owner id of spans nobody owns */
	GCM_OWNER_FIRST = 2,      /* first id of a cache */
	GCM_OWNER_NONE = 0xffffff /* no span has it */
};

/* The part of the window that is mapped. */
struct gcm_zone {
	uintptr_t lo; /* const once init */
	uintptr_t hi; /* page-heap lock; only grows */
};
extern GCM_HIDDEN struct gcm_zone gcm_zone;

/* The same in granules; apart, so that the fast path needs no base register. */
extern GCM_HIDDEN uint64_t gcm_zone_start; /* lo >> 4; const once init */
extern GCM_HIDDEN _Atomic uint64_t
    gcm_zone_count; /* page-heap lock; read by all */

/* Choose the base and map the first extent.  init lock.  0 or -errno. */
int gcm_table_init(void);

/* Map npages more at the zone's end, tables first.  Page-heap lock.  Returns
 * the index of the first new page; *npages says how many came (as many as
 * asked for or more).  It lies behind the old end by more than nothing if
 * somebody else's mapping was in the way.  -errno when nothing could be mapped.
 */
int64_t gcm_table_grow_locked(uint32_t *npages);

/* The states of a large heap get huge pages, once: markers look at them all
 * over the place.  The collector's thread.
 */
void gcm_table_collapse(void);

/* In a forked child: undo the growth that another thread was at. */
void gcm_table_repair(void);

/* Unmap the zone's last npages, which are free: address space for somebody
 * else.  The tables stay.  Page-heap lock.
 */
void gcm_table_shrink_locked(uint32_t npages);

/* Bits of the pages [lo, hi): set or clear, and count those set.  Page-heap
 * lock.
 */
enum gcm_page_bit {
	GCM_CLEAN = 0, /* known to read as zero */
	GCM_GUARD = 1  /* an access faults */
};
void gcm_bits_mark_locked(
    enum gcm_page_bit bit, uintptr_t lo, uintptr_t hi, bool on);
uint32_t gcm_bits_count_locked(
    enum gcm_page_bit bit, uintptr_t lo, uintptr_t hi);

/* The first page of [lo, hi) whose bit is set; hi when there is none. */
uintptr_t gcm_bits_find_locked(
    enum gcm_page_bit bit, uintptr_t lo, uintptr_t hi);

/* Bytes of address space the tables take. */
size_t gcm_table_mapped(void);

/* Table number i (from 0) is at [*lo, *hi); false when there is none of that
 * number, or no heap yet.  Any thread, no lock: *hi may be a moment old.
 */
bool gcm_table_at(unsigned int i, uintptr_t *lo, uintptr_t *hi);

static inline _Atomic uint8_t *
gcm_state_at(uintptr_t addr)
{
	return (
	    _Atomic uint8_t *)((addr >> GCM_GRANULE_SHIFT) + GCM_STATE_BIAS);
}

/* The states from addr on as plain bytes: for pages nobody else has yet, and
 * for searches whose answer may be a moment old.
 */
static inline uint8_t *
gcm_state_bytes(uintptr_t addr)
{
	return (uint8_t *)((addr >> GCM_GRANULE_SHIFT) + GCM_STATE_BIAS);
}

static inline struct gcm_page *
gcm_page_at(uintptr_t addr)
{
	return (
	    struct gcm_page *)((addr >> (GCM_PAGE_SHIFT - 5) & ~(uintptr_t)31) +
			       GCM_PAGE_BIAS);
}

static inline uint64_t *
gcm_bits_at(uintptr_t addr, enum gcm_page_bit bit)
{
	return (uint64_t *)((addr >> (GCM_PAGE_SHIFT + 2) & ~(uintptr_t)15) +
			    GCM_CLEAN_BIAS) +
	       bit;
}

/* An address turned right by four: its granule number if it is aligned, an
 * enormous number if not, so that one comparison sees both that it is aligned
 * and that it is inside the zone.
 */
static inline uint64_t
gcm_turn(uintptr_t addr)
{
	return addr >> GCM_GRANULE_SHIFT | (uint64_t)addr
					       << (64 - GCM_GRANULE_SHIFT);
}

static inline bool
gcm_zone_has_turned(uint64_t turned)
{
	return turned - gcm_zone_start < GCM_PEEK(gcm_zone_count);
}

/* State and page of a granule number. */
static inline _Atomic uint8_t *
gcm_state_of_granule(uint64_t granule)
{
	return (_Atomic uint8_t *)(granule + GCM_STATE_BIAS);
}

static inline struct gcm_page *
gcm_page_of_granule(uint64_t granule)
{
	return (struct gcm_page *)((granule >> (GCM_PAGE_SHIFT - 5 -
						   GCM_GRANULE_SHIFT) &
				       ~(uintptr_t)31) +
				   GCM_PAGE_BIAS);
}

static inline bool
gcm_zone_has(uintptr_t addr)
{
	return gcm_zone_has_turned(addr >> GCM_GRANULE_SHIFT);
}

static inline uintptr_t
gcm_page_addr(uint32_t index)
{
	return gcm_zone.lo + ((uintptr_t)index << GCM_PAGE_SHIFT);
}

static inline struct gcm_page *
gcm_page(uint32_t index)
{
	return gcm_page_at(gcm_page_addr(index));
}

static inline uint32_t
gcm_page_index(const struct gcm_page *page)
{
	return (uint32_t)(page - gcm_page_at(gcm_zone.lo));
}

static inline uint32_t
gcm_zone_pages(void)
{
	return (uint32_t)(atomic_load_explicit(
			      &gcm_zone_count, memory_order_relaxed) >>
			  (GCM_PAGE_SHIFT - GCM_GRANULE_SHIFT));
}

/* Is it unreachable and kept one more cycle? */
static inline bool
gcm_state_is_limbo(uint8_t state)
{
	return (state & 0xf0) == GCM_LIMBO;
}

/* Tell the owner that a slot at addr was freed by store.  After the store. */
static inline void
gcm_hint_set(uintptr_t addr)
{
	struct gcm_page *page = gcm_page_at(addr);
	_Atomic uint8_t *hint = (_Atomic uint8_t *)&page->hints +
				(addr >> GCM_LINE_SHIFT & (GCM_PAGE_LINES - 1));

	atomic_store_explicit(hint, 1, memory_order_release);
}

static inline uint8_t
gcm_page_kind(const struct gcm_page *page)
{
	return atomic_load_explicit(&page->kind, memory_order_acquire);
}

static inline uint32_t
gcm_page_tag(const struct gcm_page *page)
{
	return atomic_load_explicit(&page->tag, memory_order_relaxed);
}

#endif
