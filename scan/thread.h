/* thread.h -- what a thread of the program tells us of itself
 *
 * MODEL in thread.c.  A record belongs to one thread from its first call until
 * it ends.  Threads that have none are stopped by signal like all others.
 */
#ifndef GCM_SCAN_THREAD_H
#define GCM_SCAN_THREAD_H

#include "core/core.h"

struct gcm_thread {
	_Atomic uint32_t tid; /* the kernel's; 0: nobody's record */
	_Atomic uint32_t
	    blocked;          /* 1: in a blocked-safe call; its thread only */
	_Atomic uintptr_t sp; /* while blocked: all it has lies above */
	_Atomic uintptr_t tp; /* its thread pointer, for its stack's bounds */
	struct gcm_thread *next; /* all records; const once linked */
	_Atomic bool hides;      /* the program believes it blocks our signal */
};

/* The calling thread's record: NULL until gcm_thread_make. */
extern GCM_HIDDEN __thread struct gcm_thread *gcm_thread_self_
    __attribute__((tls_model("initial-exec")));

static inline struct gcm_thread *
gcm_thread_self(void)
{
	return gcm_thread_self_;
}

/* The same, made if need be; NULL when there is no memory, or once it ended.
 * Async-signal-safe.
 */
struct gcm_thread *gcm_thread_make(void);

/* Call visit for every record that was ever made. */
void gcm_thread_visit(
    void (*visit)(struct gcm_thread *thread, void *arg), void *arg);

/* The record of a thread by its id, or NULL. */
struct gcm_thread *gcm_thread_find(uint32_t tid);

/* The stopper: claim a thread that is not in a blocked-safe call, before it is
 * sent a signal.  False when it is in one: *sp says where its stack ends, and
 * it stays there while the world is stopped.  The claim is dropped by the
 * thread itself, in the signal's handler (.inv.stop-claim).
 */
bool gcm_thread_claim(struct gcm_thread *thread, uintptr_t *sp);
void gcm_thread_unclaim(struct gcm_thread *thread);

/* The calling thread ends: from now on it has no record and gets none. */
void gcm_thread_end(void);

/* In a forked child: only the calling thread's record is somebody's. */
void gcm_thread_reset(void);

/* Around a call that waits in the kernel and that a signal would interrupt.
 * Between the two the thread is stopped as far as the collector is concerned:
 * it must not touch memory that is not its own frame's or the kernel's to
 * write. The caller has spilled its callee-saved registers
 * (__builtin_unwind_init) and makes the call itself.  enter returns what leave
 * wants; NULL when the call is to be made as if we were not there.  leave waits
 * while the world is stopped and keeps errno.  Both noinline;
 * async-signal-safe.
 */
struct gcm_thread *gcm_blocked_enter(void);
void gcm_blocked_leave(struct gcm_thread *self);

/* Around a signal handler of the program, which may have interrupted such a
 * call: outside returns whether the thread was blocked, after waiting while the
 * world is stopped; back_in takes that value.
 */
bool gcm_blocked_outside(void);
void gcm_blocked_back_in(bool was_blocked);

/* The address of the trampoline that every handler of the program is entered
 * through (preload/signal.c); 0 before one was installed.  The collector gives
 * up a cycle when it finds a handler that is none, and trusts no blocked
 * thread.
 */
extern GCM_HIDDEN _Atomic uintptr_t gcm_thread_trampoline;

#endif
