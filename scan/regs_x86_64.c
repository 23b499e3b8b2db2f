/* regs_x86_64.c -- signal contexts on x86-64 */
#include <ucontext.h>

#include "scan/regs.h"

void gcm_regs_return(void);

/* Debuggers know a signal's frame by these very bytes. */
__asm__(".text\n"
	".p2align 4\n"
	".globl gcm_regs_return\n"
	".hidden gcm_regs_return\n"
	".type gcm_regs_return, @function\n"
	"nop\n"
	"gcm_regs_return:\n"
	"mov $15, %rax\n"
	"syscall\n"
	".size gcm_regs_return, . - gcm_regs_return\n");

uintptr_t
gcm_regs_sp(const void *context)
{
	const ucontext_t *uc = context;

	return (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
}

uintptr_t
gcm_regs_restorer(void)
{
	return (uintptr_t)gcm_regs_return;
}
