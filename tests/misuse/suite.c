/* suite.c -- the C programs of the misuse suite
 *
 * MODEL   A case is a whole program: its block is the first that the process
 *         allocates, and nothing is set up around it.  Built without builtin
 *         malloc and free, so that the compiler leaves every mistake in.
 *         What is asked is the common ground of the test programs that
 *         hardened allocators come with.
 */
#define _GNU_SOURCE
#include "suite.h"

#include <alloca.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define UNUSED __attribute__((unused))

enum {
	KIB = 1024,
	MIB = 1024 * KIB,
	GIB = 1024 * MIB,
	LARGEST = 256 * KIB,
	MANY = 4096,
	ROUNDS = 1024,
	LONG_ROUNDS = 256 * 1024
};

enum {
	READ = 0, /* how, for blocks of no bytes */
	WRITE = 1,
	RELEASE = 2
};

static const unsigned char mark = 0x41;

static void
churn(size_t size, int rounds)
{
	while (rounds-- > 0)
		free(malloc(size));
}

static bool
all_zero(const char *p, size_t size)
{
	while (size-- > 0) {
		if (*p++ != 0)
			return false;
	}
	return true;
}

/* -- freed twice -- */

static void
twice(size_t size, ptrdiff_t rounds)
{
	char *p = malloc(size);

	free(p);
	churn(size, (int)rounds);
	free(p);
	missed();
}

static void
twice_crossed(size_t size, UNUSED ptrdiff_t how)
{
	char *p = malloc(size), *q = malloc(size);

	free(p);
	free(q);
	free(p);
	missed();
}

/* Stdio has its buffer before, and much is allocated after. */
static void
twice_then_more(size_t size, UNUSED ptrdiff_t how)
{
	char *p = malloc(size);

	printf("%p\n", (void *)p);
	free(p);
	free(p);
	for (int i = 0; i < LONG_ROUNDS; i++) {
		p = malloc(size);
		printf("%p\n", (void *)p);
		free(p);
	}
	missed();
}

/* The block has a new owner in between, who frees it too. */
static void
twice_reused(size_t size, UNUSED ptrdiff_t how)
{
	char *p = malloc(size), *q;

	free(p);
	q = malloc(size);
	free(p);
	free(q);
	missed();
}

/* -- freed what is no block -- */

static void
free_number(UNUSED size_t size, ptrdiff_t address)
{
	free((void *)(uintptr_t)address);
	missed();
}

static void
free_alloca(size_t size, UNUSED ptrdiff_t how)
{
	free(alloca(size));
	missed();
}

static void
free_array(size_t size, UNUSED ptrdiff_t how)
{
	char array[LARGEST];

	free(array + LARGEST - size);
	missed();
}

static void
free_inside(size_t size, ptrdiff_t offset)
{
	char *p = malloc(size);

	free(p + offset);
	missed();
}

/* -- beyond the ends -- */

static void
change(char *p, ptrdiff_t offset)
{
	p[offset] ^= mark;
	free(p);
	missed();
}

static void
past(size_t size, ptrdiff_t distance)
{
	change(malloc(size), (ptrdiff_t)size - 1 + distance);
}

static void
before(size_t size, ptrdiff_t distance)
{
	change(malloc(size), -distance);
}

static char zeros[LARGEST + MIB];

static void
copy_past(size_t size, ptrdiff_t distance)
{
	memcpy(malloc(size), zeros, size + (size_t)distance);
	missed();
}

static void
copy_before(size_t size, ptrdiff_t distance)
{
	char *p = malloc(size);

	memcpy(p - distance, zeros, size);
	missed();
}

static void
empty(UNUSED size_t size, ptrdiff_t how)
{
	char *p = malloc(0);

	if (p == NULL)
		exit(1);
	if ((how & WRITE) != 0)
		*p = (char)mark;
	else
		putchar(*p);
	if ((how & RELEASE) != 0)
		free(p);
	missed();
}

/* -- used after free; what is left in freed and in new blocks -- */

static void
write_freed(size_t size, ptrdiff_t rounds)
{
	char *p = malloc(size);

	free(p);
	memset(p, mark, size);
	churn(size, (int)rounds);
	missed();
}

static void
freed_holds_data(size_t size, UNUSED ptrdiff_t how)
{
	char *p = malloc(size);

	memset(p, mark, size);
	free(p);
	if (!all_zero(p, size))
		missed();
}

static void
new_holds_data(size_t size, UNUSED ptrdiff_t how)
{
	static char *blocks[MANY];

	for (int i = 0; i < MANY; i++) {
		blocks[i] = malloc(size);
		memset(blocks[i], mark, size);
	}
	for (int i = 0; i < MANY; i++)
		free(blocks[i]);
	if (!all_zero(malloc(size), size))
		missed();
}

/* -- the same address at once again -- */

static void
again(size_t size, ptrdiff_t divisor)
{
	char *p = malloc(size);
	uintptr_t old = (uintptr_t)p;

	free(p);
	p = malloc(size / (size_t)divisor);
	if ((uintptr_t)p == old)
		missed();
}

/* Keeps the old pointer after realloc and uses it for nothing: there is
 * nothing to catch.  It is here because the usual suite counts it.
 */
static void
again_realloc(UNUSED size_t size, UNUSED ptrdiff_t how)
{
	char *p = malloc(8);

	if (realloc(p, KIB) != NULL)
		missed();
}

/* -- other -- */

static void
impossible_size(UNUSED size_t size, UNUSED ptrdiff_t how)
{
	char *p = malloc(SIZE_MAX - 1);

	if (p != NULL)
		missed();
	free(p);
}

static void
run_heap(size_t size, UNUSED ptrdiff_t how)
{
	static const unsigned char code[] = {
#if defined(__x86_64__)
		0x90,
		0xc3 /* nop; ret */
#elif defined(__aarch64__)
		0xc0,
		0x03,
		0x5f,
		0xd6 /* ret */
#endif
	};
	char *p = malloc(size);
	void (*call)(void);

	memcpy(p, code, sizeof(code));
	__builtin___clear_cache(p, p + sizeof(code));
	memcpy(&call, &p, sizeof(call));
	call();
	missed();
}

const struct wrong wrongs[] = {
    {"twice", twice, 0},
    {"twice-later", twice, ROUNDS},
    {"twice-crossed", twice_crossed, 0},
    {"twice-then-more", twice_then_more, 0},
    {"twice-reused", twice_reused, 0},
    {"free-number", free_number, 1},
    {"free-alloca", free_alloca, 0},
    {"free-array", free_array, 0},
    {"free-close", free_inside, 4 * KIB},
    {"free-far", free_inside, GIB},
    {"free-odd", free_inside, 1},
    {"free-word", free_inside, 8},
    {"past-byte", past, 1},
    {"past-32", past, 32},
    {"past-mib", past, MIB},
    {"before-byte", before, 1},
    {"before-32", before, 32},
    {"before-mib", before, MIB},
    {"copy-past-byte", copy_past, 1},
    {"copy-past-32", copy_past, 32},
    {"copy-past-mib", copy_past, MIB},
    {"copy-before-byte", copy_before, 1},
    {"copy-before-32", copy_before, 32},
    {"copy-before-mib", copy_before, MIB},
    {"empty-read", empty, READ},
    {"empty-read-free", empty, READ | RELEASE},
    {"empty-write", empty, WRITE},
    {"empty-write-free", empty, WRITE | RELEASE},
    {"write-freed", write_freed, 0},
    {"write-freed-reused", write_freed, LONG_ROUNDS},
    {"freed-holds-data", freed_holds_data, 0},
    {"new-holds-data", new_holds_data, 0},
    {"again", again, 1},
    {"again-half", again, 2},
    {"again-realloc", again_realloc, 0},
    {"impossible-size", impossible_size, 0},
    {"run-heap", run_heap, 0},
    {NULL, NULL, 0},
};
