/* work.c -- the grey blocks: buffers that markers share
 *
 * MODEL   Two lists under one lock, full buffers and empty ones; memory comes
 *         in chunks and is kept for the next cycle.  A marker that finds no
 *         full buffer counts itself idle and sleeps; the one that makes the
 *         count complete knows that nothing is grey any more.
 *
 * LOCKS   work: the lists and counts.  Only threads of ours take it, none of
 *         which is ever stopped.
 *
 * INVARIANTS
 *   .inv.grey  a block that was reached and not yet scanned is in a buffer or
 * in the ring of a marker; when all are idle there is none.
 *
 * PAPERS  Flood, Detlefs, Shavit, Zhang, "Parallel Garbage Collection for
 * Shared Memory Multiprocessors", 2001, has work stealing; buffers are simpler
 *         and do as well for few markers (Ossia et al., 2002; Go).
 */
#include "scan/work.h"

enum {
	CHUNK_BYTES = 256 << 10,
	IDLE_NS = 200 * 1000
};

static struct {
	struct gcm_lock lock;
	struct gcm_buffer *full, *empty; /* lock */
	uint32_t nmarkers, nidle;        /* lock */
	_Atomic bool wanted;             /* lock; read by all */
	_Atomic bool done;               /* lock; read by all */
	_Atomic bool failed;             /* sticky within a cycle */
	_Atomic uint32_t change;         /* futex: something was put */
} work = {.lock = GCM_LOCK_INIT(work)};

static void
push_list(struct gcm_buffer **list, struct gcm_buffer *buffer)
{
	buffer->next = *list;
	*list = buffer;
}

static struct gcm_buffer *
pop_list(struct gcm_buffer **list)
{
	struct gcm_buffer *buffer = *list;

	if (buffer != NULL)
		*list = buffer->next;
	return buffer;
}

void
gcm_work_begin(uint32_t nmarkers)
{
	struct gcm_buffer *left;

	gcm_lock_acquire(&work.lock);
	while (
	    (left = pop_list(&work.full)) != NULL) { /* of a cycle given up */
		left->count = 0;
		push_list(&work.empty, left);
	}
	gcm_lock_release(&work.lock);
	atomic_store(&work.failed, false);
	gcm_work_again(nmarkers);
}

void
gcm_work_again(uint32_t nmarkers)
{
	gcm_lock_acquire(&work.lock);
	work.nmarkers = nmarkers;
	work.nidle = 0;
	atomic_store(&work.wanted, false);
	atomic_store(&work.done, false);
	gcm_lock_release(&work.lock);
}

static bool
add_chunk_locked(void)
{
	char *chunk = gcm_own_map(CHUNK_BYTES);

	if (chunk == NULL)
		return false;
	for (size_t at = 0; at + sizeof(struct gcm_buffer) <= CHUNK_BYTES;
	     at += sizeof(struct gcm_buffer))
		push_list(
		    &work.empty, (struct gcm_buffer *)(void *)(chunk + at));
	return true;
}

struct gcm_buffer *
gcm_work_empty(void)
{
	struct gcm_buffer *buffer;

	gcm_lock_acquire(&work.lock);
	if (work.empty == NULL && !add_chunk_locked())
		atomic_store(&work.failed, true);
	buffer = pop_list(&work.empty);
	gcm_lock_release(&work.lock);
	if (buffer != NULL)
		buffer->count = 0;
	return buffer;
}

bool
gcm_work_failed(void)
{
	return atomic_load_explicit(&work.failed, memory_order_relaxed);
}

static void
wake_idle(void)
{
	atomic_fetch_add(&work.change, 1);
	gcm_os_wake(&work.change, UINT32_MAX >> 1);
}

void
gcm_work_put(struct gcm_buffer *buffer)
{
	bool wanted;

	gcm_lock_acquire(&work.lock);
	push_list(&work.full, buffer);
	wanted = work.nidle > 0;
	gcm_lock_release(&work.lock);
	if (wanted)
		wake_idle();
}

void
gcm_work_drop(struct gcm_buffer *buffer)
{
	gcm_lock_acquire(&work.lock);
	push_list(&work.empty, buffer);
	gcm_lock_release(&work.lock);
}

/* A full buffer; or NULL, counted idle, *done when that was the last. */
static struct gcm_buffer *
take_or_idle(bool *idle)
{
	struct gcm_buffer *buffer;

	gcm_lock_acquire(&work.lock);
	buffer = atomic_load(&work.done) ? NULL : pop_list(&work.full);
	if (buffer != NULL && *idle) {
		work.nidle--;
		*idle = false;
	} else if (buffer == NULL && !*idle) {
		work.nidle++;
		*idle = true;
		if (work.nidle == work.nmarkers) /* .inv.grey */
			atomic_store(&work.done, true);
	}
	atomic_store(&work.wanted, work.nidle > 0);
	gcm_lock_release(&work.lock);
	return buffer;
}

struct gcm_buffer *
gcm_work_take(void)
{
	bool idle = false;

	for (;;) {
		uint32_t seen = atomic_load(&work.change);
		struct gcm_buffer *buffer = take_or_idle(&idle);

		if (buffer != NULL)
			return buffer;
		if (atomic_load(&work.done)) {
			wake_idle();
			return NULL;
		}
		gcm_os_wait(&work.change, seen, IDLE_NS);
	}
}

bool
gcm_work_is_wanted(void)
{
	return atomic_load_explicit(&work.wanted, memory_order_relaxed);
}

void
gcm_work_hurry(void)
{
	gcm_lock_acquire(&work.lock);
	atomic_store(&work.done, true);
	gcm_lock_release(&work.lock);
	wake_idle();
}

bool
gcm_work_is_empty(void)
{
	bool empty;

	gcm_lock_acquire(&work.lock);
	empty = work.full == NULL;
	gcm_lock_release(&work.lock);
	return empty;
}

void
gcm_work_forked(void)
{
	gcm_lock_init(&work.lock, GCM_RANK_work);
	gcm_work_again(1);
}
