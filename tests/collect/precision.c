/* precision.c -- what is dropped comes back, and all of it
 *
 * A body makes blocks, drops some whose sizes it knows, and has two collections
 * (GCM_GRACE=1): the bytes they reclaimed are at least 99 % of it, and no more
 * than that and what else was dropped.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "tests/collect/child.h"

enum {
	BLOCKS = 60000,
	TABLE = 4096,
	RINGS = 300,
	LARGE = 60,
	SLACK = 64 << 10 /* of the library and of libc */
};

struct item {
	struct item *next, *other;
	size_t size; /* usable */
	uint64_t cookie;
};

static struct kit_rng rng;
static struct item *table[TABLE];
static size_t dropped; /* bytes */

static struct item *
new_item(size_t size)
{
	struct item *item = calloc(1, size + sizeof(*item));

	if (item == NULL)
		KIT_FAIL("calloc");
	item->size = malloc_usable_size(item);
	item->cookie = item->size * 0x9e3779b97f4a7c15u;
	return item;
}

static void
check_items(void)
{
	for (size_t i = 0; i < TABLE; i++) {
		for (struct item *item = table[i]; item != NULL;
		     item = item->next)
			KIT_CHECK(
			    item->cookie == item->size * 0x9e3779b97f4a7c15u);
	}
}

/* Shapes: fill, then drop.
 * -------------------------------------------------------- */

static __attribute__((noinline)) void
fill_table(void)
{
	for (size_t i = 0; i < BLOCKS; i++) {
		struct item *item = new_item(kit_size(&rng, 3000));
		struct item **bucket = &table[kit_below(&rng, TABLE)];

		item->next = *bucket;
		*bucket = item;
	}
}

/* Every second one, wherever it stands. */
static __attribute__((noinline)) void
drop_half(void)
{
	for (size_t i = 0; i < TABLE; i++) {
		struct item **at = &table[i];

		while (*at != NULL) {
			if (kit_below(&rng, 2) == 0) {
				dropped += (*at)->size;
				*at = (*at)->next;
			} else {
				at = &(*at)->next;
			}
		}
	}
}

static __attribute__((noinline)) void
drop_all(void)
{
	for (size_t i = 0; i < TABLE; i++) {
		for (struct item *item = table[i]; item != NULL;
		     item = item->next)
			dropped += item->size;
		table[i] = NULL;
	}
}

/* Rings that also point at what lives. */
static __attribute__((noinline)) void
fill_rings(void)
{
	for (size_t i = 0; i < RINGS; i++) {
		struct item *first = new_item(10), *last = first;

		for (size_t j = kit_below(&rng, 200); j > 0; j--) {
			last->next = new_item(kit_size(&rng, 500));
			last->next->other = last;
			last = last->next;
		}
		last->next = first;
		first->other = last;
		table[i] = first;
	}
}

static __attribute__((noinline)) void
drop_rings(void)
{
	for (size_t i = 0; i < RINGS; i++) {
		struct item *item = table[i];

		do {
			dropped += item->size;
			item = item->next;
		} while (item != table[i]);
		table[i] = NULL;
	}
}

static __attribute__((noinline)) void
fill_large(void)
{
	for (size_t i = 0; i < LARGE; i++)
		table[i] = new_item(
		    ((size_t)64 << 10 << kit_below(&rng, 8)) + 1000 * i);
}

static void *
fill_in_thread(void *arg)
{
	fill_table();
	body_clear_stack(); /* which libc keeps, and we read */
	return arg;
}

static void
fill_from_threads(void)
{
	pthread_t thread;

	for (size_t i = 0; i < 3; i++) {
		thread = kit_thread(fill_in_thread, NULL);
		kit_join(thread);
	}
}

/* Nothing points to them but each other's middles and ends. */
static __attribute__((noinline)) void
fill_interior(void)
{
	for (size_t i = 0; i < BLOCKS / 4; i++) {
		struct item *item = new_item(kit_size(&rng, 2000));
		size_t place = kit_below(&rng, TABLE);

		item->next = table[place];
		if (item->next != NULL)
			item->other = (struct item *)((char *)item->next +
						      item->next->size / 2);
		table[place] = item;
	}
}

static int
measure(void (*fill)(void), void (*drop)(void))
{
	uint64_t before, back;

	rng = kit_rng_new(1);
	fill();
	body_await(2);
	if (drop != drop_rings)
		check_items();
	body_clear_stack();
	before = body_reclaimed();
	drop();
	body_clear_stack();
	body_await(2);
	back = body_reclaimed() - before;
	if (back < dropped - dropped / 100 || back > dropped + SLACK)
		KIT_FAIL("of %zu bytes %zu came back (%.2f %%)", dropped,
		    (size_t)back, (double)back * 100 / (double)dropped);
	if (drop != drop_rings)
		check_items();
	return 0;
}

#define BODY(name, fill, drop)                                                 \
	static int name(void)                                                  \
	{                                                                      \
		return measure(fill, drop);                                    \
	}
BODY(of_half, fill_table, drop_half)
BODY(of_all, fill_table, drop_all)
BODY(of_rings, fill_rings, drop_rings)
BODY(of_large, fill_large, drop_all)
BODY(of_threads, fill_from_threads, drop_half)
BODY(of_interior, fill_interior, drop_all)

static const struct child_body bodies[] = {
    {"half", of_half},
    {"all", of_all},
    {"rings", of_rings},
    {"large", of_large},
    {"threads", of_threads},
    {"interior", of_interior},
    {NULL, NULL},
};

static void
with_each_back_end(const char *body)
{
	static const char *const options[][4] = {
	    {"GCM_INTERVAL=20ms", "GCM_MINHEAP=0", "GCM_CONCURRENT=pagemap"},
	    {"GCM_INTERVAL=20ms", "GCM_MINHEAP=0", "GCM_CONCURRENT=fork"},
	    {"GCM_INTERVAL=20ms", "GCM_MINHEAP=0", "GCM_CONCURRENT=off"},
	};

	for (size_t i = 0; i < KIT_COUNT(options); i++) {
		struct child child = {0};

		child_run(&child, body, options[i]);
		if (child.status != 0)
			kit_print("%s:\n", options[i][2]);
		child_is_good(&child, 4);
	}
}

#define CASE(name, body)                                                       \
	static void name(void)                                                 \
	{                                                                      \
		with_each_back_end(body);                                      \
	}
CASE(half, "half")
CASE(all, "all")
CASE(rings, "rings")
CASE(large, "large")
CASE(threads, "threads")
CASE(interior, "interior")

static const struct kit_case cases[] = {
    {"half", half, KIT_PLAIN, 0},
    {"all", all, KIT_PLAIN, 0},
    {"rings", rings, KIT_PLAIN, 0},
    {"large", large, KIT_PLAIN, 0},
    {"threads", threads, KIT_PLAIN, 0},
    {"interior", interior, KIT_PLAIN, 0},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return child_main(argc, argv, cases, bodies);
}
