/* vfork.c -- processes that run on a thread's memory and TLS
 *
 * MODEL   A child of vfork, or of a clone that shares memory without a TLS of
 *         its own, finds the parent thread's record and is not that thread: a
 *         call of the child's must not make the parent count as stopped,
 *         whose registers are elsewhere.  So the record is lent out
 *         meanwhile (scan/thread.c), for ever if the parent goes on beside
 *         the child.
 *
 *         vfork returns twice into a frame that the child may change: the
 *         instructions for that are vfork_<machine>.c.
 */
#include <errno.h>
#include <sched.h>
#include <stdarg.h>

#include "preload/next.h"
#include "preload/preload.h"
#include "preload/vfork.h"
#include "scan/scan.h"

static void
lend_record(int change)
{
	struct gcm_thread *self = gcm_thread_self();

	if (self == NULL && gcm_stop_signal() != 0)
		self = gcm_thread_make();
	if (self != NULL && atomic_load(&self->lent) == 0)
		atomic_store(&self->lent_hides, atomic_load(&self->hides));
	/* From the most on it stays: it counts no more. */
	if (self != NULL && atomic_load(&self->lent) != UINT8_MAX)
		atomic_store(
		    &self->lent, (uint8_t)(atomic_load(&self->lent) + change));
}

void
gcm_vfork_begin(void)
{
	lend_record(1);
}

long
gcm_vfork_end(long child)
{
	lend_record(-1);
	if (child >= 0)
		return child;
	errno = (int)-child;
	return -1;
}

GCM_EXPORT int
clone(int (*run)(void *), void *stack, int flags, void *arg, ...)
{
	__typeof__(&clone) next = GCM_NEXT(clone);
	bool lends = (flags & CLONE_VM) != 0 && (flags & CLONE_SETTLS) == 0;
	void *more[3];
	va_list list;
	int result;

	/* As in glibc: what the caller did not pass is not looked at. */
	va_start(list, arg);
	for (unsigned int i = 0; i < 3; i++)
		more[i] = va_arg(list, void *);
	va_end(list);
	if (next == NULL) {
		errno = ENOSYS;
		return -1;
	}
	if (lends)
		lend_record(1);
	if (lends && (flags & (CLONE_THREAD | CLONE_VFORK)) == 0)
		gcm_stop_note_process();
	result = next(run, stack, flags, arg, more[0], more[1], more[2]);
	if (lends && (result < 0 || (flags & CLONE_VFORK) != 0))
		lend_record(-1);
	return result;
}
