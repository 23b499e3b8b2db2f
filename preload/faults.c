/* faults.c -- the program has a userfaultfd of its own
 *
 * MODEL   A range belongs to one userfaultfd.  Ours has those whose pages the
 *         collector tracks (scan/dirty_pagemap.c), so that the program's
 *         UFFDIO_REGISTER would fail with EBUSY.  Before one our thread ends,
 *         which gives back all ranges, and does without from then on.
 *
 *         Where the program is told of children (EVENT_FORK) it would be told
 *         of ours, and where it fills pages that others may have already
 *         (MODE_MINOR) we cannot see which would have us wait for it: with the
 *         world stopped, for ever.  Such a program is never collected.
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

/* The kernel's numbers of requests are those of an unsigned int. */
enum {
	API = (uint32_t)UFFDIO_API,
	REGISTER = (uint32_t)UFFDIO_REGISTER
};

/* Copy what the kernel is about to read; zeroes where it cannot. */
static void
look_at(uintptr_t arg, void *copy, size_t size)
{
	memset(copy, 0, size);
	if (gcm_os_can_read((const void *)arg) &&
	    gcm_os_can_read((const void *)(arg + size - sizeof(uint64_t))))
		memcpy(copy, (const void *)arg, size);
}

static GCM_COLD enum gcm_faults
expect_api(uintptr_t arg)
{
	struct uffdio_api api;

	look_at(arg, &api, sizeof(api));
	return (api.features & UFFD_FEATURE_EVENT_FORK) != 0 ? GCM_FAULTS_HEARS
							     : GCM_FAULTS_NONE;
}

static GCM_COLD void
expect_register(uintptr_t arg)
{
	struct uffdio_register order;
	int saved = errno;
	bool never, is_new;

	look_at(arg, &order, sizeof(order));
	never = (order.mode & UFFDIO_REGISTER_MODE_MINOR) != 0;
	is_new = gcm_scanner_note_faults(never);
	/* Another thread may have noted it, and not waited yet. */
	if (is_new || never || gcm_pin_is_tracked())
		(void)gcm_heap_stop_threads();
	errno = saved;
}

enum gcm_faults
gcm_faults_expect(unsigned long request, uintptr_t arg)
{
	if (GCM_UNLIKELY((uint32_t)request == REGISTER))
		expect_register(arg);
	else if (GCM_UNLIKELY((uint32_t)request == API))
		return expect_api(arg);
	return GCM_FAULTS_NONE;
}

GCM_COLD void
gcm_faults_hear(void)
{
	(void)gcm_scanner_note_faults(true);
	(void)gcm_heap_stop_threads();
}

GCM_EXPORT int
ioctl(int fd, unsigned long request, ...)
{
	__typeof__(&ioctl) next = GCM_NEXT(ioctl);
	enum gcm_faults kind;
	uintptr_t arg;
	va_list list;
	int result;

	/* As in glibc: what the caller did not pass is not looked at. */
	va_start(list, request);
	arg = va_arg(list, uintptr_t);
	va_end(list);
	kind = gcm_faults_expect(request, arg);
	result = next(fd, request, arg);
	if (GCM_UNLIKELY(kind == GCM_FAULTS_HEARS) && result == 0)
		gcm_faults_hear();
	return result;
}
