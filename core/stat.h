/* stat.h -- the heap's figures, counted from the tables on demand */
#ifndef GCM_CORE_STAT_H
#define GCM_CORE_STAT_H

#include "core/sizeclass.h"

struct gcm_class_stat {
	uint64_t spans, pages, slots;     /* slots: room in those spans */
	uint64_t allocated, cached, free; /* slots */
};

struct gcm_stat {
#define STAT(name, unit, doc) uint64_t name;
#include "core/stat.def"
#undef STAT
};

/* Count everything; `classes` is NULL or has room for GCM_NCLASSES.  Takes the
 * page-heap lock; exact when no other thread allocates meanwhile.  Zeroes when
 * the heap was never used.
 */
void gcm_stat_collect(struct gcm_stat *stat, struct gcm_class_stat *classes);

/* A piece of that, short of a millisecond: add what lies from page *next on,
 * and advance it.  False when the end is reached.
 */
bool gcm_stat_step(
    struct gcm_stat *stat, struct gcm_class_stat *classes, uint32_t *next);

/* Only what needs no count: pages and our own memory. */
void gcm_stat_totals(struct gcm_stat *stat);

/* Room for the classes' figures, too large for the stack of a host, from our
 * own memory; NULL when there is none.  Given back by gcm_stat_drop.
 */
struct gcm_class_stat *gcm_stat_room(void);
void gcm_stat_drop(struct gcm_class_stat *classes);

/* Bytes that the heap holds of its own: what may be resident of spans and free
 * pages, large blocks apart.  Of them, those the program does not have.
 */
uint64_t gcm_stat_held(const struct gcm_stat *stat);
uint64_t gcm_stat_spare(const struct gcm_stat *stat);

/* The summary of GCM_DEBUG=stats=1, to the log. */
void gcm_stat_print(void);

#endif
