/* gctrace.c -- the lines that GCM_DEBUG=gctrace=1,scavtrace=1 print for a cycle
 *
 * MODEL   Go's line to the letter (GODEBUG=gctrace=1), numbers cut as Go cuts
 *         them, so that what reads Go's traces reads ours; what Go has no word
 *         for comes after " P".
 *
 *         Go's three phases are sweep termination (a stop), concurrent mark
 *         and scan, mark termination (a stop).  We stop once or more: the
 *         first of several stops is the one that begins the cycle, the longest
 *         of the others the one that ends it.  Our markers are Go's background
 *         workers; the program's threads assist by waiting, which costs no
 *         CPU, and nothing of ours runs only when idle.
 */
#include "core/gctrace.h"

#include "core/pageheap.h"
#include "core/scavenge.h"

enum {
	KILOBYTE_SHIFT = 10,
	MEGABYTE_SHIFT = 20,
	SECOND_DECIMALS = 3,
	WHOLE_MS_NS = 10 * 1000 * 1000 /* from here on without decimals */
};

/* Milliseconds, to two digits where they are few. */
static void
add_ms(struct gcm_text *text, uint64_t ns)
{
	uint64_t value = ns / 1000;
	unsigned int ndecimals = 3;

	if (ns >= WHOLE_MS_NS || value == 0) {
		gcm_text_add_unsigned(text, ns / 1000000);
		return;
	}
	for (; value >= 100; value /= 10)
		ndecimals--;
	gcm_text_add_decimal(text, value, ndecimals);
}

static void
add_number(struct gcm_text *text, uint64_t value, const char *after)
{
	gcm_text_add_unsigned(text, value);
	gcm_text_add(text, after);
}

static void
add_span(struct gcm_text *text, uint64_t ns, const char *after)
{
	add_ms(text, ns);
	gcm_text_add(text, after);
}

/* Wall clock of the stop that begins the cycle, and of the longest of those
 * that end it.
 */
static uint64_t
split_stops(const struct gcm_trace *trace, uint64_t *last_ns)
{
	uint32_t first = trace->npauses > 1, i;

	*last_ns = 0;
	for (i = first; i < trace->npauses && i < GCM_PAUSES_MAX; i++)
		if (trace->pauses[i] > *last_ns)
			*last_ns = trace->pauses[i];
	return first ? trace->pauses[0] : 0;
}

static void
add_times(struct gcm_text *text, const struct gcm_trace *trace)
{
	uint64_t last_ns, first_ns = split_stops(trace, &last_ns);
	double stop_cpu = (double)trace->stop_cpu_ns;
	uint64_t first_cpu = 0;

	if (first_ns != 0)
		first_cpu = (uint64_t)(stop_cpu * (double)first_ns /
				       (double)(first_ns + last_ns));
	if (first_cpu > trace->stop_cpu_ns)
		first_cpu = trace->stop_cpu_ns;
	add_span(text, first_ns, "+");
	add_span(text, trace->mark_ns, "+");
	add_span(text, last_ns, " ms clock, ");
	add_span(text, first_cpu, "+0/");
	add_span(text, trace->mark_cpu_ns, "/0+");
	add_span(text, trace->stop_cpu_ns - first_cpu, " ms cpu, ");
}

const char *
gcm_gctrace_reason(enum gcm_abandon why)
{
	static const char *const reasons[] = {
	    [GCM_ABANDON_NOT] = "no",
	    [GCM_ABANDON_STOP] = "a thread did not stop",
	    [GCM_ABANDON_ASKED] = "the program wanted to be alone",
	    [GCM_ABANDON_MEMORY] = "no memory for marking",
	    [GCM_ABANDON_ROOTS] = "memory of the program cannot be read",
	    [GCM_ABANDON_SIGNALS] = "a signal handler got in the way",
	    [GCM_ABANDON_TRACKING] = "writes cannot be tracked",
	    [GCM_ABANDON_HIDDEN] = "a library hides its pointers",
	    [GCM_ABANDON_DEAF] = "a thread blocks all signals",
	    [GCM_ABANDON_FAULTS] = "the program serves page faults itself",
	    [GCM_ABANDON_STACKS] = "coroutines came to light",
	    [GCM_ABANDON_SHARED] = "another process has the same memory",
	    [GCM_ABANDON_FILTER] = "a filter forbids our system calls",
	    [GCM_ABANDON_OUTRUN] = "the program writes faster than we read",
	};

	return (size_t)why < sizeof(reasons) / sizeof(reasons[0]) &&
		       reasons[why] != NULL
		   ? reasons[why]
		   : "unknown";
}

/* What is ours, after " P". */
static void
add_ours(struct gcm_text *text, const struct gcm_cycle_report *report)
{
	gcm_text_add(text, ", ");
	add_number(text, report->reclaimed_bytes, " B reclaimed in ");
	add_number(text, report->reclaimed_blocks, " blocks, ");
	add_number(text, report->limbo_bytes, " B in limbo");
	if (report->trace.back_end != NULL) {
		gcm_text_add(text, ", ");
		gcm_text_add(text, report->trace.back_end);
	}
	if (report->trace.npauses > 2) {
		gcm_text_add(text, ", ");
		add_number(text, report->trace.npauses, " stops, ");
		add_span(text, report->trace.pause_sum_ns, " ms");
	}
	if (report->alarmed)
		gcm_text_add(text, " (late free: nothing is reclaimed)");
	if (report->why != GCM_ABANDON_NOT) {
		gcm_text_add(text, " (abandoned: ");
		gcm_text_add(text, gcm_gctrace_reason(report->why));
		gcm_text_add(text, ")");
	}
}

void
gcm_gctrace_format(struct gcm_text *text, const struct gcm_cycle_report *report)
{
	/* Of a cycle that was given up we know of nothing dead. */
	uint64_t live = report->why == GCM_ABANDON_NOT ? report->heap_live
						       : report->heap_marked;

	gcm_text_add(text, "gc ");
	add_number(text, report->number, " @");
	gcm_text_add_decimal(text, report->at_ns / 1000000, SECOND_DECIMALS);
	gcm_text_add(text, "s ");
	add_number(text, report->cpu_percent, "%: ");
	add_times(text, &report->trace);
	add_number(text, report->heap_start >> MEGABYTE_SHIFT, "->");
	add_number(text, report->heap_marked >> MEGABYTE_SHIFT, "->");
	add_number(text, live >> MEGABYTE_SHIFT, " MB, ");
	add_number(text, report->goal >> MEGABYTE_SHIFT, " MB goal, ");
	add_number(
	    text, report->trace.stack_bytes >> MEGABYTE_SHIFT, " MB stacks, ");
	add_number(text, report->trace.global_bytes >> MEGABYTE_SHIFT,
	    " MB globals, ");
	add_number(text, report->procs, " P");
	if (report->forced)
		gcm_text_add(text, " (forced)");
	add_ours(text, report);
	gcm_text_add(text, "\n");
}

void
gcm_gctrace_write(const struct gcm_cycle_report *report, bool periodic)
{
	char buffer[GCM_GCTRACE_BYTES + 16];
	struct gcm_text text;

	gcm_text_init(&text, buffer, sizeof(buffer));
	if (periodic)
		gcm_text_add(&text, "GC forced\n");
	gcm_gctrace_format(&text, report);
	(void)gcm_report_write_apart(&text);
}

/* The scavenger
 * ------------------------------------------------------------------ */

void
gcm_scavtrace_format(
    struct gcm_text *text, const struct gcm_scav_report *report)
{
	uint64_t ours = report->used + report->dirty;

	gcm_text_add(text, "scav ");
	add_number(
	    text, report->background >> KILOBYTE_SHIFT, " KiB work (bg), ");
	add_number(
	    text, report->eager >> KILOBYTE_SHIFT, " KiB work (eager), ");
	add_number(text, report->now >> KILOBYTE_SHIFT, " KiB now, ");
	add_number(text, ours == 0 ? 0 : report->used * 100 / ours, "% util\n");
}

void
gcm_scavtrace_write(void)
{
	static struct gcm_scavenge_work last; /* the collector's thread */
	struct gcm_scavenge_work work;
	struct gcm_scav_report report;
	char buffer[GCM_GCTRACE_BYTES];
	struct gcm_text text;
	uint64_t pages;

	gcm_scavenge_count_work(&work);
	report.background = work.background - last.background;
	report.eager = work.eager - last.eager;
	last = work;
	gcm_lock_acquire(&gcm_pageheap.lock);
	report.used = gcm_pageheap.used;
	report.dirty = gcm_pageheap.dirty;
	pages = gcm_zone_pages();
	gcm_lock_release(&gcm_pageheap.lock);
	report.now = (pages - report.used - report.dirty) << GCM_PAGE_SHIFT;
	report.used <<= GCM_PAGE_SHIFT;
	report.dirty <<= GCM_PAGE_SHIFT;
	gcm_text_init(&text, buffer, sizeof(buffer));
	gcm_scavtrace_format(&text, &report);
	(void)gcm_report_write_apart(&text);
}
