/* trace_figure.c -- the least mutator utilisation
 *
 * MODEL   How much of a window was lost at most, over all places of the window.
 *         Only those places are tried where it begins with a pause: from any
 *         other it can be moved to one of these and loses no less.  (In a gap:
 *         to the right.  In a pause: to the left; what it gains at that end is
 *         at least what it loses at the other.)  With sums over the pauses
 *         before, that takes one walk.
 *
 * PAPERS  Cheng and Blelloch, A Parallel, Real-Time Garbage Collector, 2001.
 */
#include <stdlib.h>

#include "tools/trace_model.h"
#include "tools/trace_source.h"

struct loss {
	uint64_t begin, end;
	uint64_t before; /* lost in those before it */
};

/* Lost from the first one's begin until `at`; `i` is the last that begins
 * before.
 */
static uint64_t
lost_until(const struct loss *list, size_t i, uint64_t at)
{
	uint64_t part = at < list[i].end ? at : list[i].end;

	return list[i].before +
	       (part > list[i].begin ? part - list[i].begin : 0);
}

/* The most that a window of that length loses of sorted, disjoint pauses. */
static uint64_t
most_lost(const struct loss *list, size_t count, uint64_t window)
{
	uint64_t most = 0;
	size_t last = 0;

	for (size_t i = 0; i < count; i++) {
		uint64_t lost;

		while (last + 1 < count &&
		       list[last + 1].begin - list[i].begin < window)
			last++;
		lost = lost_until(list, last, list[i].begin + window) -
		       list[i].before;
		most = lost > most ? lost : most;
	}
	return most < window ? most : window;
}

static int
compare_losses(const void *one, const void *other)
{
	const struct loss *a = one, *b = other;

	return a->begin < b->begin ? -1 : a->begin > b->begin;
}

/* Sorted, joined, summed up; how many are left. */
static size_t
settle_losses(struct loss *list, size_t count)
{
	uint64_t sum = 0;
	size_t n = 0;

	if (count == 0)
		return 0;
	qsort(list, count, sizeof(*list), compare_losses);
	for (size_t i = 1; i < count; i++)
		if (list[i].begin > list[n].end)
			list[++n] = list[i];
		else if (list[i].end > list[n].end)
			list[n].end = list[i].end;
	for (size_t i = 0; i <= n; i++) {
		list[i].before = sum;
		sum += list[i].end - list[i].begin;
	}
	return n + 1;
}

static double
utilize(const struct trace_model *model, const struct lane *assists,
    uint64_t window)
{
	size_t n = 0, nassists = assists == NULL ? 0 : assists->count;
	struct loss *list =
	    get_room((model->nstops + nassists) * sizeof(*list));
	uint64_t lost;

	for (size_t i = 0; i < model->nstops; i++)
		list[n++] = (struct loss){
		    model->stops[i].begin, model->stops[i].end, 0};
	for (size_t i = 0; assists != NULL && i < nassists; i++)
		list[n++] = (struct loss){assists->list[i].begin,
		    assists->list[i].begin + assists->list[i].sum, 0};
	n = settle_losses(list, n);
	lost = most_lost(list, n, window);
	free(list);
	return 1 - (double)lost / (double)window;
}

double
least_utilization(const struct trace_model *model, uint64_t window_ns)
{
	return utilize(model, NULL, window_ns);
}

double
least_thread_utilization(const struct trace_model *model, uint64_t window_ns)
{
	double least = utilize(model, NULL, window_ns);

	for (size_t i = 0; i < model->nthreads; i++) {
		const struct lane *lane = &model->threads[i]->assist_lane;
		double share;

		if (lane->count == 0)
			continue;
		share = utilize(model, lane, window_ns);
		least = share < least ? share : least;
	}
	return least;
}
