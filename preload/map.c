/* map.c -- the program changes the mapping of its own blocks
 *
 * MODEL   A program may unmap, replace, move or protect pages of a block that
 *         it has.  The call is the kernel's and its effect what it always
 *         was; before it, core/alter.c notes the blocks it touches, and when
 *         such a block is freed its pages are mapped anew before anybody else
 *         gets them.  What the program does to addresses that
 *         are not ours passes by after one comparison.
 *
 *         Nothing is noted for what leaves no trace once the block is freed:
 *         protections that include reading and writing, advice that is about
 *         contents.  Advice about what a child inherits leaves one: a child
 *         without those pages would miss another block there later.
 *
 *         Noting takes no lock, so that all of this may happen in a signal
 *         handler inside malloc.
 */
#include <errno.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/types.h>

#include "core/core.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/ring.h"
#include "scan/scan.h"

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18
#endif

GCM_COLD static void
alter(const void *addr, size_t len)
{
	size_t page = gcm_os_page_size();

	if (len <= SIZE_MAX - page) /* else the kernel will refuse it */
		gcm_alter_note((uintptr_t)addr, gcm_round_up(len, page));
}

/* In a child this may be the first that is asked of the heap: it is repaired
 * then, and nobody waits for a marker that is not there.
 */
static bool
is_heap(const void *addr)
{
	return GCM_UNLIKELY(gcm_zone_has((uintptr_t)addr)) && gcm_heap_enter();
}

static bool
is_plain(int prot)
{
	return (prot & ~PROT_EXEC) == (PROT_READ | PROT_WRITE);
}

GCM_EXPORT int
munmap(void *addr, size_t len)
{
	__typeof__(&munmap) next = GCM_NEXT(munmap);

	gcm_flight_forget();
	if (is_heap(addr))
		alter(addr, len);
	if (GCM_UNLIKELY(gcm_ring_is_used()))
		gcm_ring_note_unmap(addr, len);
	return next(addr, len);
}

GCM_EXPORT void *
mmap(void *addr, size_t len, int prot, int flags, int fd, off_t offset)
{
	__typeof__(&mmap) next = GCM_NEXT(mmap);
	void *result;

	if ((flags & MAP_FIXED) != 0)
		gcm_flight_forget();
	if ((flags & MAP_FIXED) != 0 && is_heap(addr))
		alter(addr, len);
	result = next(addr, len, prot, flags, fd, offset);
	if (GCM_UNLIKELY(gcm_ring_is_used()))
		gcm_ring_note_map(fd, (uint64_t)offset, result);
	return result;
}

GCM_EXPORT void *
mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t offset)
{
	__typeof__(&mmap64) next = GCM_NEXT(mmap64);
	void *result;

	if ((flags & MAP_FIXED) != 0)
		gcm_flight_forget();
	if ((flags & MAP_FIXED) != 0 && is_heap(addr))
		alter(addr, len);
	result = next(addr, len, prot, flags, fd, offset);
	if (GCM_UNLIKELY(gcm_ring_is_used()))
		gcm_ring_note_map(fd, (uint64_t)offset, result);
	return result;
}

/* While the collector tracks writes, what is one mapping to the program may be
 * two to the kernel.
 */
GCM_COLD static void
end_tracking(void)
{
	gcm_pin_note_mover();
	(void)gcm_heap_stop_threads();
}

GCM_EXPORT void *
mremap(void *old, size_t old_len, size_t len, int flags, ...)
{
	__typeof__(&mremap) next = GCM_NEXT(mremap);
	int saved = errno;
	void *to, *result;
	va_list list;

	/* As in glibc: passed on whether it was given or not. */
	va_start(list, flags);
	to = va_arg(list, void *);
	va_end(list);
	gcm_flight_forget();
	if (is_heap(old))
		alter(old, old_len);
	if ((flags & MREMAP_FIXED) != 0 && is_heap(to))
		alter(to, len);
	/* Of several mappings an older kernel moves none, and a newer one may
	 * have moved the first before it refuses.
	 */
	if ((flags & MREMAP_FIXED) != 0 && gcm_pin_is_tracked())
		end_tracking();
	result = next(old, old_len, len, flags, to);
	if (result == MAP_FAILED && errno == EFAULT && gcm_pin_is_tracked()) {
		end_tracking();
		errno = saved;
		result = next(old, old_len, len, flags, to);
	}
	return result;
}

GCM_EXPORT int
mprotect(void *addr, size_t len, int prot)
{
	__typeof__(&mprotect) next = GCM_NEXT(mprotect);

	if ((prot & PROT_READ) == 0)
		gcm_flight_forget();
	if (is_heap(addr) && !is_plain(prot))
		alter(addr, len);
	if ((prot & PROT_WRITE) == 0)
		gcm_root_note_seal();
	return next(addr, len, prot);
}

GCM_EXPORT int
pkey_mprotect(void *addr, size_t len, int prot, int key)
{
	__typeof__(&pkey_mprotect) next = GCM_NEXT(pkey_mprotect);

	if (next == NULL) {
		errno = ENOSYS;
		return -1;
	}
	if ((prot & PROT_READ) == 0 || key > 0)
		gcm_flight_forget();
	if (is_heap(addr) && (!is_plain(prot) || key > 0))
		alter(addr, len);
	if ((prot & PROT_WRITE) == 0)
		gcm_root_note_seal();
	return next(addr, len, prot, key);
}

GCM_EXPORT int
madvise(void *addr, size_t len, int advice)
{
	__typeof__(&madvise) next = GCM_NEXT(madvise);

	if ((advice == MADV_DONTFORK || advice == MADV_WIPEONFORK) &&
	    is_heap(addr))
		alter(addr, len);
	if (advice == MADV_WIPEONFORK && gcm_stop_signal() != 0)
		gcm_root_note_wiped((uintptr_t)addr, (uintptr_t)addr + len);
	return next(addr, len, advice);
}
