/* misuse_invalid.c -- frees of parts of blocks and of what never was a block */
#define _GNU_SOURCE
#include "misuse.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

/* -- parts of blocks -- */

static void
free_part(size_t size, size_t offset, const char *what)
{
	char *p = malloc(size);

	expect(what, p + offset);
	free(p + offset);
}

static void
unaligned_1(size_t size)
{
	free_part(size, 1, FREE_UNALIGNED);
}

static void
unaligned_8(size_t size)
{
	free_part(size, 8, FREE_UNALIGNED);
}

static void
unaligned_15(size_t size)
{
	free_part(size, 15, FREE_UNALIGNED);
}

static void
interior_16(size_t size)
{
	free_part(size, 16, FREE_INTERIOR);
}

static void
interior_middle(size_t size)
{
	free_part(size, size / 2 & ~(size_t)15, FREE_INTERIOR);
}

static void
interior_last(size_t size)
{
	free_part(size, (size - 1) & ~(size_t)15, FREE_INTERIOR);
}

static void
interior_slack(size_t size)
{
	char *p = malloc(size + 1);
	size_t usable = malloc_usable_size(p);

	expect(FREE_INTERIOR, p + ((usable - 1) & ~(size_t)15));
	free(p + ((usable - 1) & ~(size_t)15));
}

static void
interior_freed(size_t size)
{
	char *p = malloc(size);

	free(p);
	expect(FREE_INVALID, p + 16);
	free(p + 16);
}

/* A slot that nobody has had yet is as free as one given back. */
static void
neighbour(size_t size)
{
	char *p = malloc(size);
	size_t slot = (malloc_usable_size(p) + 15) / 16 * 16;

	expect(FREE_TWICE, p + slot);
	free(p + slot);
}

/* -- no blocks -- */

static void
no_block(const volatile void *p)
{
	char *block = malloc(100); /* there is a heap */

	expect((uintptr_t)p % 16 != 0 ? FREE_UNALIGNED : FREE_INVALID, p);
	free((void *)(uintptr_t)p);
	free(block);
}

static void
of_stack(size_t size)
{
	_Alignas(16) volatile char array[64];

	(void)size;
	array[0] = 0;
	no_block(array);
}

static void
of_data(size_t size)
{
	static _Alignas(16) char array[64];

	(void)size;
	no_block(array);
}

static void
of_break(size_t size)
{
	(void)size;
	no_block((char *)(((uintptr_t)sbrk(4096) + 15) & ~(uintptr_t)15));
}

static void
of_mapping(size_t size)
{
	(void)size;
	no_block(mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
}

static void
of_library(size_t size)
{
	(void)size;
	no_block((
	    void *)((uintptr_t)dlsym(RTLD_DEFAULT, "printf") & ~(uintptr_t)15));
}

/* Whatever the bits, the lookup must not fault. */
static void
of_number(size_t number)
{
	no_block((void *)(uintptr_t)number);
}

static const size_t numbers[] = {1, 2, 8, 15, 16, 4096, (size_t)1 << 32,
    (size_t)1 << 46, ((size_t)1 << 47) - 16, (size_t)1 << 47, (size_t)1 << 48,
    (size_t)1 << 63, SIZE_MAX, SIZE_MAX - 15, 0xdbdbdbdbdbdbdbd0,
    0xdeadbeefdeadbee0, 0};

static void
far_away(size_t distance)
{
	char *p = malloc(100);

	no_block(p + ((distance + 15) & ~(size_t)15));
}

static const size_t distances[] = {(size_t)1 << 30, (size_t)1 << 36,
    (size_t)1 << 40, (size_t)1 << 44, -((size_t)1 << 24), -((size_t)1 << 30),
    -((size_t)1 << 36), -((size_t)1 << 40), 0};

const struct misuse invalid_cases[] = {
    {"unaligned-1", unaligned_1, every_size},
    {"unaligned-8", unaligned_8, every_size},
    {"unaligned-15", unaligned_15, every_size},
    {"interior-16", interior_16, wide_sizes},
    {"interior-middle", interior_middle, wide_sizes},
    {"interior-last", interior_last, wide_sizes},
    {"interior-slack", interior_slack, wide_sizes},
    {"interior-freed", interior_freed, wide_sizes},
    {"neighbour", neighbour, slot_sizes},
    {"of-stack", of_stack, NULL},
    {"of-data", of_data, NULL},
    {"of-break", of_break, NULL},
    {"of-mapping", of_mapping, NULL},
    {"of-library", of_library, NULL},
    {"of-number", of_number, numbers},
    {"far-away", far_away, distances},
    {NULL, NULL, NULL},
};
