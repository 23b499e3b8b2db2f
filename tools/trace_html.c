/* trace_html.c -- one page to look at, which needs nothing else
 *
 * MODEL   The page is tools/trace_page.{html,css,js}, put into the program when
 *         it is built, and the models as JSON in it.  Times are numbers of
 *         100 ns, counted from the trace's first event; in the long lists from
 *         the entry before, so that they are short.
 *
 *         However long the trace, the page stays below some megabytes: lists
 *         have limits for all processes together.  Beyond them cycles and stops
 *         are shown one by one that are among the longest, the others joined
 *         where they are near each other.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/trace_show.h"
#include "tools/trace_source.h"

enum {
	CYCLES_MAX = 6000,
	STOPS_MAX = 12000,
	SLICES_MAX = 40000, /* of threads: time to stop, assists */
	POINTS_MAX = 6000,  /* of each curve */
	MARKS_SHOWN = 4000,
	THREADS_MAX = 2000,
	LEAST = 50, /* a process has so many, whatever the others have */
	WORDS_MAX = 64
};

static const char *const page[] = {
#include "tools/trace_page.inc"
};

struct writer {
	FILE *file;
	uint64_t zero;
	size_t share; /* processes that limits are for */
	const char *words[WORDS_MAX];
	size_t nwords;
};

static size_t
limit_list(const struct writer *writer, size_t limit)
{
	limit /= writer->share;
	return limit < LEAST ? LEAST : limit;
}

/* The number of a word in the page's list. */
static size_t
number_word(struct writer *writer, const char *word)
{
	size_t i = 0;

	while (i < writer->nwords && strcmp(writer->words[i], word) != 0)
		i++;
	if (i == writer->nwords && i < WORDS_MAX)
		writer->words[writer->nwords++] = word;
	return i < WORDS_MAX ? i : 0;
}

static uint64_t
scale(uint64_t ns)
{
	return (ns + 50) / 100;
}

/* A moment of the trace's time. */
static uint64_t
place(const struct writer *writer, uint64_t ns)
{
	return ns > writer->zero ? scale(ns - writer->zero) : 0;
}

static void
write_number(const struct writer *writer, const char *name, uint64_t value)
{
	fprintf(writer->file, ",\"%s\":%" PRIu64, name, value);
}

static void
write_string(const struct writer *writer, const char *name, const char *value)
{
	fprintf(writer->file, ",\"%s\":\"", name);
	write_escaped(writer->file, value);
	fputs("\"", writer->file);
}

/* Curves and intervals
 * ------------------------------------------------------------------ */

/* Time since the last, least and greatest value in KiB. */
static void
write_curve(const struct writer *writer, const char *name, struct curve *curve)
{
	uint64_t last = 0;

	curve_fit(curve, limit_list(writer, POINTS_MAX));
	fprintf(writer->file, ",\n\"%s\":[", name);
	for (size_t i = 0; i < curve->count; i++) {
		const struct point *point = &curve->list[i];
		uint64_t now = place(writer, point->ns);

		fprintf(writer->file, "%s%" PRIu64 ",%" PRIu64 ",%" PRIu64,
		    i == 0 ? "" : ",", now - last, point->low >> 10,
		    point->high >> 10);
		last = now;
	}
	fputs("]", writer->file);
}

/* Time since the last, how long; how many, in all, the longest. */
static void
write_lane(const struct writer *writer, const char *name, struct lane *lane,
    size_t limit)
{
	uint64_t last = 0;

	lane_fit(lane, limit);
	fprintf(writer->file, ",\n\"%s\":[", name);
	for (size_t i = 0; i < lane->count; i++) {
		const struct interval *one = &lane->list[i];
		uint64_t now = place(writer, one->begin);

		fprintf(writer->file,
		    "%s%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",%" PRIu64
		    ",%" PRIu64,
		    i == 0 ? "" : ",", now - last, scale(one->end - one->begin),
		    one->count, scale(one->sum), scale(one->max));
		last = now;
	}
	fputs("]", writer->file);
}

/* Cycles and stops
 * ------------------------------------------------------------------ */

static void
write_phases(struct writer *writer, const struct trace_model *model, size_t at)
{
	const struct trace_cycle *cycle = &model->cycles[at];
	const char *comma = "";

	fputs(",[", writer->file);
	for (size_t i = cycle->first_phase;
	     i < model->nphases && model->phases[i].cycle == at; i++) {
		const struct trace_phase *phase = &model->phases[i];

		fprintf(writer->file, "%s%zu,%" PRIu64 ",%" PRIu64, comma,
		    number_word(writer, phase->name),
		    scale(phase->begin - cycle->begin),
		    scale(phase->end - phase->begin));
		comma = ",";
	}
	fputs("]", writer->file);
}

static void
write_cycle(struct writer *writer, const struct trace_model *model, size_t at)
{
	const struct trace_cycle *cycle = &model->cycles[at];
	FILE *file = writer->file;

	fprintf(file,
	    "[%" PRIu32 ",%" PRIu64 ",%" PRIu64 ",%zu,%zu,%" PRIu64 ",%" PRIu64
	    ",%" PRIu64,
	    cycle->number, place(writer, cycle->begin),
	    scale(cycle->end - cycle->begin), number_word(writer, cycle->why),
	    number_word(writer, cycle->abandoned), cycle->heap, cycle->live,
	    cycle->ended ? cycle->goal : cycle->goal_before);
	fprintf(file,
	    ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",%" PRIu64
	    ",%" PRIu64 ",%" PRIu64 ",%zu,%d",
	    cycle->reclaimed, cycle->blocks, cycle->limbo, cycle->nstops,
	    scale(cycle->stopped_ns), scale(cycle->longest_stop),
	    scale(cycle->mark_cpu), number_word(writer, cycle->back_end),
	    cycle->ended);
	write_phases(writer, model, at);
	fputs("]", file);
}

static int
compare_down(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return a > b ? -1 : a < b;
}

/* From which stop on a cycle is shown by itself. */
static uint64_t
find_stop_limit(const struct trace_model *model, size_t limit)
{
	uint64_t *stops, value;

	if (model->ncycles <= limit)
		return 0;
	stops = get_room(model->ncycles * sizeof(*stops));
	for (size_t i = 0; i < model->ncycles; i++)
		stops[i] = model->cycles[i].longest_stop;
	qsort(stops, model->ncycles, sizeof(*stops), compare_down);
	value = stops[limit / 2];
	free(stops);
	return value;
}

static void
write_cycles(struct writer *writer, const struct trace_model *model)
{
	size_t limit = limit_list(writer, CYCLES_MAX), shown = 0, given = 0;
	uint64_t least = find_stop_limit(model, limit);
	size_t step = model->ncycles / (limit / 4) + 1;
	struct lane rest = {0};

	fputs(",\n\"cycles\":[", writer->file);
	for (size_t i = 0; i < model->ncycles; i++) {
		const struct trace_cycle *cycle = &model->cycles[i];
		bool gave_up = *cycle->abandoned != '\0' && given < limit / 4;

		if (model->ncycles > limit &&
		    (shown >= limit || (cycle->longest_stop <= least &&
					   i % step != 0 && !gave_up))) {
			lane_add(&rest, cycle->begin, cycle->end, 0);
			continue;
		}
		given += *cycle->abandoned != '\0';
		fputs(shown++ == 0 ? "\n" : ",\n", writer->file);
		write_cycle(writer, model, i);
	}
	fputs("]", writer->file);
	write_number(writer, "ncycles", model->ncycles);
	write_lane(writer, "rest", &rest, limit);
	lane_free(&rest);
}

/* Time since the last, how long, until it stood, the slowest thread's time, the
 * slowest thread, the cycle's number + 1, how many, failed (the late thread +
 * 1)
 */
static void
write_stop(const struct writer *writer, const struct trace_model *model,
    const struct interval *one)
{
	const struct trace_stop *stop = &model->stops[one->tag];
	bool joined = one->count > 1;
	uint32_t number =
	    stop->cycle == NO_CYCLE ? 0 : model->cycles[stop->cycle].number + 1;

	fprintf(writer->file,
	    "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu32 ",%" PRIu32
	    ",%" PRIu32 ",%" PRIu64 ",%" PRIu64,
	    scale(one->end - one->begin),
	    joined || stop->stopped == 0 ? (uint64_t)0
					 : scale(stop->stopped - stop->begin),
	    scale(stop->latency), joined ? 0 : stop->slowest, number,
	    one->count, joined ? scale(one->sum) : 0,
	    joined ? scale(one->max)
		   : (stop->failed ? (uint64_t)stop->late + 1 : 0));
}

static void
write_stops(const struct writer *writer, const struct trace_model *model)
{
	struct lane lane = {0};
	uint64_t last = 0;

	for (size_t i = 0; i < model->nstops; i++)
		lane_add(&lane, model->stops[i].begin, model->stops[i].end,
		    (uint32_t)i);
	lane_fit(&lane, limit_list(writer, STOPS_MAX));
	fputs(",\n\"stops\":[", writer->file);
	for (size_t i = 0; i < lane.count; i++) {
		uint64_t now = place(writer, lane.list[i].begin);

		fprintf(writer->file, "%s%" PRIu64 ",", i == 0 ? "" : ",",
		    now - last);
		write_stop(writer, model, &lane.list[i]);
		last = now;
	}
	fputs("]", writer->file);
	lane_free(&lane);
}

/* Threads, marks, figures
 * ------------------------------------------------------------------ */

static void
write_thread(
    const struct writer *writer, struct trace_thread *thread, size_t limit)
{
	fprintf(writer->file, "{\"tid\":%" PRIu32, thread->tid);
	write_string(writer, "name", thread->name);
	write_number(writer, "ours", thread->ours);
	write_number(writer, "begin",
	    thread->begin == 0 ? 0 : place(writer, thread->begin));
	write_number(
	    writer, "end", thread->end == 0 ? 0 : place(writer, thread->end));
	write_number(writer, "n", thread->latency.count);
	write_number(
	    writer, "p50", scale(tally_quantile(&thread->latency, 0.5)));
	write_number(
	    writer, "p99", scale(tally_quantile(&thread->latency, 0.99)));
	write_number(writer, "max", scale(thread->latency.max));
	write_number(writer, "at", place(writer, thread->slowest_at));
	write_number(writer, "assists", thread->assists.count);
	write_number(writer, "waited", scale(thread->assists.sum));
	write_number(writer, "longest", scale(thread->assists.max));
	write_lane(writer, "stops", &thread->stop_lane, limit);
	write_lane(writer, "waits", &thread->assist_lane, limit);
	fputs("}", writer->file);
}

static void
write_threads(const struct writer *writer, const struct trace_model *model)
{
	size_t count =
	    model->nthreads < THREADS_MAX ? model->nthreads : THREADS_MAX;
	size_t limit = limit_list(writer, SLICES_MAX) / (count + 1) / 2 + 10;

	write_number(writer, "nthreads", model->nthreads);
	fputs(",\n\"threads\":[", writer->file);
	for (size_t i = 0; i < count; i++) {
		fputs(i == 0 ? "\n" : ",\n", writer->file);
		write_thread(writer, model->threads[i], limit);
	}
	fputs("]", writer->file);
}

static void
write_marks(const struct writer *writer, const struct trace_model *model)
{
	size_t step = model->nmarks / limit_list(writer, MARKS_SHOWN) + 1,
	       kept = 0;

	fputs(",\n\"marks\":[", writer->file);
	for (size_t i = 0; i < model->nmarks; i++) {
		const struct trace_mark *mark = &model->marks[i];

		/* Alarms all, of the others some. */
		if (i % step != 0 &&
		    (mark->kind != MARK_LATE_FREE || i % (step / 8 + 1) != 0))
			continue;
		fprintf(writer->file,
		    "%s[%" PRIu64 ",%d,%" PRIu32 ",%" PRIu64 ",\"",
		    kept++ == 0 ? "" : ",", place(writer, mark->ns),
		    (int)mark->kind, mark->tid, mark->value);
		write_escaped(writer->file, mark->text);
		fputs("\"]", writer->file);
	}
	fputs("],\"counts\":[", writer->file);
	for (size_t i = 0; i < MARK_KINDS; i++)
		fprintf(writer->file, "%s%" PRIu64, i == 0 ? "" : ",",
		    model->mark_counts[i]);
	fputs("]", writer->file);
}

/* Windows of 100 us and more, in steps of 1, 2, 5. */
static void
write_utilization(const struct writer *writer, const struct trace_model *model)
{
	static const uint64_t steps[] = {1, 2, 5};
	uint64_t span = model->last_ns - model->first_ns, window;
	const char *comma = "";

	fputs(",\n\"mmu\":[", writer->file);
	for (uint64_t unit = 100000; unit <= span && unit <= 100000000000;
	     unit *= 10)
		for (size_t i = 0; i < 3; i++) {
			window = unit * steps[i];
			if (window > span || model->nstops == 0)
				break;
			fprintf(writer->file, "%s[%" PRIu64 ",%.5f,%.5f]",
			    comma, scale(window),
			    least_utilization(model, window),
			    least_thread_utilization(model, window));
			comma = ",";
		}
	fputs("],\n\"pauses\":[", writer->file);
	comma = "";
	for (size_t i = 0; i < TALLY_SLOTS; i++)
		if (model->pauses.slots[i] != 0) {
			fprintf(writer->file, "%s%" PRIu64 ",%" PRIu32, comma,
			    tally_floor(i), model->pauses.slots[i]);
			comma = ",";
		}
	fputs("]", writer->file);
}

static void
write_sets(const struct writer *writer, const struct trace_process *process)
{
	fputs(",\n\"sets\":[", writer->file);
	for (size_t i = 0; i < process->nsets && i < 200; i++) {
		fprintf(writer->file, "%s[\"", i == 0 ? "" : ",");
		write_escaped(writer->file, process->sets[i].name);
		fputs("\",\"", writer->file);
		write_escaped(writer->file, process->sets[i].value);
		fputs("\"]", writer->file);
	}
	fputs("]", writer->file);
}

static void
write_model(struct writer *writer, struct trace_model *model)
{
	const struct trace_process *process = model->process;
	const struct tally *pauses = &model->pauses;

	fprintf(writer->file, "{\"pid\":%" PRIu32, process->pid);
	write_string(writer, "name", process_name(process));
	write_number(writer, "parent", model->parent);
	write_number(writer, "cpus", process->cpus);
	write_number(writer, "lost", process->lost);
	write_number(writer, "events", process->nevents);
	write_number(writer, "begin", place(writer, model->first_ns));
	write_number(writer, "end", place(writer, model->last_ns));
	write_number(writer, "ended", model->ended);
	write_number(writer, "status", model->status);
	if (process->dated)
		fprintf(writer->file, ",\"wall\":%.3f",
		    (double)(int64_t)(writer->zero +
				      (uint64_t)process->wall_ns) /
			1e6);
	write_number(writer, "npauses", pauses->count);
	write_number(writer, "p50", scale(tally_quantile(pauses, 0.5)));
	write_number(writer, "p99", scale(tally_quantile(pauses, 0.99)));
	write_number(writer, "longest", scale(pauses->max));
	write_number(writer, "stopped", scale(pauses->sum));
	write_number(writer, "mark_cpu", scale(model->mark_cpu));
	write_number(writer, "peak", model->peak_heap);
	write_number(writer, "peak_resident", model->peak_resident);
	write_number(writer, "reclaimed", model->reclaimed);
	write_number(writer, "blocks", model->blocks);
	write_number(writer, "scavenged", model->scavenged);
	write_cycles(writer, model);
	write_stops(writer, model);
	write_threads(writer, model);
	write_marks(writer, model);
	write_utilization(writer, model);
	write_curve(writer, "heap", &model->heap);
	write_curve(writer, "goal", &model->goal);
	write_curve(writer, "resident", &model->resident);
	write_sets(writer, process);
	fputs("}", writer->file);
}

static void
write_data(
    FILE *file, const struct trace *trace, const struct trace_models *models)
{
	struct writer writer = {.file = file, .zero = UINT64_MAX};
	const char *comma = "";

	for (size_t i = 0; i < models->count; i++)
		if (models->list[i] != NULL) {
			writer.share++;
			if (models->list[i]->first_ns < writer.zero)
				writer.zero = models->list[i]->first_ns;
		}
	fputs("{\"file\":\"", file);
	write_escaped(file, trace->path);
	fprintf(
	    file, "\",\"events\":%" PRIu64 ",\"processes\":[", trace->nevents);
	for (size_t i = 0; i < models->count; i++)
		if (models->list[i] != NULL) {
			fprintf(file, "%s\n", comma);
			write_model(&writer, models->list[i]);
			comma = ",";
		}
	fputs("],\n\"words\":[", file);
	for (size_t i = 0; i < writer.nwords; i++) {
		fprintf(file, "%s\"", i == 0 ? "" : ",");
		write_escaped(file, writer.words[i]);
		fputs("\"", file);
	}
	fputs("]}\n", file);
}

void
write_page(
    FILE *file, const struct trace *trace, const struct trace_models *models)
{
	for (size_t i = 0; i < sizeof(page) / sizeof(page[0]); i++)
		if (strcmp(page[i], "@DATA@\n") == 0)
			write_data(file, trace, models);
		else
			fputs(page[i], file);
}
