/* cycle.c -- one collection, from its colour to its trace line
 *
 * MODEL   A cycle takes the next colour, so that new blocks are black and all
 *         others white; has the scanner find what is reachable; and sweeps the
 *         rest (sweep.c).  What comes next is decided by pace.c from what this
 *         one measured.  When, and by whom: cycle_count.c, cycle_thread.c.
 *
 * LOCKS   none; words of struct gcm_cycle_state, each with its guard.
 *
 * INVARIANTS
 *   .inv.cycle-one   only the collector's thread changes colours, sweeps and
 *                    sets the pace.
 *   .inv.cycle-lost  a cycle that was given up sweeps nothing.
 *
 * FORK    a cycle that the parent was in counts as given up in the child.
 */
#include "core/cycle.h"

#include "core/about.h"
#include "core/audit.h"
#include "core/cycle_state.h"
#include "core/event.h"
#include "core/figure.h"
#include "core/gctrace.h"
#include "core/limit.h"
#include "core/meta.h"
#include "core/option.h"
#include "core/os.h"
#include "core/pin.h"
#include "core/probe.h"
#include "core/report.h"
#include "core/scavenge.h"
#include "core/sweep.h"
#include "core/tick.h"

enum {
	COLOURS = 4,
	GIVEN_UP_MOST = 3 /* cycles in a row before a colour comes back */
};

struct gcm_cycle_state gcm_cycle;

/* The next colour, which no block has: .inv.wrap.  The cycle counts as given up
 * until it is completed: whatever ends it, a fork for one, need not say so.
 */
static uint8_t
take_colour(void)
{
	uint8_t before = (uint8_t)(GCM_ALLOC | gcm_cycle.colour), now;
	uint32_t skipped = gcm_cycle.given_up++;

	gcm_cycle.colour = (gcm_cycle.colour + 1) % COLOURS;
	now = (uint8_t)(GCM_ALLOC | gcm_cycle.colour);
	if (skipped >= GIVEN_UP_MOST) {
		/* Cycles that ended early have not told the caches: none may
		 * use `now` while we recolour.
		 */
		gcm_cache_set_colour(before);
		gcm_sweep_recolour(now, before);
	}
	return now;
}

static enum gcm_abandon
find_reachable(struct gcm_trace *trace)
{
	enum gcm_abandon why;

	gcm_table_collapse();
	gcm_pin_begin();
	gcm_sweep_index();
	atomic_store(&gcm_cycle.active, true);
	why = gcm_cycle.scanner->trace(trace);
	atomic_store(&gcm_cycle.behind, false);
	gcm_pin_end();
	return why;
}

bool
gcm_cycle_is_reclaiming(void)
{
	return gcm_options.MODE == GCM_MODE_COLLECT &&
	       !atomic_load(&gcm_cycle.alarmed);
}

/* Sweep, and count anew from what is there. */
static void
take_white(const struct gcm_trace *trace, struct gcm_sweep *sweep)
{
	*sweep = (struct gcm_sweep){
	    .colour = trace->colour,
	    .grace = (uint8_t)gcm_options.GRACE,
	    .reclaim = gcm_cycle_is_reclaiming(),
	    .alarmed = &gcm_cycle.alarmed,
	    .skipped = gcm_cycle.given_up - 1,
	    .poison = gcm_cache_frees_are_poisoned(),
	    .audit = gcm_audit_is_on(),
	};
	atomic_store(&gcm_cycle.net, 0);
	if (sweep->audit)
		gcm_audit_sweep_begin();
	gcm_event_enter(GCM_PHASE_SWEEP);
	gcm_sweep_heap(sweep);
	GCM_NOTE(
	    sweep, sweep->freed_bytes, sweep->limbo_bytes, sweep->live_bytes);
	if (sweep->audit)
		gcm_audit_sweep_end(gcm_cycle.scanner);
	GCM_PROBE(reclaim, sweep->freed_bytes, sweep->freed_blocks,
	    sweep->limbo_bytes);
	atomic_store(&gcm_cycle.base, sweep->live_bytes);
	if (sweep->freed_bytes > 0) {
		(void)gcm_cache_trim(NULL);
		gcm_scavenge_add(sweep->freed_bytes);
	}
}

static void
count_pauses(const struct gcm_trace *trace)
{
	for (uint32_t i = 0; i < GCM_PAUSES_MAX; i++)
		if (trace->pauses[i] > gcm_cycle.stat.pause_max_ns)
			gcm_cycle.stat.pause_max_ns = trace->pauses[i];
	gcm_cycle.stat.pause_total_ns += trace->pause_sum_ns;
	gcm_cycle.stat.npauses += trace->npauses;
	gcm_cycle.stat.mark_cpu_ns += trace->mark_cpu_ns;
	gcm_cycle.stat.back_end = trace->back_end;
}

static void
count_sweep(const struct gcm_sweep *sweep)
{
	gcm_cycle.stat.cycles++;
	gcm_cycle.stat.reclaimed_bytes += sweep->freed_bytes;
	gcm_cycle.stat.reclaimed_blocks += sweep->freed_blocks;
	gcm_cycle.stat.limbo_bytes = sweep->limbo_bytes;
	gcm_cycle.stat.limbo_blocks = sweep->limbo_blocks;
	gcm_cycle.stat.live_bytes = sweep->live_bytes;
	gcm_cycle.stat.live_blocks = sweep->live_blocks;
}

/* What one cycle measured. */
struct outcome {
	struct gcm_trace trace;
	struct gcm_sweep sweep;
	enum gcm_abandon why;
	bool forced, periodic;
	uint64_t began_ns, marked_ns, before_ns; /* before: end of the last */
	uint64_t heap_before, heap_start, heap_marked, goal;
};

static void
take_pace(void)
{
	atomic_store(&gcm_cycle.trigger, gcm_cycle.pace.trigger);
	atomic_store(&gcm_cycle.assist, gcm_cycle.pace.assist);
	gcm_cycle.stat.goal_bytes = gcm_cycle.pace.goal;
}

static void
set_pace(const struct outcome *outcome)
{
	const struct gcm_trace *trace = &outcome->trace;
	struct gcm_pace_facts facts = {
	    .live = outcome->sweep.live_bytes,
	    .stacks = trace->stack_bytes,
	    .globals = trace->global_bytes,
	    .limbo = outcome->sweep.limbo_bytes,
	    .mark_ns = outcome->marked_ns - outcome->began_ns,
	    .interval_ns = outcome->began_ns - outcome->before_ns,
	    .cpu_ns = trace->mark_cpu_ns + trace->stop_cpu_ns,
	    .percent = gcm_options.PERCENT,
	    .min_heap = (uint64_t)gcm_options.MINHEAP,
	    .mem_limit = gcm_limit_soft(),
	    .grace = (uint32_t)gcm_options.GRACE,
	    .metadata = gcm_meta_mapped() + gcm_table_mapped(),
	    .grown = outcome->heap_start - outcome->heap_before,
	};

	if (outcome->heap_start < outcome->heap_before)
		facts.grown = 0;
	if (outcome->heap_marked > outcome->heap_start)
		facts.allocated = outcome->heap_marked - outcome->heap_start;
	if (outcome->heap_start > atomic_load(&gcm_cycle.trigger))
		facts.late =
		    outcome->heap_start - atomic_load(&gcm_cycle.trigger);
	gcm_pace_next(&gcm_cycle.pace, &facts);
	gcm_cycle.facts = facts;
	take_pace();
}

void
gcm_cycle_repace(void)
{
	struct gcm_pace_facts facts = gcm_cycle.facts;
	struct gcm_pace pace = gcm_cycle.pace;

	facts.percent = gcm_options.PERCENT;
	facts.min_heap = (uint64_t)gcm_options.MINHEAP;
	facts.mem_limit = gcm_limit_soft();
	gcm_pace_next(&gcm_cycle.pace, &facts);
	gcm_cycle.pace.runway = pace.runway; /* it was no cycle */
	gcm_cycle.facts = facts;
	take_pace();
	if (gcm_cycle_heap() >= gcm_cycle.pace.trigger)
		atomic_fetch_or(&gcm_cycle.wish, GCM_WISH_GROWTH);
}

/* Not at once again: whatever stood in the way needs time to go. */
static void
postpone(void)
{
	uint64_t heap = gcm_cycle_heap();
	bool patient =
	    (gcm_cycle.outrun && !gcm_cycle.pace.limited) || gcm_cycle.deaf > 0;

	atomic_store(&gcm_cycle.trigger,
	    heap + heap / (patient ? 4 : 16) + GCM_CYCLE_STEP);
	atomic_store(&gcm_cycle.assist, UINT64_MAX);
}

/* Is it time for a long stop rather than for another cycle in vain? */
static bool
is_urgent(uint32_t wish, uint64_t heap)
{
	uint64_t goal = gcm_cycle.pace.goal;

	if ((wish & GCM_WISH_URGENT) != 0)
		return true;
	return gcm_cycle.outrun &&
	       (gcm_cycle.pace.limited ? heap > goal : heap / 3 * 2 > goal);
}

static enum gcm_event_cause
cause_of(uint32_t wish, bool periodic)
{
	if (periodic)
		return GCM_CAUSE_PERIODIC;
	if ((wish & GCM_WISH_GROWTH) != 0)
		return GCM_CAUSE_GROWTH;
	if ((wish & GCM_WISH_URGENT) != 0)
		return GCM_CAUSE_URGENT;
	return (wish & GCM_WISH_ASKED) != 0 ? GCM_CAUSE_ASKED
					    : GCM_CAUSE_FORCED;
}

static void
note_begin(const struct outcome *outcome, uint32_t wish)
{
	GCM_NOTE(cycle_begin, atomic_load(&gcm_cycle.number),
	    cause_of(wish, outcome->periodic), outcome->heap_start,
	    outcome->heap_before, atomic_load(&gcm_cycle.trigger),
	    outcome->goal);
	gcm_event_enter(GCM_PHASE_BEGIN);
}

static void
note_end(const struct outcome *outcome)
{
	gcm_event_enter(GCM_PHASE_IDLE);
	GCM_NOTE(cycle_end, atomic_load(&gcm_cycle.number), outcome->why,
	    outcome->sweep.live_bytes, outcome->sweep.freed_bytes,
	    outcome->sweep.freed_blocks, outcome->sweep.limbo_bytes,
	    gcm_cycle.pace.goal);
	gcm_tick_note_heap();
	(void)gcm_event_flush(false);
}

static void
report_cycle(const struct outcome *outcome)
{
	struct gcm_cycle_report report = {
	    .trace = outcome->trace,
	    .number = atomic_load(&gcm_cycle.number),
	    .at_ns = outcome->began_ns - gcm_cycle.began_ns,
	    .heap_start = outcome->heap_start,
	    .heap_marked = outcome->heap_marked,
	    .heap_live = outcome->sweep.live_bytes,
	    .goal = outcome->goal,
	    .procs = gcm_limit_cpus(),
	    .reclaimed_bytes = outcome->sweep.freed_bytes,
	    .reclaimed_blocks = outcome->sweep.freed_blocks,
	    .limbo_bytes = outcome->sweep.limbo_bytes,
	    .forced = outcome->forced,
	    .why = outcome->why,
	    .alarmed = atomic_load(&gcm_cycle.alarmed),
	};
	uint64_t life = gcm_os_now_ns() - gcm_cycle.began_ns;

	if (gcm_options.gctrace == 0 && gcm_options.scavtrace == 0)
		return;
	report.cpu_percent =
	    life == 0
		? 0
		: (uint32_t)(gcm_cycle.cpu_ns * 100 / life / report.procs);
	if (gcm_options.gctrace != 0)
		gcm_gctrace_write(&report, outcome->periodic);
	if (gcm_options.scavtrace != 0)
		gcm_scavtrace_write();
}

void
gcm_cycle_run(uint32_t wish, bool periodic)
{
	struct outcome outcome = {
	    .forced = (wish & GCM_WISH_GROWTH) == 0, .periodic = periodic};

	if (gcm_audit_is_on())
		gcm_audit_look(gcm_cycle.scanner);
	outcome.began_ns = gcm_os_now_ns();
	outcome.before_ns = atomic_load(&gcm_cycle.last_ns);
	outcome.goal = gcm_cycle.pace.goal;
	outcome.heap_before = atomic_load(&gcm_cycle.base);
	outcome.heap_start = gcm_cycle_heap();
	atomic_fetch_add(&gcm_cycle.number, 1);
	GCM_PROBE(cycle_begin, atomic_load(&gcm_cycle.number), outcome.forced,
	    outcome.heap_start, outcome.goal);
	note_begin(&outcome, wish);
	outcome.trace.colour = take_colour();
	outcome.trace.pause_ns = (uint64_t)gcm_options.PAUSE;
	outcome.trace.urgent = is_urgent(wish, outcome.heap_start);
	outcome.why = find_reachable(&outcome.trace);
	outcome.marked_ns = gcm_os_now_ns();
	outcome.heap_marked = gcm_cycle_heap();
	gcm_cycle.cpu_ns +=
	    outcome.trace.mark_cpu_ns + outcome.trace.stop_cpu_ns;
	gcm_cycle.outrun = outcome.why == GCM_ABANDON_OUTRUN;
	gcm_cycle.deaf =
	    outcome.why == GCM_ABANDON_DEAF ? gcm_cycle.deaf + 1 : 0;
	count_pauses(&outcome.trace);
	if (outcome.why == GCM_ABANDON_NOT) {
		take_white(&outcome.trace, &outcome.sweep);
		count_sweep(&outcome.sweep);
		gcm_cycle.given_up = 0;
		atomic_store(
		    &gcm_cycle.completed, atomic_load(&gcm_cycle.number));
		set_pace(&outcome);
	} else { /* .inv.cycle-lost */
		gcm_cycle.stat.abandoned++;
		postpone();
	}
	gcm_cycle.stat.forced += outcome.forced;
	atomic_store(&gcm_cycle.last_ns, gcm_os_now_ns());
	atomic_store(&gcm_cycle.active, false);
	GCM_PROBE(cycle_end, atomic_load(&gcm_cycle.number), outcome.why,
	    outcome.sweep.live_bytes, gcm_cycle.pace.goal);
	report_cycle(&outcome);
	note_end(&outcome);
	if (gcm_audit_is_on())
		gcm_audit_write_line(
		    gcm_options.gctrace != 0 || (wish & GCM_WISH_ASKED) != 0);
	gcm_figure_keep(&outcome.trace);
	gcm_about_cycle(&gcm_cycle.stat,
	    outcome.why == GCM_ABANDON_NOT ? NULL
					   : gcm_gctrace_reason(outcome.why),
	    gcm_cycle.given_up);
	atomic_fetch_add(&gcm_cycle.ended, 1);
	gcm_os_wake(&gcm_cycle.ended, UINT32_MAX >> 1);
}

bool
gcm_cycle_alarm(void)
{
	if (gcm_options.MODE != GCM_MODE_COLLECT)
		return false;
	atomic_store(&gcm_about.alarmed, 1);
	return !atomic_exchange(&gcm_cycle.alarmed, true);
}

void
gcm_cycle_late(const void *block, const char *call, bool first)
{
	char buffer[64];
	struct gcm_text text;

	GCM_PROBE(late_free, block, call);
	gcm_cycle.stat.late_frees++;
	GCM_NOTE(late_free, (uintptr_t)block);
	if (!first)
		return;
	(void)gcm_event_keep(".late-free");
	gcm_text_init(&text, buffer, sizeof(buffer) - 1);
	gcm_text_add(&text, call);
	gcm_text_add(&text, "() of ");
	gcm_text_add_hex(&text, (uintptr_t)block);
	*text.at = '\0';
	gcm_report_warn(buffer,
	    ", which seemed unreachable: nothing is reclaimed any more");
}

void
gcm_cycle_stat_get(struct gcm_cycle_stat *stat)
{
	*stat = gcm_cycle.stat;
	stat->reclaiming = gcm_cycle.scanner != NULL &&
			   gcm_cycle_is_reclaiming() &&
			   atomic_load(&gcm_cycle.state) != GCM_CYCLE_DISABLED;
}
