/* mstress.c -- generations of threads that trade blocks through shared slots
 *
 * MODEL   Each thread keeps some of what it allocates, frees the rest, and
 *         now and then swaps a block with a shared slot by an atomic exchange.
 *         Threads end holding nothing; the shared slots outlive them.  Sizes
 *         are mostly small, one in 2000 is large.
 */
#include "bench.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
	NSHARED = 1000
};

static _Atomic(uint64_t *) shared[NSHARED];

struct worker {
	uint32_t nsteps;
	struct gcm_bench_rng rng;
	uint64_t sum;
};

/* Every word of a block says how many words there are. */
static uint64_t *
new_block(struct worker *worker)
{
	uint32_t nwords = 1 + gcm_bench_below(&worker->rng, 16);
	uint32_t dice = gcm_bench_below(&worker->rng, 2000);
	uint64_t *block;

	if (dice == 0)
		nwords *= 1000;
	else if (dice < 20)
		nwords *= 50;
	worker->sum += nwords;
	block = gcm_bench_need(malloc(nwords * sizeof(block[0])));
	for (uint32_t i = 0; i < nwords; i++)
		block[i] = nwords;
	return block;
}

static void
free_block(uint64_t *block)
{
	if (block != NULL && block[0] != block[block[0] - 1])
		abort();
	free(block);
}

static void *
work(void *arg)
{
	struct worker *worker = arg;
	uint32_t nkept_max = worker->nsteps / 4 + 1;
	uint64_t **kept = gcm_bench_need(calloc(nkept_max, sizeof(kept[0])));
	uint32_t nkept = 0;

	for (uint32_t i = 0; i < worker->nsteps; i++) {
		uint32_t dice = gcm_bench_below(&worker->rng, 100);
		uint64_t *block;

		if (dice >= 50 && nkept > 0) {
			uint32_t at = gcm_bench_below(&worker->rng, nkept);

			free_block(kept[at]);
			kept[at] = kept[--nkept];
			continue;
		}
		block = new_block(worker);
		if (dice < 10) {
			uint32_t at = gcm_bench_below(&worker->rng, NSHARED);

			block = atomic_exchange(&shared[at], block);
		}
		if (nkept < nkept_max)
			kept[nkept++] = block;
		else
			free_block(block);
	}
	while (nkept > 0)
		free_block(kept[--nkept]);
	free(kept);
	return NULL;
}

int
main(int argc, char **argv)
{
	uint32_t nthreads = gcm_bench_arg(argc, argv, 1, 4, 1);
	uint32_t nrounds = gcm_bench_arg(argc, argv, 2, 200, 1);
	uint32_t nsteps = gcm_bench_arg(argc, argv, 3, 50000, 1);
	struct worker *workers =
	    gcm_bench_need(calloc(nthreads, sizeof(*workers)));
	uint64_t sum = 0;

	for (uint32_t round = 0; round < nrounds; round++) {
		for (uint32_t i = 0; i < nthreads; i++) {
			workers[i].nsteps = nsteps * (i + 1) / nthreads + 1;
			workers[i].rng.state = round * nthreads + i;
		}
		gcm_bench_threads(nthreads, work, workers, sizeof(*workers));
	}
	for (uint32_t at = 0; at < NSHARED; at++)
		free_block(atomic_exchange(&shared[at], NULL));
	for (uint32_t i = 0; i < nthreads; i++)
		sum += workers[i].sum;
	free(workers);
	return gcm_bench_done(sum);
}
