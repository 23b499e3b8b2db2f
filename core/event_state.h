/* event_state.h -- what the files of event share; nobody else's */
#ifndef GCM_CORE_EVENT_STATE_H
#define GCM_CORE_EVENT_STATE_H

#include "core/event.h"

enum {
	GCM_EVENT_PLACES = 64,      /* a power of two */
	GCM_EVENT_BUFFERS = 256,    /* where there is no ring */
	GCM_EVENT_RING_MOST = 16384 /* 64 MiB */
};

enum gcm_event_alive {     /* of `alive` */
	GCM_EVENT_WIPED,   /* a child, which has nothing yet */
	GCM_EVENT_REVIVED, /* about to have */
	GCM_EVENT_ALIVE
};

struct gcm_event_state {
	_Atomic uint32_t *alive;     /* wiped by fork; const once on */
	_Atomic uint32_t generation; /* forks since the start; reset */
	char *base;                  /* of the buffers; const in a generation */
	uint32_t first, nbatch;      /* buffers [first, nbatch); as base */
	bool ring;                   /* const once on */
	_Atomic uint64_t *states;    /* of buffers; event.c */
	_Atomic uint32_t places[GCM_EVENT_PLACES]; /* buffers; event.c */
	uint32_t nplaces;        /* in use, a power of two; as base */
	_Atomic uint32_t cursor; /* where to look for a free one; all */
	_Atomic uint64_t number; /* of the batch begun last; all */
	_Atomic uint64_t lost;   /* events; all */
	_Atomic uint32_t full;   /* buffers to be written; all */
	uint32_t pid;            /* as base */
};
extern GCM_HIDDEN struct gcm_event_state gcm_event;

/* The buffers of a generation: all free. */
void gcm_event_clear(uint32_t generation);

/* The head of a buffer. */
struct gcm_batch *gcm_event_batch(uint32_t i);

/* All buffers in use become full ones. */
void gcm_event_steal(void);

/* The full buffer that was begun first, for its only writer: false when there
 * is none.  Its head is complete then.  gcm_event_release gives it back.
 */
bool gcm_event_take_full(uint32_t *i);
void gcm_event_release(uint32_t i, bool written);

/* The table's batch, at `room`: how long it is, a multiple of `align`. */
size_t gcm_event_make_table(char *room, size_t most, size_t align);

/* A child's first note: true when there is a recording now (event_file.c). */
bool gcm_event_revive(void);

/* There are full buffers: is it time for the calling thread to write?
 * (event_file.c)
 */
void gcm_event_help(void);

/* The note of a time that is past. */
void gcm_event_add_at(enum gcm_event_id id, uint64_t at_ns,
    const uint64_t *fields, unsigned int nfields);

#endif
