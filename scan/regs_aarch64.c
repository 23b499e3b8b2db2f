/* regs_aarch64.c -- signal contexts on aarch64 */
#include <ucontext.h>

#include "scan/regs.h"

uintptr_t
gcm_regs_sp(const void *context)
{
	const ucontext_t *uc = context;

	return (uintptr_t)uc->uc_mcontext.sp;
}

uintptr_t
gcm_regs_restorer(void)
{
	return 0; /* the vDSO's */
}
