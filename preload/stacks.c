/* stacks.c -- stacks that are not what the collector takes a stack for
 *
 * MODEL   It reads a thread's stack from the stack pointer up (scan/root.c).
 *         What the program has below would be missed where a stack shares its
 *         mapping with other things, because the program chose its place or
 *         wanted no guard; and where a context or a handler runs on a piece of
 *         the thread's own stack, above frames that are still in use.  From the
 *         first such call on all stacks are read whole.
 *
 *         Where a stack begins is not known exactly: near its end is near
 *         enough, since to be wrong costs only that more is read.  The kernel
 *         maps nothing of others that near below the main stack.
 *
 *         An alternate stack may be a block whose address only the kernel has.
 *         Two threads may have the same one: the stop signal's handler would
 * run twice on it, so from then on it runs on none (gcm_stop_leave_alternate).
 *
 *         makecontext has any number of arguments, most of them on the stack:
 *         the real one is entered by a jump and finds them where they are
 *         (GCM_TAIL; a test with ten watches over it).
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/ucontext.h>

#include "core/core.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "scan/scan.h"

#define NEAR ((uintptr_t)128 << 20)

static uintptr_t main_tp; /* of the first thread; the constructor */

void
gcm_stacks_init(void)
{
	main_tp = (uintptr_t)__builtin_thread_pointer();
}

/* Threads
 * ------------------------------------------------------------------- */

static void
judge_attr(const pthread_attr_t *attr)
{
	size_t size = 0, guard = 0;
	void *lo = NULL;

	/* The end of the stack is zero when the program has not set it. */
	if (pthread_attr_getguardsize(attr, &guard) != 0 || guard == 0 ||
	    pthread_attr_getstack(attr, &lo, &size) != 0 ||
	    (uintptr_t)lo + size != 0)
		gcm_root_distrust_stacks();
}

GCM_EXPORT int
pthread_create(pthread_t *thread, const pthread_attr_t *attr,
    void *(*run)(void *), void *arg)
{
	__typeof__(&pthread_create) next = GCM_NEXT(pthread_create);

	if (next == NULL)
		return EAGAIN;
	if (attr != NULL)
		judge_attr(attr);
	return next(thread, attr, run, arg);
}

GCM_EXPORT int
pthread_setattr_default_np(const pthread_attr_t *attr)
{
	__typeof__(&pthread_setattr_default_np) next =
	    GCM_NEXT(pthread_setattr_default_np);

	if (next == NULL)
		return ENOSYS;
	judge_attr(attr);
	return next(attr);
}

/* Pieces of a stack
 * --------------------------------------------------------- */

/* Can the range be part of the calling thread's own stack?  Async-signal-safe.
 */
static void
judge_range(const void *start, size_t size)
{
	uintptr_t lo = (uintptr_t)start;
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0), from;
	uintptr_t top = (uintptr_t)__builtin_thread_pointer();

	/* The kernel's random bytes lie above all frames of the first stack. */
	if (main_tp == 0 || top == main_tp)
		top = getauxval(AT_RANDOM);
	from = top > NEAR ? top - NEAR : 0;
	if (sp < from)
		from = sp;
	if (lo < top && (lo >= from || size > from - lo) && !gcm_zone_has(lo))
		gcm_root_distrust_stacks();
}

GCM_EXPORT int
sigaltstack(const stack_t *stack, stack_t *old)
{
	__typeof__(&sigaltstack) next = GCM_NEXT(sigaltstack);
	struct gcm_thread *self = gcm_thread_self();
	uintptr_t sp = 0;
	int result;

	if (next == NULL) {
		errno = ENOSYS;
		return -1;
	}
	if (stack != NULL && (stack->ss_flags & SS_DISABLE) == 0) {
		judge_range(stack->ss_sp, stack->ss_size);
		sp = (uintptr_t)stack->ss_sp;
	}
	if (self == NULL && gcm_stop_signal() != 0)
		self = gcm_thread_make();
	if (sp != 0 && self != NULL) {
		/* Of two at a time, one at least sees the other. */
		atomic_store(&self->coming, sp);
		if (gcm_thread_shares_stack(self, sp, stack->ss_size))
			gcm_stop_leave_alternate();
	}
	result = next(stack, old);
	/* Until here the caller has the new one. */
	if (stack != NULL && self != NULL) {
		if (result == 0)
			atomic_store(&self->alternate, sp);
		atomic_store(&self->coming, 0);
	}
	return result;
}

/* As many arguments as come in registers. */
#ifdef __aarch64__
#define REST long d, long e, long f, long g, long h
#define PASS d, e, f, g, h
#else
#define REST long d, long e, long f
#define PASS d, e, f
#endif
GCM_EXPORT void makecontext(
    ucontext_t *context, void (*run)(void), int count, REST);

GCM_EXPORT GCM_TAIL_FUNCTION void
makecontext(ucontext_t *context, void (*run)(void), int count, REST)
{
	__typeof__(&makecontext) next = GCM_NEXT(makecontext);

	gcm_root_note_coroutine();
	judge_range(context->uc_stack.ss_sp, context->uc_stack.ss_size);
	GCM_TAIL return next(context, run, count, PASS);
}
