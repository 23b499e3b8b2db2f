/* trace_summary.c -- a trace in words and a few bars
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "tools/trace_show.h"
#include "tools/trace_source.h"

enum {
	NAMES_MAX = 32,
	BAR_CELLS = 40,
	BAR_ROWS = 28,
	THREADS_SHOWN = 10,
	LATE_SHOWN = 5,
	LIST_FROM = 5 /* so many processes are listed first */
};

struct names { /* how often each word was said */
	const char *words[NAMES_MAX];
	uint64_t counts[NAMES_MAX];
	size_t count;
};

static void
count_name(struct names *names, const char *word)
{
	size_t i = 0;

	while (i < names->count && names->words[i] != word)
		i++;
	if (i == NAMES_MAX)
		return;
	if (i == names->count)
		names->count++;
	names->words[i] = word;
	names->counts[i]++;
}

/* "7 growth, 1 forced", the most frequent first. */
static void
write_names(FILE *file, struct names *names)
{
	const char *comma = "";

	for (size_t n = 0; n < names->count; n++) {
		size_t best = 0;

		for (size_t i = 1; i < names->count; i++)
			if (names->counts[i] > names->counts[best])
				best = i;
		fprintf(file, "%s%" PRIu64 " %s", comma, names->counts[best],
		    *names->words[best] == '\0' ? "unknown"
						: names->words[best]);
		names->counts[best] = 0;
		comma = ", ";
	}
}

/* The left column; text comes behind it. */
static void
write_title(FILE *file, const char *title)
{
	fprintf(file, "  %-13s", title);
}

/* A moment: since the trace's begin, and by the clock. */
static void
write_moment(FILE *file, const struct trace_model *model, uint64_t ns)
{
	char wall[SHORT_BYTES];

	fprintf(
	    file, "at %.3f s", (double)(int64_t)(ns - model->first_ns) / 1e9);
	if (*show_wall(wall, model->process, ns) != '\0')
		fprintf(file, " (%s)", wall + 11);
}

static void
write_head(FILE *file, const struct trace_model *model)
{
	const struct trace_process *process = model->process;
	const char *version = process_set(process, "version");
	char wall[SHORT_BYTES], span[SHORT_BYTES];
	size_t ours = 0;

	fputs(process_name(process), file);
	if (process->pid != 0)
		fprintf(file, ", process %" PRIu32, process->pid);
	if (model->parent != 0)
		fprintf(file, ", child of %" PRIu64, model->parent);
	if (version != NULL)
		fprintf(file, ", gcmalloc %s", version);
	fputs("\n", file);
	write_title(file, "time");
	show_ns(span, model->last_ns - model->first_ns);
	if (*show_wall(wall, process, model->first_ns) != '\0')
		fprintf(file, "%s from %s", span, wall);
	else
		fputs(span, file);
	if (model->ended)
		fputs(", ended", file);
	if (model->status != 0)
		fprintf(file, " with status %" PRIu64, model->status);
	fputs("\n", file);
	for (size_t i = 0; i < model->nthreads; i++)
		ours += model->threads[i]->ours;
	if (model->nthreads != 0) {
		write_title(file, "threads");
		fprintf(file, "%zu, and %zu of the library\n",
		    model->nthreads - ours, ours);
	}
}

static uint64_t
count_late(const struct trace_model *model)
{
	return model->mark_counts[MARK_LATE_FREE];
}

static void
write_warnings(FILE *file, const struct trace_model *model)
{
	if (count_late(model) != 0) {
		write_title(file, "LATE FREES");
		fprintf(file,
		    "%" PRIu64
		    ": blocks were freed that had seemed lost; nothing is "
		    "reclaimed any more\n",
		    count_late(model));
	}
	if (model->process->lost != 0) {
		write_title(file, "LOST EVENTS");
		fprintf(file, "%" PRIu64 ", of %" PRIu64 "\n",
		    model->process->lost,
		    model->process->lost + model->process->nevents);
	}
}

static void
write_cycle_counts(FILE *file, const struct trace_model *model)
{
	struct names why = {0}, abandoned = {0};
	size_t ndone = 0, ngiven = 0;

	for (size_t i = 0; i < model->ncycles; i++) {
		const struct trace_cycle *cycle = &model->cycles[i];

		count_name(&why, cycle->why);
		if (*cycle->abandoned != '\0') {
			ngiven++;
			count_name(&abandoned, cycle->abandoned);
		} else {
			ndone += cycle->ended;
		}
	}
	write_title(file, "cycles");
	fprintf(file, "%zu: %zu completed", model->ncycles, ndone);
	if (ngiven != 0) {
		fprintf(file, ", %zu given up (", ngiven);
		write_names(file, &abandoned);
		fputs(")", file);
	}
	if (ndone + ngiven < model->ncycles)
		fprintf(
		    file, ", %zu not ended", model->ncycles - ndone - ngiven);
	fputs("\n", file);
	write_title(file, "  why");
	write_names(file, &why);
	fputs("\n", file);
}

static void
write_quantiles(FILE *file, const struct tally *tally)
{
	char a[SHORT_BYTES], b[SHORT_BYTES], c[SHORT_BYTES], d[SHORT_BYTES],
	    e[SHORT_BYTES];

	fprintf(file, "p50 %s, p90 %s, p99 %s, max %s, total %s",
	    show_ns(a, tally_quantile(tally, 0.5)),
	    show_ns(b, tally_quantile(tally, 0.9)),
	    show_ns(c, tally_quantile(tally, 0.99)), show_ns(d, tally->max),
	    show_ns(e, tally->sum));
}

static void
write_marking(FILE *file, const struct trace_model *model, uint64_t cycles_ns)
{
	double span = (double)(model->last_ns - model->first_ns);
	double cpu = (double)model->mark_cpu;
	char all[SHORT_BYTES];

	write_title(file, "  marking");
	fputs(show_ns(all, model->mark_cpu), file);
	if (model->process->cpus != 0)
		fprintf(file, ", %.2f %% of %" PRIu64 " CPUs",
		    100.0 * cpu / span / (double)model->process->cpus,
		    model->process->cpus);
	if (cycles_ns != 0)
		fprintf(
		    file, "; %.2f CPUs during cycles", cpu / (double)cycles_ns);
	fputs("\n", file);
}

static void
write_cycles(FILE *file, const struct trace_model *model)
{
	struct tally *took;
	uint64_t span = model->last_ns - model->first_ns;

	write_cycle_counts(file, model);
	if (model->ncycles == 0)
		return;
	took = get_room(sizeof(*took));
	for (size_t i = 0; i < model->ncycles; i++)
		tally_add(took, model->cycles[i].end - model->cycles[i].begin);
	write_title(file, "  took");
	write_quantiles(file, took);
	fputs("\n", file);
	if (span != 0 && model->mark_cpu != 0)
		write_marking(file, model, took->sum);
	free(took);
}

static uint64_t
next_step(uint64_t step)
{
	uint64_t digit = step;

	while (digit >= 10)
		digit /= 10;
	return digit == 2 ? step / 2 * 5 : step * 2;
}

static size_t
find_step(uint64_t ns)
{
	uint64_t top = 1000;
	size_t row = 0;

	for (; ns >= top && row < BAR_ROWS - 1; row++)
		top = next_step(top);
	return row;
}

/* Bars, a row for each step of 1, 2, 5, 10... */
static void
write_bars(FILE *file, const struct trace_model *model)
{
	uint64_t rows[BAR_ROWS] = {0}, most = 1, floor = 0, top = 1000;
	size_t first = BAR_ROWS, last = 0;

	for (size_t i = 0; i < model->nstops; i++) {
		size_t row =
		    find_step(model->stops[i].end - model->stops[i].begin);

		first = row < first ? row : first;
		last = row > last ? row : last;
		most = ++rows[row] > most ? rows[row] : most;
	}
	for (size_t i = 0; i <= last && first < BAR_ROWS; i++) {
		char a[SHORT_BYTES], b[SHORT_BYTES];
		int cells = (int)((rows[i] * BAR_CELLS + most - 1) / most);

		if (i >= first)
			fprintf(file, "    %8s - %-8s %8" PRIu64 "%s%.*s\n",
			    show_ns(a, floor), show_ns(b, top), rows[i],
			    cells == 0 ? "" : "  ", cells,
			    "########################################");
		floor = top;
		top = next_step(top);
	}
}

static void
write_longest(FILE *file, const struct trace_model *model)
{
	const struct trace_stop *longest = NULL;
	char stood[SHORT_BYTES];

	for (size_t i = 0; i < model->nstops; i++)
		if (longest == NULL ||
		    model->stops[i].end - model->stops[i].begin >
			longest->end - longest->begin)
			longest = &model->stops[i];
	if (longest == NULL)
		return;
	write_title(file, "  longest");
	write_moment(file, model, longest->begin);
	if (longest->cycle != NO_CYCLE)
		fprintf(file, ", in cycle %" PRIu32,
		    model->cycles[longest->cycle].number);
	if (longest->stopped != 0)
		fprintf(file, ", stood after %s",
		    show_ns(stood, longest->stopped - longest->begin));
	if (longest->slowest != 0)
		fprintf(file, ", slowest thread %" PRIu32, longest->slowest);
	fputs("\n", file);
}

static void
write_failed_stops(FILE *file, const struct trace_model *model)
{
	size_t nfailed = 0;

	for (size_t i = 0; i < model->nstops; i++)
		nfailed += model->stops[i].failed;
	if (nfailed == 0)
		return;
	write_title(file, "  failed");
	fprintf(file, "%zu", nfailed);
	for (size_t i = 0, shown = 0; i < model->nstops; i++) {
		const struct trace_stop *stop = &model->stops[i];

		if (!stop->failed || shown++ >= LATE_SHOWN)
			continue;
		if (stop->late != 0)
			fprintf(file, "%s thread %" PRIu32 " ",
			    shown == 1 ? ", did not answer:" : ",", stop->late);
		else
			fputs(", ", file);
		write_moment(file, model, stop->begin);
	}
	fputs("\n", file);
}

static void
write_pauses(FILE *file, const struct trace_model *model)
{
	static const uint64_t windows[] = {
	    1000000, 10000000, 100000000, 1000000000};
	uint64_t span = model->last_ns - model->first_ns;

	write_title(file, "pauses");
	fprintf(file, "%" PRIu64, model->pauses.count);
	if (model->pauses.count == 0) {
		fputs("\n", file);
		return;
	}
	fputs(": ", file);
	write_quantiles(file, &model->pauses);
	if (span != 0)
		fprintf(file, " (%.3f %%)",
		    100.0 * (double)model->pauses.sum / (double)span);
	fputs("\n", file);
	write_longest(file, model);
	write_failed_stops(file, model);
	write_bars(file, model);
	write_title(file, "utilization");
	fputs("at least", file);
	for (size_t i = 0; i < sizeof(windows) / sizeof(windows[0]); i++) {
		char window[SHORT_BYTES];

		if (windows[i] > span)
			break;
		fprintf(file, "%s %.1f %% of each %s", i == 0 ? "" : ",",
		    100 * least_utilization(model, windows[i]),
		    show_ns(window, windows[i]));
	}
	fputs(span < windows[0] ? " nothing: too short\n" : "\n", file);
}

static int
compare_threads(const void *one, const void *other)
{
	const struct trace_thread *a = *(struct trace_thread *const *)one;
	const struct trace_thread *b = *(struct trace_thread *const *)other;

	return a->latency.max > b->latency.max   ? -1
	       : a->latency.max < b->latency.max ? 1
	       : a->tid < b->tid                 ? -1
						 : a->tid > b->tid;
}

static void
write_assists(FILE *file, const struct trace_model *model)
{
	struct tally *all = get_room(sizeof(*all));

	for (size_t i = 0; i < model->nthreads; i++)
		tally_merge(all, &model->threads[i]->assists);
	if (all->count != 0) {
		write_title(file, "assists");
		fprintf(file, "%" PRIu64 ": waited ", all->count);
		write_quantiles(file, all);
		fputs("\n", file);
	}
	free(all);
}

static void
write_threads(FILE *file, const struct trace_model *model)
{
	struct trace_thread **list = get_room(model->nthreads * sizeof(*list));
	size_t n = 0, shown;

	for (size_t i = 0; i < model->nthreads; i++)
		if (model->threads[i]->latency.count != 0)
			list[n++] = model->threads[i];
	qsort(list, n, sizeof(*list), compare_threads);
	shown = n < THREADS_SHOWN ? n : THREADS_SHOWN;
	if (n != 0)
		fprintf(file, "  %-13s%7s %-16s %7s %9s %9s %9s\n",
		    "time to stop", "thread", "", "stops", "p50", "p99", "max");
	for (size_t i = 0; i < shown; i++) {
		char a[SHORT_BYTES], b[SHORT_BYTES], c[SHORT_BYTES];

		fprintf(file,
		    "%15s%7" PRIu32 " %-16.16s %7" PRIu64 " %9s %9s %9s  ", "",
		    list[i]->tid, list[i]->name, list[i]->latency.count,
		    show_ns(a, tally_quantile(&list[i]->latency, 0.5)),
		    show_ns(b, tally_quantile(&list[i]->latency, 0.99)),
		    show_ns(c, list[i]->latency.max));
		write_moment(file, model, list[i]->slowest_at);
		fputs("\n", file);
	}
	if (n > shown)
		fprintf(file, "%15s%zu more\n", "", n - shown);
	free(list);
}

static void
write_heap(FILE *file, const struct trace_model *model)
{
	const struct curve *heap = &model->heap;
	const struct trace_cycle *last = NULL;
	char a[SHORT_BYTES], b[SHORT_BYTES], c[SHORT_BYTES];

	for (size_t i = 0; i < model->ncycles; i++)
		if (model->cycles[i].ended &&
		    *model->cycles[i].abandoned == '\0')
			last = &model->cycles[i];
	if (heap->count != 0) {
		write_title(file, "heap");
		fprintf(file, "%s at first, %s at most, %s in the end\n",
		    show_bytes(a, heap->list[0].low),
		    show_bytes(b, model->peak_heap),
		    show_bytes(c, heap->list[heap->count - 1].last));
	}
	if (last != NULL) {
		write_title(file, "  live");
		fprintf(file, "%s, next goal %s", show_bytes(a, last->live),
		    show_bytes(b, last->goal));
		if (last->limbo != 0)
			fprintf(
			    file, ", %s in limbo", show_bytes(c, last->limbo));
		fputs("\n", file);
	}
	if (model->resident.count != 0) {
		write_title(file, "  resident");
		fprintf(file, "%s at most, %s in the end\n",
		    show_bytes(a, model->peak_resident),
		    show_bytes(b,
			model->resident.list[model->resident.count - 1].last));
	}
}

static void
write_returned(FILE *file, const struct trace_model *model)
{
	char a[SHORT_BYTES], b[SHORT_BYTES];

	write_title(file, "reclaimed");
	fputs(show_bytes(a, model->reclaimed), file);
	if (model->blocks != 0)
		fprintf(file, " in %" PRIu64 " blocks", model->blocks);
	fputs("\n", file);
	if (model->mark_counts[MARK_SCAVENGE] != 0) {
		write_title(file, "scavenged");
		fprintf(file, "%s in %" PRIu64 " steps",
		    show_bytes(a, model->scavenged),
		    model->mark_counts[MARK_SCAVENGE]);
		if (model->scavenge_ns != 0)
			fprintf(file, ", %s", show_ns(b, model->scavenge_ns));
		fputs("\n", file);
	}
	if (model->mark_counts[MARK_FORK] != 0) {
		write_title(file, "forks");
		fprintf(file, "%" PRIu64 "\n", model->mark_counts[MARK_FORK]);
	}
}

static void
write_model(FILE *file, const struct trace_model *model)
{
	write_head(file, model);
	write_warnings(file, model);
	write_cycles(file, model);
	if (model->ncycles != 0 || model->nstops != 0) {
		write_pauses(file, model);
		write_threads(file, model);
	}
	write_assists(file, model);
	write_heap(file, model);
	write_returned(file, model);
}

/* A line for each of many processes that collected. */
static void
list_models(FILE *file, const struct trace_models *models)
{
	size_t nquiet = 0;

	fprintf(file, "%9s %-20s %9s %7s %9s %9s %10s\n", "process", "", "time",
	    "cycles", "pauses", "longest", "reclaimed");
	for (size_t i = 0; i < models->count; i++) {
		const struct trace_model *model = models->list[i];
		char a[SHORT_BYTES], b[SHORT_BYTES], c[SHORT_BYTES];

		if (model == NULL || model->ncycles == 0) {
			nquiet += model != NULL;
			continue;
		}
		fprintf(file,
		    "%9" PRIu32 " %-20.20s %9s %7zu %9" PRIu64 " %9s %10s\n",
		    model->process->pid, process_name(model->process),
		    show_ns(a, model->last_ns - model->first_ns),
		    model->ncycles, model->pauses.count,
		    show_ns(b, model->pauses.max),
		    show_bytes(c, model->reclaimed));
	}
	if (nquiet != 0)
		fprintf(file, "and %zu without a cycle\n", nquiet);
	fputs("\n", file);
}

void
write_summary(
    FILE *file, const struct trace *trace, const struct trace_models *models)
{
	size_t n = 0;
	bool many, any = false;

	(void)trace;
	for (size_t i = 0; i < models->count; i++)
		n += models->list[i] != NULL;
	many = n >= LIST_FROM;
	if (many)
		list_models(file, models);
	for (size_t i = 0; i < models->count; i++) {
		const struct trace_model *model = models->list[i];

		/* Of many, only those have more to be told that collected. */
		if (model == NULL || (many && model->ncycles == 0))
			continue;
		if (any)
			fputs("\n", file);
		write_model(file, model);
		any = true;
	}
}
