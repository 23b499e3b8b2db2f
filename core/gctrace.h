/* gctrace.h -- the lines that GCM_DEBUG=gctrace=1,scavtrace=1 print for a cycle
 */
#ifndef GCM_CORE_GCTRACE_H
#define GCM_CORE_GCTRACE_H

#include "core/report.h"
#include "core/scanner.h"

struct gcm_cycle_report {
	struct gcm_trace trace;
	uint32_t number;
	uint64_t at_ns;       /* began, since the program's start */
	uint32_t cpu_percent; /* of all the program's CPUs since its start */
	uint64_t heap_start, heap_marked; /* bytes when marking began, ended */
	uint64_t heap_live;               /* after the sweep */
	uint64_t goal;
	uint32_t procs; /* CPUs */
	uint64_t reclaimed_bytes, reclaimed_blocks, limbo_bytes;
	bool forced;  /* not by growth */
	bool alarmed; /* nothing is reclaimed any more: a late free */
	enum gcm_abandon why;
};

enum {
	GCM_GCTRACE_BYTES = 640 /* the longest line */
};

void gcm_gctrace_format(
    struct gcm_text *text, const struct gcm_cycle_report *report);

/* Write the line; the collector's thread.  periodic: before it Go's line for a
 * cycle that time alone has forced.
 */
void gcm_gctrace_write(const struct gcm_cycle_report *report, bool periodic);

/* The line of GCM_DEBUG=scavtrace=1, Go's as well. */
struct gcm_scav_report {
	uint64_t background, eager; /* bytes given back since the last line */
	uint64_t now;         /* bytes of the heap that are the system's */
	uint64_t used, dirty; /* bytes in use, and free but still ours */
};
void gcm_scavtrace_format(
    struct gcm_text *text, const struct gcm_scav_report *report);

/* Count and write it; the collector's thread. */
void gcm_scavtrace_write(void);

/* Why a cycle was given up, in words. */
const char *gcm_gctrace_reason(enum gcm_abandon why);

#endif
