/* cancel.c -- a thread that is cancelled must not count as stopped
 *
 * MODEL   The cleanup handlers of a thread that is cancelled in a blocked-safe
 *         call run from inside the call.  So the canceller makes it a running
 *         thread beforehand, and for good, unless it has cancellation
 *         disabled at the time: scan/thread.c.
 *
 *         The flag that says so errs on the side of "enabled": it is set
 *         after cancellation was disabled, and taken away before it is
 *         enabled.
 */
#include <errno.h>
#include <pthread.h>

#include "preload/next.h"
#include "preload/preload.h"
#include "scan/scan.h"

/* The kernel's number, which a clock of the thread has in it (CPUCLOCK_SCHED of
 * a thread is ~tid << 3 | 6); 0: it has ended and waits to be joined.
 */
static uint32_t
tid_of(pthread_t thread)
{
	clockid_t clock;

	if (pthread_getcpuclockid(thread, &clock) != 0)
		return 0;
	return ~((uint32_t)((int32_t)clock >> 3));
}

/* The difference between a pthread_t and its thread's pointer is the same for
 * all threads.
 */
GCM_EXPORT int
pthread_cancel(pthread_t thread)
{
	__typeof__(&pthread_cancel) next = GCM_NEXT(pthread_cancel);
	uintptr_t self = (uintptr_t)__builtin_thread_pointer();
	uint32_t tid = tid_of(thread);

	if (next == NULL)
		return ENOSYS;
	if (gcm_stop_signal() != 0 && tid != 0)
		gcm_thread_cancel(self - pthread_self() + thread, tid);
	return next(thread);
}

GCM_EXPORT int
pthread_setcancelstate(int state, int *old)
{
	__typeof__(&pthread_setcancelstate) next =
	    GCM_NEXT(pthread_setcancelstate);
	struct gcm_thread *self = gcm_thread_self();
	int result;

	if (next == NULL)
		return ENOSYS;
	if (state == PTHREAD_CANCEL_DISABLE && gcm_stop_signal() != 0)
		self = gcm_thread_make();
	if (self != NULL && state != PTHREAD_CANCEL_DISABLE)
		atomic_store(&self->steadfast, false);
	result = next(state, old);
	if (self != NULL && state == PTHREAD_CANCEL_DISABLE && result == 0)
		atomic_store(&self->steadfast, true);
	return result;
}
