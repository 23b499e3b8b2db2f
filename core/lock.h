/* lock.h -- futex locks with a rank
 *
 * Usable anywhere a system call is: before libc is up, in threads without TLS.
 * No lock is ever held across fork; the child re-initialises them all.  The
 * word is Drepper's third mutex ("Futexes Are Tricky", 2011).
 */
#ifndef GCM_CORE_LOCK_H
#define GCM_CORE_LOCK_H

#include "core/base.h"

enum gcm_lock_rank {
#define LOCK(name, rank, guards) GCM_RANK_##name = (rank),
#include "core/lock.def"
#undef LOCK
};

struct gcm_lock {
	_Atomic uint32_t word; /* 0 free, 1 held, 2 held and waited for */
	uint32_t rank;         /* const once initialised */
};

#define GCM_LOCK_INIT(name)                                                    \
	{                                                                      \
		0, GCM_RANK_##name                                             \
	}

void gcm_lock_init(struct gcm_lock *lock, enum gcm_lock_rank rank);
void gcm_lock_acquire(struct gcm_lock *lock);
bool gcm_lock_try(struct gcm_lock *lock);
void gcm_lock_release(struct gcm_lock *lock);

static inline bool
gcm_lock_held(const struct gcm_lock *lock)
{
	return atomic_load_explicit(&lock->word, memory_order_relaxed) != 0;
}

/* And does somebody wait for it, or did so a moment ago? */
static inline bool
gcm_lock_contended(const struct gcm_lock *lock)
{
	return atomic_load_explicit(&lock->word, memory_order_relaxed) == 2;
}

#endif
