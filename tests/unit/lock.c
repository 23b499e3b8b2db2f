/* unit/lock.c -- the futex lock, alone and under contention */
#include "unit.h"

#include <pthread.h>

#include "core/lock.h"

enum {
	THREADS = 6,
	ROUNDS = 20000
};

static struct gcm_lock lock = GCM_LOCK_INIT(pageheap);
static uint64_t counter;    /* lock */
static unsigned int holder; /* lock */

START_TEST(alone)
{
	ck_assert(!gcm_lock_held(&lock));
	gcm_lock_acquire(&lock);
	ck_assert(gcm_lock_held(&lock));
	ck_assert(!gcm_lock_try(&lock));
	gcm_lock_release(&lock);
	ck_assert(gcm_lock_try(&lock));
	gcm_lock_release(&lock);
	ck_assert(!gcm_lock_held(&lock));
	ck_assert_uint_eq(os_fake_count(OS_WAIT), 0);
	ck_assert_uint_eq(os_fake_count(OS_WAKE), 0);
}
END_TEST

START_TEST(release_of_a_free_lock)
{
	UNIT_DIES(gcm_lock_release(&lock), "internal error: ");
}
END_TEST

static const uint32_t ranks[] = {
#define LOCK(name, rank, guards) rank,
#include "core/lock.def"
#undef LOCK
};

START_TEST(ranks_are_in_order)
{
	struct gcm_lock other;

	gcm_lock_init(&other, GCM_RANK_meta);
	ck_assert_uint_eq(other.rank, GCM_RANK_meta);
	ck_assert(!gcm_lock_held(&other));
	for (unsigned int i = 1; i < RIG_COUNT(ranks); i++)
		ck_assert_uint_lt(ranks[i - 1], ranks[i]);
}
END_TEST

static void *
contend(void *arg)
{
	unsigned int me = *(unsigned int *)arg;

	for (int i = 0; i < ROUNDS; i++) {
		if (i % 16 != 0 || !gcm_lock_try(&lock))
			gcm_lock_acquire(&lock);
		UNIT_CHECK(holder == 0);
		holder = me;
		counter++;
		UNIT_CHECK(holder == me);
		holder = 0;
		gcm_lock_release(&lock);
	}
	return NULL;
}

START_TEST(under_contention)
{
	pthread_t threads[THREADS];
	unsigned int numbers[THREADS];

	for (unsigned int i = 0; i < THREADS; i++) {
		numbers[i] = i + 1;
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, contend, &numbers[i]), 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_eq(counter, (uint64_t)THREADS * ROUNDS);
	ck_assert(!gcm_lock_held(&lock));
}
END_TEST

static void *
wait_for_lock(void *arg)
{
	gcm_lock_acquire(&lock);
	*(bool *)arg = true;
	gcm_lock_release(&lock);
	return NULL;
}

/* One waiter sleeps in the kernel and is woken by the release. */
START_TEST(a_sleeper_is_woken)
{
	bool came = false;
	pthread_t thread;

	gcm_lock_acquire(&lock);
	pthread_create(&thread, NULL, wait_for_lock, &came);
	while (os_fake_count(OS_WAIT) == 0)
		sched_yield();
	ck_assert(!came);
	gcm_lock_release(&lock);
	pthread_join(thread, NULL);
	ck_assert(came);
	ck_assert_uint_ge(os_fake_count(OS_WAKE), 1);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, alone);
	tcase_add_test(tcase, release_of_a_free_lock);
	tcase_add_test(tcase, ranks_are_in_order);
	tcase_add_test(tcase, under_contention);
	tcase_add_test(tcase, a_sleeper_is_woken);
}

UNIT_MAIN("lock", add_tests)
