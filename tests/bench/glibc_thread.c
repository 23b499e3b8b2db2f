/* glibc_thread.c -- each thread its own working set, sizes over 13 doublings
 *
 * MODEL   glibc's bench-malloc-thread: 1024 slots a thread, 4 bytes to 32 KiB
 *         with small ones the most frequent, a step empties or fills a slot.
 */
#include "bench.h"

#include <stdlib.h>

enum {
	NSLOTS = 1024,
	SIZE_LO = 4,
	SIZE_HI = 32768
};

struct worker {
	void *slots[NSLOTS];
	uint32_t nsteps;
	struct gcm_bench_rng rng;
	uint64_t sum;
};

static void *
work(void *arg)
{
	struct worker *worker = arg;

	for (uint32_t i = 0; i < worker->nsteps; i++) {
		void **slot =
		    &worker->slots[gcm_bench_below(&worker->rng, NSLOTS)];

		if (*slot != NULL) {
			free(*slot);
			*slot = NULL;
		} else {
			size_t size =
			    gcm_bench_size(&worker->rng, SIZE_LO, SIZE_HI);

			*slot = gcm_bench_block(size);
			worker->sum += size;
		}
	}
	for (uint32_t at = 0; at < NSLOTS; at++)
		free(worker->slots[at]);
	return NULL;
}

int
main(int argc, char **argv)
{
	uint32_t nthreads = gcm_bench_arg(argc, argv, 1, 2, 1);
	uint32_t nsteps = gcm_bench_arg(argc, argv, 2, 20000000, 1);
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
