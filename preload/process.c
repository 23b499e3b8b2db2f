/* process.c -- calls that change the process: our thread must not be in the way
 *
 * MODEL   fork, and calls that a second thread makes fail, act on every thread
 *         or would leave ours behind with other credentials: the scavenger
 *         ends before them, and may come back with the next burst of frees.
 *         The real functions are looked up in the constructor, because fork
 *         may be called from a signal handler, where dlsym may not.
 */
#include <dlfcn.h>
#include <unistd.h>

#include "core/core.h"
#include "preload/preload.h"

static pid_t (*next_fork)(void);

void
gcm_process_init(void)
{
	*(void **)&next_fork = dlsym(RTLD_NEXT, "fork");
}

GCM_EXPORT pid_t
fork(void)
{
	pid_t child;

	(void)gcm_scavenge_stop();
	child = next_fork != NULL ? next_fork() : _Fork();
	if (child == 0)
		gcm_heap_forked();
	return child;
}
