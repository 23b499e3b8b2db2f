/* collect.c -- gcmalloc.h: calls that reach the library, or do nothing
 *
 * Built twice: names are found in another way in a program whose address is
 * fixed.  What a case drops is made by a thread that has ended, so that no
 * register or frame of the case's own still has it.
 */
#define _GNU_SOURCE
#include "api.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/gcmalloc.h"

enum {
	BLOCKS = 2000,
	BYTES = 1000,
	LARGE = 300000,
	FILLED = 0x5a
};

/* A word that no block looks like. */
static uintptr_t hidden[BLOCKS];

static void *
filled(size_t size)
{
	void *block = malloc(size);

	KIT_CHECK(block != NULL);
	return memset(block, FILLED, size);
}

/* Was the block reclaimed?  GCM_DEBUG=poison fills it then. */
static bool
is_gone(size_t i, size_t size)
{
	const volatile unsigned char *p = (unsigned char *)~hidden[i];

	return p[size / 2] != FILLED;
}

static size_t
count_gone(size_t n, size_t size)
{
	size_t gone = 0;

	for (size_t i = 0; i < n; i++)
		gone += is_gone(i, size);
	return gone;
}

static void
in_thread(void *(*run)(void *), void *arg)
{
	kit_join(kit_thread(run, arg));
}

static void
plain(void)
{
	struct gcm_stats stats;
	char *p;

	KIT_CHECK(getenv("LD_PRELOAD") == NULL);
	memset(&stats, 1, sizeof(stats));
	KIT_CHECK(!gcm_is_active());
	KIT_CHECK(gcm_collect() == -1);
	KIT_CHECK(gcm_stats(&stats, sizeof(stats)) == -1);
	KIT_CHECK(stats.cycles == 0 && stats.back_end == NULL);
	KIT_CHECK(gcm_add_roots(hidden, hidden + 1) == -1);
	KIT_CHECK(gcm_remove_roots(hidden, hidden + 1) == -1);
	gcm_log("nobody hears");
	p = gcm_malloc_noscan(100);
	memset(p, 1, 100);
	free(realloc(p, 200));
}

static void *
drop_blocks(void *arg)
{
	for (size_t i = 0; i < BLOCKS; i++)
		hidden[i] = ~(uintptr_t)filled(BYTES);
	return arg;
}

/* In a program at a fixed address the function's is in the program, too. */
static void (*volatile address_of_free)(void *);

static void
reclaims(void)
{
	struct gcm_stats before, after;
	int64_t bytes;

	address_of_free = free;
	address_of_free(filled(BYTES));
	KIT_CHECK(gcm_is_active());
	KIT_CHECK(gcm_stats(&before, sizeof(before)) == 0);
	in_thread(drop_blocks, NULL);
	bytes = gcm_collect();
	KIT_CHECK(gcm_stats(&after, sizeof(after)) == 0);
	if (bytes < (int64_t)BLOCKS * BYTES * 9 / 10)
		KIT_FAIL("%ld bytes", (long)bytes);
	KIT_CHECK(count_gone(BLOCKS, BYTES) > BLOCKS * 9 / 10);
	KIT_CHECK(after.cycles > before.cycles);
	KIT_CHECK(after.forced > before.forced);
	KIT_CHECK(
	    after.reclaimed_bytes - before.reclaimed_bytes >= (uint64_t)bytes);
	KIT_CHECK(
	    after.reclaimed_blocks - before.reclaimed_blocks > BLOCKS * 9 / 10);
	KIT_CHECK(after.pauses > before.pauses);
	KIT_CHECK(after.pause_total_ns > before.pause_total_ns);
	KIT_CHECK(after.pause_max_ns > 0 && after.goal_bytes > 0);
	KIT_CHECK(after.live_bytes > 0 && after.live_blocks > 0);
	KIT_CHECK(after.reclaiming == 1 && after.late_frees == 0);
	KIT_CHECK(after.back_end[0] != '\0');
	KIT_CHECK(gcm_collect() >= 0);
}

/* A program of another version: what is not there is not written, what the
 * library does not know is zero.
 */
static void
other_sizes(void)
{
	struct {
		struct gcm_stats stats;
		uint64_t more[4];
	} larger;
	uint64_t smaller[2] = {1, 1};

	KIT_CHECK(gcm_collect() >= 0);
	memset(&larger, 1, sizeof(larger));
	KIT_CHECK(gcm_stats(&larger.stats, sizeof(larger)) == 0);
	KIT_CHECK(larger.stats.cycles > 0 && larger.more[3] == 0);
	KIT_CHECK(
	    gcm_stats((struct gcm_stats *)smaller, sizeof(smaller[0])) == 0);
	KIT_CHECK(smaller[0] > 0 && smaller[1] == 1);
}

static void **holders[BLOCKS]; /* the only pointers to those that hold */

static void *
fill_holders(void *arg)
{
	size_t size = *(size_t *)arg;
	size_t n = size > BYTES ? 20 : BLOCKS;

	for (size_t i = 0; i < n; i++) {
		void *block = filled(BYTES);

		holders[i][size / 16] = block;
		hidden[i] = ~(uintptr_t)block;
	}
	return NULL;
}

/* What holders made by `make` point to: how many of how many are gone. */
static size_t
lose(void *(*make)(size_t size), size_t size, size_t *n)
{
	*n = size > BYTES ? 20 : BLOCKS;
	for (size_t i = 0; i < *n; i++)
		memset(holders[i] = make(size), 0, size);
	in_thread(fill_holders, &size);
	KIT_CHECK(gcm_collect() >= 0);
	return count_gone(*n, BYTES);
}

static void
free_holders(size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		KIT_CHECK(malloc_usable_size(holders[i]) >= size);
		free(holders[i]);
	}
}

static void *
noscan(size_t size)
{
	void *block = gcm_malloc_noscan(size);

	KIT_CHECK(block != NULL && (uintptr_t)block % 16 == 0);
	return block;
}

static void
not_scanned(void)
{
	static const size_t sizes[] = {64, 512, LARGE};
	size_t n, gone;

	for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
		gone = lose(noscan, sizes[i], &n);
		/* Old words of stacks hold some: of twenty, a few may be many.
		 */
		if (gone < (n > 100 ? n * 9 / 10 : n / 2))
			KIT_FAIL("%zu of %zu of %zu", gone, n, sizes[i]);
		free_holders(n, sizes[i]);
		/* The same slots, as ordinary blocks. */
		gone = lose(malloc, sizes[i], &n);
		if (gone > 0)
			KIT_FAIL("%zu lost of %zu", gone, sizes[i]);
		free_holders(n, sizes[i]);
	}
	errno = 0;
	KIT_CHECK(gcm_malloc_noscan(SIZE_MAX / 2) == NULL && errno == ENOMEM);
}

/* A block that moves is looked at again; one that stays is not. */
static void *
moved(size_t size)
{
	void *small = noscan(16), *block = realloc(small, size);

	KIT_CHECK(block != small);
	return block;
}

static void *
stays(size_t size)
{
	void *whole = noscan(size), *block = realloc(whole, size - 8);

	KIT_CHECK(block == whole);
	return block;
}

static void
resized(void)
{
	size_t n, gone = lose(moved, 512, &n);

	KIT_CHECK(gone == 0);
	free_holders(n, 512);
	gone = lose(stays, 512, &n);
	KIT_CHECK(gone > n * 9 / 10);
	free_holders(n, 504);
}

/* The holders are one large block, of which half is registered. */
static void
roots(void)
{
	void **holder = gcm_malloc_noscan(BLOCKS * sizeof(*holder));
	void **half = holder + BLOCKS / 2;
	size_t size = BYTES, gone;

	for (size_t i = 0; i < BLOCKS; i++)
		holders[i] = holder + i - BYTES / 16;
	KIT_CHECK(gcm_add_roots(half, holder + BLOCKS) == 0);
	KIT_CHECK(gcm_add_roots(half, half) == -1);
	in_thread(fill_holders, &size);
	KIT_CHECK(gcm_collect() >= 0);
	for (size_t i = BLOCKS / 2; i < BLOCKS; i++)
		KIT_CHECK(!is_gone(i, BYTES));
	gone = count_gone(BLOCKS / 2, BYTES);
	if (gone < BLOCKS / 2 * 9 / 10)
		KIT_FAIL("%zu of %d", gone, BLOCKS / 2);
	KIT_CHECK(gcm_remove_roots(half, half + 1) == -1);
	KIT_CHECK(gcm_remove_roots(half, holder + BLOCKS) == 0);
	KIT_CHECK(gcm_remove_roots(half, holder + BLOCKS) == -1);
	KIT_CHECK(gcm_collect() >= 0);
	KIT_CHECK(count_gone(BLOCKS, BYTES) > BLOCKS * 9 / 10);
	free(holder);
}

static _Atomic bool on = true;

static void *
add_and_remove(void *arg)
{
	while (on) {
		KIT_CHECK(gcm_add_roots(hidden, hidden + 1) == 0);
		KIT_CHECK(gcm_remove_roots(hidden, hidden + 1) == 0);
	}
	return arg;
}

/* In a child the lock is nobody's. */
static void
in_children(void)
{
	pthread_t thread = kit_thread(add_and_remove, NULL);

	for (int i = 0; i < 50; i++) {
		pid_t pid = kit_fork();

		if (pid == 0) {
			KIT_CHECK(gcm_add_roots(hidden, hidden + 2) == 0);
			if (i % 10 == 0)
				KIT_CHECK(gcm_collect() >= 0);
			_exit(0);
		}
		kit_reap(pid);
	}
	on = false;
	kit_join(thread);
}

/* No collector: -1, and nothing else is different. */
static void
switched_off(void)
{
	pid_t pid = kit_fork();

	if (pid == 0) {
		setenv("GCM_MODE", "off", 1);
		execl("/proc/self/exe", "collect", "--case", "off", NULL);
		_exit(1);
	}
	kit_reap(pid);
}

static void
off(void)
{
	struct gcm_stats stats;

	if (getenv("GCM_MODE") == NULL)
		return;
	KIT_CHECK(gcm_is_active() && gcm_collect() == -1);
	KIT_CHECK(gcm_stats(&stats, sizeof(stats)) == 0);
	KIT_CHECK(stats.cycles == 0 && stats.reclaiming == 0);
	KIT_CHECK(strcmp(stats.back_end, "") == 0);
	KIT_CHECK(gcm_add_roots(hidden, hidden + 1) == 0);
	KIT_CHECK(gcm_remove_roots(hidden, hidden + 1) == 0);
	free(gcm_malloc_noscan(10));
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"plain", plain, KIT_PLAIN, 0},
	    {"reclaims", reclaims, 0, 0},
	    {"other-sizes", other_sizes, 0, 0},
	    {"not-scanned", not_scanned, 0, 0},
	    {"resized", resized, 0, 0},
	    {"roots", roots, 0, 0},
	    {"in-children", in_children, 0, 0},
	    {"switched-off", switched_off, 0, 0},
	    {"off", off, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_DEBUG", "poison=1", 1);
	return kit_main(argc, argv, cases);
}
