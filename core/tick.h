/* tick.h -- what the collector's thread does by the clock, whatever it is at */
#ifndef GCM_CORE_TICK_H
#define GCM_CORE_TICK_H

#include "core/base.h"

/* Is there anything: a recording, schedtrace.  Const once the constructor has
 * run; cleared by nobody.
 */
extern GCM_HIDDEN _Atomic bool gcm_tick_wanted;

/* Read the options; the collector's thread is to be there from the first use of
 * the heap if schedtrace asks for lines.  The constructor.
 */
void gcm_tick_begin(void);

/* Is the collector's thread to be there as long as the program runs? */
bool gcm_tick_needs_thread(void);

/* Start that thread if it is needed and not there.  A thread of the program's.
 */
void gcm_tick_start(void);

/* Do what is due.  Any thread of ours may call it; only the collector's does
 * something, and only while the world runs.
 */
void gcm_tick(void);

/* The world is stopped, or runs again. */
void gcm_tick_pause(bool stopped);

/* Sleep no longer than that before the next tick: `ns` at most. */
uint64_t gcm_tick_rest(uint64_t ns);

/* The same test for loops. */
static inline void
gcm_tick_poll(void)
{
	if (GCM_UNLIKELY(
		atomic_load_explicit(&gcm_tick_wanted, memory_order_relaxed)))
		gcm_tick();
}

/* The heap's counters, noted now. */
void gcm_tick_note_heap(void);

#endif
