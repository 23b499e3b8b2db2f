/* stop_signal.c -- the signal that stops threads
 *
 * MODEL   A real-time signal that nobody handles, the highest first.  Should
 *         the program want that number itself another one is taken; the handler
 *         stays where it was until the program replaces it.
 *
 * LOCKS   none.
 *
 * FORK    the parent's thread may have been about to install the handler:
 *         gcm_stop_forget_signal.
 */
#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

#include "scan/regs.h"
#include "scan/stop.h"
#include "scan/thread.h"

enum {
	SIGNAL_FIRST = 62, /* tried from here down; glibc has 32 and 33 */
	SIGNAL_LAST = 35,
	SIGNALS = 64
};

/* The kernel's struct sigaction. */
struct action {
	uintptr_t handler;
	unsigned long flags;
	uintptr_t restorer;
	uint64_t mask;
};

static struct {
	_Atomic int number;     /* in use, or to be; 0: none */
	_Atomic bool installed; /* our handler is there */
	_Atomic bool disabled;  /* sticky */
	_Atomic bool own_stack; /* not on alternate stacks; sticky */
} signals;

static long
set_action(int number, const struct action *action, struct action *old)
{
	return gcm_arch_syscall(SYS_rt_sigaction, number, (long)action,
	    (long)old, sizeof(uint64_t), 0, 0);
}

/* A program whose only handler on that stack ends it may give all threads one
 * stack; we stop them all at once.
 */
void
gcm_stop_leave_alternate(void)
{
	struct action now;
	int number;

	atomic_store(&signals.own_stack, true);
	number = gcm_stop_signal();
	if (number == 0 || set_action(number, NULL, &now) != 0 ||
	    now.handler != (uintptr_t)gcm_stop_handle)
		return;
	now.flags &= ~(unsigned long)SA_ONSTACK;
	(void)set_action(number, &now, NULL);
}

static int
install_handler(int number)
{
	struct action action = {
	    .handler = (uintptr_t)gcm_stop_handle,
	    .flags = SA_SIGINFO | SA_RESTART | SA_ONSTACK,
	    .restorer = gcm_regs_restorer(),
	    .mask = ~(uint64_t)0,
	};
	struct action old;
	long error = set_action(number, NULL, &old);

	if (error != 0)
		return (int)error;
	if (old.handler == (uintptr_t)gcm_stop_handle)
		return 0;
	if (old.handler != (uintptr_t)SIG_DFL)
		return -EBUSY;
	if (action.restorer != 0)
		action.flags |= 0x04000000; /* SA_RESTORER */
	error = set_action(number, &action, NULL);
	if (error == 0 && atomic_load(&signals.own_stack))
		gcm_stop_leave_alternate();
	return (int)error;
}

int
gcm_stop_init(void)
{
	int wanted = (int)gcm_options.SIGNAL;

	atomic_store(&signals.number, wanted != 0 ? wanted : SIGNAL_FIRST);
	return 0;
}

int
gcm_stop_signal(void)
{
	return atomic_load_explicit(&signals.number, memory_order_relaxed);
}

bool
gcm_stop_is_handler(uintptr_t handler)
{
	return handler == (uintptr_t)gcm_stop_handle;
}

bool
gcm_stop_is_installed(void)
{
	struct action now;
	int number = gcm_stop_signal();

	return number != 0 && set_action(number, NULL, &now) == 0 &&
	       now.handler == (uintptr_t)gcm_stop_handle;
}

void
gcm_stop_disable(void)
{
	atomic_store(&signals.disabled, true);
	atomic_store(&signals.number, 0);
}

int
gcm_stop_move(void)
{
	int now = atomic_load(&signals.number);

	if (atomic_load(&signals.disabled))
		return -EPERM;
	for (int number = now - 1; number >= SIGNAL_LAST; number--) {
		struct action old;

		if (set_action(number, NULL, &old) != 0 ||
		    old.handler != (uintptr_t)SIG_DFL)
			continue;
		if (atomic_load(&signals.installed) &&
		    install_handler(number) != 0)
			continue;
		atomic_store(&signals.number, number);
		return 0;
	}
	atomic_store(&signals.number, 0);
	return -EBUSY;
}

int
gcm_stop_listen(void)
{
	if (atomic_exchange(&signals.installed, true))
		return 0;
	while (
	    gcm_stop_signal() != 0 && install_handler(gcm_stop_signal()) != 0)
		if (gcm_options.SIGNAL != 0 || gcm_stop_move() != 0) {
			atomic_store(&signals.number, 0);
			return -EBUSY;
		}
	return gcm_stop_signal() != 0 ? 0 : -EBUSY;
}

void
gcm_stop_forget_signal(void)
{
	atomic_store(&signals.installed, false);
}

bool
gcm_stop_has_stranger(void)
{
	for (int number = 1; number <= SIGNALS; number++) {
		struct action action;

		if (number == SIGKILL || number == SIGSTOP || number == 32 ||
		    number == 33)
			continue;
		if (set_action(number, NULL, &action) != 0)
			continue;
		if (action.handler != (uintptr_t)SIG_DFL &&
		    action.handler != (uintptr_t)SIG_IGN &&
		    action.handler != (uintptr_t)gcm_stop_handle &&
		    !gcm_thread_is_trampoline(action.handler))
			return true;
	}
	return false;
}
