#ifndef GCM_CORE_GCTRACE_H
#define GCM_CORE_GCTRACE_H
#include "core/report.h"
#include "core/scanner.h"
struct gcm_cycle_report {
	struct gcm_trace trace;
	uint32_t number;
	uint64_t at_ns, heap_start, heap_marked, heap_live, goal;
	uint32_t procs, cpu_percent;
	uint64_t reclaimed_bytes, reclaimed_blocks, limbo_bytes;
	bool forced, alarmed;
	enum gcm_abandon why;
};
void gcm_gctrace_write(const struct gcm_cycle_report *report, bool periodic);
#endif
