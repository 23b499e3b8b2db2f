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
 *         sixteenth of the heap since the last look, and ends after QUIET
 *         looks without anything to do.  It is a bare clone(2) thread:
 *         without TLS, blocking all signals, using nothing of libc, so that
 *         libc's own idea of "single-threaded" stays true.
 *
 * STATES  OFF      no thread                           STARTING DISABLED
 *         STARTING one thread of the program makes it  ON OFF
 *         ON       thread runs or sleeps               STOPPING OFF
 *         STOPPING somebody waits for it to end        OFF
 *         DISABLED for good
 *
 * LOCKS   scavenger: state changes.  The thread itself never holds that lock
 *         while it sleeps.
 *
 * FORK    the child has no thread: OFF.
 */
#include "core/scavenge.h"

#include "core/option.h"
#include "core/os.h"
#include "core/pageheap.h"

enum {
	START_BYTES = 4 << 20,
	LOOK_NS = 500 * 1000 * 1000,
	QUIET = 4,
	PIECE_PAGES = 1024, /* 8 MiB at a time under the lock */
	STACK_BYTES = 32 << 10,
	KEEP_PART = 10,     /* keep a tenth of what is in use */
	KEEP_PAGES = 64,    /* and half a MiB */
	STOP_NS = 1000 * 1000 * 1000
};

enum state { OFF, STARTING, ON, STOPPING, DISABLED };

static struct {
	struct gcm_lock lock;
	_Atomic uint32_t state;      /* lock to change; read by all */
	_Atomic uint32_t wish;       /* futex: 1 asks the thread to end */
	_Atomic uint32_t alive;      /* futex: 0 once its stack is free */
	_Atomic size_t freed;        /* bytes reported since the last look */
	_Atomic uint64_t released;   /* bytes; the thread and callers of now */
	void *stack;                 /* lock */
} scavenger = {.lock = GCM_LOCK_INIT(scavenger)};

uint32_t
gcm_scavenge_plan(uint32_t idle, uint32_t used)
{
	uint32_t keep = used / KEEP_PART + KEEP_PAGES;

	return idle > keep ? idle - keep : 0;
}

static size_t
start_level(void)
{
	size_t part = ((size_t)atomic_load_explicit(&gcm_pageheap.used,
	                   memory_order_relaxed)
	                  << GCM_PAGE_SHIFT) /
	    16;

	return part > START_BYTES ? part : START_BYTES;
}

static uint32_t
release_piece(uint32_t npages)
{
	uint32_t done;

	gcm_lock_acquire(&gcm_pageheap.lock);
	done = gcm_pageheap_release_locked(
	    npages < PIECE_PAGES ? npages : PIECE_PAGES);
	gcm_lock_release(&gcm_pageheap.lock);
	atomic_fetch_add_explicit(&scavenger.released,
	    (uint64_t)done << GCM_PAGE_SHIFT, memory_order_relaxed);
	return done;
}

static uint32_t
take_low_water(void)
{
	uint32_t low;

	gcm_lock_acquire(&gcm_pageheap.lock);
	low = atomic_load_explicit(&gcm_pageheap.dirty_low,
	    memory_order_relaxed);
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
	uint32_t trimmed = gcm_cache_trim(NULL), low = take_low_water(), todo;

	atomic_store_explicit(&scavenger.freed, 0, memory_order_relaxed);
	todo = gcm_scavenge_plan(low, atomic_load_explicit(&gcm_pageheap.used,
	                                  memory_order_relaxed));
	*worked = trimmed > 0 || todo > 0;
	while (todo > 0) {
		uint32_t done = release_piece(todo);
		uint64_t now = gcm_os_thread_cpu_ns();

		if (done == 0)
			break;
		todo -= done < todo ? done : todo;
		if (todo > 0 && rest((now - began) * 99))
			return true;
		began = now;
	}
	return false;
}

/* The thread ends by itself unless more was freed in the meantime. */
static bool
retire(void)
{
	bool done = false;

	gcm_lock_acquire(&scavenger.lock);
	if (atomic_load(&scavenger.wish) != 0 ||
	    atomic_load(&scavenger.freed) < START_BYTES) {
		atomic_store(&scavenger.state, OFF);
		done = true;
	}
	gcm_lock_release(&scavenger.lock);
	return done;
}

static void
run_scavenger(void *arg)
{
	unsigned int quiet = 0;

	(void)arg;
	for (;;) {
		bool worked = false;

		if (rest(LOOK_NS) || look(&worked))
			return; /* who asked sets the state */
		quiet = worked ? 0 : quiet + 1;
		if (quiet < QUIET)
			continue;
		if (retire())
			return;
		quiet = 0;
	}
}

static void
start_locked(void)
{
	if (atomic_load(&scavenger.state) != OFF ||
	    atomic_load(&scavenger.alive) != 0)
		return;
	if (scavenger.stack == NULL &&
	    gcm_os_map(&scavenger.stack, STACK_BYTES) != 0)
		return;
	atomic_store(&scavenger.wish, 0);
	atomic_store(&scavenger.state, ON);
	if (gcm_os_thread_start(run_scavenger, NULL, scavenger.stack,
	        STACK_BYTES, &scavenger.alive) != 0)
		atomic_store(&scavenger.state, OFF);
}

GCM_COLD static void
maybe_start(void)
{
	if (atomic_load_explicit(&scavenger.state, memory_order_relaxed) != OFF)
		return;
	if (!gcm_lock_try(&scavenger.lock))
		return;
	start_locked();
	gcm_lock_release(&scavenger.lock);
}

void
gcm_scavenge_count(struct gcm_cache *cache, size_t bytes)
{
	size_t sum = atomic_load_explicit(&cache->freed, memory_order_relaxed) +
	    bytes;

	/* Caches report in steps, so that the shared counter stays quiet. */
	if (sum < START_BYTES / 16) {
		atomic_store_explicit(&cache->freed, sum, memory_order_relaxed);
		return;
	}
	atomic_store_explicit(&cache->freed, 0, memory_order_relaxed);
	sum += atomic_fetch_add_explicit(&scavenger.freed, sum,
	    memory_order_relaxed);
	if (sum >= start_level())
		maybe_start();
}

bool
gcm_scavenge_now(size_t pad)
{
	uint32_t keep = (uint32_t)(pad >> GCM_PAGE_SHIFT), done;
	bool any = false;

	(void)gcm_cache_trim(NULL);
	do {
		uint32_t dirty = atomic_load_explicit(&gcm_pageheap.dirty,
		    memory_order_relaxed);

		done = dirty > keep ? release_piece(dirty - keep) : 0;
		any = any || done > 0;
	} while (done > 0);
	return any;
}

static bool
await_end(void)
{
	uint64_t deadline = gcm_os_now_ns() + STOP_NS;
	uint32_t alive;

	while ((alive = atomic_load(&scavenger.alive)) != 0) {
		uint64_t now = gcm_os_now_ns();

		if (now >= deadline)
			return false;
		gcm_os_wait(&scavenger.alive, alive, deadline - now);
	}
	return true;
}

bool
gcm_scavenge_stop(void)
{
	bool ended;

	if (atomic_load(&scavenger.alive) == 0)
		return true;
	gcm_lock_acquire(&scavenger.lock);
	if (atomic_load(&scavenger.state) == ON)
		atomic_store(&scavenger.state, STOPPING);
	atomic_store(&scavenger.wish, 1);
	gcm_lock_release(&scavenger.lock);
	gcm_os_wake(&scavenger.wish, 1);
	ended = await_end();
	gcm_lock_acquire(&scavenger.lock);
	if (ended && atomic_load(&scavenger.state) == STOPPING)
		atomic_store(&scavenger.state, OFF);
	gcm_lock_release(&scavenger.lock);
	return ended;
}

void
gcm_scavenge_disable(void)
{
	(void)gcm_scavenge_stop();
	atomic_store(&scavenger.state, DISABLED);
}

void
gcm_scavenge_reset(void)
{
	gcm_lock_init(&scavenger.lock, GCM_RANK_scavenger);
	if (atomic_load(&scavenger.state) != DISABLED)
		atomic_store(&scavenger.state, OFF);
	atomic_store(&scavenger.wish, 0);
	atomic_store(&scavenger.alive, 0);
	atomic_store(&scavenger.freed, 0);
}

uint64_t
gcm_scavenge_released(void)
{
	return atomic_load_explicit(&scavenger.released, memory_order_relaxed);
}

bool
gcm_scavenge_running(void)
{
	return atomic_load(&scavenger.alive) != 0;
}
