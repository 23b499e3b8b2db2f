/* scavenge.h -- free memory goes back to the system
 *
 * A thread of ours looks at the heap once in a while for as long as there is
 * something to give back, and then ends.  It is started by the slow paths of
 * free, so a small or a quiet program never has it.
 */
#ifndef GCM_CORE_SCAVENGE_H
#define GCM_CORE_SCAVENGE_H

#include "core/cache.h"

/* The program freed some bytes on a path that can be counted.  `cache` is the
 * calling thread's; may start the scavenger.
 */
static inline void gcm_scavenge_count(struct gcm_cache *cache, size_t bytes);

enum {
	GCM_SCAVENGE_STEP = 256 << 10 /* bytes a cache counts by itself */
};

/* Hand the cache's count over to the scavenger, and start it if need be. */
void gcm_scavenge_tell(struct gcm_cache *cache);

/* The collector has freed that many bytes. */
void gcm_scavenge_add(size_t bytes);

/* The scavenger's thread id; 0: there is none, or it is not known yet. */
uint32_t gcm_scavenge_tid(void);

/* Give back all free memory now, keeping `pad` bytes; true when any was. */
bool gcm_scavenge_now(size_t pad);

/* End the thread and wait for it (before fork, setuid, unshare...); a later
 * free may start it again.  False when it does not answer.
 */
bool gcm_scavenge_stop(void);

/* From now on do without the thread (a filter on system calls came, or the
 * option says so).
 */
void gcm_scavenge_disable(void);

/* In a forked child: there is no thread. */
void gcm_scavenge_reset(void);

/* Bytes given back since the start: by the thread, and by who wanted it done at
 * once (malloc_trim).
 */
struct gcm_scavenge_work {
	uint64_t background, eager;
};
void gcm_scavenge_count_work(struct gcm_scavenge_work *work);

/* Bytes given back since the start, and whether the thread is there. */
uint64_t gcm_scavenge_released(void);
bool gcm_scavenge_running(void);

/* How many pages a look should release (pure): `idle` pages have been dirty
 * and free since the last look, `used` are in use.
 */
uint32_t gcm_scavenge_plan(uint32_t idle, uint32_t used);

static inline void
gcm_scavenge_count(struct gcm_cache *cache, size_t bytes)
{
	size_t sum =
	    atomic_load_explicit(&cache->freed, memory_order_relaxed) + bytes;

	atomic_store_explicit(&cache->freed, sum, memory_order_relaxed);
	if (GCM_UNLIKELY(sum >= GCM_SCAVENGE_STEP))
		gcm_scavenge_tell(cache);
}

#endif
