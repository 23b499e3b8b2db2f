/* explore.h -- every state that a small model can reach, shortest way first
 *
 * A model is a struct of bytes and a function that emits, for a state, each
 * state that one step of one thread can make of it.  The explorer keeps all of
 * them, breadth first, asks in each whether an invariant is broken, and knows
 * the shortest way to the first that breaks one.
 *
 * A program of models is a table of cases: the protocol as it is, which must
 * hold, and the protocol with one rule broken, which must fail, so that the
 * model is seen to be able to.
 */
#ifndef GCM_TESTS_EXPLORE_H
#define GCM_TESTS_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct explore_model {
	size_t bytes; /* of a state; no padding in it, or zeroed */
	void (*start)(void *state);
	/* Emit every successor. */
	void (*next)(const void *state);
	/* What is broken in this state, or NULL.  Stuck: nothing followed. */
	const char *(*check)(const void *state, bool stuck);
};

/* Within next: one step, by its name (a literal), leads to *state. */
void explore_emit(const void *state, const char *step);

struct explore_case {
	const char *name;
	uint32_t rules;    /* bits, the model's own */
	const char *fails; /* what is broken then, or NULL: nothing */
	bool big;          /* only in `make check-long`, or by its name */
};

/* Explore each case; a line and the trace for each that does not end as it
 * should.  With -v the traces that should be, and the numbers of states; a name
 * runs only that case.  Sets *rules before each.  What main returns.
 */
int explore_main(int argc, char **argv, const struct explore_model *model,
    const struct explore_case *cases, size_t ncases, uint32_t *rules);

#endif
