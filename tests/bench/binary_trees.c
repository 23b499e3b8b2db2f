/* binary_trees.c -- trees built and dropped: a collector's best known load
 *
 * MODEL   binary_trees DEPTH THREADS free|leak
 *         One tree of DEPTH lives to the end; meanwhile trees of depth 4, 6,
 *         ... DEPTH are built, counted and dropped, 2^(DEPTH + 4) nodes of 16
 *         bytes for each depth, shared out among THREADS.  `leak` never calls
 *         free.  Built with BENCH_LIBGC (gc.py does) it is Boehm's collector
 *         that allocates.  binary_trees.go is the same program.
 *
 *         Sensitive to the path of malloc, to whether reclaimed memory comes
 *         back in one piece, and to how far a collector lets the heap grow.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

#ifdef BENCH_LIBGC
#include <gc.h>
#define allocate GC_MALLOC
#define release GC_FREE
#else
#define allocate malloc
#define release free
#endif

enum {
	MIN_DEPTH = 4,
	MAX_DEPTH = 26
};

struct node {
	struct node *left;
	struct node *right;
};

/* One thread's share; written by it, read once it has ended. */
struct share {
	uint32_t depth;
	uint32_t first;
	uint32_t step;
	bool frees;
	uint64_t count;
};

static struct node *
build_tree(uint32_t depth)
{
	struct node *node = gcm_bench_need(allocate(sizeof(*node)));

	node->left = depth > 0 ? build_tree(depth - 1) : NULL;
	node->right = depth > 0 ? build_tree(depth - 1) : NULL;
	return node;
}

static uint64_t
count_tree(const struct node *node)
{
	if (node->left == NULL)
		return 1;
	return 1 + count_tree(node->left) + count_tree(node->right);
}

static void
free_tree(struct node *node)
{
	if (node == NULL)
		return;
	free_tree(node->left);
	free_tree(node->right);
	release(node);
}

static uint64_t
use_tree(uint32_t depth, bool frees)
{
	struct node *tree = build_tree(depth);
	uint64_t count = count_tree(tree);

	if (frees)
		free_tree(tree);
	return count;
}

static void *
build_share(void *arg)
{
	struct share *share = arg;

	for (uint32_t d = MIN_DEPTH; d <= share->depth; d += 2) {
		uint32_t ntrees = 1u << (share->depth - d + MIN_DEPTH);

		for (uint32_t i = share->first; i < ntrees; i += share->step)
			share->count += use_tree(d, share->frees);
	}
	return NULL;
}

int
main(int argc, char **argv)
{
	uint32_t depth = gcm_bench_arg(argc, argv, 1, 18, MIN_DEPTH);
	uint32_t nthreads = gcm_bench_arg(argc, argv, 2, 1, 1);
	bool frees = argc <= 3 || strcmp(argv[3], "leak") != 0;
	struct share shares[16];
	struct node *lasting;
	uint64_t count;

	if (depth > MAX_DEPTH || nthreads > 16)
		return 2;
#ifdef BENCH_LIBGC
	GC_INIT();
	GC_allow_register_threads();
#endif
	memset(shares, 0, sizeof(shares));
	count = use_tree(depth + 1, frees);
	lasting = build_tree(depth);
	for (uint32_t i = 0; i < nthreads; i++)
		shares[i] = (struct share){.depth = depth,
		    .first = i,
		    .step = nthreads,
		    .frees = frees};
	gcm_bench_threads(nthreads, build_share, shares, sizeof(shares[0]));
	for (uint32_t i = 0; i < nthreads; i++)
		count += shares[i].count;
	count += count_tree(lasting);
	return gcm_bench_done(count);
}
