/* unit/threads.c -- real threads at the heap, beside the scavenger's
 *
 * Blocks are handed from thread to thread through a shelf; threads end and new
 * ones begin.  Under ThreadSanitizer this is the test for races.
 */
#include "unit.h"

#include <pthread.h>

#include "core/stat.h"

enum {
	THREADS = 4,
	LIVES = 6,
	STEPS = 8000,
	MINE = 100,
	SHELF = 64
};

static struct rig_block shelf[SHELF];
static pthread_mutex_t shelf_lock = PTHREAD_MUTEX_INITIALIZER;

/* Put a block there, take what lay there. */
static void
swap_block(struct rig_block *block, unsigned int place)
{
	struct rig_block other;

	pthread_mutex_lock(&shelf_lock);
	other = shelf[place];
	shelf[place] = *block;
	pthread_mutex_unlock(&shelf_lock);
	*block = other;
}

static void
step(struct rig_block *mine, uint64_t *state)
{
	struct rig_block *block = &mine[rig_below(state, MINE)];
	uint64_t what = rig_below(state, 100);
	size_t size = rig_size(state, 17);

	if (what < 20)
		swap_block(block, (unsigned int)rig_below(state, SHELF));
	else if (block->at == NULL && what < 40)
		rig_calloc(block, size, rig_random(state));
	else if (block->at == NULL)
		rig_malloc(block, size, rig_random(state));
	else if (what < 35)
		rig_realloc(block, size + 1, rig_random(state));
	else
		rig_free(block);
	if (what == 99 && rig_chance(state, 10))
		(void)gcm_scavenge_now(0);
	if (what == 98 && rig_chance(state, 10)) {
		struct gcm_stat stat;

		gcm_stat_collect(&stat, NULL);
	}
}

static void *
live(void *arg)
{
	uint64_t state = *(uint64_t *)arg;
	struct rig_block mine[MINE];

	memset(mine, 0, sizeof(mine));
	ck_assert(gcm_heap_enter());
	for (int i = 0; i < STEPS; i++)
		step(mine, &state);
	if (gcm_cache_self()->status == GCM_CACHE_USED)
		gcm_cache_detach(gcm_cache_self());
	for (int i = 0; i < MINE; i++) /* late ones, too */
		rig_free(&mine[i]);
	return NULL;
}

static void
run_threads(uint64_t seed)
{
	pthread_t threads[THREADS];
	uint64_t seeds[THREADS];

	for (int generation = 0; generation < LIVES; generation++) {
		for (int i = 0; i < THREADS; i++) {
			seeds[i] = rig_random(&seed);
			ck_assert_int_eq(
			    pthread_create(&threads[i], NULL, live, &seeds[i]),
			    0);
		}
		for (int i = 0; i < THREADS; i++)
			pthread_join(threads[i], NULL);
	}
}

START_TEST(everything_at_once)
{
	struct gcm_stat stat;

	os_fake_threads(OS_THREADS_REAL);
	run_threads(rig_seed(0));
	unit_stop_scavenger();
	unit_verify();
	for (int i = 0; i < SHELF; i++)
		rig_free(&shelf[i]);
	unit_verify();
	gcm_stat_collect(&stat, NULL);
	ck_assert_uint_eq(stat.allocated_blocks, 0);
}
END_TEST

/* All threads at once are the first. */
START_TEST(first_use)
{
	os_fake_threads(OS_THREADS_REAL);
	run_threads((uint64_t)_i);
	unit_stop_scavenger();
	unit_verify();
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, everything_at_once);
	tcase_add_loop_test(tcase, first_use, 0, 2);
}

UNIT_MAIN("threads", add_tests)
