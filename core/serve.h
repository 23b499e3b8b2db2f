/* serve.h -- the live channel's sockets, served by the collector's thread */
#ifndef GCM_CORE_SERVE_H
#define GCM_CORE_SERVE_H

#include "core/report.h"
#include "core/scanner.h"

/* The collector's thread begins: listen, if the option and the system let us.
 * Says why not to gcm_about.
 */
void gcm_serve_open(const struct gcm_scanner *scanner);
void gcm_serve_close(void);
bool gcm_serve_is_open(void);

/* Sleep while *word is 0, at most timeout_ns, and answer meanwhile.  The
 * collector's thread.
 */
void gcm_serve_sleep(_Atomic uint32_t *word, uint64_t timeout_ns);

/* Answer who can be answered while a collection runs: often enough, every
 * GCM_SERVE_NS.  The collector's thread, with the world running and no lock
 * held.
 */
enum {
	GCM_SERVE_NS = 50 * 1000 * 1000
};
void gcm_serve_meanwhile(void);

/* The word that gcm_serve_sleep waits for has been changed.  Any thread, also
 * in a signal handler.
 */
void gcm_serve_rouse(void);

/* In a forked child: there is no thread, and the descriptors are not there. */
void gcm_serve_reset(void);

#endif
