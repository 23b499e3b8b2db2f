/* larson.c -- a server whose sessions outlive its threads
 *
 * MODEL   Every thread replaces random slots of its array with blocks of 8
 *         to 1000 bytes.  At the end of a round all threads end and new ones
 *         take over the arrays, each its neighbour's: from then on nearly
 *         every free is of a block that another, dead thread allocated.
 */
#include "bench.h"

#include <stdlib.h>

enum {
	SIZE_LOW = 8,
	SIZE_TOP = 1000
};

struct session {
	void **slots;
	uint32_t nslots;
	uint32_t nreplaced;
	struct gcm_bench_rng rng;
	uint64_t sum;
};

static void *
serve(void *arg)
{
	struct session *session = arg;

	for (uint32_t i = 0; i < session->nreplaced; i++) {
		uint32_t at = gcm_bench_below(&session->rng, session->nslots);
		size_t size = SIZE_LOW + gcm_bench_below(&session->rng,
					     SIZE_TOP - SIZE_LOW + 1);

		free(session->slots[at]);
		session->slots[at] = gcm_bench_block(size);
		session->sum += size;
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	uint32_t nthreads = gcm_bench_arg(argc, argv, 1, 2, 1);
	uint32_t nrounds = gcm_bench_arg(argc, argv, 2, 100, 1);
	uint32_t nslots = gcm_bench_arg(argc, argv, 3, 5000, 1);
	uint32_t nreplaced = gcm_bench_arg(argc, argv, 4, 100000, 1);
	struct session *sessions =
	    gcm_bench_need(calloc(nthreads, sizeof(*sessions)));
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nthreads; i++) {
		sessions[i].slots =
		    gcm_bench_need(calloc(nslots, sizeof(void *)));
		sessions[i].nslots = nslots;
		sessions[i].nreplaced = nreplaced;
		sessions[i].rng.state = i;
	}
	for (uint32_t round = 0; round < nrounds; round++) {
		void **first = sessions[0].slots;

		gcm_bench_threads(nthreads, serve, sessions, sizeof(*sessions));
		for (uint32_t i = 0; i + 1 < nthreads; i++)
			sessions[i].slots = sessions[i + 1].slots;
		sessions[nthreads - 1].slots = first;
	}
	for (uint32_t i = 0; i < nthreads; i++) {
		for (uint32_t at = 0; at < nslots; at++)
			free(sessions[i].slots[at]);
		free(sessions[i].slots);
		sum += sessions[i].sum;
	}
	free(sessions);
	return gcm_bench_done(sum);
}
