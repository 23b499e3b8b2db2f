/* sh.c -- batches of small blocks freed in three orders
 *
 * MODEL   The shape of the sh6bench and sh8bench tests: sizes rise through a
 *         batch, small ones far more often than large; a batch is freed
 *         backward, forward or every other block first, while part of the
 *         batch before stays allocated.  With more than one thread each takes
 *         the batch that the thread before it left (sh8bench).
 */
#include "bench.h"

#include <stdatomic.h>
#include <stdlib.h>

enum {
	SIZE_HI = 1000,
	BATCH_MAX = 16 * SIZE_HI
};

struct batch {
	uint32_t nblocks;
	void *blocks[BATCH_MAX];
};

struct worker {
	struct batch *batch;
	uint32_t nrounds;
	uint64_t sum;
};

static _Atomic(struct batch *) left;

static void
fill_batch(struct worker *worker, struct batch *batch)
{
	for (uint32_t size = 1; size < SIZE_HI; size += 1 + size / 16) {
		uint32_t nblocks = 1 + SIZE_HI / (8 + size);

		for (uint32_t i = 0; i < nblocks; i++)
			batch->blocks[batch->nblocks++] = gcm_bench_block(size);
		worker->sum += nblocks;
	}
}

static void
free_batch(struct batch *batch, uint32_t order)
{
	uint32_t n = batch->nblocks;

	if (order == 0)
		while (n > 0)
			free(batch->blocks[--n]);
	else
		for (uint32_t first = 0; first < order; first++)
			for (uint32_t at = first; at < n; at += order)
				free(batch->blocks[at]);
	batch->nblocks = 0;
}

/* Half the rounds fill on top of what is left, half free it all. */
static void *
work(void *arg)
{
	struct worker *worker = arg;
	struct batch *batch = worker->batch;

	for (uint32_t round = 0; round < worker->nrounds; round++) {
		if (round % 64 == 63)
			batch = atomic_exchange(&left, batch);
		fill_batch(worker, batch);
		if (round % 2 == 1)
			free_batch(batch, round / 2 % 3);
	}
	worker->batch = batch;
	return NULL;
}

int
main(int argc, char **argv)
{
	uint32_t nthreads = gcm_bench_arg(argc, argv, 1, 1, 1);
	uint32_t nrounds = gcm_bench_arg(argc, argv, 2, 20000, 1);
	struct worker *workers =
	    gcm_bench_need(calloc(nthreads, sizeof(*workers)));
	uint64_t sum = 0;

	atomic_store(&left, gcm_bench_need(calloc(1, sizeof(struct batch))));
	for (uint32_t i = 0; i < nthreads; i++) {
		workers[i].batch =
		    gcm_bench_need(calloc(1, sizeof(struct batch)));
		workers[i].nrounds = nrounds;
	}
	gcm_bench_threads(nthreads, work, workers, sizeof(*workers));
	for (uint32_t i = 0; i < nthreads; i++) {
		free_batch(workers[i].batch, 0);
		free(workers[i].batch);
		sum += workers[i].sum;
	}
	free_batch(left, 0);
	free(left);
	free(workers);
	return gcm_bench_done(sum);
}
