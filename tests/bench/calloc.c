/* calloc.c -- zeroed blocks, half of them small, some of megabytes
 *
 * MODEL   Blocks of 16 bytes to 8 KiB are replaced at random and dirtied
 *         before they are freed; every 512th step makes one of 1 MiB of which
 *         a sixteenth is written.  An allocator that knows which pages the
 *         kernel just zeroed need not write them again.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum {
	NSLOTS = 4000,
	SIZE_LO = 16,
	SIZE_HI = 8192,
	MIB = 1 << 20
};

struct slot {
	unsigned char *block;
	size_t size;
};

static unsigned char *
zeroed(size_t size)
{
	unsigned char *block = gcm_bench_need(calloc(size, 1));

	if (block[0] != 0 || block[size / 2] != 0 || block[size - 1] != 0)
		abort();
	return block;
}

int
main(int argc, char **argv)
{
	uint32_t nsteps = gcm_bench_arg(argc, argv, 1, 6000000, 1);
	static struct slot slots[NSLOTS];
	struct gcm_bench_rng rng = {6};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nsteps; i++) {
		struct slot *slot = &slots[gcm_bench_below(&rng, NSLOTS)];

		if (slot->block != NULL)
			memset(slot->block, 0xff, slot->size);
		free(slot->block);
		slot->size = gcm_bench_size(&rng, SIZE_LO, SIZE_HI);
		slot->block = zeroed(slot->size);
		sum += slot->size;
		if (i % 512 == 0) {
			unsigned char *big = zeroed(MIB);

			memset(big, 0xff, MIB / 16);
			free(big);
		}
	}
	for (uint32_t at = 0; at < NSLOTS; at++)
		free(slots[at].block);
	return gcm_bench_done(sum);
}
