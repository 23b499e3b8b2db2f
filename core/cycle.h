/* cycle.h -- collections: when, by whom, and what becomes of the white
 *
 * The collector's thread is made by the slow paths of malloc when the heap has
 * grown enough, and ends when there is nothing to do.
 */
#ifndef GCM_CORE_CYCLE_H
#define GCM_CORE_CYCLE_H

#include "core/cache.h"
#include "core/scanner.h"

enum {
	GCM_CYCLE_STEP = 64 << 10 /* bytes counted by a thread for itself */
};

/* The scanner to use; without one nothing is ever collected.  The constructor,
 * once the options are read.
 */
void gcm_cycle_use(const struct gcm_scanner *scanner);

/* Bytes (may be negative) that left for, or came back from, the program on a
 * path that can be counted: refill, flush, large blocks.  `cache` is the
 * calling thread's own, or gcm_cache_none.  No lock is held.  May ask for a
 * cycle, and may wait a little for one that the program outruns.
 */
void gcm_cycle_count(struct gcm_cache *cache, int64_t bytes);

/* The same for what comes back, where nothing may be asked for or waited for.
 */
static inline void gcm_cycle_note(struct gcm_cache *cache, int64_t bytes);

/* The cache's thread ends: its count goes to the collector. */
void gcm_cycle_note_all(struct gcm_cache *cache);

/* A whole cycle (with grace: as many as it takes to reclaim) by request, waited
 * for; `timeout_ns` at most.  False when none could be run.  The calling
 * thread holds no lock of ours.
 */
bool gcm_cycle_collect(uint64_t timeout_ns);

/* A request for a collection without waiting: async-signal-safe. */
void gcm_cycle_ask(void);

/* With GCM_CHANNEL=always: have the collector's thread be there, to answer.
 * Where the thread may have ended, or been ended.
 */
void gcm_cycle_serve(void);

/* A piece of a collection ends, the world runs: answer who asks.  The
 * collector's thread; how long the next piece may take, 0: as long as it does.
 */
uint64_t gcm_cycle_interlude(void);

/* The system has no memory for `bytes`: collect if that can help; true to try
 * the allocation again.  No lock is held.
 */
bool gcm_cycle_relieve(size_t bytes);

/* End the collector's thread and wait for it; a running cycle is given up.  A
 * later allocation may start it again.  False when it does not answer.
 */
bool gcm_cycle_stop(void);

/* The same before a fork; but when forks have made it give up several cycles in
 * a row, one that is running is left alone.
 */
bool gcm_cycle_stop_for_fork(void);

/* From now on no collector (a filter on system calls, GCM_MODE=off). */
void gcm_cycle_disable(void);

/* The markers cannot follow what the program writes, or can again: threads that
 * allocate are slowed down while they cannot.
 */
void gcm_cycle_fall_behind(bool behind);

/* Is the collector's thread wanted gone?  Markers ask now and then. */
bool gcm_cycle_is_asked(void);

/* Is there a thread of the collector's now?  Is it the calling one? */
bool gcm_cycle_running(void);
bool gcm_cycle_is_self(void);

/* In a forked child: no thread, no half cycle. */
void gcm_cycle_reset(void);

/* The program freed, resized or asked about a block in LIMBO: we were wrong to
 * think it had lost it.  Reclaim nothing from now on; before the block is made
 * the program's again, for what it points to may be in limbo, too, or about to
 * be freed.  True for the first one to say so.
 */
bool gcm_cycle_alarm(void);

/* The block is the program's again: count that, and say so if it was the first.
 */
void gcm_cycle_late(const void *block, const char *call, bool first);

/* Figures since the start; each may be a moment old. */
struct gcm_cycle_stat {
	uint64_t cycles, forced, abandoned; /* counts */
	uint64_t reclaimed_bytes, reclaimed_blocks;
	uint64_t limbo_bytes, limbo_blocks; /* of the last sweep */
	uint64_t live_bytes, live_blocks;   /* of the last sweep */
	uint64_t goal_bytes;                /* of the next cycle */
	uint64_t pause_total_ns, pause_max_ns;
	uint64_t npauses;
	uint64_t mark_cpu_ns;
	uint64_t late_frees;
	bool reclaiming;      /* GCM_MODE=collect, no alarm */
	const char *back_end; /* of the last cycle, or NULL */
};
void gcm_cycle_stat_get(struct gcm_cycle_stat *stat);

static inline void
gcm_cycle_note(struct gcm_cache *cache, int64_t bytes)
{
	int64_t net =
	    atomic_load_explicit(&cache->net, memory_order_relaxed) + bytes;

	/* Its thread's alone, but for the caches of all who have none: there an
	 * update may be lost.
	 */
	atomic_store_explicit(&cache->net, net, memory_order_relaxed);
	if (GCM_UNLIKELY(net <= -GCM_CYCLE_STEP)) /* it may only free */
		gcm_cycle_note_all(cache);
}

#endif
