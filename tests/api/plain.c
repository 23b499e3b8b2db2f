/* plain.c -- malloc, calloc, realloc, reallocarray, free, malloc_usable_size:
 * values, errno, alignment, limits
 */
#define _GNU_SOURCE
#include "api.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum {
	LARGEST = 4 << 20
};

/* Sizes that must be refused: none may wrap into something small. */
static const size_t impossible[] = {(size_t)PTRDIFF_MAX + 1,
    (size_t)PTRDIFF_MAX + 2, (size_t)PTRDIFF_MAX + 4096, SIZE_MAX - 65536,
    SIZE_MAX - 8192, SIZE_MAX - 4096, SIZE_MAX - 4095, SIZE_MAX - 64,
    SIZE_MAX - 31, SIZE_MAX - 17, SIZE_MAX - 16, SIZE_MAX - 15, SIZE_MAX - 8,
    SIZE_MAX - 1, SIZE_MAX};

/* Allowed, but no machine has so much. */
static const size_t too_much[] = {
    PTRDIFF_MAX, PTRDIFF_MAX - 1, PTRDIFF_MAX - 4096, PTRDIFF_MAX / 2};

static void
aligned_to_16(void)
{
	size_t n = 0;

	for (size_t size = 0; size <= LARGEST; size = api_next_size(size)) {
		void *blocks[3];

		errno = API_ERRNO;
		blocks[0] = malloc(size);
		blocks[1] = calloc(1, size);
		blocks[2] = realloc(malloc(1), size + 1);
		API_ERRNO_KEPT();
		for (int i = 0; i < 3; i++) {
			KIT_CHECK(blocks[i] != NULL);
			if ((uintptr_t)blocks[i] % 16 != 0)
				KIT_FAIL("%p for %zu", blocks[i], size);
			KIT_CHECK(malloc_usable_size(blocks[i]) >= size);
			free(blocks[i]);
		}
		API_ERRNO_KEPT();
		n++;
	}
	KIT_CHECK(n > 2048);
}

/* Blocks of no bytes are blocks: different, and to be freed. */
static void
no_bytes(void)
{
	void *blocks[1000];

	for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
		switch (i % 5) {
		case 0:
			blocks[i] = calloc(0, 0);
			break;
		case 1:
			blocks[i] = calloc(0, SIZE_MAX);
			break;
		case 2:
			blocks[i] = realloc(NULL, 0);
			break;
		case 3:
			blocks[i] = reallocarray(NULL, 10, 0);
			break;
		default:
			blocks[i] = malloc(0);
		}
		KIT_CHECK(blocks[i] != NULL);
		KIT_CHECK((uintptr_t)blocks[i] % 16 == 0);
		for (size_t j = 0; j < i; j++)
			KIT_CHECK(blocks[j] != blocks[i]);
	}
	for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
		if (i % 2 == 0)
			free(blocks[i]);
		else
			blocks[i] = realloc(blocks[i], 100);
	}
	for (size_t i = 1; i < KIT_COUNT(blocks); i += 2) {
		memset(blocks[i], 1, 100);
		free(blocks[i]);
	}
}

static void
refusals(const size_t *sizes, size_t n)
{
	char *p = malloc(100);

	memset(p, 'x', 100);
	for (size_t i = 0; i < n; i++) {
		API_FAILS(malloc(sizes[i]), ENOMEM);
		API_FAILS(calloc(1, sizes[i]), ENOMEM);
		API_FAILS(calloc(sizes[i], 1), ENOMEM);
		API_FAILS(realloc(NULL, sizes[i]), ENOMEM);
		API_FAILS(realloc(p, sizes[i]), ENOMEM);
		API_FAILS(reallocarray(NULL, sizes[i], 1), ENOMEM);
		API_FAILS(reallocarray(p, 1, sizes[i]), ENOMEM);
	}
	for (size_t i = 0; i < 100; i++)
		KIT_CHECK(p[i] == 'x');
	free(p);
}

static void
impossible_sizes(void)
{
	refusals(impossible, KIT_COUNT(impossible));
	refusals(too_much, KIT_COUNT(too_much));
}

/* Products that do not fit, among them such as come out small. */
static void
products(void)
{
	static const size_t factors[][2] = {{SIZE_MAX, 2}, {SIZE_MAX, SIZE_MAX},
	    {SIZE_MAX / 2 + 1, 2}, {SIZE_MAX / 2 + 2, 2}, {SIZE_MAX / 4 + 1, 4},
	    {SIZE_MAX / 16 + 1, 16}, {SIZE_MAX / 16 + 2, 16},
	    {(size_t)1 << 32, (size_t)1 << 32},
	    {((size_t)1 << 32) + 1, (size_t)1 << 32},
	    {((size_t)1 << 32) + 1, ((size_t)1 << 32) + 1},
	    {(size_t)1 << 63, 2}, {(size_t)1 << 62, 4}, {(size_t)1 << 62, 5},
	    {SIZE_MAX / 3 + 1, 3}, {PTRDIFF_MAX, 2}, {PTRDIFF_MAX, 3}};
	char *p = malloc(64);

	memset(p, 'x', 64);
	for (size_t i = 0; i < KIT_COUNT(factors); i++) {
		size_t a = factors[i][0], b = factors[i][1];

		API_FAILS(calloc(a, b), ENOMEM);
		API_FAILS(calloc(b, a), ENOMEM);
		API_FAILS(reallocarray(NULL, a, b), ENOMEM);
		API_FAILS(reallocarray(p, a, b), ENOMEM);
		API_FAILS(reallocarray(p, b, a), ENOMEM);
	}
	KIT_CHECK(p[0] == 'x' && p[63] == 'x');
	free(p);
}

/* realloc(p, 0) frees p and returns NULL, which is no failure. */
static void
realloc_to_nothing(void)
{
	uintptr_t seen = 0;
	size_t same = 0;

	for (size_t size = 0; size <= LARGEST; size = api_next_size(size)) {
		void *p = malloc(size);

		errno = API_ERRNO;
		KIT_CHECK(realloc(p, 0) == NULL);
		API_ERRNO_KEPT();
		p = malloc(size);
		KIT_CHECK(reallocarray(p, size, 0) == NULL);
		p = malloc(size);
		KIT_CHECK(reallocarray(p, 0, 8) == NULL);
		API_ERRNO_KEPT();
	}
	/* Freed, not leaked: the place is given again sooner or later. */
	for (int i = 0; i < 1000; i++) {
		void *p = malloc(100000);

		same += (uintptr_t)p == seen;
		seen = (uintptr_t)p;
		KIT_CHECK(realloc(p, 0) == NULL);
	}
	if (kit_rss() > 64 << 20)
		KIT_FAIL("%zu of 1000 reused, %ld bytes", same, kit_rss());
}

/* free keeps errno, also where it gives memory back to the system. */
static void
errno_of_free(void)
{
	void *blocks[100];

	errno = API_ERRNO;
	free(NULL);
	API_ERRNO_KEPT();
	for (size_t size = 0; size <= LARGEST; size = api_next_size(size)) {
		void *p = malloc(size);

		errno = API_ERRNO;
		free(p);
		API_ERRNO_KEPT();
	}
	for (size_t size = 1 << 20; size <= 1 << 30; size *= 4) {
		void *p = malloc(size);

		KIT_CHECK(p != NULL);
		*(volatile char *)p = 1;
		errno = API_ERRNO;
		free(p);
		API_ERRNO_KEPT();
	}
	for (size_t i = 0; i < KIT_COUNT(blocks); i++)
		blocks[i] = malloc(i * 50000);
	errno = 0;
	for (size_t i = 0; i < KIT_COUNT(blocks); i++)
		free(blocks[i]);
	KIT_CHECK(errno == 0);
}

static void
usable_sizes(void)
{
	size_t before = 0;

	KIT_CHECK(malloc_usable_size(NULL) == 0);
	for (size_t size = 0; size <= LARGEST; size = api_next_size(size)) {
		char *p = malloc(size);
		size_t usable = malloc_usable_size(p);

		KIT_CHECK(usable >= size);
		/* At most 1/4 more, or 24 bytes, or a page's rest. */
		if (usable > size + size / 4 + 24 && usable > size + 8192)
			KIT_FAIL("%zu usable of %zu", usable, size);
		/* More asked for is never less (of glibc's, it may be). */
		KIT_CHECK(usable >= before || !api_is_ours());
		before = usable;
		memset(p, 0xa5, usable);
		KIT_CHECK(malloc_usable_size(p) == usable);
		/* All of it stays when the block moves. */
		p = realloc(p, usable + 1);
		for (size_t i = 0; i < usable; i += usable < 4096 ? 1 : 509)
			KIT_CHECK((unsigned char)p[i] == 0xa5);
		free(p);
	}
}

/* Until realloc refuses, a block may grow; then it is as it was. */
static void
realloc_refused(void)
{
	for (size_t size = 1; size <= LARGEST; size = size * 2 + 1) {
		unsigned char *p = malloc(size);
		uintptr_t old = (uintptr_t)p;
		size_t usable = malloc_usable_size(p);

		memset(p, 0x77, usable);
		for (size_t i = 0; i < KIT_COUNT(too_much); i++) {
			API_FAILS(realloc(p, too_much[i]), ENOMEM);
			API_FAILS(
			    reallocarray(p, too_much[i] / 8 + 1, 8), ENOMEM);
		}
		KIT_CHECK(malloc_usable_size(p) == usable);
		for (size_t i = 0; i < usable; i++)
			KIT_CHECK(p[i] == 0x77);
		KIT_CHECK((uintptr_t)p == old);
		free(p);
	}
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"aligned-to-16", aligned_to_16, 0, 0},
	    {"no-bytes", no_bytes, 0, 0},
	    {"impossible-sizes", impossible_sizes, 0, 0},
	    {"products", products, 0, 0},
	    {"realloc-to-nothing", realloc_to_nothing, 0, 0},
	    {"errno-of-free", errno_of_free, 0, 0},
	    {"usable-sizes", usable_sizes, 0, 0},
	    {"realloc-refused", realloc_refused, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
