/* init.c -- the library's beginning and end in a process
 *
 * MODEL   Allocation needs no constructor: the heap begins with the first
 *         request.  The constructor reads the options; the destructor prints
 *         what was asked for.  Nothing is torn down: frees come until the
 *         process is gone.
 */
#include <sys/auxv.h>

#include "core/core.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "preload/signal.h"
#include "scan/scan.h"

enum {
	MODE_OFF = 3 /* GCM_MODE */
};

__attribute__((constructor)) static void
begin(int argc, char **argv, char **environ_list)
{
	(void)argc;
	(void)argv;
	/* The environment of a set-user-ID program is somebody else's. */
	if (environ_list != NULL && getauxval(AT_SECURE) == 0)
		gcm_option_read(environ_list);
	if (gcm_options.SCAVENGE != 0)
		gcm_scavenge_disable();
	/* Lines may be asked for later, too: core/live.def. */
	gcm_report_open(gcm_options.LOG);
	gcm_next_init();
	gcm_event_begin();
	gcm_thread_init();
	gcm_stacks_init();
	/* Without a collector there is no signal of ours, and calls, handlers
	 * and masks pass through untouched.
	 */
	if (gcm_options.MODE != MODE_OFF)
		gcm_cycle_use(gcm_scanner_make());
	gcm_signal_init();
	gcm_about_begin(gcm_foreign_is_first);
	gcm_cycle_serve();
	gcm_tick_begin();
}

__attribute__((destructor)) static void
end(void)
{
	gcm_event_end();
	gcm_about_end();
	if (gcm_options.stats != 0)
		gcm_stat_print();
	if (gcm_audit_is_on())
		gcm_audit_print();
	if (gcm_options.verify != 0 && gcm_heap_stop_threads())
		gcm_verify_heap();
}
