/* cycle_thread.c -- the collector's thread, and those who want something of it
 *
 * MODEL   Started by a refill that finds the trigger passed, woken by wishes.
 *         When the program has been quiet for a while its garbage is collected
 *         a last time and the thread ends; also when it is wanted gone (fork,
 *         setuid, unshare).  While there is an audit it stays: writes are seen
 *         as long as it is there.
 *
 * STATES  OFF       none, or on its way out            ON DISABLED
 *         ON        runs, or sleeps                    OFF DISABLED
 *         DISABLED  for good
 *         The mutator that makes it ON starts it, once the last one's stack is
 *         free; the thread itself goes back to OFF.
 *
 * LOCKS   none.
 *
 * FORK    the child has no thread: gcm_cycle_reset.
 */
#include "core/about.h"
#include "core/cycle.h"

#include "core/audit.h"
#include "core/cycle_state.h"
#include "core/event.h"
#include "core/heap.h"
#include "core/limit.h"
#include "core/option.h"
#include "core/os.h"
#include "core/pageheap.h"
#include "core/serve.h"
#include "core/tick.h"

enum {
	STACK_BYTES = 64 << 10,
	STOP_NS = 1000 * 1000 * 1000,
	HELD_MOST = 5,         /* looks, LOOK_NS apart, at a lock waited for */
	LOOK_NS = 200 * 1000,  /* a timer's handlers must leave time between */
	GIVEN_UP_FOR_FORK = 3, /* in a row: the next may end before a fork */
	WORTH_BYTES = 256 << 10,
	DEAF_SHIFT_MOST = 6, /* doublings */
	RELIEF_REST_NS = 1000 * 1000 * 1000,
	COLLECT_TRIES = 20,
	COLLECT_NS = 10 * 1000 * 1000 /* between two wishes */
};
#define RELIEF_NS 5000000000u
#define QUIET_NS 2000000000u
#define DEAF_NS ((int64_t)120 * 1000000000)
#define REST_NS 4000000000u /* between two looks whether we may stay */

/* The thread may be started when there is no memory for a stack. */
static char stack[STACK_BYTES] __attribute__((aligned(64)));

static void run_collector(void *arg);

/* Have a thread that sees the wish. */
GCM_COLD void
gcm_cycle_wish(uint32_t wish)
{
	uint32_t off = GCM_CYCLE_OFF, on = GCM_CYCLE_ON;

	if (gcm_cycle.scanner == NULL ||
	    atomic_load(&gcm_cycle.state) == GCM_CYCLE_DISABLED ||
	    !gcm_heap_is_sound())
		return;
	atomic_fetch_or(&gcm_cycle.wish, wish);
	gcm_os_wake(&gcm_cycle.wish, UINT32_MAX >> 1);
	gcm_serve_rouse();
	if (atomic_load(&gcm_cycle.alive) != 0 ||
	    !atomic_compare_exchange_strong(
		&gcm_cycle.state, &off, GCM_CYCLE_ON))
		return;
	atomic_fetch_and(&gcm_cycle.wish, ~(uint32_t)GCM_WISH_STOP);
	if (gcm_os_thread_start(run_collector, NULL, stack, sizeof(stack),
		&gcm_cycle.alive) != 0) {
		atomic_store(&gcm_about.why, "the system gives no thread");
		(void)atomic_compare_exchange_strong(
		    &gcm_cycle.state, &on, GCM_CYCLE_OFF);
	}
}

bool
gcm_cycle_is_asked(void)
{
	gcm_tick_poll();
	return (atomic_load_explicit(&gcm_cycle.wish, memory_order_relaxed) &
		   GCM_WISH_STOP) != 0;
}

/* Are we only here to answer, and the heap not worth a cycle? */
static bool
is_small(void)
{
	return atomic_load(&gcm_cycle.number) == 0 &&
	       gcm_cycle_heap() < (uint64_t)gcm_options.MINHEAP;
}

/* Would a cycle find much?  Growth since the last one, or blocks whose time in
 * limbo would be over.
 */
static bool
is_worth_it(void)
{
	int64_t net = atomic_load(&gcm_cycle.net);
	uint64_t least = atomic_load(&gcm_cycle.base) / 16 + WORTH_BYTES;
	uint64_t limbo = gcm_cycle.stat.limbo_bytes;

	if (gcm_audit_is_on())
		limbo -= gcm_audit_dead_bytes();
	else if (!gcm_cycle_is_reclaiming() || is_small())
		return false;
	return limbo > 0 || (net > 0 && (uint64_t)net > least);
}

/* Longer and longer while cycles would be in vain, and never shorter than the
 * program's user wants.
 */
static int64_t
choose_interval(void)
{
	int64_t interval = gcm_options.INTERVAL;
	uint32_t shift =
	    gcm_cycle.deaf < DEAF_SHIFT_MOST ? gcm_cycle.deaf : DEAF_SHIFT_MOST;

	return interval == GCM_OFF || interval >= DEAF_NS >> shift
		   ? interval
		   : interval << shift;
}

static uint32_t
count_program(void)
{
	struct gcm_crowd crowd;

	gcm_cycle.scanner->count(&crowd);
	return crowd.threads;
}

/* Does the thread stay although there is nothing to do?  Not in a program that
 * would have no other thread, unless it was asked to.
 */
static bool
stays(void)
{
	if (gcm_audit_is_on() || gcm_tick_needs_thread())
		return true;
	return gcm_serve_is_open() &&
	       (gcm_options.CHANNEL == GCM_CHANNEL_ALWAYS ||
		   count_program() > 1);
}

static void
sleep_once(uint64_t timeout_ns)
{
	if (gcm_serve_is_open()) {
		gcm_serve_sleep(&gcm_cycle.wish, timeout_ns);
		return;
	}
	gcm_cycle.scanner->listen(true);
	gcm_os_wait(&gcm_cycle.wish, 0, timeout_ns);
	gcm_cycle.scanner->listen(false);
}

/* Until somebody wishes something, for so long at most. */
static void
sleep_for(uint64_t timeout_ns)
{
	uint64_t end = gcm_os_now_ns() + timeout_ns, now;

	do {
		gcm_tick_poll();
		now = gcm_os_now_ns();
		if (now < end)
			sleep_once(gcm_tick_rest(end - now) + 1);
	} while (atomic_load(&gcm_cycle.wish) == 0 && gcm_os_now_ns() < end &&
		 atomic_load(&gcm_tick_wanted));
}

static bool
is_interval_over(void)
{
	int64_t interval = choose_interval();

	return interval != GCM_OFF &&
	       gcm_os_now_ns() - atomic_load(&gcm_cycle.last_ns) >=
		   (uint64_t)interval;
}

/* The program is quiet, and we stay: as if we were not there, but that somebody
 * may ask.  False: there is no reason to stay any more.
 */
static bool
rest(bool *periodic)
{
	int64_t before = atomic_load(&gcm_cycle.net);

	while (atomic_load(&gcm_cycle.wish) == 0) {
		if (!stays())
			return false;
		sleep_for(REST_NS);
		*periodic = is_interval_over() &&
			    atomic_load(&gcm_cycle.net) != before &&
			    gcm_cycle_heap() >= (uint64_t)gcm_options.MINHEAP;
		if (*periodic)
			break;
	}
	return true;
}

static uint32_t
take_wishes(void)
{
	uint32_t wish = atomic_load(&gcm_cycle.wish);

	if ((wish & GCM_WISH_STOP) == 0)
		atomic_fetch_and(&gcm_cycle.wish, ~wish);
	return wish;
}

/* Sleep until somebody wishes something, the interval is over, or the program
 * has been quiet for a while: then it gets its garbage collected, and is rid of
 * us.  The wishes, taken; 0: nothing to do any more.
 */
static uint32_t
await_wish(bool *periodic)
{
	int64_t before = atomic_load(&gcm_cycle.net) + 1; /* not quiet yet */

	*periodic = false;
	for (;;) {
		int64_t interval = choose_interval();
		bool restless =
		    interval != GCM_OFF && (uint64_t)interval < QUIET_NS;
		uint32_t wish = take_wishes();
		int64_t net = atomic_load(&gcm_cycle.net);

		if (wish != 0)
			return wish;
		*periodic = is_interval_over() && !is_small();
		if (*periodic)
			return GCM_WISH_FORCED;
		if (net == before && !restless && is_worth_it())
			return GCM_WISH_FORCED;
		if (net == before && !restless && !gcm_audit_is_on()) {
			if (!rest(periodic))
				return 0;
			if (*periodic)
				return GCM_WISH_FORCED;
			continue;
		}
		before = net;
		sleep_for(restless ? (uint64_t)interval : QUIET_NS);
	}
}

/* Leave the state GCM_CYCLE_ON; true when that is the end. */
static bool
retire(void)
{
	uint32_t on = GCM_CYCLE_ON, off = GCM_CYCLE_OFF;
	uint32_t wish;

	if (!atomic_compare_exchange_strong(
		&gcm_cycle.state, &on, GCM_CYCLE_OFF))
		return true; /* disabled */
	wish = atomic_load(&gcm_cycle.wish);
	if ((wish & GCM_WISH_STOP) != 0 || wish == 0)
		return true;
	return !atomic_compare_exchange_strong(
	    &gcm_cycle.state, &off, GCM_CYCLE_ON);
}

/* Why the thread ends. */
static enum gcm_event_leave
reason_to_leave(void)
{
	if (atomic_load(&gcm_cycle.state) == GCM_CYCLE_DISABLED)
		return GCM_LEAVE_DISABLED;
	return gcm_cycle_is_asked() ? GCM_LEAVE_ASKED : GCM_LEAVE_QUIET;
}

static void
run_collector(void *arg)
{
	(void)arg;
	gcm_cycle.scanner->open();
	gcm_serve_open(gcm_cycle.scanner);
	do {
		for (;;) {
			bool periodic;
			uint32_t wish = await_wish(&periodic);

			if (wish == 0 || (wish & GCM_WISH_STOP) != 0)
				break;
			if (wish != GCM_WISH_SERVE)
				gcm_cycle_run(wish, periodic);
		}
	} while (!retire());
	gcm_serve_close();
	GCM_NOTE(collector_end, reason_to_leave());
	(void)gcm_event_flush(true);
	gcm_cycle.scanner->close();
}

/* From outside
 * ------------------------------------------------------------------ */

void
gcm_cycle_use(const struct gcm_scanner *scanner)
{
	uint64_t min_heap = (uint64_t)gcm_options.MINHEAP;

	if (scanner == NULL || gcm_options.MODE == GCM_MODE_OFF ||
	    gcm_options.MODE == GCM_MODE_QUARANTINE)
		return;
	gcm_cycle.began_ns = gcm_os_now_ns();
	atomic_store(&gcm_cycle.last_ns, gcm_cycle.began_ns);
	/* Finding a cgroup's limit takes time at the start. */
	gcm_pace_first(&gcm_cycle.pace, gcm_options.PERCENT, min_heap,
	    gcm_options.PERCENT == GCM_OFF || gcm_options.MEMLIMIT >= 0
		? gcm_limit_soft()
		: UINT64_MAX);
	atomic_store(&gcm_cycle.trigger, gcm_cycle.pace.trigger);
	atomic_store(&gcm_cycle.assist, gcm_cycle.pace.assist);
	gcm_cycle.stat.goal_bytes = gcm_cycle.pace.goal;
	if (gcm_options.FREE != 0)
		gcm_cache_ignore_frees();
	/* The second mark reads new blocks as a whole, the first one only what
	 * was written: without old addresses in them both see the same.
	 */
	if (gcm_options.poison != 0 || gcm_options.verify != 0)
		gcm_cache_poison_frees();
	gcm_cycle.scanner = scanner;
}

void
gcm_cycle_serve(void)
{
	if (gcm_options.CHANNEL == GCM_CHANNEL_ALWAYS &&
	    gcm_cycle.scanner != NULL && atomic_load(&gcm_cycle.alive) == 0 &&
	    gcm_heap_enter())
		gcm_cycle_wish(GCM_WISH_SERVE);
}

uint64_t
gcm_cycle_interlude(void)
{
	if (!gcm_serve_is_open())
		return 0;
	gcm_serve_meanwhile();
	return GCM_SERVE_NS;
}

void
gcm_cycle_ask(void)
{
	gcm_cycle_wish(GCM_WISH_FORCED | GCM_WISH_ASKED);
}

/* Wait for a cycle that begins after now and is not given up. */
static bool
collect_once(uint64_t deadline_ns)
{
	uint32_t before = atomic_load(&gcm_cycle.number);

	for (int i = 0; i < COLLECT_TRIES;) {
		uint32_t ended = atomic_load(&gcm_cycle.ended);
		uint64_t now = gcm_os_now_ns(), left;

		if ((int32_t)(atomic_load(&gcm_cycle.completed) - before) > 0)
			return true;
		if (now >= deadline_ns ||
		    atomic_load(&gcm_cycle.state) == GCM_CYCLE_DISABLED)
			return false;
		gcm_cycle_wish(GCM_WISH_FORCED | GCM_WISH_URGENT);
		/* The thread may be on its way out, and hear no wish. */
		left = deadline_ns - now;
		gcm_os_wait(&gcm_cycle.ended, ended,
		    left < COLLECT_NS ? left : COLLECT_NS);
		i += atomic_load(&gcm_cycle.ended) != ended;
	}
	return (int32_t)(atomic_load(&gcm_cycle.completed) - before) > 0;
}

bool
gcm_cycle_collect(uint64_t timeout_ns)
{
	uint64_t deadline = gcm_os_now_ns() + timeout_ns;

	if (gcm_cycle.scanner == NULL || !gcm_heap_enter())
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
	uint64_t before = gcm_cycle.stat.reclaimed_bytes;
	uint64_t last = atomic_load(&gcm_cycle.relief_ns);

	if (gcm_cycle.scanner == NULL || bytes > used ||
	    (last != 0 && gcm_os_now_ns() - last < RELIEF_REST_NS))
		return false;
	if (gcm_cycle_collect(RELIEF_NS) &&
	    gcm_cycle.stat.reclaimed_bytes > before)
		return true;
	atomic_store(&gcm_cycle.relief_ns, gcm_os_now_ns());
	return false;
}

/* Wait for the thread's end.  The caller may be a signal handler that
 * interrupted a holder of the page heap's lock, which the thread may want: with
 * `wary` it does not wait for ever then, and the thread goes on.  Else one that
 * takes longer (its file is slow) still ends as soon as it can: it must not
 * keep credentials that the program has given up.
 */
static bool
end_thread(bool wary)
{
	uint64_t deadline = gcm_os_now_ns() + STOP_NS;
	uint32_t alive, held = 0;

	while ((alive = atomic_load(&gcm_cycle.alive)) != 0 &&
	       gcm_os_now_ns() < deadline && held < HELD_MOST) {
		atomic_fetch_or(&gcm_cycle.wish, GCM_WISH_STOP);
		gcm_os_wake(&gcm_cycle.wish, 1);
		gcm_serve_rouse();
		gcm_os_wait(
		    &gcm_cycle.alive, alive, wary ? LOOK_NS : STOP_NS / 1000);
		held = wary && gcm_lock_contended(&gcm_pageheap.lock) ? held + 1
								      : 0;
	}
	if (wary || alive == 0)
		atomic_fetch_and(&gcm_cycle.wish, ~(uint32_t)GCM_WISH_STOP);
	return alive == 0;
}

bool
gcm_cycle_stop(void)
{
	return end_thread(false);
}

bool
gcm_cycle_stop_for_fork(void)
{
	return (gcm_cycle.given_up > GIVEN_UP_FOR_FORK &&
		   atomic_load(&gcm_cycle.active)) ||
	       end_thread(true);
}

void
gcm_cycle_disable(void)
{
	atomic_store(&gcm_cycle.state, GCM_CYCLE_DISABLED);
	gcm_about_disable("the program installs a filter on system calls");
	(void)gcm_cycle_stop();
}

bool
gcm_cycle_running(void)
{
	return atomic_load(&gcm_cycle.alive) != 0;
}

bool
gcm_cycle_is_self(void)
{
	return gcm_cycle_running() &&
	       atomic_load(&gcm_cycle.alive) == (uint32_t)gcm_os_tid();
}

void
gcm_cycle_reset(void)
{
	if (gcm_cycle.scanner == NULL)
		return;
	atomic_store(&gcm_cycle.active, false);
	atomic_store(&gcm_cycle.behind, false);
	gcm_tick_pause(false);
	if (atomic_load(&gcm_cycle.state) != GCM_CYCLE_DISABLED)
		atomic_store(&gcm_cycle.state, GCM_CYCLE_OFF);
	atomic_store(&gcm_cycle.wish, 0);
	atomic_store(&gcm_cycle.alive, 0);
	gcm_serve_reset();
	if (gcm_audit_is_on())
		gcm_audit_reset();
	gcm_cycle.scanner->reset();
}
