/* trace_show.h -- the forms in which gcmalloc trace shows a trace
 */
#ifndef GCM_TOOLS_TRACE_SHOW_H
#define GCM_TOOLS_TRACE_SHOW_H

#include <stdio.h>

#include "tools/trace_model.h"

enum {
	SHORT_BYTES = 32
};

/* A duration in three digits and its unit; a size likewise. */
const char *show_ns(char text[SHORT_BYTES], uint64_t ns);
const char *show_bytes(char text[SHORT_BYTES], uint64_t bytes);

/* A wall clock's time, with milliseconds; "" if the process is not dated. */
const char *show_wall(
    char text[SHORT_BYTES], const struct trace_process *process, uint64_t ns);

/* A text as the inside of a JSON string, also safe within a page. */
void write_escaped(FILE *file, const char *text);

/* The verb. */
int show_trace(char **argv);

/* The whole in words. */
void write_summary(
    FILE *file, const struct trace *trace, const struct trace_models *models);

/* All events, one a line. */
void write_event_line(FILE *file, const struct trace_event *event);

/* The page. */
void write_page(
    FILE *file, const struct trace *trace, const struct trace_models *models);

/* Chrome's trace events. */
struct trace_json;
struct trace_json *begin_json(FILE *file, const struct trace *trace);
void write_json_event(struct trace_json *json, const struct trace_event *event);
void end_json(struct trace_json *json);

#endif
