/* about.h -- what the library says of itself in a process
 *
 * Kept always, as it costs nothing; told when GCM_DEBUG=doctor asks for it.
 */
#ifndef GCM_CORE_ABOUT_H
#define GCM_CORE_ABOUT_H

#include "core/about_format.h"
#include "core/base.h"

struct gcm_cycle_stat;

extern GCM_HIDDEN struct gcm_about gcm_about;

/* The options are read.  The constructor; writes the line of the event "begin"
 * if one is asked for, and asks only then whether the program's malloc is ours,
 * as that takes a while.
 */
void gcm_about_begin(bool (*is_ours)(void));

/* The collector's thread has begun: how it tracks writes; NULL: it cannot work,
 * because of `instead`.  `error` of the system, or 0.
 */
void gcm_about_collector(const char *back_end, const char *instead, int error);

/* A cycle has ended, given up because of `why` (NULL: not).  The collector's
 * thread; writes a line when it has something new to say.
 */
void gcm_about_cycle(
    const struct gcm_cycle_stat *stat, const char *why, uint32_t in_vain);

/* From now on no collector, and no calls that a program seldom makes: `why`.  A
 * thread of the program's; the last line there is.
 */
void gcm_about_disable(const char *why);

/* The program ends.  Has a collection run if there was none, for what there is
 * to say about it; writes the line of the event "exit".
 */
void gcm_about_end(void);

#endif
