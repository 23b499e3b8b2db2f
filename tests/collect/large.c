/* large.c -- a heap so large that several threads look at it in a stop
 *
 * MODEL   Nodes in 128 MiB.  Each thread has a share of them, takes what a
 *         node points to, a block that leads to another one, and puts it into
 *         another node a cycle's time later.  Until then only its stack has it:
 *         the last stop finds many that were never met before, on pages spread
 *         all over the heap.  The library marks twice (verify=1), and blocks
 *         know what is in them.
 *
 * PROOF   Without the gcm_mark_flush of look_at_pieces (scan/trace.c) what a
 *         helper found stays with it: in four of five runs "verify: reachable
 * and not marked", SIGABRT.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/stress/kit.h"

enum {
	NNODES = 1 << 20,
	NODE_BYTES = 128,
	NTHREADS = 2,
	SHARE = NNODES / NTHREADS,
	SPREAD = 3, /* every such node has something to point to */
	HELD = 4000,
	BURST = 150,
	REST_US = 1000
};

struct leaf {
	uint64_t key;
	char rest[24];
};

struct twig {
	struct leaf *leaf;
	uint64_t key;
	char rest[32];
};

struct node {
	struct twig *twig;
	char rest[NODE_BYTES - sizeof(struct twig *)];
};

static struct node **nodes;
static double end;

static void
check_twig(const struct twig *twig)
{
	KIT_CHECK(twig->leaf->key == ~twig->key);
}

static void
grow_node(size_t i)
{
	struct node *node = calloc(1, sizeof(*node));

	if (i % SPREAD == 0) {
		node->twig = calloc(1, sizeof(struct twig));
		node->twig->leaf = calloc(1, sizeof(struct leaf));
		node->twig->key = i * 2654435761u;
		node->twig->leaf->key = ~node->twig->key;
	}
	nodes[i] = node;
}

static void *
move_twigs(void *arg)
{
	struct twig *volatile held[HELD] = {NULL};
	size_t first = (size_t)(uintptr_t)arg * SHARE, at = 0;
	struct kit_rng rng = kit_rng_new(first);

	while (kit_now() < end) {
		for (int i = 0; i < BURST; i++) {
			struct node *node =
			    nodes[first + kit_below(&rng, SHARE)];
			struct twig *twig = held[at];

			held[at] = node->twig;
			node->twig = twig;
			at = (at + 1) % HELD;
			if (twig != NULL)
				check_twig(twig);
		}
		usleep(REST_US);
	}
	for (size_t i = 0, j = 0; i < HELD; i++) {
		for (; held[i] != NULL && nodes[first + j]->twig != NULL;)
			j++;
		if (held[i] != NULL)
			nodes[first + j]->twig = held[i];
	}
	return NULL;
}

static void
moves(void)
{
	pthread_t threads[NTHREADS];
	size_t ntwigs = 0;

	nodes = calloc(NNODES, sizeof(struct node *));
	for (size_t i = 0; i < NNODES; i++)
		grow_node(i);
	end = kit_now() + (double)kit_scale(8, 60);
	for (size_t i = 0; i < NTHREADS; i++)
		threads[i] = kit_thread(move_twigs, (void *)(uintptr_t)i);
	for (size_t i = 0; i < NTHREADS; i++)
		kit_join(threads[i]);
	for (size_t i = 0; i < NNODES; i++)
		if (nodes[i]->twig != NULL) {
			check_twig(nodes[i]->twig);
			ntwigs++;
		}
	KIT_CHECK(ntwigs == (NNODES + SPREAD - 1) / SPREAD);
}

static const struct kit_case cases[] = {
    {"moves", moves, 0, 300},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	if (argc == 3)
		return kit_main(argc, argv, cases);
	setenv("GCM_INTERVAL", "20ms", 1);
	setenv("GCM_GRACE", "0", 1);
	setenv("GCM_PAUSE", "100ms", 1); /* one stop does it */
	setenv("GCM_DEBUG", "poison=1,verify=1", 1);
	return kit_main(argc, argv, cases);
}
