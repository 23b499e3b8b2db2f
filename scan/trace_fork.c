/* trace_fork.c -- marking a snapshot in a process of our own
 *
 * MODEL   The world is stopped for the time of a clone(2); the child has all
 *         memory as it was, marks it into a bitmap that both share, and exits.
 *         What was unreachable then stays so.  For systems where writes cannot
 *         be tracked (before Linux 6.7, or where userfaultfd is refused).
 *
 *         Nobody sees the child end: its exit signal is 0, so wait() of the
 *         program passes it by.  It has the collector's empty table of
 *         descriptors.
 *
 * INVARIANTS
 *   .inv.fork-whole  a root of the parent's that is not in the child
 *         (MADV_DONTFORK) could hold pointers: the cycle is given up.
 *   .inv.fork-shared  memory that the child shares is read before there is a
 *         child: a pointer that the program moves from there into its own
 *         memory afterwards would be in neither.  So is what the kernel holds:
 *         the child has no thread of the program's to ask by.
 *   .inv.fork-black  the colour is set before the snapshot: blocks that the
 *         program got after it have that colour.  In the snapshot colours say
 *         nothing, and black blocks are read like all others.
 */
#include "scan/trace.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "scan/kernel.h"
#include "scan/pages.h"
#include "scan/stop.h"

enum {
	GRANULES_A_WORD = 64,
	POLL_NS = 500 * 1000
};

/* What the child says, in shared memory. */
struct answer {
	_Atomic uint32_t why; /* enum gcm_abandon, plus 1; 0: it died */
	struct gcm_trace trace;
	uint64_t stack_bytes, global_bytes;
};

static struct gcm_roots child_roots; /* the child's; here empty */

_Noreturn static void
leave_child(void)
{
	for (;;)
		(void)gcm_arch_syscall(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

static enum gcm_abandon
mark_snapshot(struct gcm_tracer *tracer, struct gcm_mark_bits *bits)
{
	struct gcm_tracer snapshot = {
	    .trace = tracer->trace, .roots = child_roots, .snapshot = true};
	enum gcm_abandon why;

	gcm_crew_forked();
	gcm_pages_close();
	if (gcm_pages_open() != 0)
		return GCM_ABANDON_ROOTS;
	gcm_crew_use(bits);
	why = gcm_trace_whole(&snapshot);
	if (why == GCM_ABANDON_NOT &&
	    gcm_roots_lack(&snapshot.roots, &tracer->roots))
		why = GCM_ABANDON_ROOTS; /* .inv.fork-whole */
	tracer->roots.stack_bytes = snapshot.roots.stack_bytes;
	tracer->roots.global_bytes = snapshot.roots.global_bytes;
	return why;
}

_Noreturn static void
run_child(struct gcm_tracer *tracer, struct gcm_mark_bits *bits,
    struct answer *answer)
{
	enum gcm_abandon why;

	gcm_event_silence(false);
	/* It must not outlive the program. */
	(void)gcm_arch_syscall(
	    SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
	why = mark_snapshot(tracer, bits);
	gcm_crew_count(&answer->trace);
	answer->trace.mark_cpu_ns = gcm_os_thread_cpu_ns();
	answer->stack_bytes = tracer->roots.stack_bytes;
	answer->global_bytes = tracer->roots.global_bytes;
	atomic_store(&answer->why, (uint32_t)why + 1);
	leave_child();
}

/* Wait for the child; false when our thread is wanted gone. */
static bool
await_child(long child)
{
	static _Atomic uint32_t never;
	bool asked = false;

	for (;;) {
		long got = gcm_arch_syscall(
		    SYS_wait4, child, 0, WNOHANG | __WALL, 0, 0, 0);

		if (got != 0)
			return !asked; /* it, or somebody reaped it */
		if (!asked && gcm_cycle_is_asked()) {
			asked = true;
			(void)gcm_arch_syscall(
			    SYS_kill, child, SIGKILL, 0, 0, 0, 0);
		}
		(void)gcm_cycle_interlude();
		gcm_os_wait(&never, 0, POLL_NS);
	}
}

/* What is not in the snapshot: shared memory, which the program goes on
 * writing, and what the kernel holds for this process.  Read while the world is
 * stopped; the child goes on from there.
 */
static bool
mark_unshared(struct gcm_tracer *tracer, struct gcm_mark_bits *bits)
{
	struct gcm_marker *leader = gcm_crew_leader();
	bool whole;

	gcm_crew_use(bits);
	whole = gcm_roots_read(&tracer->roots) == 0;
	tracer->coroutines = gcm_roots_find_coroutines(&tracer->roots);
	whole = whole && gcm_roots_mark_shared(&tracer->roots, leader) &&
		gcm_roots_mark_wiped(leader) && gcm_kernel_mark(leader, false);
	gcm_crew_use(NULL);
	return whole;
}

static enum gcm_abandon
run_snapshot(struct gcm_tracer *tracer, struct gcm_mark_bits *bits,
    struct answer *answer)
{
	enum gcm_abandon why = gcm_trace_pause(tracer);
	uintptr_t hi;
	uint64_t began;
	long child = -ENOMEM;
	bool whole;

	if (why != GCM_ABANDON_NOT)
		return why;
	hi = gcm_page_addr(gcm_zone_pages());
	whole = hi <= bits->hi;
	bits->hi = hi;
	whole = whole && mark_unshared(tracer, bits); /* .inv.fork-shared */
	if (whole)
		child = gcm_arch_syscall(SYS_clone, 0, 0, 0, 0, 0, 0);
	if (child == 0)
		run_child(tracer, bits, answer);
	gcm_trace_resume(tracer);
	if (child < 0)
		return whole ? GCM_ABANDON_MEMORY : GCM_ABANDON_ROOTS;
	began = gcm_os_now_ns();
	if (!await_child(child))
		return GCM_ABANDON_ASKED;
	tracer->trace->mark_ns = gcm_os_now_ns() - began;
	if (atomic_load(&answer->why) == 0)
		return GCM_ABANDON_MEMORY; /* killed */
	return (enum gcm_abandon)(atomic_load(&answer->why) - 1);
}

static void
take_answer(struct gcm_tracer *tracer, const struct answer *answer)
{
	struct gcm_trace *trace = tracer->trace;

	trace->marked_blocks = answer->trace.marked_blocks;
	trace->marked_bytes = answer->trace.marked_bytes;
	trace->scanned_bytes = answer->trace.scanned_bytes;
	trace->mark_cpu_ns = answer->trace.mark_cpu_ns;
	GCM_NOTE(mark, 0, trace->marked_blocks, trace->marked_bytes,
	    trace->mark_cpu_ns);
	tracer->roots.stack_bytes = answer->stack_bytes;
	tracer->roots.global_bytes = answer->global_bytes;
}

enum gcm_abandon
gcm_trace_forked(struct gcm_tracer *tracer)
{
	/* Room for growth until the stop: a quarter more, and 64 MiB. */
	uintptr_t hi = gcm_page_addr(gcm_zone_pages());
	size_t most = (hi - gcm_zone.lo) / 4 * 5 + (64 << 20);
	size_t len = most / GCM_GRANULE / 8 + sizeof(struct answer) + 64;
	struct gcm_mark_bits bits = {.lo = gcm_zone.lo};
	struct answer *answer = gcm_own_map_shared(len);
	enum gcm_abandon why;

	tracer->trace->back_end = "fork";
	gcm_event_enter(GCM_PHASE_SNAPSHOT);
	gcm_cache_set_colour(tracer->trace->colour); /* .inv.fork-black */
	if (answer == NULL)
		return GCM_ABANDON_MEMORY;
	bits.reached = (_Atomic uint64_t *)gcm_round_up(
	    (uintptr_t)(answer + 1), sizeof(uint64_t));
	bits.hi = bits.lo + most; /* what there is room for */
	why = run_snapshot(tracer, &bits, answer);
	if (why == GCM_ABANDON_NOT) {
		take_answer(tracer, answer);
		gcm_sweep_apply(tracer->trace->colour, bits.reached,
		    bits.hi); /* .inv.fork-black */
	}
	gcm_own_unmap(answer, len);
	return why;
}
