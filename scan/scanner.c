/* scanner.c -- scan/ as core sees it
 *
 * MODEL   Opens what a trace needs when the collector's thread begins, in that
 *         thread's own table of descriptors, and chooses the way to trace: the
 *         one that GCM_CONCURRENT names, or the best that works here.
 */
#include "scan/scanner.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include "scan/dirty.h"
#include "scan/filter.h"
#include "scan/maps.h"
#include "scan/pages.h"
#include "scan/sandbox.h"
#include "scan/stop.h"
#include "scan/task.h"
#include "scan/thread.h"
#include "scan/trace.h"

enum {
	HELPERS_MOST = 4,
	HELP_STOPPED = 16 << 20, /* bytes of heap from which on several mark */
	HELP_TRACKED = 256 << 20 /* and several look at what was written */
};

enum { /* the option's values */
	WAY_AUTO,
	WAY_PAGEMAP,
	WAY_FORK,
	WAY_OFF
};

static struct {
	struct gcm_tracer tracer;
	int64_t way;  /* chosen by open */
	int error;    /* what open met; 0: fit to trace */
	uint32_t tid; /* of the collector's thread */
	bool armed;   /* since open a trace has ended that arms all pages */
} scanner;

/* The program has a userfaultfd of its own; and one that we get in the way of.
 */
static _Atomic bool has_faults, serves_faults;

bool
gcm_scanner_note_faults(bool never)
{
	bool is_new = !atomic_exchange(&has_faults, true);

	return (never && !atomic_exchange(&serves_faults, true)) || is_new;
}

/* A table of descriptors that has never held one of the program's. */
static int
leave_descriptors(void)
{
	const unsigned int unshare_flag = 2; /* CLOSE_RANGE_UNSHARE */

	return (int)gcm_arch_syscall(
	    SYS_close_range, 0, ~0u, unshare_flag, 0, 0, 0);
}

static int64_t
choose_way(const char **instead, int *error)
{
	int64_t wanted = gcm_options.CONCURRENT;

	if (wanted == WAY_OFF || wanted == WAY_FORK)
		*instead = "an option says so";
	if (wanted == WAY_OFF || wanted == WAY_FORK)
		return wanted;
	if (atomic_load(&has_faults)) {
		*instead = "the program has a userfaultfd of its own";
		return WAY_FORK;
	}
	if (gcm_pin_has_mover()) {
		*instead = "the program moves parts of the heap's mappings";
		return WAY_FORK;
	}
	*error = gcm_dirty_open();
	if (*error != 0) {
		*instead = "the kernel cannot track writes";
		return WAY_FORK;
	}
	gcm_pin_track(true);
	return WAY_PAGEMAP;
}

static void
open_way(void)
{
	static const char *const names[] = {
	    [WAY_PAGEMAP] = "pagemap", [WAY_FORK] = "fork", [WAY_OFF] = "off"};
	const char *instead = "";
	int error = 0;

	scanner.way = choose_way(&instead, &error);
	gcm_about_collector(names[scanner.way], instead, error);
}

/* Nothing is ever traced. */
static void
refuse(const char *why, int error)
{
	scanner.error = -EPERM;
	scanner.way = WAY_OFF;
	gcm_about_collector(NULL, why, error);
}

static void
open_scanner(void)
{
	int error;

	scanner.tid = (uint32_t)gcm_arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
	gcm_stop_exempt(scanner.tid, true);
	scanner.error = 0;
	scanner.armed = false;
	/* In the program's own table we would be seen, and closed. */
	if (!gcm_sandbox_allows()) {
		refuse("a filter kills who makes our system calls", -EPERM);
		return;
	}
	error = leave_descriptors();
	if (error != 0) {
		refuse("no table of descriptors of our own", error);
		return;
	}
	(void)gcm_arch_syscall(
	    SYS_prctl, PR_SET_NAME, (long)"gcmalloc", 0, 0, 0, 0);
	scanner.error = gcm_stop_open();
	if (scanner.error == 0)
		scanner.error = gcm_pages_open();
	if (scanner.error == 0)
		open_way();
	else
		gcm_about_collector(NULL,
		    "the threads or pages of the process cannot be listed",
		    scanner.error);
}

static void
close_scanner(void)
{
	if (scanner.way == WAY_PAGEMAP) {
		gcm_dirty_close();
		gcm_pin_track(false);
	}
	gcm_pages_close();
	gcm_stop_close();
	gcm_stop_exempt(scanner.tid, false);
}

static uint32_t
choose_markers(void)
{
	uint32_t ncpus = gcm_limit_cpus();

	if (gcm_options.MARKERS > 0)
		return (uint32_t)gcm_options.MARKERS;
	return ncpus < 8 ? 1 : ncpus / 4;
}

/* How many work while the world is stopped.  A small heap is not worth a
 * thread.
 */
static uint32_t
choose_helpers(void)
{
	size_t least = scanner.way == WAY_OFF ? HELP_STOPPED : HELP_TRACKED;
	uint32_t ncpus = gcm_limit_cpus();

	if (gcm_options.verify != 0)
		least = 0; /* whatever can go wrong shall */
	if (scanner.way == WAY_FORK || gcm_options.MARKERS > 0 ||
	    (size_t)gcm_zone_pages() * GCM_PAGE_SIZE < least)
		return 0;
	return ncpus < HELPERS_MOST ? ncpus : HELPERS_MOST;
}

static enum gcm_abandon
run_way(struct gcm_tracer *tracer)
{
	GCM_NOTE(back_end, (uint64_t)scanner.way); /* the same numbers */
	if (scanner.way == WAY_FORK)
		return gcm_trace_forked(tracer);
	if (scanner.way == WAY_OFF)
		return gcm_trace_stopped(tracer);
	return gcm_trace_tracked(tracer);
}

/* Would a page that the program has yet to fill have us wait for it, while it
 * is stopped?  A snapshot has none of the program's faults.
 */
static bool
may_wait_for_page(void)
{
	return atomic_load(&serves_faults) ||
	       (atomic_load(&has_faults) && scanner.way == WAY_OFF);
}

static enum gcm_abandon
trace(struct gcm_trace *trace)
{
	struct gcm_tracer *tracer = &scanner.tracer;
	enum gcm_abandon why;
	uint64_t began = gcm_os_thread_cpu_ns();

	if (scanner.error != 0)
		return gcm_sandbox_allows() ? GCM_ABANDON_ROOTS
					    : GCM_ABANDON_FILTER;
	if (may_wait_for_page())
		return GCM_ABANDON_FAULTS;
	if (gcm_stop_is_hopeless())
		return GCM_ABANDON_DEAF;
	tracer->trace = trace;
	tracer->roots.stack_bytes = 0;
	tracer->roots.global_bytes = 0;
	/* What kinds of words there are, before the markers are readied. */
	if (gcm_roots_read(&tracer->roots) != 0)
		return tracer->roots.hidden ? GCM_ABANDON_HIDDEN
					    : GCM_ABANDON_ROOTS;
	if (gcm_crew_begin(choose_markers(), choose_helpers(), trace->colour) ==
	    0)
		return GCM_ABANDON_MEMORY;
	why = run_way(tracer);
	if (why == GCM_ABANDON_ROOTS && tracer->roots.hidden)
		why = GCM_ABANDON_HIDDEN;
	if (why == GCM_ABANDON_NOT && atomic_load(&gcm_mark_offsets) &&
	    !gcm_crew_leader()->offsets) /* loaded meanwhile */
		why = GCM_ABANDON_HIDDEN;
	if (scanner.way != WAY_FORK) {
		gcm_crew_count(trace);
		gcm_crew_note();
	}
	trace->mark_cpu_ns +=
	    gcm_os_thread_cpu_ns() - began - trace->stop_cpu_ns;
	trace->stop_cpu_ns += gcm_crew_stop_cpu_ns();
	gcm_crew_end();
	trace->stack_bytes = tracer->roots.stack_bytes;
	trace->global_bytes = tracer->roots.global_bytes;
	scanner.armed = scanner.way == WAY_PAGEMAP && why == GCM_ABANDON_NOT;
	return why;
}

/* Under a filter nothing may be called. */
static size_t
read_memory(void *to, uintptr_t from, size_t len)
{
	return scanner.error != 0 ? 0 : gcm_pages_read(to, from, len);
}

static bool
was_written(uintptr_t lo, uintptr_t hi)
{
	return scanner.armed && gcm_dirty_is_written(lo, hi);
}

static void
reset(void)
{
	gcm_stop_reset();
	gcm_thread_reset();
	gcm_roots_reset();
}

static void
listen(bool on)
{
	uint64_t mask = ~(uint64_t)0;

	if (on && gcm_stop_is_installed())
		mask &= ~((uint64_t)1 << (gcm_stop_signal() - 1));
	(void)gcm_arch_syscall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0,
	    sizeof(mask), 0, 0);
}

static int
find_rouser(void)
{
	return scanner.error == 0 && gcm_stop_is_installed() &&
		       gcm_sandbox_allows_sockets()
		   ? gcm_stop_signal()
		   : 0;
}

static int
visit_present(uintptr_t lo, uintptr_t hi, gcm_range_visitor visit, void *arg)
{
	return scanner.error != 0 ? scanner.error
				  : gcm_pages_present(lo, hi, visit, arg);
}

/* A thread's pointer lies in its stack's mapping, at the top, but for the main
 * thread's.
 */
static int
visit_stacks(gcm_range_visitor visit, void *arg)
{
	struct gcm_maps maps = {0};
	struct gcm_thread *thread = gcm_thread_first();
	int error = gcm_maps_read(&maps);

	for (; error == 0 && thread != NULL; thread = thread->next) {
		uintptr_t tp = atomic_load(&thread->tp);
		uint32_t tid = atomic_load(&thread->tid);
		struct gcm_mapping *at = gcm_maps_find(&maps, tp);

		if (tid != 0 && tid != (uint32_t)gcm_os_pid() && tp != 0 &&
		    !gcm_zone_has(tp) && at != NULL && at->lo <= tp)
			at->flags |= GCM_MAP_STACK;
	}
	for (size_t i = 0; i < maps.count; i++)
		if ((maps.list[i].flags & GCM_MAP_STACK) != 0)
			visit(maps.list[i].lo, maps.list[i].hi, arg);
	gcm_maps_drop(&maps);
	return error;
}

static int
count_thread(uint32_t tid, void *arg)
{
	struct gcm_crowd *crowd = arg;

	crowd->threads += !gcm_stop_is_exempt(tid);
	return 0;
}

/* By the kernel's list; blocked ones by their own records. */
static void
count_crowd(struct gcm_crowd *crowd)
{
	const struct gcm_thread *thread = gcm_thread_first();

	*crowd = (struct gcm_crowd){
	    .markers = gcm_crew_size(), .markers_most = choose_markers()};
	if (scanner.error == 0)
		(void)gcm_task_visit(count_thread, crowd);
	for (; thread != NULL; thread = thread->next)
		crowd->blocked += atomic_load(&thread->tid) != 0 &&
				  atomic_load(&thread->tid) != UINT32_MAX &&
				  atomic_load(&thread->blocked) != 0;
}

static const struct gcm_scanner functions = {
    .open = open_scanner,
    .close = close_scanner,
    .listen = listen,
    .trace = trace,
    .read = read_memory,
    .written = was_written,
    .rouser = find_rouser,
    .present = visit_present,
    .stacks = visit_stacks,
    .count = count_crowd,
    .reset = reset,
};

const struct gcm_scanner *
gcm_scanner_make(void)
{
	gcm_filter_init(); /* messages want it, too: scan/flight.c */
	return gcm_stop_init() == 0 ? &functions : NULL;
}
