/* alloc_test.c -- random replacement in an array of slots
 *
 * MODEL   An array of 10^4 to 10^6 slots, each empty or holding a block of 16
 *         to 1000 bytes; a step empties a full slot or fills an empty one.
 *         The larger the array, the more of the cost is cache misses: what
 *         counts then is how densely the allocator packs and what it touches.
 */
#include "bench.h"

#include <stdlib.h>

struct slot {
	unsigned char *block;
	size_t size;
};

struct worker {
	struct slot *slots;
	uint32_t nslots;
	uint32_t nsteps;
	struct gcm_bench_rng rng;
	uint64_t sum;
};

static void *
work(void *arg)
{
	struct worker *worker = arg;

	for (uint32_t i = 0; i < worker->nsteps; i++) {
		uint32_t at = gcm_bench_below(&worker->rng, worker->nslots);
		struct slot *slot = &worker->slots[at];

		if (slot->block != NULL) {
			worker->sum += slot->block[slot->size - 1];
			free(slot->block);
			slot->block = NULL;
		} else {
			slot->size = 16 + gcm_bench_below(&worker->rng, 985);
			slot->block = gcm_bench_block(slot->size);
		}
	}
	for (uint32_t at = 0; at < worker->nslots; at++)
		free(worker->slots[at].block);
	return NULL;
}

int
main(int argc, char **argv)
{
	uint32_t nthreads = gcm_bench_arg(argc, argv, 1, 1, 1);
	uint32_t nslots = gcm_bench_arg(argc, argv, 2, 10000, 1);
	uint32_t nsteps = gcm_bench_arg(argc, argv, 3, 40000000, 1);
	struct worker *workers =
	    gcm_bench_need(calloc(nthreads, sizeof(*workers)));
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nthreads; i++) {
		workers[i].slots =
		    gcm_bench_need(calloc(nslots, sizeof(struct slot)));
		workers[i].nslots = nslots;
		workers[i].nsteps = nsteps;
		workers[i].rng.state = i;
	}
	gcm_bench_threads(nthreads, work, workers, sizeof(*workers));
	for (uint32_t i = 0; i < nthreads; i++) {
		sum += workers[i].sum;
		free(workers[i].slots);
	}
	free(workers);
	return gcm_bench_done(sum);
}
