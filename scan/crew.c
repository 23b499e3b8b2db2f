/* crew.c -- the markers: one or several threads of ours
 *
 * MODEL   The collector's thread leads; others are started for a cycle and end
 *         with it.  They sleep on a futex until the leader calls for a drain,
 *         take part in it, and say when they are through.  Like every thread
 *         of ours they have no TLS and block all signals.
 *
 * LOCKS   none: the leader writes while the others sleep.
 *
 * FORK    a child has none of them; the collector that it may start makes its
 *         own.
 */
#include "scan/crew.h"

#include <sys/syscall.h>

#include "scan/stop.h"

enum {
	MOST = 64,
	STACK_BYTES = 64 << 10,
	SAY_NS = 50 * 1000 * 1000
};

struct member {
	struct gcm_marker *marker;
	uint64_t cpu_ns; /* of this cycle, but for the leader; the member */
	void *stack;
	_Atomic uint32_t alive; /* futex: 0 once the stack is free */
	_Atomic uint32_t tid;   /* futex: not 0 once it runs */
};

static struct {
	struct member members[MOST]; /* the leader's but for alive and tid */
	uint32_t count;              /* leader */
	_Atomic uint32_t call;       /* futex: a drain each; leader */
	_Atomic uint32_t through;    /* futex: members done with it */
	uint64_t deadline_ns;        /* leader, before call */
	_Atomic bool over;           /* leader */
} crew;

static void
run_member(void *arg)
{
	struct member *member = arg;
	uint32_t tid = (uint32_t)gcm_arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
	uint32_t seen = atomic_load(&crew.call);

	gcm_stop_exempt(tid, true);
	atomic_store(&member->tid, tid);
	gcm_os_wake(&member->tid, 1);
	for (;;) {
		while (atomic_load(&crew.call) == seen)
			gcm_os_wait(&crew.call, seen, 0);
		seen = atomic_load(&crew.call);
		if (atomic_load(&crew.over))
			break;
		(void)gcm_mark_drain(member->marker, crew.deadline_ns);
		member->cpu_ns = gcm_os_thread_cpu_ns();
		atomic_fetch_add(&crew.through, 1);
		gcm_os_wake(&crew.through, 1);
	}
	gcm_stop_exempt(tid, false);
}

static bool
start_member(struct member *member)
{
	if (member->stack == NULL)
		member->stack = gcm_own_map(STACK_BYTES);
	atomic_store(&member->tid, 0);
	if (member->stack == NULL ||
	    gcm_os_thread_start(run_member, member, member->stack, STACK_BYTES,
		&member->alive) != 0)
		return false;
	while (atomic_load(&member->tid) == 0)
		gcm_os_wait(&member->tid, 0, SAY_NS);
	return true;
}

static bool
ready_marker(struct member *member, uint8_t colour)
{
	member->cpu_ns = 0;
	if (member->marker == NULL)
		member->marker = gcm_own_map(sizeof(*member->marker));
	return member->marker != NULL && gcm_mark_begin(member->marker, colour);
}

uint32_t
gcm_crew_begin(uint32_t nmarkers, uint8_t colour)
{
	if (nmarkers > MOST)
		nmarkers = MOST;
	gcm_work_begin(nmarkers);
	atomic_store(&crew.over, false);
	crew.count = 0;
	if (!ready_marker(&crew.members[0], colour))
		return 0;
	crew.count = 1;
	while (crew.count < nmarkers &&
	       ready_marker(&crew.members[crew.count], colour) &&
	       start_member(&crew.members[crew.count]))
		crew.count++;
	return crew.count;
}

struct gcm_marker *
gcm_crew_leader(void)
{
	return crew.members[0].marker;
}

bool
gcm_crew_drain(uint64_t deadline_ns, bool stopped)
{
	uint32_t through;
	bool done;

	gcm_work_again(crew.count);
	for (uint32_t i = 0; i < crew.count; i++)
		crew.members[i].marker->stopped = stopped;
	crew.deadline_ns = deadline_ns;
	atomic_store(&crew.through, 0);
	atomic_fetch_add(&crew.call, 1);
	if (crew.count > 1)
		gcm_os_wake(&crew.call, UINT32_MAX >> 1);
	done = gcm_mark_drain(crew.members[0].marker, deadline_ns);
	while ((through = atomic_load(&crew.through)) + 1 < crew.count)
		gcm_os_wait(&crew.through, through, SAY_NS);
	return done && gcm_work_is_empty() && !gcm_work_failed();
}

void
gcm_crew_use(struct gcm_mark_bits *bits)
{
	for (uint32_t i = 0; i < crew.count; i++)
		crew.members[i].marker->bits = bits;
}

void
gcm_crew_count(struct gcm_trace *trace)
{
	trace->marked_blocks = 0;
	trace->marked_bytes = 0;
	trace->scanned_bytes = 0;
	trace->mark_cpu_ns = 0;
	trace->nmarkers = crew.count;
	for (uint32_t i = 0; i < crew.count; i++) {
		const struct gcm_marker *marker = crew.members[i].marker;

		trace->marked_blocks += marker->blocks;
		trace->marked_bytes += marker->bytes + marker->shorts;
		trace->scanned_bytes += marker->scanned + marker->shorts;
		trace->mark_cpu_ns += crew.members[i].cpu_ns;
	}
}

void
gcm_crew_end(void)
{
	atomic_store(&crew.over, true);
	atomic_fetch_add(&crew.call, 1);
	gcm_os_wake(&crew.call, UINT32_MAX >> 1);
	for (uint32_t i = 1; i < crew.count; i++) {
		uint32_t alive;

		while ((alive = atomic_load(&crew.members[i].alive)) != 0)
			gcm_os_wait(&crew.members[i].alive, alive, SAY_NS);
	}
	crew.count = 0;
}

void
gcm_crew_forked(void)
{
	crew.count = 1;
	for (uint32_t i = 1; i < MOST; i++)
		atomic_store(&crew.members[i].alive, 0);
	gcm_work_forked();
}
