/* mark_rate.c -- a heap of a given shape that lies still while it is marked
 *
 * MODEL   mark_rate SHAPE MIB MILLISECONDS
 *         Builds MIB of live blocks, then lies still; gc.py forces cycles by
 *         GCM_INTERVAL and reads what marking cost from gctrace.  SHAPE:
 *
 *           data64k data1k   blocks of random words that are no pointers,
 *                            found through one array
 *           list shuffled    one list of 64-byte nodes, in the order of
 *                            their allocation or at random
 *           tree             one binary tree of 48-byte nodes
 *           small            lists of 16 objects of 16 bytes
 *
 *         Metrics: blocks and bytes asked for, when the heap was ready in ms
 *         since the start, and MB/s of memcpy between two mappings of 64 MiB.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum {
	COPY_BYTES = 64 << 20,
	NCOPIES = 5,
	PER_LIST = 16,
	NUDGE_BYTES = 64 << 10
};

struct heap {
	uint64_t nblocks;
	uint64_t bytes;
	uint64_t checksum;
	void *root;
	void *nudges;
};

struct node {
	struct node *next;
	uint64_t words[7];
};

struct tree {
	struct tree *left;
	struct tree *right;
	uint64_t words[4];
};

struct small {
	struct small *next;
	uint64_t value;
};

static struct heap heap; /* main's; a root of the collector */
static struct gcm_bench_rng rng = {1};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void *
add_block(size_t size)
{
	void *block = gcm_bench_need(malloc(size));

	heap.nblocks++;
	heap.bytes += size;
	return block;
}

/* Bit 62 keeps a random word from being an address. */
static uint64_t
make_word(void)
{
	return gcm_bench_next(&rng) | UINT64_C(1) << 62;
}

static void
build_data(uint64_t bytes, size_t size)
{
	uint64_t nblocks = bytes / size;
	uint64_t **blocks = add_block(nblocks * sizeof(*blocks));

	for (uint64_t i = 0; i < nblocks; i++) {
		blocks[i] = add_block(size);
		for (size_t at = 0; at < size / 8; at++)
			blocks[i][at] = make_word();
	}
	heap.root = blocks;
}

/* The array that orders the list is gone before anything is measured. */
static void
build_list(uint64_t bytes, bool shuffled)
{
	uint32_t count = (uint32_t)(bytes / sizeof(struct node));
	struct node **nodes = gcm_bench_need(malloc(count * sizeof(*nodes)));

	for (uint32_t i = 0; i < count; i++) {
		nodes[i] = add_block(sizeof(struct node));
		for (uint32_t at = 0; at < 7; at++)
			nodes[i]->words[at] = make_word();
	}
	for (uint32_t i = count - 1; shuffled && i > 0; i--) {
		uint32_t other = gcm_bench_below(&rng, i + 1);
		struct node *node = nodes[i];

		nodes[i] = nodes[other];
		nodes[other] = node;
	}
	for (uint32_t i = 0; i < count; i++)
		nodes[i]->next = i + 1 < count ? nodes[i + 1] : NULL;
	heap.root = nodes[0];
	memset(nodes, 0, count * sizeof(*nodes));
	free(nodes);
}

static struct tree *
build_tree(uint64_t count)
{
	struct tree *tree;
	uint64_t left = (count - 1) / 2;

	if (count == 0)
		return NULL;
	tree = add_block(sizeof(*tree));
	for (uint32_t at = 0; at < 4; at++)
		tree->words[at] = make_word();
	tree->left = build_tree(left);
	tree->right = build_tree(count - 1 - left);
	return tree;
}

static void
build_small(uint64_t bytes)
{
	uint64_t nlists = bytes / sizeof(struct small) / PER_LIST;
	struct small **lists = add_block(nlists * sizeof(*lists));

	for (uint64_t i = 0; i < nlists; i++) {
		lists[i] = NULL;
		for (uint32_t at = 0; at < PER_LIST; at++) {
			struct small *small = add_block(sizeof(*small));

			small->value = make_word();
			small->next = lists[i];
			lists[i] = small;
		}
	}
	heap.root = lists;
}

static int
build_heap(const char *shape, uint64_t bytes)
{
	if (strcmp(shape, "data64k") == 0)
		build_data(bytes, 64 << 10);
	else if (strcmp(shape, "data1k") == 0)
		build_data(bytes, 1 << 10);
	else if (strcmp(shape, "list") == 0)
		build_list(bytes, false);
	else if (strcmp(shape, "shuffled") == 0)
		build_list(bytes, true);
	else if (strcmp(shape, "tree") == 0)
		heap.root = build_tree(bytes / sizeof(struct tree));
	else if (strcmp(shape, "small") == 0)
		build_small(bytes);
	else
		return -1;
	return 0;
}

/* Bytes copied, each counted once; the best of a few, before there is a heap
 * whose marking could be in the way. */
static long
copy_mb_s(void)
{
	uint64_t best_ns = UINT64_MAX;
	char *space = mmap(NULL, (size_t)COPY_BYTES * 2, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (space == MAP_FAILED)
		return 0;
	memset(space, 1, (size_t)COPY_BYTES * 2);
	for (int i = 0; i < NCOPIES; i++) {
		uint64_t start_ns = now_ns();
		uint64_t took_ns;

		memcpy(space, space + COPY_BYTES, COPY_BYTES);
		__asm__ volatile("" ::"r"(space) : "memory");
		took_ns = now_ns() - start_ns;
		best_ns = took_ns < best_ns ? took_ns : best_ns;
	}
	munmap(space, (size_t)COPY_BYTES * 2);
	return (long)((uint64_t)COPY_BYTES * 1000 / best_ns);
}

/* No cycle is forced on a program that allocates nothing at all: a little,
 * kept, each time.  By the clock: stops make the naps longer. */
static void
lie_still(uint32_t wait_ms)
{
	uint64_t end_ns = now_ns() + (uint64_t)wait_ms * 1000000;
	void **kept = NULL;

	while (now_ns() < end_ns) {
		void **block = gcm_bench_need(calloc(1, NUDGE_BYTES));

		*block = kept;
		kept = block;
		usleep(50000);
	}
	heap.nudges = kept;
}

int
main(int argc, char **argv)
{
	uint64_t start_ns = now_ns();
	uint64_t mib = gcm_bench_arg(argc, argv, 2, 512, 1);
	uint32_t wait_ms = gcm_bench_arg(argc, argv, 3, 3000, 0);
	long copied = copy_mb_s();

	if (build_heap(argc > 1 ? argv[1] : "data64k", mib << 20) != 0)
		return 2;
	gcm_bench_metric("memcpy_mb_s", copied);
	gcm_bench_metric("blocks", (long)heap.nblocks);
	gcm_bench_metric("bytes", (long)heap.bytes);
	gcm_bench_metric("ready_ms", (long)((now_ns() - start_ns) / 1000000));
	lie_still(wait_ms);
	return gcm_bench_done(heap.nblocks);
}
