/* thread.c -- records of threads, and threads that count as stopped
 *
 * MODEL   A thread in a blocked-safe call counts as stopped: the collector
 *         sends it no signal, so that calls which SA_RESTART does not cover
 *         (poll, nanosleep...) are not interrupted, and reads its stack from
 *         `sp` up.  Its registers lie there too: the wrapper has spilled
 *         those that its caller may count on, the others are dead.
 *
 *         Records are never unmapped; one is reused once its tid is 0.  The
 *         list only grows.  Everything may run in a signal handler that
 *         interrupted any of it, so there is no lock.
 *
 * STATES  of `blocked`, beside gcm_stop_word (scan/stop.h):
 *         thread     blocked = 1, then reads the word     (enter)
 *                    blocked = 0, then reads the word     (leave)
 *         stopper    word = odd, then reads blocked of all
 *         canceller  cancelled = 1, blocked = 0, then reads the word
 *
 *         All sequentially consistent, so of two at least one sees the other:
 *         leave: if the stopper read 1, the thread sees an odd word and waits,
 *         blocked once more, until it is even.  enter: if the stopper read 0,
 *         its signal is on the way; the thread sees an odd word, so the signal
 *         finds it waiting here and not in the program's call.
 *
 * INVARIANTS
 *   .inv.thread-frame   while blocked is 1, everything of the thread's that
 *                       may point into the heap lies above sp.
 *   .inv.thread-running whoever has made blocked 0 runs nothing of the program
 *                       before it has seen an even word.
 *   .inv.thread-doubt   a thread that enters while blocked came by a way that
 *                       we do not know (a handler without trampoline, a jump):
 *                       it is running from then on.
 *
 * CANCEL  A cancelled thread runs its cleanup handlers from inside the call.
 *         pthread_cancel's wrapper makes the thread running first, and `enter`
 *         refuses it from then on: it will not return from such a call, unless
 *         it has cancellation disabled (`steadfast`).  A thread without a
 *         record gets one, RESERVED, that it finds when it makes its own.  If
 *         it never does, the next thread with that stack finds it and sees by
 *         the number that it is not meant.
 *
 * LENT    A process that shares our memory and a thread's TLS (vfork) is not
 *         that thread: it enters nothing.
 *
 * FORK    gcm_thread_forked.  A child that did not come by fork() has records
 *         with the parent's ids, which fit nobody: its threads get signals.
 */
#include "scan/thread.h"

#include <limits.h>
#include <sys/syscall.h>

#include "scan/stop.h"

enum {
	NBOOT = 16,            /* records without a mapping */
	EVENTS_MOST = 64 << 10 /* bytes of them that are looked at */
};
#define RESERVED UINT32_MAX /* as tid */

GCM_HIDDEN __thread struct gcm_thread *gcm_thread_self_
    __attribute__((tls_model("initial-exec")));
static __thread bool has_ended __attribute__((tls_model("initial-exec")));

GCM_HIDDEN void (*_Atomic gcm_thread_on_make)(void);
GCM_HIDDEN _Atomic uintptr_t gcm_thread_trampoline;
GCM_HIDDEN _Atomic uintptr_t gcm_thread_trampoline_end;

static struct gcm_thread boot[NBOOT];
static _Atomic uint32_t boot_used;
static struct gcm_thread *_Atomic first; /* only grows */

static uint32_t
own_tid(void)
{
	return (uint32_t)gcm_arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

static uintptr_t
own_tp(void)
{
	return (uintptr_t)__builtin_thread_pointer();
}

/* Records ----------------------------------------------------------------- */

struct gcm_thread *
gcm_thread_first(void)
{
	return atomic_load(&first);
}

struct gcm_thread *
gcm_thread_find(uint32_t tid)
{
	struct gcm_thread *thread = atomic_load(&first);

	while (thread != NULL && atomic_load(&thread->tid) != tid)
		thread = thread->next;
	return thread;
}

static void
link_record(struct gcm_thread *record)
{
	record->next = atomic_load(&first);
	while (!atomic_compare_exchange_weak(&first, &record->next, record))
		continue;
}

/* More records of nobody's; without a lock, a handler may do the same. */
static bool
add_records(void)
{
	size_t bytes = gcm_os_page_size();
	struct gcm_thread *record;

	if (atomic_load(&boot_used) < NBOOT) {
		uint32_t i = atomic_fetch_add(&boot_used, 1);

		if (i < NBOOT) {
			link_record(&boot[i]);
			return true;
		}
	}
	record = gcm_own_map(bytes);
	if (record == NULL)
		return false;
	for (size_t i = 0; i < bytes / sizeof(*record); i++)
		link_record(&record[i]);
	return true;
}

/* A record for tid: one that has it already (its thread died without a word,
 * or a handler was faster), else one of nobody's.
 */
static struct gcm_thread *
claim_record(uint32_t tid)
{
	struct gcm_thread *record = gcm_thread_find(tid);
	uint32_t nobody;

	if (record != NULL && tid != RESERVED)
		return record;
	do {
		for (record = atomic_load(&first); record != NULL;
		     record = record->next) {
			nobody = 0;
			if (atomic_load(&record->tid) == 0 &&
			    atomic_compare_exchange_strong(
				&record->tid, &nobody, tid))
				return record;
		}
	} while (add_records());
	return NULL;
}

static void
clear_record(struct gcm_thread *record)
{
	atomic_store(&record->blocked, 0);
	atomic_store(&record->sp, 0);
	atomic_store(&record->tp, 0);
	atomic_store(&record->alternate, 0);
	atomic_store(&record->reserved, 0);
	atomic_store(&record->events, 0);
	atomic_store(&record->coming, 0);
	atomic_store(&record->hides, false);
	atomic_store(&record->lent_hides, false);
	atomic_store(&record->cancelled, false);
	atomic_store(&record->steadfast, false);
	atomic_store(&record->lent, 0);
}

/* Was it cancelled while it had no record?  Or was that one whose stack it got?
 */
static void
take_reservations(struct gcm_thread *self, uintptr_t tp)
{
	struct gcm_thread *record;

	for (record = atomic_load(&first); record != NULL;
	     record = record->next) {
		if (atomic_load(&record->tid) != RESERVED ||
		    atomic_load(&record->tp) != tp)
			continue;
		if (atomic_load(&record->reserved) == atomic_load(&self->tid))
			atomic_store(&self->cancelled, true);
		clear_record(record);
		atomic_store(&record->tid, 0);
	}
}

GCM_COLD struct gcm_thread *
gcm_thread_make(void)
{
	struct gcm_thread *self = gcm_thread_self_;
	void (*hook)(void);

	if (self != NULL || has_ended)
		return self;
	self = claim_record(own_tid());
	if (self == NULL)
		return NULL;
	clear_record(self);
	atomic_store(&self->tp, own_tp());
	take_reservations(self, own_tp());
	gcm_thread_self_ = self;
	hook = atomic_load(&gcm_thread_on_make);
	if (hook != NULL)
		hook();
	return self;
}

void
gcm_thread_end(void)
{
	struct gcm_thread *self = gcm_thread_self_;

	has_ended = true;
	gcm_thread_self_ = NULL;
	if (self == NULL)
		return;
	clear_record(self);
	atomic_store(&self->tid, 0);
}

void
gcm_thread_fill(const void *events, size_t bytes)
{
	struct gcm_thread *self = gcm_thread_self_;
	uintptr_t lo = (uintptr_t)events;

	if (self == NULL || atomic_load(&self->lent) != 0)
		return;
	if (bytes > EVENTS_MOST)
		bytes = EVENTS_MOST;
	/* A stop in between finds none, or all that was to be filled. */
	if (atomic_load_explicit(&self->events, memory_order_relaxed) != lo)
		atomic_store_explicit(&self->events, 0, memory_order_release);
	atomic_store_explicit(
	    &self->events_len, (uint32_t)bytes, memory_order_release);
	atomic_store_explicit(&self->events, lo, memory_order_release);
}

void
gcm_thread_reset(void)
{
	struct gcm_thread *self = gcm_thread_self_;
	struct gcm_thread *record;

	for (record = atomic_load(&first); record != NULL;
	     record = record->next)
		atomic_store(&record->blocked, 0);
	if (self == NULL)
		return;
	if (atomic_load(&self->lent) != 0)
		atomic_store(&self->hides, atomic_load(&self->lent_hides));
	atomic_store(&self->lent, 0);
	atomic_store(&self->tid, own_tid());
}

void
gcm_thread_forked(void)
{
	struct gcm_thread *record;

	/* The stopper is not here. */
	atomic_fetch_and(&gcm_stop_word, ~1u);
	for (record = atomic_load(&first); record != NULL;
	     record = record->next) {
		if (record == gcm_thread_self_)
			continue;
		clear_record(record);
		atomic_store(&record->tid, 0);
	}
	gcm_thread_reset();
}

bool
gcm_thread_is_trampoline(uintptr_t handler)
{
	return handler - atomic_load(&gcm_thread_trampoline) <
	       atomic_load(&gcm_thread_trampoline_end) -
		   atomic_load(&gcm_thread_trampoline);
}

static bool
is_near(uintptr_t other, uintptr_t lo, size_t size)
{
	return other != 0 && (other > lo ? other - lo : lo - other) < size;
}

/* A record may be that of a thread that died without a word. */
bool
gcm_thread_shares_stack(
    const struct gcm_thread *self, uintptr_t lo, size_t size)
{
	struct gcm_thread *record = atomic_load(&first);

	for (; record != NULL; record = record->next)
		if (record != self &&
		    (is_near(atomic_load(&record->alternate), lo, size) ||
			is_near(atomic_load(&record->coming), lo, size)) &&
		    gcm_arch_syscall(SYS_tgkill, gcm_os_pid(),
			atomic_load(&record->tid), 0, 0, 0, 0) == 0)
			return true;
	return false;
}

/* Cancellation ------------------------------------------------------------ */

/* A record with this tid and thread pointer.  By the tid alone it may be that
 * of a thread that died without a word, by the pointer alone too.
 */
static struct gcm_thread *
find_by_both(uint32_t tid, uintptr_t tp, uint32_t reserved)
{
	struct gcm_thread *record = atomic_load(&first);

	while (
	    record != NULL && (atomic_load(&record->tid) != tid ||
				  atomic_load(&record->tp) != tp ||
				  atomic_load(&record->reserved) != reserved))
		record = record->next;
	return record;
}

/* A record for a thread that has none yet; found if it was cancelled before. */
static struct gcm_thread *
reserve_record(uint32_t tid, uintptr_t tp)
{
	struct gcm_thread *record = find_by_both(RESERVED, tp, tid);

	if (record != NULL)
		return record;
	record = claim_record(RESERVED);
	if (record != NULL) {
		atomic_store(&record->reserved, tid);
		atomic_store(&record->tp, tp);
	}
	return record;
}

static void
wait_for_world(void)
{
	gcm_stop_wait();
}

void
gcm_thread_cancel(uintptr_t tp, uint32_t tid)
{
	struct gcm_thread *target = find_by_both(tid, tp, 0);

	if (target == NULL) {
		struct gcm_thread *reserved = reserve_record(tid, tp);

		/* Either we see its record now or it sees ours. */
		target = find_by_both(tid, tp, 0);
		if (target != NULL && reserved != NULL) {
			clear_record(reserved);
			atomic_store(&reserved->tid, 0);
		}
	}
	if (target == NULL)
		return;
	atomic_store(&target->cancelled, true);
	if (atomic_load(&target->steadfast))
		return;
	atomic_store(&target->blocked, 0);
	wait_for_world(); /* .inv.thread-running */
}

/* Blocked-safe calls ------------------------------------------------------ */

/* Not the thread whose record it found: a child that shares its TLS (vfork) or
 * has a copy of it, and of an odd word that nobody will make even.
 */
static bool
is_stranger(const struct gcm_thread *self)
{
	return atomic_load(&self->tid) != own_tid();
}

/* The world is being stopped, or the thread cancelled. */
static GCM_COLD struct gcm_thread *
enter_slowly(struct gcm_thread *self)
{
	if (is_stranger(self)) {
		atomic_store(&self->blocked, 0);
		return NULL;
	}
	if (atomic_load(&self->cancelled) && !atomic_load(&self->steadfast)) {
		gcm_blocked_leave(self);
		return NULL;
	}
	wait_for_world();
	return self;
}

static GCM_COLD struct gcm_thread *
refuse_entry(struct gcm_thread *self)
{
	if (atomic_load(&self->lent) == 0)
		gcm_blocked_leave(self); /* .inv.thread-doubt */
	return NULL;
}

static GCM_ALWAYS_INLINE struct gcm_thread *
enter_at(struct gcm_thread *self, uintptr_t sp)
{
	if (GCM_UNLIKELY(
		atomic_load_explicit(&self->blocked, memory_order_relaxed) !=
		    0 ||
		atomic_load_explicit(&self->lent, memory_order_relaxed) != 0))
		return refuse_entry(self);
	/* .inv.thread-frame */
	atomic_store_explicit(&self->sp, sp, memory_order_relaxed);
	atomic_store(&self->blocked, 1);
	if (GCM_UNLIKELY((atomic_load(&gcm_stop_word) & 1) != 0 ||
			 atomic_load(&self->cancelled)))
		return enter_slowly(self);
	return self;
}

static GCM_COLD struct gcm_thread *
make_at(uintptr_t sp)
{
	struct gcm_thread *self = NULL;

	if (gcm_stop_signal() != 0)
		self = gcm_thread_make();
	return self != NULL ? enter_at(self, sp) : NULL;
}

GCM_NOINLINE struct gcm_thread *
gcm_blocked_enter(void)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);

	if (GCM_UNLIKELY(gcm_thread_self_ == NULL))
		return make_at(sp);
	return enter_at(gcm_thread_self_, sp);
}

/* Blocked once more until the world runs. */
static GCM_COLD void
leave_slowly(struct gcm_thread *self)
{
	if (is_stranger(self))
		return;
	do {
		atomic_store(&self->blocked, 1);
		wait_for_world();
		atomic_store(&self->blocked, 0);
	} while ((atomic_load(&gcm_stop_word) & 1) != 0);
}

GCM_NOINLINE void
gcm_blocked_leave(struct gcm_thread *self)
{
	if (self == NULL)
		return;
	atomic_store(&self->blocked, 0);
	if (GCM_UNLIKELY((atomic_load(&gcm_stop_word) & 1) != 0))
		leave_slowly(self); /* .inv.thread-running */
}

/* Handlers ---------------------------------------------------------------- */

/* sp is kept even if the thread is not blocked: the handler may have
 * interrupted enter, between its stores.
 */
void
gcm_blocked_outside(struct gcm_blocked_was *was)
{
	struct gcm_thread *self = gcm_thread_self_;

	was->self = self;
	was->sp = 0;
	was->blocked = false;
	if (self == NULL || atomic_load(&self->lent) != 0)
		return;
	was->sp = atomic_load(&self->sp);
	was->blocked = atomic_load(&self->blocked) != 0;
	if (was->blocked)
		gcm_blocked_leave(self);
	else /* it may have interrupted leave, after its first store */
		wait_for_world();
}

/* Another thread than the one that came outside (a handler that switched
 * stacks) has nothing to go back to.
 */
void
gcm_blocked_back_in(const struct gcm_blocked_was *was)
{
	struct gcm_thread *self = gcm_thread_self_;

	if (self == NULL || self != was->self || atomic_load(&self->lent) != 0)
		return;
	if (was->blocked)
		(void)enter_at(self, was->sp);
	else
		atomic_store(&self->sp, was->sp);
}
