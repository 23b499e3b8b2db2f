/* mark.h -- following words to blocks */
#ifndef GCM_SCAN_MARK_H
#define GCM_SCAN_MARK_H

#include "core/core.h"
#include "scan/work.h"

enum {
	GCM_MARK_AHEAD = 16,      /* items on their way through the cache */
	GCM_MARK_STEP = 32 << 10, /* bytes a filter sees at once */
	GCM_MARK_WORDS = GCM_MARK_STEP / 8,
	GCM_MARK_READ = 64 << 10 /* bytes read at once of other memory */
};

/* A second mark, that leaves the colours alone. */
struct gcm_mark_bits {
	_Atomic uint64_t *reached; /* a bit a granule of [lo, hi) */
	_Atomic uint64_t *parent;  /* an address a granule, or NULL */
	uintptr_t lo, hi;
	size_t reached_len, parent_len; /* bytes mapped */
};

/* One marker's own. */
struct gcm_marker {
	uint8_t colour; /* ALLOC | colour; const within a cycle */
	bool stopped;   /* the world is; the leader */
	bool careful;   /* words may be unaligned or masked; const */
	bool offsets;   /* and distances between blocks; const within a cycle */
	struct gcm_mark_bits *bits; /* instead of colours, or NULL */
	uintptr_t where;            /* of what is scanned, for bits->parent */
	struct gcm_buffer *now;
	uint64_t ahead[GCM_MARK_AHEAD];
	unsigned int ahead_at;
	uint32_t tick;
	uint64_t blocks, bytes, scanned; /* marked, marked, scanned */
	uint64_t shorts;                 /* bytes, marked and scanned in one */
	uint8_t short_bytes[GCM_TAG_CLASS + 1]; /* by class; 0: not short */
	uint64_t words[GCM_MARK_WORDS + 16];
	uint64_t read[GCM_MARK_READ / 8 + 8];
};

/* The program has coroutines: the words of long blocks may be a stack's, too,
 * and one past the end of a block keeps it from there as well.  Sticky.
 */
extern GCM_HIDDEN _Atomic bool gcm_mark_coroutines;

/* Code is mapped that keeps blocks by distances (GCM_MAP_OFFSETS).  Sticky. */
extern GCM_HIDDEN _Atomic bool gcm_mark_offsets;

/* The words on [lo, hi) of the block at start may be distances to other blocks:
 * from its start, or from where they lie.  For markers with `offsets`, beside
 * what is done with any words.
 */
void gcm_mark_distances(
    struct gcm_marker *marker, uintptr_t start, uintptr_t lo, uintptr_t hi);

/* May a block of that many bytes be a coroutine's stack? */
bool gcm_mark_may_be_stack(size_t size);

/* Ready a marker for a cycle; false: no memory. */
bool gcm_mark_begin(struct gcm_marker *marker, uint8_t colour);

/* The word at any place may be the address of a block. */
void gcm_mark_word(struct gcm_marker *marker, uintptr_t word);

/* The words of [lo, hi), memory that is readable; `exact_end` also keeps the
 * block before an address that is exactly a block's start.
 */
void gcm_mark_range(
    struct gcm_marker *marker, uintptr_t lo, uintptr_t hi, bool exact_end);

/* The same at any step, in bytes, and with the pointer mask. */
void gcm_mark_steps(struct gcm_marker *marker, uintptr_t lo, uintptr_t hi,
    unsigned int step, bool exact_end);

/* The same of memory that may vanish.  `step` is the distance of words in
 * bytes, 0 for the option's.  False when some of it could not be read.
 */
bool gcm_mark_foreign(struct gcm_marker *marker, uintptr_t lo, uintptr_t hi,
    unsigned int step, bool exact_end);

/* Blocks of this cycle's colour on the heap's pages [lo, hi): their words there
 * once more.
 */
void gcm_mark_again(struct gcm_marker *marker, uintptr_t lo, uintptr_t hi);

/* Follow everything grey, with the other markers that do the same; true when
 * nothing is left, false when deadline_ns (0: none) passed, memory was short,
 * or the collector is wanted gone.
 */
bool gcm_mark_drain(struct gcm_marker *marker, uint64_t deadline_ns);

/* Put what the marker has for itself on the common list. */
void gcm_mark_flush(struct gcm_marker *marker);

#endif
