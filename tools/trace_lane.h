/* trace_lane.h -- bounded memory of what happened over time
 *
 * A lane is a list of intervals, a curve one of values; when they are full,
 * what is near each other becomes one, and the longest intervals, the least and
 * greatest values stay to be seen.  A tally is a histogram of durations.
 */
#ifndef GCM_TOOLS_TRACE_LANE_H
#define GCM_TOOLS_TRACE_LANE_H

#include <stddef.h>
#include <stdint.h>

enum {
	TALLY_STEPS = 16, /* for each doubling: within 6 % */
	TALLY_SLOTS = 60 * TALLY_STEPS
};

struct tally {
	uint64_t count, sum, max;
	uint32_t slots[TALLY_SLOTS];
};

void tally_add(struct tally *tally, uint64_t value);
void tally_merge(struct tally *tally, const struct tally *other);

/* A value that `share` of all are at most; it is the greatest of its slot. */
uint64_t tally_quantile(const struct tally *tally, double share);

/* The least value that is counted in a slot. */
uint64_t tally_floor(size_t slot);

struct interval {
	uint64_t begin, end;
	uint64_t sum; /* of the durations of those that this one stands for */
	uint64_t max;
	uint32_t count;
	uint32_t tag;
};

struct lane {
	struct interval *list;
	size_t count, room;
	size_t limit; /* 0: none */
	uint64_t gap; /* what is nearer than that is one */
};

void lane_add(struct lane *lane, uint64_t begin, uint64_t end, uint32_t tag);

/* Sorted, and made fit into a number of intervals. */
void lane_fit(struct lane *lane, size_t limit);
void lane_free(struct lane *lane);

struct point {
	uint64_t ns;
	uint64_t low, high, last;
};

struct curve {
	struct point *list;
	size_t count, room;
	size_t limit;
};

void curve_add(struct curve *curve, uint64_t ns, uint64_t value);
void curve_fit(struct curve *curve, size_t limit);

#endif
