/* crew.h -- the markers: one or several threads of ours */
#ifndef GCM_SCAN_CREW_H
#define GCM_SCAN_CREW_H

#include "scan/mark.h"

/* Ready nmarkers markers for a cycle, starting threads for all but the leader's
 * own.  How many there are; 0: no memory for one.
 */
uint32_t gcm_crew_begin(uint32_t nmarkers, uint8_t colour);

/* The marker of the calling thread, who leads: the collector's. */
struct gcm_marker *gcm_crew_leader(void);

/* Drain with all of them; as gcm_mark_drain. */
bool gcm_crew_drain(uint64_t deadline_ns, bool stopped);

/* Let all mark into bits, or colours again (NULL). */
void gcm_crew_use(struct gcm_mark_bits *bits);

/* Sums over all markers go to the trace. */
void gcm_crew_count(struct gcm_trace *trace);

/* The threads end. */
void gcm_crew_end(void);

/* In a process of our own (fork): the leader alone. */
void gcm_crew_forked(void);

#endif
