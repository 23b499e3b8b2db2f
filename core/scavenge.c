/* scavenge.c -- free memory goes back to the system
 *
 * MODEL   A look: give empty spans back to the page heap; release, largest
 *         runs first, the pages that were free and dirty ever since the last
 *         look (the low-water mark), but for a tenth of the heap in use.  What
 *         the program takes and frees in turn is left alone.  Work is done
 *         in pieces, each followed by a rest of 99 times its CPU time, so
 *         that the thread takes about 1 % of a CPU (Go's scavenger).
 *
 *         The thread starts when the program has freed START_BYTES and a
 *         sixteenth of the heap since the last look, and the heap has
 *         HEAP_BYTES; it ends after QUIET
 *         looks without anything to do.  It is a bare clone(2) thread:
 *         without TLS, blocking all signals, using nothing of libc, so that
 *         libc's own idea of "single-threaded" stays true.
 *
 * STATES  OFF       no thread, or one on its way out    ON DISABLED
 *         ON        the thread runs or sleeps           OFF DISABLED
 *         DISABLED  for good
 *
 *         A program's thread makes it ON by CAS and starts the thread once the
 *         last one's stack is free (`alive` is 0, cleared by the kernel); the
 *         thread itself goes back to OFF.  No lock: fork, which ends the
 *         thread, may be called in a signal handler that interrupted a start.
 *
 * FORK    the child has no thread: OFF.
 */
#include "core/scavenge.h"

#include "core/event.h"
#include "core/heap.h"
#include "core/large.h"
#include "core/os.h"
#include "core/own.h"
#include "core/pageheap.h"

enum {
	START_BYTES = 4 << 20,
	HEAP_BYTES = 8 << 20, /* smaller heaps never have the thread */
	LOOK_NS = 500 * 1000 * 1000,
	QUIET = 4,
	PIECE_PAGES = 256, /* 2 MiB at a time under the lock */
	STACK_BYTES = 32 << 10,
	KEEP_PART = 10,  /* keep a tenth of what is in use */
	KEEP_PAGES = 64, /* and half a MiB */
	STOP_NS = 1000 * 1000 * 1000
};

enum {
	OFF,
	ON,
	DISABLED
};

static struct {
	_Atomic uint32_t state;
	_Atomic uint32_t wish;     /* futex: 1 asks the thread to end */
	_Atomic uint32_t alive;    /* futex: 0 once its stack is free */
	_Atomic size_t freed;      /* bytes reported since the last look */
	_Atomic uint64_t released; /* bytes; the thread */
	_Atomic uint64_t eager;    /* bytes; callers of now */
	void *stack;               /* whoever made the state ON */
} scavenger;

uint32_t
gcm_scavenge_plan(uint32_t idle, uint32_t used)
{
	uint32_t keep = used / KEEP_PART + KEEP_PAGES;

	return idle > keep ? idle - keep : 0;
}

/* Is the heap of a size that a thread is worth while for? */
static bool
is_worth_it(void)
{
	uint32_t npages =
	    atomic_load_explicit(&gcm_pageheap.used, memory_order_relaxed) +
	    atomic_load_explicit(&gcm_pageheap.dirty, memory_order_relaxed);

	return (size_t)npages << GCM_PAGE_SHIFT >= HEAP_BYTES;
}

static size_t
start_level(void)
{
	size_t part = ((size_t)atomic_load_explicit(
			   &gcm_pageheap.used, memory_order_relaxed)
			  << GCM_PAGE_SHIFT) /
		      16;

	return part > START_BYTES ? part : START_BYTES;
}

static uint32_t
release_piece(uint32_t npages, _Atomic uint64_t *count)
{
	uint64_t began = gcm_event_is_on() ? gcm_os_now_ns() : 0;
	uint32_t done;

	gcm_lock_acquire(&gcm_pageheap.lock);
	done = gcm_pageheap_release_locked(
	    npages < PIECE_PAGES ? npages : PIECE_PAGES);
	gcm_lock_release(&gcm_pageheap.lock);
	if (began != 0 && done > 0)
		GCM_NOTE(scavenge, (uint64_t)done << GCM_PAGE_SHIFT,
		    gcm_os_now_ns() - began);
	atomic_fetch_add_explicit(
	    count, (uint64_t)done << GCM_PAGE_SHIFT, memory_order_relaxed);
	return done;
}

static uint32_t
take_low_water(void)
{
	uint32_t low;

	gcm_lock_acquire(&gcm_pageheap.lock);
	low =
	    atomic_load_explicit(&gcm_pageheap.dirty_low, memory_order_relaxed);
	atomic_store_explicit(&gcm_pageheap.dirty_low,
	    atomic_load_explicit(&gcm_pageheap.dirty, memory_order_relaxed),
	    memory_order_relaxed);
	gcm_lock_release(&gcm_pageheap.lock);
	return low;
}

/* Rest; true when somebody wants the thread to end. */
static bool
rest(uint64_t ns)
{
	gcm_os_wait(&scavenger.wish, 0, ns);
	return atomic_load(&scavenger.wish) != 0;
}

/* One look at the heap; *worked says whether there was anything to do. */
static bool
look(bool *worked)
{
	uint64_t began = gcm_os_thread_cpu_ns();
	uint32_t trimmed = gcm_cache_trim(NULL) + gcm_large_unpark(),
		 low = take_low_water(), todo;

	atomic_store_explicit(&scavenger.freed, 0, memory_order_relaxed);
	todo = gcm_scavenge_plan(low,
	    atomic_load_explicit(&gcm_pageheap.used, memory_order_relaxed));
	*worked = trimmed > 0;
	while (todo > 0) {
		uint32_t done = release_piece(todo, &scavenger.released);
		uint64_t now = gcm_os_thread_cpu_ns();

		if (done == 0) /* the system takes nothing back */
			break;
		*worked = true;
		todo -= done < todo ? done : todo;
		if (todo > 0 && rest((now - began) * 99 + 1))
			return true;
		began = now;
	}
	return false;
}

/* Leave the state ON; true when that is the end, false when so much was freed
 * meanwhile that the thread has to go on.
 */
static bool
retire(void)
{
	uint32_t on = ON, off = OFF;

	if (!atomic_compare_exchange_strong(&scavenger.state, &on, OFF))
		return true; /* disabled */
	if (atomic_load(&scavenger.wish) != 0 ||
	    atomic_load(&scavenger.freed) < START_BYTES)
		return true;
	return !atomic_compare_exchange_strong(&scavenger.state, &off, ON);
}

static void
run_scavenger(void *arg)
{
	unsigned int quiet = 0;

	(void)arg;
	gcm_event_thread("scavenger");
	for (;;) {
		bool worked = false;
		bool asked = rest(LOOK_NS) || look(&worked);

		quiet = worked ? 0 : quiet + 1;
		if (!asked && quiet < QUIET)
			continue;
		if (retire())
			break;
		quiet = 0;
	}
	GCM_NOTE(thread_end);
}

GCM_COLD static void
maybe_start(void)
{
	uint32_t off = OFF, on = ON;

	if (!gcm_heap_is_sound() || atomic_load(&scavenger.alive) != 0 ||
	    !atomic_compare_exchange_strong(&scavenger.state, &off, ON))
		return;
	atomic_store(&scavenger.wish, 0);
	if (scavenger.stack == NULL)
		scavenger.stack = gcm_own_map(STACK_BYTES);
	if (scavenger.stack == NULL ||
	    gcm_os_thread_start(run_scavenger, NULL, scavenger.stack,
		STACK_BYTES, &scavenger.alive) != 0)
		(void)atomic_compare_exchange_strong(
		    &scavenger.state, &on, OFF);
}

void
gcm_scavenge_tell(struct gcm_cache *cache)
{
	size_t sum =
	    atomic_exchange_explicit(&cache->freed, 0, memory_order_relaxed);

	sum += atomic_fetch_add_explicit(
	    &scavenger.freed, sum, memory_order_relaxed);
	if (sum >= start_level() && is_worth_it())
		maybe_start();
}

void
gcm_scavenge_add(size_t bytes)
{
	size_t sum = atomic_fetch_add_explicit(
			 &scavenger.freed, bytes, memory_order_relaxed) +
		     bytes;

	if (sum >= start_level() && is_worth_it())
		maybe_start();
}

uint32_t
gcm_scavenge_tid(void)
{
	uint32_t alive = atomic_load(&scavenger.alive);

	return alive == 1 ? 0 : alive; /* the kernel stores the id */
}

bool
gcm_scavenge_now(size_t pad)
{
	uint32_t keep = (uint32_t)(pad >> GCM_PAGE_SHIFT), done;
	bool any = false;

	(void)gcm_cache_trim(NULL);
	(void)gcm_large_unpark();
	do {
		uint32_t dirty = atomic_load_explicit(
		    &gcm_pageheap.dirty, memory_order_relaxed);

		done = dirty > keep
			   ? release_piece(dirty - keep, &scavenger.eager)
			   : 0;
		any = any || done > 0;
	} while (done > 0);
	gcm_lock_acquire(&gcm_pageheap.lock);
	any = (pad == 0 && gcm_pageheap_shrink_locked() > 0) || any;
	gcm_lock_release(&gcm_pageheap.lock);
	return any;
}

bool
gcm_scavenge_stop(void)
{
	uint64_t deadline = 0;
	uint32_t alive;

	while ((alive = atomic_load(&scavenger.alive)) != 0) {
		uint64_t now = gcm_os_now_ns();

		if (deadline == 0)
			deadline = now + STOP_NS;
		if (now >= deadline)
			return false;
		atomic_store(&scavenger.wish, 1);
		gcm_os_wake(&scavenger.wish, 1);
		gcm_os_wait(&scavenger.alive, alive, STOP_NS / 100);
	}
	return true;
}

void
gcm_scavenge_disable(void)
{
	atomic_store(&scavenger.state, DISABLED);
	(void)gcm_scavenge_stop();
}

void
gcm_scavenge_reset(void)
{
	if (atomic_load(&scavenger.state) != DISABLED)
		atomic_store(&scavenger.state, OFF);
	atomic_store(&scavenger.wish, 0);
	atomic_store(&scavenger.alive, 0);
	atomic_store(&scavenger.freed, 0);
}

void
gcm_scavenge_count_work(struct gcm_scavenge_work *work)
{
	work->background =
	    atomic_load_explicit(&scavenger.released, memory_order_relaxed);
	work->eager =
	    atomic_load_explicit(&scavenger.eager, memory_order_relaxed);
}

uint64_t
gcm_scavenge_released(void)
{
	struct gcm_scavenge_work work;

	gcm_scavenge_count_work(&work);
	return work.background + work.eager;
}

bool
gcm_scavenge_running(void)
{
	return atomic_load(&scavenger.alive) != 0;
}
