/* pace.c -- when the next cycle begins: numbers in, numbers out
 *
 * MODEL   After a sweep the program has `live` bytes.  The way it may grow
 *         from there to the goal is a percentage of what the next cycle will
 *         have to read, as in Go.  Marking runs beside the program, so the
 *         cycle begins earlier, by the runway: what the program made from the
 *         trigger to the end of marking, last time.  Too short a runway is
 *         corrected by the next measurement, so it counts at most 30 % of the
 *         way, or cycles would follow each other ever sooner, and at least
 *         5 %.  A burst is remembered for some cycles.
 *
 *         A thread that takes the heap further above the goal than 10 % of the
 *         way waits for the marker.
 *
 *         What was made while marking is in `live` without anybody having
 *         looked whether it lives.  The percentage counts half of it: if all
 *         counted, a program that makes garbage as fast as it is marked would
 *         have each cycle's make the next one's goal higher.
 *
 * LIMBO   Garbage that is kept another cycle is no part of the heap, and the
 *         percentage neither counts it nor pays for it.  If it counted as live,
 *         each cycle's garbage would raise the next goal: a series that grows
 *         for ever at 100 %.  If the goal were lower by it, every second cycle
 *         would begin at once, and find little.  So the footprint of a program
 *         that never frees is live + (1 + grace) * way, at as many cycles as
 *         without grace.
 *
 * LIMIT   Under a memory limit limbo does count, for it is memory.  The room
 *         above live is divided by 1 + grace, so that the garbage of this
 *         cycle has a place while the last one's is still there.  The limit
 *         is soft: between two cycles there is time for as much work of the
 *         program as the cycle took, at the fastest rate measured.  What grew
 *         in the microseconds between two cycles that follow each other is
 *         older, and makes no rate.
 *
 * PAPERS  Clements, Go 1.5 concurrent garbage collector pacing (2015).
 *         Knyszek, GC pacer redesign (2021); Soft memory limit (2021).
 */
#include "core/pace.h"

enum {
	WAY_MIN = 64 << 10,     /* what threads count for themselves */
	ASSIST_MIN = 256 << 10, /* above the goal */
	ASSIST = 10,            /* above the goal, percent of the way */
	WHOLE = 100,
	RUNWAY_LEAST = 5, /* percent of the way */
	RUNWAY_MOST = 30
};

static uint64_t
add(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t
subtract(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

static uint64_t
least(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static uint64_t
most(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

/* value * part / whole, for small parts. */
static uint64_t
share(uint64_t value, uint64_t part, uint64_t whole)
{
	uint64_t high;

	if (__builtin_mul_overflow(value / whole, part, &high))
		return UINT64_MAX;
	return add(high, value % whole * part / whole);
}

/* bytes in span_ns, when there were `bytes` in ns. */
static uint64_t
project(uint64_t bytes, uint64_t ns, uint64_t span_ns)
{
	double value =
	    ns == 0 ? 0 : (double)bytes / (double)ns * (double)span_ns;

	return value < 0x1p63 ? (uint64_t)value : UINT64_MAX;
}

/* Of a way as long as this. */
static uint64_t
clamp_runway(uint64_t runway, uint64_t way)
{
	runway = most(runway, share(way, RUNWAY_LEAST, WHOLE));
	return least(runway, share(way, RUNWAY_MOST, WHOLE));
}

/* How far the heap may grow by GCM_PERCENT and GCM_MINHEAP. */
static uint64_t
find_way(const struct gcm_pace_facts *facts, uint64_t runway)
{
	uint64_t reach = subtract(facts->min_heap, facts->live);
	uint64_t known = subtract(facts->live, facts->allocated / 2), way;

	if (facts->percent < 0)
		return UINT64_MAX;
	known = add(known, add(facts->stacks, facts->globals));
	way = share(known, (uint64_t)facts->percent, WHOLE);
	way = most(way, WAY_MIN);
	if (way - clamp_runway(runway, way) >= reach)
		return way;
	/* The cycle begins at min_heap; the way is what then has this share. */
	return add(reach, least(most(runway, share(reach, RUNWAY_LEAST,
						 WHOLE - RUNWAY_LEAST)),
			      share(reach, RUNWAY_MOST, WHOLE - RUNWAY_MOST)));
}

/* How far the memory limit lets it grow. */
static uint64_t
find_room(const struct gcm_pace_facts *facts, uint64_t runway)
{
	uint64_t used = add(facts->live, facts->metadata);
	uint64_t room = subtract(facts->mem_limit, used);
	uint64_t rest_ns = facts->cpu_ns == 0
			       ? facts->mark_ns
			       : least(facts->cpu_ns, facts->mark_ns);
	uint64_t made = most(project(facts->allocated, facts->mark_ns, rest_ns),
	    project(facts->grown, most(facts->interval_ns, facts->mark_ns / 2),
		rest_ns));

	room = least(
	    subtract(room, facts->limbo), room / ((uint64_t)facts->grace + 1));
	return most(room, most(add(made, runway), WAY_MIN));
}

void
gcm_pace_next(struct gcm_pace *pace, const struct gcm_pace_facts *facts)
{
	uint64_t way, room, margin;

	pace->runway =
	    most(add(facts->allocated, facts->late), share(pace->runway, 3, 4));
	way = find_way(facts, pace->runway);
	room = facts->mem_limit == UINT64_MAX ? UINT64_MAX
					      : find_room(facts, pace->runway);
	pace->limited = room < way;
	way = least(room, way);
	pace->goal = add(facts->live, way);
	if (pace->goal == UINT64_MAX) {
		pace->trigger = pace->assist = UINT64_MAX;
		return;
	}
	pace->trigger = pace->goal - clamp_runway(pace->runway, way);
	if (!pace->limited && facts->percent >= 0) /* rounded */
		pace->trigger = most(pace->trigger, facts->min_heap);
	margin = most(share(way, ASSIST, WHOLE), ASSIST_MIN);
	pace->assist = add(pace->goal, margin);
}

void
gcm_pace_first(struct gcm_pace *pace, int64_t percent, uint64_t min_heap,
    uint64_t mem_limit)
{
	struct gcm_pace_facts facts = {
	    .percent = percent,
	    .min_heap = min_heap,
	    .mem_limit = mem_limit,
	};

	*pace = (struct gcm_pace){0};
	gcm_pace_next(pace, &facts);
}

bool
gcm_pace_is_due(uint64_t now_ns, uint64_t last_ns, int64_t interval_ns)
{
	return interval_ns >= 0 && now_ns >= last_ns &&
	       now_ns - last_ns >= (uint64_t)interval_ns;
}
