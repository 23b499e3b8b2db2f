/* meta.c -- memory for our own structures
 *
 * MODEL   Power-of-two blocks bumped out of chunks; a free list for each
 *         power.  The links lie in freed blocks, which the program has never
 *         seen: no overflow of its blocks reaches them.
 *
 * LOCKS   meta lock.
 *
 * FORK    the child forgets everything free (gcm_meta_reset): a torn list is
 *         never followed.
 */
#include "core/meta.h"

#include <string.h>

#include "core/lock.h"
#include "core/os.h"
#include "core/own.h"

enum {
	BOOT_BYTES = 24 << 10,
	CHUNK_BYTES = 128 << 10,
	LOG_MIN = 4,
	LOG_MAX = 24
};

static char boot[BOOT_BYTES] __attribute__((aligned(GCM_CACHE_LINE)));

static struct {
	struct gcm_lock lock;
	char *at, *end;               /* the chunk; lock */
	void *free_list[LOG_MAX + 1]; /* lock */
	_Atomic size_t mapped;        /* lock; read by all */
} meta = {GCM_LOCK_INIT(meta), boot, boot + BOOT_BYTES, {NULL}, 0};

static unsigned int
log_of_size(size_t size)
{
	return size <= 1u << LOG_MIN
		   ? LOG_MIN
		   : 64u - (unsigned int)__builtin_clzl(size - 1);
}

static bool
take_chunk(size_t bytes)
{
	size_t len = bytes > CHUNK_BYTES ? bytes : CHUNK_BYTES;
	void *chunk;

	len = gcm_round_up(len, gcm_os_page_size());
	chunk = gcm_own_map(len);
	if (chunk == NULL)
		return false;
	meta.at = chunk;
	meta.end = meta.at + len;
	atomic_fetch_add_explicit(&meta.mapped, len, memory_order_relaxed);
	return true;
}

static void *
bump_block(size_t bytes)
{
	uintptr_t align = bytes < GCM_CACHE_LINE ? bytes : GCM_CACHE_LINE;
	char *block = (char *)gcm_round_up((uintptr_t)meta.at, align);

	if (block > meta.end || (size_t)(meta.end - block) < bytes) {
		if (!take_chunk(bytes))
			return NULL;
		block = meta.at;
	}
	meta.at = block + bytes;
	return block;
}

void *
gcm_meta_alloc(size_t size)
{
	unsigned int log = log_of_size(size);
	void *block;

	if (log > LOG_MAX)
		return NULL;
	gcm_lock_acquire(&meta.lock);
	block = meta.free_list[log];
	if (block != NULL) {
		memcpy(&meta.free_list[log], block, sizeof(void *));
		memset(block, 0, (size_t)1 << log);
	} else {
		block = bump_block((size_t)1 << log);
	}
	gcm_lock_release(&meta.lock);
	return block;
}

void
gcm_meta_free(void *block, size_t size)
{
	unsigned int log = log_of_size(size);

	if (block == NULL)
		return;
	gcm_lock_acquire(&meta.lock);
	memcpy(block, &meta.free_list[log], sizeof(void *));
	meta.free_list[log] = block;
	gcm_lock_release(&meta.lock);
}

size_t
gcm_meta_mapped(void)
{
	return atomic_load_explicit(&meta.mapped, memory_order_relaxed) +
	       BOOT_BYTES;
}

bool
gcm_meta_busy(void)
{
	return gcm_lock_held(&meta.lock);
}

void
gcm_meta_reset(void)
{
	gcm_lock_init(&meta.lock, GCM_RANK_meta);
	memset(meta.free_list, 0, sizeof(meta.free_list));
	meta.at = meta.end;
}
