/* model/stop.c -- stopping two threads: every order of steps
 *
 * MODEL   The steps are those of scan/stop.c and scan/thread.c, each one access
 *         to memory that others see.  A thread runs the program (RUN), or is on
 *         its way into a blocked-safe call, in it, or on its way out.  A
 *         handler of the program's may interrupt it anywhere, and our signal
 *         that handler too.  A signal may take as long as it likes to arrive,
 *         so that a stop is given up meanwhile, and the next one begun.  The
 *         stopper stops the world a few times and is done.
 *
 * INVARIANTS  what check says.
 */
#include "explore.h"

enum {                           /* rules, as bits; set means changed */
	DEADLINE = 1 << 0,       /* stops are given up now and then */
	HANDLERS = 1 << 1,       /* the program has signal handlers */
	STARTS = 1 << 2,         /* the second thread is started by the first */
	EXITS = 1 << 3,          /* threads end */
	THREE = 1 << 4,          /* stops, instead of two */
	ANSWER_BLIND = 1 << 5,   /* an answer does not look whether it is still
				    this stop that wants it, in one step */
	OUTSIDE_BLIND = 1 << 6,  /* a handler of the program's waits only if it
				    has interrupted a blocked-safe call */
	ONE_PASS = 1 << 7,       /* over the kernel's list of threads */
	LEAVE_BLIND = 1 << 8,    /* leave does not read the word */
	ENTER_BLIND = 1 << 9,    /* enter does not */
	BLOCKED_FIRST = 1 << 10, /* the stopper reads `blocked` before it makes
				    the word odd */
	WAIT_EVEN = 1 << 11,     /* a thread that has answered waits for an even
				    word, not for another */
	BACKWARDS = 1 << 12,     /* the list */
	SIGNAL_FIRST = 1 << 13,  /* the signal before the entry says WANTED */
	ALONE = 1 << 14          /* there is one thread */
};

static uint32_t rules;

enum {
	THREADS = 2
};

enum pc {
	NOTHING, /* as handler: there is none */
	RUN,
	ENTER, /* blocked = 1 */
	ENTER_READ,
	ENTER_WAIT,
	CALL,
	LEAVE, /* blocked = 0 */
	LEAVE_READ,
	LEAVE_AGAIN, /* blocked = 1 */
	LEAVE_WAIT,
	/* only in handlers */
	OUTSIDE, /* read blocked */
	OUTSIDE_WAIT,
	BACK_IN
};

enum answer { /* our handler */
	NOT,
	READ_WORD,
	READ_ENTRY,
	ANSWER,
	WAIT
};

enum entry {
	EMPTY,
	KNOWN,
	WANTED,
	STOPPED,
	BLOCKED,
	GONE
};

enum life {
	UNBORN,
	ALIVE,
	DEAD
};

enum stopper {
	CLEAR,
	ODD,
	KNOW,
	VISIT, /* thread `at`: read blocked */
	WANT,
	KILL,
	AWAIT,
	BELIEVES, /* that the world is stopped */
	DONE
};

struct thread {
	uint8_t life;
	uint8_t pc, handler; /* enum pc */
	uint8_t was;         /* blocked when the handler began */
	uint8_t blocked;
	uint8_t answer, word; /* our handler; the word it has read */
	uint8_t pending;      /* signals; two: that or more */
	uint8_t entry, epoch; /* of the stopper's table; the word it was wanted
				 in */
};

struct state {
	struct thread threads[THREADS];
	uint8_t word;
	uint8_t stopper, at, nnew, early;
	uint8_t stops; /* left */
	uint8_t interrupted;
};

static void
start(void *arg)
{
	struct state *s = arg;

	for (int i = 0; i < THREADS; i++) {
		s->threads[i].life = ALIVE;
		s->threads[i].pc = RUN;
	}
	if ((rules & (STARTS | ALONE)) != 0)
		s->threads[1].life = UNBORN;
	s->stops = (rules & THREE) != 0 ? 3 : 2;
}

static void
emit(struct state s, const char *step)
{
	explore_emit(&s, step);
}

#define BOTH(who, text) ((who) == 0 ? "first: " text : "second: " text)

/* Threads ----------------------------------------------------------------- */

static void
step_blocking(struct state s, int who, bool in_handler)
{
	struct thread *t = &s.threads[who];
	uint8_t *pc = in_handler ? &t->handler : &t->pc;
	uint8_t back = in_handler ? NOTHING : CALL;
	bool odd = (s.word & 1) != 0;

	switch (*pc) {
	case ENTER:
		t->blocked = 1;
		*pc = ENTER_READ;
		emit(s, BOTH(who, "enter: blocked = 1"));
		break;
	case ENTER_READ:
		*pc = odd && !(rules & ENTER_BLIND) ? ENTER_WAIT : back;
		emit(s, BOTH(who, "enter reads the word"));
		break;
	case ENTER_WAIT:
		*pc = back;
		if (!odd)
			emit(s, BOTH(who, "enter has waited"));
		break;
	case LEAVE:
		t->blocked = 0;
		*pc = LEAVE_READ;
		emit(s, BOTH(who, "leave: blocked = 0"));
		break;
	case LEAVE_READ:
		*pc = odd && !(rules & LEAVE_BLIND) ? LEAVE_AGAIN : RUN;
		emit(s, BOTH(who, "leave reads the word"));
		break;
	case LEAVE_AGAIN:
		t->blocked = 1;
		*pc = LEAVE_WAIT;
		emit(s, BOTH(who, "leave: blocked = 1 once more"));
		break;
	case LEAVE_WAIT:
		*pc = LEAVE;
		if (!odd)
			emit(s, BOTH(who, "leave has waited"));
		break;
	default:
		break;
	}
}

static void
step_program(struct state s, int who)
{
	struct thread *t = &s.threads[who];
	struct state was = s;

	switch (t->pc) {
	case RUN:
		t->pc = ENTER;
		emit(s, BOTH(who, "makes a blocked-safe call"));
		s = was;
		if ((rules & STARTS) != 0 && who == 0 &&
		    s.threads[1].life == UNBORN) {
			s.threads[1].life = ALIVE;
			emit(s, "first: starts second");
			s = was;
		}
		if ((rules & EXITS) != 0) {
			t->life = DEAD;
			t->pending = 0;
			emit(s, BOTH(who, "ends"));
		}
		break;
	case CALL:
		t->pc = LEAVE;
		emit(s, BOTH(who, "comes back from its call"));
		break;
	default:
		step_blocking(s, who, false);
	}
}

/* The program's handler, within the trampoline. */
static void
step_handler(struct state s, int who)
{
	struct thread *t = &s.threads[who];

	switch (t->handler) {
	case OUTSIDE:
		t->was = t->blocked;
		t->handler = t->was ? LEAVE : OUTSIDE_WAIT;
		if (!t->was && (rules & OUTSIDE_BLIND) != 0)
			t->handler = RUN;
		emit(s, BOTH(who, "handler: outside reads blocked"));
		break;
	case OUTSIDE_WAIT:
		t->handler = RUN;
		if ((s.word & 1) == 0)
			emit(
			    s, BOTH(who, "handler: outside sees an even word"));
		break;
	case RUN:
		t->handler = t->was ? ENTER : NOTHING;
		t->was = 0;
		emit(s, BOTH(who, "handler: back in"));
		break;
	default:
		step_blocking(s, who, true);
	}
}

static void
step_answer(struct state s, int who)
{
	struct thread *t = &s.threads[who];

	switch (t->answer) {
	case READ_WORD:
		t->word = s.word;
		t->answer = (s.word & 1) != 0 ? READ_ENTRY : NOT;
		emit(s, BOTH(who, "our handler reads the word"));
		break;
	case READ_ENTRY:
		t->answer = t->entry == WANTED ? ANSWER : NOT;
		if ((rules & ANSWER_BLIND) == 0) {
			if (t->entry == WANTED && t->epoch == t->word) {
				t->entry = STOPPED;
				t->answer = WAIT;
			} else {
				t->answer = NOT;
			}
		}
		emit(s, BOTH(who, "our handler looks whether it is wanted"));
		break;
	case ANSWER:
		t->entry = STOPPED;
		t->answer = WAIT;
		emit(s, BOTH(who, "our handler answers"));
		break;
	default:
		t->answer = NOT;
		if ((rules & WAIT_EVEN) != 0 ? (s.word & 1) == 0
					     : s.word != t->word)
			emit(s, BOTH(who, "our handler has waited"));
	}
}

static void
step_thread(struct state s, int who)
{
	struct thread *t = &s.threads[who];

	if (t->life != ALIVE)
		return;
	if (t->answer != NOT) { /* all signals blocked */
		step_answer(s, who);
		return;
	}
	if (t->handler != NOTHING)
		step_handler(s, who);
	else
		step_program(s, who);
	if (t->pending) {
		struct state was = s;

		if (t->pc == CALL && t->handler == NOTHING)
			s.interrupted = 1;
		t->pending--;
		t->answer = READ_WORD;
		emit(s, BOTH(who, "our signal arrives"));
		s = was;
	}
	if ((rules & HANDLERS) != 0 && t->handler == NOTHING) {
		t->handler = OUTSIDE;
		emit(s, BOTH(who, "a signal of the program's arrives"));
	}
}

/* The stopper ----------------------------------------------------------- */

static int
listed(const struct state *s)
{
	return (rules & BACKWARDS) != 0 ? THREADS - 1 - s->at : s->at;
}

static void
end_visit(struct state *s)
{
	s->stopper = VISIT;
	if (++s->at == THREADS) {
		s->stopper = AWAIT;
		s->at = 0;
	}
}

static void
resume_world(struct state s, const char *step)
{
	s.word++;
	s.at = s.nnew = s.early = 0;
	s.stopper = --s.stops > 0 ? CLEAR : DONE;
	emit(s, step);
}

static void
visit_thread(struct state s)
{
	struct thread *t = &s.threads[listed(&s)];
	bool blocked = t->blocked;

	if ((rules & BLOCKED_FIRST) != 0)
		blocked = s.early >> listed(&s) & 1;
	if (t->life != ALIVE || (t->entry != EMPTY && t->entry != KNOWN)) {
		end_visit(&s);
		emit(s, "stopper passes on");
		return;
	}
	s.nnew = 1;
	if (blocked) {
		t->entry = BLOCKED;
		end_visit(&s);
		emit(s, BOTH(listed(&s), "is blocked, as the stopper sees"));
		return;
	}
	s.stopper = (rules & SIGNAL_FIRST) != 0 ? KILL : WANT;
	emit(s, "stopper sees that the next on the list is not blocked");
}

static void
want_thread(struct state s)
{
	struct thread *t = &s.threads[listed(&s)];
	bool last = (s.stopper == KILL) == ((rules & SIGNAL_FIRST) == 0);

	if (s.stopper == WANT) {
		t->entry = WANTED;
		t->epoch = s.word;
	} else if (t->life != ALIVE) {
		t->entry = GONE;
	} else if (t->pending < 2) {
		t->pending++;
	}
	s.stopper = s.stopper == KILL ? WANT : KILL;
	if (last || t->entry == GONE)
		end_visit(&s);
	emit(s, last == ((rules & SIGNAL_FIRST) == 0)
		    ? "stopper sends the signal"
		    : "stopper writes WANTED");
}

static void
await_answers(struct state s)
{
	for (int i = 0; i < THREADS; i++)
		if (s.threads[i].entry == WANTED) {
			if (s.threads[i].life == ALIVE)
				return;
			s.threads[i].entry = GONE;
			emit(s, "stopper sees that a thread is gone");
			return;
		}
	s.stopper = s.nnew && !(rules & ONE_PASS) ? VISIT : BELIEVES;
	s.nnew = 0;
	emit(s, s.stopper == VISIT ? "stopper begins another pass"
				   : "stopper takes the world for stopped");
}

static void
step_stopper(struct state s)
{
	if ((rules & DEADLINE) != 0 && s.stopper == AWAIT)
		resume_world(s, "stopper gives up: the world goes on");
	switch (s.stopper) {
	case CLEAR:
		for (int i = 0; i < THREADS; i++) {
			s.threads[i].entry = EMPTY;
			s.threads[i].epoch = 0;
			s.early |= (uint8_t)(s.threads[i].blocked << i);
		}
		if ((rules & BLOCKED_FIRST) == 0)
			s.early = 0;
		s.stopper = ODD;
		emit(s, "stopper clears its table");
		break;
	case ODD:
		s.word++;
		s.stopper = KNOW;
		emit(s, "stopper makes the word odd");
		break;
	case KNOW:
		for (int i = 0; i < THREADS; i++)
			if (s.threads[i].life == ALIVE)
				s.threads[i].entry = KNOWN;
		s.stopper = VISIT;
		emit(s, "stopper enters those it knows");
		break;
	case VISIT:
		visit_thread(s);
		break;
	case WANT:
	case KILL:
		want_thread(s);
		break;
	case AWAIT:
		await_answers(s);
		break;
	case BELIEVES:
		resume_world(s, "the world goes on");
		break;
	default:
		break;
	}
}

static void
next(const void *arg)
{
	const struct state *s = arg;

	for (int i = 0; i < THREADS; i++)
		step_thread(*s, i);
	step_stopper(*s);
}

/* Invariants -------------------------------------------------------------- */

#define RUNS "a thread runs in a stopped world"
#define OLD "an answer to an earlier stop counts in this one"
#define QUIET "our signal interrupts a blocked-safe call"
#define SILENT "a thread will never answer"
#define HANGS "a thread waits for ever"

static const char *
check_stopped(const struct state *s, const struct thread *t)
{
	if (t->entry == STOPPED && (t->answer != WAIT || t->word != s->word))
		return OLD;
	if (t->answer != NOT)
		return NULL;
	if (t->handler == RUN || (t->handler == NOTHING && t->pc == RUN))
		return RUNS;
	return NULL;
}

/* The stopper waits for it, and it cannot know. */
static bool
is_silent(const struct thread *t)
{
	if (t->entry != WANTED)
		return false;
	return t->answer == NOT ? !t->pending
				: t->answer == WAIT && (rules & WAIT_EVEN) != 0;
}

static const char *
check(const void *arg, bool stuck)
{
	const struct state *s = arg;

	if (stuck) /* at the end threads go round and round */
		for (int i = 0; i < THREADS; i++)
			if (s->threads[i].life == ALIVE)
				return HANGS;
	if (s->interrupted && (rules & DEADLINE) == 0)
		return QUIET;
	for (int i = 0; i < THREADS; i++) {
		const struct thread *t = &s->threads[i];
		const char *broken = NULL;

		if (t->life != ALIVE)
			continue;
		if (s->stopper == BELIEVES)
			broken = check_stopped(s, t);
		else if (s->stopper == AWAIT && is_silent(t))
			broken = SILENT;
		if (broken != NULL)
			return broken;
	}
	return NULL;
}

static const struct explore_model model = {
    sizeof(struct state), start, next, check};

static const struct explore_case cases[] = {
    {"plain", THREE, NULL, false},
    {"handlers", HANDLERS | ALONE | THREE, NULL, false},
    {"deadline", DEADLINE, NULL, false},
    {"deadline, alone", DEADLINE | HANDLERS | ALONE | THREE, NULL, false},
    {"starts", STARTS | EXITS, NULL, false},
    {"starts, backwards", STARTS | BACKWARDS, NULL, false},
    {"starts, deadline", STARTS | EXITS | DEADLINE, NULL, false},
    {"two handlers", HANDLERS, NULL, true},
    {"deadline, three stops", DEADLINE | THREE, NULL, true},
    {"deadline, two handlers", DEADLINE | HANDLERS, NULL, true},
    /* Broken on purpose. */
    {"answer blind", DEADLINE | ANSWER_BLIND, OLD, false},
    {"outside blind", HANDLERS | OUTSIDE_BLIND, RUNS, false},
    /* The kernel's list has new threads at its end. */
    {"ends, backwards", STARTS | EXITS | BACKWARDS, RUNS, false},
    {"one pass", STARTS | ONE_PASS | BACKWARDS, RUNS, false},
    {"leave blind", LEAVE_BLIND, RUNS, false},
    {"enter blind", ENTER_BLIND, QUIET, false},
    {"blocked first", BLOCKED_FIRST, QUIET, false},
    {"blocked first, deadline", BLOCKED_FIRST | DEADLINE, RUNS, false},
    {"wait for even", WAIT_EVEN, SILENT, false},
    {"signal first", SIGNAL_FIRST, SILENT, false},
};

int
main(int argc, char **argv)
{
	return explore_main(argc, argv, &model, cases,
	    sizeof(cases) / sizeof(cases[0]), &rules);
}
