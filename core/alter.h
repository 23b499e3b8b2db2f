/* alter.h -- blocks whose pages the program maps, unmaps or protects itself
 *
 * Such a block is noted in its state, and its pages are renewed when it is
 * freed.
 */
#ifndef GCM_CORE_ALTER_H
#define GCM_CORE_ALTER_H

#include "core/table.h"

/* The program is about to change the mapping of [addr, addr+len), which begins
 * in the zone: note the blocks that the range touches.  Any thread, in any
 * state; takes no lock.
 */
void gcm_alter_note(uintptr_t addr, size_t len);

/* Free the noted slot at addr, whose state was seen as `state`; false when
 * another free was faster.
 */
bool gcm_alter_free(uintptr_t addr, uint8_t state, uint32_t class_id);

static inline bool
gcm_alter_is_noted(uint8_t state)
{
	return (state & (GCM_SAMPLED | GCM_ALTERED)) ==
	       (GCM_SAMPLED | GCM_ALTERED);
}

#endif
