/* unit/fork_threads.c -- forks beside real threads, and threads of the child
 *
 * A thread is parked for ever in the middle of a call, with the locks it holds
 * there: so the child of the others finds them.
 */
#define _GNU_SOURCE
#include "lives.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/meta.h"
#include "core/pageheap.h"
#include "core/span.h"

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
	for (unsigned int i = 0; i < LIVES_BLOCKS; i++)
		if (lives.blocks[i].at != NULL &&
		    gcm_page_owner(gcm_page_at(
			(uintptr_t)lives.blocks[i].at)) == GCM_OWNER_ORPHAN)
			rig_free(&lives.blocks[i]);
}

START_TEST(locks_of_threads_that_are_gone)
{
	struct gcm_cache *self;
	pthread_t thread;

	lives.state = rig_seed(1);
	lives_parent();
	self = lives.threads[0];
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
	lives_child(self);
	lives_end();
}
END_TEST

/* A thread of the parent was making the zone grow round a wall, which is
 * somebody else's: the child may undo the growth, but not the wall.
 */
static unsigned int park_after;

static void
park_after_some(enum os_fake_call call)
{
	if (parking && call == park_at && park_after-- == 0)
		park(call);
}

START_TEST(growth_round_a_wall)
{
	struct gcm_cache *self;
	pthread_t thread;
	unsigned char *wall;

	lives.state = rig_seed(1);
	lives_parent();
	self = lives.threads[0];
	gcm_cache_become(self);
	wall = mmap((void *)gcm_zone.hi, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ck_assert_ptr_eq(wall, (void *)gcm_zone.hi);
	memset(wall, 77, 4096);
	/* Before each mapping, and when all is done but for the names. */
	park_at = _i < 7 ? OS_MAP_AT : OS_NAME;
	park_after = (unsigned int)_i % 7;
	os_fake.on_call = park_after_some;
	pthread_create(&thread, NULL, park_in_alloc, NULL);
	while (!atomic_load(&parked))
		sched_yield();
	rig_fork();
	ck_assert_ptr_nonnull(gcm_heap_alloc(100000));
	ck_assert(gcm_os_can_read(wall));
	ck_assert_int_eq(wall[4095], 77);
	lives_child(self);
	lives_end();
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

	lives.state = rig_seed((uint64_t)_i + 1);
	lives_parent();
	gcm_cache_become(lives.threads[0]);
	rig_fork();
	pthread_barrier_init(&barrier, NULL, 4);
	for (int i = 0; i < 4; i++)
		pthread_create(&children[i], NULL, work_in_child, &barrier);
	for (int i = 0; i < 4; i++)
		pthread_join(children[i], NULL);
	unit_verify();
	lives_child(lives.threads[0]);
	lives_end();
}
END_TEST

/* A new thread of the child was first, so that nobody knows which cache lived
 * on; then it forks, while the first thread works.
 */
START_TEST(a_child_of_an_untold_child)
{
	struct gcm_cache *self;

	lives.state = rig_seed((uint64_t)_i + 1);
	gcm_scavenge_disable();
	lives_parent();
	gcm_cache_become(lives.threads[0]);
	rig_fork();
	self = lives_thread();
	for (int i = 0; i < LIVES_STEPS / 4; i++)
		lives_step(i % 2 == 0 ? self : lives.threads[0], 19);
	unit_verify();
	gcm_cache_become(self);
	rig_tear_heap(&lives.state, self);
	atomic_store(&gcm_pageheap.lock.word, 0);
	atomic_store(&self->lock.word, 0);
	rig_fork();
	lives_child(self);
	lives_end();
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(
	    tcase, locks_of_threads_that_are_gone, 0, RIG_COUNT(parks));
	tcase_add_loop_test(tcase, growth_round_a_wall, 0, 9);
	tcase_add_loop_test(tcase, threads_of_the_child, 0, 4);
	tcase_add_loop_test(tcase, a_child_of_an_untold_child, 0, 4);
}

UNIT_MAIN("fork_threads", add_tests)
