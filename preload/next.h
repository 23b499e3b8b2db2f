/* next.h -- the functions behind those that we wrap
 *
 * What a wrapper calls in the end: the next definition of its name in the
 * order of lookup, which may be another preloaded library's wrapper.
 */
#ifndef GCM_PRELOAD_NEXT_H
#define GCM_PRELOAD_NEXT_H

#include "core/core.h"

enum gcm_next_id {
#define NEXT(name) GCM_NEXT_##name,
#define LATE(name) GCM_NEXT_##name,
#include "preload/next.def"
#undef NEXT
#undef LATE
	GCM_NNEXT
};

/* NULL until looked up; then const */
extern GCM_HIDDEN void *_Atomic gcm_next[GCM_NNEXT];

/* Look up those that must be there beforehand.  The constructor. */
void gcm_next_init(void);

/* Look one up; NULL when nobody behind us has the name.  errno is kept. */
void *gcm_next_find(enum gcm_next_id id);

/* Is it the name of a function that we wrap? */
bool gcm_next_has(const char *name);

static inline void *
gcm_next_get(enum gcm_next_id id)
{
	void *next = atomic_load_explicit(&gcm_next[id], memory_order_relaxed);

	return GCM_LIKELY(next != NULL) ? next : gcm_next_find(id);
}

/* The function behind our `name`, with its type. */
#define GCM_NEXT(name) ((__typeof__(&(name)))gcm_next_get(GCM_NEXT_##name))

#endif
