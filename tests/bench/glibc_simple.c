/* glibc_simple.c -- runs of equal blocks, freed as they came
 *
 * MODEL   glibc's bench-malloc-simple: for each size and each run length,
 *         allocate the run, then free it from its first block on.  Runs of
 *         25 stay in any thread cache, runs of 1600 do not.
 */
#include "bench.h"

#include <stdlib.h>

enum {
	RUN_MAX = 1600
};

static const uint32_t sizes[] = {8, 16, 32, 64, 128, 256, 512, 1024};
static const uint32_t runs[] = {25, 100, 400, RUN_MAX};

int
main(int argc, char **argv)
{
	uint32_t nblocks = gcm_bench_arg(argc, argv, 1, 1500000, RUN_MAX);
	void *blocks[RUN_MAX];
	uint64_t sum = 0;

	for (size_t s = 0; s < sizeof(sizes) / sizeof(sizes[0]); s++)
		for (size_t r = 0; r < sizeof(runs) / sizeof(runs[0]); r++)
			for (uint32_t n = 0; n < nblocks; n += runs[r]) {
				for (uint32_t i = 0; i < runs[r]; i++)
					blocks[i] = gcm_bench_block(sizes[s]);
				for (uint32_t i = 0; i < runs[r]; i++)
					free(blocks[i]);
				sum += runs[r];
			}
	return gcm_bench_done(sum);
}
