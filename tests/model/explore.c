/* explore.c -- every state that a small model can reach
 *
 * MODEL   States lie one after another in the order in which they were found,
 *         which is the queue of a breadth-first search; a hash table of their
 *         numbers tells old ones from new.  Each knows the one it came from,
 *         and by which step.
 */
#include "explore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	STATES_MOST = 20000000
};

struct origin {
	uint32_t from;
	const char *step;
};

static struct {
	const struct explore_model *model;
	unsigned char *states;
	struct origin *origins;
	uint32_t *table; /* number + 1; 0: none */
	uint32_t count, room, now;
	uint32_t mask, emitted;
} all;

static void *
resize(void *old, size_t bytes)
{
	void *new = realloc(old, bytes);

	if (new == NULL) {
		printf("explore: no memory\n");
		exit(99);
	}
	return new;
}

static unsigned char *
state_at(uint32_t i)
{
	return all.states + i * all.model->bytes;
}

static uint32_t
hash_state(const unsigned char *state)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (size_t i = 0; i < all.model->bytes; i++)
		hash = (hash ^ state[i]) * 0x100000001b3u;
	return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t *
find_state(const unsigned char *state)
{
	uint32_t i = hash_state(state) & all.mask;

	while (all.table[i] != 0 &&
	       memcmp(state_at(all.table[i] - 1), state, all.model->bytes) != 0)
		i = (i + 1) & all.mask;
	return &all.table[i];
}

static void
grow(void)
{
	all.room = all.room == 0 ? 1024 : all.room * 2;
	if (all.room > STATES_MOST) {
		printf("explore: more than %d states\n", STATES_MOST);
		exit(99);
	}
	all.states = resize(all.states, all.room * all.model->bytes);
	all.origins = resize(all.origins, all.room * sizeof(*all.origins));
	all.mask = all.room * 2 - 1;
	free(all.table);
	all.table = calloc(all.room * 2, sizeof(*all.table));
	if (all.table == NULL)
		exit(99);
	for (uint32_t i = 0; i < all.count; i++)
		*find_state(state_at(i)) = i + 1;
}

void
explore_emit(const void *state, const char *step)
{
	uint32_t *at;

	all.emitted++;
	if (all.count == all.room)
		grow();
	at = find_state(state);
	if (*at != 0)
		return;
	memcpy(state_at(all.count), state, all.model->bytes);
	all.origins[all.count] = (struct origin){all.now, step};
	*at = ++all.count;
}

/* NULL, or what is broken in the state all.now. */
static const char *
explore(const struct explore_model *model)
{
	unsigned char *copy = resize(NULL, model->bytes);
	const char *broken = NULL;

	all.model = model;
	all.count = all.now = 0;
	if (all.table != NULL)
		memset(all.table, 0, all.room * 2 * sizeof(*all.table));
	memset(copy, 0, model->bytes);
	model->start(copy);
	explore_emit(copy, "start");
	for (; all.now < all.count; all.now++) {
		all.emitted = 0;
		memcpy(copy, state_at(all.now), model->bytes);
		broken = model->check(copy, false);
		if (broken != NULL)
			break;
		model->next(copy);
		if (all.emitted == 0)
			broken = model->check(copy, true);
		if (broken != NULL)
			break;
	}
	free(copy);
	return broken;
}

static void
print_trace(uint32_t state)
{
	uint32_t steps[1000], n = 0;

	for (; state != 0 && n < 1000; state = all.origins[state].from)
		steps[n++] = state;
	while (n-- > 0)
		printf("    %s\n", all.origins[steps[n]].step);
}

static bool
run_case(const struct explore_model *model, const struct explore_case *one,
    bool verbose)
{
	const char *broken = explore(model);
	bool right =
	    broken == one->fails || (broken != NULL && one->fails != NULL &&
					strcmp(broken, one->fails) == 0);

	if (right && !verbose)
		return true;
	printf("%s: %u states: %s%s%s\n", one->name, all.count,
	    broken == NULL ? "nothing is broken" : broken,
	    right ? "" : ", but should be: ",
	    right                ? ""
	    : one->fails == NULL ? "nothing"
				 : one->fails);
	if (broken != NULL)
		print_trace(all.now);
	return right;
}

int
explore_main(int argc, char **argv, const struct explore_model *model,
    const struct explore_case *cases, size_t ncases, uint32_t *rules)
{
	bool verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
	const char *only = argc > 1 + verbose ? argv[1 + verbose] : NULL;
	int status = 0;

	for (size_t i = 0; i < ncases; i++) {
		if (only != NULL && strcmp(only, cases[i].name) != 0)
			continue;
		if (only == NULL && cases[i].big &&
		    getenv("GCMTEST_LONG") == NULL)
			continue;
		*rules = cases[i].rules;
		if (!run_case(model, &cases[i], verbose))
			status = 1;
	}
	return status;
}
