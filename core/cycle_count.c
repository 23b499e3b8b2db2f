/* cycle_count.c -- the program's growth, and what it costs to outrun the marker
 *
 * MODEL   Growth is counted where it can be for nothing: when a bin is refilled
 *         or flushed, a large block made or freed; by each thread for itself,
 *         and every 64 KiB for all.  When it passes the trigger a collection
 *         is wished for.
 *
 *         A thread that outruns the marker waits a little, in a refill, and
 *         leaves it the processor.
 *
 * LOCKS   none.
 */
#include "core/cycle.h"
#include "core/cycle_state.h"
#include "core/event.h"
#include "core/figure.h"
#include "core/option.h"
#include "core/os.h"
#include "core/probe.h"
#include "core/tick.h"

enum {
	WAIT_NS = 5 * 1000 * 1000, /* for a marker that is outrun, at once */
	WAITS = 10,                /* and how often */
	TAX_NS = 50 * 1000 /* for each GCM_CYCLE_STEP while it is behind */
};

uint64_t
gcm_cycle_heap(void)
{
	int64_t bytes =
	    (int64_t)atomic_load_explicit(
		&gcm_cycle.base, memory_order_relaxed) +
	    atomic_load_explicit(&gcm_cycle.net, memory_order_relaxed);

	return bytes > 0 ? (uint64_t)bytes : 0;
}

/* Leave the processor to a marker that we outrun; also where it has yet to
 * begin, and may only lack the processor for it.
 */
GCM_COLD static void
wait_for_marker(void)
{
	uint64_t began = gcm_event_is_on() ? gcm_os_now_ns() : 0;
	int i;

	for (i = 0; i < WAITS; i++) {
		uint32_t ended = atomic_load(&gcm_cycle.ended);

		if (atomic_load(&gcm_cycle.alive) == 0 ||
		    gcm_cycle_heap() < atomic_load(&gcm_cycle.assist))
			break;
		gcm_os_wait(&gcm_cycle.ended, ended, WAIT_NS);
	}
	if (began != 0 && i > 0)
		GCM_NOTE(assist, gcm_os_now_ns() - began);
}

/* While the marker is behind, allocating costs time: a thread that makes new
 * blocks at full speed writes as many pages as the marker can read.
 */
GCM_COLD static void
pay_tax(void)
{
	static _Atomic uint32_t never;

	gcm_os_wait(&never, 0, TAX_NS);
}

void
gcm_cycle_fall_behind(bool behind)
{
	atomic_store(&gcm_cycle.behind, behind);
}

static bool
is_overdue(void)
{
	int64_t interval = gcm_options.INTERVAL;

	return interval != GCM_OFF &&
	       gcm_cycle_heap() >= (uint64_t)gcm_options.MINHEAP &&
	       gcm_os_now_ns() - atomic_load(&gcm_cycle.last_ns) >
		   (uint64_t)interval;
}

/* Of a thread that is there: one may have ended, or failed to start, after the
 * last wish.
 */
static bool
is_wished(void)
{
	return (atomic_load(&gcm_cycle.wish) & GCM_WISH_GROWTH) != 0 &&
	       atomic_load(&gcm_cycle.alive) != 0;
}

GCM_COLD static void
look_at_growth(struct gcm_cache *cache)
{
	uint64_t heap;

	gcm_cycle_note_all(cache);
	if (gcm_cycle.scanner == NULL)
		return;
	gcm_tick_start();
	if (atomic_load_explicit(&gcm_cycle.behind, memory_order_relaxed) &&
	    cache == gcm_cache_self()) {
		GCM_PROBE(assist, gcm_cycle_heap(), 0);
		pay_tax();
		GCM_PROBE(assist_end);
	}
	heap = gcm_cycle_heap();
	gcm_figure_keep_heap(heap);
	if (heap >= atomic_load(&gcm_cycle.trigger)) {
		if (!atomic_load(&gcm_cycle.active) && !is_wished())
			gcm_cycle_wish(GCM_WISH_GROWTH);
		if (heap >= atomic_load(&gcm_cycle.assist) &&
		    cache == gcm_cache_self()) {
			GCM_PROBE(assist, heap, atomic_load(&gcm_cycle.assist));
			wait_for_marker();
			GCM_PROBE(assist_end);
		}
	} else if (atomic_load(&gcm_cycle.alive) == 0) {
		if (is_overdue())
			gcm_cycle_wish(GCM_WISH_FORCED);
		else
			gcm_cycle_serve();
	}
}

void
gcm_cycle_count(struct gcm_cache *cache, int64_t bytes)
{
	int64_t net;

	gcm_cycle_note(cache, bytes);
	net = atomic_load_explicit(&cache->net, memory_order_relaxed);
	if (net >= GCM_CYCLE_STEP || net <= -GCM_CYCLE_STEP)
		look_at_growth(cache);
}

void
gcm_cycle_note_all(struct gcm_cache *cache)
{
	atomic_fetch_add_explicit(&gcm_cycle.net,
	    atomic_exchange_explicit(&cache->net, 0, memory_order_relaxed),
	    memory_order_relaxed);
}
