/* unit/pace.c -- the pacer, against programs made of numbers
 *
 * A simulated program allocates at some rate and keeps some of it; a simulated
 * marker reads what is reachable at some speed.  A hundred cycles each.
 */
#include "unit.h"

#include "core/option.h"
#include "core/pace.h"

#define MB (1ull << 20)
#define MS 1000000ull
#define STEP (64ull << 10) /* counted by a thread for itself */

enum {
	CYCLES = 100,
	GRACE_MOST = 3
};

struct sim {
	struct gcm_pace pace;
	struct gcm_pace_facts facts;
	uint64_t rate, speed; /* bytes a ms: made, marked */
	uint64_t reachable;   /* bytes */
	uint64_t nthreads;
	uint64_t limbo[GRACE_MOST]; /* youngest first */
	uint64_t heap;
	uint64_t goal;          /* of the cycle that ended last */
	uint64_t start, marked; /* heap then */
	uint64_t footprint;     /* heap and limbo at most */
	uint64_t busy_ns, idle_ns;
};

static struct sim sim;
static uint64_t seed;

static void
begin(void)
{
	seed = 1;
	memset(&sim, 0, sizeof(sim));
	sim.rate = MB / 10; /* 100 MB/s */
	sim.speed = MB;     /* 1 GB/s */
	sim.reachable = 8 * MB;
	sim.nthreads = 1;
	sim.facts.percent = 100;
	sim.facts.min_heap = 4 * MB;
	sim.facts.mem_limit = UINT64_MAX;
	sim.facts.grace = 1;
	gcm_pace_first(&sim.pace, 100, 4 * MB, UINT64_MAX);
}

static uint64_t
sum_limbo(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < sim.facts.grace; i++)
		sum += sim.limbo[i];
	return sum;
}

/* What is reachable is made when it first is. */
static void
grow(void)
{
	uint64_t before = sim.heap;

	if (sim.heap < sim.reachable)
		sim.heap = sim.reachable;
	if (sim.heap < sim.pace.trigger)
		sim.heap = sim.pace.trigger;
	sim.facts.grown = sim.heap - before;
	sim.facts.interval_ns = sim.facts.grown * MS / sim.rate + 1;
	sim.idle_ns += sim.facts.interval_ns;
	sim.facts.late = sim.heap - sim.pace.trigger;
	sim.start = sim.heap;
}

/* Threads notice the line of assist a step late. */
static void
mark(void)
{
	uint64_t ns = (sim.reachable + MB / 10) * MS / sim.speed;
	uint64_t made = ns * sim.rate / MS;
	uint64_t most = sim.pace.assist + sim.nthreads * STEP;

	if (sim.heap + made > most)
		made = most > sim.heap ? most - sim.heap : 0;
	sim.facts.mark_ns = sim.facts.cpu_ns = ns;
	sim.facts.allocated = made;
	sim.heap += made;
	sim.marked = sim.heap;
	sim.busy_ns += ns;
	if (sim.heap + sum_limbo() > sim.footprint)
		sim.footprint = sim.heap + sum_limbo();
}

static void
sweep(void)
{
	sim.facts.live = sim.reachable + sim.facts.allocated;
	for (uint32_t i = GRACE_MOST - 1; i > 0; i--)
		sim.limbo[i] = sim.limbo[i - 1];
	sim.limbo[0] = sim.heap - sim.facts.live;
	sim.facts.limbo = sum_limbo();
	sim.heap = sim.facts.live;
}

/* What must be so whatever the facts. */
static void
check_pace(void)
{
	const struct gcm_pace *pace = &sim.pace;

	UNIT_CHECK(pace->trigger <= pace->goal);
	UNIT_CHECK(pace->goal <= pace->assist);
	if (pace->goal == UINT64_MAX)
		return;
	UNIT_CHECK(pace->goal < pace->assist || pace->assist == UINT64_MAX);
	UNIT_CHECK(pace->goal > sim.facts.live);
	UNIT_CHECK(pace->trigger - sim.facts.live >=
		   (pace->goal - sim.facts.live) / 10 * 69 / 10);
	if (!pace->limited && sim.facts.percent >= 0) {
		UNIT_CHECK(pace->trigger >= sim.facts.min_heap);
		UNIT_CHECK(pace->trigger - sim.facts.live <=
			   (pace->goal - sim.facts.live) / 10 * 96 / 10 + 100);
	}
}

static void
run_cycle(void)
{
	grow();
	mark();
	sweep();
	sim.goal = sim.pace.goal;
	gcm_pace_next(&sim.pace, &sim.facts);
	check_pace();
}

static void
check_goal_kept(void)
{
	ck_assert_msg(sim.marked <= sim.goal + sim.goal / 10,
	    "the heap is %llu KiB, the goal was %llu KiB",
	    (unsigned long long)(sim.marked >> 10),
	    (unsigned long long)(sim.goal >> 10));
}

START_TEST(steady)
{
	static const uint64_t rates[] = {MB / 1000, MB / 10, MB / 2, 2 * MB};
	uint64_t before = 0;

	sim.rate = rates[_i];
	for (int i = 0; i < CYCLES; i++) {
		run_cycle();
		if (i >= 5)
			check_goal_kept();
		if (i == CYCLES - 2)
			before = sim.pace.goal;
	}
	ck_assert_uint_le(sim.pace.goal, before + before / 100);
	ck_assert_uint_ge(sim.pace.goal, before - before / 100);
}
END_TEST

/* Marking ends at the goal, not long before. */
START_TEST(no_sooner_than_needed)
{
	for (int i = 0; i < CYCLES; i++)
		run_cycle();
	ck_assert_uint_ge(sim.marked, sim.goal / 100 * 97);
	ck_assert_uint_le(sim.marked, sim.goal / 100 * 103);
}
END_TEST

START_TEST(the_formula)
{
	sim.facts.live = 100 * MB;
	sim.facts.stacks = 3 * MB;
	sim.facts.globals = 7 * MB;
	sim.facts.limbo = 50 * MB; /* no matter */
	gcm_pace_next(&sim.pace, &sim.facts);
	ck_assert_uint_eq(sim.pace.goal, 210 * MB);
	ck_assert_uint_eq(sim.pace.trigger, 210 * MB - 110 * MB / 20);
	sim.facts.percent = 50;
	sim.facts.allocated = 10 * MB;
	gcm_pace_next(&sim.pace, &sim.facts);
	ck_assert_uint_eq(sim.pace.goal, (100 + 105 / 2) * MB + MB / 2);
	ck_assert_uint_eq(sim.pace.trigger, sim.pace.goal - 10 * MB);
	sim.facts.late = 90 * MB;
	gcm_pace_next(&sim.pace, &sim.facts);
	ck_assert_uint_eq(sim.pace.trigger,
	    sim.pace.goal - (sim.pace.goal - 100 * MB) / 100 * 30 -
		(sim.pace.goal - 100 * MB) % 100 * 30 / 100);
}
END_TEST

START_TEST(a_burst_is_remembered)
{
	sim.facts.live = 100 * MB;
	sim.facts.allocated = 20 * MB;
	gcm_pace_next(&sim.pace, &sim.facts);
	sim.facts.allocated = 0;
	gcm_pace_next(&sim.pace, &sim.facts);
	ck_assert_uint_eq(sim.pace.trigger, 185 * MB);
	for (int i = 0; i < 10; i++)
		gcm_pace_next(&sim.pace, &sim.facts);
	ck_assert_uint_eq(sim.pace.trigger, 195 * MB);
}
END_TEST

START_TEST(rates_step)
{
	for (int i = 0; i < CYCLES; i++) {
		if (i % 20 == 10)
			sim.rate *= 10;
		if (i % 20 == 0)
			sim.rate = MB / 20;
		run_cycle();
		if (i % 10 >= 3)
			check_goal_kept();
	}
}
END_TEST

START_TEST(what_lives_steps)
{
	for (int i = 0; i < CYCLES; i++) {
		sim.reachable = (i / 10 % 2 == 0 ? 8 : 80) * MB;
		run_cycle();
		if (i % 10 < 4)
			continue;
		check_goal_kept();
		ck_assert_uint_le(sim.pace.goal, sim.reachable * 5 / 2);
		ck_assert_uint_ge(sim.pace.goal, sim.reachable * 2);
	}
}
END_TEST

START_TEST(jitter)
{
	int over = 0;

	for (int i = 0; i < CYCLES; i++) {
		sim.rate = MB / 20 + rig_below(&seed, MB / 5);
		sim.speed = MB / 2 + rig_below(&seed, MB);
		sim.reachable = (60 + rig_below(&seed, 10)) * MB;
		run_cycle();
		over += i >= 5 && sim.marked > sim.goal + sim.goal / 10;
	}
	ck_assert_int_eq(over, 0);
}
END_TEST

/* Nothing is ever freed, and everything is lost at once. */
START_TEST(leak)
{
	uint64_t made = 0;

	sim.rate = MB;
	for (int i = 0; i < CYCLES; i++) {
		uint64_t before = sim.heap;

		run_cycle();
		made += sim.marked - before;
		if (i >= 5)
			check_goal_kept();
	}
	ck_assert_uint_le(sim.footprint, 45 * MB);
	ck_assert_uint_ge(made / CYCLES, 8 * MB);
}
END_TEST

START_TEST(leak_with_grace)
{
	sim.facts.grace = (uint32_t)_i;
	for (int i = 0; i < CYCLES; i++)
		run_cycle();
	ck_assert_uint_le(sim.footprint, (8 + 9 * ((uint64_t)_i + 1) + 4) * MB);
}
END_TEST

START_TEST(sawtooth)
{
	for (int i = 0; i < CYCLES; i++) {
		sim.reachable = (10 + (uint64_t)(i % 10) * 10) * MB;
		run_cycle();
		ck_assert_uint_le(sim.marked, 240 * MB);
	}
	ck_assert_uint_le(sim.footprint, 360 * MB);
}
END_TEST

START_TEST(many_threads)
{
	sim.reachable = 200 * MB;
	for (int i = 0; i < CYCLES; i++) {
		sim.nthreads = 1 + rig_below(&seed, 64);
		sim.rate = sim.nthreads * MB / 10;
		run_cycle();
		if (i < 3)
			continue;
		ck_assert_uint_le(
		    sim.marked, sim.goal + sim.goal / 10 + sim.nthreads * STEP);
	}
	/* It may outrun the marker; what waits keeps the heap bounded. */
	ck_assert_uint_le(sim.pace.goal, 700 * MB);
}
END_TEST

/* The heap grows, and stands: what comes is freed by the program. */
START_TEST(a_program_that_frees)
{
	uint64_t stand = (5 + (uint64_t)_i * 3) * MB, heap;
	int late = 0;

	for (heap = MB; heap < stand; heap += STEP)
		if (heap >= sim.pace.trigger) {
			sim.facts.live = heap;
			gcm_pace_next(&sim.pace, &sim.facts);
			check_pace();
		}
	for (int i = 0; i < CYCLES * 100; i++) {
		heap = stand - stand / 10 + rig_below(&seed, stand / 10);
		if (heap < sim.pace.trigger)
			continue;
		late++; /* at most the growth to its height */
		sim.facts.live = heap;
		gcm_pace_next(&sim.pace, &sim.facts);
	}
	ck_assert_int_le(late, 1);
}
END_TEST

START_TEST(memory_limit)
{
	sim.facts.mem_limit = 100 * MB;
	sim.facts.metadata = 4 * MB;
	sim.facts.percent = _i % 2 == 0 ? GCM_OFF : 1000;
	sim.facts.grace = (uint32_t)_i / 2;
	sim.reachable = 40 * MB;
	gcm_pace_first(&sim.pace, sim.facts.percent, 4 * MB, 100 * MB);
	ck_assert_uint_le(sim.pace.assist, 110 * MB);
	for (int i = 0; i < CYCLES; i++) {
		uint64_t before = sim.pace.goal;

		run_cycle();
		if (i == 10)
			sim.footprint = 0;
		if (i < 10)
			continue;
		ck_assert(sim.pace.limited);
		/* All ways are as long as the others. */
		ck_assert_uint_le(sim.pace.goal, before + before / 100);
		ck_assert_uint_le(sim.marked, sim.goal + sim.goal / 50);
	}
	ck_assert_uint_le(sim.footprint + 4 * MB, 102 * MB);
	ck_assert_uint_ge(sim.footprint + 4 * MB, 80 * MB);
}
END_TEST

/* What lives is more than the limit: half of the time is the program's. */
START_TEST(over_the_limit)
{
	sim.facts.mem_limit = 10 * MB;
	sim.reachable = (8 + (uint64_t)_i * 40) * MB;
	sim.rate = MB / 2;
	for (int i = 0; i < CYCLES; i++) {
		run_cycle();
		if (i == 5)
			sim.busy_ns = sim.idle_ns = 0;
	}
	ck_assert_uint_le(sim.busy_ns, sim.idle_ns + sim.idle_ns / 20);
	ck_assert(sim.pace.limited);
}
END_TEST

START_TEST(limbo_is_memory)
{
	sim.facts.live = 20 * MB;
	sim.facts.mem_limit = 100 * MB;
	sim.facts.limbo = 70 * MB;
	gcm_pace_next(&sim.pace, &sim.facts);
	ck_assert_uint_eq(sim.pace.goal, 30 * MB);
	sim.facts.limbo = 200 * MB;
	gcm_pace_next(&sim.pace, &sim.facts);
	ck_assert_uint_eq(sim.pace.goal, 20 * MB + STEP);
}
END_TEST

START_TEST(the_limit_is_far)
{
	struct gcm_pace with = {0}, without = {0};

	sim.facts.live = 20 * MB;
	gcm_pace_next(&without, &sim.facts);
	sim.facts.mem_limit = 1000 * MB;
	gcm_pace_next(&with, &sim.facts);
	ck_assert(!with.limited);
	ck_assert_uint_eq(with.goal, without.goal);
	ck_assert_uint_eq(with.trigger, without.trigger);
}
END_TEST

START_TEST(percent_off)
{
	gcm_pace_first(&sim.pace, GCM_OFF, 4 * MB, UINT64_MAX);
	ck_assert_uint_eq(sim.pace.trigger, UINT64_MAX);
	ck_assert_uint_eq(sim.pace.assist, UINT64_MAX);
	sim.facts.percent = GCM_OFF;
	sim.facts.live = sim.facts.allocated = 100 * MB;
	gcm_pace_next(&sim.pace, &sim.facts);
	ck_assert_uint_eq(sim.pace.trigger, UINT64_MAX);
	ck_assert_uint_eq(sim.pace.assist, UINT64_MAX);
}
END_TEST

START_TEST(tiny_percent)
{
	sim.facts.percent = 1;
	sim.reachable = 100 * MB;
	sim.rate = MB / 100;
	for (int i = 0; i < CYCLES; i++) {
		run_cycle();
		if (i < 5)
			continue;
		check_goal_kept();
		ck_assert_uint_le(sim.pace.goal, 104 * MB);
	}
	sim.reachable = 100;
	sim.facts.min_heap = 0;
	for (int i = 0; i < CYCLES; i++)
		run_cycle();
	ck_assert_uint_ge(sim.pace.trigger - sim.facts.live, STEP * 7 / 10);
}
END_TEST

START_TEST(the_least_heap)
{
	sim.reachable = 100;
	for (int i = 0; i < CYCLES; i++) {
		sim.rate = MB / 100 << rig_below(&seed, 8);
		run_cycle();
		ck_assert_uint_ge(sim.start, 4 * MB);
		ck_assert_uint_le(sim.marked, 6 * MB);
	}
	ck_assert_uint_lt(sim.pace.goal, 6 * MB);
	gcm_pace_first(&sim.pace, 100, 0, UINT64_MAX);
	ck_assert_uint_gt(sim.pace.trigger, 0);
}
END_TEST

/* Any numbers at all. */
START_TEST(nothing_overflows)
{
	static const uint64_t values[] = {0, 1, 2, 99, 1ull << 20, 1ull << 32,
	    1ull << 50, 1ull << 62, 1ull << 63, UINT64_MAX - 1, UINT64_MAX};
	static const int64_t percents[] = {GCM_OFF, 1, 100, 100000};
	uint64_t *fields[] = {&sim.facts.live, &sim.facts.stacks,
	    &sim.facts.globals, &sim.facts.limbo, &sim.facts.metadata,
	    &sim.facts.mark_ns, &sim.facts.allocated, &sim.facts.late,
	    &sim.facts.cpu_ns, &sim.facts.interval_ns, &sim.facts.grown,
	    &sim.facts.min_heap, &sim.facts.mem_limit};

	for (int i = 0; i < 200000; i++) {
		for (unsigned int k = 0; k < RIG_COUNT(fields); k++)
			*fields[k] =
			    values[rig_below(&seed, RIG_COUNT(values))];
		sim.facts.percent = percents[rig_below(&seed, 4)];
		sim.facts.grace = (uint32_t)rig_below(&seed, 4);
		gcm_pace_next(&sim.pace, &sim.facts);
		UNIT_CHECK(sim.pace.trigger <= sim.pace.goal);
		UNIT_CHECK(sim.pace.goal <= sim.pace.assist);
		UNIT_CHECK(sim.pace.goal > sim.facts.live ||
			   sim.facts.live == UINT64_MAX);
		UNIT_CHECK(sim.pace.trigger > sim.facts.live ||
			   sim.facts.live == UINT64_MAX);
	}
}
END_TEST

START_TEST(forced_by_time)
{
	ck_assert(!gcm_pace_is_due(1000, 0, GCM_OFF));
	ck_assert(!gcm_pace_is_due(UINT64_MAX, 0, GCM_OFF));
	ck_assert(!gcm_pace_is_due(999, 0, 1000));
	ck_assert(gcm_pace_is_due(1000, 0, 1000));
	ck_assert(!gcm_pace_is_due(10, 11, 1000)); /* another CPU's clock */
	ck_assert(gcm_pace_is_due(UINT64_MAX, 1, INT64_MAX));
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, begin, NULL);
	tcase_add_loop_test(tcase, steady, 0, 4);
	tcase_add_test(tcase, no_sooner_than_needed);
	tcase_add_test(tcase, the_formula);
	tcase_add_test(tcase, a_burst_is_remembered);
	tcase_add_test(tcase, rates_step);
	tcase_add_test(tcase, what_lives_steps);
	tcase_add_test(tcase, jitter);
	tcase_add_test(tcase, leak);
	tcase_add_loop_test(tcase, leak_with_grace, 0, GRACE_MOST + 1);
	tcase_add_test(tcase, sawtooth);
	tcase_add_test(tcase, many_threads);
	tcase_add_loop_test(tcase, a_program_that_frees, 0, 20);
	tcase_add_loop_test(tcase, memory_limit, 0, 8);
	tcase_add_loop_test(tcase, over_the_limit, 0, 3);
	tcase_add_test(tcase, limbo_is_memory);
	tcase_add_test(tcase, the_limit_is_far);
	tcase_add_test(tcase, percent_off);
	tcase_add_test(tcase, tiny_percent);
	tcase_add_test(tcase, the_least_heap);
	tcase_add_test(tcase, nothing_overflows);
	tcase_add_test(tcase, forced_by_time);
}

UNIT_MAIN("pace", add_tests)
