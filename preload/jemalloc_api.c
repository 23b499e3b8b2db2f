/* jemalloc_api.c -- the extended calls of jemalloc 5
 *
 * MODEL   Programs linked with libjemalloc.so.2 find these names here first
 *         when we are preloaded, and their blocks must be ours, as those of
 *         malloc are.  Of the flags, alignment and MALLOCX_ZERO count; thread
 *         caches and arenas are ours to choose.  As in jemalloc, errno is left
 *         alone, and a block of mallocx with MALLOCX_ZERO is zero to its real
 *         end, so that a rallocx with it need only clear what is new.
 *
 *         What jemalloc leaves undefined (size 0, NULL) is done as malloc and
 *         free do it.  Sizes given to sdallocx are not looked at: the page's
 *         record is what says how long a block is.
 */
#include <string.h>

#include "core/core.h"
#include "preload/preload.h"

enum {
	FLAG_ZERO = 0x40,
	FLAG_LG_ALIGN = 0x3f /* mask: log2 of the alignment */
};

/* There is no header of jemalloc's here. */
GCM_EXPORT void *mallocx(size_t size, int flags);
GCM_EXPORT void *rallocx(void *block, size_t size, int flags);
GCM_EXPORT size_t xallocx(void *block, size_t size, size_t extra, int flags);
GCM_EXPORT size_t sallocx(const void *block, int flags);
GCM_EXPORT void dallocx(void *block, int flags);
GCM_EXPORT void sdallocx(void *block, size_t size, int flags);
GCM_EXPORT size_t nallocx(size_t size, int flags);

static size_t
align_of_flags(int flags)
{
	return (size_t)1 << (flags & FLAG_LG_ALIGN);
}

static size_t
usable_size(const void *block, const char *call)
{
	if (!gcm_heap_has(block))
		return gcm_foreign_usable((void *)(uintptr_t)block);
	return gcm_heap_usable(block, call);
}

static bool
is_aligned(const void *block, size_t align)
{
	return ((uintptr_t)block & (align - 1)) == 0;
}

/* Large blocks lie at pages, whatever was asked for. */
static bool
needs_no_care(size_t size, size_t align)
{
	return align <= GCM_GRANULE ||
	       (size > GCM_SMALL_MAX && align <= GCM_PAGE_SIZE);
}

GCM_NOINLINE static void *
alloc_special(size_t size, int flags)
{
	size_t align = align_of_flags(flags);
	bool zero = (flags & FLAG_ZERO) != 0;
	void *block;

	if (zero && size > GCM_SMALL_MAX && needs_no_care(size, align))
		return gcm_heap_alloc_zeroed(size);
	block = gcm_heap_alloc_aligned(size, align);
	if (zero && block != NULL)
		memset(block, 0, gcm_heap_usable(block, "mallocx"));
	return block;
}

/* Sizes whose class is computed. */
GCM_NOINLINE static void *
alloc_middle(size_t size)
{
	if (size > GCM_SMALL_MAX)
		return gcm_heap_alloc(size);
	return gcm_cache_alloc_hot(
	    gcm_cache_self(), gcm_class_of_large(size), size, gcm_heap_alloc);
}

GCM_EXPORT void *
mallocx(size_t size, int flags)
{
	if (GCM_UNLIKELY((flags & (FLAG_ZERO | FLAG_LG_ALIGN)) != 0))
		return alloc_special(size, flags);
	if (GCM_UNLIKELY(size > GCM_BYTE_MAX))
		return alloc_middle(size);
	return gcm_cache_alloc_hot(
	    gcm_cache_self(), gcm_class_of_byte[size], size, gcm_heap_alloc);
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

GCM_EXPORT void
dallocx(void *block, int flags)
{
	(void)flags;
	if (!gcm_cache_free_hot(gcm_cache_self(), block))
		free_slow(block, "dallocx");
}

GCM_EXPORT void
sdallocx(void *block, size_t size, int flags)
{
	(void)size;
	(void)flags;
	if (!gcm_cache_free_hot(gcm_cache_self(), block))
		free_slow(block, "sdallocx");
}

GCM_EXPORT size_t
sallocx(const void *block, int flags)
{
	(void)flags;
	return block == NULL ? 0 : usable_size(block, "sallocx");
}

/* 0 when there is no such block, as in jemalloc. */
GCM_EXPORT size_t
nallocx(size_t size, int flags)
{
	size_t align = align_of_flags(flags);

	if (gcm_heap_good_size(align, 1) == 0)
		return 0;
	return gcm_heap_good_size(size == 0 ? 1 : size, align);
}

/* Resizing ----------------------------------------------------------------- */

/* Move the block to one that is aligned. */
static void *
move_block(void *block, size_t usable, size_t size, size_t align)
{
	void *copy = gcm_heap_alloc_aligned(size, align);

	if (copy == NULL)
		return NULL;
	memcpy(copy, block, usable < size ? usable : size);
	dallocx(block, 0);
	return copy;
}

static void *
resize_block(void *block, size_t usable, size_t size, size_t align)
{
	if (needs_no_care(size, align))
		return gcm_heap_has(block) ? gcm_heap_realloc(block, size)
					   : gcm_foreign_realloc(block, size);
	if (is_aligned(block, align) && size <= usable && size >= usable / 2)
		return block;
	return move_block(block, usable, size, align);
}

GCM_EXPORT void *
rallocx(void *block, size_t size, int flags)
{
	size_t usable, now;

	if (block == NULL)
		return mallocx(size, flags);
	if (size == 0)
		size = 1; /* undefined there; no reason to free */
	usable = usable_size(block, "rallocx");
	block = resize_block(block, usable, size, align_of_flags(flags));
	if (block == NULL || (flags & FLAG_ZERO) == 0)
		return block;
	now = usable_size(block, "rallocx");
	if (now > usable)
		memset((char *)block + usable, 0, now - usable);
	return block;
}

/* In place, to size + extra bytes if that can be, else to any size from
 * `size` on; the real size afterwards.  Slots have one size; large blocks are
 * shortened.
 */
GCM_EXPORT size_t
xallocx(void *block, size_t size, size_t extra, int flags)
{
	size_t usable = usable_size(block, "xallocx"), want;

	if (__builtin_add_overflow(size, extra, &want) || want >= usable ||
	    want <= GCM_SMALL_MAX || !gcm_heap_has(block) ||
	    !is_aligned(block, align_of_flags(flags)))
		return usable;
	(void)gcm_heap_realloc(block, want);
	return gcm_heap_usable(block, "xallocx");
}
