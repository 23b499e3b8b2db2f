/* next.c -- the functions behind those that we wrap
 *
 * MODEL   One table made from next.def.  dlsym takes the loader's lock, so what
 *         may be called from a signal handler, or by a thread that another one
 *         waits for inside dlopen, is looked up in the constructor.  A call
 *         before that (a constructor of another library) looks up by itself.
 */
#include "preload/next.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

void *_Atomic gcm_next[GCM_NNEXT];

static const struct {
	const char *name;
	bool at_start;
} wanted[GCM_NNEXT] = {
#define NEXT(name) [GCM_NEXT_##name] = {#name, true},
#define LATE(name) [GCM_NEXT_##name] = {#name, false},
#include "preload/next.def"
#undef NEXT
#undef LATE
};

GCM_COLD void *
gcm_next_find(enum gcm_next_id id)
{
	int saved = errno;
	void *next = dlsym(RTLD_NEXT, wanted[id].name);

	if (next == NULL)
		(void)dlerror(); /* the program must not find it there */
	else
		atomic_store_explicit(
		    &gcm_next[id], next, memory_order_relaxed);
	errno = saved;
	return next;
}

void
gcm_next_init(void)
{
	for (unsigned int i = 0; i < GCM_NNEXT; i++)
		if (wanted[i].at_start)
			(void)gcm_next_get((enum gcm_next_id)i);
}

bool
gcm_next_has(const char *name)
{
	for (unsigned int i = 0; i < GCM_NNEXT; i++)
		if (strcmp(wanted[i].name, name) == 0)
			return true;
	return false;
}
