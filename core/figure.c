/* figure.c -- the library's figures, kept in memory and told on request
 *
 * MODEL   figure.def names them.  Those of collections are kept in gcm_about at
 *         each one's end, at no cost for the program: of a process in which
 *         nobody listens they can be read there.  The others are found out when
 *         somebody asks.
 *
 * LOCKS   none: words, each complete in itself.
 */
#include "core/figure.h"

#include <string.h>

#include "core/about.h"
#include "core/cycle_state.h"
#include "core/limit.h"
#include "core/option.h"
#include "core/os.h"
#include "core/scavenge.h"
#include "core/stat.h"

static void
keep(_Atomic uint64_t *kept, uint64_t value)
{
	atomic_store_explicit(kept, value, memory_order_relaxed);
}

static uint64_t
longest_pause(const struct gcm_trace *trace)
{
	uint64_t longest = 0;

	for (uint32_t i = 0; i < GCM_PAUSES_MAX; i++)
		if (trace->pauses[i] > longest)
			longest = trace->pauses[i];
	return longest;
}

/* What may have changed since the last collection. */
static void
keep_now(void)
{
	struct gcm_kept *kept = &gcm_about.kept;
	struct gcm_crowd crowd;

	keep(&kept->heap_bytes, gcm_cycle_heap());
	keep(&kept->goal_bytes, gcm_cycle.stat.goal_bytes);
	keep(&kept->late_frees, gcm_cycle.stat.late_frees);
	keep(&kept->scavenged_bytes, gcm_scavenge_released());
	keep(&kept->began_ns, gcm_cycle.began_ns);
	if (gcm_cycle.scanner->count == NULL)
		return;
	gcm_cycle.scanner->count(&crowd);
	keep(&kept->threads, crowd.threads);
}

void
gcm_figure_keep_heap(uint64_t bytes)
{
	keep(&gcm_about.kept.heap_bytes, bytes);
}

void
gcm_figure_keep(const struct gcm_trace *trace)
{
	const struct gcm_cycle_stat *stat = &gcm_cycle.stat;
	struct gcm_kept *kept = &gcm_about.kept;

	keep_now();
	keep(&kept->cycles, stat->cycles);
	keep(&kept->forced, stat->forced);
	keep(&kept->abandoned, stat->abandoned);
	keep(&kept->reclaimed_bytes, stat->reclaimed_bytes);
	keep(&kept->reclaimed_blocks, stat->reclaimed_blocks);
	keep(&kept->live_bytes, stat->live_bytes);
	keep(&kept->live_blocks, stat->live_blocks);
	keep(&kept->limbo_bytes, stat->limbo_bytes);
	keep(&kept->limbo_blocks, stat->limbo_blocks);
	keep(&kept->pauses, stat->npauses);
	keep(&kept->pause_ns, stat->pause_total_ns);
	keep(&kept->pause_max_ns, stat->pause_max_ns);
	keep(&kept->pause_last_ns, longest_pause(trace));
	keep(&kept->mark_cpu_ns, stat->mark_cpu_ns);
	keep(&kept->ended_ns, atomic_load(&gcm_cycle.last_ns));
}

/* Telling ------------------------------------------------------------------ */

void
gcm_figure_line(struct gcm_text *text, const char *name, uint64_t value)
{
	gcm_text_add(text, name);
	gcm_text_add(text, " ");
	gcm_text_add_unsigned(text, value);
	gcm_text_add(text, "\n");
}

struct asked {
#define KEPT(name, type, unit, doc)
#define ASKED(name, type, unit, doc) int64_t name;
#define WORDS(name, doc)
#define SPLIT(name, unit, doc)
#include "core/figure.def"
#undef KEPT
#undef ASKED
#undef WORDS
#undef SPLIT
};

static void
find_out(struct asked *asked)
{
	struct gcm_stat stat = {0};
	struct gcm_cycle_stat cycles;
	uint64_t limit = gcm_limit_soft();

	gcm_stat_totals(&stat);
	gcm_cycle_stat_get(&cycles);
	asked->now_ns = (int64_t)gcm_os_now_ns();
	asked->collecting = atomic_load(&gcm_cycle.active);
	asked->reclaiming = cycles.reclaiming;
	asked->used_bytes = (int64_t)stat.used;
	asked->free_bytes = (int64_t)stat.free_pages;
	asked->dirty_bytes = (int64_t)stat.dirty_pages;
	asked->zone_bytes = (int64_t)stat.zone;
	asked->caches = (int64_t)stat.caches;
	asked->limit_bytes = limit == UINT64_MAX ? 0 : (int64_t)limit;
	asked->percent = gcm_options.PERCENT;
	asked->minheap_bytes = gcm_options.MINHEAP;
	asked->interval_ns = gcm_options.INTERVAL;
}

static void
add_signed(struct gcm_text *text, const char *name, int64_t value)
{
	if (value >= 0) {
		gcm_figure_line(text, name, (uint64_t)value);
		return;
	}
	gcm_text_add(text, name);
	gcm_text_add(text, " -");
	gcm_text_add_unsigned(text, 0 - (uint64_t)value);
	gcm_text_add(text, "\n");
}

static void
add_words(struct gcm_text *text, const char *name, const char *words)
{
	gcm_text_add(text, name);
	gcm_text_add(text, " ");
	gcm_text_add(text, words != NULL ? words : "");
	gcm_text_add(text, "\n");
}

static const char *
mode_words(void)
{
	return gcm_options.MODE == GCM_MODE_COLLECT  ? "collect"
	       : gcm_options.MODE == GCM_MODE_REPORT ? "report"
						     : "off";
}

void
gcm_figure_add(struct gcm_text *text)
{
	struct asked asked;

	keep_now();
	find_out(&asked);
	gcm_figure_line(text, "pid", (uint64_t)gcm_os_pid());
	add_words(text, "mode", mode_words());
#define KEPT(name, type, unit, doc)                                            \
	gcm_figure_line(text, #name, atomic_load(&gcm_about.kept.name));
#define ASKED(name, type, unit, doc) add_signed(text, #name, asked.name);
#define WORDS(name, doc) add_words(text, #name, atomic_load(&gcm_about.name));
#define SPLIT(name, unit, doc)
#include "core/figure.def"
#undef KEPT
#undef ASKED
#undef WORDS
#undef SPLIT
}
