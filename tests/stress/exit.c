/* exit.c -- the ends of threads and of processes
 *
 * MODEL   Memory is asked for and freed where a library has usually closed
 *         already: in destructors of thread keys (four rounds of them), in
 *         atexit and on_exit handlers, in ELF destructors, while exit() runs
 *         beside threads that allocate, after the main thread has left.
 *         Most cases run the end in a child and look at its status.
 *
 * RED     B16: without the shared cache for threads that have given up theirs
 *         (alloc_slot of core/heap.c) "key-destructors" printed "no memory for
 *         28879 bytes".
 */
#define _GNU_SOURCE
#include "kit.h"

#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_bool stop;
static atomic_int nended;

static void *
allocate_for_ever(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	void *blocks[100] = {NULL};

	while (!atomic_load(&stop)) {
		size_t at = kit_below(&rng, KIT_COUNT(blocks));

		free(blocks[at]);
		blocks[at] = malloc(kit_size(&rng, 100000));
	}
	for (size_t i = 0; i < KIT_COUNT(blocks); i++)
		free(blocks[i]);
	atomic_fetch_add(&nended, 1);
	return NULL;
}

static void
play_at_exit(void)
{
	struct kit_rng rng = kit_rng_new(77);

	for (int i = 0; i < 300; i++) {
		struct kit_block b;

		kit_block_new(&b, &rng, kit_size(&rng, 60000), 1);
		kit_block_resize(&b, &rng, kit_size(&rng, 60000));
		kit_block_free(&b);
	}
}

static void
play_on_exit(int status, void *arg)
{
	(void)status;
	free(arg);
	play_at_exit();
}

/* -- exit() while others allocate -- */

static void
exit_in_a_race(void)
{
	for (long i = 0; i < kit_scale(60, 5000); i++) {
		pid_t child = kit_fork();

		if (child == 0) {
			for (uintptr_t t = 0; t < 4; t++)
				kit_thread(allocate_for_ever, (void *)t);
			atexit(play_at_exit);
			on_exit(play_on_exit, malloc(100));
			kit_sleep((double)(i % 10) / 2000);
			exit(0);
		}
		kit_reap(child);
	}
}

static void *
exit_from_thread(void *arg)
{
	kit_sleep(0.001);
	exit(0);
	return arg;
}

static void
exit_from_a_thread(void)
{
	for (long i = 0; i < kit_scale(100, 3000); i++) {
		pid_t child = kit_fork();

		if (child == 0) {
			atexit(play_at_exit);
			kit_thread(exit_from_thread, NULL);
			allocate_for_ever(NULL);
		}
		kit_reap(child);
	}
}

static void *
outlive_main(void *arg)
{
	play_at_exit();
	kit_sleep(0.02);
	play_at_exit();
	kit_sleep(0.02);
	play_at_exit();
	return arg;
}

static void
main_leaves_first(void)
{
	for (long i = 0; i < kit_scale(30, 1000); i++) {
		pid_t child = kit_fork();

		if (child == 0) {
			atexit(play_at_exit);
			for (int t = 0; t < 3; t++)
				kit_thread(outlive_main, NULL);
			pthread_exit(NULL);
		}
		kit_reap(child);
	}
}

static void
quick_and_direct(void)
{
	for (long i = 0; i < kit_scale(50, 1000); i++) {
		pid_t child = kit_fork();

		if (child == 0) {
			kit_thread(allocate_for_ever, NULL);
			at_quick_exit(play_at_exit);
			quick_exit(0);
		}
		kit_reap(child);
	}
}

/* -- keys whose destructors come back for more -- */

enum {
	KEYS = 40,
	ROUNDS = 3
};

static pthread_key_t keys[KEYS];
static atomic_int ndestroyed;

struct legacy {
	int key, round;
	struct kit_block block;
};

static void
legacy_set(int key, int round)
{
	struct kit_rng rng = kit_rng_new((uint64_t)key);
	struct legacy *legacy = malloc(sizeof(*legacy));

	KIT_CHECK(legacy != NULL);
	legacy->key = key;
	legacy->round = round;
	kit_block_new(&legacy->block, &rng, kit_size(&rng, 40000), 1);
	pthread_setspecific(keys[key], legacy);
}

static void
legacy_destroy(void *value)
{
	struct legacy *legacy = value;
	int key = legacy->key, round = legacy->round;

	kit_block_free(&legacy->block);
	free(legacy);
	play_at_exit();
	atomic_fetch_add(&ndestroyed, 1);
	if (round < ROUNDS)
		legacy_set(key, round + 1);
}

static void *
leave_legacies(void *arg)
{
	for (int i = 0; i < KEYS; i++) {
		if (arg != NULL || i % 7 == 0)
			legacy_set(i, 0);
	}
	return NULL;
}

static void
key_destructors(void)
{
	int expected = 0;

	for (int i = 0; i < KEYS; i++)
		pthread_key_create(&keys[i], legacy_destroy);
	for (int i = 0; i < (int)kit_scale(6, 200); i++) {
		bool all = i % 2 == 0;
		pthread_t thread;

		thread = kit_thread(leave_legacies, all ? keys : NULL);
		kit_join(thread);
		expected += (all ? KEYS : (KEYS + 6) / 7) * (ROUNDS + 1);
	}
	KIT_CHECK(atomic_load(&ndestroyed) == expected);
}

/* Destructors in the very last round, in a crowd, then frees by the main
 * thread of what those allocated: late both ways.
 */
static pthread_key_t late_key;
static _Atomic(void *) late[64];

static void
allocate_late(void *value)
{
	uintptr_t round = (uintptr_t)value % 16, slot = (uintptr_t)value / 16;

	if (round + 1 < PTHREAD_DESTRUCTOR_ITERATIONS)
		pthread_setspecific(late_key, (void *)((uintptr_t)value + 1));
	else
		free(atomic_exchange(&late[slot % 64], malloc(slot * 10 + 1)));
	free(malloc(slot % 700));
}

static void *
set_late(void *arg)
{
	pthread_setspecific(late_key, arg);
	return NULL;
}

static void
last_round(void)
{
	long before = 0;

	pthread_key_create(&late_key, allocate_late);
	for (uintptr_t i = 0; i < (uintptr_t)kit_scale(4000, 100000); i += 4) {
		pthread_t threads[4];

		for (uintptr_t j = 0; j < 4; j++)
			threads[j] = kit_thread(
			    set_late, (void *)((i % 1000 + j) * 16 + 16));
		for (size_t j = 0; j < 4; j++)
			kit_join(threads[j]);
		if (i == 400)
			before = kit_rss();
	}
	for (size_t i = 0; i < 64; i++)
		free(atomic_exchange(&late[i], NULL));
	if (kit_rss() > before + (6 << 20))
		KIT_FAIL("%ld KiB resident at first, %ld in the end",
		    before >> 10, kit_rss() >> 10);
}

/* -- ELF destructors run after everything of the program -- */

static void *kept_to_the_end;

__attribute__((destructor)) static void
free_at_the_end(void)
{
	free(kept_to_the_end);
	free(malloc(64));
	free(malloc(1 << 20));
}

static void
elf_destructor(void)
{
	kept_to_the_end = malloc(5000);
	kit_join(kit_thread(outlive_main, NULL));
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"exit-in-a-race", exit_in_a_race, 0, 0},
	    {"exit-from-a-thread", exit_from_a_thread, 0, 0},
	    {"main-leaves-first", main_leaves_first, 0, 0},
	    {"quick-and-direct", quick_and_direct, 0, 0},
	    {"key-destructors", key_destructors, 0, 0},
	    {"last-round", last_round, 0, 0},
	    {"elf-destructor", elf_destructor, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
