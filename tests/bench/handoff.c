/* handoff.c -- a thread that only frees
 *
 * MODEL   One thread allocates, another frees and never allocates.  At most
 *         4096 blocks are between them, so memory must stay where it is after
 *         the first tenth of the run: the metrics are resident memory then and
 *         at the end.
 */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
	NRING = 4096,
	SIZE_LO = 16,
	SIZE_HI = 4096
};

static void *ring[NRING];
static _Atomic uint32_t nput;   /* written by the producer only */
static _Atomic uint32_t ntaken; /* written by the consumer only */

static void *
consume(void *arg)
{
	const uint32_t *nblocks = arg;

	for (uint32_t i = 0; i < *nblocks; i++) {
		while (atomic_load_explicit(&nput, memory_order_acquire) == i)
			sched_yield();
		free(ring[i % NRING]);
		atomic_store_explicit(&ntaken, i + 1, memory_order_release);
	}
	return NULL;
}

static uint64_t
produce(uint32_t nblocks)
{
	struct gcm_bench_rng rng = {4};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nblocks; i++) {
		size_t size = gcm_bench_size(&rng, SIZE_LO, SIZE_HI);
		uint32_t floor = i - NRING + 1;

		while (i >= NRING && atomic_load_explicit(
					 &ntaken, memory_order_acquire) < floor)
			sched_yield();
		ring[i % NRING] = gcm_bench_block(size);
		atomic_store_explicit(&nput, i + 1, memory_order_release);
		sum += size;
		if (i == nblocks / 10)
			gcm_bench_metric("rss_tenth_kib", gcm_bench_rss_kib());
	}
	return sum;
}

int
main(int argc, char **argv)
{
	uint32_t nblocks = gcm_bench_arg(argc, argv, 1, 4000000, 10);
	pthread_t consumer;
	uint64_t sum;

	if (pthread_create(&consumer, NULL, consume, &nblocks) != 0)
		return 2;
	sum = produce(nblocks);
	pthread_join(consumer, NULL);
	gcm_bench_metric("rss_end_kib", gcm_bench_rss_kib());
	return gcm_bench_done(sum);
}
