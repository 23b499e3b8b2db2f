/* crew.c -- the markers: one or several threads of ours
 *
 * MODEL   The collector's thread leads; others are started for a cycle and end
 *         with it.  They sleep until the leader calls for a job, and do it
 *         beside it.  Like every thread of ours they have no TLS and block all
 *         signals.
 *
 *         Beside the program only a few work; while the world is stopped no
 *         processor has anything else to do, and more of them help.
 *
 * STATES  of a member  written by                     next
 *         IDLE         the member, the leader         CALLED OVER
 *         CALLED       the leader                     WORKS IDLE
 *         WORKS        the member (CAS)               IDLE
 *         OVER         the leader                     -
 *         The leader takes back a call that nobody has answered yet (CAS): a
 *         job in pieces does not wait for one who wakes up when it is done.
 *
 * LOCKS   none: the leader writes while the others are IDLE.
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
	SPINS = 2000, /* for a member to end; the world may be waiting */
	SAY_NS = 50 * 1000 * 1000
};

enum member_state {
	IDLE,
	CALLED,
	WORKS,
	OVER
};

struct member {
	struct gcm_marker *marker;
	/* CPU of this cycle, but for the leader; the member's. */
	uint64_t cpu_ns, stop_cpu_ns; /* beside the program; in stops */
	void *stack;
	_Atomic uint32_t alive; /* futex: 0 once the stack is free */
	_Atomic uint32_t tid;   /* futex: not 0 once it runs */
	_Atomic uint32_t state; /* futex */
};

static struct {
	struct member members[MOST]; /* the leader's but for alive and tid */
	uint32_t count;              /* leader */
	uint32_t few;                /* of them beside the program; leader */
	gcm_crew_job job;            /* leader, before a call */
	void *arg;                   /* as job */
	uint64_t began_cpu;          /* of the leader, if noted; leader */
} crew;

static void
work(struct member *member)
{
	uint64_t before = gcm_os_thread_cpu_ns(), took;

	crew.job(member->marker, crew.arg);
	took = gcm_os_thread_cpu_ns() - before;
	if (member->marker->stopped)
		member->stop_cpu_ns += took;
	else
		member->cpu_ns += took;
}

static void
run_member(void *arg)
{
	struct member *member = arg;
	uint32_t tid = (uint32_t)gcm_arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
	uint32_t seen;

	gcm_stop_exempt(tid, true);
	gcm_event_thread("marker");
	atomic_store(&member->tid, tid);
	gcm_os_wake(&member->tid, 1);
	while ((seen = atomic_load(&member->state)) != OVER) {
		if (seen != CALLED || !atomic_compare_exchange_strong(
					  &member->state, &seen, WORKS)) {
			if (seen == IDLE)
				gcm_os_wait(&member->state, IDLE, 0);
			continue;
		}
		work(member);
		atomic_store(&member->state, IDLE);
		gcm_os_wake(&member->state, 1);
	}
	GCM_NOTE(thread_end);
	gcm_stop_exempt(tid, false);
}

static bool
start_member(struct member *member)
{
	if (member->stack == NULL)
		member->stack = gcm_own_map(STACK_BYTES);
	atomic_store(&member->tid, 0);
	atomic_store(&member->state, IDLE);
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
	member->cpu_ns = member->stop_cpu_ns = 0;
	if (member->marker == NULL)
		member->marker = gcm_own_map(sizeof(*member->marker));
	return member->marker != NULL && gcm_mark_begin(member->marker, colour);
}

uint32_t
gcm_crew_begin(uint32_t nmarkers, uint32_t nstopped, uint8_t colour)
{
	uint32_t all = nstopped > nmarkers ? nstopped : nmarkers;

	if (all > MOST)
		all = MOST;
	gcm_work_begin(nmarkers);
	crew.began_cpu = gcm_event_is_on() ? gcm_os_thread_cpu_ns() : 0;
	crew.count = 0;
	if (!ready_marker(&crew.members[0], colour))
		return 0;
	crew.count = 1;
	while (crew.count < all &&
	       ready_marker(&crew.members[crew.count], colour) &&
	       start_member(&crew.members[crew.count]))
		crew.count++;
	crew.few = crew.count < nmarkers ? crew.count : nmarkers;
	return crew.count;
}

struct gcm_marker *
gcm_crew_leader(void)
{
	return crew.members[0].marker;
}

/* To members 1 to n - 1. */
static void
call_members(uint32_t n, gcm_crew_job job, void *arg, bool stopped)
{
	crew.job = job;
	crew.arg = arg;
	for (uint32_t i = 0; i < n; i++)
		crew.members[i].marker->stopped = stopped;
	for (uint32_t i = 1; i < n; i++) {
		atomic_store(&crew.members[i].state, CALLED);
		gcm_os_wake(&crew.members[i].state, 1);
	}
}

/* Until they are idle; take back what they have not begun if `recall`. */
static void
await_members(uint32_t n, bool recall)
{
	for (uint32_t i = 1; i < n; i++) {
		_Atomic uint32_t *state = &crew.members[i].state;
		uint32_t seen = CALLED;

		if (recall &&
		    atomic_compare_exchange_strong(state, &seen, IDLE))
			continue;
		for (int j = 0; j < SPINS && atomic_load(state) != IDLE; j++)
			gcm_arch_pause();
		while ((seen = atomic_load(state)) != IDLE)
			gcm_os_wait(state, seen, SAY_NS);
	}
}

void
gcm_crew_share(gcm_crew_job job, void *arg, bool stopped)
{
	uint32_t n = stopped ? crew.count : crew.few;

	call_members(n, job, arg, stopped);
	job(crew.members[0].marker, arg);
	await_members(n, true);
}

static void
drain(struct gcm_marker *marker, void *arg)
{
	(void)gcm_mark_drain(marker, *(const uint64_t *)arg);
}

/* Within the budget of a stop there is too little to share. */
static bool
drain_once(uint64_t deadline_ns, bool stopped)
{
	uint32_t n = stopped && deadline_ns == 0 ? crew.count : crew.few;
	bool done;

	gcm_work_again(n);
	call_members(n, drain, &deadline_ns, stopped);
	done = gcm_mark_drain(crew.members[0].marker, deadline_ns);
	await_members(n, false);
	return done && gcm_work_is_empty() && !gcm_work_failed();
}

/* Beside the program and without an end: in pieces, while somebody may ask. */
bool
gcm_crew_drain(uint64_t deadline_ns, bool stopped)
{
	uint64_t piece_ns;

	if (stopped || deadline_ns != 0)
		return drain_once(deadline_ns, stopped);
	while ((piece_ns = gcm_cycle_interlude()) != 0) {
		if (drain_once(gcm_os_now_ns() + piece_ns, false))
			return true;
		if (gcm_work_failed() || gcm_cycle_is_asked())
			return false;
	}
	return drain_once(0, false);
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
	trace->nmarkers = crew.few;
	for (uint32_t i = 0; i < crew.count; i++) {
		const struct gcm_marker *marker = crew.members[i].marker;

		trace->marked_blocks += marker->blocks;
		trace->marked_bytes += marker->bytes + marker->shorts;
		trace->scanned_bytes += marker->scanned + marker->shorts;
		trace->mark_cpu_ns += crew.members[i].cpu_ns;
	}
}

uint64_t
gcm_crew_stop_cpu_ns(void)
{
	uint64_t sum = 0;

	for (uint32_t i = 1; i < crew.count; i++)
		sum += crew.members[i].stop_cpu_ns;
	return sum;
}

void
gcm_crew_note(void)
{
	for (uint32_t i = 0; gcm_event_is_on() && i < crew.count; i++) {
		const struct member *member = &crew.members[i];
		const struct gcm_marker *marker = member->marker;

		GCM_NOTE(mark, i, marker->blocks,
		    marker->bytes + marker->shorts,
		    i > 0 ? member->cpu_ns + member->stop_cpu_ns
			  : gcm_os_thread_cpu_ns() - crew.began_cpu);
	}
}

uint32_t
gcm_crew_size(void)
{
	return crew.few;
}

void
gcm_crew_end(void)
{
	for (uint32_t i = 1; i < crew.count; i++) {
		atomic_store(&crew.members[i].state, OVER);
		gcm_os_wake(&crew.members[i].state, 1);
	}
	for (uint32_t i = 1; i < crew.count; i++) {
		uint32_t alive;

		while ((alive = atomic_load(&crew.members[i].alive)) != 0)
			gcm_os_wait(&crew.members[i].alive, alive, SAY_NS);
	}
	crew.count = crew.few = 0;
}

void
gcm_crew_forked(void)
{
	crew.count = crew.few = 1;
	for (uint32_t i = 1; i < MOST; i++)
		atomic_store(&crew.members[i].alive, 0);
	gcm_work_forked();
}
