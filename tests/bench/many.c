/* many.c -- far more threads than processors, each with its own small churn
 *
 * MODEL   What a cache per thread costs when there are 64 of them, and what a
 *         lock costs when its holder is preempted.
 */
#include "bench.h"

#include <stdlib.h>

enum {
	NSLOTS = 500
};

struct worker {
	uint32_t nsteps;
	struct gcm_bench_rng rng;
	uint64_t sum;
};

static void *
work(void *arg)
{
	struct worker *worker = arg;
	void *slots[NSLOTS] = {NULL};

	for (uint32_t i = 0; i < worker->nsteps; i++) {
		void **slot = &slots[gcm_bench_below(&worker->rng, NSLOTS)];
		size_t size = 8 + gcm_bench_below(&worker->rng, 249);

		free(*slot);
		*slot = gcm_bench_block(size);
		worker->sum += size;
	}
	for (uint32_t at = 0; at < NSLOTS; at++)
		free(slots[at]);
	return NULL;
}

int
main(int argc, char **argv)
{
	uint32_t nthreads = gcm_bench_arg(argc, argv, 1, 64, 1);
	uint32_t nsteps = gcm_bench_arg(argc, argv, 2, 1000000, 1);
	struct worker *workers =
	    gcm_bench_need(calloc(nthreads, sizeof(*workers)));
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nthreads; i++) {
		workers[i].nsteps = nsteps;
		workers[i].rng.state = i;
	}
	gcm_bench_threads(nthreads, work, workers, sizeof(*workers));
	for (uint32_t i = 0; i < nthreads; i++)
		sum += workers[i].sum;
	free(workers);
	return gcm_bench_done(sum);
}
