/* malloc.c -- the malloc family of glibc
 *
 * MODEL   Each symbol translates: argument checks and errno as glibc 2.38 has
 *         them, then the fast path of core/cache.h, then core/heap.h.  A
 *         pointer outside the zone goes to foreign.c.
 *
 *         C++'s operators are left to libstdc++, which calls malloc and free:
 *         a program may replace some of them and not others, and the rest
 *         must then still meet its own.
 */
#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "core/core.h"
#include "preload/preload.h"

static void *
no_memory(void *block)
{
	if (GCM_UNLIKELY(block == NULL))
		errno = ENOMEM;
	return block;
}

/* Not, or no longer, in glibc's headers. */
GCM_EXPORT void cfree(void *block);
GCM_EXPORT void free_sized(void *block, size_t size);
GCM_EXPORT void free_aligned_sized(void *block, size_t align, size_t size);

GCM_NOINLINE static void *
alloc_slow(size_t size)
{
	return no_memory(gcm_heap_alloc(size));
}

/* Sizes whose class is computed. */
GCM_NOINLINE static void *
alloc_middle(size_t size)
{
	if (size > GCM_SMALL_MAX)
		return alloc_slow(size);
	return gcm_cache_alloc_hot(
	    gcm_cache_self(), gcm_class_of_large(size), size, alloc_slow);
}

GCM_EXPORT void *
malloc(size_t size)
{
	if (GCM_UNLIKELY(size > GCM_BYTE_MAX))
		return alloc_middle(size);
	return gcm_cache_alloc_hot(
	    gcm_cache_self(), gcm_class_of_byte[size], size, alloc_slow);
}

GCM_NOINLINE static void
free_slow(void *block, const char *call)
{
	if (block == NULL)
		return;
	if (GCM_LIKELY(gcm_heap_has(block)))
		gcm_heap_free(block, call);
	else
		gcm_foreign_free(block, call);
}

GCM_NOINLINE static void
free_rare(void *block)
{
	if (!gcm_cache_free_remote(gcm_cache_self(), block))
		free_slow(block, "free");
}

GCM_EXPORT void
free(void *block)
{
	if (GCM_LIKELY(gcm_cache_free_hot(gcm_cache_self(), block)))
		return;
	free_rare(block);
}

GCM_EXPORT void
cfree(void *block)
{
	free(block);
}

GCM_EXPORT void
free_sized(void *block, size_t size)
{
	(void)size;
	free(block);
}

GCM_EXPORT void
free_aligned_sized(void *block, size_t align, size_t size)
{
	(void)align;
	(void)size;
	free(block);
}

GCM_NOINLINE static void *
alloc_zeroed_slow(size_t size)
{
	return no_memory(gcm_heap_alloc_zeroed(size));
}

GCM_EXPORT void *
calloc(size_t count, size_t size)
{
	size_t bytes;
	void *block;

	if (GCM_UNLIKELY(__builtin_mul_overflow(count, size, &bytes)))
		return no_memory(NULL);
	if (GCM_UNLIKELY(bytes > GCM_BYTE_MAX))
		return alloc_zeroed_slow(bytes);
	block = gcm_cache_alloc_hot(
	    gcm_cache_self(), gcm_class_of_byte[bytes], bytes, alloc_slow);
	if (GCM_UNLIKELY(block == NULL))
		return NULL;
	return memset(block, 0, gcm_round_up(bytes, GCM_GRANULE));
}

GCM_EXPORT void *
realloc(void *block, size_t size)
{
	if (block == NULL)
		return malloc(size);
	if (GCM_UNLIKELY(size == 0)) {
		if (!gcm_cache_free_hot(gcm_cache_self(), block))
			free_slow(block, "realloc");
		return NULL;
	}
	if (GCM_UNLIKELY(!gcm_heap_has(block)))
		return gcm_foreign_realloc(block, size);
	return no_memory(gcm_heap_realloc(block, size));
}

GCM_EXPORT void *
reallocarray(void *block, size_t count, size_t size)
{
	size_t bytes;

	if (__builtin_mul_overflow(count, size, &bytes))
		return no_memory(NULL);
	return realloc(block, bytes);
}

/* Aligned blocks
 * --------------------------------------------------------------- */

static bool
is_power(size_t value)
{
	return value != 0 && (value & (value - 1)) == 0;
}

static void *
alloc_aligned(size_t align, size_t size)
{
	if (GCM_UNLIKELY(size > PTRDIFF_MAX))
		return no_memory(NULL);
	return no_memory(gcm_heap_alloc_aligned(size, align));
}

GCM_EXPORT void *
memalign(size_t align, size_t size)
{
	if (align > SIZE_MAX / 2 + 1) {
		errno = EINVAL;
		return NULL;
	}
	if (!is_power(align)) /* glibc rounds up */
		align =
		    align <= 1 ? 1 : (size_t)2 << (63 - __builtin_clzl(align));
	return alloc_aligned(align, size);
}

GCM_EXPORT void *
aligned_alloc(size_t align, size_t size)
{
	if (!is_power(align)) {
		errno = EINVAL;
		return NULL;
	}
	return alloc_aligned(align, size);
}

GCM_EXPORT int
posix_memalign(void **out, size_t align, size_t size)
{
	void *block;

	if (align % sizeof(void *) != 0 || !is_power(align))
		return EINVAL;
	if (size > PTRDIFF_MAX)
		return ENOMEM;
	block = gcm_heap_alloc_aligned(size, align);
	if (block == NULL)
		return ENOMEM;
	*out = block;
	return 0;
}

GCM_EXPORT void *
valloc(size_t size)
{
	return alloc_aligned(gcm_os_page_size(), size);
}

GCM_EXPORT void *
pvalloc(size_t size)
{
	size_t page = gcm_os_page_size(), rounded;

	if (__builtin_add_overflow(size, page - 1, &rounded))
		return no_memory(NULL);
	rounded &= ~(page - 1);
	return alloc_aligned(page, rounded == 0 ? page : rounded);
}

GCM_EXPORT size_t
malloc_usable_size(void *block)
{
	if (block == NULL)
		return 0;
	if (!gcm_heap_has(block))
		return gcm_foreign_usable(block);
	return gcm_heap_usable(block, "malloc_usable_size");
}

/* The names glibc has for its own, which some programs and wrappers call. */
#if __has_attribute(copy)
#define SAME_AS(target) alias(#target), copy(target)
#else
#define SAME_AS(target) alias(#target)
#endif
#define ALIAS(name, target)                                                    \
	GCM_EXPORT extern __typeof__(target) name                              \
	    __attribute__((SAME_AS(target)))

extern __typeof__(malloc) gcm_own_malloc
    __attribute__((SAME_AS(malloc), visibility("hidden")));

ALIAS(__libc_malloc, malloc);
ALIAS(__libc_free, free);
ALIAS(__libc_cfree, cfree);
ALIAS(__libc_calloc, calloc);
ALIAS(__libc_realloc, realloc);
ALIAS(__libc_reallocarray, reallocarray);
ALIAS(__libc_memalign, memalign);
ALIAS(__libc_valloc, valloc);
ALIAS(__libc_pvalloc, pvalloc);
ALIAS(__posix_memalign, posix_memalign);
