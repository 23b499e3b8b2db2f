/* aligned.c -- memalign, aligned_alloc, posix_memalign, valloc, pvalloc */
#define _GNU_SOURCE
#include "api.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MAX_BITS = 26,
	NBLOCKS = 600
};

static const size_t sizes[] = {0, 1, 7, 8, 15, 16, 17, 100, 128, 129, 1000,
    1024, 4095, 4096, 4097, 8192, 30000, 32768, 32769, 65536, 100000, 262144,
    1 << 20, (1 << 20) + 1};

static bool
is_multiple(const void *p, size_t align)
{
	return (uintptr_t)p % align == 0;
}

/* Every way to ask for the same alignment. */
static void *
ask(int way, size_t align, size_t size)
{
	void *p = NULL;

	switch (way) {
	case 0:
		return memalign(align, size);
	case 1:
		return aligned_alloc(align, size);
	default:
		if (posix_memalign(&p, align, size) != 0)
			KIT_FAIL("posix_memalign(%zu, %zu)", align, size);
		return p;
	}
}

/* Alignments from 1 to 64 MiB; what is asked for is usable and stays. */
static void
every_alignment(void)
{
	static struct kit_block blocks[NBLOCKS];
	struct kit_rng rng = kit_rng_new(1);
	size_t n = 0;

	for (size_t bits = 0; bits <= MAX_BITS; bits++) {
		size_t align = (size_t)1 << bits;

		for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
			int way = (int)(i % (align < sizeof(void *) ? 2 : 3));
			void *p;

			errno = API_ERRNO;
			p = ask(way, align, sizes[i]);
			KIT_CHECK(p != NULL);
			API_ERRNO_KEPT();
			if (!is_multiple(p, align) || !is_multiple(p, 16))
				KIT_FAIL("%p is not aligned to %zu", p, align);
			KIT_CHECK(malloc_usable_size(p) >= sizes[i]);
			if (n == NBLOCKS)
				kit_block_free(&blocks[--n]);
			kit_block_adopt(&blocks[n++], p,
			    malloc_usable_size(p) < 1 << 21
				? malloc_usable_size(p)
				: sizes[i],
			    1);
		}
	}
	for (size_t i = 0; i < n; i += 3)
		kit_block_free(&blocks[i]);
	for (size_t i = 1; i < n; i += 3) {
		kit_block_resize(&blocks[i], &rng, 1 + kit_size(&rng, 1 << 20));
		kit_block_free(&blocks[i]);
	}
	for (size_t i = 2; i < n; i += 3)
		kit_block_free(&blocks[i]);
}

/* memalign rounds an alignment up that is no power of two; 0 is none. */
static void
memalign_rounds_up(void)
{
	static const size_t asked[][2] = {{0, 16}, {1, 16}, {3, 16}, {17, 32},
	    {24, 32}, {33, 64}, {100, 128}, {1000, 1024}, {4097, 8192},
	    {65537, 131072}, {(1 << 20) + 1, 2 << 20}};

	for (size_t i = 0; i < KIT_COUNT(asked); i++) {
		void *p = memalign(asked[i][0], 100);

		KIT_CHECK(p != NULL && is_multiple(p, asked[i][1]));
		memset(p, 1, 100);
		free(p);
	}
}

static void
memalign_refuses(void)
{
	static const size_t wrong[] = {SIZE_MAX / 2 + 2, SIZE_MAX};
	static const size_t large[] = {
	    SIZE_MAX / 2 + 1, (size_t)1 << 62, (size_t)1 << 48};

	for (size_t i = 0; i < KIT_COUNT(wrong); i++)
		API_FAILS(memalign(wrong[i], 1), EINVAL);
	for (size_t i = 0; i < KIT_COUNT(large); i++)
		API_FAILS(memalign(large[i], 1), ENOMEM);
	API_FAILS(memalign(4096, PTRDIFF_MAX), ENOMEM);
	API_FAILS(memalign(1 << 20, PTRDIFF_MAX - 4096), ENOMEM);
	for (size_t bits = 0; bits < 63; bits++) {
		size_t align = (size_t)1 << bits;

		API_FAILS(memalign(align, SIZE_MAX), ENOMEM);
		API_FAILS(memalign(align, SIZE_MAX - 16), ENOMEM);
		API_FAILS(memalign(align, SIZE_MAX - align), ENOMEM);
		API_FAILS(memalign(align, SIZE_MAX - align + 1), ENOMEM);
		API_FAILS(memalign(align, (size_t)PTRDIFF_MAX + 1), ENOMEM);
	}
}

/* Since 2.38: a power of two, or EINVAL; the size need be no multiple. */
static void
aligned_alloc_refuses(void)
{
	static const size_t wrong[] = {0, 3, 5, 6, 7, 9, 12, 24, 48, 100, 4095,
	    4097, SIZE_MAX / 2 + 2, SIZE_MAX - 1, SIZE_MAX};

	if (!api_is_ours())
		kit_skip("glibc only since 2.38");
	for (size_t i = 0; i < KIT_COUNT(wrong); i++) {
		API_FAILS(aligned_alloc(wrong[i], wrong[i]), EINVAL);
		API_FAILS(aligned_alloc(wrong[i], 0), EINVAL);
		API_FAILS(aligned_alloc(wrong[i], 100), EINVAL);
		API_FAILS(aligned_alloc(wrong[i], SIZE_MAX), EINVAL);
	}
	for (size_t bits = 0; bits < 64; bits++) {
		size_t align = (size_t)1 << bits;

		API_FAILS(aligned_alloc(align, SIZE_MAX), ENOMEM);
		API_FAILS(
		    aligned_alloc(align, (size_t)PTRDIFF_MAX + 1), ENOMEM);
	}
	for (size_t align = 1; align <= 1 << 20; align *= 2) {
		void *p = aligned_alloc(align, align + 1);

		KIT_CHECK(p != NULL && is_multiple(p, align));
		free(p);
	}
}

static void
expect_refusal(size_t align, size_t size, int error)
{
	static char before;
	void *p = &before;
	int got;

	errno = API_ERRNO;
	got = posix_memalign(&p, align, size);
	if (got != error)
		KIT_FAIL("posix_memalign(%zu, %zu): %d", align, size, got);
	KIT_CHECK(p == &before);
	if (api_is_ours()) /* POSIX: the value is the error; glibc sets both */
		API_ERRNO_KEPT();
}

/* *memptr is left alone by what fails. */
static void
posix_memalign_refuses(void)
{
	static const size_t wrong[] = {0, 1, 2, 3, 4, 5, 6, 7, 9, 12, 20, 24,
	    40, 100, 4095, 4104, SIZE_MAX / 2 + 2, SIZE_MAX - 7, SIZE_MAX};
	void *p = NULL;

	for (size_t i = 0; i < KIT_COUNT(wrong); i++) {
		expect_refusal(wrong[i], 0, EINVAL);
		expect_refusal(wrong[i], 100, EINVAL);
		expect_refusal(wrong[i], SIZE_MAX, EINVAL);
	}
	for (size_t bits = 3; bits < 64; bits++) {
		expect_refusal((size_t)1 << bits, SIZE_MAX, ENOMEM);
		expect_refusal(
		    (size_t)1 << bits, (size_t)PTRDIFF_MAX + 1, ENOMEM);
		expect_refusal((size_t)1 << bits, PTRDIFF_MAX, ENOMEM);
	}
	expect_refusal((size_t)1 << 63, 1, ENOMEM);
	expect_refusal((size_t)1 << 62, 1, ENOMEM);
	KIT_CHECK(posix_memalign(&p, 64, 0) == 0);
	KIT_CHECK(p != NULL && is_multiple(p, 64));
	free(p);
}

static void
whole_pages(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	for (size_t size = 0; size < 300000; size = size * 5 / 4 + 1) {
		char *p = valloc(size), *q = pvalloc(size);

		KIT_CHECK(p != NULL && is_multiple(p, page));
		KIT_CHECK(q != NULL && is_multiple(q, page));
		KIT_CHECK(malloc_usable_size(p) >= size);
		KIT_CHECK(
		    malloc_usable_size(q) >= (size + page - 1) / page * page);
		memset(p, 1, malloc_usable_size(p));
		memset(q, 2, malloc_usable_size(q));
		KIT_CHECK(size == 0 || p[size - 1] == 1);
		free(p);
		free(q);
	}
	for (size_t less = 0; less <= 2 * page; less++) {
		API_FAILS(pvalloc(SIZE_MAX - less), ENOMEM);
		API_FAILS(valloc(SIZE_MAX - less), ENOMEM);
	}
	API_FAILS(valloc((size_t)PTRDIFF_MAX + 1), ENOMEM);
	API_FAILS(pvalloc((size_t)PTRDIFF_MAX + 1), ENOMEM);
	API_FAILS(pvalloc(PTRDIFF_MAX), ENOMEM);
}

/* Many at once: what alignment leaves over is used, and no two overlap. */
static void
side_by_side(void)
{
	static struct kit_block blocks[4000];
	struct kit_rng rng = kit_rng_new(2);

	for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
		size_t align = (size_t)16 << kit_below(&rng, 10);
		size_t size = kit_size(&rng, 5000);
		void *p = memalign(align, size);

		KIT_CHECK(p != NULL && is_multiple(p, align));
		kit_block_adopt(&blocks[i], p, malloc_usable_size(p), 1);
		if (i >= 100 && kit_below(&rng, 2) == 0) {
			struct kit_block *old = &blocks[kit_below(&rng, i)];

			kit_block_free(old);
			kit_block_adopt(old, malloc(size), size, 2);
		}
	}
	for (size_t i = 0; i < KIT_COUNT(blocks); i++)
		kit_block_free(&blocks[i]);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"every-alignment", every_alignment, 0, 0},
	    {"memalign-rounds-up", memalign_rounds_up, 0, 0},
	    {"memalign-refuses", memalign_refuses, 0, 0},
	    {"aligned-alloc-refuses", aligned_alloc_refuses, 0, 0},
	    {"posix-memalign-refuses", posix_memalign_refuses, 0, 0},
	    {"whole-pages", whole_pages, 0, 0},
	    {"side-by-side", side_by_side, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
