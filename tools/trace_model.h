/* trace_model.h -- what a process did, put together from its events
 */
#ifndef GCM_TOOLS_TRACE_MODEL_H
#define GCM_TOOLS_TRACE_MODEL_H

#include "tools/trace.h"
#include "tools/trace_lane.h"

enum {
	NO_CYCLE = UINT32_MAX
};

struct trace_phase {
	uint64_t begin, end;
	const char *name;
	uint32_t cycle; /* NO_CYCLE: outside */
};

struct trace_stop {
	uint64_t begin, stopped, end; /* stopped: 0 if it is not known */
	uint64_t latency;             /* of the slowest thread */
	uint32_t slowest;             /* its id */
	uint32_t threads, signalled;
	uint32_t cycle;
	uint32_t late; /* of a stop that failed: who did not answer */
	bool failed;
};

struct trace_cycle {
	uint32_t number;
	bool ended; /* else the trace ends before it does */
	const char *why, *abandoned, *back_end;
	uint64_t begin, end;
	uint64_t heap, live_before, trigger, goal_before;
	uint64_t live, reclaimed, blocks, limbo, goal;
	uint64_t stopped_ns, longest_stop;
	uint32_t nstops, nfailed;
	uint64_t mark_cpu, mark_blocks, mark_bytes;
	size_t first_phase;
};

struct trace_thread {
	uint32_t tid;
	char name[TRACE_TEXT_BYTES];
	uint64_t begin, end; /* 0: not known */
	bool ours;           /* it runs cycles or marks */
	struct tally latency;
	uint64_t slowest_at;
	struct tally assists;
	struct lane stop_lane, assist_lane;
};

enum trace_mark_kind {
	MARK_FORK,
	MARK_LATE_FREE,
	MARK_USER,
	MARK_SCAVENGE,
	MARK_GROW,
	MARK_THREAD,
	MARK_PROCESS,
	MARK_KINDS
};

struct trace_mark { /* something at an instant */
	uint64_t ns;
	enum trace_mark_kind kind;
	uint32_t tid;
	uint64_t value;
	char text[TRACE_TEXT_BYTES];
};

struct trace_model {
	struct trace_process *process;
	uint64_t first_ns, last_ns;
	uint64_t parent;
	bool begun, ended;
	uint64_t status;
	struct trace_thread **threads;
	size_t nthreads, thread_room;
	uint32_t *thread_hash; /* index + 1 of a thread, by id */
	size_t hash_size;
	struct trace_cycle *cycles;
	size_t ncycles, cycle_room;
	struct trace_phase *phases;
	size_t nphases, phase_room;
	struct trace_stop *stops;
	size_t nstops, stop_room;
	struct trace_mark *marks;
	size_t nmarks, mark_room;
	uint64_t mark_counts[MARK_KINDS];
	struct curve heap, goal, resident, held, spare;
	struct tally pauses;
	uint64_t peak_heap, peak_resident;
	uint64_t mark_cpu, mark_bytes, again_bytes;
	uint64_t reclaimed, blocks;
	uint64_t scavenged, scavenge_ns, grown;
	const char *back_end;
	bool cycle_open, stop_open, phase_open;
};

/* Take the events of a trace; the models are in the order of its processes, and
 * one that had no events is NULL.
 */
struct trace_models {
	struct trace_model **list;
	size_t count, room;
};

void take_model_event(
    struct trace_models *models, const struct trace_event *event);

/* Close what is open, once the trace has ended. */
void settle_models(struct trace_models *models);
void free_models(struct trace_models *models);

/* The least share of a window of so many ns that the program could run, over
 * all places of the window: of the process while the world is not stopped; and
 * of the worst of its threads, which waits in assists, too.
 */
double least_utilization(const struct trace_model *model, uint64_t window_ns);
double least_thread_utilization(
    const struct trace_model *model, uint64_t window_ns);

#endif
