/* jemalloc.c -- mallocx and its kin, as jemalloc 5.3's manual has them
 *
 * They pass on libjemalloc.so.2 too.
 */
#define _GNU_SOURCE
#include "jemalloc.h"

#include "api.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

enum {
	LARGEST = 4 << 20,
	MAX_BITS = 22
};

static bool
is_zero(const unsigned char *p, size_t size)
{
	return size == 0 || (p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
}

/* nallocx foretells what mallocx gives, to the byte. */
static void
nallocx_foretells(void)
{
	for (size_t size = 1; size <= LARGEST; size = api_next_size(size)) {
		size_t good = je()->nallocx(size, 0);
		void *p = je()->mallocx(size, 0);

		KIT_CHECK(p != NULL && good >= size);
		if (je()->sallocx(p, 0) != good)
			KIT_FAIL("nallocx(%zu) is %zu, sallocx %zu", size, good,
			    je()->sallocx(p, 0));
		KIT_CHECK(malloc_usable_size(p) == good);
		KIT_CHECK(je()->nallocx(good, 0) == good);
		memset(p, 1, good);
		je()->dallocx(p, 0);
		/* The same is true of malloc. */
		p = malloc(size);
		if (malloc_usable_size(p) != good)
			KIT_FAIL("nallocx(%zu) is %zu, malloc gave %zu at %p",
			    size, good, malloc_usable_size(p), p);
		je()->sdallocx(p, size, 0);
		p = je()->mallocx(size, 0);
		free(p);
	}
}

static void
nallocx_refuses(void)
{
	KIT_CHECK(je()->nallocx((size_t)PTRDIFF_MAX + 1, 0) == 0);
	KIT_CHECK(je()->nallocx(SIZE_MAX, 0) == 0);
	KIT_CHECK(je()->nallocx(SIZE_MAX, JE_LG_ALIGN(12)) == 0);
	KIT_CHECK(je()->nallocx(1, JE_LG_ALIGN(63)) == 0);
}

static void
mallocx_refuses(void)
{
	static const size_t wrong[] = {
	    (size_t)PTRDIFF_MAX + 1, SIZE_MAX, SIZE_MAX - 4096, PTRDIFF_MAX};
	char *p = je()->mallocx(100, 0);

	memset(p, 'x', 100);
	for (size_t i = 0; i < KIT_COUNT(wrong); i++) {
		KIT_CHECK(je()->mallocx(wrong[i], 0) == NULL);
		KIT_CHECK(je()->mallocx(wrong[i], JE_ZERO) == NULL);
		KIT_CHECK(je()->mallocx(wrong[i], JE_LG_ALIGN(16)) == NULL);
		KIT_CHECK(je()->rallocx(p, wrong[i], 0) == NULL);
		KIT_CHECK(je()->rallocx(p, wrong[i], JE_LG_ALIGN(8)) == NULL);
	}
	KIT_CHECK(je()->mallocx(1, JE_LG_ALIGN(63)) == NULL);
	KIT_CHECK(p[0] == 'x' && p[99] == 'x');
	je()->dallocx(p, 0);
}

static void
flags_align_and_clear(void)
{
	for (int bits = 0; bits <= MAX_BITS; bits++) {
		for (size_t size = 1; size <= 1 << 20; size = size * 7 + 1) {
			int flags = JE_LG_ALIGN(bits) | JE_ZERO;
			size_t good = je()->nallocx(size, flags);
			unsigned char *p = je()->mallocx(size, flags);

			KIT_CHECK(p != NULL && good >= size);
			KIT_CHECK(
			    ((uintptr_t)p >> bits << bits) == (uintptr_t)p);
			KIT_CHECK(je()->sallocx(p, JE_LG_ALIGN(bits)) == good);
			KIT_CHECK(is_zero(p, size));
			memset(p, 0xff, good);
			je()->sdallocx(p, size, JE_LG_ALIGN(bits));
		}
	}
}

/* Caches and arenas by number are the allocator's own business. */
static void
other_flags(void)
{
	void *p = je()->mallocx(100, JE_TCACHE_NONE | JE_ARENA(0));

	KIT_CHECK(p != NULL);
	p = je()->rallocx(p, 5000, JE_TCACHE_NONE);
	KIT_CHECK(p != NULL);
	je()->dallocx(p, JE_TCACHE_NONE);
}

/* Old bytes stay; with JE_ZERO, given from the start, the new ones are 0. */
static void
rallocx_keeps(void)
{
	for (size_t from = 1; from < 1 << 20; from = from * 3 + 1) {
		for (size_t to = 1; to < 1 << 20; to = to * 5 / 2 + 1) {
			unsigned char *p = je()->mallocx(from, JE_ZERO);
			size_t had = je()->sallocx(p, 0);
			size_t kept = from < to ? from : to;

			memset(p, 0x55, from);
			p = je()->rallocx(p, to, JE_ZERO);
			KIT_CHECK(p != NULL);
			for (size_t i = 0; i < kept; i += 1 + i / 64)
				KIT_CHECK(p[i] == 0x55);
			if (to > had)
				KIT_CHECK(is_zero(p + had, to - had));
			KIT_CHECK(je()->sallocx(p, 0) >= to);
			je()->sdallocx(p, to, 0);
		}
	}
}

static void
rallocx_aligns(void)
{
	for (int bits = 4; bits <= 16; bits++) {
		unsigned char *p = je()->mallocx(10, 0);

		memset(p, 0x66, 10);
		for (size_t size = 20; size < 1 << 20; size *= 3) {
			p = je()->rallocx(p, size, JE_LG_ALIGN(bits));
			KIT_CHECK(p != NULL && p[0] == 0x66 && p[9] == 0x66);
			KIT_CHECK((uintptr_t)p % ((size_t)1 << bits) == 0);
		}
		je()->dallocx(p, JE_LG_ALIGN(bits));
	}
}

/* In place or not at all; says how large the block really is. */
static void
xallocx_stays(void)
{
	for (size_t size = 1; size <= LARGEST; size = size * 3 / 2 + 1) {
		unsigned char *p = je()->mallocx(size, 0);
		size_t was = je()->sallocx(p, 0), now;

		memset(p, 0x33, was);
		KIT_CHECK(je()->xallocx(p, was, 0, 0) == was);
		now = je()->xallocx(p, was + 1, 0, 0);
		KIT_CHECK(now >= was && now == je()->sallocx(p, 0));
		now = je()->xallocx(p, was, was * 2, 0);
		KIT_CHECK(now >= was && now == je()->sallocx(p, 0));
		KIT_CHECK(now <= je()->nallocx(was * 3, 0));
		now = je()->xallocx(p, size / 2 + 1, 0, 0);
		KIT_CHECK(now >= size / 2 + 1);
		KIT_CHECK(now == je()->sallocx(p, 0));
		for (size_t i = 0; i < now && i < was; i += 1 + i / 64)
			KIT_CHECK(p[i] == 0x33);
		now = je()->xallocx(p, 1, SIZE_MAX - 1 - was, 0);
		KIT_CHECK(now == je()->sallocx(p, 0));
		je()->dallocx(p, 0);
	}
}

/* One heap: blocks of any call go to any other. */
static void
mixed_with_malloc(void)
{
	for (size_t size = 1; size <= LARGEST; size = api_next_size(size) * 2) {
		void *p = je()->mallocx(size, 0), *q = malloc(size);

		p = realloc(p, size * 2);
		q = je()->rallocx(q, size * 2, 0);
		KIT_CHECK(p != NULL && q != NULL);
		KIT_CHECK(je()->sallocx(p, 0) == malloc_usable_size(p));
		free(q);
		je()->dallocx(p, 0);
		p = memalign(4096, size);
		je()->dallocx(p, JE_LG_ALIGN(12));
		p = je()->mallocx(size, JE_LG_ALIGN(12));
		free(p);
	}
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"nallocx-foretells", nallocx_foretells, 0, 0},
	    {"nallocx-refuses", nallocx_refuses, 0, 0},
	    {"mallocx-refuses", mallocx_refuses, 0, 0},
	    {"flags-align-and-clear", flags_align_and_clear, 0, 0},
	    {"other-flags", other_flags, 0, 0},
	    {"rallocx-keeps", rallocx_keeps, 0, 0},
	    {"rallocx-aligns", rallocx_aligns, 0, 0},
	    {"xallocx-stays", xallocx_stays, 0, 0},
	    {"mixed-with-malloc", mixed_with_malloc, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
