/* collect.h -- gcmalloc gc: a collection in another process */
#ifndef GCM_TOOLS_COLLECT_H
#define GCM_TOOLS_COLLECT_H

/* Ask the collector of the process `pid` (text) for a collection; the exit
 * status: 0 asked, 1 it has none or may not be asked, 2 no process id.
 */
int ask_for_collection(const char *pid);

#endif
