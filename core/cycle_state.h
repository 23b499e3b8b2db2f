/* cycle_state.h -- what the files of cycle share; nobody else's */
#ifndef GCM_CORE_CYCLE_STATE_H
#define GCM_CORE_CYCLE_STATE_H

#include "core/cycle.h"
#include "core/pace.h"

enum gcm_cycle_thread {
	GCM_CYCLE_OFF,
	GCM_CYCLE_ON,
	GCM_CYCLE_DISABLED
};

enum gcm_cycle_wish { /* bits */
	GCM_WISH_STOP = 1,
	GCM_WISH_GROWTH = 2,
	GCM_WISH_FORCED = 4,
	GCM_WISH_URGENT = 8, /* somebody waits for its end */
	GCM_WISH_ASKED = 16, /* from outside: what is printed is wanted */
	GCM_WISH_SERVE = 32  /* no collection: the thread is to be there */
};

struct gcm_cycle_state {
	const struct gcm_scanner *scanner; /* const once used */
	_Atomic uint32_t state;            /* of the thread; CAS */
	_Atomic uint32_t wish;             /* futex: bits, set by all */
	_Atomic uint32_t alive;            /* futex: 0 once the stack is free */
	_Atomic uint32_t ended;            /* futex: cycles that have ended */
	_Atomic bool active;               /* a cycle is marking; the thread */
	_Atomic bool behind;   /* the marker cannot follow; the thread */
	_Atomic bool alarmed;  /* a late free; sticky */
	_Atomic int64_t net;   /* growth since the last sweep; all */
	_Atomic uint64_t base; /* live then; the thread */
	_Atomic uint64_t trigger, assist; /* the thread; read by all */
	_Atomic uint32_t number;     /* of the cycle that began last; thread */
	_Atomic uint32_t completed;  /* of the last not given up; thread */
	_Atomic uint64_t last_ns;    /* when the last one ended; thread */
	_Atomic uint64_t relief_ns;  /* of the last relief in vain */
	uint32_t colour;             /* 0..3; the thread */
	uint32_t given_up;           /* cycles in a row; the thread */
	bool outrun;                 /* the last one was: ABANDON_OUTRUN */
	uint32_t deaf;               /* in a row: ABANDON_DEAF; the thread */
	uint64_t began_ns;           /* of the process, as far as we know */
	uint64_t cpu_ns;             /* of all cycles; the thread */
	struct gcm_pace pace;        /* the thread */
	struct gcm_pace_facts facts; /* of the last one; the thread */
	struct gcm_cycle_stat stat;  /* the thread; read by all, roughly */
};
extern GCM_HIDDEN struct gcm_cycle_state gcm_cycle;

/* The program's bytes: what it had after the last sweep, and its growth since.
 */
uint64_t gcm_cycle_heap(void);

/* Have a thread that sees the wish.  Any thread of the program's. */
void gcm_cycle_wish(uint32_t wish);

/* One gcm_cycle, wished for or `periodic`.  The collector's thread;
 * .inv.cycle-one
 */
void gcm_cycle_run(uint32_t wish, bool periodic);

/* Options of the pace have changed.  The collector's thread. */
void gcm_cycle_repace(void);

/* Does what was not reached become free? */
bool gcm_cycle_is_reclaiming(void);

#endif
