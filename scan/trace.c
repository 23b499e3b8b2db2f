/* trace.c -- the ways to find everything that is reachable
 *
 * MODEL   Tracked: mark while the program runs, and let the kernel note which
 *         pages it writes meanwhile.  Then look again at what is on those pages
 *         and has been marked, until little is left; stop the world for the
 *         rest, for stacks and registers, and for what follows from them
 *         (Boehm, Demers, Shenker, "Mostly Parallel Garbage Collection", 1991).
 *         A stop has a budget: what is not done in it goes on beside the
 *         program, and another stop follows.
 *
 *         A program can write all over a large heap faster than it can be
 *         read, and stops do not help when it writes between them what they
 *         take away.  Then the cycle is given up, unless it is urgent: no
 *         program shall stand still for the time it takes to read its heap.
 *
 *         Stopped: the same with the world stopped from the beginning.  The
 *         last resort, and what the others are compared with.
 *
 *         (Forked: trace_fork.c.)
 *
 * STATES  STACKS    stacks and registers, in a first stop  MARK
 *         MARK      other roots, then all that is grey     PRECLEAN
 *         PRECLEAN  written pages, armed anew              PRECLEAN STOPPED
 *         STOPPED   written pages, stacks, registers       PRECLEAN (budget)
 *                                                          done
 *
 * INVARIANTS
 *   .inv.trace-arm   writes are tracked before the first word is read, so that
 *         each word was read after its last change, or its page is seen.
 *   .inv.trace-new   blocks that the program gets while we mark are black, and
 *         nobody has read them; what is in them was written after writes were
 *         tracked, so their pages are seen.
 */
#include "scan/trace.h"

#include <errno.h>

#include "scan/dirty.h"
#include "scan/kernel.h"
#include "scan/stop.h"

enum {
	STOP_TRIES = 6,
	STOP_REST_NS =
	    500 * 1000,       /* before the second try; doubled each time */
	MANY_BYTES = 4 << 20, /* if they do not get fewer, we are outrun */
	FREE_STOPS = 2,       /* stops after which all is looked at again */
	SHORTEN_STOPS = 16,   /* stops after which the runs get shorter */
	STOPS_MOST = 256,     /* stops within the budget, by what the last */
	COUNT_STOPS = 16,     /* so many have done */
	LAST_BUDGETS = 3,     /* so long may a stop be that is the last then */
	RUN_MIN_NS = 100 * 1000,
	STEP_MIN = 128 << 10, /* of the zone, looked at between two looks at */
	STEP_MAX = 128 << 20, /* the clock */
	STEP_STOPPED = 32 << 20, /* the same while several look */
	STEP_BYTES = 32 << 10,   /* written in a step: it was too long */
	PRECLEANS = 12,
	FEW_BYTES = 256 << 10 /* so much may wait for the stop */
};

/* Stopping
 * --------------------------------------------------------------------- */

static enum gcm_abandon
reason_of(int error)
{
	if (error == -EPERM)
		return GCM_ABANDON_SIGNALS;
	if (error == -EXDEV)
		return GCM_ABANDON_SHARED;
	if (error == -EDEADLK)
		return GCM_ABANDON_DEAF;
	return error == -ENOMEM ? GCM_ABANDON_MEMORY : GCM_ABANDON_STOP;
}

static void
rest(uint64_t ns)
{
	static _Atomic uint32_t never;

	gcm_os_wait(&never, 0, ns);
}

enum gcm_abandon
gcm_trace_pause(struct gcm_tracer *tracer)
{
	uint64_t ns = STOP_REST_NS;

	for (int i = 0;; i++, ns *= 2) {
		uint64_t now;
		int error;

		if (gcm_cycle_is_asked())
			return GCM_ABANDON_ASKED;
		gcm_tick_pause(true);
		GCM_NOTE(stop_begin); /* not later than what is measured */
		now = gcm_os_now_ns();
		tracer->stopped_cpu = gcm_os_thread_cpu_ns();
		error = gcm_stop_world(now + GCM_TRACE_STOP_NS);
		tracer->paused = error == 0;
		gcm_tick_pause(tracer->paused);
		tracer->paused_at = now;
		if (error == 0)
			return GCM_ABANDON_NOT;
		if (error == -EPERM || error == -EXDEV || i == STOP_TRIES)
			return reason_of(error);
		rest(ns);
	}
}

static void
note_pause(struct gcm_trace *trace, uint64_t ns)
{
	uint32_t at = trace->npauses < GCM_PAUSES_MAX ? trace->npauses
						      : GCM_PAUSES_MAX - 1;

	if (trace->pauses[at] < ns) /* the last one is the longest of many */
		trace->pauses[at] = ns;
	trace->pause_sum_ns += ns;
	trace->npauses++;
}

static void
note_stop_end(const struct gcm_tracer *tracer)
{
	uint64_t ns = gcm_os_now_ns() - tracer->paused_at;

	gcm_tick_pause(false);
	GCM_NOTE(stop_end);
	gcm_stop_note_answers(tracer->paused_at);
	gcm_event_judge_pause(ns);
}

void
gcm_trace_resume(struct gcm_tracer *tracer)
{
	struct gcm_trace *trace = tracer->trace;

	if (!tracer->paused)
		return;
	tracer->paused = false;
	gcm_stop_resume();
	note_pause(trace, gcm_os_now_ns() - tracer->paused_at);
	note_stop_end(tracer);
	trace->stop_cpu_ns += gcm_os_thread_cpu_ns() - tracer->stopped_cpu;
}

static enum gcm_abandon
why_not_drained(void)
{
	return gcm_cycle_is_asked() ? GCM_ABANDON_ASKED : GCM_ABANDON_MEMORY;
}

/* Stopped
 * ---------------------------------------------------------------------- */

enum gcm_abandon
gcm_trace_whole(struct gcm_tracer *tracer)
{
	struct gcm_marker *leader = gcm_crew_leader();
	struct gcm_roots *roots = &tracer->roots;

	leader->stopped = true;
	if (gcm_roots_read(roots) != 0)
		return GCM_ABANDON_ROOTS;
	tracer->coroutines = gcm_roots_find_coroutines(roots);
	gcm_roots_mark(roots, leader);
	if (!gcm_roots_mark_stacks(roots, leader) ||
	    !gcm_roots_mark_registered(leader) ||
	    !gcm_kernel_mark(leader, tracer->snapshot))
		return GCM_ABANDON_ROOTS;
	if (!gcm_crew_drain(0, true))
		return why_not_drained();
	return GCM_ABANDON_NOT;
}

static bool
mark_once_more(struct gcm_tracer *tracer)
{
	return gcm_trace_whole(tracer) == GCM_ABANDON_NOT;
}

enum gcm_abandon
gcm_trace_stopped(struct gcm_tracer *tracer)
{
	enum gcm_abandon why = gcm_trace_pause(tracer);

	tracer->trace->back_end = "off";
	gcm_event_enter(GCM_PHASE_MARK);
	if (why == GCM_ABANDON_NOT) {
		gcm_cache_set_colour(tracer->trace->colour);
		why = gcm_trace_whole(tracer);
	}
	if (why == GCM_ABANDON_NOT && gcm_options.verify != 0)
		gcm_trace_verify(tracer, mark_once_more);
	gcm_trace_resume(tracer);
	return why;
}

/* Tracked
 * ---------------------------------------------------------------------- */

struct written {
	struct gcm_marker *marker;
	uint64_t bytes;
};

static void
mark_written(uintptr_t lo, uintptr_t hi, void *arg)
{
	struct written *written = arg;

	written->bytes += hi - lo;
	gcm_mark_again(written->marker, lo, hi);
}

/* A look at the zone's pages, all round from a place on, in pieces. */
struct look {
	struct gcm_tracer *tracer;
	uintptr_t lo;
	size_t size; /* bytes in all */
	size_t step; /* bytes of a piece, at first */
	size_t most; /* bytes of a piece at most */
	uint64_t deadline_ns;
	_Atomic size_t claimed; /* bytes of size, from the cursor on */
	_Atomic uint64_t bytes; /* of them written */
	_Atomic bool failed;
};

/* The next piece, `step` bytes or less; false: there is none. */
static bool
claim_piece(struct look *look, size_t step, uintptr_t *lo, uintptr_t *hi)
{
	size_t seen = atomic_load(&look->claimed), at, n;

	do {
		if (seen == look->size)
			return false;
		at = (look->tracer->cursor + seen) % look->size;
		n = look->size - (at > seen ? at : seen);
		n = n < step ? n : step;
	} while (
	    !atomic_compare_exchange_strong(&look->claimed, &seen, seen + n));
	*lo = look->lo + at;
	*hi = *lo + n;
	return true;
}

/* Pieces are small where much is written, so that the time is kept. */
static void
look_at_pieces(struct gcm_marker *marker, void *arg)
{
	struct look *look = arg;
	struct written written = {marker, 0};
	size_t step = look->step;
	uintptr_t lo, hi;

	while (claim_piece(look, step, &lo, &hi)) {
		uint64_t before = written.bytes;

		if (gcm_dirty_take(lo, hi, true, mark_written, &written) != 0) {
			atomic_store(&look->failed, true);
			break;
		}
		if (written.bytes - before > STEP_BYTES)
			step = STEP_MIN;
		else if (step < look->most)
			step *= 2;
		if (look->deadline_ns != 0 &&
		    gcm_os_now_ns() >= look->deadline_ns)
			break;
	}
	if (marker == gcm_crew_leader())
		look->tracer->step = step;
	atomic_fetch_add(&look->bytes, written.bytes);
	gcm_mark_flush(marker);
}

/* Marked blocks on the zone's pages from the cursor on that were written, once
 * round or until deadline_ns (0: none), arming the pages again.  *bytes were
 * looked at.  Returns 1 when it came round, 0 when not, -1 when the system
 * would not say.
 */
static int
look_round(struct gcm_tracer *tracer, uint64_t deadline_ns, uint64_t *bytes)
{
	bool stopped = gcm_crew_leader()->stopped;
	struct look look = {
	    .tracer = tracer,
	    .lo = gcm_zone.lo,
	    .size = gcm_page_addr(gcm_zone_pages()) - gcm_zone.lo,
	    .most = stopped ? STEP_STOPPED : STEP_MAX,
	    .deadline_ns = deadline_ns,
	};

	look.step = tracer->step < look.most ? tracer->step : look.most;
	if (deadline_ns != 0 && tracer->outrun) { /* much may come any time */
		look.step = STEP_MIN;
		look.most = (size_t)STEP_MIN * 4;
	}
	if (stopped)
		gcm_crew_share(look_at_pieces, &look, true);
	else
		look_at_pieces(gcm_crew_leader(), &look);
	if (atomic_load(&look.failed))
		return -1;
	tracer->cursor = (tracer->cursor + look.claimed) % look.size;
	*bytes = look.bytes;
	return look.claimed == look.size;
}

/* The whole zone and the written roots, while the program runs. */
static bool
look_again(struct gcm_tracer *tracer, uint64_t *bytes)
{
	/* What the zone has grown by meanwhile. */
	(void)gcm_dirty_watch(gcm_zone.lo, gcm_page_addr(gcm_zone_pages()));
	return look_round(tracer, 0, bytes) > 0 &&
	       gcm_roots_mark_written(&tracer->roots, gcm_crew_leader(), true);
}

static enum gcm_abandon
preclean(struct gcm_tracer *tracer)
{
	uint64_t before = UINT64_MAX, bytes;

	gcm_crew_leader()->stopped = false;
	gcm_event_enter(GCM_PHASE_PRECLEAN);
	for (int i = 0; i < PRECLEANS; i++) {
		if (!look_again(tracer, &bytes))
			return GCM_ABANDON_TRACKING;
		GCM_NOTE(again, bytes);
		if (!gcm_crew_drain(0, false))
			return why_not_drained();
		tracer->outrun = bytes > MANY_BYTES && bytes > before / 8 * 7;
		if (bytes <= FEW_BYTES || tracer->outrun)
			break;
		gcm_cycle_fall_behind(true);
		before = bytes;
	}
	return GCM_ABANDON_NOT;
}

/* All but the heap's written pages. */
static bool
look_at_roots(struct gcm_tracer *tracer)
{
	struct gcm_marker *leader = gcm_crew_leader();
	struct gcm_roots *roots = &tracer->roots;

	return gcm_roots_read(roots) == 0 && /* .inv.root-fresh */
	       gcm_roots_mark_missed(roots, leader) &&
	       gcm_roots_mark_written(roots, leader, false) &&
	       gcm_roots_mark_stacks(roots, leader) &&
	       gcm_roots_mark_registered(leader) &&
	       gcm_kernel_mark(leader, true);
}

/* What the kernel wrote since, for the verifier. */
static bool
look_once_more(struct gcm_tracer *tracer)
{
	uint64_t bytes;

	return look_round(tracer, 0, &bytes) > 0 && look_at_roots(tracer) &&
	       gcm_crew_drain(0, true);
}

/* With the world stopped: *done says that everything reachable was reached. */
static enum gcm_abandon
finish_stopped(struct gcm_tracer *tracer, uint64_t deadline_ns, bool *done)
{
	uint64_t bytes = 0, before = gcm_os_now_ns();
	int round = look_round(tracer, deadline_ns, &bytes);

	tracer->looked_bytes += bytes;
	tracer->looked_ns += gcm_os_now_ns() - before;
	if (round <= 0)
		return round < 0 ? GCM_ABANDON_TRACKING : GCM_ABANDON_NOT;
	if (!look_at_roots(tracer))
		return GCM_ABANDON_ROOTS;
	*done = gcm_crew_drain(deadline_ns, true);
	/* Blocks that were read before hold those that they end at, too. */
	if (gcm_roots_find_coroutines(&tracer->roots) != tracer->coroutines)
		return GCM_ABANDON_STACKS;
	if (*done && gcm_options.verify != 0)
		gcm_trace_verify(tracer, look_once_more);
	if (!*done &&
	    (deadline_ns == 0 || gcm_work_failed() || gcm_cycle_is_asked()))
		return why_not_drained();
	return GCM_ABANDON_NOT;
}

/* One stop, of budget_ns (0: to the end). */
static enum gcm_abandon
finish(struct gcm_tracer *tracer, uint64_t budget_ns, bool *done)
{
	struct gcm_marker *leader = gcm_crew_leader();
	enum gcm_abandon why = gcm_trace_pause(tracer);

	*done = false;
	if (why != GCM_ABANDON_NOT)
		return why;
	gcm_event_enter(GCM_PHASE_FINISH);
	leader->stopped = true;
	/* A step, and waking the threads, have a place in it. */
	why = finish_stopped(tracer,
	    budget_ns == 0 ? 0 : tracer->paused_at + budget_ns / 4 * 3, done);
	gcm_trace_resume(tracer);
	leader->stopped = false;
	return why;
}

/* Between two stops: follow what the last one found.  At first all written
 * pages are looked at again.  But the program may write faster than we read:
 * then only stops make them fewer, and what it may run between two gets
 * shorter.
 */
static enum gcm_abandon
go_on(struct gcm_tracer *tracer, int nstops)
{
	uint64_t ns = tracer->trace->pause_ns, now = gcm_os_now_ns(), end;

	gcm_event_enter(GCM_PHASE_MARK);
	if (nstops <= FREE_STOPS && !tracer->outrun) {
		if (!gcm_crew_drain(0, false))
			return why_not_drained();
		return preclean(tracer);
	}
	for (int i = FREE_STOPS; i + SHORTEN_STOPS < nstops && ns > RUN_MIN_NS;
	     i += SHORTEN_STOPS)
		ns /= 2;
	end = now + ns;
	if (!gcm_crew_drain(end, false) &&
	    (gcm_work_failed() || gcm_cycle_is_asked()))
		return why_not_drained();
	now = gcm_os_now_ns();
	if (now < end)
		rest(end - now);
	return GCM_ABANDON_NOT;
}

static void
count_bytes(uintptr_t lo, uintptr_t hi, void *arg)
{
	*(uint64_t *)arg += hi - lo;
}

/* After some stops: *last, the next one may run to its end, for it is a short
 * one or it has to.  Given up where stops do not make the written pages fewer.
 */
static enum gcm_abandon
look_ahead(struct gcm_tracer *tracer, int nstops, bool *last)
{
	struct gcm_trace *trace = tracer->trace;
	uint64_t before = tracer->written, now = 0, gained;

	if (nstops % COUNT_STOPS != 0)
		return GCM_ABANDON_NOT;
	if (gcm_dirty_take(gcm_zone.lo, gcm_page_addr(gcm_zone_pages()), false,
		count_bytes, &now) != 0)
		return GCM_ABANDON_TRACKING;
	tracer->written = now;
	gained = before > now ? before - now : 0;
	*last = (double)now * (double)tracer->looked_ns <=
		(double)tracer->looked_bytes * LAST_BUDGETS *
		    (double)trace->pause_ns;
	if (*last || before == 0 || gained * (STOPS_MOST / COUNT_STOPS) >= now)
		return GCM_ABANDON_NOT;
	*last = trace->urgent;
	return *last ? GCM_ABANDON_NOT : GCM_ABANDON_OUTRUN;
}

static enum gcm_abandon
finish_all(struct gcm_tracer *tracer)
{
	struct gcm_trace *trace = tracer->trace;
	bool last = false, done;

	tracer->written = tracer->looked_bytes = tracer->looked_ns = 0;
	for (int i = 1;; i++) {
		enum gcm_abandon why =
		    finish(tracer, last ? 0 : trace->pause_ns, &done);

		if (why == GCM_ABANDON_NOT && !done)
			why = look_ahead(tracer, i, &last);
		if (why == GCM_ABANDON_NOT && !done)
			why = go_on(tracer, i);
		if (why != GCM_ABANDON_NOT || done)
			return why;
	}
}

/* A short stop at the beginning: much is reachable from stacks alone, and need
 * not wait for the last stop.
 */
static enum gcm_abandon
look_at_stacks(struct gcm_tracer *tracer)
{
	struct gcm_marker *leader = gcm_crew_leader();
	enum gcm_abandon why = gcm_trace_pause(tracer);

	if (why != GCM_ABANDON_NOT)
		return why;
	leader->stopped = true;
	tracer->coroutines = gcm_roots_find_coroutines(&tracer->roots);
	(void)gcm_roots_mark_stacks(&tracer->roots, leader);
	gcm_trace_resume(tracer);
	leader->stopped = false;
	return GCM_ABANDON_NOT;
}

enum gcm_abandon
gcm_trace_tracked(struct gcm_tracer *tracer)
{
	struct gcm_marker *leader = gcm_crew_leader();
	uint64_t began = gcm_os_now_ns();
	enum gcm_abandon why;

	tracer->trace->back_end = "pagemap";
	tracer->outrun = false;
	tracer->cursor = 0;
	tracer->step = STEP_MAX;
	gcm_event_enter(GCM_PHASE_ARM);
	if (!gcm_roots_arm(&tracer->roots)) /* .inv.trace-arm */
		return GCM_ABANDON_TRACKING;
	gcm_cache_set_colour(tracer->trace->colour); /* .inv.trace-new */
	gcm_event_enter(GCM_PHASE_STACKS);
	why = look_at_stacks(tracer);
	if (why != GCM_ABANDON_NOT)
		return why;
	gcm_event_enter(GCM_PHASE_MARK);
	gcm_roots_mark(&tracer->roots, leader);
	(void)gcm_roots_mark_registered(leader);
	(void)gcm_kernel_mark(leader, false);
	if (!gcm_crew_drain(0, false))
		return why_not_drained();
	why = preclean(tracer);
	tracer->trace->mark_ns = gcm_os_now_ns() - began;
	return why != GCM_ABANDON_NOT ? why : finish_all(tracer);
}
