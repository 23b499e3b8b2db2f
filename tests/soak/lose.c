/* lose.c -- leaks of every shape, and whether they were found
 *
 * MODEL   Of each shape some are remembered, by chance over the whole run: the
 *         address inverted, and the serial number.  In the end a few
 *         collections are asked for; a cell whose serial number still stands
 *         at its address has not been reclaimed.  Without GCM_DEBUG=poison=1 a
 *         reclaimed cell looks as before until its place is used again, so
 *         only bytes are judged then.
 *
 * LOCKS   one, for what is remembered.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/soak/soak.h"

enum {
	REMEMBERED = 64,
	PATIENCE_S = 15
};

static const char *const names[NLOST] = {"list", "ring", "doubly", "tree",
    "large", "resized", "request", "value", "key", "plugin", "coroutine",
    "epoll", "mapping", "advised"};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct shape {
	uint64_t count, bytes;          /* under lock */
	uintptr_t inverted[REMEMBERED]; /* under lock */
	uint64_t serials[REMEMBERED];   /* under lock; inverted too */
} shapes[NLOST];
static struct kit_rng chance; /* under lock */

__attribute__((noinline)) void
lost_note(enum lost shape, const struct cell *cell, size_t bytes)
{
	struct shape *s = &shapes[shape];
	size_t place;

	cell_check(cell, names[shape]);
	pthread_mutex_lock(&lock);
	place = s->count < REMEMBERED ? (size_t)s->count
				      : kit_below(&chance, s->count);
	if (place < REMEMBERED) {
		s->inverted[place] = ~(uintptr_t)cell;
		s->serials[place] = ~cell->serial;
	}
	s->count++;
	s->bytes += bytes;
	pthread_mutex_unlock(&lock);
}

/* Shapes
 * ----------------------------------------------------------------------- */

static __attribute__((noinline)) void
lose_list(struct kit_rng *rng)
{
	struct cell *head = NULL;
	size_t bytes = 0;

	for (size_t n = 1 + kit_size(rng, 3000); n > 0; n--) {
		struct cell *cell = cell_new(rng, 1, 2);

		cell_link(cell, 0, head);
		head = cell;
		bytes += cell_bytes(cell);
	}
	lost_note(LOST_LIST, head, bytes);
}

static __attribute__((noinline)) void
lose_ring(struct kit_rng *rng)
{
	struct cell *first = cell_new(rng, 1, 3), *last = first;
	size_t n = 1 + kit_size(rng, 2000), bytes = n * cell_bytes(first);

	for (size_t i = 1; i < n; i++) {
		cell_link(last, 0, cell_new(rng, 1, 3));
		last = last->links[0];
	}
	cell_link(last, 0, first);
	lost_note(LOST_RING, first, bytes);
}

static __attribute__((noinline)) void
lose_doubly(struct kit_rng *rng)
{
	struct cell *first = cell_new(rng, 2, 1), *last = first;
	size_t n = 2 + kit_size(rng, 1000), bytes = n * cell_bytes(first);

	for (size_t i = 1; i < n; i++) {
		struct cell *cell = cell_new(rng, 2, 1);

		cell_link(last, 0, cell);
		cell_link(cell, 1, last);
		last = cell;
	}
	lost_note(LOST_DOUBLY, last, bytes);
}

static __attribute__((noinline)) void
lose_tree(struct kit_rng *rng)
{
	lost_note(LOST_TREE, tree_new(rng, 4, 4), 341 * 140);
}

static __attribute__((noinline)) void
lose_large(struct kit_rng *rng)
{
	struct cell *cell = cell_new(rng, 1, 5000 + kit_size(rng, 60000));

	cell_link(cell, 0, cell); /* one that holds itself */
	lost_note(LOST_LARGE, cell, cell_bytes(cell));
}

/* Grown by realloc in steps, then lost. */
static __attribute__((noinline)) void
lose_resized(struct kit_rng *rng)
{
	struct cell *cell = cell_new(rng, 0, 4);

	for (size_t size = 64; size < 20000; size += size / 2)
		cell = realloc(cell, size);
	lost_note(LOST_RESIZED, cell, 20000);
}

static void
run_lose(struct kit_rng *rng)
{
	static void (*const lose[])(struct kit_rng *) = {lose_list, lose_ring,
	    lose_doubly, lose_tree, lose_large, lose_resized};

	while (soak_goes_on()) {
		lose[kit_below(rng, KIT_COUNT(lose))](rng);
		soak_nap(rng, 4000);
		soak_did(&task_lose);
	}
}
struct task task_lose = {"lose", run_lose, 1, 0};

/* Judgement
 * -------------------------------------------------------------------- */

static bool
is_there(const struct shape *s, size_t i)
{
	uint64_t serial = 0;
	struct iovec here = {&serial, sizeof(serial)};
	struct iovec there = {
	    (char *)~s->inverted[i] + offsetof(struct cell, serial),
	    sizeof(serial)};

	if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) !=
	    (ssize_t)sizeof(serial))
		return false;
	return serial == ~s->serials[i];
}

static size_t
remembered(const struct shape *s)
{
	return s->count < REMEMBERED ? (size_t)s->count : REMEMBERED;
}

static size_t
count_there(const struct shape *s)
{
	size_t n = 0;

	for (size_t i = 0; i < remembered(s); i++)
		n += is_there(s, i);
	return n;
}

/* Some may be held by what looks like their address. */
static bool
all_gone(void)
{
	for (size_t i = 0; i < NLOST; i++)
		if (count_there(&shapes[i]) > 2)
			return false;
	return true;
}

static void
write_line(int report, const char *fmt, ...)
{
	char line[300];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (write(report, line, (size_t)n) != n)
		KIT_FAIL("report");
}

void
lost_judge(int report)
{
	double until = kit_now() + PATIENCE_S;
	struct gcm_stats stats;

	if (!gcm_is_active())
		until = 0;
	for (unsigned ndone = 0; ndone < 8 && kit_now() < until;) {
		soak_clear_stack();
		if (gcm_collect() < 0)
			kit_sleep(0.02);
		else if (++ndone > 2 && all_gone())
			break;
	}
	for (size_t i = 0; i < NLOST; i++)
		write_line(report, "lost %s %lu %lu %zu %zu\n", names[i],
		    (unsigned long)shapes[i].count,
		    (unsigned long)shapes[i].bytes, remembered(&shapes[i]),
		    count_there(&shapes[i]));
	gcm_stats(&stats, sizeof(stats));
	write_line(report, "stats %lu %lu %lu %lu %lu %s\n",
	    (unsigned long)stats.cycles, (unsigned long)stats.abandoned,
	    (unsigned long)stats.reclaimed_bytes,
	    (unsigned long)stats.late_frees, (unsigned long)stats.reclaiming,
	    stats.back_end != NULL && *stats.back_end ? stats.back_end
						      : "none");
}
