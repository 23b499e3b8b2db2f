/* pauses.c -- how long threads stand still beside a large live heap
 *
 * MODEL   pauses MIB THREADS MILLISECONDS
 *         MIB of live memory: seven eighths nodes of 64 to 256 bytes with
 *         four pointers each, one eighth blocks of 1 MiB full of pointers.
 *         A thread owns a slice of both.  It writes pointers to nodes at
 *         random into its slice and, every eighth time, replaces one of its
 *         nodes by a new one.  Only nodes of the lower half are pointed to
 *         and only those of the upper half are replaced, so what is live
 *         stays what it is.  pauses.go is the same program.
 *
 *         After each step a thread reads the clock; a gap of GAP_NS or more
 *         is time it did not have.  The gaps of all threads are metrics: how
 *         many, their sum, percentiles and maximum, and a histogram with eight
 *         bars to a doubling (gap_ge_US: how many from there to the next bar);
 *         and the steps done.  The work is fixed by time, so the checksum says
 *         nothing.
 */
#include "bench.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	GAP_NS = 20000,
	BAR_BITS = 3,
	BARS = 1 << BAR_BITS, /* to a doubling */
	NBARS = 64 * BARS,
	MAX_THREADS = 16,
	NSLOTS = 4,
	LARGE_BYTES = 1 << 20,
	LARGE_SLOTS = LARGE_BYTES / 8,
	MEAN_NODE = 160
};

struct node {
	struct node *slots[NSLOTS];
	uint64_t words[4];
};

/* Everybody's: lower nodes are constant once built. */
static struct node **nodes;
static struct node ***larges;
static uint32_t nnodes;
static uint32_t nlarges;

struct worker {
	struct gcm_bench_rng rng;
	uint32_t index;
	uint32_t nthreads;
	uint64_t end_ns;
	uint64_t nsteps;
	uint64_t sum_ns;
	uint64_t max_ns;
	uint64_t bars[NBARS];
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct node *
make_node(struct gcm_bench_rng *rng)
{
	size_t size = sizeof(struct node) + gcm_bench_below(rng, 193);
	struct node *node = gcm_bench_need(malloc(size));

	memset(node, 0, sizeof(*node));
	return node;
}

static struct node *
lower_node(struct gcm_bench_rng *rng)
{
	return nodes[gcm_bench_below(rng, nnodes / 2)];
}

static void
build_heap(uint64_t bytes)
{
	struct gcm_bench_rng rng = {1};

	nnodes = (uint32_t)(bytes / 8 * 7 / MEAN_NODE);
	nlarges = (uint32_t)(bytes / 8 / LARGE_BYTES);
	nodes = gcm_bench_need(malloc(nnodes * sizeof(*nodes)));
	larges = gcm_bench_need(calloc(nlarges + 1, sizeof(*larges)));
	for (uint32_t i = 0; i < nnodes; i++)
		nodes[i] = make_node(&rng);
	for (uint32_t i = 0; i < nnodes; i++)
		for (uint32_t at = 0; at < NSLOTS; at++)
			nodes[i]->slots[at] = lower_node(&rng);
	for (uint32_t i = 0; i < nlarges; i++) {
		larges[i] = gcm_bench_need(malloc(LARGE_BYTES));
		for (uint32_t at = 0; at < LARGE_SLOTS; at++)
			larges[i][at] = lower_node(&rng);
	}
}

/* A place in the worker's own slice of `count`. */
static uint32_t
own_index(struct worker *worker, uint32_t count)
{
	uint32_t slice = count / worker->nthreads;

	return worker->index * slice + gcm_bench_below(&worker->rng, slice);
}

static void
replace_node(struct worker *worker)
{
	uint32_t half = nnodes / 2;
	uint32_t index = half + own_index(worker, half);
	struct node *node = make_node(&worker->rng);

	memcpy(node->slots, nodes[index]->slots, sizeof(node->slots));
	free(nodes[index]);
	nodes[index] = node;
}

static void
take_step(struct worker *worker)
{
	struct gcm_bench_rng *rng = &worker->rng;
	struct node *target = lower_node(rng);
	uint32_t kind = gcm_bench_below(rng, 8);

	if (kind == 0)
		replace_node(worker);
	else if (kind == 1 && nlarges >= worker->nthreads)
		larges[own_index(worker, nlarges)]
		      [gcm_bench_below(rng, LARGE_SLOTS)] = target;
	else
		nodes[own_index(worker, nnodes / 2)]->slots[kind % NSLOTS] =
		    target;
}

/* Gaps are long enough to have BAR_BITS bits below the first. */
static uint32_t
bar_of(uint64_t ns)
{
	uint32_t log = 63 - (uint32_t)__builtin_clzll(ns);

	return log * BARS + (uint32_t)(ns >> (log - BAR_BITS) & (BARS - 1));
}

static uint64_t
bar_ns(uint32_t bar)
{
	return (uint64_t)(BARS + bar % BARS) << (bar / BARS - BAR_BITS);
}

static void
count_gap(struct worker *worker, uint64_t ns)
{
	worker->sum_ns += ns;
	worker->bars[bar_of(ns)]++;
	if (ns > worker->max_ns)
		worker->max_ns = ns;
}

static void *
work(void *arg)
{
	struct worker *worker = arg;
	uint64_t last_ns = now_ns();

	while (last_ns < worker->end_ns) {
		uint64_t seen_ns;

		take_step(worker);
		worker->nsteps++;
		seen_ns = now_ns();
		if (seen_ns - last_ns >= GAP_NS)
			count_gap(worker, seen_ns - last_ns);
		last_ns = seen_ns;
	}
	return NULL;
}

/* The start of the bar that holds the gap of this rank, in microseconds. */
static long
rank_us(const struct worker *all, uint64_t rank)
{
	for (uint32_t bar = 0; bar < NBARS; bar++) {
		if (rank < all->bars[bar])
			return (long)(bar_ns(bar) / 1000);
		rank -= all->bars[bar];
	}
	return 0;
}

static void
tell_gaps(const struct worker *all)
{
	char name[32];
	uint64_t count = 0;

	for (uint32_t bar = 0; bar < NBARS; bar++) {
		if (all->bars[bar] == 0)
			continue;
		count += all->bars[bar];
		snprintf(
		    name, sizeof(name), "gap_ge_%" PRIu64, bar_ns(bar) / 1000);
		gcm_bench_metric(name, (long)all->bars[bar]);
	}
	gcm_bench_metric("steps", (long)all->nsteps);
	gcm_bench_metric("gaps", (long)count);
	gcm_bench_metric("gap_sum_us", (long)(all->sum_ns / 1000));
	gcm_bench_metric("gap_p50_us", rank_us(all, count / 2));
	gcm_bench_metric("gap_p99_us", rank_us(all, count * 99 / 100));
	gcm_bench_metric("gap_p999_us", rank_us(all, count * 999 / 1000));
	gcm_bench_metric("gap_max_us", (long)(all->max_ns / 1000));
}

/* Into the first of them. */
static void
add_workers(struct worker *workers, uint32_t nthreads)
{
	for (uint32_t i = 1; i < nthreads; i++) {
		workers->nsteps += workers[i].nsteps;
		workers->sum_ns += workers[i].sum_ns;
		if (workers[i].max_ns > workers->max_ns)
			workers->max_ns = workers[i].max_ns;
		for (uint32_t bar = 0; bar < NBARS; bar++)
			workers->bars[bar] += workers[i].bars[bar];
	}
}

int
main(int argc, char **argv)
{
	uint64_t start_ns = now_ns();
	uint64_t mib = gcm_bench_arg(argc, argv, 1, 1024, 8);
	uint32_t nthreads = gcm_bench_arg(argc, argv, 2, 2, 1);
	uint64_t wait_ms = gcm_bench_arg(argc, argv, 3, 5000, 1);
	static struct worker workers[MAX_THREADS];
	uint64_t end_ns;

	if (nthreads > MAX_THREADS)
		return 2;
	build_heap(mib << 20);
	gcm_bench_metric("ready_ms", (long)((now_ns() - start_ns) / 1000000));
	end_ns = now_ns() + wait_ms * 1000000;
	for (uint32_t i = 0; i < nthreads; i++)
		workers[i] = (struct worker){.rng = {i + 2},
		    .index = i,
		    .nthreads = nthreads,
		    .end_ns = end_ns};
	gcm_bench_threads(nthreads, work, workers, sizeof(workers[0]));
	add_workers(workers, nthreads);
	tell_gaps(workers);
	return gcm_bench_done(0);
}
