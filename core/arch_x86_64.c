/* arch_x86_64.c -- system calls and thread start on x86-64 */
#include "core/arch.h"

#include <sys/syscall.h>

long
gcm_arch_syscall(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile(
	    "syscall"
	    : "=a"(result)
	    : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
	    : "rcx", "r11", "memory");
	return result;
}

long
gcm_arch_clone(unsigned long flags, void *stack_top, void *tid,
    void (*entry)(void *), void *arg)
{
	register void *r10 __asm__("r10") = tid;
	register void (*r12)(void *) __asm__("r12") = entry;
	register void *r13 __asm__("r13") = arg;
	long result;

	/* The child has no frame of ours to return to: it calls entry and
	 * exits, all in registers that clone keeps.
	 */
	__asm__ volatile("xor %%r8d, %%r8d\n\t"
			 "syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xor %%ebp, %%ebp\n\t"
			 "mov %%r13, %%rdi\n\t"
			 "call *%%r12\n\t"
			 "xor %%edi, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n\t"
			 "ud2\n"
			 "1:"
			 : "=a"(result)
			 : "a"((long)SYS_clone), "D"(flags), "S"(stack_top),
			 "d"(tid), "r"(r10), "r"(r12),
			 "r"(r13), [exit] "i"(SYS_exit)
			 : "rcx", "r11", "r8", "memory");
	return result;
}

void
gcm_arch_pause(void)
{
	__builtin_ia32_pause();
}
