/* leak_server.c -- a server that loses one of N requests
 *
 * MODEL   leak_server THREADS REQUESTS N CACHE MIB
 *         MIB of linked records are made first and live to the end.  Each of
 *         THREADS serves REQUESTS: parses into a graph of 8 to 24 nodes with
 *         links both ways and a body of 2 to 14 KiB, all written; walks it and
 *         some records; puts an answer into its LRU cache of CACHE entries,
 *         which throws the oldest out; frees the graph, but every N-th it
 *         forgets (N 0: none).  What was leaked in all is a metric, and so is
 *         the resident memory at each quarter of the first thread's requests
 *         and at the end.
 *
 *         Sensitive to how soon lost blocks are found and used again, and to
 *         what finding them costs the threads.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum {
	MAX_NODES = 24,
	NBUCKETS = 1024,
	MAX_THREADS = 16,
	RECORD_WORDS = 29,
	NHOPS = 4,
	NQUARTERS = 4
};

/* Made before the threads, constant from then on. */
struct record {
	struct record *next;
	struct record *other;
	uint64_t words[RECORD_WORDS];
};

static struct record **records;
static uint32_t nrecords;

struct part {
	struct part *next;
	struct part *other;
	uint64_t value;
	char text[];
};

struct request {
	struct part *parts;
	unsigned char *body;
	size_t bytes;
};

struct answer {
	struct answer *chain;
	struct answer *newer;
	struct answer *older;
	uint32_t key;
	uint32_t length;
	char *text;
};

struct cache {
	struct answer *buckets[NBUCKETS];
	struct answer *newest;
	struct answer *oldest;
	uint32_t count;
	uint32_t most;
};

struct worker {
	struct gcm_bench_rng rng;
	struct cache *cache;
	uint32_t nrequests;
	uint32_t one_in;
	uint64_t checksum;
	uint64_t leaked;
	bool samples;
	long rss_kib[NQUARTERS]; /* when a quarter begins */
};

static void
make_records(uint64_t bytes)
{
	struct gcm_bench_rng rng = {99};

	nrecords = (uint32_t)(bytes / sizeof(struct record)) + 1;
	records = gcm_bench_need(malloc(nrecords * sizeof(*records)));
	for (uint32_t i = 0; i < nrecords; i++) {
		struct record *record = gcm_bench_need(malloc(sizeof(*record)));

		for (uint32_t at = 0; at < RECORD_WORDS; at++)
			record->words[at] = i;
		records[i] = record;
		record->next = records[gcm_bench_below(&rng, i + 1)];
		record->other = records[gcm_bench_below(&rng, i + 1)];
	}
}

static uint64_t
walk_records(uint64_t value)
{
	const struct record *record = records[value % nrecords];
	uint64_t sum = 0;

	for (int i = 0; i < NHOPS; i++) {
		sum += record->words[i];
		record = (value >> i & 1) != 0 ? record->next : record->other;
	}
	return sum;
}

static struct request *
parse_request(struct gcm_bench_rng *rng)
{
	struct request *request = gcm_bench_block(sizeof(*request));
	uint32_t nparts = 8 + gcm_bench_below(rng, MAX_NODES - 8 + 1);
	size_t body = 2048 + gcm_bench_below(rng, 12288);
	struct part *parts[MAX_NODES];

	request->parts = NULL;
	request->body = gcm_bench_need(malloc(body));
	memset(request->body, (int)nparts, body);
	request->bytes = sizeof(*request) + body;
	for (uint32_t i = 0; i < nparts; i++) {
		size_t size = sizeof(struct part) + gcm_bench_below(rng, 200);

		parts[i] = gcm_bench_need(malloc(size));
		memset(parts[i], 0, size);
		parts[i]->value = gcm_bench_next(rng);
		parts[i]->next = request->parts;
		parts[i]->other = parts[gcm_bench_below(rng, i + 1)];
		request->parts = parts[i];
		request->bytes += size;
	}
	return request;
}

static uint64_t
walk_request(const struct request *request)
{
	uint64_t sum = request->body[0];

	for (struct part *p = request->parts; p != NULL; p = p->next)
		sum = sum * 31 + p->value + p->other->value;
	return sum;
}

static void
free_request(struct request *request)
{
	struct part *next;

	for (struct part *p = request->parts; p != NULL; p = next) {
		next = p->next;
		free(p);
	}
	free(request->body);
	free(request);
}

static void
unlink_answer(struct cache *cache, struct answer *answer)
{
	if (answer->newer != NULL)
		answer->newer->older = answer->older;
	else
		cache->newest = answer->older;
	if (answer->older != NULL)
		answer->older->newer = answer->newer;
	else
		cache->oldest = answer->newer;
}

static void
push_answer(struct cache *cache, struct answer *answer)
{
	answer->newer = NULL;
	answer->older = cache->newest;
	if (cache->newest != NULL)
		cache->newest->newer = answer;
	else
		cache->oldest = answer;
	cache->newest = answer;
}

static void
drop_oldest(struct cache *cache)
{
	struct answer *answer = cache->oldest;
	struct answer **at = &cache->buckets[answer->key % NBUCKETS];

	while (*at != answer)
		at = &(*at)->chain;
	*at = answer->chain;
	unlink_answer(cache, answer);
	free(answer->text);
	free(answer);
	cache->count--;
}

/* The answer of this key, made if need be, now the newest. */
static struct answer *
find_answer(struct cache *cache, uint32_t key, uint64_t value)
{
	struct answer **bucket = &cache->buckets[key % NBUCKETS];
	struct answer *answer = *bucket;

	while (answer != NULL && answer->key != key)
		answer = answer->chain;
	if (answer != NULL) {
		unlink_answer(cache, answer);
		push_answer(cache, answer);
		return answer;
	}
	answer = gcm_bench_need(malloc(sizeof(*answer)));
	answer->key = key;
	answer->length = 64 + (uint32_t)(value % 960);
	answer->text = gcm_bench_need(malloc(answer->length));
	memset(answer->text, (int)(value & 0x7f), answer->length);
	answer->chain = *bucket;
	*bucket = answer;
	push_answer(cache, answer);
	if (++cache->count > cache->most)
		drop_oldest(cache);
	return answer;
}

static void *
serve(void *arg)
{
	struct worker *worker = arg;
	uint32_t keys = worker->cache->most * 2;
	uint32_t quarter = worker->nrequests / NQUARTERS + 1;

	for (uint32_t i = 0; i < worker->nrequests; i++) {
		struct request *request = parse_request(&worker->rng);
		uint64_t value = walk_request(request);
		uint32_t key = gcm_bench_below(&worker->rng, keys);
		struct answer *answer = find_answer(worker->cache, key, value);

		worker->checksum += value ^ (unsigned char)answer->text[0];
		worker->checksum += walk_records(value);
		if (worker->samples && i % quarter == 0)
			worker->rss_kib[i / quarter] = gcm_bench_rss_kib();
		if (worker->one_in != 0 && i % worker->one_in == 0)
			worker->leaked += request->bytes;
		else
			free_request(request);
	}
	return NULL;
}

static struct cache *
make_cache(uint32_t most)
{
	struct cache *cache = gcm_bench_need(calloc(1, sizeof(*cache)));

	cache->most = most;
	return cache;
}

int
main(int argc, char **argv)
{
	uint32_t nthreads = gcm_bench_arg(argc, argv, 1, 2, 1);
	uint32_t nrequests = gcm_bench_arg(argc, argv, 2, 2000000, 1);
	uint32_t one_in = gcm_bench_arg(argc, argv, 3, 8, 0);
	uint32_t most = gcm_bench_arg(argc, argv, 4, 20000, 1);
	uint64_t mib = gcm_bench_arg(argc, argv, 5, 64, 0);
	struct worker workers[MAX_THREADS];
	uint64_t checksum = 0, leaked = 0;

	if (nthreads > MAX_THREADS)
		return 2;
	make_records(mib << 20);
	for (uint32_t i = 0; i < nthreads; i++)
		workers[i] = (struct worker){.rng = {i + 1},
		    .cache = make_cache(most),
		    .nrequests = nrequests,
		    .one_in = one_in,
		    .samples = i == 0};
	gcm_bench_threads(nthreads, serve, workers, sizeof(workers[0]));
	for (uint32_t i = 0; i < nthreads; i++) {
		checksum += workers[i].checksum;
		leaked += workers[i].leaked;
	}
	gcm_bench_metric("requests", (long)nthreads * nrequests);
	gcm_bench_metric("leaked_mib", (long)(leaked >> 20));
	gcm_bench_metric("rss_25_mib", workers[0].rss_kib[1] >> 10);
	gcm_bench_metric("rss_50_mib", workers[0].rss_kib[2] >> 10);
	gcm_bench_metric("rss_75_mib", workers[0].rss_kib[3] >> 10);
	gcm_bench_metric("end_rss_mib", gcm_bench_rss_kib() >> 10);
	return gcm_bench_done(checksum);
}
