/* schedtrace.c -- the state lines of GCM_DEBUG=schedtrace=MS
 *
 * MODEL   In the spirit of Go's (GODEBUG=schedtrace=MS), with threads and
 *         caches where Go has goroutines and processors; docs/traces.md has
 *         the grammar.  Spans are counted from the page table, a few words
 *         each, in steps, so that nobody waits long for the page heap.  When:
 *         tick.c.
 */
#include "core/schedtrace.h"

#include "core/cycle_state.h"
#include "core/pageheap.h"

enum {
	LINE_BYTES = 320,
	STEP_PAGES = 4096 /* counted under one hold of the lock */
};

static void
add_count(struct gcm_text *text, const char *name, uint64_t value)
{
	gcm_text_add(text, name);
	gcm_text_add_unsigned(text, value);
}

static void
add_megabytes(struct gcm_text *text, const char *name, uint64_t bytes)
{
	gcm_text_add(text, name);
	gcm_text_add_decimal(text, (bytes >> 10) * 10 >> 10, 1);
	gcm_text_add(text, "MB");
}

void
gcm_schedtrace_format(
    struct gcm_text *text, const struct gcm_sched_report *report)
{
	const struct gcm_crowd *crowd = &report->crowd;

	add_count(text, "SCHED ", report->at_ms);
	add_count(text, "ms: threads=", crowd->threads);
	add_count(text, " blocked=", crowd->blocked);
	add_count(text, " caches=", report->caches);
	add_count(text, " spans=", report->spans);
	add_count(text, " markers=", crowd->markers);
	add_count(text, "/", crowd->markers_most);
	gcm_text_add(text, " phase=");
	gcm_text_add(text, gcm_event_phase_name(report->phase));
	add_megabytes(text, " heap=", report->heap);
	add_megabytes(text, " goal=", report->goal);
	gcm_text_add(text, " backend=");
	gcm_text_add(
	    text, report->back_end != NULL ? report->back_end : "none");
	gcm_text_add(text, "\n");
}

static uint64_t
count_spans(void)
{
	uint64_t nspans = 0;
	uint32_t at = 0, total;

	do {
		uint32_t end;

		gcm_lock_acquire(&gcm_pageheap.lock);
		total = gcm_zone_pages();
		end = total - at > STEP_PAGES ? at + STEP_PAGES : total;
		while (at < end) {
			const struct gcm_page *page = gcm_page(at);
			uint8_t kind = gcm_page_kind(page);
			bool whole = kind == GCM_KIND_SMALL ||
				     kind == GCM_KIND_LARGE ||
				     kind == GCM_KIND_RUN;

			nspans += kind == GCM_KIND_SMALL;
			at += whole && page->n > 0 ? page->n : 1;
		}
		gcm_lock_release(&gcm_pageheap.lock);
	} while (at < total);
	return nspans;
}

static void
count_cache(struct gcm_cache *cache, void *arg)
{
	(void)cache;
	++*(uint64_t *)arg;
}

void
gcm_schedtrace_write(uint64_t now_ns)
{
	struct gcm_sched_report report = {
	    .at_ms = (now_ns - gcm_cycle.began_ns) / 1000000,
	    .phase = gcm_event_phase(),
	    .heap = gcm_cycle_heap(),
	    .goal = gcm_cycle.stat.goal_bytes,
	    .back_end = gcm_cycle.stat.back_end,
	};
	char buffer[LINE_BYTES];
	struct gcm_text text;

	gcm_cycle.scanner->count(&report.crowd);
	gcm_cache_visit(count_cache, &report.caches);
	report.spans = count_spans();
	gcm_text_init(&text, buffer, sizeof(buffer));
	gcm_schedtrace_format(&text, &report);
	(void)gcm_report_write_apart(&text);
}
