/* step.c -- one operation of a fuzz program
 *
 * Threads are played by one: gcm_cache_self() says who runs.  A fork makes the
 * thread that runs the only one there is, after everything that a fork may
 * tear has been torn.
 */
#include "fuzz.h"

#include <errno.h>
#include <string.h>

#include "core/alter.h"
#include "core/large.h"
#include "core/table.h"
#include "tests/unit/rig.h"

enum {
	NBLOCKS = 1024,
	NTHREADS = 4,
	LARGE_LOG = 21,
	SMALL_LOG = 11
};

static struct rig_block blocks[NBLOCKS];
static struct gcm_cache *threads[NTHREADS] = {
    [0 ... NTHREADS - 1] = &gcm_cache_none};
static unsigned int running;

/* Two of three sizes are small; all powers of two are as likely. */
static size_t
choose_size(uint32_t number)
{
	unsigned int log =
	    number % 3 == 0 ? number / 3 % LARGE_LOG : number / 3 % SMALL_LOG;

	return ((size_t)1 << log) + (number / 64 & (((size_t)1 << log) - 1)) -
	       (number % 5 == 0);
}

static void
leave_thread(void)
{
	threads[running] = gcm_cache_self();
}

static void
enter_thread(unsigned int which)
{
	running = which % NTHREADS;
	gcm_cache_become(threads[running]);
}

static void
end_thread(void)
{
	if (gcm_cache_self()->status == GCM_CACHE_USED)
		gcm_cache_detach(gcm_cache_self());
}

static void
begin_thread(void)
{
	end_thread();
	gcm_cache_become(&gcm_cache_none);
}

static bool
has_cache(void)
{
	return gcm_cache_self() != &gcm_cache_none &&
	       gcm_cache_self() != &gcm_cache_late;
}

static void
fork_heap(uint64_t seed)
{
	struct gcm_cache *self = gcm_cache_self();

	if (!gcm_heap_enter())
		return;
	gcm_cache_note_stranger(); /* nothing is torn in a lone thread's */
	rig_tear_heap(&seed, has_cache() ? self : NULL);
	rig_fork();
	for (unsigned int i = 0; i < NTHREADS; i++)
		threads[i] = &gcm_cache_none;
	(void)gcm_heap_enter();
}

static void
recolour(struct gcm_cache *cache, void *arg)
{
	atomic_store(&cache->colour, *(uint8_t *)arg);
}

static void
begin_cycle(uint32_t number)
{
	uint8_t colour = (uint8_t)(GCM_ALLOC | (number & GCM_COLOUR));

	atomic_store(&gcm_cache_none.colour, colour);
	atomic_store(&gcm_cache_late.colour, colour);
	gcm_cache_visit(recolour, &colour);
}

static void
fail_calls(const struct fuzz_op *op)
{
	os_fake_fail((enum os_fake_call)(op->a % (OS_ANY + 1)), op->b % 8,
	    op->c % 5, op->c % 2 == 0 ? ENOMEM : EAGAIN);
}

static void
count_heap(void)
{
	struct gcm_stat stat;
	uint64_t allocated = 0;

	gcm_stat_collect(&stat, NULL);
	for (unsigned int i = 0; i < NBLOCKS; i++)
		if (blocks[i].at != NULL)
			allocated += blocks[i].usable;
	RIG_CHECK(stat.allocated >= allocated); /* forks may leak some */
}

static void
check_blocks(void)
{
	gcm_verify_heap();
	for (unsigned int i = 0; i < NBLOCKS; i++)
		rig_block_check(&blocks[i]);
}

/* Operations on one block. */
static bool
step_block(const struct fuzz_op *op)
{
	struct rig_block *block = &blocks[op->a % NBLOCKS];
	size_t size = choose_size(op->b);
	uint64_t contents = ((uint64_t)op->c << 32 | op->b) + op->a;

	switch (op->what) {
	case 'm': /* malloc */
		rig_free(block);
		rig_malloc(block, size, contents);
		return true;
	case 'c': /* calloc */
		rig_free(block);
		rig_calloc(block, size, contents);
		return true;
	case 'a': /* aligned */
		rig_free(block);
		rig_aligned(block, size, (size_t)1 << op->c % 18, contents);
		return true;
	case 'r': /* realloc */
		if (block->at != NULL)
			rig_realloc(block, size + (size == 0), contents);
		return true;
	case 'f': /* free */
		rig_free(block);
		return true;
	case 'n': /* the program changes the mapping of its block */
		if (block->at != NULL && op->c % 8 == 0)
			gcm_alter_note((uintptr_t)block->at, size);
		return true;
	default:
		return false;
	}
}

/* Operations on threads and time. */
static bool
step_thread(const struct fuzz_op *op)
{
	switch (op->what) {
	case 't': /* switch */
		leave_thread();
		enter_thread(op->a);
		return true;
	case 'd': /* a thread ends; it may still free and allocate */
		if (op->a % 4 == 0)
			end_thread();
		return true;
	case 'g': /* a new one */
		if (op->a % 4 == 0)
			begin_thread();
		return true;
	case 'F': /* fork */
		if (op->a % 8 == 0)
			fork_heap(op->b);
		return true;
	case 'S': /* the scavenger's thread */
		if (os_fake_has_thread() && op->a % 2 == 0)
			os_fake_run_thread();
		else
			RIG_CHECK(gcm_scavenge_stop());
		return true;
	default:
		return false;
	}
}

void
fuzz_step(const struct fuzz_op *op)
{
	if (step_block(op) || step_thread(op))
		return;
	switch (op->what) {
	case 'l': /* empty the bins */
		if (has_cache())
			gcm_cache_flush_all(gcm_cache_self());
		break;
	case 'i': /* and the idle ones */
		if (has_cache())
			gcm_cache_flush_idle(gcm_cache_self());
		break;
	case 's': /* give back */
		(void)gcm_scavenge_now(op->a % 4 == 0 ? 0 : op->b % (1 << 22));
		break;
	case 'y': /* trim */
		if (gcm_heap_enter())
			(void)gcm_cache_trim(NULL);
		break;
	case 'e': /* errors to come */
		fail_calls(op);
		break;
	case 'x': /* no more errors */
		for (int i = 0; i < OS_NCALLS; i++)
			os_fake_fail((enum os_fake_call)i, 0, 0, 0);
		break;
	case 'C': /* a cycle begins */
		begin_cycle(op->a);
		break;
	case 'h':
		count_heap();
		break;
	case 'v':
		if (op->a % 4 == 0)
			check_blocks();
		break;
	default:
		break;
	}
}

void
fuzz_end(void)
{
	const struct fuzz_op no_errors = {'x', 0, 0, 0};

	fuzz_step(&no_errors);
	check_blocks();
	for (unsigned int i = 0; i < NBLOCKS; i++)
		rig_free(&blocks[i]);
	check_blocks();
}
