/* exec.h -- what every exec begins with */
#ifndef GCM_PRELOAD_EXEC_H
#define GCM_PRELOAD_EXEC_H

#include "core/core.h"

/* End our thread, and the process that it may have made; true.  Nothing happens
 * in a child of vfork.  May be called from a signal handler.
 */
bool gcm_exec_begin(void);

#endif
