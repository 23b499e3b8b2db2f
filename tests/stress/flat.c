/* flat.c -- memory that must not grow
 *
 * MODEL   Each case repeats a round whose live memory is bounded, and bounds
 *         the resident set after many rounds: by what it was after a few, or
 *         by a multiple of what is live.  Caches that die with their thread,
 *         remote frees that pile up at the freeing side, pages that are never
 *         used again for another size, and realloc that leaks its old block
 *         all show here and nowhere else.
 *
 * C5: without the hint beside the store of a free (core/cache.c):
 * consumer-of-small: "604784 KiB resident, at most 16384 expected".
 */
#define _GNU_SOURCE
#include "kit.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define MIB ((size_t)1 << 20)

static void *
touched(size_t size)
{
	unsigned char *p = malloc(size);

	KIT_CHECK(p != NULL);
	for (size_t at = 0; at < size; at += 4096)
		p[at] = 1;
	p[size - 1] = 1;
	return p;
}

static void
check_rss(const char *what, size_t limit)
{
	size_t rss = (size_t)kit_rss();

	if (rss > limit)
		KIT_FAIL("%s: %zu KiB resident, at most %zu expected", what,
		    rss / 1024, limit / 1024);
}

/* -- 5,000 threads, each with work in every class, some left behind -- */

static void *
short_life(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	void *slots[64] = {NULL};
	void *last = malloc(100);

	for (int i = 0; i < 200; i++) {
		size_t at = kit_below(&rng, KIT_COUNT(slots));

		free(slots[at]);
		slots[at] = touched(1 + kit_size(&rng, 40000));
	}
	for (size_t i = 0; i < KIT_COUNT(slots); i++)
		free(slots[i]);
	return last;
}

static void
threads_come_and_go(long nthreads, long alive)
{
	pthread_t threads[32];

	for (long i = 0; i < nthreads + alive; i++) {
		if (i >= alive)
			free(kit_join(threads[i % alive]));
		if (i < nthreads)
			threads[i % alive] = kit_thread(short_life, (void *)i);
	}
}

static void
five_thousand_threads(void)
{
	long before;

	threads_come_and_go(500, 8);
	before = kit_rss();
	threads_come_and_go(kit_scale(5000, 50000), 8);
	check_rss("5,000 threads later", (size_t)before + 4 * MIB);
}

/* All at once, twice: the second crowd must live where the first did. */
static pthread_barrier_t crowd;

static void *
stand_in_crowd(void *arg)
{
	void *mine = touched(1000);

	pthread_barrier_wait(&crowd);
	free(mine);
	return arg;
}

static void
one_crowd(unsigned n)
{
	static pthread_t threads[1000];

	pthread_barrier_init(&crowd, NULL, n);
	for (unsigned i = 0; i < n; i++)
		threads[i] = kit_thread_small(stand_in_crowd, NULL, 65536);
	for (unsigned i = 0; i < n; i++)
		kit_join(threads[i]);
}

static void
crowds(void)
{
	long before;

	one_crowd(500);
	one_crowd(500);
	before = kit_rss();
	for (long i = 0; i < kit_scale(8, 100); i++)
		one_crowd(500);
	check_rss("ten crowds of 500", (size_t)before + 8 * MIB);
}

/* The figure that mallinfo2 gives must come back too (the small print of
 * thread caches: blocks cached by the dead are not in use).
 */
static void *
one_block(void *arg)
{
	free(malloc(32));
	(void)arg;
	return malloc(32);
}

static void
accounts_of_the_dead(void)
{
	long n = kit_scale(10000, 100000);
	size_t before, after;

	free(kit_join(kit_thread(one_block, NULL)));
	before = mallinfo2().uordblks;
	KIT_CHECK(before != 0);
	for (long i = 0; i < n; i++)
		free(kit_join(kit_thread(one_block, NULL)));
	after = mallinfo2().uordblks;
	if (after > before + (size_t)n)
		KIT_FAIL("%zu bytes in use before, %zu after", before, after);
}

/* -- producer and consumer -- */

enum {
	RING = 4096
};

static _Atomic(void *) ring[RING];
static atomic_bool stop_consuming;

static void *
consume(void *arg)
{
	size_t at = 0;

	while (!atomic_load(&stop_consuming)) {
		void *p = atomic_exchange(&ring[at], NULL);

		if (p == NULL)
			sched_yield();
		else
			at = (at + 1) % RING;
		free(p);
	}
	return arg;
}

static void
produce(size_t total, size_t max)
{
	struct kit_rng rng = kit_rng_new(1);
	size_t at = 0;

	for (size_t made = 0; made < total;) {
		size_t size = 1 + kit_below(&rng, max);
		void *p = touched(size);

		while (atomic_load(&ring[at]) != NULL)
			sched_yield();
		atomic_store(&ring[at], p);
		at = (at + 1) % RING;
		made += size;
	}
}

static void
produce_and_consume(size_t total, size_t max, size_t limit)
{
	pthread_t thread;

	atomic_store(&stop_consuming, false);
	thread = kit_thread(consume, NULL);
	produce(total, max);
	check_rss("producer and free-only consumer", limit);
	atomic_store(&stop_consuming, true);
	kit_join(thread);
	for (size_t i = 0; i < RING; i++)
		free(atomic_exchange(&ring[i], NULL));
}

static void
consumer_of_small(void)
{
	produce_and_consume((size_t)kit_scale(500, 20000) * MIB, 400, 16 * MIB);
}

static void
consumer_of_mixed(void)
{
	produce_and_consume(
	    (size_t)kit_scale(3000, 100000) * MIB, 8000, 80 * MIB);
}

static void
consumer_of_large(void)
{
	produce_and_consume(
	    (size_t)kit_scale(8000, 200000) * MIB, 60000, 400 * MIB);
}

/* Every thread allocates for the next, which frees: nobody ever reuses what
 * it freed itself.
 */
enum {
	CIRCLE = 4
};
static _Atomic(void *) circle[CIRCLE][512];

static void *
pass_on(void *arg)
{
	size_t me = (uintptr_t)arg;
	struct kit_rng rng = kit_rng_new(me);

	for (long i = 0; i < kit_scale(600000, 20000000); i++) {
		size_t at = kit_below(&rng, 512);
		void *p = malloc(1 + kit_size(&rng, 2000));

		free(atomic_exchange(&circle[(me + 1) % CIRCLE][at], p));
	}
	return NULL;
}

static void
passing_on(void)
{
	pthread_t threads[CIRCLE];

	for (size_t i = 0; i < CIRCLE; i++)
		threads[i] = kit_thread(pass_on, (void *)i);
	for (size_t i = 0; i < CIRCLE; i++)
		kit_join(threads[i]);
	check_rss("four threads in a circle", 24 * MIB);
}

/* -- one thread: pages used again for other sizes -- */

static void
phases_of_size(void)
{
	static void *blocks[1 << 21];
	static const size_t sizes[] = {
	    64, 1024, 96, 30000, 48, 200000, 512, 5000, 32, 2 << 20};

	for (long round = 0; round < kit_scale(1, 20); round++) {
		for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
			size_t n = 64 * MIB / sizes[i];

			for (size_t j = 0; j < n; j++)
				blocks[j] = touched(sizes[i]);
			check_rss("one size after another",
			    64 * MIB * 9 / 5 + sizeof(blocks));
			for (size_t j = 0; j < n; j++)
				free(blocks[j]);
		}
	}
}

static void
large_at_random(void)
{
	enum {
		N = 200
	};
	struct kit_rng rng = kit_rng_new(4);
	size_t sizes[N] = {0}, live = 0, peak = 0;
	void *blocks[N] = {NULL};

	for (long i = 0; i < kit_scale(20000, 1000000); i++) {
		size_t at = kit_below(&rng, N);

		free(blocks[at]);
		live -= sizes[at];
		sizes[at] = 33000 + kit_size(&rng, 2 * MIB);
		blocks[at] = touched(sizes[at]);
		live += sizes[at];
		peak = live > peak ? live : peak;
	}
	check_rss("random large blocks", peak * 2 + 8 * MIB);
	for (size_t i = 0; i < N; i++)
		free(blocks[i]);
}

static void
growing_by_realloc(void)
{
	unsigned char *p[4] = {NULL};

	for (long round = 0; round < kit_scale(40, 1000); round++) {
		for (size_t size = 16; size < 4 * MIB; size += size / 7) {
			for (size_t i = 0; i < 4; i++) {
				p[i] = realloc(p[i], size + i * 10);
				KIT_CHECK(p[i] != NULL);
				p[i][size - 1] = 1;
			}
		}
		for (size_t i = 0; i < 4; i++)
			p[i] = realloc(p[i], 1);
	}
	check_rss("realloc up and down", 80 * MIB);
	for (size_t i = 0; i < 4; i++)
		free(p[i]);
}

static void
aligned_churn(void)
{
	struct kit_rng rng = kit_rng_new(5);
	unsigned char *blocks[64] = {NULL};

	for (long i = 0; i < kit_scale(60000, 2000000); i++) {
		size_t at = kit_below(&rng, KIT_COUNT(blocks));
		size_t align = (size_t)16 << kit_below(&rng, 17);
		size_t size = 1 + kit_size(&rng, 100000);

		free(blocks[at]);
		blocks[at] = memalign(align, size);
		KIT_CHECK(blocks[at] != NULL);
		KIT_CHECK((uintptr_t)blocks[at] % align == 0);
		blocks[at][0] = blocks[at][size - 1] = 1;
	}
	check_rss("aligned blocks", 100 * MIB);
	for (size_t i = 0; i < KIT_COUNT(blocks); i++)
		free(blocks[i]);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"five-thousand-threads", five_thousand_threads, 0, 120},
	    {"crowds", crowds, 0, 0},
	    {"accounts-of-the-dead", accounts_of_the_dead, 0, 0},
	    {"consumer-of-small", consumer_of_small, 0, 0},
	    {"consumer-of-mixed", consumer_of_mixed, 0, 0},
	    {"consumer-of-large", consumer_of_large, 0, 0},
	    {"passing-on", passing_on, 0, 0},
	    {"phases-of-size", phases_of_size, 0, 0},
	    {"large-at-random", large_at_random, 0, 0},
	    {"growing-by-realloc", growing_by_realloc, 0, 0},
	    {"aligned-churn", aligned_churn, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
