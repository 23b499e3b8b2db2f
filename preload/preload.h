/* preload.h -- what the files of preload/ share */
#ifndef GCM_PRELOAD_PRELOAD_H
#define GCM_PRELOAD_PRELOAD_H

#include "core/base.h"

/* Pointers outside the zone: glibc's own blocks go back to glibc, anything
 * else is reported as misuse of `call`.
 */
void gcm_foreign_free(void *block, const char *call);
void *gcm_foreign_realloc(void *block, size_t size);
size_t gcm_foreign_usable(void *block);

/* Look up the real functions that process.c wraps. */
void gcm_process_init(void);

/* Arrange that threads give up their cache when they end. */
void gcm_thread_init(void);

#endif
