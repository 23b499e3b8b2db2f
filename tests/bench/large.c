/* large.c -- blocks far above any size class
 *
 * MODEL   `untouched`: twenty blocks of 5 to 25 MiB, replaced in turn, only
 *         their ends written: the price of mapping.  `touched`: blocks of
 *         64 KiB to 16 MiB in random places, every page of a new block written
 *         once: what an allocator that returns memory at once pays for in page
 *         faults, and one that hoards it pays for in peak memory.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum {
	NSLOTS = 20,
	KIB = 1024,
	MIB = 1024 * KIB
};

int
main(int argc, char **argv)
{
	bool touched = argc > 1 && strcmp(argv[1], "touched") == 0;
	uint32_t nblocks = gcm_bench_arg(argc, argv, 2, 1000, 1);
	struct gcm_bench_rng rng = {5};
	void *slots[NSLOTS] = {NULL};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nblocks; i++) {
		uint32_t at =
		    touched ? gcm_bench_below(&rng, NSLOTS) : i % NSLOTS;
		size_t size = touched
				  ? gcm_bench_size(&rng, 64 * KIB, 16 * MIB)
				  : 5 * MIB + gcm_bench_below(&rng, 20 * MIB);

		free(slots[at]);
		slots[at] = gcm_bench_block(size);
		if (touched)
			gcm_bench_touch_pages(slots[at], size);
		sum += size;
	}
	for (uint32_t at = 0; at < NSLOTS; at++)
		free(slots[at]);
	return gcm_bench_done(sum);
}
