/* figures.h -- a process's figures, as people and programs read them */
#ifndef GCM_TOOLS_FIGURES_H
#define GCM_TOOLS_FIGURES_H

#include "tools/client.h"

/* A process that was asked; the requests "stat" and "rss". */
struct subject {
	long process;
	char comm[COMM_BYTES];
	struct reply stat;
	struct reply rss; /* npairs 0: it did not say */
};

void print_table(const struct subject *subject);
void print_json(const struct subject *subject);

/* The text exposition format: each figure once, with a line for each of n
 * processes.
 */
void print_prometheus(struct subject *const *subjects, size_t n);

/* docs/figures.md */
void print_figure_markdown(void);

#endif
