/* threads.c -- many threads, every block checked for what is in it
 *
 * MODEL   Each thread owns an array of slots and plays random calls on it.
 *         Shared places (an array of exchange slots, a ring) pass blocks
 *         between threads.  A block handed out twice, moved without its
 *         contents, lost to a race of a remote free, or freed into the
 *         wrong cache shows as a wrong pattern, a crash or a bad alignment.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	SLOTS = 400,
	MAX_THREADS = 64
};

struct player {
	unsigned id;
	long steps;
	size_t max;        /* largest request */
	unsigned resize;   /* of 16 steps, how many are reallocs */
	unsigned exchange; /* of 16 steps, how many swap with others */
};

/* Where threads swap blocks: a slot holds a boxed kit_block or NULL. */
static _Atomic(struct kit_block *) exchange[256];

static struct kit_block *
box_new(struct kit_rng *rng, size_t size, unsigned owner)
{
	struct kit_block *box = malloc(sizeof(*box));

	KIT_CHECK(box != NULL);
	kit_block_new(box, rng, size, owner);
	return box;
}

static void
box_free(struct kit_block *box)
{
	if (box == NULL)
		return;
	kit_block_free(box);
	free(box);
}

static void
step(const struct player *me, struct kit_rng *rng, struct kit_block **slot)
{
	size_t size = kit_size(rng, me->max);
	size_t dice = kit_below(rng, 16);

	if (dice < me->exchange) {
		size_t at = kit_below(rng, KIT_COUNT(exchange));

		*slot = atomic_exchange(&exchange[at], *slot);
		if (*slot != NULL)
			kit_block_check(*slot);
	} else if (*slot == NULL) {
		*slot = box_new(rng, size, me->id);
	} else if (dice < me->exchange + me->resize) {
		kit_block_resize(*slot, rng, size);
	} else {
		box_free(*slot);
		*slot = NULL;
	}
}

static void *
play(void *arg)
{
	const struct player *me = arg;
	struct kit_rng rng = kit_rng_new(me->id);
	struct kit_block *slots[SLOTS] = {NULL};

	for (long i = 0; i < me->steps; i++)
		step(me, &rng, &slots[kit_below(&rng, SLOTS)]);
	for (size_t i = 0; i < SLOTS; i++)
		box_free(slots[i]);
	return NULL;
}

static void
play_all(unsigned nthreads, struct player kind)
{
	static struct player players[MAX_THREADS];
	pthread_t threads[MAX_THREADS];

	for (unsigned i = 0; i < nthreads; i++) {
		players[i] = kind;
		players[i].id = i;
		threads[i] = kit_thread(play, &players[i]);
	}
	for (unsigned i = 0; i < nthreads; i++)
		kit_join(threads[i]);
	for (size_t i = 0; i < KIT_COUNT(exchange); i++)
		box_free(atomic_exchange(&exchange[i], NULL));
}

static void
cookies(void)
{
	struct player kind = {
	    .steps = kit_scale(800000, 20000000), .max = 2000, .resize = 2};

	play_all(4, kind);
}

static void
hand_over(void)
{
	struct player kind = {.steps = kit_scale(600000, 20000000),
	    .max = 3000,
	    .exchange = 8,
	    .resize = 1};

	play_all(6, kind);
}

static void
sixteen_mixed(void)
{
	struct player kind = {.steps = kit_scale(60000, 2000000),
	    .max = 40000,
	    .exchange = 3,
	    .resize = 6};

	play_all(16, kind);
}

static void
large_blocks(void)
{
	struct player kind = {.steps = kit_scale(1500, 50000),
	    .max = 4 << 20,
	    .exchange = 3,
	    .resize = 5};

	play_all(4, kind);
}

/* Crosses all sizes where a class ends or a span changes kind. */
static void *
edges_of_classes(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	struct kit_block b[3];

	for (long n = 0; n < kit_scale(1, 20); n++) {
		for (size_t size = 1; size < 300000; size += 1 + size / 24) {
			for (size_t i = 0; i < 3; i++)
				kit_block_new(&b[i], &rng, size + i - 1, 1);
			kit_block_resize(&b[0], &rng, b[0].size + 1);
			kit_block_resize(&b[1], &rng, b[1].size / 2);
			kit_block_resize(&b[2], &rng, b[2].size * 2);
			for (size_t i = 0; i < 3; i++)
				kit_block_free(&b[i]);
		}
	}
	return NULL;
}

static void
edges(void)
{
	pthread_t threads[4];

	for (size_t i = 0; i < 4; i++)
		threads[i] = kit_thread(edges_of_classes, (void *)i);
	for (size_t i = 0; i < 4; i++)
		kit_join(threads[i]);
}

/* -- threads that end and leave their blocks to others -- */

enum {
	LEFT = 300
};

struct estate {
	unsigned id;
	struct kit_block left[LEFT];
};

static void *
leave_blocks(void *arg)
{
	struct estate *estate = arg;
	struct kit_rng rng = kit_rng_new(estate->id);

	for (size_t i = 0; i < LEFT; i++) {
		struct kit_block gone;

		kit_block_new(&gone, &rng, kit_size(&rng, 5000), 7);
		kit_block_new(
		    &estate->left[i], &rng, kit_size(&rng, 5000), estate->id);
		kit_block_free(&gone);
	}
	return NULL;
}

static void *
inherit_blocks(void *arg)
{
	struct estate *estate = arg;
	struct kit_rng rng = kit_rng_new(estate->id + 1000000);

	for (size_t i = 0; i < LEFT; i++) {
		if (kit_below(&rng, 3) == 0)
			kit_block_resize(&estate->left[i], &rng, 6000);
		kit_block_free(&estate->left[i]);
	}
	return NULL;
}

/* Heirs free while the next generation starts: caches change hands under
 * remote frees.
 */
static void
death(void)
{
	static struct estate estates[2][4];
	pthread_t threads[2][4];
	long generations = kit_scale(150, 5000);

	for (long g = 0; g < generations; g++) {
		struct estate *now = estates[g % 2];

		for (unsigned i = 0; i < 4; i++) {
			now[i].id = (unsigned)g * 4 + i;
			threads[0][i] = kit_thread(leave_blocks, &now[i]);
			if (g > 0)
				threads[1][i] = kit_thread(
				    inherit_blocks, &estates[(g + 1) % 2][i]);
		}
		for (unsigned i = 0; i < 4; i++) {
			kit_join(threads[0][i]);
			if (g > 0)
				kit_join(threads[1][i]);
		}
	}
	for (unsigned i = 0; i < 4; i++)
		inherit_blocks(&estates[(generations - 1) % 2][i]);
}

/* Threads whose only call ever is free. */
static void *
free_only(void *arg)
{
	struct estate *estate = arg;

	for (size_t i = 0; i < LEFT; i++)
		kit_block_free(&estate->left[i]);
	return NULL;
}

static void
never_allocated(void)
{
	static struct estate estates[4];

	for (long round = 0; round < kit_scale(200, 5000); round++) {
		pthread_t threads[4];

		for (unsigned i = 0; i < 4; i++) {
			estates[i].id = (unsigned)round * 4 + i;
			leave_blocks(&estates[i]);
			threads[i] = kit_thread(free_only, &estates[i]);
		}
		for (unsigned i = 0; i < 4; i++)
			kit_join(threads[i]);
	}
}

/* -- stacks of 16 KiB: no call may need much of it -- */

static void *
shallow(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	struct kit_block b[8];

	for (long round = 0; round < 60; round++) {
		for (size_t i = 0; i < KIT_COUNT(b); i++)
			kit_block_new(
			    &b[i], &rng, kit_size(&rng, (size_t)200000), 3);
		for (size_t i = 0; i < KIT_COUNT(b); i++)
			kit_block_resize(&b[i], &rng, kit_size(&rng, 300000));
		for (size_t i = 0; i < KIT_COUNT(b); i++)
			kit_block_free(&b[i]);
	}
	malloc_trim(0);
	return NULL;
}

static void
small_stacks(void)
{
	size_t least = (size_t)PTHREAD_STACK_MIN;
	size_t stack = least < 16384 ? 16384 : least;

	for (uintptr_t round = 0; round < (size_t)kit_scale(10, 200); round++) {
		pthread_t threads[8];

		for (uintptr_t i = 0; i < 8; i++)
			threads[i] = kit_thread_small(
			    shallow, (void *)(round * 8 + i), stack);
		for (size_t i = 0; i < 8; i++)
			kit_join(threads[i]);
	}
}

/* -- two threads, one block: each grows the other's -- */

static struct kit_block pair[2];
static pthread_barrier_t both;

static void *
grow_other(void *arg)
{
	size_t me = (uintptr_t)arg;
	struct kit_rng rng = kit_rng_new(me);
	size_t size = 1;

	for (long i = 0; i < kit_scale(600, 10000); i++) {
		pthread_barrier_wait(&both);
		size = size * 9 / 8 + 1;
		if (size > (size_t)3 << 20)
			size = 1;
		kit_block_resize(&pair[(me + (size_t)i) % 2], &rng, size);
	}
	return NULL;
}

static void
grow_by_turns(void)
{
	struct kit_rng rng = kit_rng_new(9);
	pthread_t other;

	pthread_barrier_init(&both, NULL, 2);
	kit_block_new(&pair[0], &rng, 1, 0);
	kit_block_new(&pair[1], &rng, 1, 1);
	other = kit_thread(grow_other, (void *)1);
	grow_other(NULL);
	kit_join(other);
	kit_block_free(&pair[0]);
	kit_block_free(&pair[1]);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"cookies", cookies, 0, 0},
	    {"hand-over", hand_over, 0, 0},
	    {"sixteen-mixed", sixteen_mixed, 0, 0},
	    {"large-blocks", large_blocks, 0, 0},
	    {"edges", edges, 0, 0},
	    {"death", death, 0, 0},
	    {"never-allocated", never_allocated, 0, 0},
	    {"small-stacks", small_stacks, 0, 0},
	    {"grow-by-turns", grow_by_turns, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
