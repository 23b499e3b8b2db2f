/* pace.h -- when the next cycle begins: numbers in, numbers out */
#ifndef GCM_CORE_PACE_H
#define GCM_CORE_PACE_H

#include "core/base.h"

/* Lines in the heap's growth: heap is what the program had after the last
 * sweep, and its net growth since.  UINT64_MAX: never.
 */
struct gcm_pace {
	uint64_t goal;    /* marking should have ended by then */
	uint64_t trigger; /* a cycle begins; never above goal */
	uint64_t assist;  /* above it threads wait for the marker */
	uint64_t runway;  /* bytes made from the trigger to the mark's end */
	bool limited;     /* the memory limit has lowered the goal */
};

/* What a cycle measured, and what the options say.  What is not known is 0. */
struct gcm_pace_facts {
	uint64_t live;            /* after the sweep: the program has */
	uint64_t stacks, globals; /* scanned beside the heap */
	uint64_t limbo;           /* kept another cycle; not in live */
	uint64_t metadata;        /* the library's own memory, for the limit */
	uint64_t mark_ns;         /* from the cycle's start to the mark's end */
	uint64_t allocated;       /* net growth meanwhile */
	uint64_t late;            /* growth past the trigger before the start */
	uint64_t cpu_ns;          /* of the cycle, all markers */
	uint64_t interval_ns;     /* from the cycle before to this one */
	uint64_t grown;           /* net growth meanwhile */
	int64_t percent;          /* GCM_OFF: growth alone starts no cycle */
	uint64_t min_heap;        /* nor does growth below it */
	uint64_t mem_limit;       /* UINT64_MAX: none */
	uint32_t grace;           /* cycles that garbage stays */
};

/* Before the first cycle. */
void gcm_pace_first(struct gcm_pace *pace, int64_t percent, uint64_t min_heap,
    uint64_t mem_limit);

/* After a cycle; pace->runway is the memory of those before. */
void gcm_pace_next(struct gcm_pace *pace, const struct gcm_pace_facts *facts);

/* Is a cycle to be forced?  last_ns: when the last one ended. */
bool gcm_pace_is_due(uint64_t now_ns, uint64_t last_ns, int64_t interval_ns);

#endif
