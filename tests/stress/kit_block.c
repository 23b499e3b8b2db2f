/* kit_block.c -- blocks filled with a pattern that is theirs alone
 *
 * MODEL   Word i of a block is a hash of its key and i; the key is a hash
 *         of address, owner and a serial number.  Small blocks are checked
 *         whole; of large ones both ends and a word a page.  A block that
 *         the allocator gives to two owners, moves without its contents, or
 *         writes into itself fails a check, with the offset and both words.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	WHOLE = 4096,
	STRIDE = 4096
};

static atomic_ulong serial;

static uint64_t
word_of(uint64_t key, size_t i)
{
	uint64_t x = key + i * 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 32)) * 0xd6e8feb86659fd93u;
	return x ^ (x >> 32);
}

/* The next offset to fill or check after `at`. */
static size_t
next_offset(size_t at, size_t size)
{
	if (size <= 2 * WHOLE || at + 8 <= WHOLE)
		return at + 8;
	if (at + STRIDE < (size & ~(size_t)7) - WHOLE)
		return at + STRIDE;
	if (at < (size & ~(size_t)7) - WHOLE)
		return (size & ~(size_t)7) - WHOLE;
	return at + 8;
}

static void
fill(const struct kit_block *b)
{
	for (size_t at = 0; at < b->size; at = next_offset(at, b->size)) {
		uint64_t word = word_of(b->key, at / 8);
		size_t left = b->size - at;

		memcpy(b->p + at, &word, left < 8 ? left : 8);
	}
}

/* Checks the first `limit` bytes of a pattern laid out for `size`. */
static void
check(const struct kit_block *b, const unsigned char *p, size_t limit)
{
	for (size_t at = 0; at < limit; at = next_offset(at, b->size)) {
		uint64_t word = word_of(b->key, at / 8), seen = 0;
		size_t n = limit - at < 8 ? limit - at : 8;

		memcpy(&seen, p + at, n);
		if (memcmp(&seen, &word, n) != 0)
			KIT_FAIL("block %p of %zu: at %zu stands %016lx, not "
				 "%016lx",
			    (const void *)p, b->size, at, (unsigned long)seen,
			    (unsigned long)word);
	}
}

void
kit_block_check(const struct kit_block *b)
{
	check(b, b->p, b->size);
}

void
kit_block_adopt(struct kit_block *b, void *p, size_t size, unsigned owner)
{
	b->p = p;
	b->size = size;
	b->key = ((uint64_t)(uintptr_t)p * 31 + owner) * 0x9e3779b97f4a7c15u +
		 atomic_fetch_add(&serial, 1);
	fill(b);
}

static void
check_zero(const unsigned char *p, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (p[i] != 0)
			KIT_FAIL("calloc(%zu): byte %zu is %u", size, i, p[i]);
	}
}

/* Any of the calls that allocate, weighted towards malloc. */
void
kit_block_new(
    struct kit_block *b, struct kit_rng *rng, size_t size, unsigned owner)
{
	size_t align = size < 16 ? 8 : 16;
	void *p = NULL;

	switch (kit_below(rng, 12)) {
	case 0:
	case 1:
		p = calloc(1, size);
		if (p != NULL)
			check_zero(p, size);
		break;
	case 2:
		align = (size_t)16 << kit_below(rng, 10);
		p = memalign(align, size);
		break;
	case 3:
		align = (size_t)8 << kit_below(rng, 10);
		if (posix_memalign(&p, align, size) != 0)
			p = NULL;
		break;
	case 4:
		p = realloc(NULL, size);
		break;
	default:
		p = malloc(size);
		break;
	}
	if (p == NULL)
		KIT_FAIL("no memory for %zu bytes", size);
	if (size != 0 && (uintptr_t)p % align != 0)
		KIT_FAIL("%p is not aligned to %zu", p, align);
	if (kit_below(rng, 8) == 0) {
		size_t usable = malloc_usable_size(p);

		if (usable < size)
			KIT_FAIL("usable size %zu of %zu", usable, size);
		size = usable;
	}
	kit_block_adopt(b, p, size, owner);
}

/* Either before or after the call the old contents are checked: after it
 * at the new place, as far as both sizes reach.
 */
void
kit_block_resize(struct kit_block *b, struct kit_rng *rng, size_t size)
{
	size_t kept = size < b->size ? size : b->size;
	unsigned char *p;

	if (kit_below(rng, 4) == 0)
		kit_block_check(b);
	p = realloc(b->p, size != 0 ? size : 1);
	if (p == NULL)
		KIT_FAIL("no memory to grow %zu to %zu", b->size, size);
	check(b, p, kept);
	kit_block_adopt(b, p, size, (unsigned)kit_below(rng, 1000));
}

void
kit_block_free(struct kit_block *b)
{
	kit_block_check(b);
	free(b->p);
	b->p = NULL;
	b->size = 0;
}
