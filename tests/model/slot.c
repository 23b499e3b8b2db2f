/* model/slot.c -- one slot, two threads, the collector: every order of steps
 *
 * MODEL   Each step is one access to memory that others see, so a thread may be
 *         preempted anywhere, also through whole cycles.  The names are those
 *         of core/table.h, the steps those of core/cache.h and cache.c (malloc,
 *         free), span.c (harvest), cycle.c (take_colour), sweep.c and mark.c.
 *         Thread OWNER owns the span of the slot; thread OTHER frees the block
 *         by store, or keeps the slot in a bin of its own.  The program keeps
 *         the block in a variable that the collector reads, or hides it.
 *         Nothing counts: colours go round, so the model covers any number of
 *         cycles, given up or not.
 *
 * INVARIANTS  what check says.
 */
#include "slot.h"

uint32_t slot_rules;

static void
start(void *arg)
{
	struct state *s = arg;

	s->state = GCM_FREE;
	s->hint = 1;
	s->none = GCM_ALLOC;
	for (int i = 0; i < THREADS; i++)
		s->threads[i].colour = GCM_ALLOC;
}

bool
slot_program_has(const struct state *s)
{
	for (int i = 0; i < THREADS; i++) {
		uint8_t pc = s->threads[i].pc;

		if (pc == HAS || (pc >= REVIVE && pc <= REVIVED))
			return true;
	}
	return s->variable || s->hidden;
}

static void
next(const void *arg)
{
	const struct state *s = arg;

	slot_step_thread(s, OWNER);
	if (!slot_has_rule(ONE_THREAD))
		slot_step_thread(s, OTHER);
	slot_step_collector(s);
	if (slot_has_rule(FORKS))
		slot_fork(s);
}

/* Invariants -------------------------------------------------------------- */

static bool
is_held(const struct state *s)
{
	for (int i = 0; i < THREADS; i++)
		if (s->threads[i].pc != IDLE || s->threads[i].bin)
			return true;
	return s->variable || s->hidden;
}

static int
count_hands(const struct state *s)
{
	int hands = s->variable + s->hidden;

	for (int i = 0; i < THREADS; i++) {
		const struct thread *t = &s->threads[i];

		hands += t->bin + (t->pc == HAS || t->pc == HARVESTED ||
				      t->pc == FREE_KEEP || t->pc == REVIVE ||
				      t->pc == REVIVE_CAS || t->pc == REVIVED);
	}
	return hands;
}

#define TWO_HANDS "two have the slot"
#define TAKEN "a block that the program has was taken"
#define BIN "a slot in a bin is not CACHED"
#define LOST "a free slot is lost for ever"
#define PASSED "a block was passed over: it has this cycle's colour already"
#define DOUBLE "free() of a block aborts"

static const char *
check(const void *arg, bool stuck)
{
	const struct state *s = arg;

	(void)stuck;
	if (s->broken != FINE)
		return s->broken == PASSED_OVER ? PASSED : DOUBLE;
	if (count_hands(s) > 1)
		return TWO_HANDS;
	if (slot_program_has(s) && (s->state & GCM_ALLOC) == 0 &&
	    !(gcm_state_is_limbo(s->state) && slot_has_rule(HIDING)))
		return TAKEN;
	for (int i = 0; i < THREADS; i++)
		if (s->threads[i].bin && s->state != GCM_CACHED)
			return BIN;
	if (!is_held(s) && s->collector != SWEEP_HINT &&
	    (s->state == GCM_CACHED || (s->state == GCM_FREE && !s->hint)))
		return LOST;
	return NULL;
}

static const struct explore_model model = {
    sizeof(struct state), start, next, check};

/* With a block kept in LIMBO for a cycle malloc's swap may be tried again and
 * again; at grace 0 only leaving the slot alone is safe.
 */
static const struct explore_case cases[] = {
    {"grace 1", 1 | RACED_LOOP, NULL, false},
    {"grace 2", 2 | RACED_LOOP, NULL, false},
    {"grace 3", 3 | RACED_LOOP, NULL, false},
    {"grace 0", RACED_DROP, NULL, false},
    {"grace 1, raced drop", 1 | RACED_DROP, NULL, false},
    {"grace 1, raced store", 1 | RACED_STORE, NULL, false},
    {"report", 1 | RACED_LOOP | REPORT, NULL, false},
    {"hiding", 1 | RACED_LOOP | HIDING, NULL, false},
    {"hiding, grace 2", 2 | RACED_LOOP | HIDING | NEVER_GIVEN_UP, NULL, false},
    {"forks", 1 | RACED_LOOP | FORKS, NULL, false},
    {"large", 1 | LARGE, NULL, false},
    {"two given up", 1 | NO_RECOLOUR | FEW_GIVEN_UP, NULL, false},
    {"grace 0, no keeping", RACED_LOOP | NO_KEEP, NULL, false},
    /* Broken on purpose. */
    {"grace 0, raced swap", 0, TWO_HANDS, false},
    {"grace 0, raced loop", RACED_LOOP, TWO_HANDS, false},
    {"grace 0, raced store", RACED_STORE, BIN, false},
    {"grace 0, large", LARGE, BIN, false},
    {"not recoloured", 1 | NO_RECOLOUR, PASSED, false},
    {"recoloured late", 1 | RECOLOUR_LATE, PASSED, false},
    {"given up untold", 1 | UNTOLD, PASSED, false},
    {"forks, counted at the end", 1 | FORKS | COUNT_AT_END, PASSED, false},
    {"narrow colour", 1 | RACED_LOOP | NARROW, TAKEN, false},
    {"narrow colour, raced drop", 1 | RACED_DROP | NARROW, TAKEN, false},
    {"narrow colour, grace 0", RACED_DROP | NARROW, TAKEN, false},
    {"hiding, grace 2, given up", 2 | RACED_LOOP | HIDING, TAKEN, false},
    {"late alarm", 1 | HIDING | ALARM_LATE, PASSED, false},
    {"no second look", 1 | NO_RECHECK, TAKEN, false},
    {"no registers", 1 | NO_REGISTERS, TAKEN, false},
    {"mark by store", 1 | MARK_STORE, BIN, false},
    {"sweep by store", 1 | SWEEP_STORE, TAKEN, false},
    {"hint first", 1 | HINT_FIRST, LOST, false},
};

int
main(int argc, char **argv)
{
	return explore_main(argc, argv, &model, cases,
	    sizeof(cases) / sizeof(cases[0]), &slot_rules);
}
