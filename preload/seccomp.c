/* seccomp.c -- filters on system calls: from then on only what all allow
 *
 * MODEL   A sandbox often lists what glibc's malloc needs and kills on the
 *         rest.  Before a filter is installed the scavenger ends for good, and
 *         core/os_linux.c confines itself to mmap, munmap and mremap.  A
 *         filter that was there when the program began (a container's, a
 *         service's) is for the collector to try (scan/sandbox.c).
 *
 *         Filters come by prctl or by syscall(SYS_seccomp): libseccomp's
 *         way, as glibc has no function for it.  The other numbers below are
 *         raw forms of calls that process.c wraps.  clone and fork by number
 *         need nothing: the child repairs the heap by itself.
 */
#include <linux/seccomp.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/core.h"
#include "preload/blocking.h"
#include "preload/exec.h"
#include "preload/flight.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/signal.h"
#include "scan/scan.h"

/* A call with a null filter only asks whether there are filters. */
static void
expect_filter(unsigned long mode, unsigned long filter)
{
	if (mode != SECCOMP_MODE_STRICT && filter == 0)
		return;
	gcm_event_silence(true);
	gcm_heap_confine();
	gcm_stop_disable();
}

GCM_EXPORT int
prctl(int option, ...)
{
	__typeof__(&prctl) next = GCM_NEXT(prctl);
	unsigned long arg[4];
	va_list list;

	/* As in glibc: what the caller did not pass is not looked at. */
	va_start(list, option);
	for (unsigned int i = 0; i < 4; i++)
		arg[i] = va_arg(list, unsigned long);
	va_end(list);
	if (option == PR_SET_SECCOMP)
		expect_filter(arg[0], arg[1]);
	return next(option, arg[0], arg[1], arg[2], arg[3]);
}

static void
expect_call(long number, const long *arg)
{
	switch (number) {
	case SYS_seccomp:
		if (arg[0] == SECCOMP_SET_MODE_STRICT)
			expect_filter(SECCOMP_MODE_STRICT, 0);
		else if (arg[0] == SECCOMP_SET_MODE_FILTER)
			expect_filter(
			    SECCOMP_MODE_FILTER, (unsigned long)arg[2]);
		break;
	case SYS_prctl:
		if (arg[0] == PR_SET_SECCOMP)
			expect_filter(
			    (unsigned long)arg[1], (unsigned long)arg[2]);
		break;
	case SYS_rt_sigaction:
		gcm_signal_raw_action(arg);
		break;
	case SYS_capset:
	case SYS_setns:
	case SYS_unshare:
		(void)gcm_heap_stop_threads();
		break;
	case SYS_execve:
	case SYS_execveat:
		(void)gcm_exec_begin();
		break;
	default:
		break;
	}
}

GCM_EXPORT long
syscall(long number, ...)
{
	__typeof__(&syscall) next = GCM_NEXT(syscall);
	struct gcm_thread *self = NULL;
	long arg[6], result;
	size_t noted;
	va_list list;

	va_start(list, number);
	for (unsigned int i = 0; i < 6; i++)
		arg[i] = va_arg(list, long);
	va_end(list);
	expect_call(number, arg);
	if (number == SYS_ioctl)
		return ioctl((int)arg[0], (unsigned long)arg[1], arg[2]);
	if (number == SYS_rt_sigprocmask)
		return gcm_signal_raw_mask(next, arg);
	noted = gcm_flight_before_call(number, arg);
	__builtin_unwind_init();
	if (gcm_blocking_is(number, arg))
		self = gcm_blocked_enter();
	result = next(number, arg[0], arg[1], arg[2], arg[3], arg[4], arg[5]);
	gcm_blocked_leave(self);
	gcm_flight_after_call(number, arg, result, noted);
	return result;
}
