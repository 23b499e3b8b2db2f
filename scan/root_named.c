/* root_named.c -- roots that no list of mappings shows for what they are
 *
 * MODEL   Ranges that the program registered (gcmalloc.h); and ranges that a
 *         child finds empty, so that the fork back end has to read them before.
 *
 * LOCKS   root: the registered ranges.
 *
 * FORK    both are the child's, too; the lock is new (gcm_roots_reset).
 */
#include "scan/root.h"
#include "scan/scanner.h"

enum {
	REGISTERED = 256,
	WIPED = 64
};

static struct {
	struct gcm_lock lock;
	struct {
		uintptr_t lo, hi;
	} ranges[REGISTERED];   /* lock */
	_Atomic uint32_t count; /* lock; read by all */
} registered = {.lock = GCM_LOCK_INIT(root)};

/* Empty in a child
 * --------------------------------------------------------------- */

static struct {
	_Atomic uintptr_t lo[WIPED], hi[WIPED];
	_Atomic uint32_t count; /* more than WIPED: too many; all threads */
} wiped;

void
gcm_root_note_wiped(uintptr_t lo, uintptr_t hi)
{
	uint32_t n = atomic_load(&wiped.count);

	for (uint32_t i = 0; i < n && i < WIPED; i++)
		if (atomic_load(&wiped.lo[i]) <= lo &&
		    hi <= atomic_load(&wiped.hi[i]))
			return;
	n = atomic_fetch_add(&wiped.count, 1);
	if (n < WIPED) {
		atomic_store(&wiped.lo[n], lo);
		atomic_store(&wiped.hi[n], hi);
	} else {
		atomic_store(&wiped.count, WIPED + 1);
	}
}

/* What is not there any more is passed over. */
bool
gcm_roots_mark_wiped(struct gcm_marker *marker)
{
	uint32_t n = atomic_load(&wiped.count);

	for (uint32_t i = 0; i < n && i < WIPED; i++)
		(void)gcm_mark_foreign(marker, atomic_load(&wiped.lo[i]),
		    atomic_load(&wiped.hi[i]), 0, false);
	return n <= WIPED;
}

/* Registered by the program
 * ------------------------------------------------------ */

bool
gcm_roots_mark_registered(struct gcm_marker *marker)
{
	uint32_t n = atomic_load(&registered.count);
	bool whole = true;

	/* The world is stopped, or this is a first look: no lock. */
	for (uint32_t i = 0; i < n; i++)
		whole &= gcm_mark_foreign(marker, registered.ranges[i].lo,
		    registered.ranges[i].hi, 0, false);
	return whole;
}

bool
gcm_root_add(uintptr_t lo, uintptr_t hi)
{
	uint32_t n;
	bool room;

	gcm_lock_acquire(&registered.lock);
	n = atomic_load(&registered.count);
	room = n < REGISTERED && lo < hi;
	if (room) {
		registered.ranges[n].lo = lo;
		registered.ranges[n].hi = hi;
		atomic_store(&registered.count, n + 1);
	}
	gcm_lock_release(&registered.lock);
	return room;
}

bool
gcm_root_remove(uintptr_t lo, uintptr_t hi)
{
	bool found = false;
	uint32_t n;

	gcm_lock_acquire(&registered.lock);
	n = atomic_load(&registered.count);
	for (uint32_t i = 0; i < n && !found; i++) {
		if (registered.ranges[i].lo != lo ||
		    registered.ranges[i].hi != hi)
			continue;
		registered.ranges[i] = registered.ranges[n - 1];
		atomic_store(&registered.count, n - 1);
		found = true;
	}
	gcm_lock_release(&registered.lock);
	return found;
}

void
gcm_roots_reset(void)
{
	gcm_lock_init(&registered.lock, GCM_RANK_root);
}
