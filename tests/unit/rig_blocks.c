/* rig_blocks.c -- blocks of the heap under test against a shadow map
 *
 * The map has a byte for each granule of the zone: who owns it is not said,
 * only that somebody does.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "core/table.h"
#include "rig.h"

enum {
	MAP_BYTES = 1 << 28
}; /* a zone of 4 GiB */

static unsigned char *map;
static pthread_once_t map_once = PTHREAD_ONCE_INIT;

static void
make_map(void)
{
	map = mmap(NULL, MAP_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	RIG_CHECK(map != MAP_FAILED);
}

static unsigned char *
map_of(const void *at)
{
	pthread_once(&map_once, make_map);
	return map + (((uintptr_t)at - gcm_zone.lo) >> GCM_GRANULE_SHIFT);
}

static size_t
granules(size_t len)
{
	return len == 0 ? 1 : (len + GCM_GRANULE - 1) / GCM_GRANULE;
}

void
rig_block_take(
    struct rig_block *block, void *at, size_t size, size_t align, uint64_t seed)
{
	size_t usable;

	block->at = at;
	if (at == NULL) {
		RIG_CHECK(os_fake_failures() > 0);
		return;
	}
	RIG_CHECK((uintptr_t)at % GCM_GRANULE == 0);
	RIG_CHECK((uintptr_t)at % align == 0);
	RIG_CHECK(gcm_heap_has(at));
	usable = gcm_heap_usable(at, "test");
	RIG_CHECK(usable >= size);
	RIG_CHECK(
	    usable == 0 || gcm_heap_has((unsigned char *)at + usable - 1));
	RIG_CHECK(rig_is_zero(map_of(at), granules(usable)));
	memset(map_of(at), 1, granules(usable));
	rig_fill(at, usable, seed);
	block->size = size;
	block->usable = usable;
	block->seed = seed;
}

void
rig_block_check(const struct rig_block *block)
{
	if (block->at != NULL)
		RIG_CHECK(rig_intact(
		    block->at, block->usable, block->usable, block->seed));
}

void
rig_block_drop(struct rig_block *block)
{
	rig_block_check(block);
	RIG_CHECK(gcm_heap_usable(block->at, "test") == block->usable);
	memset(map_of(block->at), 0, granules(block->usable));
}

/* Operations ------------------------------------------------------------------
 */

void *
rig_raw_malloc(size_t size)
{
	if (size > GCM_BYTE_MAX)
		return gcm_heap_alloc(size);
	return gcm_cache_alloc_hot(
	    gcm_cache_self(), gcm_class_of_byte[size], size, gcm_heap_alloc);
}

void
rig_raw_free(void *block)
{
	if (!gcm_cache_free_hot(gcm_cache_self(), block))
		gcm_heap_free(block, "free");
}

void
rig_malloc(struct rig_block *block, size_t size, uint64_t seed)
{
	rig_block_take(block, rig_raw_malloc(size), size, 1, seed);
}

void
rig_calloc(struct rig_block *block, size_t size, uint64_t seed)
{
	void *at = gcm_heap_alloc_zeroed(size);

	if (at != NULL)
		RIG_CHECK(rig_is_zero(at, size));
	rig_block_take(block, at, size, 1, seed);
}

void
rig_aligned(struct rig_block *block, size_t size, size_t align, uint64_t seed)
{
	rig_block_take(
	    block, gcm_heap_alloc_aligned(size, align), size, align, seed);
}

void
rig_realloc(struct rig_block *block, size_t size, uint64_t seed)
{
	struct rig_block old = *block;
	unsigned char *at;

	rig_block_drop(&old);
	at = gcm_heap_realloc(old.at, size);
	if (at == NULL) { /* the old one is as it was */
		RIG_CHECK(os_fake_failures() > 0);
		memset(map_of(old.at), 1, granules(old.usable));
		rig_block_check(&old);
		return;
	}
	RIG_CHECK(rig_intact(
	    at, old.usable < size ? old.usable : size, old.usable, old.seed));
	rig_block_take(block, at, size, 1, seed);
}

void
rig_free(struct rig_block *block)
{
	if (block->at == NULL)
		return;
	rig_block_drop(block);
	rig_raw_free(block->at);
	block->at = NULL;
}

void
rig_fail(const char *file, int line, const char *what)
{
	fprintf(stderr, "%s:%d: not so: %s\n", file, line, what);
	fputs(os_fake_stderr(), stderr);
	abort();
}
