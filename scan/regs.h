/* regs.h -- what a signal's context says of the thread it interrupted
 *
 * One file a machine.  libunwind's cursor would say the same for all machines,
 * but linking its library costs every program 19 system calls at its start and
 * brings a second set of _Unwind_ functions into the process, which C++ code
 * opened later would bind to (docs/design/collector.md).  A context lies whole
 * on the thread's stack, so that its registers are scanned as words of it; what
 * is asked here is only where the stack ends.
 */
#ifndef GCM_SCAN_REGS_H
#define GCM_SCAN_REGS_H

#include "core/core.h"

enum {
	GCM_REGS_RED_ZONE = 128 /* below the stack pointer, still in use */
};

/* The stack pointer of a ucontext_t. */
uintptr_t gcm_regs_sp(const void *context);

/* The code that a signal's handler returns to, where the kernel wants one; 0
 * where it brings its own.
 */
uintptr_t gcm_regs_restorer(void);

#endif
