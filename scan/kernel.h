/* kernel.h -- pointers that only the kernel has */
#ifndef GCM_SCAN_KERNEL_H
#define GCM_SCAN_KERNEL_H

#include "scan/mark.h"

/* The program hands `data` to the epoll set of descriptor epfd, or a value to a
 * timer.  Before the call; any thread, in any state.
 */
void gcm_kernel_note_epoll(int epfd, uint64_t data);
void gcm_kernel_note_timer(uint64_t value);

/* Read what epoll sets and timers hold.  With the world stopped only what was
 * handed over since the last time, unless that was too much to remember.  False
 * when it could not be read.
 */
bool gcm_kernel_mark(struct gcm_marker *marker, bool stopped);

#endif
