/* cycle.c -- collections: when, by whom, and what becomes of the white
 *
 * MODEL   The program's growth is counted where it can be for nothing: when a
 *         bin is refilled or flushed, a large block made or freed.  When it
 *         passes the trigger a thread of ours is started, or woken.  A cycle
 *         takes the next colour, so that new blocks are black and all others
 *         white; has the scanner find what is reachable; and sweeps the rest
 *         (sweep.c).  What comes next is decided by pace.c from what this one
 *         measured.
 *
 *         A thread that outruns the marker waits a little, in a refill, and
 *         leaves it the processor.
 *
 *         The thread ends when the program has not allocated since the last
 *         forced cycle, or when it is wanted gone (fork, setuid, unshare).
 *
 * STATES  of the thread
 *         OFF       none, or on its way out            ON DISABLED
 *         ON        runs, or sleeps                    OFF DISABLED
 *         DISABLED  for good
 *         The mutator that makes it ON starts it, once the last one's stack is
 *         free; the thread itself goes back to OFF.
 *
 * LOCKS   none; words of the struct below, each with its guard.
 *
 * INVARIANTS
 *   .inv.cycle-one   only the collector's thread changes colours, sweeps and
 *         sets the pace.
 *   .inv.cycle-lost  a cycle that was given up sweeps nothing.
 *
 * FORK    the child has no thread; a cycle the parent was in counts as given
 * up.
 */
#include "core/cycle.h"

#include "core/gctrace.h"
#include "core/heap.h"
#include "core/large.h"
#include "core/limit.h"
#include "core/option.h"
#include "core/os.h"
#include "core/pace.h"
#include "core/pageheap.h"
#include "core/pin.h"
#include "core/report.h"
#include "core/scavenge.h"
#include "core/stat.h"
#include "core/sweep.h"

enum {
	STEP_BYTES = 64 << 10, /* counted by a thread for itself */
	STACK_BYTES = 64 << 10,
	COLOURS = 4,
	GIVEN_UP_MOST = 3, /* cycles in a row before a colour comes back */
	GIVEN_UP_FOR_FORK = 3,
	STOP_NS = 1000 * 1000 * 1000,
	WAIT_NS = 5 * 1000 * 1000,  /* for a marker that is outrun, at once */
	WAITS = 10,                 /* and how often */
	TAX_NS = 50 * 1000, /* for each STEP_BYTES while it is behind */
	IDLE_NS = 10 * 1000 * 1000, /* after a cycle that was given up */
	LINGER_NS = 1000 * 1000 * 1000,
	RELIEF_REST_NS = 1000 * 1000 * 1000,
	COLLECT_TRIES = 20
};
#define RELIEF_NS 5000000000u

enum { /* the thread */
	OFF,
	ON,
	DISABLED
};

enum { /* wishes */
	WISH_STOP = 1,
	WISH_GROWTH = 2,
	WISH_FORCED = 4
};

enum { /* values of GCM_MODE */
	MODE_COLLECT,
	MODE_REPORT,
	MODE_QUARANTINE,
	MODE_OFF
};

static struct {
	const struct gcm_scanner *scanner; /* const once used */
	_Atomic uint32_t state;            /* of the thread; CAS */
	_Atomic uint32_t wish;             /* futex: bits, set by all */
	_Atomic uint32_t alive;            /* futex: 0 once the stack is free */
	_Atomic uint32_t ended;            /* futex: cycles that have ended */
	_Atomic bool active;               /* a cycle is marking; the thread */
	_Atomic bool behind; /* the marker cannot follow; the thread */
	_Atomic bool alarmed;              /* a late free; sticky */
	_Atomic int64_t net;              /* growth since the last sweep; all */
	_Atomic uint64_t base;            /* live then; the thread */
	_Atomic uint64_t trigger, assist; /* the thread; read by all */
	_Atomic uint32_t number;    /* of the cycle that began last; thread */
	_Atomic uint32_t completed; /* of the last not given up; thread */
	_Atomic uint64_t last_ns;   /* when the last one ended; thread */
	_Atomic uint64_t relief_ns; /* of the last relief in vain */
	uint32_t colour;            /* 0..3; the thread */
	uint32_t given_up;          /* cycles in a row; the thread */
	uint64_t began_ns;          /* of the process, as far as we know */
	uint64_t cpu_ns;            /* of all cycles; the thread */
	int64_t seen_net;           /* net when the last cycle ended; thread */
	struct gcm_pace pace;       /* the thread */
	struct gcm_cycle_stat stat; /* the thread; read by all, roughly */
} cycle;

/* Its thread may be started when there is no memory for a stack. */
static char stack[STACK_BYTES] __attribute__((aligned(64)));

/* Counting
 * --------------------------------------------------------------------- */

static uint64_t
heap_bytes(void)
{
	int64_t bytes =
	    (int64_t)atomic_load_explicit(&cycle.base, memory_order_relaxed) +
	    atomic_load_explicit(&cycle.net, memory_order_relaxed);

	return bytes > 0 ? (uint64_t)bytes : 0;
}

static void run_collector(void *arg);

/* Have a thread that sees the wish. */
GCM_COLD static void
wish_for(uint32_t wish)
{
	uint32_t off = OFF, on = ON;

	if (cycle.scanner == NULL || atomic_load(&cycle.state) == DISABLED)
		return;
	atomic_fetch_or(&cycle.wish, wish);
	gcm_os_wake(&cycle.wish, UINT32_MAX >> 1);
	if (atomic_load(&cycle.alive) != 0 ||
	    !atomic_compare_exchange_strong(&cycle.state, &off, ON))
		return;
	if (gcm_os_thread_start(
		run_collector, NULL, stack, sizeof(stack), &cycle.alive) != 0)
		(void)atomic_compare_exchange_strong(&cycle.state, &on, OFF);
}

/* Leave the processor to a marker that we outrun. */
GCM_COLD static void
wait_for_marker(void)
{
	for (int i = 0; i < WAITS; i++) {
		uint32_t ended = atomic_load(&cycle.ended);

		if (!atomic_load(&cycle.active) ||
		    heap_bytes() < atomic_load(&cycle.assist))
			return;
		gcm_os_wait(&cycle.ended, ended, WAIT_NS);
	}
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
	atomic_store(&cycle.behind, behind);
}

static bool
is_overdue(void)
{
	int64_t interval = gcm_options.INTERVAL;

	return interval != GCM_OFF &&
	       heap_bytes() >= (uint64_t)gcm_options.MINHEAP &&
	       gcm_os_now_ns() - atomic_load(&cycle.last_ns) >
		   (uint64_t)interval;
}

GCM_COLD static void
look_at_growth(struct gcm_cache *cache)
{
	uint64_t heap;

	gcm_cycle_note_all(cache);
	if (cycle.scanner == NULL)
		return;
	if (atomic_load_explicit(&cycle.behind, memory_order_relaxed) &&
	    cache == gcm_cache_self())
		pay_tax();
	heap = heap_bytes();
	if (heap >= atomic_load(&cycle.trigger)) {
		if ((atomic_load(&cycle.wish) & WISH_GROWTH) == 0 &&
		    !atomic_load(&cycle.active))
			wish_for(WISH_GROWTH);
		if (heap >= atomic_load(&cycle.assist) &&
		    cache == gcm_cache_self())
			wait_for_marker();
	} else if (atomic_load(&cycle.alive) == 0 && is_overdue()) {
		wish_for(WISH_FORCED);
	}
}

void
gcm_cycle_count(struct gcm_cache *cache, int64_t bytes)
{
	int64_t net;

	gcm_cycle_note(cache, bytes);
	net = atomic_load_explicit(&cache->net, memory_order_relaxed);
	if (net >= STEP_BYTES || net <= -STEP_BYTES)
		look_at_growth(cache);
}

void
gcm_cycle_note_all(struct gcm_cache *cache)
{
	atomic_fetch_add_explicit(&cycle.net,
	    atomic_exchange_explicit(&cache->net, 0, memory_order_relaxed),
	    memory_order_relaxed);
}

/* One cycle
 * -------------------------------------------------------------------- */

bool
gcm_cycle_is_asked(void)
{
	return (atomic_load_explicit(&cycle.wish, memory_order_relaxed) &
		   WISH_STOP) != 0;
}

/* The next colour, which no block has: .inv.wrap. */
static uint8_t
take_colour(void)
{
	uint8_t before = (uint8_t)(GCM_ALLOC | cycle.colour), now;

	cycle.colour = (cycle.colour + 1) % COLOURS;
	now = (uint8_t)(GCM_ALLOC | cycle.colour);
	if (cycle.given_up >= GIVEN_UP_MOST)
		gcm_sweep_recolour(now, before);
	return now;
}

static enum gcm_abandon
find_reachable(struct gcm_trace *trace)
{
	enum gcm_abandon why;

	gcm_pin_begin();
	gcm_sweep_index();
	atomic_store(&cycle.active, true);
	why = cycle.scanner->trace(trace);
	atomic_store(&cycle.behind, false);
	gcm_pin_end();
	return why;
}

static bool
is_reclaiming(void)
{
	return gcm_options.MODE == MODE_COLLECT && !atomic_load(&cycle.alarmed);
}

/* Sweep, and count anew from what is there. */
static void
take_white(const struct gcm_trace *trace, struct gcm_sweep *sweep)
{
	*sweep = (struct gcm_sweep){
	    .colour = trace->colour,
	    .grace = (uint8_t)gcm_options.GRACE,
	    .reclaim = is_reclaiming(),
	    .poison = gcm_options.poison != 0,
	};
	atomic_store(&cycle.net, 0);
	gcm_sweep_heap(sweep);
	atomic_store(&cycle.base, sweep->live_bytes);
	if (sweep->freed_bytes > 0) {
		(void)gcm_cache_trim(NULL);
		gcm_scavenge_add(sweep->freed_bytes);
	}
}

static void
count_pauses(const struct gcm_trace *trace)
{
	for (uint32_t i = 0; i < trace->npauses; i++) {
		cycle.stat.pause_total_ns += trace->pauses[i];
		if (trace->pauses[i] > cycle.stat.pause_max_ns)
			cycle.stat.pause_max_ns = trace->pauses[i];
	}
	cycle.stat.npauses += trace->npauses;
	cycle.stat.mark_cpu_ns += trace->mark_cpu_ns;
	cycle.stat.back_end = trace->back_end;
}

static void
count_sweep(const struct gcm_sweep *sweep)
{
	cycle.stat.cycles++;
	cycle.stat.reclaimed_bytes += sweep->freed_bytes;
	cycle.stat.reclaimed_blocks += sweep->freed_blocks;
	cycle.stat.limbo_bytes = sweep->limbo_bytes;
	cycle.stat.limbo_blocks = sweep->limbo_blocks;
	cycle.stat.live_bytes = sweep->live_bytes;
	cycle.stat.live_blocks = sweep->live_blocks;
}

/* What one cycle measured. */
struct outcome {
	struct gcm_trace trace;
	struct gcm_sweep sweep;
	enum gcm_abandon why;
	bool forced, periodic;
	uint64_t began_ns, marked_ns, before_ns; /* before: end of the last */
	uint64_t heap_start, heap_marked, goal;
};

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
	};

	if (outcome->heap_marked > outcome->heap_start)
		facts.allocated = outcome->heap_marked - outcome->heap_start;
	if (outcome->heap_start > atomic_load(&cycle.trigger))
		facts.late = outcome->heap_start - atomic_load(&cycle.trigger);
	gcm_pace_next(&cycle.pace, &facts);
	atomic_store(&cycle.trigger, cycle.pace.trigger);
	atomic_store(&cycle.assist, cycle.pace.assist);
	cycle.stat.goal_bytes = cycle.pace.goal;
}

/* Not at once again: whatever stood in the way needs time to go. */
static void
postpone(void)
{
	uint64_t heap = heap_bytes();

	atomic_store(&cycle.trigger, heap + heap / 16 + STEP_BYTES);
	atomic_store(&cycle.assist, UINT64_MAX);
}

static void
report_cycle(const struct outcome *outcome)
{
	struct gcm_cycle_report report = {
	    .trace = outcome->trace,
	    .number = atomic_load(&cycle.number),
	    .at_ns = outcome->began_ns - cycle.began_ns,
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
	    .alarmed = atomic_load(&cycle.alarmed),
	};
	uint64_t life = gcm_os_now_ns() - cycle.began_ns;

	if (gcm_options.gctrace == 0)
		return;
	report.cpu_percent =
	    life == 0 ? 0
		      : (uint32_t)(cycle.cpu_ns * 100 / life / report.procs);
	gcm_gctrace_write(&report, outcome->periodic);
}

static void
run_cycle(bool forced, bool periodic)
{
	struct outcome outcome = {.forced = forced, .periodic = periodic};

	outcome.began_ns = gcm_os_now_ns();
	outcome.before_ns = atomic_load(&cycle.last_ns);
	outcome.goal = cycle.pace.goal;
	outcome.heap_start = heap_bytes();
	atomic_fetch_add(&cycle.number, 1);
	outcome.trace.colour = take_colour();
	outcome.trace.pause_ns = (uint64_t)gcm_options.PAUSE;
	outcome.why = find_reachable(&outcome.trace);
	outcome.marked_ns = gcm_os_now_ns();
	outcome.heap_marked = heap_bytes();
	cycle.cpu_ns += outcome.trace.mark_cpu_ns + outcome.trace.stop_cpu_ns;
	count_pauses(&outcome.trace);
	if (outcome.why == GCM_ABANDON_NOT) {
		take_white(&outcome.trace, &outcome.sweep);
		count_sweep(&outcome.sweep);
		cycle.given_up = 0;
		atomic_store(&cycle.completed, atomic_load(&cycle.number));
		set_pace(&outcome);
	} else { /* .inv.cycle-lost */
		cycle.given_up++;
		cycle.stat.abandoned++;
		postpone();
	}
	cycle.stat.forced += forced;
	cycle.seen_net = atomic_load(&cycle.net);
	atomic_store(&cycle.last_ns, gcm_os_now_ns());
	atomic_store(&cycle.active, false);
	report_cycle(&outcome);
	atomic_fetch_add(&cycle.ended, 1);
	gcm_os_wake(&cycle.ended, UINT32_MAX >> 1);
}

/* The thread
 * -------------------------------------------------------------------- */

/* Has the program allocated or freed since the last cycle, or is something in
 * limbo whose time will come?
 */
static bool
is_quiet(void)
{
	return atomic_load(&cycle.net) == cycle.seen_net &&
	       (cycle.stat.limbo_bytes == 0 || !is_reclaiming());
}

/* Sleep until somebody wishes something, or the interval is over; the wishes,
 * taken; 0: nothing to do any more.
 */
static uint32_t
await_wish(bool *periodic)
{
	int64_t interval = gcm_options.INTERVAL;
	uint64_t ns = interval == GCM_OFF ? LINGER_NS : (uint64_t)interval;

	*periodic = false;
	for (;;) {
		uint32_t wish = atomic_load(&cycle.wish);
		uint64_t past = gcm_os_now_ns() - atomic_load(&cycle.last_ns);

		if ((wish & WISH_STOP) != 0)
			return wish;
		if (wish != 0) {
			atomic_fetch_and(&cycle.wish, ~wish);
			return wish;
		}
		if (past < ns) {
			gcm_os_wait(&cycle.wish, 0, ns - past);
			continue;
		}
		if (interval == GCM_OFF || is_quiet())
			return 0;
		*periodic = true;
		return WISH_FORCED;
	}
}

/* Leave the state ON; true when that is the end. */
static bool
retire(void)
{
	uint32_t on = ON, off = OFF;
	uint32_t wish;

	if (!atomic_compare_exchange_strong(&cycle.state, &on, OFF))
		return true; /* disabled */
	wish = atomic_load(&cycle.wish);
	if ((wish & WISH_STOP) != 0 || wish == 0)
		return true;
	return !atomic_compare_exchange_strong(&cycle.state, &off, ON);
}

static void
run_collector(void *arg)
{
	(void)arg;
	cycle.scanner->open();
	do {
		for (;;) {
			bool periodic;
			uint32_t wish = await_wish(&periodic);

			if (wish == 0 || (wish & WISH_STOP) != 0)
				break;
			run_cycle((wish & WISH_GROWTH) == 0, periodic);
		}
	} while (!retire());
	cycle.scanner->close();
}

/* From outside
 * ------------------------------------------------------------------ */

void
gcm_cycle_use(const struct gcm_scanner *scanner)
{
	uint64_t min_heap = (uint64_t)gcm_options.MINHEAP;

	if (scanner == NULL || gcm_options.MODE == MODE_OFF ||
	    gcm_options.MODE == MODE_QUARANTINE)
		return;
	cycle.began_ns = gcm_os_now_ns();
	atomic_store(&cycle.last_ns, cycle.began_ns);
	/* Finding a cgroup's limit takes time at the start. */
	gcm_pace_first(&cycle.pace, gcm_options.PERCENT, min_heap,
	    gcm_options.PERCENT == GCM_OFF || gcm_options.MEMLIMIT >= 0
		? gcm_limit_soft()
		: UINT64_MAX);
	atomic_store(&cycle.trigger, cycle.pace.trigger);
	atomic_store(&cycle.assist, cycle.pace.assist);
	cycle.stat.goal_bytes = cycle.pace.goal;
	if (gcm_options.FREE != 0)
		gcm_cache_ignore_frees();
	cycle.scanner = scanner;
}

void
gcm_cycle_ask(void)
{
	wish_for(WISH_FORCED);
}

/* Wait for a cycle that begins after now and is not given up. */
static bool
collect_once(uint64_t deadline_ns)
{
	uint32_t before = atomic_load(&cycle.number);

	for (int i = 0; i < COLLECT_TRIES; i++) {
		uint32_t ended = atomic_load(&cycle.ended);
		uint64_t now = gcm_os_now_ns();

		if ((int32_t)(atomic_load(&cycle.completed) - before) > 0)
			return true;
		if (now >= deadline_ns || atomic_load(&cycle.state) == DISABLED)
			return false;
		wish_for(WISH_FORCED);
		gcm_os_wait(&cycle.ended, ended, deadline_ns - now);
	}
	return (int32_t)(atomic_load(&cycle.completed) - before) > 0;
}

bool
gcm_cycle_collect(uint64_t timeout_ns)
{
	uint64_t deadline = gcm_os_now_ns() + timeout_ns;

	if (cycle.scanner == NULL || !gcm_heap_enter())
		return false;
	gcm_cycle_note_all(gcm_cache_self());
	for (int64_t i = 0; i <= gcm_options.GRACE; i++)
		if (!collect_once(deadline))
			return false;
	return true;
}

bool
gcm_cycle_relieve(size_t bytes)
{
	uint64_t used = (uint64_t)atomic_load(&gcm_pageheap.used)
			<< GCM_PAGE_SHIFT;
	uint64_t before = cycle.stat.reclaimed_bytes;
	uint64_t last = atomic_load(&cycle.relief_ns);

	if (cycle.scanner == NULL || bytes > used ||
	    (last != 0 && gcm_os_now_ns() - last < RELIEF_REST_NS))
		return false;
	if (gcm_cycle_collect(RELIEF_NS) && cycle.stat.reclaimed_bytes > before)
		return true;
	atomic_store(&cycle.relief_ns, gcm_os_now_ns());
	return false;
}

bool
gcm_cycle_stop(void)
{
	uint64_t deadline = 0;
	uint32_t alive;

	while ((alive = atomic_load(&cycle.alive)) != 0) {
		uint64_t now = gcm_os_now_ns();

		if (deadline == 0)
			deadline = now + STOP_NS;
		if (now >= deadline)
			break;
		atomic_fetch_or(&cycle.wish, WISH_STOP);
		gcm_os_wake(&cycle.wish, UINT32_MAX >> 1);
		gcm_os_wait(&cycle.alive, alive, STOP_NS / 100);
	}
	atomic_fetch_and(&cycle.wish, ~(uint32_t)WISH_STOP);
	return alive == 0;
}

bool
gcm_cycle_stop_for_fork(void)
{
	return (cycle.given_up >= GIVEN_UP_FOR_FORK &&
		   atomic_load(&cycle.active)) ||
	       gcm_cycle_stop();
}

void
gcm_cycle_disable(void)
{
	atomic_store(&cycle.state, DISABLED);
	(void)gcm_cycle_stop();
}

bool
gcm_cycle_running(void)
{
	return atomic_load(&cycle.alive) != 0;
}

void
gcm_cycle_reset(void)
{
	if (cycle.scanner == NULL)
		return;
	if (atomic_load(&cycle.alive) != 0) {
		/* Its colours may have got as far as anything. */
		cycle.given_up += atomic_load(&cycle.active);
		atomic_store(&cycle.active, false);
	}
	if (atomic_load(&cycle.state) != DISABLED)
		atomic_store(&cycle.state, OFF);
	atomic_store(&cycle.wish, 0);
	atomic_store(&cycle.alive, 0);
	cycle.scanner->reset();
}

void
gcm_cycle_late(const void *block, const char *call)
{
	char buffer[64];
	struct gcm_text text;

	cycle.stat.late_frees++;
	if (gcm_options.MODE != MODE_COLLECT ||
	    atomic_exchange(&cycle.alarmed, true))
		return;
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
	*stat = cycle.stat;
	stat->reclaiming = cycle.scanner != NULL && is_reclaiming() &&
			   atomic_load(&cycle.state) != DISABLED;
}
