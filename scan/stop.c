/* stop.c -- stopping and resuming the world: not there yet
 *
 * MODEL   Only what the wrappers need: a signal that is caught and does
 *         nothing.
 */
#include "scan/stop.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

_Atomic uint32_t gcm_stop_word;
static _Atomic int number;

struct kernel_action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	unsigned long mask;
};

static void
answer(int signal)
{
	(void)signal;
}

#ifdef __x86_64__
__asm__(".text\n.type gcm_stop_restore,@function\ngcm_stop_restore:\n"
	"mov $15, %eax\nsyscall\n");
extern void gcm_stop_restore(void) GCM_HIDDEN;
#define RESTORER gcm_stop_restore
#else
#define RESTORER NULL
#endif

static int
take_signal(int signal)
{
	struct kernel_action action = {
	    answer, 0x04000000 | SA_RESTART | SA_ONSTACK, RESTORER, 0};

	return (int)gcm_arch_syscall(
	    SYS_rt_sigaction, signal, (long)&action, 0, 8, 0, 0);
}

int
gcm_stop_init(void)
{
	int result = take_signal(50);

	if (result == 0)
		atomic_store(&number, 50);
	return result;
}

int
gcm_stop_signal(void)
{
	return atomic_load_explicit(&number, memory_order_relaxed);
}

int
gcm_stop_move(void)
{
	struct kernel_action none = {NULL, 0, NULL, 0};
	int old = atomic_load(&number), result;

	if (old <= 40)
		return -EAGAIN;
	result = take_signal(old - 1);
	atomic_store(&number, old - 1);
	(void)gcm_arch_syscall(SYS_rt_sigaction, old, (long)&none, 0, 8, 0, 0);
	return result;
}

void
gcm_stop_wait(void)
{
	uint32_t seen = atomic_load(&gcm_stop_word);

	if ((seen & 1) != 0)
		gcm_os_wait(&gcm_stop_word, seen, 0);
}
