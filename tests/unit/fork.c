/* unit/fork.c -- a heap torn by fork is repaired by the child's first slow path
 *
 * The memory is torn as a fork may tear it, and the test goes on as the child.
 * Every block of the program must be what it was, and nothing may be handed
 * out twice.
 */
#include "lives.h"

#include "core/orphan.h"
#include "core/pageheap.h"
#include "core/span.h"

enum {
	FORKS = 3
};

START_TEST(torn_with_a_survivor)
{
	lives.state = rig_seed((uint64_t)_i + 1);
	lives_parent();
	for (int i = 0; i < FORKS; i++) {
		struct gcm_cache *self =
		    lives.threads[rig_below(&lives.state, LIVES_THREADS)];

		gcm_cache_become(self);
		rig_tear_heap(&lives.state, self);
		rig_fork();
		lives_child(self);
	}
	lives_end();
}
END_TEST

START_TEST(torn_without_a_survivor)
{
	lives.state = rig_seed((uint64_t)_i + 1);
	lives_parent();
	gcm_cache_become(_i % 2 == 0 ? &gcm_cache_none : &gcm_cache_late);
	rig_tear_heap(&lives.state, NULL);
	rig_fork();
	lives_child(gcm_cache_self());
	lives_end();
}
END_TEST

/* A child that fork's wrapper was not told of: clone, vfork and the like. */
START_TEST(torn_and_untold)
{
	lives.state = rig_seed((uint64_t)_i + 1);
	lives_parent();
	gcm_cache_become(lives.threads[0]);
	rig_tear_heap(&lives.state, lives.threads[0]);
	os_fake_wipe();
	lives_child(lives.threads[0]);
	lives_end();
}
END_TEST

START_TEST(without_a_wiped_page)
{
	lives.state = rig_seed(1);
	os_fake_fail(OS_MAP_WIPED, 0, 1, EINVAL);
	lives_parent();
	gcm_cache_become(lives.threads[0]);
	rig_tear_heap(&lives.state, lives.threads[0]);
	rig_fork();
	lives_child(lives.threads[0]);
	lives_end();
}
END_TEST

/* One thread: nothing can be torn, so nothing is rebuilt. */
START_TEST(alone)
{
	uint32_t used;

	lives.state = rig_seed(1);
	lives.threads[0] = lives_thread();
	for (int i = 0; i < LIVES_STEPS; i++)
		lives_step(lives.threads[0], 19);
	used = gcm_pageheap.used;
	rig_fork();
	rig_malloc(&lives.blocks[0], 8, 1);
	lives_check();
	ck_assert_uint_eq(gcm_pageheap.used, used);
	ck_assert_uint_eq(gcm_orphan_count(), 0);
	lives_end();
}
END_TEST

/* Another thread has only ever had a large block, so it has no cache; while it
 * allocates one more, the only thread with a cache forks.
 */
START_TEST(a_stranger_with_large_blocks)
{
	lives.state = rig_seed(1);
	gcm_scavenge_disable(); /* its thread counts, too */
	lives.threads[0] = lives_thread();
	for (int i = 0; i < LIVES_STEPS; i++)
		lives_step(lives.threads[0], 19);
	gcm_cache_become(&gcm_cache_none);
	ck_assert_ptr_nonnull(gcm_heap_alloc(100000));
	ck_assert_ptr_eq(gcm_cache_self(), &gcm_cache_none);
	gcm_cache_become(lives.threads[0]);
	rig_tear_heap(&lives.state, lives.threads[0]);
	atomic_store(&gcm_pageheap.lock.word, 0);
	atomic_store(&lives.threads[0]->lock.word, 0);
	rig_fork();
	lives_child(lives.threads[0]);
	lives_end();
}
END_TEST

/* A slot that another thread freed, its hint not yet set, is not lost. */
START_TEST(a_free_between_state_and_hint)
{
	uintptr_t slot;
	bool came = false;

	lives.threads[0] = lives_thread();
	lives.threads[1] = lives_thread();
	gcm_cache_become(lives.threads[0]);
	rig_malloc(&lives.blocks[0], 100, 1);
	slot = (uintptr_t)lives.blocks[0].at;
	gcm_slot_set(slot, GCM_FREE);
	rig_fork();
	for (int i = 0; i < 1000 && !came; i++) {
		void *got = gcm_heap_alloc(100);

		came = (uintptr_t)got == slot;
	}
	ck_assert(came);
	unit_verify();
}
END_TEST

/* A span whose later pages were made part of another one while fork copied
 * them: a head inside, which a second repair must not believe in.
 */
START_TEST(a_head_inside_a_torn_span)
{
	uint32_t class_id = gcm_class_of_size(32768), index, run;

	lives.state = rig_seed(1);
	lives_parent();
	gcm_cache_become(lives.threads[0]);
	index = gcm_span_new(class_id, 1000, 16, true);
	ck_assert_uint_ne(index, GCM_NO_PAGE);
	gcm_page(index + 9)->n = 16;
	atomic_store(&gcm_page(index + 9)->kind, GCM_KIND_SMALL);
	rig_fork();
	for (int i = 0; i < LIVES_STEPS; i++)
		lives_step(lives.threads[0], 17);
	unit_verify();
	gcm_cache_trim(NULL); /* it is empty */
	unit_verify();
	run = index;
	for (int i = 0; i < 8 && gcm_page_kind(gcm_page(run)) != GCM_KIND_RUN;
	     i++)
		run++;
	for (uint32_t i = run + 1; i < index + 16; i++)
		ck_assert_uint_ne(gcm_page_kind(gcm_page(i)), GCM_KIND_SMALL);
	lives.threads[1] = lives_thread();
	gcm_cache_become(lives.threads[0]);
	rig_fork();
	lives_child(lives.threads[0]);
	lives_end();
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, torn_with_a_survivor, 0, 16);
	tcase_add_loop_test(tcase, torn_without_a_survivor, 0, 8);
	tcase_add_loop_test(tcase, torn_and_untold, 0, 4);
	tcase_add_test(tcase, without_a_wiped_page);
	tcase_add_test(tcase, alone);
	tcase_add_test(tcase, a_stranger_with_large_blocks);
	tcase_add_test(tcase, a_free_between_state_and_hint);
	tcase_add_test(tcase, a_head_inside_a_torn_span);
}

UNIT_MAIN("fork", add_tests)
