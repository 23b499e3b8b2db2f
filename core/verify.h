/* verify.h -- the heap checked from scratch against its invariants */
#ifndef GCM_CORE_VERIFY_H
#define GCM_CORE_VERIFY_H

#include "core/base.h"

/* Check every table entry, list and counter; dies on the first fault.  Other
 * threads must be quiet (tests, exit, a stopped world).
 */
void gcm_verify_heap(void);

#endif
