/* obstacle.c -- somebody else's mapping lies where the heap wants to grow
 *
 * MODEL   A program may map what it likes at any address that is free, behind
 *         the heap's end too (engines that choose random addresses do).  The
 *         heap has to go on behind it, and a child has to know which pages
 *         are not the heap's.
 *
 *         Without the way round (skip_obstacle taken out): "malloc failed".
 */
#define _GNU_SOURCE
#include "tests/stress/kit.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
	BEHIND = 3 << 20,
	LENGTH = 200 << 20,
	NBLOCKS = 2000,
	NSMALL = 50000
};

static unsigned char *obstacle;
static unsigned char *blocks[NBLOCKS], *small[NSMALL];

static void
check_obstacle(void)
{
	for (size_t i = 0; i < LENGTH; i += 4096)
		KIT_CHECK(obstacle[i] == 7 && obstacle[i + 4095] == 7);
}

static void
place_obstacle(void)
{
	uintptr_t heap = (uintptr_t)malloc(100) & ~(uintptr_t)0x1fffff;

	obstacle = mmap((void *)(heap + BEHIND), LENGTH, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	KIT_CHECK(obstacle != MAP_FAILED);
	memset(obstacle, 7, LENGTH);
}

static void
fill_blocks(void)
{
	for (size_t i = 0; i < NBLOCKS; i++) {
		size_t size = 50000 + i * 50;

		blocks[i] = malloc(size);
		if (blocks[i] == NULL)
			KIT_FAIL("malloc failed at %zu", i);
		memset(blocks[i], (int)(i & 0xff), size);
	}
	for (size_t i = 0; i < NSMALL; i++) {
		small[i] = malloc(200);
		KIT_CHECK(small[i] != NULL);
		memset(small[i], (int)(i & 0xff), 200);
	}
}

static void
drop_blocks(void)
{
	for (size_t i = 0; i < NBLOCKS; i++) {
		KIT_CHECK(blocks[i][49999] == (i & 0xff));
		free(blocks[i]);
	}
	for (size_t i = 0; i < NSMALL; i++) {
		KIT_CHECK(small[i][199] == (i & 0xff));
		free(small[i]);
	}
}

static void
grow_round(void)
{
	pid_t child;

	place_obstacle();
	fill_blocks();
	check_obstacle();
	child = kit_fork();
	if (child == 0) {
		drop_blocks();
		fill_blocks();
		check_obstacle();
		_exit(0);
	}
	KIT_CHECK(kit_wait(child) == 0);
	drop_blocks();
	check_obstacle();
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"grow-round", grow_round, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
