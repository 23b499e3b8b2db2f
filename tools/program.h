/* program.h -- can the library be active in a program? */
#ifndef GCM_TOOLS_PROGRAM_H
#define GCM_TOOLS_PROGRAM_H

#include <limits.h>
#include <sys/types.h>

#include "tools/finding.h"

/* Where execvp would find `name`, in a buffer of PATH_MAX; 0 or an errno. */
int find_program(const char *name, char *path);

/* Look at the file and, of a script, at what runs it; grave findings say why
 * the library cannot be active.  `secure` findings need the ids of who runs it:
 * they are left out of a process that runs already (`running`).
 * 0, or the errno with which running it would fail.
 */
int inspect_program(const char *path, int running, struct findings *findings);

/* Look at LD_PRELOAD (`list`, or NULL) and at the system's list. */
void inspect_preloads(const char *list, struct findings *findings);

/* Is the file name that of a library with a malloc, or of a sanitizer? */
int is_allocator(const char *path);
int is_sanitizer(const char *path);

#endif
