/* trace.h -- the ways to find everything that is reachable */
#ifndef GCM_SCAN_TRACE_H
#define GCM_SCAN_TRACE_H

#include "scan/crew.h"
#include "scan/root.h"

enum {
	GCM_TRACE_STOP_NS = 20 * 1000 * 1000 /* deadline of a stop */
};

/* What one trace works with. */
struct gcm_tracer {
	struct gcm_trace *trace;
	struct gcm_roots roots;
	bool snapshot;    /* what the kernel holds was read before it */
	bool coroutines;  /* as known when marking began */
	bool outrun;      /* pages are written faster than we read them */
	size_t cursor;    /* from the zone's start: where to look next */
	size_t step;      /* bytes of it at once; the leader */
	uint64_t written; /* bytes to look at, when last counted */
	uint64_t looked_bytes, looked_ns; /* looked at in stops; what it took */
	bool paused;                      /* the world is stopped by us */
	uint64_t paused_at;               /* since */
	uint64_t stopped_cpu;             /* CPU of the leader when it was */
};

/* Each gives every reachable block the trace's colour. */
enum gcm_abandon gcm_trace_tracked(struct gcm_tracer *tracer);
enum gcm_abandon gcm_trace_forked(struct gcm_tracer *tracer);
enum gcm_abandon gcm_trace_stopped(struct gcm_tracer *tracer);

/* Stop the world, trying several times; resume it, and note the pause. */
enum gcm_abandon gcm_trace_pause(struct gcm_tracer *tracer);
void gcm_trace_resume(struct gcm_tracer *tracer);

/* With the world stopped: all roots, then everything reachable from them. */
enum gcm_abandon gcm_trace_whole(struct gcm_tracer *tracer);

/* GCM_DEBUG=verify=1: the world is stopped and everything reachable should have
 * the colour.  Marks again, into bits; what is reachable and white is printed
 * with the way there, and the process ends.  look_again marks, by colours, what
 * the trace looks at when the world is stopped.
 */
void gcm_trace_verify(
    struct gcm_tracer *tracer, bool (*look_again)(struct gcm_tracer *tracer));

#endif
