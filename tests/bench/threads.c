/* threads.c -- thousands of threads created and ended
 *
 * MODEL   Four threads at a time allocate 200 blocks, free three quarters of
 *         them and end.  The rest is freed later: by main a generation later,
 *         or, with `leave`, by the next thread in the same place.  Memory must
 *         be at its height after the first tenth and not grow from there.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum {
	NTOGETHER = 4,
	NBLOCKS = 200,
	NLEFT = NBLOCKS / 4
};

struct worker {
	void *left[NLEFT];
	bool takes_over;
	struct gcm_bench_rng rng;
};

static void
free_left(struct worker *worker)
{
	for (unsigned i = 0; i < NLEFT; i++) {
		free(worker->left[i]);
		worker->left[i] = NULL;
	}
}

static void *
work(void *arg)
{
	struct worker *worker = arg;
	void *blocks[NBLOCKS];

	for (unsigned i = 0; i < NBLOCKS; i++)
		blocks[i] =
		    gcm_bench_block(gcm_bench_size(&worker->rng, 16, 2048));
	if (worker->takes_over)
		free_left(worker);
	for (unsigned i = 0; i < NBLOCKS; i++)
		if (i % 4 == 0)
			worker->left[i / 4] = blocks[i];
		else
			free(blocks[i]);
	return NULL;
}

int
main(int argc, char **argv)
{
	uint32_t nthreads = gcm_bench_arg(argc, argv, 1, 5000, NTOGETHER);
	bool takes_over = argc > 2 && strcmp(argv[2], "leave") == 0;
	uint32_t nrounds = nthreads / NTOGETHER;
	struct worker workers[NTOGETHER] = {{{NULL}, takes_over, {0}}};

	for (unsigned i = 0; i < NTOGETHER; i++) {
		workers[i].takes_over = takes_over;
		workers[i].rng.state = i;
	}
	for (uint32_t round = 0; round < nrounds; round++) {
		gcm_bench_threads(NTOGETHER, work, workers, sizeof(workers[0]));
		if (!takes_over)
			for (unsigned i = 0; i < NTOGETHER; i++)
				free_left(&workers[i]);
		if (round == nrounds / 10)
			gcm_bench_metric("rss_tenth_kib", gcm_bench_rss_kib());
	}
	gcm_bench_metric("rss_end_kib", gcm_bench_rss_kib());
	for (unsigned i = 0; i < NTOGETHER; i++)
		free_left(&workers[i]);
	return gcm_bench_done(nrounds);
}
