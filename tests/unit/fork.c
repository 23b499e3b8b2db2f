/* unit/fork.c -- a heap torn by fork is repaired by the child's first slow path
 *
 * The parent's threads are played by one; then the memory is torn as a fork
 * may tear it, and the test goes on as the child.  Every block of the program
 * must be what it was, and nothing may be handed out twice.
 */
#include "unit.h"

#include <pthread.h>
#include <unistd.h>

#include "core/meta.h"
#include "core/orphan.h"
#include "core/pageheap.h"
#include "core/span.h"

enum {
	NTHREADS = 3,
	NBLOCKS = 600,
	STEPS = 4000,
	FORKS = 3
};

static struct rig_block blocks[NBLOCKS];
static struct gcm_cache *threads[NTHREADS];
static uint64_t state;

static struct gcm_cache *
start_thread(void)
{
	gcm_cache_become(&gcm_cache_none);
	ck_assert_ptr_nonnull(gcm_heap_alloc(8)); /* leaked */
	return gcm_cache_self();
}

static void
step_as(struct gcm_cache *thread, size_t log_max)
{
	struct rig_block *block = &blocks[rig_below(&state, NBLOCKS)];
	size_t size = rig_size(&state, (unsigned int)log_max);

	gcm_cache_become(thread);
	if (block->at == NULL)
		rig_malloc(block, size, rig_random(&state));
	else if (rig_chance(&state, 20))
		rig_realloc(block, size + 1, rig_random(&state));
	else
		rig_free(block);
}

/* A parent with a past: threads that work, one that ended, strangers. */
static void
live_as_parent(void)
{
	struct gcm_cache *ended;

	for (unsigned int i = 0; i < NTHREADS; i++)
		threads[i] = start_thread();
	ended = start_thread();
	for (int i = 0; i < STEPS; i++) {
		step_as(threads[rig_below(&state, NTHREADS)], 19);
		if (i < STEPS / 2)
			step_as(ended, 15);
	}
	gcm_cache_become(ended);
	gcm_cache_detach(ended);
}

static void
check_blocks(void)
{
	for (unsigned int i = 0; i < NBLOCKS; i++)
		rig_block_check(&blocks[i]);
}

/* The child works on, alone at first, then with new threads. */
static void
live_as_child(struct gcm_cache *self)
{
	check_blocks();
	gcm_cache_become(self);
	ck_assert_ptr_nonnull(gcm_heap_alloc(100000)); /* a slow path */
	unit_verify();
	check_blocks();
	for (int i = 0; i < STEPS / 4; i++)
		step_as(self, 19);
	unit_verify();
	threads[0] = self;
	if (self == &gcm_cache_none || self == &gcm_cache_late)
		threads[0] = start_thread();
	for (unsigned int i = 1; i < NTHREADS; i++)
		threads[i] = start_thread();
	for (int i = 0; i < STEPS; i++)
		step_as(threads[rig_below(&state, NTHREADS)], 19);
	check_blocks();
	unit_verify();
}

static void
end_blocks(void)
{
	for (unsigned int i = 0; i < NBLOCKS; i++)
		rig_free(&blocks[i]);
	unit_verify();
	gcm_cache_trim(NULL);
	unit_verify();
}

START_TEST(torn_with_a_survivor)
{
	state = rig_seed((uint64_t)_i + 1);
	live_as_parent();
	for (int i = 0; i < FORKS; i++) {
		struct gcm_cache *self = threads[rig_below(&state, NTHREADS)];

		gcm_cache_become(self);
		rig_tear_heap(&state, self);
		rig_fork();
		live_as_child(self);
	}
	end_blocks();
}
END_TEST

START_TEST(torn_without_a_survivor)
{
	state = rig_seed((uint64_t)_i + 1);
	live_as_parent();
	gcm_cache_become(_i % 2 == 0 ? &gcm_cache_none : &gcm_cache_late);
	rig_tear_heap(&state, NULL);
	rig_fork();
	live_as_child(gcm_cache_self());
	end_blocks();
}
END_TEST

/* A child that fork's wrapper was not told of: clone, vfork and the like. */
START_TEST(torn_and_untold)
{
	state = rig_seed((uint64_t)_i + 1);
	live_as_parent();
	gcm_cache_become(threads[0]);
	rig_tear_heap(&state, threads[0]);
	os_fake_wipe();
	live_as_child(threads[0]);
	end_blocks();
}
END_TEST

START_TEST(without_a_wiped_page)
{
	state = rig_seed(1);
	os_fake_fail(OS_MAP_WIPED, 0, 1, EINVAL);
	live_as_parent();
	gcm_cache_become(threads[0]);
	rig_tear_heap(&state, threads[0]);
	rig_fork();
	live_as_child(threads[0]);
	end_blocks();
}
END_TEST

/* One thread: nothing can be torn, so nothing is rebuilt. */
START_TEST(alone)
{
	uint32_t used;

	state = rig_seed(1);
	threads[0] = start_thread();
	for (int i = 0; i < STEPS; i++)
		step_as(threads[0], 19);
	used = gcm_pageheap.used;
	rig_fork();
	rig_malloc(&blocks[0], 8, 1);
	check_blocks();
	ck_assert_uint_eq(gcm_pageheap.used, used);
	ck_assert_uint_eq(gcm_orphan_count(), 0);
	end_blocks();
}
END_TEST

/* Another thread has only ever had a large block, so it has no cache; while it
 * allocates one more, the only thread with a cache forks.
 */
START_TEST(a_stranger_with_large_blocks)
{
	state = rig_seed(1);
	gcm_scavenge_disable(); /* its thread counts, too */
	threads[0] = start_thread();
	for (int i = 0; i < STEPS; i++)
		step_as(threads[0], 19);
	gcm_cache_become(&gcm_cache_none);
	ck_assert_ptr_nonnull(gcm_heap_alloc(100000));
	ck_assert_ptr_eq(gcm_cache_self(), &gcm_cache_none);
	gcm_cache_become(threads[0]);
	rig_tear_heap(&state, threads[0]);
	atomic_store(&gcm_pageheap.lock.word, 0);
	atomic_store(&threads[0]->lock.word, 0);
	rig_fork();
	live_as_child(threads[0]);
	end_blocks();
}
END_TEST

/* A slot that another thread freed, its hint not yet set, is not lost. */
START_TEST(a_free_between_state_and_hint)
{
	uintptr_t slot;
	bool came = false;

	threads[0] = start_thread();
	threads[1] = start_thread();
	gcm_cache_become(threads[0]);
	rig_malloc(&blocks[0], 100, 1);
	slot = (uintptr_t)blocks[0].at;
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

	state = rig_seed(1);
	live_as_parent();
	gcm_cache_become(threads[0]);
	index = gcm_span_new(class_id, 1000, 16, true);
	ck_assert_uint_ne(index, GCM_NO_PAGE);
	gcm_page(index + 9)->n = 16;
	atomic_store(&gcm_page(index + 9)->kind, GCM_KIND_SMALL);
	rig_fork();
	for (int i = 0; i < STEPS; i++)
		step_as(threads[0], 17);
	unit_verify();
	gcm_cache_trim(NULL); /* it is empty */
	unit_verify();
	run = index;
	for (int i = 0; i < 8 && gcm_page_kind(gcm_page(run)) != GCM_KIND_RUN;
	     i++)
		run++;
	for (uint32_t i = run + 1; i < index + 16; i++)
		ck_assert_uint_ne(gcm_page_kind(gcm_page(i)), GCM_KIND_SMALL);
	threads[1] = start_thread();
	gcm_cache_become(threads[0]);
	rig_fork();
	live_as_child(threads[0]);
	end_blocks();
}
END_TEST

/* Locks held by threads that are not in the child -----------------------------
 */

static enum os_fake_call park_at;
static _Thread_local bool parking;
static _Atomic bool ready, parked;

/* In the middle of that call, for ever. */
static void
park(enum os_fake_call call)
{
	if (!parking || call != park_at)
		return;
	atomic_store(&parked, true);
	for (;;)
		pause();
}

static void *
park_in_alloc(void *arg)
{
	parking = true;
	for (;;)
		RIG_CHECK(gcm_heap_alloc(20000) != NULL);
	return arg;
}

static void *
park_in_late(void *arg)
{
	gcm_cache_become(&gcm_cache_late);
	return park_in_alloc(arg);
}

static void *
park_in_release(void *arg)
{
	(void)arg;
	parking = true;
	rig_raw_free(gcm_heap_alloc(1 << 20));
	(void)gcm_scavenge_now(0);
	return NULL;
}

static void *
park_in_detach(void *arg)
{
	rig_raw_free(gcm_heap_alloc(100)); /* an empty span */
	atomic_store(&ready, true);
	while (!gcm_lock_held(&gcm_pageheap.lock))
		sched_yield();
	parking = true;
	gcm_cache_detach(gcm_cache_self());
	return arg;
}

static void *
park_in_trim(void *arg)
{
	atomic_store(&ready, true);
	while (!gcm_lock_held(&gcm_pageheap.lock))
		sched_yield();
	parking = true;
	(void)gcm_cache_trim(NULL);
	return arg;
}

static const struct {
	void *(*run)(void *arg);
	enum os_fake_call at;
	bool full; /* our own memory is used up */
	bool busy; /* the page heap is, when the thread gets there */
} parks[] = {
    {park_in_alloc, OS_MAP, true, false},        /* registry, meta */
    {park_in_alloc, OS_MAP_AT, false, false},    /* cache, page heap */
    {park_in_late, OS_MAP, true, false},         /* shared, registry, meta */
    {park_in_late, OS_MAP_AT, false, false},     /* shared, cache, page heap */
    {park_in_release, OS_RELEASE, false, false}, /* page heap */
    {park_in_detach, OS_WAIT, false, true},      /* a cache, half its spans */
    {park_in_trim, OS_WAIT, false, true},        /* orphan */
};

static void
use_up_meta(void)
{
	os_fake_fail(OS_MAP, 0, UINT64_MAX, ENOMEM);
	for (size_t size = 1 << 17; size >= 16; size /= 2)
		while (gcm_meta_alloc(size) != NULL)
			;
	os_fake_fail(OS_MAP, 0, 0, 0);
}

static void
free_blocks_of_orphans(void)
{
	for (unsigned int i = 0; i < NBLOCKS; i++)
		if (blocks[i].at != NULL &&
		    gcm_page_owner(gcm_page_at((uintptr_t)blocks[i].at)) ==
			GCM_OWNER_ORPHAN)
			rig_free(&blocks[i]);
}

START_TEST(locks_of_threads_that_are_gone)
{
	struct gcm_cache *self;
	pthread_t thread;

	state = rig_seed(1);
	live_as_parent();
	self = threads[0];
	gcm_cache_become(self);
	free_blocks_of_orphans();
	park_at = parks[_i].at;
	os_fake.on_call = park;
	if (parks[_i].full)
		use_up_meta();
	pthread_create(&thread, NULL, parks[_i].run, NULL);
	if (parks[_i].busy) {
		while (!atomic_load(&ready))
			sched_yield();
		gcm_lock_acquire(&gcm_pageheap.lock);
	}
	while (!atomic_load(&parked))
		sched_yield();
	rig_fork();
	live_as_child(self);
	end_blocks();
}
END_TEST

/* Several threads of the child at once: one repairs, the others wait. */
static void *
work_in_child(void *arg)
{
	pthread_barrier_t *barrier = arg;
	void *mine[200];

	pthread_barrier_wait(barrier);
	for (unsigned int i = 0; i < 200; i++) {
		mine[i] = rig_raw_malloc(i * 10);
		memset(mine[i], 1, i * 10);
	}
	for (unsigned int i = 0; i < 200; i++)
		rig_raw_free(mine[i]);
	gcm_cache_detach(gcm_cache_self());
	return NULL;
}

START_TEST(threads_of_the_child)
{
	pthread_barrier_t barrier;
	pthread_t children[4];

	state = rig_seed((uint64_t)_i + 1);
	live_as_parent();
	gcm_cache_become(threads[0]);
	rig_fork();
	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 4; i++)
		pthread_create(&children[i], NULL, work_in_child, &barrier);
	for (int i = 0; i < 4; i++)
		pthread_join(children[i], NULL);
	unit_verify();
	live_as_child(threads[0]);
	end_blocks();
}
END_TEST

/* A new thread of the child was first, so that nobody knows which cache lived
 * on; then it forks, while the first thread works.
 */
START_TEST(a_child_of_an_untold_child)
{
	struct gcm_cache *self;

	state = rig_seed((uint64_t)_i + 1);
	gcm_scavenge_disable();
	live_as_parent();
	gcm_cache_become(threads[0]);
	rig_fork();
	self = start_thread();
	for (int i = 0; i < STEPS / 4; i++)
		step_as(i % 2 == 0 ? self : threads[0], 19);
	unit_verify();
	gcm_cache_become(self);
	rig_tear_heap(&state, self);
	atomic_store(&gcm_pageheap.lock.word, 0);
	atomic_store(&self->lock.word, 0);
	rig_fork();
	live_as_child(self);
	end_blocks();
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
	tcase_add_loop_test(
	    tcase, locks_of_threads_that_are_gone, 0, RIG_COUNT(parks));
	tcase_add_loop_test(tcase, threads_of_the_child, 0, 4);
	tcase_add_loop_test(tcase, a_child_of_an_untold_child, 0, 4);
}

UNIT_MAIN("fork", add_tests)
