/* signal.c -- handlers of the program, and masks that leave our signal open
 *
 * MODEL   A handler may interrupt a blocked-safe call, in which its thread
 *         counts as stopped (scan/thread.c).  So the kernel is given, in place
 *         of each handler, a trampoline that takes the thread out of that
 *         state and, if the handler returns, back into it; a handler that
 *         jumps away has left it for good.
 *
 *         Each handler has a trampoline of its own, bound to it for ever when
 *         it is first installed.  So the kernel's own atomic change of an
 *         action changes all of it, two threads cannot mix theirs, a child of
 *         vfork that installs one changes nothing of its parent's, and what
 *         the kernel gives back as the old action can be translated.  When
 *         all are used up, the handler goes to the kernel as it is: the
 *         collector notices and does nothing.
 *
 *         The signal that stops threads is never in a mask that the kernel is
 *         given, and always in those that the program gets back when it
 *         believes it is (`hides` of the thread).  A program that wants the
 *         number for itself gets it: scan/stop.c takes another one.  It wants
 *         it when it installs a handler, or when it blocks or waits for a few
 *         real-time signals and ours is among them; a set of most of them
 *         means "all".
 *
 * INVARIANTS
 *   .inv.signal-bound   a trampoline's handler, once set, never changes.
 *
 * LIMITS  What siglongjmp and swapcontext restore of masks is not seen, but for
 *         what a handler's end does; a new thread is believed to hide nothing;
 * exec hands down an open mask.
 */
#include "preload/signal.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/ucontext.h>

#include "preload/next.h"
#include "preload/preload.h"
#include "scan/scan.h"

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif

enum {
	NTRAMPOLINES = 256,
	KINDS = 4,      /* of trampolines: their number modulo this */
	MASKS_OURS = 1, /* the program's sa_mask had our signal, too */
	ON_STACK = 2,   /* SA_ONSTACK: the kernel's sa_mask has our signal */
	HANDLER_ROOM = 8192, /* bytes for what a handler calls */
	NMEANT = 16          /* real-time signals in a set that means "all" */
};
#define REAL_TIME (~0UL << 33) /* 34 to 64 */

typedef void handler_call(int, siginfo_t *, void *);

/* By kinds. */
static _Atomic uintptr_t handlers[NTRAMPOLINES]; /* .inv.signal-bound */

/* What the program asked for on our signal: to ignore it, or nothing. */
static _Atomic uintptr_t wish;
static _Atomic int wish_flags;

static _Atomic bool is_off; /* there is no collector */

/* Our signals that sa_masks of handlers with ON_STACK have; it only grows. */
static _Atomic unsigned long masked;

/* Trampolines ------------------------------------------------------------- */

/* 0 when there is no signal of ours */
static unsigned long
own_bit(void)
{
	int sig = gcm_stop_signal();

	return sig == 0 ? 0 : 1UL << (sig - 1);
}

static void
change_own_mask(int how, unsigned long word)
{
	(void)gcm_arch_syscall(
	    SYS_rt_sigprocmask, how, (long)&word, 0, sizeof(word), 0, 0);
}

/* Our signal's frame goes onto the stack that the handler is on.  An alternate
 * one may have room for one frame and little more: such a handler cannot be
 * stopped.  Both signals may come at once, so that the kernel would make two
 * frames before we run: it is told to block ours, and where there is room that
 * ends here.  The handler's end restores the mask.
 */
static void
keep_room(int sig, const ucontext_t *context, unsigned int kind)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	uintptr_t lo = (uintptr_t)context->uc_stack.ss_sp;
	unsigned long own = own_bit(), open, before;

	if (own == 0)
		return;
	if (sp - lo < context->uc_stack.ss_size &&
	    (context->uc_stack.ss_flags & SS_DISABLE) == 0 &&
	    sp - lo < getauxval(AT_MINSIGSTKSZ) + HANDLER_ROOM) {
		change_own_mask(SIG_BLOCK, own);
	} else if ((kind & ON_STACK) != 0) {
		/* Also those that have become the program's since. */
		open = (kind & MASKS_OURS) != 0 ? own : atomic_load(&masked);
		memcpy(&before, &context->uc_sigmask, sizeof(before));
		open &= ~(before | 1UL << (sig - 1));
		if (open != 0)
			change_own_mask(SIG_UNBLOCK, open);
	}
}

static bool does_hide(void);
static void set_hides(bool on);

/* With the handler's end the mask is again what it was, whatever the handler
 * did to it.
 */
static GCM_NOINLINE void
run_handler(int sig, siginfo_t *info, void *context, unsigned int i)
{
	uintptr_t handler =
	    atomic_load_explicit(&handlers[i], memory_order_relaxed);
	struct gcm_blocked_was was;
	bool hides = does_hide();

	keep_room(sig, context, i % KINDS);
	gcm_blocked_outside(&was);
	if ((i & MASKS_OURS) != 0 && !hides)
		set_hides(true);
	((handler_call *)handler)(sig, info, context);
	if (does_hide() != hides)
		set_hides(hides);
	gcm_blocked_back_in(&was);
}

#define EACH8(row, i)                                                          \
	row(i##0) row(i##1) row(i##2) row(i##3) row(i##4) row(i##5) row(i##6)  \
	    row(i##7)
#define EACH64(row, i)                                                         \
	EACH8(row, i##0)                                                       \
	EACH8(row, i##1)                                                       \
	EACH8(row, i##2)                                                       \
	EACH8(row, i##3)                                                       \
	EACH8(row, i##4) EACH8(row, i##5) EACH8(row, i##6) EACH8(row, i##7)
#define EACH(row) /* octal */                                                  \
	EACH64(row, 00) EACH64(row, 01) EACH64(row, 02) EACH64(row, 03)

#define TRAMPOLINE(i)                                                          \
	__attribute__((section("gcm_trampolines"))) static void enter_##i(     \
	    int sig, siginfo_t *info, void *context)                           \
	{                                                                      \
		run_handler(sig, info, context, i);                            \
	}
EACH(TRAMPOLINE)

#define ADDRESS(i) enter_##i,
static handler_call *const trampolines[NTRAMPOLINES] = {EACH(ADDRESS)};

/* The linker's. */
extern const char __start_gcm_trampolines[] GCM_HIDDEN;
extern const char __stop_gcm_trampolines[] GCM_HIDDEN;

static bool
is_trampoline(uintptr_t handler)
{
	return handler >= (uintptr_t)__start_gcm_trampolines &&
	       handler < (uintptr_t)__stop_gcm_trampolines;
}

/* SIG_DFL, SIG_IGN, SIG_HOLD, SIG_ERR */
static bool
is_plain(uintptr_t handler)
{
	return handler + 1 <= 3;
}

/* What the kernel is to be given for a handler of the program's. */
static uintptr_t
hide_handler(uintptr_t handler, unsigned int kind)
{
	uintptr_t seen;

	if (is_plain(handler) || is_trampoline(handler))
		return handler;
	atomic_store(
	    &gcm_thread_trampoline_end, (uintptr_t)__stop_gcm_trampolines);
	atomic_store(
	    &gcm_thread_trampoline, (uintptr_t)__start_gcm_trampolines);
	for (unsigned int i = kind; i < NTRAMPOLINES; i += KINDS) {
		seen = atomic_load(&handlers[i]);
		if (seen == 0 && atomic_compare_exchange_strong(
				     &handlers[i], &seen, handler))
			seen = handler;
		if (seen == handler)
			return (uintptr_t)trampolines[i];
	}
	return handler;
}

static uintptr_t
show_handler(uintptr_t handler, unsigned int *kind)
{
	*kind = 0;
	if (!is_trampoline(handler))
		return handler;
	for (unsigned int i = 0; i < NTRAMPOLINES; i++) {
		if ((uintptr_t)trampolines[i] == handler) {
			*kind = i % KINDS;
			return atomic_load(&handlers[i]);
		}
	}
	return handler;
}

/* Sets -------------------------------------------------------------------- */

/* The kernel's word of a set; glibc has it first. */
static unsigned long *
word_of(sigset_t *set)
{
	return (unsigned long *)(void *)set;
}

static unsigned long
get_word(const sigset_t *set)
{
	unsigned long word;

	memcpy(&word, set, sizeof(word));
	return word;
}

/* A mask that a child of vfork changes is its own, though the record is not. */
static _Atomic bool *
find_hides(struct gcm_thread *self)
{
	return atomic_load(&self->lent) == 0 ? &self->hides : &self->lent_hides;
}

static bool
does_hide(void)
{
	struct gcm_thread *self = gcm_thread_self();

	return self != NULL && atomic_load(find_hides(self));
}

static void
set_hides(bool on)
{
	struct gcm_thread *self = gcm_thread_self();

	if (self == NULL && on)
		self = gcm_thread_make();
	if (self != NULL)
		atomic_store(find_hides(self), on);
}

/* The number is the program's from now on, with the action that it asked for.
 * A stop that began with this number is waited for, and what may still be on
 * the way to a thread that did not answer is lost when it is ignored.
 */
static void
hand_over(int sig)
{
	__typeof__(&sigaction) set_action = GCM_NEXT(sigaction);
	__typeof__(&pthread_sigmask) set_mask = GCM_NEXT(pthread_sigmask);
	struct sigaction action;
	sigset_t set;

	if (set_action == NULL || set_mask == NULL)
		return;
	gcm_stop_wait();
	memset(&action, 0, sizeof(action));
	action.sa_handler = SIG_IGN;
	(void)set_action(sig, &action, NULL);
	action.sa_handler = (sighandler_t)atomic_exchange(&wish, 0);
	action.sa_flags = atomic_exchange(&wish_flags, 0);
	(void)set_action(sig, &action, NULL);
	/* Only this thread's mask is ours to change. */
	if (does_hide()) {
		memset(&set, 0, sizeof(set));
		*word_of(&set) = 1UL << (sig - 1);
		(void)set_mask(SIG_BLOCK, &set, NULL);
	}
}

static void
give_up_signal(void)
{
	int saved = errno, sig = gcm_stop_signal();

	(void)gcm_stop_move();
	/* It lets the old one in while it sleeps: core/serve.c. */
	(void)gcm_cycle_stop();
	hand_over(sig);
	errno = saved;
}

const sigset_t *
gcm_signal_open(const sigset_t *set, sigset_t *open)
{
	unsigned long own = own_bit();

	if (own == 0 || set == NULL || (get_word(set) & own) == 0)
		return set;
	*open = *set;
	*word_of(open) &= ~own;
	return open;
}

/* Does the set name our signal, or just everything? */
static void
spare_word(unsigned long word)
{
	unsigned long own = own_bit(), rest = word & REAL_TIME;
	unsigned int count = 0;

	if ((word & own) == 0)
		return;
	for (; rest != 0; rest &= rest - 1)
		count++;
	if (count < NMEANT)
		give_up_signal();
}

const sigset_t *
gcm_signal_spare(const sigset_t *set, sigset_t *open)
{
	if (set != NULL)
		spare_word(get_word(set));
	return gcm_signal_open(set, open);
}

/* Actions ----------------------------------------------------------------- */

/* On our signal nothing changes; the program sees what it asked for. */
static int
pretend_action(const struct sigaction *act, struct sigaction *old)
{
	uintptr_t handler = atomic_load(&wish);
	int flags = atomic_load(&wish_flags);

	if (act != NULL) {
		atomic_store(&wish, (uintptr_t)act->sa_handler);
		atomic_store(&wish_flags, act->sa_flags);
	}
	if (old != NULL) {
		memset(old, 0, sizeof(*old));
		old->sa_handler = (sighandler_t)handler;
		old->sa_flags = flags;
	}
	return 0;
}

/* What the kernel gets: the program's struct but for the handler and our
 * signal.
 */
static void
make_action(struct sigaction *ours, const struct sigaction *act)
{
	unsigned long own = own_bit();
	unsigned int kind = 0;

	*ours = *act;
	if ((get_word(&act->sa_mask) & own) != 0)
		kind |= MASKS_OURS;
	if ((act->sa_flags & SA_ONSTACK) != 0)
		kind |= ON_STACK;
	ours->sa_handler =
	    (sighandler_t)hide_handler((uintptr_t)act->sa_handler, kind);
	*word_of(&ours->sa_mask) &= ~own;
	if ((kind & ON_STACK) != 0 &&
	    is_trampoline((uintptr_t)ours->sa_handler)) {
		atomic_fetch_or(&masked, own);
		*word_of(&ours->sa_mask) |= own;
	}
}

static void
show_action(struct sigaction *old)
{
	unsigned int kind;

	old->sa_handler =
	    (sighandler_t)show_handler((uintptr_t)old->sa_handler, &kind);
	if ((kind & ON_STACK) != 0)
		*word_of(&old->sa_mask) &= ~own_bit();
	if ((kind & MASKS_OURS) != 0)
		*word_of(&old->sa_mask) |= own_bit();
}

static int
change_action(int (*next)(int, const struct sigaction *, struct sigaction *),
    int sig, const struct sigaction *act, struct sigaction *old)
{
	uintptr_t handler = act != NULL ? (uintptr_t)act->sa_handler : 0;
	struct sigaction ours;
	int result;

	if (next == NULL) {
		errno = ENOSYS;
		return -1;
	}
	if (atomic_load_explicit(&is_off, memory_order_relaxed))
		return next(sig, act, old);
	if (sig > 0 && sig == gcm_stop_signal()) {
		if (is_plain(handler))
			return pretend_action(act, old);
		give_up_signal();
	}
	if (!is_plain(handler)) {
		make_action(&ours, act);
		act = &ours;
	}
	result = next(sig, act, old);
	if (result == 0 && old != NULL)
		show_action(old);
	return result;
}

GCM_EXPORT int
sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return change_action(GCM_NEXT(sigaction), sig, act, old);
}

GCM_EXPORT int __sigaction(int, const struct sigaction *, struct sigaction *);

GCM_EXPORT int
__sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	return change_action(GCM_NEXT(__sigaction), sig, act, old);
}

static sighandler_t
change_handler(
    sighandler_t (*next)(int, sighandler_t), int sig, sighandler_t handler)
{
	struct sigaction act, old;
	unsigned int ignored;

	if (next == NULL) {
		errno = ENOSYS;
		return SIG_ERR;
	}
	if (atomic_load_explicit(&is_off, memory_order_relaxed))
		return next(sig, handler);
	if (sig > 0 && sig == gcm_stop_signal()) {
		if (handler == SIG_DFL || handler == SIG_IGN) {
			memset(&act, 0, sizeof(act));
			act.sa_handler = handler;
			(void)pretend_action(&act, &old);
			return old.sa_handler;
		}
		give_up_signal();
	}
	handler = next(sig, (sighandler_t)hide_handler((uintptr_t)handler, 0));
	return (sighandler_t)show_handler((uintptr_t)handler, &ignored);
}

#define SIGNAL(name)                                                           \
	GCM_EXPORT sighandler_t name(int sig, sighandler_t handler)            \
	{                                                                      \
		return change_handler(GCM_NEXT(name), sig, handler);           \
	}

/* not in every mode of the headers; old, but programs call it */
GCM_EXPORT sighandler_t bsd_signal(int sig, sighandler_t handler);

SIGNAL(signal)
SIGNAL(bsd_signal)
SIGNAL(ssignal)
SIGNAL(sysv_signal)
SIGNAL(__sysv_signal)
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
SIGNAL(sigset)
#pragma GCC diagnostic pop

/* Masks ------------------------------------------------------------------- */

static void
show_own(unsigned long *word, unsigned long own, bool is_hidden)
{
	*word = is_hidden ? *word | own : *word & ~own;
}

/* What it unblocks is noted before, what it blocks after: a signal that waited
 * for the change runs its handler inside of it.
 */
static void
note_before(int how, bool ours)
{
	if (how == SIG_UNBLOCK ? ours : how == SIG_SETMASK && !ours)
		set_hides(false);
}

static void
note_after(int how, bool ours, bool failed, bool was_hidden)
{
	if (failed)
		set_hides(was_hidden);
	else if (how != SIG_UNBLOCK && ours)
		set_hides(true);
}

static int
change_mask(int (*next)(int, const sigset_t *, sigset_t *), int how,
    const sigset_t *set, sigset_t *old)
{
	bool was_hidden = does_hide(), ours = false;
	unsigned long own;
	sigset_t open;
	int result;

	/* What it believes to be blocked it may restore. */
	if (set != NULL && how != SIG_UNBLOCK && !was_hidden)
		spare_word(get_word(set));
	own = own_bit();
	if (own == 0)
		return next(how, set, old);
	if (set != NULL) {
		ours = (get_word(set) & own) != 0;
		note_before(how, ours);
		if (how != SIG_UNBLOCK)
			set = gcm_signal_open(set, &open);
	}
	result = next(how, set, old);
	if (set != NULL)
		note_after(how, ours, result != 0, was_hidden);
	if (result != 0)
		return result;
	if (old != NULL) /* it may be blocked for a while: keep_room */
		show_own(word_of(old), own, was_hidden);
	return 0;
}

GCM_EXPORT int
pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	__typeof__(&pthread_sigmask) next = GCM_NEXT(pthread_sigmask);

	return next != NULL ? change_mask(next, how, set, old) : ENOSYS;
}

GCM_EXPORT int
sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	return change_mask(GCM_NEXT(sigprocmask), how, set, old);
}

GCM_EXPORT int
signalfd(int fd, const sigset_t *set, int flags)
{
	sigset_t open;

	return GCM_NEXT(signalfd)(fd, gcm_signal_spare(set, &open), flags);
}

/* pthread.h's, since glibc 2.32 */
GCM_EXPORT int pthread_attr_setsigmask_np(
    pthread_attr_t *attr, const sigset_t *set);

GCM_EXPORT int
pthread_attr_setsigmask_np(pthread_attr_t *attr, const sigset_t *set)
{
	__typeof__(&pthread_attr_setsigmask_np) next =
	    GCM_NEXT(pthread_attr_setsigmask_np);
	sigset_t open;

	return next != NULL ? next(attr, gcm_signal_spare(set, &open)) : ENOSYS;
}

long
gcm_signal_raw_mask(long (*next)(long, ...), const long *arg)
{
	bool was_hidden = does_hide(), ours = false;
	unsigned long own, word = 0;
	long set = arg[1], result;

	if (arg[3] != sizeof(word) || own_bit() == 0)
		return next(SYS_rt_sigprocmask, arg[0], arg[1], arg[2], arg[3]);
	if (set != 0 && gcm_os_can_read((const void *)set)) {
		memcpy(&word, (const void *)set, sizeof(word));
		if (arg[0] != SIG_UNBLOCK && !was_hidden)
			spare_word(word);
		ours = (word & own_bit()) != 0;
		note_before((int)arg[0], ours);
		if (arg[0] != SIG_UNBLOCK)
			word &= ~own_bit();
		set = (long)&word;
	}
	own = own_bit();
	result = next(SYS_rt_sigprocmask, arg[0], set, arg[2], arg[3]);
	if (set != 0)
		note_after((int)arg[0], ours, result != 0, was_hidden);
	if (result != 0)
		return result;
	if (arg[2] != 0)
		show_own((unsigned long *)arg[2], own, was_hidden);
	return 0;
}

void
gcm_signal_raw_action(const long *arg)
{
	uintptr_t handler;

	if (arg[0] <= 0 || arg[0] != gcm_stop_signal() || arg[1] == 0 ||
	    !gcm_os_can_read((const void *)arg[1]))
		return;
	memcpy(&handler, (const void *)arg[1], sizeof(handler));
	if (!is_plain(handler))
		give_up_signal();
}

void
gcm_signal_init(void)
{
	__typeof__(&pthread_sigmask) next = GCM_NEXT(pthread_sigmask);
	sigset_t set, old;

	if (gcm_stop_signal() == 0 || next == NULL) {
		atomic_store(&is_off, true);
		return;
	}
	/* A mask that the program was started with. */
	memset(&set, 0, sizeof(set));
	*word_of(&set) = own_bit();
	if (next(SIG_UNBLOCK, &set, &old) == 0 &&
	    (get_word(&old) & own_bit()) != 0)
		set_hides(true);
}
