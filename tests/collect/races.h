/* races.h -- memory of every kind, for pointers to wander through */
#ifndef GCM_TESTS_COLLECT_RACES_H
#define GCM_TESTS_COLLECT_RACES_H

#include <stddef.h>

enum area_kind {
	AREA_DATA,
	AREA_BSS,
	AREA_TLS,
	AREA_STACK,
	AREA_HEAP,
	AREA_LARGE, /* a block of 2 MiB */
	AREA_MMAP,
	AREA_BREAK,
	AREA_SHARED,   /* MAP_SHARED | MAP_ANONYMOUS */
	AREA_MEMFD,    /* read through one mapping, written through another */
	AREA_PRIVATE,  /* of a file, pages of our own */
	AREA_READONLY, /* sealed after each change */
	AREA_KINDS
};

enum {
	AREA_SLOTS = 16,
	AREA_THREADS = 4
};

struct area {
	const char *name;
	enum area_kind kind;
	void *volatile *slots; /* AREA_SLOTS of them */
	void *volatile *alias; /* to write through */
};

/* `thread` has slots of its own where the kind has one place only; `stack` is
 * AREA_SLOTS words on the caller's.
 */
void area_make(struct area *area, enum area_kind kind, unsigned thread,
    void *volatile *stack);
void area_put(struct area *area, size_t slot, void *value);

#endif
