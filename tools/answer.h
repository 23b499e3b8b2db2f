/* answer.h -- what the library says of itself in a process */
#ifndef GCM_TOOLS_ANSWER_H
#define GCM_TOOLS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>

#include "tools/finding.h"

enum {
	ANSWER_BYTES = 96 /* of a text */
};

struct answer {
	bool heard; /* it said anything */
#define COUNT(name, doc) unsigned long name;
#define TEXT(name, doc) char name[ANSWER_BYTES];
#include "core/about.def"
#undef COUNT
#undef TEXT
};

/* Take what a line of a log says of the process; false: it is not the library's
 * about itself.  Of another process's line nothing is taken.
 */
bool take_answer(struct answer *answer, long process, char *line);

/* Read it from a running process, where `path` is mapped as the library; 0, or
 * an errno: ENOENT where it is not found, EACCES where we may not.
 */
int read_answer(struct answer *answer, long process, const char *path);

/* What follows from it. */
void inspect_answer(const struct answer *answer, struct findings *findings);

#endif
