/* stat.h -- the heap's figures, counted from the tables on demand */
#ifndef GCM_CORE_STAT_H
#define GCM_CORE_STAT_H

#include "core/sizeclass.h"

struct gcm_class_stat {
	uint64_t spans, pages, slots; /* slots: room in those spans */
	uint64_t allocated, cached, free; /* slots */
};

struct gcm_stat {
#define STAT(name, unit, doc) uint64_t name;
#include "core/stat.def"
#undef STAT
	struct gcm_class_stat classes[GCM_NCLASSES];
};

/* Count everything.  Takes the page-heap lock; exact when no other thread
 * allocates meanwhile.  Zeroes when the heap was never used.
 */
void gcm_stat_collect(struct gcm_stat *stat);

/* The summary of GCM_DEBUG=stats=1, to the log. */
void gcm_stat_print(void);

#endif
