/* sweep.h -- what was not reached becomes LIMBO, and then free */
#ifndef GCM_CORE_SWEEP_H
#define GCM_CORE_SWEEP_H

#include "core/table.h"

struct gcm_sweep {
	uint8_t colour; /* in: ALLOC | colour of the cycle that has marked */
	uint8_t grace;  /* in: cycles in LIMBO, 0..3 */
	bool reclaim;   /* in: LIMBO may become FREE */
	const _Atomic bool *alarmed; /* in: true ends reclaiming at once */
	uint32_t skipped; /* in: cycles given up since the last sweep */
	bool poison;      /* in: fill what becomes FREE with 0xDB */
	bool audit;       /* in: not reclaim: what would be FREE gets DUE */
	uint64_t live_bytes, live_blocks; /* out: the program has, slot sizes */
	uint64_t limbo_bytes, limbo_blocks; /* out: kept another cycle */
	uint64_t freed_bytes, freed_blocks; /* out */
};

/* Sweep the whole heap beside the running program.  The collector's thread,
 * after a trace that was not abandoned.
 */
void gcm_sweep_heap(struct gcm_sweep *sweep);

/* Give blocks of the colour `from` the colour `to` (both ALLOC | colour):
 * before a colour is used again that an abandoned cycle left (.inv.wrap).
 */
void gcm_sweep_recolour(uint8_t from, uint8_t to);

/* Let markers find large blocks by interior addresses (core/large.h).  Pages
 * are pinned.
 */
void gcm_sweep_index(void);

/* Blocks that a trace in another process reached, a bit a granule from the
 * zone's start: give them the colour.
 */
void gcm_sweep_apply(
    uint8_t colour, const _Atomic uint64_t *bits, uintptr_t hi);

#endif
