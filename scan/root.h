/* root.h -- where the program keeps pointers beside the heap */
#ifndef GCM_SCAN_ROOT_H
#define GCM_SCAN_ROOT_H

#include "scan/maps.h"
#include "scan/mark.h"

/* What a mapping, or a part of one, is to the collector. */
enum gcm_root_kind {
	GCM_ROOT_NONE,
	GCM_ROOT_TRACKED, /* writes are seen (scan/dirty.h) */
	GCM_ROOT_SHARED,  /* written through other mappings, too: always read */
	GCM_ROOT_STACK    /* a thread's, bounds known: from its stack pointer */
};

struct gcm_root {
	uintptr_t lo, hi;
	uint8_t kind; /* enum gcm_root_kind */
	bool code;    /* pointers at any byte */
	bool file;    /* only pages that differ from the file */
	uintptr_t sp; /* STACK: the lowest of the threads on it */
};

struct gcm_roots {
	struct gcm_maps maps;
	struct gcm_root *list; /* by address */
	bool hidden;           /* some code hides what it has */
	size_t count, room;
	struct gcm_root *held; /* stacks when the cycle began */
	size_t nheld, held_room;
	uint64_t stack_bytes, global_bytes; /* read, of this cycle */
};

/* List the roots; 0 or -errno, -EOPNOTSUPP where some are `hidden`.  The
 * collector's thread; the world may be stopped if room was made before.
 */
int gcm_roots_read(struct gcm_roots *roots);

/* Read all that does not have to wait for a stop: everything but stacks. */
void gcm_roots_mark(struct gcm_roots *roots, struct gcm_marker *marker);

/* Read what was written since it was armed, arming it anew with `again`.  False
 * when the system would not say.  With the world stopped shared memory, new
 * mappings and ranges that the program registered are read, too.
 */
bool gcm_roots_mark_written(
    struct gcm_roots *roots, struct gcm_marker *marker, bool again);

/* Read once more what could not be read beside the program; false when it still
 * cannot.  The world is stopped, the list is fresh.
 */
bool gcm_roots_mark_missed(struct gcm_roots *roots, struct gcm_marker *marker);

/* Read what a child will find empty (MADV_WIPEONFORK); false when there was
 * more than could be remembered.  The world is stopped.
 */
bool gcm_roots_mark_wiped(struct gcm_marker *marker);

/* Read shared memory.  The world is stopped. */
bool gcm_roots_mark_shared(struct gcm_roots *roots, struct gcm_marker *marker);

/* Does addr lie there? */
bool gcm_roots_is_shared(const struct gcm_roots *roots, uintptr_t addr);

/* Start seeing writes; false: cannot. */
bool gcm_roots_arm(struct gcm_roots *roots);

/* Is the program known to have coroutines?  It is once a stopped thread is on a
 * stack that is none of the system's.  The world is stopped.
 */
bool gcm_roots_find_coroutines(const struct gcm_roots *roots);

/* Stacks and registers of the stopped threads; false when a part could not be
 * read.
 */
bool gcm_roots_mark_stacks(struct gcm_roots *roots, struct gcm_marker *marker);

/* Ranges that the program registered (gcm_root_add). */
bool gcm_roots_mark_registered(struct gcm_marker *marker);

/* In a forked child: nobody holds the lock. */
void gcm_roots_reset(void);

/* Is it a DONTFORK world: does `child`, read in a snapshot, lack a root of
 * `parent`'s?
 */
bool gcm_roots_lack(
    const struct gcm_roots *child, const struct gcm_roots *parent);

#endif
