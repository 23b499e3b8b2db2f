/* pace.c -- scaffold */
#include "core/pace.h"
void
gcm_pace_first(struct gcm_pace *pace, int64_t percent, uint64_t min_heap)
{
	(void)percent;
	pace->goal = min_heap;
	pace->trigger = min_heap;
	pace->assist = min_heap * 2;
}
void
gcm_pace_next(struct gcm_pace *pace, const struct gcm_pace_facts *f)
{
	uint64_t goal = f->live + (f->live + f->stacks + f->globals) *
				      (uint64_t)f->percent / 100;
	if (f->percent < 0) {
		pace->goal = pace->trigger = pace->assist = UINT64_MAX;
		return;
	}
	if (goal < f->min_heap)
		goal = f->min_heap;
	pace->goal = goal;
	pace->trigger = f->live + (goal - f->live) / 10 * 8;
	pace->assist = goal + (goal - f->live) / 2;
}
