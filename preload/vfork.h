/* vfork.h -- what vfork's instructions call */
#ifndef GCM_PRELOAD_VFORK_H
#define GCM_PRELOAD_VFORK_H

/* Before the system call; and in the parent after it, with the kernel's
 * result: what vfork returns, with errno set.
 */
void gcm_vfork_begin(void);
long gcm_vfork_end(long child);

#endif
