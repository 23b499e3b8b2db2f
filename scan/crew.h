/* crew.h -- the markers: one or several threads of ours */
#ifndef GCM_SCAN_CREW_H
#define GCM_SCAN_CREW_H

#include "scan/mark.h"

typedef void (*gcm_crew_job)(struct gcm_marker *marker, void *arg);

/* Ready markers for a cycle, starting threads for all but the leader's own:
 * nmarkers that work beside the program, and up to nstopped while the world is
 * stopped.  How many there are in all; 0: no memory for one.
 */
uint32_t gcm_crew_begin(uint32_t nmarkers, uint32_t nstopped, uint8_t colour);

/* The marker of the calling thread, who leads: the collector's. */
struct gcm_marker *gcm_crew_leader(void);

/* The leader does the job, and whoever wakes up in time does it beside it: they
 * share out its pieces themselves.  Returns when none is in it.  A member
 * leaves nothing grey in its marker (gcm_mark_flush): the next drain may be
 * without it.
 */
void gcm_crew_share(gcm_crew_job job, void *arg, bool stopped);

/* Drain with them; as gcm_mark_drain. */
bool gcm_crew_drain(uint64_t deadline_ns, bool stopped);

/* Let all mark into bits, or colours again (NULL). */
void gcm_crew_use(struct gcm_mark_bits *bits);

/* Sums over all markers go to the trace. */
void gcm_crew_count(struct gcm_trace *trace);

/* What each has done, as events. */
void gcm_crew_note(void);

/* How many work beside the program now: none but in a cycle. */
uint32_t gcm_crew_size(void);

/* CPU of this cycle's stops, the leader's apart. */
uint64_t gcm_crew_stop_cpu_ns(void);

/* The threads end. */
void gcm_crew_end(void);

/* In a process of our own (fork): the leader alone. */
void gcm_crew_forked(void);

#endif
