/* lock.c -- futex locks with a rank
 *
 * MODEL   Short critical sections: spin a little, then sleep in the kernel.
 *
 * FORK    A lock may be held, or its word torn from what it guards, in a
 *         forked child; heap.c re-initialises every one before the child's
 *         first slow path.
 */
#include "core/lock.h"

#include "core/arch.h"
#include "core/os.h"

enum {
	SPINS = 100
};

void
gcm_lock_init(struct gcm_lock *lock, enum gcm_lock_rank rank)
{
	atomic_store_explicit(&lock->word, 0, memory_order_relaxed);
	lock->rank = (uint32_t)rank;
}

bool
gcm_lock_try(struct gcm_lock *lock)
{
	uint32_t seen = 0;

	return atomic_compare_exchange_strong_explicit(
	    &lock->word, &seen, 1, memory_order_acquire, memory_order_relaxed);
}

static void
wait_lock(struct gcm_lock *lock)
{
	for (int i = 0; i < SPINS; i++) {
		if (!gcm_lock_held(lock) && gcm_lock_try(lock))
			return;
		gcm_arch_pause();
	}
	while (
	    atomic_exchange_explicit(&lock->word, 2, memory_order_acquire) != 0)
		gcm_os_wait(&lock->word, 2, 0);
}

void
gcm_lock_acquire(struct gcm_lock *lock)
{
	if (!gcm_lock_try(lock))
		wait_lock(lock);
}

void
gcm_lock_release(struct gcm_lock *lock)
{
	GCM_AVER(gcm_lock_held(lock));
	if (atomic_exchange_explicit(&lock->word, 0, memory_order_release) == 2)
		gcm_os_wake(&lock->word, 1);
}
