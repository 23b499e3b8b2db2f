/* model/slot_collector.c -- what the collector does: colours, mark, sweep */
#include "slot.h"

static void
give_up(struct state s, const char *step)
{
	if (slot_has_rule(NEVER_GIVEN_UP))
		return;
	if (slot_has_rule(FEW_GIVEN_UP) &&
	    s.given_up >= 2 + !slot_has_rule(COUNT_AT_END))
		return;
	s.collector = REST;
	s.active = s.seen = 0;
	if (slot_has_rule(COUNT_AT_END) && s.given_up < 4)
		s.given_up++;
	emit(s, step);
}

/* Only a thread that has read a colour can tell the difference. */
static void
tell_cache(struct thread *t, uint8_t colour)
{
	t->colour = colour;
	t->told |= t->pc > POPPED && t->pc <= RACED_AGAIN;
}

static void
take_colour(struct state s)
{
	bool recolour = s.given_up >= (slot_has_rule(RECOLOUR_LATE) ? 4 : 3) &&
			!slot_has_rule(NO_RECOLOUR);
	uint8_t before = s.colour;

	if (!slot_has_rule(COUNT_AT_END) && s.given_up < 4)
		s.given_up++;
	s.colour = (s.colour + 1) & GCM_COLOUR;
	s.collector = recolour ? RECOLOUR : ARM;
	if (recolour && !slot_has_rule(UNTOLD)) {
		s.none = (uint8_t)(GCM_ALLOC | before);
		for (int i = 0; i < THREADS; i++)
			tell_cache(&s.threads[i], s.none);
	}
	emit(s, recolour ? "collector takes a colour; recolours"
			 : "collector takes a colour");
}

static uint8_t
reached_state(uint8_t state, uint8_t now)
{
	if ((state & GCM_ALLOC) != 0 || gcm_state_is_limbo(state))
		return (uint8_t)(GCM_ALLOC | now);
	return state;
}

static void
mark_block(struct state *s)
{
	uint8_t next = reached_state(s->state, s->colour);

	if (next != s->state) {
		s->state = next;
		s->known = 1;
	}
}

static void
stop_world(struct state s)
{
	bool reached = s.variable;

	for (int i = 0; i < THREADS; i++)
		reached |= s.threads[i].slot && !slot_has_rule(NO_REGISTERS);
	if (reached)
		mark_block(&s);
	if (reached && (s.variable || slot_program_has(&s)) &&
	    (s.state & GCM_ALLOC) != 0 && !s.known)
		s.passed = 1;
	if (reached || !slot_program_has(&s))
		s.missed = 0;
	else if (s.missed < 4)
		s.missed++;
	if (s.missed > (slot_rules & GRACE))
		return; /* hidden for so long: all bets are off */
	s.collector = SWEEP_BEGIN;
	emit(s, "world stopped: all roots");
}

/* core/sweep.c: next_state. */
static uint8_t
swept_state(uint8_t state, uint8_t now, bool reclaim)
{
	unsigned int age = (unsigned int)(now - state) & GCM_COLOUR;
	unsigned int grace = slot_rules & GRACE;

	if (gcm_state_is_limbo(state))
		return reclaim && age >= grace && age > 0 ? GCM_FREE : state;
	if ((state & GCM_ALLOC) == 0 || age == 0)
		return state;
	return grace == 0 && reclaim ? GCM_FREE : (uint8_t)(GCM_LIMBO | now);
}

static void
end_cycle(struct state *s)
{
	s->collector = REST;
	s->given_up = s->active = s->seen = s->reclaim = 0;
}

static void
step_sweep(struct state s)
{
	uint8_t next = swept_state(s.seen, s.colour, s.reclaim);

	switch (s.collector) {
	case SWEEP_BEGIN:
		s.reclaim = !s.alarmed && !slot_has_rule(REPORT);
		if (s.passed && s.reclaim)
			s.broken = PASSED_OVER;
		s.passed = 0;
		s.collector = SWEEP;
		emit(s, "sweep begins");
		break;
	case SWEEP:
		s.seen = s.state;
		s.collector = SWEEP_CAS;
		if (swept_state(s.seen, s.colour, s.reclaim) == s.seen)
			end_cycle(&s);
		emit(s, "sweep reads the state");
		break;
	case SWEEP_CAS:
		if (s.state != s.seen && !slot_has_rule(SWEEP_STORE)) {
			s.collector = SWEEP;
			s.seen = 0;
		} else {
			s.state = next;
			s.collector = SWEEP_HINT;
			if (next != GCM_FREE)
				end_cycle(&s);
		}
		emit(s, next == GCM_FREE ? "sweep swaps in FREE"
					 : "sweep swaps in LIMBO");
		break;
	default:
		s.hint = 1;
		end_cycle(&s);
		emit(s, "sweep sets the hint");
	}
}

static void
step_recolour(struct state s)
{
	if (s.collector == RECOLOUR) {
		s.seen = s.state;
		s.collector = RECOLOUR_CAS;
		if ((s.seen & GCM_ALLOC) == 0 ||
		    (s.seen & GCM_COLOUR) != s.colour) {
			s.collector = ARM;
			s.seen = 0;
		}
		emit(s, "recolouring reads the state");
		return;
	}
	s.collector = s.state == s.seen ? ARM : RECOLOUR;
	if (s.state == s.seen)
		s.state = (uint8_t)(GCM_ALLOC | ((s.colour - 1) & GCM_COLOUR));
	s.seen = 0;
	emit(s, "recolouring swaps the state");
}

static void
step_mark(struct state s)
{
	if (s.collector == MARK) {
		s.collector = STOP;
		emit(s, "marking finds nothing");
		if (!s.variable)
			return;
		s.seen = s.state;
		s.collector = MARK_CAS;
		emit(s, "marking finds the pointer, reads the state");
		return;
	}
	s.collector = STOP;
	if (s.state == s.seen || slot_has_rule(MARK_STORE)) {
		s.state = s.seen;
		mark_block(&s);
	} else {
		s.collector = MARK; /* the pointer may have gone, too */
	}
	s.seen = 0;
	emit(s, "marking swaps the state");
}

void
slot_step_collector(const struct state *before)
{
	struct state s = *before;
	uint8_t now = (uint8_t)(GCM_ALLOC | s.colour);

	if (s.collector > RECOLOUR_CAS && s.collector <= STOP)
		give_up(s, s.collector <= TELL_NONE
			       ? "collector gives up before it has told anybody"
			       : "collector gives up");
	switch (s.collector) {
	case REST:
		take_colour(s);
		return;
	case RECOLOUR:
	case RECOLOUR_CAS:
		step_recolour(s);
		return;
	case ARM:
		s.active = 1;
		s.known = 0;
		s.collector = TELL_NONE;
		emit(s, "collector arms the tracking of writes");
		return;
	case TELL_NONE:
		s.none = now;
		s.collector = TELL_OWNER;
		emit(s, "collector tells the colour to gcm_cache_none");
		return;
	case TELL_OWNER:
		tell_cache(&s.threads[OWNER], now);
		s.collector = TELL_OTHER;
		emit(s, "collector tells the colour to owner");
		return;
	case TELL_OTHER:
		tell_cache(&s.threads[OTHER], now);
		s.collector = MARK;
		emit(s, "collector tells the colour to other");
		return;
	case MARK:
	case MARK_CAS:
		step_mark(s);
		return;
	case STOP:
		stop_world(s);
		return;
	default:
		step_sweep(s);
	}
}

/* A forked child of the owner's: no collector, the other's slots adopted. */
void
slot_fork(const struct state *parent)
{
	struct state s = *parent;
	struct thread *other = &s.threads[OTHER];

	if (other->pc != IDLE || s.collector == REST)
		return;
	if (other->bin) {
		s.state = GCM_FREE;
		other->bin = 0;
	}
	s.hint = 1;
	if (s.given_up < 4 && s.active && slot_has_rule(COUNT_AT_END))
		s.given_up++;
	s.collector = REST;
	s.active = s.seen = s.reclaim = s.passed = 0;
	emit(s, "the owner forks: this is the child");
}
