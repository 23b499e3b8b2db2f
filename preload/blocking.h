/* blocking.h -- blocked-safe calls by number */
#ifndef GCM_PRELOAD_BLOCKING_H
#define GCM_PRELOAD_BLOCKING_H

#include "core/core.h"

/* Is it, with these arguments, a system call that waits, and that a signal ends
 * or cuts short in spite of SA_RESTART?
 */
bool gcm_blocking_is(long number, const long *arg);

#endif
