/* pin.h -- heap pages that markers read stay readable
 *
 * Markers read blocks in place.  While pages are pinned nothing of the heap's
 * own makes a page of the zone fault: no guards, no hidden spans, no unmapping.
 * What the program does to its blocks (core/alter.c) waits until the markers
 * are out of the way.
 */
#ifndef GCM_CORE_PIN_H
#define GCM_CORE_PIN_H

#include "core/base.h"

/* The collector begins, and ends, reading.  Takes the page-heap lock: whoever
 * made a page fault before has finished.
 */
void gcm_pin_begin(void);
void gcm_pin_end(void);

/* Are pages pinned?  Exact under the page-heap lock. */
bool gcm_pin_is_on(void);

/* Writes are tracked, so that the zone is several mappings for the kernel, or
 * are no longer.  The collector's thread.
 */
void gcm_pin_track(bool on);
bool gcm_pin_is_tracked(void);

/* Tracking had to end because the program moves mappings, which then have to be
 * one.  When that happens again and again tracking is not for this program.
 */
void gcm_pin_note_mover(void);
bool gcm_pin_has_mover(void);

/* Around moving pages of the zone by mremap: false when they may not be moved,
 * for a marker could meet them on their way, or because a range over several
 * mappings may be moved by half.
 */
bool gcm_pin_move_begin(void);
void gcm_pin_move_end(void);

/* A marker comes and goes.  While it is in it calls gcm_pin_poll between two
 * blocks and keeps no address that it has checked across that call.  With the
 * world stopped the poll does nothing (`stopped`): nobody changes mappings
 * then, and whoever is about to has not yet.
 */
void gcm_pin_enter(bool stopped);
void gcm_pin_leave(void);
extern GCM_HIDDEN _Atomic uint32_t gcm_pin_wanted;
void gcm_pin_yield(void);

static inline void
gcm_pin_poll(bool stopped)
{
	if (GCM_UNLIKELY(atomic_load_explicit(
			     &gcm_pin_wanted, memory_order_relaxed) != 0) &&
	    !stopped)
		gcm_pin_yield();
}

/* A mutator keeps markers out while it notes blocks in their states. */
void gcm_pin_exclude(void);
void gcm_pin_admit(void);

/* In a forked child. */
void gcm_pin_reset(void);

#endif
