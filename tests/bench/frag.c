/* frag.c -- a server whose typical block size drifts
 *
 * MODEL   A table of entries under a budget of bytes.  Phase by phase the
 *         sizes asked for move from about 24 bytes up to 1500 and back, while
 *         old entries go in random order: holes of the old sizes must come to
 *         serve the new ones.  The metrics tell what the process holds for the
 *         bytes that are live, after the last phase and after most are freed.
 */
#include "bench.h"

#include <stdlib.h>

enum {
	NSLOTS = 1 << 18,
	BUDGET = 24 << 20
};

struct entry {
	void *block;
	uint32_t size;
};

struct server {
	struct entry *entries;
	size_t live;
	struct gcm_bench_rng rng;
	uint64_t sum;
};

static void
drop_entry(struct server *server, struct entry *entry)
{
	free(entry->block);
	server->live -= entry->size;
	entry->block = NULL;
	entry->size = 0;
}

static void
replace_entry(struct server *server, uint32_t mean)
{
	uint32_t at = gcm_bench_below(&server->rng, NSLOTS);
	struct entry *entry = &server->entries[at];

	drop_entry(server, entry);
	entry->size = mean / 2 + gcm_bench_below(&server->rng, mean);
	entry->block = gcm_bench_block(entry->size);
	server->live += entry->size;
	server->sum += entry->size;
	while (server->live > BUDGET) {
		at = gcm_bench_below(&server->rng, NSLOTS);
		drop_entry(server, &server->entries[at]);
	}
}

int
main(int argc, char **argv)
{
	static const uint32_t means[] = {
	    24, 48, 100, 200, 400, 800, 1500, 800, 400, 200, 100, 48};
	uint32_t nsteps = gcm_bench_arg(argc, argv, 1, 300000, 1);
	struct server server = {.rng = {3}};

	server.entries =
	    gcm_bench_need(calloc(NSLOTS, sizeof(server.entries[0])));
	for (size_t phase = 0; phase < sizeof(means) / sizeof(means[0]);
	     phase++)
		for (uint32_t i = 0; i < nsteps; i++)
			replace_entry(&server, means[phase]);
	gcm_bench_metric("live_kib", (long)(server.live >> 10));
	gcm_bench_metric("rss_kib", gcm_bench_rss_kib());
	for (uint32_t at = 0; at < NSLOTS; at++)
		if (at % 16 != 0)
			drop_entry(&server, &server.entries[at]);
	gcm_bench_metric("live_end_kib", (long)(server.live >> 10));
	gcm_bench_metric("rss_end_kib", gcm_bench_rss_kib());
	for (uint32_t at = 0; at < NSLOTS; at++)
		drop_entry(&server, &server.entries[at]);
	free(server.entries);
	return gcm_bench_done(server.sum);
}
