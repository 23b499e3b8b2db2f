/* trace_lane.c -- bounded memory of what happened over time
 *
 * MODEL   A full lane keeps those of its intervals that are among the longest
 *         quarter, and joins others to their neighbours while the gap between
 *         them is small; if that does not halve it, the gap doubles.  So the
 *         work is a few steps for each interval in the end.
 */
#include "tools/trace_lane.h"

#include <stdbool.h>
#include <stdlib.h>

#include "tools/trace_source.h"

/* Tallies
 * ------------------------------------------------------------------ */

static size_t
find_slot(uint64_t value)
{
	unsigned int bits;
	size_t slot;

	if (value < TALLY_STEPS)
		return value;
	bits = 63 - (unsigned int)__builtin_clzll(value);
	slot = (bits - 3) * (size_t)TALLY_STEPS +
	       (value >> (bits - 4) & (TALLY_STEPS - 1));
	return slot < TALLY_SLOTS ? slot : TALLY_SLOTS - 1;
}

uint64_t
tally_floor(size_t slot)
{
	size_t octave = slot / TALLY_STEPS;

	if (octave == 0)
		return slot;
	return (uint64_t)(TALLY_STEPS + slot % TALLY_STEPS) << (octave - 1);
}

void
tally_add(struct tally *tally, uint64_t value)
{
	tally->count++;
	tally->sum += value;
	if (value > tally->max)
		tally->max = value;
	tally->slots[find_slot(value)]++;
}

void
tally_merge(struct tally *tally, const struct tally *other)
{
	tally->count += other->count;
	tally->sum += other->sum;
	if (other->max > tally->max)
		tally->max = other->max;
	for (size_t i = 0; i < TALLY_SLOTS; i++)
		tally->slots[i] += other->slots[i];
}

uint64_t
tally_quantile(const struct tally *tally, double share)
{
	double wanted = (double)tally->count * share;
	uint64_t seen = 0, top;

	for (size_t i = 0; i < TALLY_SLOTS; i++) {
		seen += tally->slots[i];
		if (seen == 0 || (double)seen < wanted)
			continue;
		top = i + 1 < TALLY_SLOTS ? tally_floor(i + 1) - 1 : tally->max;
		return top < tally->max ? top : tally->max;
	}
	return tally->max;
}

/* Lanes
 * ------------------------------------------------------------------ */

static int
compare_intervals(const void *one, const void *other)
{
	const struct interval *a = one, *b = other;

	if (a->begin != b->begin)
		return a->begin < b->begin ? -1 : 1;
	return a->end < b->end ? -1 : a->end > b->end;
}

static int
compare_down(const void *one, const void *other)
{
	uint64_t a = *(const uint64_t *)one, b = *(const uint64_t *)other;

	return a > b ? -1 : a < b;
}

/* The duration from which on an interval stays alone: a quarter of the limit
 * are longer.
 */
static uint64_t
find_long(const struct lane *lane, size_t limit)
{
	uint64_t *lengths = get_room(lane->count * sizeof(*lengths));
	uint64_t length;

	for (size_t i = 0; i < lane->count; i++)
		lengths[i] = lane->list[i].max;
	qsort(lengths, lane->count, sizeof(*lengths), compare_down);
	length = lengths[limit / 4];
	free(lengths);
	return length;
}

static size_t
join_near(struct lane *lane, uint64_t alone)
{
	struct interval *list = lane->list;
	size_t n = 0;

	for (size_t i = 1; i < lane->count; i++) {
		struct interval *last = &list[n], *next = &list[i];
		bool near = next->begin < last->end ||
			    next->begin - last->end < lane->gap;

		if (near && last->max <= alone && next->max <= alone) {
			if (next->end > last->end)
				last->end = next->end;
			last->sum += next->sum;
			last->count += next->count;
			if (next->max > last->max)
				last->max = next->max;
		} else {
			list[++n] = *next;
		}
	}
	return lane->count == 0 ? 0 : n + 1;
}

void
lane_fit(struct lane *lane, size_t limit)
{
	uint64_t alone;

	if (lane->count > 1)
		qsort(lane->list, lane->count, sizeof(*lane->list),
		    compare_intervals);
	if (lane->count <= limit)
		return;
	alone = find_long(lane, limit);
	if (lane->gap == 0)
		lane->gap = 1 + (lane->list[lane->count - 1].begin -
				    lane->list[0].begin) /
				    (4 * limit + 1);
	for (unsigned int i = 0; i < 64 && lane->count > limit; i++) {
		lane->count = join_near(lane, alone);
		/* Long ones apart may leave too few to be joined. */
		if (i % 16 == 15)
			alone = UINT64_MAX;
		lane->gap =
		    lane->gap > UINT64_MAX / 2 ? UINT64_MAX : lane->gap * 2;
	}
	lane->gap /= 2;
}

void
lane_add(struct lane *lane, uint64_t begin, uint64_t end, uint32_t tag)
{
	uint64_t length;

	if (end < begin)
		end = begin;
	length = end - begin;
	if (lane->limit != 0 && lane->count >= lane->limit)
		lane_fit(lane, lane->limit / 2);
	lane->list = more_room(
	    lane->list, &lane->room, lane->count + 1, sizeof(*lane->list));
	lane->list[lane->count++] =
	    (struct interval){begin, end, length, length, 1, tag};
}

void
lane_free(struct lane *lane)
{
	free(lane->list);
	*lane = (struct lane){.limit = lane->limit};
}

/* Curves
 * ------------------------------------------------------------------ */

void
curve_fit(struct curve *curve, size_t limit)
{
	while (limit > 1 && curve->count > limit) {
		size_t n = 0;

		for (size_t i = 0; i < curve->count; i += 2) {
			struct point point = curve->list[i];

			if (i + 1 < curve->count) {
				const struct point *next = &curve->list[i + 1];

				if (next->low < point.low)
					point.low = next->low;
				if (next->high > point.high)
					point.high = next->high;
				point.last = next->last;
			}
			curve->list[n++] = point;
		}
		curve->count = n;
	}
}

void
curve_add(struct curve *curve, uint64_t ns, uint64_t value)
{
	if (curve->limit != 0 && curve->count >= curve->limit)
		curve_fit(curve, curve->limit / 2);
	curve->list = more_room(
	    curve->list, &curve->room, curve->count + 1, sizeof(*curve->list));
	curve->list[curve->count++] = (struct point){ns, value, value, value};
}
