/* maps.h -- the process's mappings
 *
 * Read by the collector's thread, also while the world is stopped: raw system
 * calls and memory of our own (core/own.h) only.
 */
#ifndef GCM_SCAN_MAPS_H
#define GCM_SCAN_MAPS_H

#include "core/core.h"

enum gcm_mapping_flag {
	GCM_MAP_READ = 1,
	GCM_MAP_WRITE = 2,
	GCM_MAP_EXEC = 4,
	GCM_MAP_SHARED = 8,
	GCM_MAP_FILE = 16,  /* has an inode; memfd and shm too */
	GCM_MAP_STACK = 32, /* [stack]: the main thread's */
	GCM_MAP_DEVICE =
	    64, /* a file below /dev, but not zero or shm: never read */
	GCM_MAP_MEMORY =
	    256, /* shared memory in spite of its name: memfd, shm */
	GCM_MAP_KERNEL = 128, /* [vdso], [vvar], [vsyscall]... */
	GCM_MAP_HIDER =
	    512, /* code that keeps blocks without pointing to them */
	GCM_MAP_OFFSETS =
	    1024 /* code that keeps blocks by their distance from another */
};

struct gcm_mapping {
	uintptr_t lo, hi;
	uint32_t flags;
	uint32_t mark; /* whoever holds the list */
};

struct gcm_maps {
	struct gcm_mapping *list; /* by address */
	size_t count, room;       /* mappings */
	char *text;               /* buffer of the reader */
	size_t text_len;
};

/* Make room for about n mappings beforehand; 0 or -ENOMEM. */
int gcm_maps_reserve(struct gcm_maps *maps, size_t n);

/* Read all mappings; 0 or -errno, and then the list is empty.  Grows by itself.
 */
int gcm_maps_read(struct gcm_maps *maps);

/* The mapping that holds addr, or the first one behind it, or NULL. */
struct gcm_mapping *gcm_maps_find(const struct gcm_maps *maps, uintptr_t addr);

/* Give the list and its buffer back.  Nothing else is kept: no descriptor stays
 * open between calls.
 */
void gcm_maps_drop(struct gcm_maps *maps);

#endif
