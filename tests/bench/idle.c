/* idle.c -- what a process that has gone quiet still holds
 *
 * MODEL   256 MiB in blocks of 16 bytes to 64 KiB, all but every 256th freed;
 *         then the program does nothing at all.  The metrics are resident
 *         memory at the height, at once, and after a second and more asleep.
 */
#include "bench.h"

#include <stdlib.h>
#include <time.h>

enum {
	NBLOCKS_MAX = 1 << 20,
	MIB = 1 << 20,
	SIZE_LO = 16,
	SIZE_HI = 65536
};

static void *blocks[NBLOCKS_MAX];

static void
sleep_ms(uint32_t ms)
{
	struct timespec rest = {ms / 1000, (long)(ms % 1000) * 1000000};

	while (nanosleep(&rest, &rest) != 0)
		;
}

int
main(int argc, char **argv)
{
	uint64_t bytes = (uint64_t)gcm_bench_arg(argc, argv, 1, 256, 1) * MIB;
	uint32_t step_ms = gcm_bench_arg(argc, argv, 2, 1000, 1);
	struct gcm_bench_rng rng = {8};
	uint64_t sum = 0;
	uint32_t nblocks = 0;

	while (sum < bytes && nblocks < NBLOCKS_MAX) {
		size_t size = gcm_bench_size(&rng, SIZE_LO, SIZE_HI);

		blocks[nblocks] = gcm_bench_block(size);
		gcm_bench_touch_pages(blocks[nblocks++], size);
		sum += size;
	}
	gcm_bench_metric("rss_height_kib", gcm_bench_rss_kib());
	for (uint32_t i = 0; i < nblocks; i++)
		if (i % 256 != 0)
			free(blocks[i]);
	gcm_bench_metric("rss_freed_kib", gcm_bench_rss_kib());
	sleep_ms(step_ms);
	gcm_bench_metric("rss_1s_kib", gcm_bench_rss_kib());
	sleep_ms(4 * step_ms);
	gcm_bench_metric("rss_5s_kib", gcm_bench_rss_kib());
	return gcm_bench_done(sum);
}
