/* collect.h -- gcmalloc gc: a collection in another process */
#ifndef GCM_TOOLS_COLLECT_H
#define GCM_TOOLS_COLLECT_H

/* The collector's thread of a process; 0: there is none, or it is not for us.
 */
long find_collector(long process);

/* Ask the collector of the process argv[0] for a collection; the exit status: 0
 * asked, 1 it has none or may not be asked, 2 no process id.
 */
int ask_collector(char **argv);

#endif
