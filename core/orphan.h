/* orphan.h -- spans without owner: what threads left when they ended */
#ifndef GCM_CORE_ORPHAN_H
#define GCM_CORE_ORPHAN_H

#include "core/span.h"

/* Make the span, in no list, an orphan.  All but gcm_orphan_count take the
 * orphan lock.
 */
void gcm_orphan_add(uint32_t class_id, uint32_t index);

/* Give one of the class to `owner`, repaired if it came through a fork; in no
 * list.  GCM_NO_PAGE when there is none.
 */
uint32_t gcm_orphan_claim(uint32_t class_id, uint32_t owner);

/* Give the empty ones back to the page heap; the pages given back. */
uint32_t gcm_orphan_trim(void);

/* How many there are, of all classes. */
uint32_t gcm_orphan_count(void);

/* Is the orphan lock held? */
bool gcm_orphan_busy(void);

/* In a forked child: none, and the lock is free. */
void gcm_orphan_reset(void);

#endif
