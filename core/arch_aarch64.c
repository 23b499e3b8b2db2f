/* arch_aarch64.c -- system calls and thread start on aarch64 */
#include "core/arch.h"

#include <sys/syscall.h>

long
gcm_arch_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long x8 __asm__("x8") = nr;
	register long x0 __asm__("x0") = a;
	register long x1 __asm__("x1") = b;
	register long x2 __asm__("x2") = c;
	register long x3 __asm__("x3") = d;
	register long x4 __asm__("x4") = e;
	register long x5 __asm__("x5") = f;

	__asm__ volatile("svc #0"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
			 : "memory");
	return x0;
}

long
gcm_arch_clone(unsigned long flags, void *stack_top, void *tid,
    void (*entry)(void *), void *arg)
{
	register long x8 __asm__("x8") = SYS_clone;
	register long x0 __asm__("x0") = (long)flags;
	register void *x1 __asm__("x1") = stack_top;
	register void *x2 __asm__("x2") = tid;
	register long x3 __asm__("x3") = 0;
	register void *x4 __asm__("x4") = tid;
	register void (*x9)(void *) __asm__("x9") = entry;
	register void *x10 __asm__("x10") = arg;

	__asm__ volatile("svc #0\n\t"
			 "cbnz x0, 1f\n\t"
			 "mov x29, xzr\n\t"
			 "mov x0, x10\n\t"
			 "blr x9\n\t"
			 "mov x0, xzr\n\t"
			 "mov x8, %[exit]\n\t"
			 "svc #0\n\t"
			 "brk #1\n"
			 "1:"
			 : "+r"(x0)
			 : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x9),
			 "r"(x10), [exit] "i"(SYS_exit)
			 : "x30", "memory");
	return x0;
}

void
gcm_arch_pause(void)
{
	__asm__ volatile("yield");
}
