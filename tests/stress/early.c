/* early.c -- malloc before main
 *
 * MODEL   The executable's IFUNC resolver runs while the loader still
 *         relocates, before libc has set itself up; its preinit functions
 *         run before every constructor, the library's among them.  What they
 *         allocate is an ordinary block to everybody later.
 *
 * RED     B15: with a heap that waits for libc's environment (first_use of
 *         core/heap.c) "before-main" was killed by signal 11.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <stdlib.h>
#include <string.h>

static struct kit_block from_resolver, from_preinit;

static size_t
nothing(size_t n)
{
	return n;
}

static size_t (*choose(void))(size_t)
{
	from_resolver.p = malloc(1000);
	from_resolver.size = 1000;
	memset(from_resolver.p, 0x11, 1000);
	return nothing;
}

size_t chosen(size_t n);
size_t chosen(size_t n) __attribute__((ifunc("choose")));

static void
before_all(void)
{
	from_preinit.p = calloc(1, 70000);
	from_preinit.size = 70000;
}

__attribute__((section(".preinit_array"), used)) static void (*const first)(
    void) = before_all;

static void
before_main(void)
{
	KIT_CHECK(chosen(3) == 3);
	KIT_CHECK(from_resolver.p != NULL && from_preinit.p != NULL);
	for (size_t i = 0; i < from_resolver.size; i++)
		KIT_CHECK(from_resolver.p[i] == 0x11);
	for (size_t i = 0; i < from_preinit.size; i++)
		KIT_CHECK(from_preinit.p[i] == 0);
	from_resolver.p = realloc(from_resolver.p, 5000);
	free(from_resolver.p);
	free(from_preinit.p);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"before-main", before_main, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
