/* deaf.h -- threads that block our signal behind our back */
#ifndef GCM_SCAN_DEAF_H
#define GCM_SCAN_DEAF_H

#include "core/core.h"

/* A thread did not answer in time.  The collector's thread, as all here. */
void gcm_deaf_note(uint32_t tid);

/* Has one that did not answer the signal blocked, so that a stop would be in
 * vain?  Nobody is stopped to find out.
 */
bool gcm_deaf_is_there(int signal);

/* Is it asleep with the signal blocked?  Then it will not answer soon. */
bool gcm_deaf_sleeps(uint32_t tid, int signal);

#endif
