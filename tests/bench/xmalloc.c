/* xmalloc.c -- producers allocate, consumers free
 *
 * MODEL   Batches of blocks go through one bounded queue; no thread ever
 *         frees what it allocated.  With size 0 the sizes are spread over
 *         16 to 1024 bytes, else all are alike.
 *
 * LOCKS   the queue's mutex guards every field of struct queue.
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>

enum {
	BATCH_BLOCKS = 500,
	QUEUE_BATCHES = 64
};

struct batch {
	void *blocks[BATCH_BLOCKS];
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t filled;
	pthread_cond_t emptied;
	struct batch *batches[QUEUE_BATCHES];
	uint32_t nwaiting; /* batches now in the queue */
	uint32_t ntaken;   /* batches ever taken out */
	uint32_t ntotal;   /* const once main has started the threads */
};

struct worker {
	struct queue *queue;
	uint32_t nbatches;
	uint32_t size;
	bool producer;
	struct gcm_bench_rng rng;
};

static void
put_batch(struct queue *queue, struct batch *batch)
{
	pthread_mutex_lock(&queue->lock);
	while (queue->nwaiting == QUEUE_BATCHES)
		pthread_cond_wait(&queue->emptied, &queue->lock);
	queue->batches[queue->nwaiting++] = batch;
	pthread_cond_signal(&queue->filled);
	pthread_mutex_unlock(&queue->lock);
}

/* NULL when the last batch has been taken. */
static struct batch *
take_batch(struct queue *queue)
{
	struct batch *batch = NULL;

	pthread_mutex_lock(&queue->lock);
	while (queue->nwaiting == 0 && queue->ntaken < queue->ntotal)
		pthread_cond_wait(&queue->filled, &queue->lock);
	if (queue->nwaiting > 0) {
		batch = queue->batches[--queue->nwaiting];
		queue->ntaken++;
		if (queue->ntaken == queue->ntotal)
			pthread_cond_broadcast(&queue->filled);
		pthread_cond_signal(&queue->emptied);
	}
	pthread_mutex_unlock(&queue->lock);
	return batch;
}

static void
produce(struct worker *worker)
{
	for (uint32_t i = 0; i < worker->nbatches; i++) {
		struct batch *batch = gcm_bench_need(malloc(sizeof(*batch)));

		for (uint32_t n = 0; n < BATCH_BLOCKS; n++) {
			size_t size = worker->size;

			if (size == 0)
				size = gcm_bench_size(&worker->rng, 16, 1024);
			batch->blocks[n] = gcm_bench_block(size);
		}
		put_batch(worker->queue, batch);
	}
}

static void *
work(void *arg)
{
	struct worker *worker = arg;
	struct batch *batch;

	if (worker->producer) {
		produce(worker);
		return NULL;
	}
	while ((batch = take_batch(worker->queue)) != NULL) {
		for (uint32_t n = 0; n < BATCH_BLOCKS; n++)
			free(batch->blocks[n]);
		free(batch);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	uint32_t npairs = gcm_bench_arg(argc, argv, 1, 2, 1);
	uint32_t nbatches = gcm_bench_arg(argc, argv, 2, 20000, 1);
	uint32_t size = gcm_bench_arg(argc, argv, 3, 64, 0);
	struct queue queue = {.lock = PTHREAD_MUTEX_INITIALIZER,
	    .filled = PTHREAD_COND_INITIALIZER,
	    .emptied = PTHREAD_COND_INITIALIZER,
	    .ntotal = npairs * nbatches};
	struct worker *workers =
	    gcm_bench_need(calloc(2 * npairs, sizeof(*workers)));

	for (uint32_t i = 0; i < 2 * npairs; i++) {
		workers[i].queue = &queue;
		workers[i].nbatches = nbatches;
		workers[i].size = size;
		workers[i].producer = i % 2 == 0;
		workers[i].rng.state = i;
	}
	gcm_bench_threads(2 * npairs, work, workers, sizeof(*workers));
	free(workers);
	return gcm_bench_done(queue.ntaken);
}
