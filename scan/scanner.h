/* scanner.h -- scan/ as core sees it */
#ifndef GCM_SCAN_SCANNER_H
#define GCM_SCAN_SCANNER_H

#include "core/core.h"

/* What gcm_cycle_use wants.  The constructor; NULL when the system cannot. */
const struct gcm_scanner *gcm_scanner_make(void);

/* Words of [lo, hi) count as roots, or no longer.  Any thread; takes a lock.
 * False: no memory.
 */
bool gcm_root_add(uintptr_t lo, uintptr_t hi);
bool gcm_root_remove(uintptr_t lo, uintptr_t hi);

/* The range will be empty in a child (MADV_WIPEONFORK).  Any thread, any time.
 */
void gcm_root_note_wiped(uintptr_t lo, uintptr_t hi);

/* The program takes write access from pages outside the heap: from now on files
 * mapped shared count as roots though they cannot be written.
 */
void gcm_root_note_seal(void);

/* The program is about to use a userfaultfd: ranges that are registered with
 * ours would be refused to it, so that writes are not tracked by one from now
 * on.  `never`: there are to be no cycles at all.  True if that is new: the
 * collector's thread is to be ended.
 */
bool gcm_scanner_note_faults(bool never);

/* The program makes coroutines (makecontext). */
void gcm_root_note_coroutine(void);

/* A thread is created whose stack is the program's own or has no guard, or a
 * stack lies within another: from now on stacks are read whole.
 */
void gcm_root_distrust_stacks(void);

#endif
