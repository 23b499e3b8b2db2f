/* fork.c -- a child has a whole heap, whatever the parent's threads did
 *
 * MODEL   Children are born while other threads are inside malloc, free,
 *         thread start and thread end.  A child checks and frees what it
 *         inherited, allocates, runs threads, forks again and exits.  A lock
 *         held at the fork hangs it (the alarm of kit_fork tells), a cache
 *         that is half of a dead thread gives a block twice (the patterns
 *         tell), a cache that is lost with its thread shows in memory.
 *
 * RED     B12: without after_fork in gcm_heap_enter of core/heap.c
 *         "beside-others" printed "child 14052 hung".
 */
#define _GNU_SOURCE
#include "kit.h"

#include <malloc.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	SLOTS = 300,
	MAX_SIZE = 9000
};

struct table {
	pthread_mutex_t lock; /* the program's own: guards the blocks */
	struct kit_block blocks[SLOTS];
};

static atomic_bool stop;

static void
work_on(struct kit_block *blocks, struct kit_rng *rng, long steps)
{
	for (long i = 0; i < steps; i++) {
		struct kit_block *b = &blocks[kit_below(rng, SLOTS)];

		if (b->p == NULL)
			kit_block_new(b, rng, kit_size(rng, MAX_SIZE), 1);
		else if (kit_below(rng, 4) == 0)
			kit_block_resize(b, rng, kit_size(rng, MAX_SIZE));
		else
			kit_block_free(b);
	}
}

static void
free_all(struct kit_block *blocks)
{
	for (size_t i = 0; i < SLOTS; i++) {
		if (blocks[i].p != NULL)
			kit_block_free(&blocks[i]);
	}
}

static void *
work_a_while(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	struct kit_block blocks[SLOTS] = {{NULL, 0, 0}};

	work_on(blocks, &rng, 3000);
	free_all(blocks);
	return NULL;
}

/* Everything a child may do, to the given depth of grandchildren. */
static void
live(uint64_t stream, int depth)
{
	struct kit_rng rng = kit_rng_new(stream);
	static struct kit_block blocks[SLOTS];
	pthread_t threads[2];

	work_on(blocks, &rng, 2000);
	for (uintptr_t i = 0; i < 2; i++)
		threads[i] = kit_thread(work_a_while, (void *)(stream + i));
	work_on(blocks, &rng, 500);
	if (depth > 0) {
		pid_t child = kit_fork();

		if (child == 0) {
			live(stream * 7 + 1, depth - 1);
			_exit(0);
		}
		kit_reap(child);
	}
	for (size_t i = 0; i < 2; i++)
		kit_join(threads[i]);
	free_all(blocks);
}

static void
from_one_thread(void)
{
	static struct kit_block mine[SLOTS];
	struct kit_rng rng = kit_rng_new(0);

	for (uint64_t i = 0; i < (uint64_t)kit_scale(60, 3000); i++) {
		pid_t child;

		work_on(mine, &rng, 500);
		child = kit_fork();
		if (child == 0) {
			work_on(mine, &rng, 500);
			live(i, 2);
			free_all(mine);
			if (i % 2 == 0)
				exit(0);
			_exit(0);
		}
		kit_reap(child);
	}
	free_all(mine);
}

static void *
work_until_stopped(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg + 100);
	struct kit_block blocks[SLOTS] = {{NULL, 0, 0}};

	while (!atomic_load(&stop))
		work_on(blocks, &rng, 50);
	free_all(blocks);
	return NULL;
}

static void *
start_and_end_threads(void *arg)
{
	while (!atomic_load(&stop))
		kit_join(kit_thread(work_a_while, arg));
	return NULL;
}

static void
beside_others(void)
{
	pthread_t threads[5];

	for (uintptr_t i = 0; i < 5; i++)
		threads[i] = kit_thread(
		    i < 4 ? work_until_stopped : start_and_end_threads,
		    (void *)i);
	for (uint64_t i = 0; i < (uint64_t)kit_scale(40, 1500); i++) {
		pid_t child = kit_fork();

		if (child == 0) {
			live(i, 1);
			_exit(0);
		}
		kit_reap(child);
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < 5; i++)
		kit_join(threads[i]);
}

/* -- the child frees what the threads that it does not have allocated -- */

static struct table tables[4];

static void *
work_on_table(void *arg)
{
	struct table *table = arg;
	struct kit_rng rng = kit_rng_new((uint64_t)(table - tables));

	while (!atomic_load(&stop)) {
		pthread_mutex_lock(&table->lock);
		work_on(table->blocks, &rng, 20);
		pthread_mutex_unlock(&table->lock);
		kit_sleep(0.0002);
	}
	return NULL;
}

/* Fills and empties far more than what was inherited: the memory of the
 * dead threads' caches must serve for it.
 */
static void
use_up(long limit)
{
	static void *blocks[20000];

	for (int round = 0; round < 8; round++) {
		for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
			blocks[i] = malloc(100 + i % 100);
			memset(blocks[i], 1, 100);
		}
		for (size_t i = 0; i < KIT_COUNT(blocks); i++)
			free(blocks[i]);
	}
	if (kit_rss() > limit)
		KIT_FAIL("%ld KiB resident, at most %ld expected",
		    kit_rss() >> 10, limit >> 10);
}

static void
inherited(void)
{
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++) {
		pthread_mutex_init(&tables[i].lock, NULL);
		threads[i] = kit_thread(work_on_table, &tables[i]);
	}
	for (uint64_t i = 0; i < (uint64_t)kit_scale(40, 3000); i++) {
		pid_t child;

		for (size_t j = 0; j < 4; j++)
			pthread_mutex_lock(&tables[j].lock);
		child = kit_fork();
		if (child == 0) {
			for (size_t j = 0; j < 4; j++)
				free_all(tables[j].blocks);
			use_up(kit_rss() + (12 << 20));
			_exit(0);
		}
		for (size_t j = 0; j < 4; j++)
			pthread_mutex_unlock(&tables[j].lock);
		kit_reap(child);
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < 4; i++) {
		kit_join(threads[i]);
		free_all(tables[i].blocks);
	}
}

/* -- storms: several threads fork at once, children too -- */

static void *
fork_again_and_again(void *arg)
{
	uint64_t me = (uintptr_t)arg;

	for (uint64_t i = 0; i < (uint64_t)kit_scale(60, 3000); i++) {
		pid_t child = kit_fork();

		if (child == 0) {
			if (i % 4 == 0)
				live(me * 1000 + i, 0);
			else
				free(malloc(i * 100));
			_exit(0);
		}
		free(malloc(i * 100));
		kit_reap(child);
	}
	return NULL;
}

static void
storm(void)
{
	pthread_t forkers[4], workers[2];

	for (uintptr_t i = 0; i < 2; i++)
		workers[i] = kit_thread(work_until_stopped, (void *)i);
	for (uintptr_t i = 0; i < 4; i++)
		forkers[i] = kit_thread(fork_again_and_again, (void *)i);
	for (size_t i = 0; i < 4; i++)
		kit_join(forkers[i]);
	atomic_store(&stop, true);
	for (size_t i = 0; i < 2; i++)
		kit_join(workers[i]);
}

static void
chain(void)
{
	pthread_t worker = kit_thread(work_until_stopped, NULL);
	pid_t child = kit_fork();

	if (child == 0) {
		live(1, (int)kit_scale(12, 60));
		_exit(0);
	}
	kit_reap(child);
	atomic_store(&stop, true);
	kit_join(worker);
}

/* The forking thread has a small stack and is the child's only one; the
 * child ends by its pthread_exit.
 */
static void *
fork_on_small_stack(void *arg)
{
	pid_t child = kit_fork();

	if (child == 0) {
		for (size_t size = 1; size < 200000; size *= 3)
			free(realloc(malloc(size), size * 2));
		pthread_exit(NULL);
	}
	kit_reap(child);
	return arg;
}

static void
small_stack(void)
{
	pthread_t worker = kit_thread(work_until_stopped, NULL);

	for (long i = 0; i < kit_scale(100, 3000); i++)
		kit_join(kit_thread_small(fork_on_small_stack, NULL, 16384));
	atomic_store(&stop, true);
	kit_join(worker);
}

/* -- the program's own handlers around fork use the heap -- */

static void *held_by_handlers[2];

static void
allocate_before(void)
{
	for (size_t i = 0; i < 2; i++) {
		free(held_by_handlers[i]);
		held_by_handlers[i] = malloc(i * 50000 + 24);
	}
}

static void
free_after(void)
{
	for (size_t i = 0; i < 2; i++) {
		free(held_by_handlers[i]);
		held_by_handlers[i] = calloc(1, 4000 - i);
	}
}

static void
handlers_allocate(void)
{
	pthread_atfork(allocate_before, free_after, free_after);
	beside_others();
}

/* -- fork by the bare system call: no handler of anybody runs -- */

static void
bare_system_call(void)
{
	static struct kit_block mine[SLOTS];
	struct kit_rng rng = kit_rng_new(3);

	for (uint64_t i = 0; i < (uint64_t)kit_scale(60, 2000); i++) {
		pid_t child;

		work_on(mine, &rng, 500);
		child = (pid_t)syscall(
		    SYS_clone, 17 /* SIGCHLD */, NULL, NULL, NULL, NULL);
		if (child == 0) {
			alarm(20);
			work_on(mine, &rng, 3000);
			free_all(mine);
			_exit(0);
		}
		kit_reap(child);
	}
	free_all(mine);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"from-one-thread", from_one_thread, 0, 0},
	    {"beside-others", beside_others, 0, 0},
	    {"inherited", inherited, 0, 0},
	    {"storm", storm, 0, 0},
	    {"chain", chain, 0, 0},
	    {"small-stack", small_stack, 0, 0},
	    {"handlers-allocate", handlers_allocate, 0, 0},
	    {"bare-system-call", bare_system_call, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
