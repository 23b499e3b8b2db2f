/* rptest.c -- random sizes, bursts, and frees by whoever comes along
 *
 * MODEL   A thread works in loops: free a scattered part of its blocks, fill
 *         the holes with blocks of 16 to 16000 bytes, then push a burst of
 *         further blocks, linked through their first word, on one shared stack
 *         and free the whole stack as it finds it: its own or others'.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum {
	NSLOTS = 1000,
	NBURST = 300,
	SIZE_LO = 16,
	SIZE_HI = 16000
};

struct link {
	struct link *next;
};

static _Atomic(struct link *) stack;

struct worker {
	void *slots[NSLOTS];
	uint32_t nloops;
	struct gcm_bench_rng rng;
	uint64_t sum;
};

static void *
new_block(struct worker *worker)
{
	size_t size = gcm_bench_size(&worker->rng, SIZE_LO, SIZE_HI);

	worker->sum += size;
	return gcm_bench_block(size);
}

static void
push_burst(struct worker *worker)
{
	struct link *first = new_block(worker);
	struct link *last = first;

	for (uint32_t i = 1; i < NBURST; i++) {
		last->next = new_block(worker);
		last = last->next;
	}
	last->next = atomic_load(&stack);
	while (!atomic_compare_exchange_weak(&stack, &last->next, first))
		;
}

static void
free_stack(void)
{
	struct link *link = atomic_exchange(&stack, NULL);

	while (link != NULL) {
		struct link *next = link->next;

		free(link);
		link = next;
	}
}

static void *
work(void *arg)
{
	struct worker *worker = arg;

	for (uint32_t loop = 0; loop < worker->nloops; loop++) {
		uint32_t stride = 2 + loop % 3;

		for (uint32_t at = loop % stride; at < NSLOTS; at += stride) {
			free(worker->slots[at]);
			worker->slots[at] = NULL;
		}
		for (uint32_t at = 0; at < NSLOTS; at++)
			if (worker->slots[at] == NULL)
				worker->slots[at] = new_block(worker);
		push_burst(worker);
		if (loop % 2 == 1)
			free_stack();
	}
	for (uint32_t at = 0; at < NSLOTS; at++)
		free(worker->slots[at]);
	return NULL;
}

int
main(int argc, char **argv)
{
	uint32_t nthreads = gcm_bench_arg(argc, argv, 1, 2, 1);
	uint32_t nloops = gcm_bench_arg(argc, argv, 2, 12000, 1);
	struct worker *workers =
	    gcm_bench_need(calloc(nthreads, sizeof(*workers)));
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nthreads; i++) {
		workers[i].nloops = nloops;
		workers[i].rng.state = i;
	}
	gcm_bench_threads(nthreads, work, workers, sizeof(*workers));
	free_stack();
	for (uint32_t i = 0; i < nthreads; i++)
		sum += workers[i].sum;
	free(workers);
	return gcm_bench_done(sum);
}
