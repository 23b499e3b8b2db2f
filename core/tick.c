/* tick.c -- what the collector's thread does by the clock, whatever it is at
 *
 * MODEL   With a recording: ten times a second the heap's and the process's
 *         counters are noted, and what there is goes to the file.  With
 *         schedtrace: a line.  Both happen where the thread sleeps, and where
 *         markers look whether they are wanted gone, which is every few
 *         microseconds while they mark; never while the world is stopped.  A
 *         line is late by the length of a stop, or of a sweep.  Lines that were
 *         missed are not made up for.
 *
 *         The lines want the collector's thread to be there as long as the
 *         program runs: it is started by the constructor, after a fork by the
 *         parent, and whenever a thread counts its growth and finds none (in a
 *         child; after a call that may only be made without), ten times a
 *         second at most.  So with this
 *         option a program has two threads where it had one: that is what was
 *         asked for.  A program with GCM_MODE=off has no lines.
 *
 * LOCKS   none; the variables are the collector's thread's but for `stopped`.
 */
#include "core/tick.h"

#include "core/cycle_state.h"
#include "core/event.h"
#include "core/heap.h"
#include "core/option.h"
#include "core/os.h"
#include "core/pageheap.h"
#include "core/schedtrace.h"

enum {
	START_NS = 100 * 1000 * 1000, /* between two starts */
	NOTE_NS = 100 * 1000 * 1000,
	MEMORY_NS = 20 * 1000 * 1000,
	MILLISECOND_NS = 1000 * 1000
};

GCM_HIDDEN _Atomic bool gcm_tick_wanted;

static struct {
	_Atomic uint64_t start_ns;  /* when the thread may be started; all */
	_Atomic bool stopped;       /* the world; who stops it */
	_Atomic uint64_t note_ns;   /* when the next is due; the thread */
	_Atomic uint64_t line_ns;   /* the same */
	_Atomic uint64_t memory_ns; /* the same of the resident set */
} tick;

static uint64_t
line_span(void)
{
	return (uint64_t)gcm_options.schedtrace * MILLISECOND_NS;
}

bool
gcm_tick_needs_thread(void)
{
	return gcm_options.schedtrace != 0;
}

void
gcm_tick_start(void)
{
	uint64_t now;

	if (!gcm_tick_needs_thread() || gcm_cycle_running() ||
	    gcm_cycle.scanner == NULL || !gcm_heap_enter())
		return;
	now = gcm_os_now_ns();
	if (now < atomic_load(&tick.start_ns))
		return; /* a storm of forks has other things to do */
	atomic_store(&tick.start_ns, now + START_NS);
	gcm_cycle_wish(0);
}

void
gcm_tick_begin(void)
{
	atomic_store(
	    &gcm_tick_wanted, gcm_event_is_on() || gcm_tick_needs_thread());
	if (gcm_tick_needs_thread())
		atomic_store(&tick.line_ns, gcm_os_now_ns() + line_span());
	gcm_tick_start();
}

void
gcm_tick_pause(bool stopped)
{
	atomic_store(&tick.stopped, stopped);
}

/* Held: the pages in use, and the free ones that may be resident. */
void
gcm_tick_note_heap(void)
{
	uint64_t heap = gcm_cycle_heap(), held;

	if (!gcm_event_is_on())
		return;
	GCM_NOTE(heap, heap, gcm_cycle.pace.goal);
	if (gcm_os_now_ns() < atomic_load(&tick.memory_ns))
		return; /* a look at the resident set takes a while */
	atomic_store(&tick.memory_ns, gcm_os_now_ns() + MEMORY_NS);
	held = ((uint64_t)atomic_load(&gcm_pageheap.used) +
		   atomic_load(&gcm_pageheap.dirty))
	       << GCM_PAGE_SHIFT;
	GCM_NOTE(
	    memory, gcm_os_resident(), held, held > heap ? held - heap : 0);
}

static void
write_line(uint64_t now)
{
	uint64_t span = line_span(), due = atomic_load(&tick.line_ns);

	if (span == 0 || now < due)
		return;
	gcm_schedtrace_write(now);
	atomic_store(&tick.line_ns, due + ((now - due) / span + 1) * span);
}

void
gcm_tick(void)
{
	uint64_t now;

	if (atomic_load(&tick.stopped))
		return;
	now = gcm_os_now_ns();
	if (gcm_tick_rest(1) != 0 || !gcm_cycle_is_self())
		return;
	write_line(now);
	if (!gcm_event_is_on() || now < atomic_load(&tick.note_ns))
		return;
	atomic_store(&tick.note_ns, now + NOTE_NS);
	gcm_tick_note_heap();
	(void)gcm_event_flush(true);
}

static uint64_t
time_until(uint64_t due, uint64_t now, uint64_t most)
{
	if (due <= now)
		return 0;
	return due - now < most ? due - now : most;
}

uint64_t
gcm_tick_rest(uint64_t ns)
{
	uint64_t now;

	if (!atomic_load_explicit(&gcm_tick_wanted, memory_order_relaxed))
		return ns;
	now = gcm_os_now_ns();
	if (gcm_tick_needs_thread())
		ns = time_until(atomic_load(&tick.line_ns), now, ns);
	if (gcm_event_is_on())
		ns = time_until(atomic_load(&tick.note_ns), now, ns);
	return ns;
}
