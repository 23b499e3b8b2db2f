/* sandbox.h -- filters on system calls that were there before the program */
#ifndef GCM_SCAN_SANDBOX_H
#define GCM_SCAN_SANDBOX_H

#include "core/core.h"

/* May the collector make the calls that a program seldom makes?  Refusals are
 * no matter, death is.  The collector's thread, before anything else; asks once
 * for each process.
 */
bool gcm_sandbox_allows(void);

/* The same of what the live channel needs. */
bool gcm_sandbox_allows_sockets(void);

#endif
