/* answer.h -- what the library says of itself in a process */
#ifndef GCM_TOOLS_ANSWER_H
#define GCM_TOOLS_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

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
	/* Figures of the last collection; from memory only. */
#define KEPT(name, type, unit, doc) unsigned long kept_##name;
#define ASKED(name, type, unit, doc)
#define WORDS(name, doc)
#define SPLIT(name, unit, doc)
#include "core/figure.def"
#undef KEPT
#undef ASKED
#undef WORDS
#undef SPLIT
};

/* The library's path as mapped in the process, in a buffer of PATH_MAX; 0, or
 * an errno: ENOENT, it is not mapped; ESRCH, no such process.
 */
int find_mapped(long process, char *path);

/* Take what a line of a log says of the process; false: it is not the library's
 * about itself.  Of another process's line nothing is taken.
 */
bool take_answer(struct answer *answer, long process, char *line);

/* Read it from a running process, where `path` is mapped as the library; 0, or
 * an errno: ENOENT where it is not found, EACCES where we may not.
 */
int read_answer(struct answer *answer, long process, const char *path);

/* The figures as the channel's "stat" has them: lines of "NAME VALUE". */
void write_answer(FILE *out, long process, const struct answer *answer);

/* What follows from it. */
void inspect_answer(const struct answer *answer, struct findings *findings);

#endif
