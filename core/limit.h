/* limit.h -- what the system lets this process have
 *
 * Read from the kernel anew when it was last read a while ago.  The
 * collector's thread, or the constructor; no lock.
 */
#ifndef GCM_CORE_LIMIT_H
#define GCM_CORE_LIMIT_H

#include "core/base.h"

/* CPUs by affinity and cgroup quota, rounded up; at least 1. */
uint32_t gcm_limit_cpus(void);

/* Memory limit of the cgroup and of those above it; UINT64_MAX: none. */
uint64_t gcm_limit_memory(void);

/* The soft limit that GCM_MEMLIMIT means; UINT64_MAX: none. */
uint64_t gcm_limit_soft(void);

/* The pure parts.  Texts end in '\0'; what makes no sense is no limit. */

/* The path of the process's group for a controller ("memory", "cpu") in the
 * text of /proc/self/cgroup; version 1 or 2, or 0 when there is none.
 */
int gcm_limit_group(
    const char *text, const char *controller, char *path, size_t len);

/* "max", "-1" or a number. */
uint64_t gcm_limit_number(const char *text);

/* cpu.max: "QUOTA PERIOD"; CPUs rounded up, UINT32_MAX: none. */
uint32_t gcm_limit_quota(const char *text);

#endif
