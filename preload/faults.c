/* faults.c -- the program has a userfaultfd of its own
 *
 * MODEL   A range belongs to one userfaultfd.  Ours has those whose pages the
 *         collector tracks (scan/dirty_pagemap.c), so that the program's
 *         UFFDIO_REGISTER would fail with EBUSY.  Before the first one our
 *         thread ends, which gives back all ranges, and does without from
 *         then on.  A program that wants to hear of children (EVENT_FORK)
 *         would hear of ours: it gets none.
 *
 * LIMITS  An ioctl by the program's own instruction is not seen.
 */
#include <errno.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>

#include "preload/next.h"
#include "preload/preload.h"
#include "scan/scan.h"

static GCM_COLD void
expect_faults(unsigned long request, uintptr_t arg)
{
	struct uffdio_api api = {0, 0, 0};
	int saved = errno;
	bool hears;

	if (request == UFFDIO_API && gcm_os_can_read((const void *)arg))
		memcpy(&api, (const void *)arg, sizeof(api));
	hears = (api.features & UFFD_FEATURE_EVENT_FORK) != 0;
	if ((hears || request == UFFDIO_REGISTER) &&
	    gcm_scanner_note_faults(hears))
		(void)gcm_heap_stop_threads();
	errno = saved;
}

void
gcm_faults_expect(unsigned long request, uintptr_t arg)
{
	if (GCM_UNLIKELY(request == UFFDIO_REGISTER || request == UFFDIO_API))
		expect_faults(request, arg);
}

GCM_EXPORT int
ioctl(int fd, unsigned long request, ...)
{
	__typeof__(&ioctl) next = GCM_NEXT(ioctl);
	uintptr_t arg;
	va_list list;

	/* As in glibc: what the caller did not pass is not looked at. */
	va_start(list, request);
	arg = va_arg(list, uintptr_t);
	va_end(list);
	gcm_faults_expect(request, arg);
	return next(fd, request, arg);
}
