/* mark_distance.c -- words that say how far away another block is
 *
 * MODEL   Only where code is known to keep blocks so (scan/maps.c): a small
 *         number is the distance to something in the zone wherever it stands.
 *         What is held by mistake is little if nothing counts but distances
 *         that lead exactly to a block's start, or to a word behind it, where
 *         Berkeley DB keeps a length before each of its own.
 */
#include "scan/mark.h"

_Atomic bool gcm_mark_offsets;

static inline void
mark_at(struct gcm_marker *marker, uintptr_t start, uintptr_t addr)
{
	uintptr_t granule = addr & ~(uintptr_t)(GCM_GRANULE - 1);
	uint8_t state;

	if (granule == start || !gcm_zone_has(granule))
		return;
	state = gcm_slot_get(granule);
	if ((state & GCM_ALLOC) != 0 || gcm_state_is_limbo(state) ||
	    gcm_alter_is_noted(state))
		gcm_mark_word(marker, granule);
}

void
gcm_mark_distances(
    struct gcm_marker *marker, uintptr_t start, uintptr_t lo, uintptr_t hi)
{
	for (lo = gcm_round_up(lo, 8); lo + 8 <= hi; lo += 8) {
		uint64_t word =
		    __atomic_load_n((const uint64_t *)lo, __ATOMIC_RELAXED);

		if (word == 0 || (word & 7) != 0)
			continue;
		mark_at(marker, start, start + word);
		mark_at(marker, start, lo + word);
	}
}
