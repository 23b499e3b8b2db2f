/* content.c -- what is in blocks: zeroes from calloc, the program's own bytes
 * after realloc, nobody else's anywhere
 */
#define _GNU_SOURCE
#include "api.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum {
	KIB = 1024,
	MIB = 1024 * KIB
};

/* -- calloc after dirty blocks -- */

static void
expect_zero(const unsigned char *p, size_t size)
{
	/* Equal to itself shifted by one, and the first is zero. */
	if (size > 0 && (p[0] != 0 || memcmp(p, p + 1, size - 1) != 0))
		KIT_FAIL("calloc of %zu is not zero", size);
}

static void
dirty_then_zero(size_t size, size_t count)
{
	static void *blocks[512];

	for (size_t i = 0; i < count; i++) {
		blocks[i] = malloc(size);
		KIT_CHECK(blocks[i] != NULL);
		memset(blocks[i], 0xff, malloc_usable_size(blocks[i]));
	}
	for (size_t i = 0; i < count; i++)
		free(blocks[i]);
	for (size_t i = 0; i < count; i++) {
		blocks[i] = i % 2 == 0 ? calloc(size, 1) : calloc(1, size);
		KIT_CHECK(blocks[i] != NULL);
		expect_zero(blocks[i], size);
		memset(blocks[i], 0xff, malloc_usable_size(blocks[i]));
	}
	for (size_t i = 0; i < count; i++)
		free(blocks[i]);
}

static void
calloc_small(void)
{
	for (size_t size = 0; size <= 2048; size++)
		dirty_then_zero(size, 40);
	dirty_then_zero(8, 512);
	dirty_then_zero(100, 512);
}

static void
calloc_middle(void)
{
	for (size_t size = 1024; size <= 40 * KIB; size = size * 17 / 16)
		dirty_then_zero(size, 24);
}

static void
calloc_large(void)
{
	size_t top = (size_t)kit_scale(64, 1024) * MIB;

	for (size_t size = 32 * KIB; size <= 4 * MIB; size = size * 9 / 8 + 1)
		dirty_then_zero(size, 4);
	for (size_t size = 16 * MIB; size <= top; size *= 2)
		dirty_then_zero(size, 2);
}

/* Small from what was large, large from what was small, and given back. */
static void
calloc_recut(void)
{
	struct kit_rng rng = kit_rng_new(1);

	for (int i = 0; i < 300; i++) {
		dirty_then_zero(kit_size(&rng, 2 * MIB), 4);
		dirty_then_zero(kit_size(&rng, 2000), 200);
		if (i % 20 == 0)
			malloc_trim(0);
	}
}

/* A realloc'ed block's new bytes are anything, but calloc'ed again, zero. */
static void
calloc_after_realloc(void)
{
	for (size_t size = 16; size < 3 * MIB; size = size * 3 / 2) {
		unsigned char *p = calloc(1, size);

		p = realloc(p, 2 * size);
		memset(p, 0xff, 2 * size);
		p = realloc(p, size / 2);
		memset(p, 0xff, malloc_usable_size(p));
		free(p);
		p = calloc(2, size);
		expect_zero(p, 2 * size);
		free(p);
	}
}

/* -- realloc -- */

static void
resize_checked(struct kit_block *b, size_t size)
{
	struct kit_rng rng = kit_rng_new(size);

	kit_block_resize(b, &rng, size);
}

/* By little steps up and down, through every class. */
static void
realloc_by_steps(void)
{
	struct kit_block b = {0};
	size_t step = (size_t)kit_scale(17, 1);

	kit_block_adopt(&b, malloc(1), 1, 1);
	for (size_t size = 1; size < 70000; size += size < 4000 ? 1 : step)
		resize_checked(&b, size);
	for (size_t size = 70000; size > 0; size -= size < 4000 ? 1 : step)
		resize_checked(&b, size);
	kit_block_free(&b);
}

static void
realloc_every_class(void)
{
	for (size_t from = 1; from <= 4 * MIB; from = from * 11 / 8 + 1) {
		for (size_t to = 1; to <= 4 * MIB; to = to * 11 / 8 + 1) {
			struct kit_block b = {0};

			kit_block_adopt(&b, malloc(from), from, 1);
			resize_checked(&b, to);
			kit_block_free(&b);
		}
	}
}

/* Large blocks grow and shrink, free to move or with a neighbour behind. */
static void
realloc_large(void)
{
	size_t top = (size_t)kit_scale(200, 2000) * MIB;
	struct kit_block b = {0}, fences[40];
	size_t nfences = 0;

	kit_block_adopt(&b, malloc(MIB), MIB, 1);
	for (size_t size = MIB; size < top; size = size * 3 / 2) {
		resize_checked(&b, size + 12345);
		if (nfences < KIT_COUNT(fences))
			kit_block_adopt(
			    &fences[nfences++], malloc(MIB), MIB, 2);
		resize_checked(&b, size + 4096 * 3);
		resize_checked(&b, size - 1);
		resize_checked(&b, size);
	}
	for (size_t size = b.size; size > 10; size = size * 2 / 3)
		resize_checked(&b, size);
	kit_block_free(&b);
	while (nfences > 0)
		kit_block_free(&fences[--nfences]);
}

/* Shrunk to little, a large block must give memory back. */
static void
realloc_shrinks(void)
{
	unsigned char *blocks[16];
	long before, after;

	for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
		blocks[i] = malloc(8 * MIB);
		memset(blocks[i], (int)i, 8 * MIB);
	}
	before = kit_rss();
	for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
		blocks[i] = realloc(blocks[i], 64 * KIB);
		KIT_CHECK(malloc_usable_size(blocks[i]) < MIB);
	}
	malloc_trim(0);
	after = kit_rss();
	if (after > before / 4)
		KIT_FAIL("%ld bytes resident, %ld before", after, before);
	for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
		for (size_t j = 0; j < 64 * KIB; j++)
			KIT_CHECK(blocks[i][j] == i);
		free(blocks[i]);
	}
}

/* Bytes that an aligned block has keep their values, not its alignment. */
static void
realloc_aligned(void)
{
	for (size_t align = 16; align <= MIB; align *= 2) {
		for (size_t size = 1; size < MIB; size = size * 3 + 1) {
			struct kit_block b = {0};

			kit_block_adopt(&b, memalign(align, size), size, 1);
			resize_checked(&b, size * 2);
			resize_checked(&b, size / 2 + 1);
			kit_block_free(&b);
		}
	}
}

/* -- neighbours -- */

/* The usable bytes of each size are written in full; blocks of the same
 * size around it, and what else is there, must not notice.
 */
static void
written_in_full(void)
{
	static struct kit_block blocks[64];
	size_t n = KIT_COUNT(blocks);

	for (size_t size = 0; size <= 70000; size++) {
		struct kit_block *b = &blocks[size % n];
		unsigned char *p = malloc(size);
		size_t usable = malloc_usable_size(p);

		KIT_CHECK(usable >= size);
		if (b->p != NULL)
			kit_block_free(b);
		kit_block_adopt(b, p, usable, 1);
		if (size % 1009 == 0) {
			for (size_t i = 0; i < n; i++) {
				if (blocks[i].p != NULL)
					kit_block_check(&blocks[i]);
			}
		}
	}
	for (size_t i = 0; i < n; i++)
		kit_block_free(&blocks[i]);
}

/* Any call with any size against what each block must hold. */
static void
random_operations(void)
{
	static struct kit_block blocks[2000];
	struct kit_rng rng = kit_rng_new(9);
	long nops = kit_scale(150000, 5000000);

	for (long i = 0; i < nops; i++) {
		struct kit_block *b =
		    &blocks[kit_below(&rng, KIT_COUNT(blocks))];
		size_t max = i % 100 == 0 ? MIB : i % 10 == 0 ? 40000 : 2000;

		if (b->p == NULL)
			kit_block_new(b, &rng, kit_size(&rng, max), 1);
		else if (kit_below(&rng, 3) == 0)
			kit_block_resize(b, &rng, 1 + kit_size(&rng, max));
		else
			kit_block_free(b);
		if (i % 50000 == 0)
			malloc_trim(0);
	}
	for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
		if (blocks[i].p != NULL)
			kit_block_free(&blocks[i]);
	}
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"calloc-small", calloc_small, 0, 0},
	    {"calloc-middle", calloc_middle, 0, 0},
	    {"calloc-large", calloc_large, 0, 0},
	    {"calloc-recut", calloc_recut, 0, 0},
	    {"calloc-after-realloc", calloc_after_realloc, 0, 0},
	    {"realloc-by-steps", realloc_by_steps, 0, 0},
	    {"realloc-every-class", realloc_every_class, 0, 0},
	    {"realloc-large", realloc_large, 0, 120},
	    {"realloc-shrinks", realloc_shrinks, 0, 0},
	    {"realloc-aligned", realloc_aligned, 0, 0},
	    {"written-in-full", written_in_full, 0, 0},
	    {"random-operations", random_operations, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
