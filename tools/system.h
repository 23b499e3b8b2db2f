/* system.h -- what of the system could restrict the library in a process */
#ifndef GCM_TOOLS_SYSTEM_H
#define GCM_TOOLS_SYSTEM_H

#include <stddef.h>

#include "tools/finding.h"

/* A file of /proc or /sys, as text; bytes read, or -errno. */
long read_text(const char *path, char *text, size_t len);

/* Look around; `process` is "self" or a number. */
void inspect_system(const char *process, struct findings *findings);

enum {
	KILLED = 255 /* who calls that; no errno */
};

/* Could this process track its writes by the pagemap?  0, an errno, or KILLED.
 */
int probe_tracking(void);

/* What to change where that failed; or NULL. */
const char *advise_tracking(int error);

#endif
