/* barnes.c -- the Barnes-Hut n-body method
 *
 * MODEL   Every step builds an octree of the bodies, one block a node, walks
 *         it once for each body and frees it, children first.  Few sizes, much
 *         pointer chasing: placement counts as much as malloc itself.
 */
#include "bench.h"

#include <stdlib.h>

struct vec {
	double at[3];
};

struct body {
	struct vec place;
	struct vec speed;
};

/* A leaf holds one body; an inner node up to eight children. */
struct node {
	double mass;
	struct vec centre; /* of mass, once the tree is summed up */
	const struct body *body;
	struct node *child[];
};

enum {
	NCHILDREN = 8,
	DEPTH_MAX = 40
};

static struct node *
new_leaf(const struct body *body)
{
	struct node *node = gcm_bench_need(malloc(sizeof(*node)));

	node->mass = 1.0;
	node->centre = body->place;
	node->body = body;
	return node;
}

static struct node *
new_inner(void)
{
	return gcm_bench_need(
	    calloc(1, sizeof(struct node) + NCHILDREN * sizeof(struct node *)));
}

/* The child octant of `middle` that `place` is in; `middle` moves there. */
static unsigned
descend(struct vec *middle, const struct vec *place, double half)
{
	unsigned octant = 0;

	for (unsigned axis = 0; axis < 3; axis++) {
		bool high = place->at[axis] > middle->at[axis];

		octant |= (unsigned)high << axis;
		middle->at[axis] += high ? half / 2 : -half / 2;
	}
	return octant;
}

/* Bodies closer than the depth allows share one leaf's mass. */
static void
insert_body(struct node **where, const struct body *body, struct vec middle,
    double half)
{
	for (unsigned depth = 0; depth < DEPTH_MAX; depth++) {
		struct node *node = *where;

		if (node == NULL) {
			*where = new_leaf(body);
			return;
		}
		if (node->body != NULL) {
			struct vec lower = middle;
			struct node *inner = new_inner();

			inner
			    ->child[descend(&lower, &node->body->place, half)] =
			    node;
			*where = node = inner;
		}
		where = &node->child[descend(&middle, &body->place, half)];
		half /= 2;
	}
	(*where)->mass += 1.0;
}

static void
sum_up(struct node *node)
{
	if (node->body != NULL)
		return;
	for (unsigned i = 0; i < NCHILDREN; i++) {
		const struct node *child = node->child[i];

		if (child == NULL)
			continue;
		sum_up(node->child[i]);
		node->mass += child->mass;
		for (unsigned axis = 0; axis < 3; axis++)
			node->centre.at[axis] +=
			    child->mass * child->centre.at[axis];
	}
	for (unsigned axis = 0; axis < 3; axis++)
		node->centre.at[axis] /= node->mass;
}

static void
pull(struct body *body, const struct node *node, double width)
{
	struct vec way;
	double square = 1e-3;

	for (unsigned axis = 0; axis < 3; axis++) {
		way.at[axis] = node->centre.at[axis] - body->place.at[axis];
		square += way.at[axis] * way.at[axis];
	}
	if (node->body != NULL || width * width < square) {
		double force = 1e-9 * node->mass / square;

		for (unsigned axis = 0; axis < 3; axis++)
			body->speed.at[axis] += force * way.at[axis];
		return;
	}
	for (unsigned i = 0; i < NCHILDREN; i++)
		if (node->child[i] != NULL)
			pull(body, node->child[i], width / 2);
}

static void
free_tree(struct node *node)
{
	if (node == NULL)
		return;
	if (node->body == NULL)
		for (unsigned i = 0; i < NCHILDREN; i++)
			free_tree(node->child[i]);
	free(node);
}

static void
step_bodies(struct body *bodies, uint32_t nbodies)
{
	static const struct vec middle = {{0.5, 0.5, 0.5}};
	struct node *root = NULL;

	for (uint32_t i = 0; i < nbodies; i++)
		insert_body(&root, &bodies[i], middle, 0.5);
	sum_up(root);
	for (uint32_t i = 0; i < nbodies; i++)
		pull(&bodies[i], root, 1.0);
	free_tree(root);
	for (uint32_t i = 0; i < nbodies; i++)
		for (unsigned axis = 0; axis < 3; axis++)
			bodies[i].place.at[axis] += bodies[i].speed.at[axis];
}

int
main(int argc, char **argv)
{
	uint32_t nsteps = gcm_bench_arg(argc, argv, 1, 30, 1);
	uint32_t nbodies = gcm_bench_arg(argc, argv, 2, 20000, 2);
	struct body *bodies = gcm_bench_need(calloc(nbodies, sizeof(*bodies)));
	struct gcm_bench_rng rng = {9};
	double sum = 0;

	for (uint32_t i = 0; i < nbodies; i++)
		for (unsigned axis = 0; axis < 3; axis++)
			bodies[i].place.at[axis] =
			    gcm_bench_below(&rng, UINT32_MAX) * 0x1p-32;
	for (uint32_t i = 0; i < nsteps; i++)
		step_bodies(bodies, nbodies);
	for (uint32_t i = 0; i < nbodies; i++)
		sum += bodies[i].place.at[0];
	free(bodies);
	return gcm_bench_done((uint64_t)(sum * 1e6));
}
