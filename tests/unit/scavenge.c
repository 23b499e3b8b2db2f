/* unit/scavenge.c -- free memory goes back, and the thread's life
 *
 * The thread is a script here: it runs when the test lets it, and its waits
 * move the clock.
 */
#include "unit.h"

#include <pthread.h>

#include "core/pageheap.h"

enum {
	MIB = 1 << 20,
	KEPT = 64,
	NBLOCKS = 64
};

static void *blocks[NBLOCKS];

/* Take that many MiB, and write to all of it; free it again. */
static void
take_memory(unsigned int nmib)
{
	for (unsigned int i = 0; i < nmib; i++) {
		blocks[i] = gcm_heap_alloc(MIB);
		ck_assert_ptr_nonnull(blocks[i]);
		memset(blocks[i], 1, MIB);
	}
}

static void
give_memory(unsigned int nmib)
{
	for (unsigned int i = 0; i < nmib; i++)
		rig_raw_free(blocks[i]);
}

static void
free_memory(unsigned int nmib)
{
	take_memory(nmib);
	give_memory(nmib);
}

static size_t
dirty_bytes(void)
{
	return (size_t)gcm_pageheap.dirty << GCM_PAGE_SHIFT;
}

START_TEST(plan)
{
	uint64_t state = rig_seed(1);

	ck_assert_uint_eq(gcm_scavenge_plan(0, 0), 0);
	ck_assert_uint_eq(gcm_scavenge_plan(KEPT, 0), 0);
	ck_assert_uint_eq(gcm_scavenge_plan(KEPT + 1, 0), 1);
	ck_assert_uint_eq(gcm_scavenge_plan(1000, 1000), 1000 - KEPT - 100);
	ck_assert_uint_eq(gcm_scavenge_plan(1000, 100000), 0);
	ck_assert_uint_eq(gcm_scavenge_plan(UINT32_MAX, 0), UINT32_MAX - KEPT);
	ck_assert_uint_eq(gcm_scavenge_plan(0, UINT32_MAX), 0);
	for (int i = 0; i < 100000; i++) {
		uint32_t idle = (uint32_t)(rig_random(&state) >> 33);
		uint32_t used = (uint32_t)(rig_random(&state) >> 33);
		uint32_t todo = gcm_scavenge_plan(idle, used);

		UNIT_CHECK(todo <= idle);
		UNIT_CHECK(todo == 0 || idle - todo == used / 10 + KEPT);
		UNIT_CHECK(gcm_scavenge_plan(idle + 1, used) >= todo);
		UNIT_CHECK(gcm_scavenge_plan(idle, used + 1) <= todo);
	}
}
END_TEST

/* A hundred looks while the program grows, shrinks and rests: never below what
 * it is about to use again, and all of it when it rests.
 */
START_TEST(plan_over_time)
{
	uint32_t dirty = 0, peak = 100000;

	for (unsigned int round = 0; round < 100; round++) {
		uint32_t used = round < 50 ? peak * (round % 5 + 1) / 5 : 1000;
		uint32_t idle = round < 50 ? 0 : peak - used;

		dirty =
		    round < 51 ? idle : dirty - gcm_scavenge_plan(dirty, used);
		UNIT_CHECK(round < 51 || dirty <= 1000 / 10 + KEPT);
	}
}
END_TEST

START_TEST(a_quiet_program_has_no_thread)
{
	free_memory(3);
	ck_assert(!os_fake_has_thread());
	ck_assert(!gcm_scavenge_running());
	ck_assert(gcm_scavenge_stop());
	ck_assert_uint_eq(os_fake_count(OS_THREAD), 0);
}
END_TEST

START_TEST(a_larger_heap_frees_more_before)
{
	take_memory(64);
	give_memory(3);
	ck_assert(!os_fake_has_thread());
	blocks[0] = gcm_heap_alloc((size_t)200 * MIB);
	for (unsigned int i = 3; i < 15; i++) /* a sixteenth of it */
		rig_raw_free(blocks[i]);
	ck_assert(!os_fake_has_thread());
	for (unsigned int i = 15; i < 20; i++)
		rig_raw_free(blocks[i]);
	ck_assert(os_fake_has_thread());
}
END_TEST

START_TEST(idle_memory_goes_back_in_seconds)
{
	uint64_t began = os_fake.now_ns;

	free_memory(40);
	ck_assert(os_fake_has_thread());
	ck_assert(gcm_scavenge_running());
	ck_assert_uint_gt(dirty_bytes(), 39 * (size_t)MIB);
	os_fake_run_thread();
	ck_assert(!gcm_scavenge_running()); /* nothing more to do */
	ck_assert_uint_le(dirty_bytes(), MIB);
	ck_assert_uint_ge(gcm_scavenge_released(), 39 * (uint64_t)MIB);
	ck_assert_uint_lt(os_fake.now_ns - began, 10000000000u);
	unit_verify();
	free_memory(40); /* and again */
	ck_assert(os_fake_has_thread());
	os_fake_run_thread();
	ck_assert_uint_le(dirty_bytes(), MIB);
	unit_verify();
}
END_TEST

static unsigned int nwaits;

static void
work_meanwhile(_Atomic uint32_t *word, uint64_t timeout_ns)
{
	(void)word;
	if (timeout_ns >= 100000000 && nwaits++ < 20)
		free_memory(40);
}

START_TEST(what_is_used_again_is_left_alone)
{
	os_fake.on_wait = work_meanwhile;
	while (nwaits < 20) { /* it gives up, and is started again */
		free_memory(40);
		os_fake_run_thread();
	}
	ck_assert_uint_le(gcm_scavenge_released(), 42 * (uint64_t)MIB);
}
END_TEST

/* Each piece of work is followed by a rest of 99 times its CPU time. */
static uint64_t rested;

static void
note_rest(_Atomic uint32_t *word, uint64_t timeout_ns)
{
	(void)word;
	if (timeout_ns != 500000000)
		rested += timeout_ns;
}

START_TEST(a_hundredth_of_a_processor)
{
	os_fake.cpu_ns = 1000000;
	os_fake.on_wait = note_rest;
	free_memory(40);
	os_fake_run_thread();
	ck_assert_uint_ge(rested, 5 * 99 * (uint64_t)1000000);
}
END_TEST

/* Nothing can be done, so the thread does not stay. */
START_TEST(a_system_that_takes_nothing_back)
{
	uint64_t began = os_fake.now_ns;

	free_memory(40);
	os_fake_fail(OS_RELEASE, 0, UINT64_MAX, EPERM);
	os_fake_run_thread();
	ck_assert_uint_lt(os_fake.now_ns - began, 10000000000u);
	ck_assert_uint_eq(gcm_scavenge_released(), 0);
}
END_TEST

START_TEST(empty_spans_go_back)
{
	static void *small[20000];

	for (unsigned int i = 0; i < RIG_COUNT(small); i++)
		small[i] = rig_raw_malloc(1000);
	for (unsigned int i = 0; i < RIG_COUNT(small); i++)
		rig_raw_free(small[i]);
	ck_assert(os_fake_has_thread());
	os_fake_run_thread();
	ck_assert_uint_ge(gcm_scavenge_released(), 15 * (uint64_t)MIB);
	unit_verify();
}
END_TEST

START_TEST(stopping)
{
	free_memory(10);
	ck_assert(os_fake_has_thread());
	ck_assert(gcm_scavenge_stop());
	ck_assert(!gcm_scavenge_running());
	ck_assert(!os_fake_has_thread());
	ck_assert_uint_eq(gcm_scavenge_released(), 0);
	free_memory(10);
	ck_assert(os_fake_has_thread()); /* there again */
	os_fake_run_thread();
	ck_assert_uint_gt(gcm_scavenge_released(), 0);
}
END_TEST

START_TEST(a_thread_that_does_not_answer)
{
	uint64_t began = os_fake.now_ns;

	os_fake_threads(OS_THREADS_MUTE);
	free_memory(10);
	ck_assert(!gcm_scavenge_stop());
	ck_assert_uint_ge(os_fake.now_ns - began, 900000000);
	ck_assert_uint_le(os_fake.now_ns - began, 2000000000);
	free_memory(10); /* one is enough */
	ck_assert_uint_eq(os_fake_count(OS_THREAD), 1);
	os_fake_run_thread(); /* late, but it ends */
	ck_assert(!gcm_scavenge_running());
	free_memory(10);
	ck_assert_uint_eq(os_fake_count(OS_THREAD), 2);
}
END_TEST

START_TEST(disabling)
{
	free_memory(10);
	gcm_scavenge_disable();
	ck_assert(!gcm_scavenge_running());
	free_memory(10);
	ck_assert(!os_fake_has_thread());
	gcm_scavenge_reset();
	free_memory(10);
	ck_assert(!os_fake_has_thread());
	ck_assert(gcm_scavenge_now(0)); /* by the program itself */
}
END_TEST

START_TEST(a_child_has_no_thread)
{
	os_fake_threads(OS_THREADS_MUTE);
	free_memory(10);
	ck_assert(gcm_scavenge_running());
	os_fake_end_thread(); /* it is not in the child */
	rig_fork();
	free_memory(10);
	ck_assert(gcm_scavenge_running());
	ck_assert_uint_eq(os_fake_count(OS_THREAD), 2);
}
END_TEST

START_TEST(no_thread_to_be_had)
{
	enum os_fake_call call = _i == 0 ? OS_THREAD : OS_MAP;

	ck_assert_ptr_nonnull(gcm_heap_alloc(100));
	os_fake_fail(call, 0, UINT64_MAX, EAGAIN);
	free_memory(10);
	ck_assert(!gcm_scavenge_running());
	ck_assert(gcm_scavenge_stop());
	os_fake_fail(call, 0, 0, 0);
	free_memory(10);
	ck_assert(gcm_scavenge_running());
}
END_TEST

START_TEST(nothing_to_give_back)
{
	ck_assert(!gcm_scavenge_now(0)); /* before the first use */
	ck_assert_uint_eq(os_fake_count(OS_ANY), 0);
	ck_assert_ptr_nonnull(gcm_heap_alloc(100));
	(void)gcm_scavenge_now(0);
	unit_verify();
}
END_TEST

START_TEST(giving_back_at_once)
{
	free_memory(40);
	ck_assert(gcm_scavenge_now(10 * MIB));
	ck_assert_uint_ge(dirty_bytes(), 10 * MIB - 4 * MIB);
	ck_assert_uint_le(dirty_bytes(), 10 * MIB);
	unit_verify();
	ck_assert(!gcm_scavenge_now(10 * MIB));
	ck_assert(gcm_scavenge_now(0));
	ck_assert_uint_eq(dirty_bytes(), 0);
	ck_assert(!gcm_scavenge_now(0));
	unit_verify();
	free_memory(40);
	gcm_os_confine(); /* a filter on system calls: release fails */
	ck_assert(!gcm_scavenge_now(1));
	ck_assert_uint_gt(dirty_bytes(), 0);
	(void)gcm_scavenge_now(0);
	unit_verify();
}
END_TEST

static void *
churn(void *arg)
{
	static struct rig_block all[4][200];
	struct rig_block *mine = all[*(unsigned int *)arg];
	uint64_t state = *(unsigned int *)arg + 1;

	ck_assert(gcm_heap_enter());
	for (int i = 0; i < 4000; i++) {
		void **at = (void **)&mine[rig_below(&state, 200)].at;

		if (*at != NULL)
			rig_raw_free(*at);
		*at = rig_chance(&state, 30)
			  ? NULL
			  : rig_raw_malloc(rig_size(&state, 21));
	}
	for (unsigned int i = 0; i < 200; i++)
		if (mine[i].at != NULL)
			rig_raw_free(mine[i].at);
	gcm_cache_detach(gcm_cache_self());
	return NULL;
}

START_TEST(beside_real_threads)
{
	unsigned int numbers[4];
	pthread_t threads[4];

	os_fake_threads(OS_THREADS_REAL);
	for (unsigned int i = 0; i < 4; i++) {
		numbers[i] = i;
		pthread_create(&threads[i], NULL, churn, &numbers[i]);
	}
	for (unsigned int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	unit_stop_scavenger();
	ck_assert_uint_ge(os_fake_count(OS_THREAD), 1);
	unit_verify();
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, plan);
	tcase_add_test(tcase, plan_over_time);
	tcase_add_test(tcase, a_quiet_program_has_no_thread);
	tcase_add_test(tcase, a_larger_heap_frees_more_before);
	tcase_add_test(tcase, idle_memory_goes_back_in_seconds);
	tcase_add_test(tcase, what_is_used_again_is_left_alone);
	tcase_add_test(tcase, a_hundredth_of_a_processor);
	tcase_add_test(tcase, a_system_that_takes_nothing_back);
	tcase_add_test(tcase, empty_spans_go_back);
	tcase_add_test(tcase, stopping);
	tcase_add_test(tcase, a_thread_that_does_not_answer);
	tcase_add_test(tcase, disabling);
	tcase_add_test(tcase, a_child_has_no_thread);
	tcase_add_loop_test(tcase, no_thread_to_be_had, 0, 2);
	tcase_add_test(tcase, nothing_to_give_back);
	tcase_add_test(tcase, giving_back_at_once);
	tcase_add_test(tcase, beside_real_threads);
}

UNIT_MAIN("scavenge", add_tests)
