/* figure.h -- the library's figures, kept in memory and told on request */
#ifndef GCM_CORE_FIGURE_H
#define GCM_CORE_FIGURE_H

#include "core/report.h"

struct gcm_trace;

/* A collection has ended, given up or not: keep its figures where
 * `gcmalloc stat` finds them (core/about_format.h).  The collector's thread;
 * the pauses are the trace's.
 */
void gcm_figure_keep(const struct gcm_trace *trace);

/* The heap has that size now.  Any thread, on a slow path. */
void gcm_figure_keep_heap(uint64_t bytes);

/* The lines of the request "stat".  The collector's thread. */
void gcm_figure_add(struct gcm_text *text);

/* A line "NAME VALUE". */
void gcm_figure_line(struct gcm_text *text, const char *name, uint64_t value);

#endif
