#ifndef GCM_CORE_PACE_H
#define GCM_CORE_PACE_H
#include "core/base.h"
struct gcm_pace {
	uint64_t goal, trigger, assist;
};
struct gcm_pace_facts {
	uint64_t live, stacks, globals, limbo, mark_ns, interval_ns, cpu_ns,
	    allocated;
	int64_t percent;
	uint64_t min_heap, mem_limit;
};
void gcm_pace_first(struct gcm_pace *pace, int64_t percent, uint64_t min_heap);
void gcm_pace_next(struct gcm_pace *pace, const struct gcm_pace_facts *facts);
#endif
