/* model/work.c -- markers that share their work: every order of steps
 *
 * MODEL   Three markers and six items, each found in another (scan/work.c and
 *         the drain of scan/mark.c).  What is done under the lock is one step;
 *         reading and adding to the futex word are others.  Sleepers are woken
 *         by that word alone, not by time.
 *
 * INVARIANTS  what check says.
 */
#include "explore.h"

enum {                         /* rules, as bits; set means changed */
	HURRY = 1 << 0,        /* a marker runs out of time now and then */
	WAKE_BLIND = 1 << 1,   /* nobody is woken when a buffer is put */
	NO_LAST_WAKE = 1 << 2, /* nor by the last one to be idle */
	IDLE_EARLY = 1 << 3,   /* a marker is idle while it still has items */
	SEEN_LATE = 1 << 4,    /* the futex word is read after the list */
	KEEPS = 1 << 5         /* one that is out of time keeps what it has */
};

static uint32_t rules;

enum {
	MARKERS = 3,
	ITEMS = 6,
	BUFFERS = 6
};
#define EVERY ((1u << ITEMS) - 1)

/* Items found in each. */
static const uint8_t found[ITEMS] = {1 << 1 | 1 << 2, 1 << 3, 1 << 4, 1 << 5};

enum pc {
	SCAN,
	SHARE, /* put half under the lock */
	WAKE,  /* add to the word, go on scanning */
	READ,  /* the word */
	TAKE,
	READ_LATE,
	SLEEP,
	LAST_WAKE,
	FLUSH, /* out of time: put all */
	STOP,  /* done = true */
	STOP_WAKE,
	OUT
};

struct marker {
	uint8_t pc;
	uint8_t now; /* items of its buffer */
	uint8_t seen;
	uint8_t idle;
	uint8_t failed; /* out of time */
};

struct state {
	struct marker markers[MARKERS];
	uint8_t full[BUFFERS];
	uint8_t nfull, nidle, wanted, done, change;
	uint8_t scanned; /* items */
	uint8_t twice;
};

static void
start(void *arg)
{
	struct state *s = arg;

	s->markers[0].now = 1;
	for (int i = 1; i < MARKERS; i++)
		s->markers[i].pc = READ;
}

static void
emit(const struct state *s, const char *step)
{
	explore_emit(s, step);
}

static void
scan_item(struct state s, int who)
{
	struct marker *m = &s.markers[who];
	unsigned int item;

	if (m->now == 0) {
		m->pc = READ;
		emit(&s, "a marker has nothing left");
		return;
	}
	item = 31 - (unsigned int)__builtin_clz(m->now);
	s.twice |= s.scanned >> item & 1;
	s.scanned |= (uint8_t)(1u << item);
	m->now = (uint8_t)((m->now & ~(1u << item)) | found[item]);
	if (s.wanted && m->now != 0)
		m->pc = SHARE;
	emit(&s, "a marker scans an item");
	if ((rules & HURRY) != 0) {
		m->pc = FLUSH;
		emit(&s, "a marker scans an item, and its time is over");
	}
}

static void
put(struct state *s, uint8_t items)
{
	if (items != 0)
		s->full[s->nfull++] = items;
}

static void
share_items(struct state s, int who)
{
	struct marker *m = &s.markers[who];
	uint8_t half = (uint8_t)(m->now & -m->now);

	m->pc = s.nidle > 0 && !(rules & WAKE_BLIND) ? WAKE : SCAN;
	if (half != m->now) {
		put(&s, half);
		m->now ^= half;
	} else {
		m->pc = SCAN;
	}
	emit(&s, "a marker puts half of what it has");
}

/* take_or_idle, and what follows. */
static void
take_buffer(struct state s, int who)
{
	struct marker *m = &s.markers[who];
	bool last = false;

	if (!s.done && s.nfull > 0) {
		m->now = s.full[--s.nfull];
		s.full[s.nfull] = 0;
		s.nidle -= m->idle;
		m->idle = 0;
		m->pc = SCAN;
		m->seen = 0;
	} else {
		if (!m->idle) {
			m->idle = 1;
			last = ++s.nidle == MARKERS;
			s.done |= last;
		}
		m->pc = s.done ? LAST_WAKE : SLEEP;
		if (m->pc == SLEEP && (rules & SEEN_LATE) != 0)
			m->pc = READ_LATE;
		if (m->pc == LAST_WAKE && (rules & NO_LAST_WAKE) != 0)
			m->pc = OUT;
	}
	s.wanted = s.nidle > 0;
	emit(&s, m->pc == SCAN ? "a marker takes a buffer"
		 : last        ? "a marker is the last to be idle"
			       : "a marker is idle");
}

static void
step_marker(struct state s, int who)
{
	struct marker *m = &s.markers[who];

	switch (m->pc) {
	case SCAN:
		scan_item(s, who);
		return;
	case SHARE:
		share_items(s, who);
		return;
	case WAKE:
		s.change++;
		m->pc = SCAN;
		emit(&s, "a marker wakes those that are idle");
		return;
	case READ:
		m->seen = s.change;
		m->pc = TAKE;
		if ((rules & IDLE_EARLY) != 0 && !m->idle) {
			m->idle = 1;
			s.done |= ++s.nidle == MARKERS;
		}
		emit(&s, "a marker reads the word");
		return;
	case TAKE:
		take_buffer(s, who);
		return;
	case READ_LATE:
		m->seen = s.change;
		m->pc = SLEEP;
		emit(&s, "a marker reads the word late");
		return;
	case SLEEP:
		if (s.change == m->seen)
			return;
		m->pc = READ;
		emit(&s, "a marker wakes");
		return;
	case FLUSH:
		m->failed = 1;
		m->pc = STOP;
		if ((rules & KEEPS) == 0) {
			put(&s, m->now);
			m->now = 0;
		}
		emit(&s, "a marker puts all it has");
		return;
	case STOP:
		s.done = 1;
		m->pc = STOP_WAKE;
		emit(&s, "a marker ends the drain");
		return;
	case STOP_WAKE:
	case LAST_WAKE:
		s.change++;
		m->pc = OUT;
		emit(&s, "a marker wakes all others, and is out");
		return;
	default:
		return;
	}
}

static void
next(const void *arg)
{
	const struct state *s = arg;

	for (int i = 0; i < MARKERS; i++)
		step_marker(*s, i);
}

#define TWICE "an item is scanned twice"
#define EARLY "the drain says that it is complete, and is not"
#define ENDS "the drain ends before its work, and nobody was out of time"
#define HANGS "a marker sleeps for ever"

static bool
all_out(const struct state *s)
{
	for (int i = 0; i < MARKERS; i++)
		if (s->markers[i].pc != OUT)
			return false;
	return true;
}

/* What gcm_crew_drain says: the leader's answer, and the list. */
static bool
says_complete(const struct state *s)
{
	return all_out(s) && !s->markers[0].failed && s->nfull == 0;
}

static const char *
check(const void *arg, bool stuck)
{
	const struct state *s = arg;

	if (s->twice)
		return TWICE;
	if (says_complete(s) && s->scanned != EVERY)
		return EARLY;
	if (all_out(s) && s->scanned != EVERY && (rules & HURRY) == 0)
		return ENDS;
	if (stuck && !all_out(s))
		return HANGS;
	return NULL;
}

static const struct explore_model model = {
    sizeof(struct state), start, next, check};

static const struct explore_case cases[] = {
    {"plain", 0, NULL, false},
    {"hurry", HURRY, NULL, false},
    /* Slower, but who puts a buffer is not idle and will take it itself. */
    {"nobody is woken", WAKE_BLIND, NULL, false},
    /* Broken on purpose. */
    {"the last wakes nobody", NO_LAST_WAKE, HANGS, false},
    {"idle early", IDLE_EARLY, ENDS, false},
    {"word read late", SEEN_LATE, HANGS, false},
    {"keeps its items", HURRY | KEEPS, EARLY, false},
};

int
main(int argc, char **argv)
{
	return explore_main(argc, argv, &model, cases,
	    sizeof(cases) / sizeof(cases[0]), &rules);
}
