/* memalign.c -- aligned blocks
 *
 * MODEL   posix_memalign and aligned_alloc at alignments from 32 bytes to a
 *         page, sizes from one to eight times the alignment, replaced at
 *         random: vector buffers, cache-line-padded structures, direct I/O.
 */
#include "bench.h"

#include <stdlib.h>

enum {
	NSLOTS = 2000
};

static void *
aligned(struct gcm_bench_rng *rng, size_t alignment, size_t size)
{
	void *block = NULL;

	if (gcm_bench_below(rng, 2) == 0) {
		if (posix_memalign(&block, alignment, size) != 0)
			block = NULL;
	} else {
		block = aligned_alloc(alignment, size);
	}
	block = gcm_bench_need(block);
	if (((uintptr_t)block & (alignment - 1)) != 0)
		abort();
	gcm_bench_touch(block, size);
	return block;
}

int
main(int argc, char **argv)
{
	uint32_t nsteps = gcm_bench_arg(argc, argv, 1, 5000000, 1);
	static void *slots[NSLOTS];
	struct gcm_bench_rng rng = {7};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nsteps; i++) {
		void **slot = &slots[gcm_bench_below(&rng, NSLOTS)];
		size_t alignment = (size_t)32 << gcm_bench_below(&rng, 8);
		size_t size = alignment * (1 + gcm_bench_below(&rng, 8));

		if (alignment > 512 && i % 16 != 0)
			alignment = 64;
		free(*slot);
		*slot = aligned(&rng, alignment, size);
		sum += size;
	}
	for (uint32_t at = 0; at < NSLOTS; at++)
		free(slots[at]);
	return gcm_bench_done(sum);
}
