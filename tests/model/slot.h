/* model/slot.h -- the slot, its two threads and the collector, as one state */
#ifndef GCM_TESTS_SLOT_H
#define GCM_TESTS_SLOT_H

#include "core/table.h"
#include "explore.h"

enum {             /* the protocol's rules as bits: set means changed */
	GRACE = 3, /* these two bits: cycles in LIMBO */
	NO_RECHECK = 1 << 2,    /* malloc does not read the colour again */
	RACED_STORE = 1 << 3,   /* and if it differs, stores instead of CAS */
	MARK_STORE = 1 << 4,    /* marking is a plain store */
	SWEEP_STORE = 1 << 5,   /* so is sweeping */
	HINT_FIRST = 1 << 6,    /* the hint before the state */
	NO_RECOLOUR = 1 << 7,   /* given up as often as may be */
	RECOLOUR_LATE = 1 << 8, /* after four given up instead of three */
	UNTOLD = 1 << 9,        /* caches need not have the last colour then */
	REPORT = 1 << 10,       /* nothing is reclaimed */
	HIDING = 1 << 11,       /* the program hides the block */
	FORKS = 1 << 12,        /* the process is now and then a forked child */
	COUNT_AT_END = 1 << 13, /* a cycle counts as given up at its end */
	ONE_THREAD = 1 << 14,
	LARGE = 1 << 15, /* coloured as core/large.c does: no CAS, a loop */
	FEW_GIVEN_UP = 1 << 16, /* two in a row at most */
	NO_REGISTERS = 1 << 17, /* stops do not look at registers */
	NARROW = 1 << 18, /* malloc compares two bits of colour, not a word that
			     also counts */
	RACED_LOOP = 1 << 20, /* when the swap fails, tries again from what it
				 sees, instead of leaving the slot */
	RACED_DROP = 1 << 21, /* leaves the slot at once */
	NEVER_GIVEN_UP = 1 << 23,
	NO_KEEP = 1 << 22, /* other keeps no slots of owner's span */
	ALARM_LATE =
	    1 << 19 /* a late free tells after it has taken the block */
};

extern uint32_t slot_rules;

static inline bool
slot_has_rule(uint32_t rule)
{
	return (slot_rules & rule) != 0;
}

enum {
	OWNER,
	OTHER,
	THREADS
};

enum pc { /* of a thread: what it does next */
	IDLE,
	/* malloc */
	POPPED,      /* read the colour */
	COLOURED,    /* store the state */
	STORED,      /* read the colour again */
	RACED,       /* read the colour */
	RACED_STATE, /* read the state */
	RACED_CAS,
	RACED_AGAIN, /* read the colour again */
	HAS,         /* the program has the block in a register */
	/* free */
	FREE_STORE, /* store FREE or, in a bin already, CACHED */
	FREE_KEEP,
	FREE_HINT,
	REVIVE, /* the block was in LIMBO: read the colour */
	REVIVE_CAS,
	REVIVED, /* raise the alarm */
	/* refill */
	HARVEST,  /* look for FREE */
	HARVESTED /* store CACHED */
};

enum collector { /* what the collector does next */
	REST,
	RECOLOUR,
	RECOLOUR_CAS,
	ARM,
	TELL_NONE,
	TELL_OWNER,
	TELL_OTHER,
	MARK,
	MARK_CAS,
	STOP,
	SWEEP_BEGIN,
	SWEEP,
	SWEEP_CAS,
	SWEEP_HINT
};

struct thread {
	uint8_t pc;
	uint8_t slot;   /* it has the slot's address in a register */
	uint8_t bin;    /* the slot is in its bin */
	uint8_t colour; /* of its cache */
	uint8_t now;    /* a colour it has read */
	uint8_t seen;   /* a state it has read */
	uint8_t told;   /* its cache got a colour since it read one: the word
			   that counts is another, even if the colour is not */
};

struct state {
	struct thread threads[THREADS];
	uint8_t state, hint;
	uint8_t none;             /* gcm_cache_none.colour */
	uint8_t variable, hidden; /* where the program has the block */
	uint8_t collector;
	uint8_t colour;   /* of the cycle */
	uint8_t given_up; /* cycles in a row; 4: that or more */
	uint8_t active;
	uint8_t seen;   /* what the collector has read */
	uint8_t known;  /* this cycle knows the block's content: it has marked
			   it, or it is new */
	uint8_t missed; /* stops in a row that did not find the block; 4: that
			   or more */
	uint8_t passed; /* the stop passed over the block */
	uint8_t alarmed, reclaim; /* a late free; the sweep may free */
	uint8_t broken;           /* enum below, found by a step */
};

enum {
	FINE,
	PASSED_OVER,
	DOUBLE_FREE
};

static inline void
emit(struct state s, const char *step)
{
	explore_emit(&s, step);
}

/* Names of both threads' steps. */
#define BOTH(who, text) ((who) == OWNER ? "owner: " text : "other: " text)

/* Is the block somewhere in the program's hands? */
bool slot_program_has(const struct state *s);

/* Emit what a thread, the collector, a fork may do next. */
void slot_step_thread(const struct state *s, int who);
void slot_step_collector(const struct state *s);
void slot_fork(const struct state *s);

#endif
