/* arch.h -- what differs by processor: system calls and thread start
 *
 * One file implements it for each machine (arch_x86_64.c, arch_aarch64.c),
 * chosen in core/local.mk.
 */
#ifndef GCM_CORE_ARCH_H
#define GCM_CORE_ARCH_H

/* A raw system call: the kernel's value, -errno on failure.  errno is left
 * alone.
 */
long gcm_arch_syscall(long nr, long a, long b, long c, long d, long e, long f);

/* clone(2) with the given flags; tid is both the parent's and the child's word:
 * the child runs entry(arg) on the stack that ends at stack_top and leaves by
 * exit(2).  Returns the child's id or -errno.
 */
long gcm_arch_clone(unsigned long flags, void *stack_top, void *tid,
    void (*entry)(void *), void *arg);

/* Let a spinning thread yield the pipeline. */
void gcm_arch_pause(void);

#endif
