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
 * LIMITS  What siglongjmp and swapcontext restore of masks is not seen; a new
 *         thread is believed to hide nothing; exec hands down an open mask.
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
	NTRAMPOLINES = 128,
	HANDLER_ROOM = 8192, /* bytes for what a handler calls */
	NMEANT = 16          /* real-time signals in a set that means "all" */
};
#define REAL_TIME (~0UL << 33) /* 34 to 64 */

typedef void handler_call(int, siginfo_t *, void *);

/* Even: the program's sa_mask is the kernel's; odd: it had our signal, too. */
static _Atomic uintptr_t handlers[NTRAMPOLINES]; /* .inv.signal-bound */

/* What the program asked for on our signal: to ignore it, or nothing. */
static _Atomic uintptr_t wish;
static _Atomic int wish_flags;

static _Atomic bool is_off; /* there is no collector */

/* Trampolines ------------------------------------------------------------- */

/* 0 when there is no signal of ours */
static unsigned long
own_bit(void)
{
	int sig = gcm_stop_signal();

	return sig == 0 ? 0 : 1UL << (sig - 1);
}

/* Our signal's frame goes onto the stack that the handler is on.  An alternate
 * one may have room for one frame and little more: such a handler cannot be
 * stopped.  Its end restores the mask.
 */
static void
keep_room(const ucontext_t *context)
{
	uintptr_t sp = (uintptr_t)__builtin_frame_address(0);
	uintptr_t lo = (uintptr_t)context->uc_stack.ss_sp;
	unsigned long own = own_bit(), frame = getauxval(AT_MINSIGSTKSZ);

	if (sp - lo < context->uc_stack.ss_size && own != 0 &&
	    (context->uc_stack.ss_flags & SS_DISABLE) == 0 &&
	    sp - lo < frame + HANDLER_ROOM)
		(void)gcm_arch_syscall(SYS_rt_sigprocmask, SIG_BLOCK,
		    (long)&own, 0, sizeof(own), 0, 0);
}

static GCM_NOINLINE void
run_handler(int sig, siginfo_t *info, void *context, unsigned int i)
{
	uintptr_t handler =
	    atomic_load_explicit(&handlers[i], memory_order_relaxed);
	struct gcm_blocked_was was;

	keep_room(context);
	gcm_blocked_outside(&was);
	((handler_call *)handler)(sig, info, context);
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
#define EACH(row) EACH64(row, 00) EACH64(row, 01) /* octal */

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
hide_handler(uintptr_t handler, bool masks_ours)
{
	uintptr_t seen;

	if (is_plain(handler) || is_trampoline(handler))
		return handler;
	atomic_store(
	    &gcm_thread_trampoline_end, (uintptr_t)__stop_gcm_trampolines);
	atomic_store(
	    &gcm_thread_trampoline, (uintptr_t)__start_gcm_trampolines);
	for (unsigned int i = masks_ours; i < NTRAMPOLINES; i += 2) {
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
show_handler(uintptr_t handler, bool *masks_ours)
{
	*masks_ours = false;
	if (!is_trampoline(handler))
		return handler;
	for (unsigned int i = 0; i < NTRAMPOLINES; i++) {
		if ((uintptr_t)trampolines[i] == handler) {
			*masks_ours = i % 2 != 0;
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

/* The kernel gets the program's struct but for the handler and our signal. */
static int
change_action(int (*next)(int, const struct sigaction *, struct sigaction *),
    int sig, const struct sigaction *act, struct sigaction *old)
{
	uintptr_t handler = act != NULL ? (uintptr_t)act->sa_handler : 0;
	struct sigaction ours;
	unsigned long own;
	bool masks_ours;
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
		own = own_bit();
		ours = *act;
		masks_ours = (get_word(&act->sa_mask) & own) != 0;
		ours.sa_handler =
		    (sighandler_t)hide_handler(handler, masks_ours);
		*word_of(&ours.sa_mask) &= ~own;
		act = &ours;
	}
	result = next(sig, act, old);
	if (result == 0 && old != NULL) {
		handler = show_handler((uintptr_t)old->sa_handler, &masks_ours);
		old->sa_handler = (sighandler_t)handler;
		if (masks_ours)
			*word_of(&old->sa_mask) |= own_bit();
	}
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
	bool ignored;

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
	handler =
	    next(sig, (sighandler_t)hide_handler((uintptr_t)handler, false));
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
note_mask(int how, bool ours)
{
	if (how == SIG_SETMASK || ours)
		set_hides(how != SIG_UNBLOCK && ours);
}

static int
change_mask(int (*next)(int, const sigset_t *, sigset_t *), int how,
    const sigset_t *set, sigset_t *old)
{
	bool was_hidden = does_hide(), ours = false;
	unsigned long own;
	sigset_t open;
	int result;

	if (set != NULL && how != SIG_UNBLOCK)
		spare_word(get_word(set));
	own = own_bit();
	if (set != NULL) {
		ours = (get_word(set) & own) != 0;
		if (how != SIG_UNBLOCK)
			set = gcm_signal_open(set, &open);
	}
	result = next(how, set, old);
	if (result != 0 || own == 0)
		return result;
	if (set != NULL)
		note_mask(how, ours);
	if (old != NULL && was_hidden)
		*word_of(old) |= own;
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
		if (arg[0] != SIG_UNBLOCK)
			spare_word(word);
		ours = (word & own_bit()) != 0;
		if (arg[0] != SIG_UNBLOCK)
			word &= ~own_bit();
		set = (long)&word;
	}
	own = own_bit();
	result = next(SYS_rt_sigprocmask, arg[0], set, arg[2], arg[3]);
	if (result != 0)
		return result;
	if (set != 0)
		note_mask((int)arg[0], ours);
	if (arg[2] != 0 && was_hidden)
		*(unsigned long *)arg[2] |= own;
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
