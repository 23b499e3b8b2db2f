/* pin.c -- heap pages that markers read stay readable
 *
 * MODEL   A gate of two counters: markers that are in, and mutators that want
 *         them out.  Both store first and look then, so that one of the two
 *         sees the other (Dekker); a marker that does steps back.
 *
 * INVARIANTS
 *   .inv.pin  while a marker is in, a block whose state it has read as ALLOC
 *             since its last poll is readable: a mutator that takes a page's
 *             access away has first noted the block (ALTERED) behind the gate.
 *
 *   .inv.pin-move  a mutator that moves pages says so and then looks whether it
 *             may; the collector forbids it and then waits for those who do.
 *
 * FORK    the child has no markers: gcm_pin_reset.
 */
#include "core/pin.h"

#include "core/arch.h"
#include "core/os.h"
#include "core/pageheap.h"

enum {
	SPINS = 200,
	WAIT_NS = 1000 * 1000,
	MOVES = 3
};

static _Atomic bool pinned;      /* page-heap lock; read by all */
static _Atomic bool tracked;     /* the collector's thread; read by all */
static _Atomic uint32_t moving;  /* mutators inside mremap */
static _Atomic uint32_t moves;   /* sticky */
static _Atomic uint32_t inside;  /* markers that are in; futex */
_Atomic uint32_t gcm_pin_wanted; /* mutators that want them out; futex */

static void
await_moves(void)
{
	uint32_t seen;

	while ((seen = atomic_load(&moving)) != 0)
		gcm_os_wait(&moving, seen, WAIT_NS);
}

void
gcm_pin_begin(void)
{
	gcm_lock_acquire(&gcm_pageheap.lock);
	atomic_store(&pinned, true);
	gcm_lock_release(&gcm_pageheap.lock);
	await_moves();
}

void
gcm_pin_end(void)
{
	gcm_lock_acquire(&gcm_pageheap.lock);
	atomic_store(&pinned, false);
	gcm_lock_release(&gcm_pageheap.lock);
}

void
gcm_pin_track(bool on)
{
	atomic_store(&tracked, on);
	if (on)
		await_moves(); /* .inv.pin-move */
}

bool
gcm_pin_is_tracked(void)
{
	return atomic_load_explicit(&tracked, memory_order_relaxed);
}

void
gcm_pin_note_mover(void)
{
	atomic_fetch_add(&moves, 1);
}

bool
gcm_pin_has_mover(void)
{
	return atomic_load(&moves) >= MOVES;
}

bool
gcm_pin_move_begin(void)
{
	atomic_fetch_add(&moving, 1); /* .inv.pin-move */
	if (!atomic_load(&pinned) && !atomic_load(&tracked))
		return true;
	gcm_pin_move_end();
	return false;
}

void
gcm_pin_move_end(void)
{
	atomic_fetch_sub(&moving, 1);
}

bool
gcm_pin_is_on(void)
{
	return atomic_load_explicit(&pinned, memory_order_relaxed);
}

void
gcm_pin_leave(void)
{
	if (atomic_fetch_sub(&inside, 1) == 1 &&
	    atomic_load(&gcm_pin_wanted) != 0)
		gcm_os_wake(&inside, UINT32_MAX >> 1);
}

void
gcm_pin_enter(bool stopped)
{
	for (;;) {
		uint32_t wanted;

		atomic_fetch_add(&inside, 1); /* .inv.pin */
		wanted = atomic_load(&gcm_pin_wanted);
		if (wanted == 0 || stopped)
			return;
		gcm_pin_leave();
		gcm_os_wait(&gcm_pin_wanted, wanted, WAIT_NS);
	}
}

void
gcm_pin_yield(void)
{
	gcm_pin_leave();
	gcm_pin_enter(false);
}

void
gcm_pin_exclude(void)
{
	uint32_t seen;

	atomic_fetch_add(&gcm_pin_wanted, 1); /* .inv.pin */
	for (int i = 0; i < SPINS && atomic_load(&inside) != 0; i++)
		gcm_arch_pause();
	while ((seen = atomic_load(&inside)) != 0)
		gcm_os_wait(&inside, seen, WAIT_NS);
}

void
gcm_pin_admit(void)
{
	if (atomic_fetch_sub(&gcm_pin_wanted, 1) == 1)
		gcm_os_wake(&gcm_pin_wanted, UINT32_MAX >> 1);
}

void
gcm_pin_reset(void)
{
	atomic_store(&pinned, false);
	atomic_store(&tracked, false);
	atomic_store(&moving, 0);
	atomic_store(&inside, 0);
	atomic_store(&gcm_pin_wanted, 0);
}
