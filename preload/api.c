/* api.c -- what include/gcmalloc.h reaches
 *
 * MODEL   A block that holds no pointers is an ordinary one with one bit more
 *         in its state, which marker and sweeper keep.  The bit is set after
 *         the block was made: a cycle that is under way may read it once
 *         more, which keeps too much at worst.
 */
#include "include/gcmalloc.h"

#include "core/core.h"
#include "preload/preload.h"
#include "scan/scan.h"

#define COLLECT_NS 60000000000u /* more than any cycle takes */

int
gcm_api_is_active(void)
{
	return gcm_foreign_is_first();
}

int64_t
gcm_api_collect(void)
{
	struct gcm_cycle_stat before, after;

	gcm_cycle_stat_get(&before);
	if (!gcm_cycle_collect(COLLECT_NS))
		return -1;
	gcm_cycle_stat_get(&after);
	return (int64_t)(after.reclaimed_bytes - before.reclaimed_bytes);
}

int
gcm_api_stats_get(struct gcm_stats *stats, size_t size)
{
	struct gcm_cycle_stat now;
	struct gcm_audit_stat due;
	struct gcm_stats all;

	gcm_cycle_stat_get(&now);
	gcm_audit_get(&due);
	all = (struct gcm_stats){
	    .cycles = now.cycles,
	    .forced = now.forced,
	    .abandoned = now.abandoned,
	    .reclaimed_bytes = now.reclaimed_bytes,
	    .reclaimed_blocks = now.reclaimed_blocks,
	    .limbo_bytes = now.limbo_bytes,
	    .limbo_blocks = now.limbo_blocks,
	    .live_bytes = now.live_bytes,
	    .live_blocks = now.live_blocks,
	    .goal_bytes = now.goal_bytes,
	    .pauses = now.npauses,
	    .pause_total_ns = now.pause_total_ns,
	    .pause_max_ns = now.pause_max_ns,
	    .mark_cpu_ns = now.mark_cpu_ns,
	    .late_frees = now.late_frees,
	    .reclaiming = now.reclaiming,
	    .back_end = now.back_end != NULL ? now.back_end : "",
	    .due_blocks = due.due_blocks,
	    .due_bytes = due.due_bytes,
	    .due_late = due.blocks[GCM_AUDIT_LATE],
	    .due_written = due.blocks[GCM_AUDIT_WRITTEN],
	    .due_reached = due.blocks[GCM_AUDIT_REACHED],
	};
	memset(stats, 0, size);
	memcpy(stats, &all, size < sizeof(all) ? size : sizeof(all));
	return 0;
}

void
gcm_api_log(const char *text)
{
	if (gcm_event_is_on() && text != NULL)
		gcm_event_add_text(GCM_EVENT_user, text);
}

/* Another malloc in front of ours may have put something of its own beside what
 * the program asked for: its blocks stay as they are.
 */
void *
gcm_api_malloc_noscan(size_t size)
{
	void *block = malloc(size);
	_Atomic uint8_t *state;
	uint8_t seen;

	if (block == NULL || !gcm_foreign_is_first() || !gcm_heap_has(block))
		return block;
	state = gcm_state_at((uintptr_t)block);
	seen = atomic_load(state);
	while (
	    (seen & GCM_ALLOC) != 0 && !atomic_compare_exchange_weak(state,
					   &seen, (uint8_t)(seen | GCM_NOSCAN)))
		continue;
	return block;
}

/* In a forked child the lock may be another thread's: repair comes first. */
static bool
are_roots_wanted(void)
{
	return gcm_options.MODE != GCM_MODE_OFF && gcm_heap_enter();
}

int
gcm_api_add_roots(const void *lo, const void *hi)
{
	if (!are_roots_wanted())
		return 0;
	return gcm_root_add((uintptr_t)lo, (uintptr_t)hi) ? 0 : -1;
}

int
gcm_api_remove_roots(const void *lo, const void *hi)
{
	if (!are_roots_wanted())
		return 0;
	return gcm_root_remove((uintptr_t)lo, (uintptr_t)hi) ? 0 : -1;
}
