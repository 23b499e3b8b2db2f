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
	    blocked;          /* 1: in a blocked-safe call; set by its
			       * thread, cleared by it or by who cancels it */
	_Atomic uintptr_t sp; /* while blocked: all it has lies above */
	_Atomic uintptr_t tp; /* its thread pointer, for its stack's bounds */
	struct gcm_thread *next;     /* all records; const once linked */
	_Atomic uintptr_t alternate; /* the signal stack that the kernel has */
	_Atomic uintptr_t events;    /* what epoll_wait fills; its */
	_Atomic uint32_t events_len; /* the same */
	_Atomic uintptr_t coming;    /* the one that it is about to get, or 0 */
	_Atomic uint32_t reserved;   /* RESERVED: for whom */
	_Atomic bool hides;      /* the program believes it blocks our signal */
	_Atomic bool lent_hides; /* the same of those it is lent to */
	_Atomic bool cancelled;  /* it may end inside its next call; any */
	_Atomic bool steadfast;  /* not while cancellation is disabled; its */
	_Atomic uint8_t lent;    /* processes that run with its TLS; its */
} __attribute__((aligned(GCM_CACHE_LINE)));

/* The calling thread's record: NULL until gcm_thread_make. */
extern GCM_HIDDEN __thread struct gcm_thread *gcm_thread_self_
    __attribute__((tls_model("initial-exec")));

static inline struct gcm_thread *
gcm_thread_self(void)
{
	return gcm_thread_self_;
}

/* The same, made if need be; NULL when there is no memory, or once it ended.
 * Async-signal-safe, as all here.
 */
struct gcm_thread *gcm_thread_make(void);

/* Called by a thread whose record has just been made. */
extern GCM_HIDDEN void (*_Atomic gcm_thread_on_make)(void);

/* All records, in no order; follow next.  Whose tid it is: NULL if nobody's. */
struct gcm_thread *gcm_thread_first(void);
struct gcm_thread *gcm_thread_find(uint32_t tid);

/* Has another thread that lives an alternate stack there, or is about to? */
bool gcm_thread_shares_stack(
    const struct gcm_thread *self, uintptr_t lo, size_t size);

/* The calling thread ends: from now on it has no record and gets none. */
void gcm_thread_end(void);

/* In a forked child, before it does anything: only the calling thread's record
 * is somebody's.
 */
void gcm_thread_forked(void);

/* In a child that may have threads by now: none counts as stopped that does
 * not.
 */
void gcm_thread_reset(void);

/* The thread with this thread pointer and the kernel's number is about to be
 * cancelled: when this returns it counts as running.
 */
void gcm_thread_cancel(uintptr_t tp, uint32_t tid);

/* Around a call that waits in the kernel and that a signal would interrupt.
 * Between the two the thread is stopped as far as the collector is concerned:
 * it must not touch memory that is not its own frame's or the kernel's to
 * write. The caller has spilled its callee-saved registers
 * (__builtin_unwind_init) and makes the call itself.  enter returns what leave
 * wants; NULL when the call is to be made as if we were not there.  leave waits
 * while the world is stopped.  Both noinline, and errno is kept.
 */
struct gcm_thread *gcm_blocked_enter(void);
void gcm_blocked_leave(struct gcm_thread *self);

/* The calling thread lets epoll_wait fill that many bytes, or it has: entries
 * are packed, and addresses in them lie at any multiple of four.  Remembered
 * until the next call.
 */
void gcm_thread_fill(const void *events, size_t bytes);

/* Around a signal handler of the program, which may have interrupted such a
 * call: outside waits while the world is stopped; from then on the thread is
 * running, until back_in.
 */
struct gcm_blocked_was {
	struct gcm_thread *self;
	uintptr_t sp;
	bool blocked;
};
void gcm_blocked_outside(struct gcm_blocked_was *was);
void gcm_blocked_back_in(const struct gcm_blocked_was *was);

/* Where the trampolines are that every handler of the program is entered
 * through (preload/signal.c); 0 before one was installed.  The collector gives
 * up a cycle when it finds a handler that is none, and trusts no blocked
 * thread.  libc's own (32 and 33) need none.
 */
extern GCM_HIDDEN _Atomic uintptr_t gcm_thread_trampoline; /* the first */
extern GCM_HIDDEN _Atomic uintptr_t gcm_thread_trampoline_end;
bool gcm_thread_is_trampoline(uintptr_t handler);

#endif
