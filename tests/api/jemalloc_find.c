/* jemalloc_find.c -- jemalloc's calls, found at run time */
#define _GNU_SOURCE
#include "jemalloc.h"

#include "api.h"

const struct jemalloc *
je(void)
{
	static struct jemalloc calls; /* the case has one thread */
	static bool found;

	if (found)
		return &calls;
#define FIND(name) *(void **)&calls.name = api_find(#name)
	FIND(mallocx);
	FIND(rallocx);
	FIND(xallocx);
	FIND(sallocx);
	FIND(dallocx);
	FIND(sdallocx);
	FIND(nallocx);
	FIND(mallctl);
	FIND(mallctlnametomib);
	FIND(mallctlbymib);
	FIND(malloc_stats_print);
#undef FIND
	found = true;
	return &calls;
}
