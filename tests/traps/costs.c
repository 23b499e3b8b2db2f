/* costs.c -- what the library must not cost: time and memory
 *
 * Seen red:
 * C1: with stacks read from their lowest address (gcm_roots_mark_stacks in
 *     scan/root.c): left-over: "2384 of 4000 blocks came back".
 * C2: with all pages for resident ones (scan/pages.c): sparse: "still running
 * at the deadline". C4: without MADV_NOHUGEPAGE in core/os_linux.c: tables:
 * "not so: found". C7: with growth not net of frees (core/cache.c): freed: "8
 * cycles". C8: with a mark stack that drops what does not fit (push_full in
 * scan/mark.c): wide: "lost: 99497 of 100000 blocks". C9: with MADV_FREE in
 * core/os_linux.c: given-back: "71356 KiB of 68752". C10: with a record made
 * for each pthread_cancel (reserve_record in scan/thread.c): cancels: "162 ns,
 * and 75077 ns after 20000 of them".
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/traps/block.h"

#define MIB ((size_t)1 << 20)
#define SPARSE ((size_t)1 << 40)

/* What returned calls and freed blocks have left keeps nothing. */
enum {
	LEFT = 2000
};
static void **dangling;

static __attribute__((noinline)) void
leave_in_frame(void)
{
	void *volatile own[LEFT];

	for (int i = 0; i < LEFT; i++)
		own[i] = block_new();
	KIT_CHECK(own[0] != own[LEFT - 1]);
}

static __attribute__((noinline)) void
leave_in_freed(void)
{
	dangling = malloc(LEFT * sizeof(*dangling));
	for (int i = 0; i < LEFT; i++)
		dangling[i] = block_new();
	free(dangling);
}

static void
left_over(void)
{
	struct gcm_stats before, after;
	uint64_t back;

	block_want("GCM_DEBUG", "poison=0", "left-over");
	block_collect();
	KIT_CHECK(gcm_stats(&before, sizeof(before)) == 0);
	leave_in_freed();
	leave_in_frame();
	for (int i = 0; i < 20 && gcm_collect() < 0; i++)
		continue;
	KIT_CHECK(gcm_stats(&after, sizeof(after)) == 0);
	back = after.reclaimed_blocks - before.reclaimed_blocks;
	if (back < 2 * LEFT / 100 * 95)
		KIT_FAIL("%d of %d blocks came back", (int)back, 2 * LEFT);
}

/* A mapping of a terabyte of which a page is there is read in no time. */
static void
sparse(void)
{
	char *map = mmap(NULL, SPARSE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct gcm_stats stats;
	void **words;

	if (map == MAP_FAILED)
		kit_skip("no room for a terabyte");
	words = (void **)(void *)(map + SPARSE / 3 / 4096 * 4096);
	for (int i = 0; i < BLOCK_MANY; i++)
		words[i] = block_new();
	block_collect();
	block_check(words, BLOCK_MANY);
	KIT_CHECK(gcm_stats(&stats, sizeof(stats)) == 0);
	if (stats.mark_cpu_ns > 5000000000u)
		KIT_FAIL("%d ms", (int)(stats.mark_cpu_ns / 1000000));
}

/* More to do than a marker holds at once: each leads to one that only it knows.
 */
static void
wide(void)
{
	enum {
		WIDTH = 100000
	};
	struct block_count count = {0, 0};
	void ***all = malloc(WIDTH * sizeof(*all));

	for (int i = 0; i < WIDTH; i++) {
		all[i] = calloc(1, BLOCK_BYTES);
		all[i][0] = block_new();
	}
	block_collect();
	for (int i = 0; i < WIDTH; i++)
		block_count(&count, all[i][0], BLOCK_BYTES);
	block_judge(&count);
}

/* A program that frees what it takes has no collections. */
static void
freed(void)
{
	struct gcm_stats stats;

	block_want("GCM_INTERVAL", "off", "freed");
	block_want("GCM_MINHEAP", "4MiB", "freed");
	for (size_t i = 0; i < 1000; i++) {
		static char *blocks[500];

		for (size_t k = 0; k < KIT_COUNT(blocks); k++) {
			blocks[k] = malloc(100 + (i + k) % 4000);
			blocks[k][0] = 1;
		}
		for (size_t k = 0; k < KIT_COUNT(blocks); k++)
			free(blocks[k]);
	}
	KIT_CHECK(gcm_stats(&stats, sizeof(stats)) == 0);
	if (stats.cycles + stats.abandoned > 0)
		KIT_FAIL("%d cycles", (int)(stats.cycles + stats.abandoned));
}

/* What is given back is no more resident, whether or not the system needs it.
 */
static void
given_back(void)
{
	enum {
		COUNT = 640
	};
	static char *blocks[COUNT], *last;
	long before, after;

	for (int i = 0; i < COUNT; i++)
		blocks[i] = memset(malloc(100000), 1, 100000);
	last = malloc(100000); /* so that the heap ends there */
	before = kit_rss();
	for (int i = 0; i < COUNT; i++)
		free(blocks[i]);
	malloc_trim(0);
	after = kit_rss();
	if (before - after < (long)(50 * MIB))
		KIT_FAIL("%ld KiB of %ld", after >> 10, before >> 10);
	free(last);
}

/* Tables, of which little is used, are kept from huge pages. */
static void
tables(void)
{
	static char line[4096];
	void *volatile blocks[100];
	FILE *file = fopen("/proc/self/smaps", "r");
	bool found = false;

	if (file == NULL ||
	    access("/sys/kernel/mm/transparent_hugepage", F_OK) != 0)
		kit_skip("no huge pages here");
	for (int i = 0; i < 100; i++)
		blocks[i] = malloc(MIB); /* not written */
	while (fgets(line, sizeof(line), file) != NULL)
		found |= strncmp(line, "VmFlags:", 8) == 0 &&
			 strstr(line, " nh") != NULL;
	fclose(file);
	KIT_CHECK(found && blocks[0] != NULL);
}

/* To cancel a thread once more costs what it did the first time. */
static _Atomic bool spins_on;

static void *
spin(void *arg)
{
	while (spins_on)
		continue;
	return arg;
}

static uint64_t
cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The cheapest of some hundreds: others run here, too. */
static uint64_t
price_cancel(pthread_t thread)
{
	uint64_t least = UINT64_MAX;

	for (int i = 0; i < 100; i++) {
		uint64_t began = cpu_ns(), took;

		for (int k = 0; k < 20; k++)
			KIT_CHECK(pthread_cancel(thread) == 0);
		took = cpu_ns() - began;
		least = took < least ? took : least;
	}
	return least / 20;
}

static void
cancels(void)
{
	uint64_t first, last = 0;
	pthread_t thread;

	spins_on = true;
	thread = kit_thread(spin, NULL);
	first = price_cancel(thread);
	for (int i = 0; i < 10; i++)
		last = price_cancel(thread);
	spins_on = false;
	kit_join(thread);
	if (last > first * 3 + 1000)
		KIT_FAIL("%d ns, and %d ns after 20000 of them", (int)first,
		    (int)last);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"left-over", left_over, 0, 0},
	    {"sparse", sparse, 0, 0},
	    {"wide", wide, 0, 0},
	    {"freed", freed, 0, 0},
	    {"given-back", given_back, 0, 0},
	    {"tables", tables, 0, 0},
	    {"cancels", cancels, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return block_main(argc, argv, cases);
}
