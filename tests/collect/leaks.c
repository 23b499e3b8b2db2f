/* leaks.c -- programs that lose memory for ever stay small
 *
 * Each body loses structures of one shape again and again, at default options,
 * and many times over what it may ever hold resident.
 *
 * RED     Without settle_words (push_full in scan/mark.c) "chains" printed "191
 *         MiB resident for 91".
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/collect/child.h"

#define MIB ((size_t)1 << 20)

static struct kit_rng rng;

/* Fill and forget: what a leak loses is memory that was used. */
static void *
get(size_t size)
{
	char *p = malloc(size);

	if (p == NULL)
		KIT_FAIL("malloc");
	for (size_t i = 0; i < size; i += 1024)
		p[i] = 1;
	return p;
}

static int
lose(size_t total, size_t (*once)(void))
{
	size_t lost = 0;

	rng = kit_rng_new(1);
	while (lost < total)
		lost += once();
	return 0;
}

/* What one program loses: 1 GiB is lost by all of them together. */
static size_t
share(size_t mib)
{
	return (size_t)kit_scale(1, 4) * mib * MIB;
}

/* Shapes
 * ----------------------------------------------------------------------- */

static size_t
each_class(void)
{
	size_t lost = 0;

	for (size_t size = 1; size <= 60000; size += size / 8 + 1) {
		get(size);
		lost += size;
	}
	return lost;
}

struct node {
	struct node *next, *prev;
	size_t words[3];
};

static struct node *
make_list(size_t n)
{
	struct node *head = NULL;

	while (n-- > 0) {
		struct node *node = get(sizeof(*node));

		node->next = head;
		node->prev = NULL;
		head = node;
	}
	return head;
}

static size_t
long_list(void)
{
	make_list(100000);
	return 100000 * sizeof(struct node);
}

static size_t
ring(void)
{
	struct node *first = get(sizeof(*first)), *last = first;
	size_t n = 1 + kit_below(&rng, 5000);

	for (size_t i = 1; i < n; i++) {
		last->next = get(sizeof(*last));
		last = last->next;
	}
	last->next = first;
	return n * sizeof(*first);
}

static size_t
doubly_linked(void)
{
	struct node *first = make_list(2000), *node = first;

	for (; node->next != NULL; node = node->next)
		node->next->prev = node;
	node->next = first;
	first->prev = node;
	return 2000 * sizeof(*node);
}

static void *
make_tree(unsigned depth)
{
	void **tree = get(48);

	for (size_t i = 0; i < 4; i++)
		tree[i] = depth > 0 ? make_tree(depth - 1) : NULL;
	return tree;
}

static size_t
tree(void)
{
	make_tree(6);
	return 5461 * 48;
}

static size_t
large(void)
{
	size_t size = (size_t)64 << 10 << kit_below(&rng, 11);

	size += kit_below(&rng, size / 2);
	if (size > 100 * MIB)
		size = 100 * MIB;
	get(size);
	return size;
}

static pthread_key_t key;

static void
make_key(void)
{
	KIT_CHECK(pthread_key_create(&key, NULL) == 0);
}

static void *
lose_in_thread(void *arg)
{
	static __thread void *volatile own;

	own = make_list(200);
	KIT_CHECK(own != NULL);
	pthread_setspecific(key, make_list(2000));
	for (size_t i = 0; i < 10; i++)
		get(10000);
	return arg;
}

static size_t
dead_threads(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	pthread_t threads[4];

	pthread_once(&once, make_key);
	for (size_t i = 0; i < 4; i++)
		threads[i] = kit_thread(lose_in_thread, NULL);
	for (size_t i = 0; i < 4; i++)
		kit_join(threads[i]);
	return 4 * (2200 * sizeof(struct node) + 100000);
}

/* A server: sessions that live for a while, requests that free most of what
 * they took, and forget a little each time.
 */
static struct session {
	struct node *history;
	char *name;
	void *buffer;
} * sessions[4000];

static void
end_session(struct session *session)
{
	for (struct node *node = session->history, *next; node != NULL;
	     node = next) {
		next = node->next;
		free(node);
	}
	free(session->buffer); /* but not its name */
	free(session);
}

static size_t
request(void)
{
	size_t i = kit_below(&rng, KIT_COUNT(sessions)), lost = 0;
	struct session *session = sessions[i];
	struct node *entry = get(sizeof(*entry));
	void *parts[12];

	if (session == NULL || kit_below(&rng, 20) == 0) {
		if (session != NULL)
			end_session(session);
		session = sessions[i] = calloc(1, sizeof(*session));
		session->name = get(200);
		session->buffer = get(2000);
		lost += 200;
	}
	entry->next = session->history;
	session->history = entry;
	for (size_t j = 0; j < 12; j++)
		parts[j] = get(kit_size(&rng, 4000) + 1);
	for (size_t j = 1; j < 12; j++)
		free(parts[j]);
	return lost + malloc_usable_size(parts[0]);
}

#define LOSING(shape, mib)                                                     \
	static int lose_##shape(void)                                          \
	{                                                                      \
		return lose(share(mib), shape);                                \
	}
LOSING(each_class, 150)
LOSING(long_list, 120)
LOSING(ring, 120)
LOSING(doubly_linked, 120)
LOSING(tree, 120)
LOSING(large, 2000)
LOSING(dead_threads, 150)
LOSING(request, 250)

/* A list too long for any recursion
 * ---------------------------------------------------------------- */

enum {
	DEEP = 3000000
};

static struct deep {
	struct deep *next;
	size_t number;
} * deep;

static __attribute__((noinline)) void
make_deep(void)
{
	for (size_t i = 0; i < DEEP; i++) {
		struct deep *node = malloc(sizeof(*node));

		node->next = deep;
		node->number = i;
		deep = node;
	}
}

static __attribute__((noinline)) void
check_deep(void)
{
	size_t i = DEEP;

	for (const struct deep *node = deep; node != NULL; node = node->next)
		KIT_CHECK(node->number == --i);
	KIT_CHECK(i == 0);
}

static int
live_and_drop(void)
{
	size_t full = DEEP * sizeof(struct deep), before, after;

	for (size_t round = 0; round < 2; round++) {
		make_deep();
		for (size_t i = 0; i < 2; i++) {
			body_await(1);
			check_deep();
		}
		body_clear_stack();
		before = body_reclaimed();
		deep = NULL;
		body_await(2);
		after = body_reclaimed();
		if (after - before < full / 100 * 99)
			KIT_FAIL(
			    "of %zu bytes %zu came back", full, after - before);
	}
	return 0;
}

/* Each block is led to by many words, which wait on the mark stack.  Short
 * blocks' words are pushed unlooked at.
 */
enum {
	CHAINS = 16,
	LINKS = 50000,
	WORDS = 15
};

static struct link {
	struct link *to[WORDS];
} * chains[CHAINS];

static __attribute__((noinline)) void
make_chain(size_t k)
{
	struct link *last = NULL;

	for (size_t i = 0; i < LINKS; i++) {
		struct link *link = malloc(sizeof(*link));

		if (last == NULL)
			chains[k] = last = link;
		link->to[0] = last;
		for (size_t j = 1; j < WORDS - 1; j++)
			link->to[j] = chains[k];
		link->to[WORDS - 1] = NULL;
		last->to[WORDS - 1] = link;
		last = link;
	}
	last->to[WORDS - 1] = NULL;
}

static int
keep_chains(void)
{
	size_t full = CHAINS * LINKS * sizeof(struct link), most;

	for (size_t k = 0; k < CHAINS; k++)
		make_chain(k);
	body_await(3);
	most = (size_t)kit_status("VmHWM") << 10;
	for (size_t k = 0; k < CHAINS; k++) {
		const struct link *link = chains[k];

		for (size_t i = 1; i < LINKS; i++) {
			KIT_CHECK(link->to[WORDS - 1]->to[0] == link);
			link = link->to[WORDS - 1];
		}
	}
	if (most > full + full / 2)
		KIT_FAIL("%zu MiB resident for %zu", most / MIB, full / MIB);
	return 0;
}

static const struct child_body bodies[] = {
    {"each-class", lose_each_class},
    {"long-list", lose_long_list},
    {"ring", lose_ring},
    {"doubly-linked", lose_doubly_linked},
    {"tree", lose_tree},
    {"large", lose_large},
    {"dead-threads", lose_dead_threads},
    {"server", lose_request},
    {"deep", live_and_drop},
    {"chains", keep_chains},
    {NULL, NULL},
};

/* Cases
 * ------------------------------------------------------------------------ */

static void
stays_below(const char *body, size_t mib)
{
	struct child child = {0};

	child_run(&child, body, NULL);
	child_is_good(&child, 3);
	if (child.max_rss > mib * MIB)
		KIT_FAIL("%zu MiB resident, at most %zu (%u collections, %u "
			 "given up, %zu MiB reclaimed)",
		    child.max_rss / MIB, mib, child.completed, child.abandoned,
		    (size_t)child.reclaimed / MIB);
}

#define CASE(name, body, mib)                                                  \
	static void name(void)                                                 \
	{                                                                      \
		stays_below(body, mib);                                        \
	}
CASE(of_each_class, "each-class", 90)
CASE(of_lists, "long-list", 90)
CASE(of_rings, "ring", 90)
CASE(of_doubly_linked, "doubly-linked", 90)
CASE(of_trees, "tree", 90)
CASE(of_large, "large", 900) /* blocks of up to 96 MiB */
CASE(of_threads, "dead-threads", 90)
CASE(of_server, "server", 150)

static void
in_chains(void)
{
	static const char *const options[] = {
	    "GCM_MINHEAP=64MiB", "GCM_INTERVAL=300ms", NULL};
	struct child child = {0};

	child_run(&child, "chains", options);
	child_is_good(&child, 3);
}

static void
long_live(void)
{
	static const char *const options[][4] = {
	    {"GCM_INTERVAL=20ms", "GCM_CONCURRENT=pagemap", NULL},
	    {"GCM_INTERVAL=20ms", "GCM_CONCURRENT=fork", NULL},
	    {"GCM_INTERVAL=20ms", "GCM_CONCURRENT=off", NULL},
	};

	for (size_t i = 0; i < KIT_COUNT(options); i++) {
		struct child child = {0};

		child_run(&child, "deep", options[i]);
		child_is_good(&child, 8);
	}
}

static const struct kit_case cases[] = {
    {"each-class", of_each_class, KIT_PLAIN, 0},
    {"lists", of_lists, KIT_PLAIN, 0},
    {"rings", of_rings, KIT_PLAIN, 0},
    {"doubly-linked", of_doubly_linked, KIT_PLAIN, 0},
    {"trees", of_trees, KIT_PLAIN, 0},
    {"large", of_large, KIT_PLAIN, 0},
    {"threads", of_threads, KIT_PLAIN, 0},
    {"server", of_server, KIT_PLAIN, 0},
    {"chains", in_chains, KIT_PLAIN, 0},
    {"deep", long_live, KIT_PLAIN, 0},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return child_main(argc, argv, cases, bodies);
}
