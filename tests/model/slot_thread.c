/* model/slot_thread.c -- what the program's threads do: malloc, refill, free */
#include "slot.h"

/* malloc ---------------------------------------------------------------- */

/* The block is the program's: from here on it may look into it. */
static void
return_block(struct state *s, struct thread *t)
{
	t->pc = HAS;
	t->now = t->seen = t->told = 0;
	s->missed = 0;
	s->known = s->collector >= TELL_NONE; /* written after ARM */
}

/* Nobody ever saw it. */
static void
drop_slot(struct thread *t)
{
	t->pc = IDLE;
	t->slot = t->now = t->seen = t->told = 0;
}

static bool
is_same_colour(const struct thread *t)
{
	return slot_has_rule(NARROW) ? t->now == t->colour : !t->told;
}

static void
step_malloc(struct state s, int who)
{
	struct thread *t = &s.threads[who];

	switch (t->pc) {
	case POPPED:
		t->now = t->colour;
		t->told = 0;
		t->pc = COLOURED;
		emit(s, BOTH(who, "malloc reads the colour"));
		break;
	case COLOURED:
		s.state = t->now;
		t->pc = STORED;
		emit(s, BOTH(who, "malloc stores the state"));
		break;
	case STORED:
	case RACED_AGAIN:
		if (is_same_colour(t) || slot_has_rule(NO_RECHECK))
			return_block(&s, t);
		else
			t->pc = slot_has_rule(LARGE) ? POPPED : RACED;
		if (t->pc == RACED && slot_has_rule(RACED_DROP))
			drop_slot(t);
		emit(s, BOTH(who, "malloc reads the colour again"));
		break;
	case RACED: /* now: what it has stored */
		t->seen = t->now;
		t->now = t->colour;
		t->told = 0;
		t->pc = RACED_CAS;
		if (slot_has_rule(RACED_LOOP)) {
			t->seen = 0;
			t->pc = RACED_STATE;
		}
		emit(s, BOTH(who, "raced malloc reads the colour"));
		break;
	case RACED_STATE:
		t->seen = s.state;
		t->pc = t->seen == t->now ? RACED_AGAIN : RACED_CAS;
		if ((t->seen & GCM_ALLOC) == 0)
			drop_slot(t);
		emit(s, BOTH(who, "raced malloc reads the state"));
		break;
	default:
		if (s.state == t->seen || slot_has_rule(RACED_STORE)) {
			s.state = t->now;
			t->seen = 0;
			t->pc = RACED_AGAIN;
		} else if (slot_has_rule(RACED_LOOP)) {
			t->seen = 0;
			t->pc = RACED_STATE;
		} else {
			drop_slot(t);
		}
		emit(s, BOTH(who, "raced malloc swaps the state"));
	}
}

/* What a thread does with nothing, or with a block. */
static void
step_idle(struct state s, int who)
{
	struct thread *t = &s.threads[who];
	struct state was = s;

	if (t->bin) {
		t->bin = 0;
		t->slot = 1;
		t->pc = POPPED;
		emit(s, BOTH(who, "malloc pops the slot"));
	} else if (who == OWNER && s.hint) {
		s.hint = 0;
		t->pc = HARVEST;
		emit(s, BOTH(who, "refill takes the hint"));
	}
	s = was;
	if (s.variable) {
		s.variable = 0;
		t->slot = 1;
		t->pc = HAS;
		emit(s, BOTH(who, "the program loads its pointer"));
	}
	s = was;
	if (s.hidden) {
		s.hidden = 0;
		t->slot = 1;
		t->pc = HAS;
		emit(s, BOTH(who, "the program reveals its pointer"));
	}
}

static void
step_refill(struct state s, int who)
{
	struct thread *t = &s.threads[who];

	if (t->pc == HARVEST) {
		t->pc = s.state == GCM_FREE ? HARVESTED : IDLE;
		emit(s, BOTH(who, "refill reads the state"));
	} else {
		s.state = GCM_CACHED;
		t->bin = 1;
		t->pc = IDLE;
		emit(s, BOTH(who, "refill stores CACHED"));
	}
}

/* free ------------------------------------------------------------------ */

/* free() has read the state. */
static void
begin_free(struct state s, int who)
{
	struct thread *t = &s.threads[who];

	if ((s.state & GCM_ALLOC) != 0) {
		t->pc = FREE_KEEP;
		if (who == OWNER || !slot_has_rule(NO_KEEP))
			emit(s,
			    BOTH(who, "free sees ALLOC, and keeps the slot"));
		if (who == OWNER)
			return;
		t->pc = slot_has_rule(HINT_FIRST) ? FREE_HINT : FREE_STORE;
		emit(s, BOTH(who, "free sees ALLOC, and gives the slot back"));
	} else if (gcm_state_is_limbo(s.state)) {
		t->pc = REVIVE;
		t->seen = s.state;
		emit(s, BOTH(who, "free sees LIMBO"));
	} else {
		s.broken = DOUBLE_FREE;
		emit(s, BOTH(who, "free sees no block"));
	}
}

static void
step_has(struct state s, int who)
{
	struct thread *t = &s.threads[who];
	struct state was = s;

	begin_free(s, who);
	t->slot = 0;
	t->pc = IDLE;
	s.variable = 1;
	emit(s, BOTH(who, "the program stores its pointer"));
	s = was;
	if (slot_has_rule(HIDING)) {
		t->slot = 0;
		t->pc = IDLE;
		s.hidden = 1;
		emit(s, BOTH(who, "the program hides its pointer"));
	}
}

static void
end_free(struct state *s, struct thread *t)
{
	t->pc = IDLE;
	t->slot = t->now = t->seen = 0;
	s->missed = 0;
}

static void
step_free(struct state s, int who)
{
	struct thread *t = &s.threads[who];

	switch (t->pc) {
	case FREE_KEEP:
		s.state = GCM_CACHED;
		t->bin = 1;
		end_free(&s, t);
		emit(s, BOTH(who, "free stores CACHED"));
		break;
	case FREE_STORE:
		s.state = GCM_FREE;
		t->pc = FREE_HINT;
		if (slot_has_rule(HINT_FIRST))
			end_free(&s, t);
		emit(s, BOTH(who, "free stores FREE"));
		break;
	case FREE_HINT:
		s.hint = 1;
		if (slot_has_rule(HINT_FIRST))
			t->pc = FREE_STORE;
		else
			end_free(&s, t);
		emit(s, BOTH(who, "free sets the hint"));
		break;
	case REVIVED:
		s.alarmed = 1;
		t->pc = HAS;
		t->now = t->seen = 0;
		emit(s, BOTH(who, "late free raises the alarm"));
		break;
	case REVIVE:
		s.alarmed |= !slot_has_rule(ALARM_LATE);
		t->now = s.none;
		t->pc = REVIVE_CAS;
		emit(s, BOTH(who, "late free reads the colour"));
		break;
	default:
		if (s.state == t->seen) {
			s.state = t->now;
			if (slot_has_rule(ALARM_LATE)) {
				t->pc = REVIVED;
				emit(s, BOTH(who, "late free swaps the state"));
				return;
			}
		}
		t->pc = HAS; /* once more */
		t->now = t->seen = 0;
		emit(s, BOTH(who, "late free swaps the state"));
	}
}

void
slot_step_thread(const struct state *s, int who)
{
	switch (s->threads[who].pc) {
	case IDLE:
		step_idle(*s, who);
		break;
	case HARVEST:
	case HARVESTED:
		step_refill(*s, who);
		break;
	case HAS:
		step_has(*s, who);
		break;
	case FREE_STORE:
	case FREE_KEEP:
	case FREE_HINT:
	case REVIVE:
	case REVIVE_CAS:
	case REVIVED:
		step_free(*s, who);
		break;
	default:
		step_malloc(*s, who);
	}
}
