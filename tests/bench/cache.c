/* cache.c -- does the allocator make threads share cache lines?
 *
 * MODEL   `scratch`: the main thread hands each thread a small block; the
 *         thread frees it and goes on with blocks of its own, which must not
 *         come from the same cache line as its neighbour's.  `thrash`: the
 *         same with nothing handed over.  The time is in the writes.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum {
	BLOCK_SIZE = 8
};

struct worker {
	void *given; /* freed first */
	uint32_t nblocks;
	uint32_t nwrites;
	char apart[64]; /* the workers' own fields in different lines */
};

static void *
work(void *arg)
{
	struct worker *worker = arg;

	free(worker->given);
	for (uint32_t i = 0; i < worker->nblocks; i++) {
		volatile char *block = gcm_bench_block(BLOCK_SIZE);

		for (uint32_t n = 0; n < worker->nwrites; n++)
			for (unsigned at = 0; at < BLOCK_SIZE; at++)
				block[at] = (char)(block[at] + 1);
		free((void *)(uintptr_t)block);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	bool scratch = argc > 1 && strcmp(argv[1], "scratch") == 0;
	uint32_t nthreads = gcm_bench_arg(argc, argv, 2, 2, 1);
	uint32_t nblocks = gcm_bench_arg(argc, argv, 3, 1000, 1);
	uint32_t nwrites = gcm_bench_arg(argc, argv, 4, 40000, 1);
	struct worker *workers =
	    gcm_bench_need(calloc(nthreads, sizeof(*workers)));

	for (uint32_t i = 0; i < nthreads; i++) {
		workers[i].given = scratch ? gcm_bench_block(BLOCK_SIZE) : NULL;
		workers[i].nblocks = nblocks;
		workers[i].nwrites = nwrites;
	}
	gcm_bench_threads(nthreads, work, workers, sizeof(*workers));
	free(workers);
	return gcm_bench_done(nthreads);
}
