/* schedtrace.h -- the state lines of GCM_DEBUG=schedtrace=MS */
#ifndef GCM_CORE_SCHEDTRACE_H
#define GCM_CORE_SCHEDTRACE_H

#include "core/event.h"
#include "core/report.h"
#include "core/scanner.h"

struct gcm_sched_report {
	uint64_t at_ms; /* since the program's start */
	struct gcm_crowd crowd;
	uint64_t caches, spans;
	enum gcm_phase phase;
	uint64_t heap, goal;  /* bytes */
	const char *back_end; /* of the last cycle, or NULL */
};

void gcm_schedtrace_format(
    struct gcm_text *text, const struct gcm_sched_report *report);

/* Write the line; the collector's thread. */
void gcm_schedtrace_write(uint64_t now_ns);

#endif
