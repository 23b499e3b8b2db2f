/* crossing.c -- blocks that cross, at random and from many threads, between
 * the program and libraries that are bound to glibc's own malloc
 *
 * MODEL   The same plugin is opened three times: with RTLD_DEEPBIND, in a
 *         namespace of its own, and plainly.  Whoever allocates, grows, asks
 *         the size of or frees a block is drawn by lot.  Blocks of glibc's
 *         own heap thus come to the library and the reverse.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/stress/kit.h"

struct side {
	void *(*give)(size_t);
	void (*take)(void *);
	void *(*grow)(void *, size_t);
	size_t (*usable)(void *);
};

static struct side sides[4] = {{malloc, free, realloc, malloc_usable_size}};
static size_t nsides = 1;

static void
open_side(void *handle)
{
	struct side *side = &sides[nsides++];

	if (handle == NULL)
		KIT_FAIL("%s", dlerror());
	*(void **)&side->give = dlsym(handle, "plugin_give");
	*(void **)&side->take = dlsym(handle, "plugin_take");
	*(void **)&side->grow = dlsym(handle, "plugin_grow");
	*(void **)&side->usable = dlsym(handle, "plugin_usable");
	KIT_CHECK(side->give != NULL && side->usable != NULL);
}

static void
open_sides(bool namespace)
{
	static char path[PATH_MAX];

	if (!kit_beside("preload_plugin.so", path, sizeof(path)))
		KIT_FAIL("no preload_plugin.so beside the program");
	if (namespace)
		open_side(dlmopen(LM_ID_NEWLM, path, RTLD_NOW));
	open_side(dlopen(path, RTLD_NOW | RTLD_LOCAL | RTLD_DEEPBIND));
}

static void *
exchange(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	struct kit_block blocks[100] = {{NULL, 0, 0}};
	bool given[100] = {false};

	for (long i = 0; i < kit_scale(40000, 2000000); i++) {
		size_t at = kit_below(&rng, 100);
		size_t size = 1 + kit_size(&rng, 300000);
		const struct side *side = &sides[kit_below(&rng, nsides)];
		struct kit_block *b = &blocks[at];

		if (b->p != NULL) {
			kit_block_check(b);
			KIT_CHECK(side->usable(b->p) >= b->size);
		}
		if (given[at] && kit_below(&rng, 3) == 0) {
			b->p = side->grow(b->p, size);
		} else {
			side->take(b->p);
			side = &sides[kit_below(&rng, nsides)];
			b->p = side->give(size);
			given[at] = true;
		}
		KIT_CHECK(b->p != NULL);
		kit_block_adopt(b, b->p, size, 1);
	}
	for (size_t i = 0; i < 100; i++)
		free(blocks[i].p);
	return NULL;
}

static void
exchange_in_all(void)
{
	pthread_t threads[4];
	pid_t child;

	for (uintptr_t i = 0; i < 4; i++)
		threads[i] = kit_thread(exchange, (void *)i);
	for (size_t i = 0; i < 4; i++)
		kit_join(threads[i]);
	child = kit_fork();
	if (child == 0) {
		exchange((void *)9);
		exit(0);
	}
	kit_reap(child);
}

static void
deep_binding(void)
{
	open_sides(false);
	exchange_in_all();
}

/* The other namespace has a libc of its own: its blocks are only given here,
 * since plain glibc could not take what it does not know either.
 */
static void *
take_from_namespace(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);

	for (long i = 0; i < kit_scale(5000, 200000); i++) {
		struct kit_block b;
		size_t size = 1 + kit_size(&rng, 100000);

		kit_block_adopt(&b, sides[1].give(size), size, 1);
		KIT_CHECK(malloc_usable_size(b.p) >= size);
		if (i % 2 == 0)
			kit_block_resize(&b, &rng, kit_size(&rng, 100000));
		kit_block_free(&b);
	}
	return NULL;
}

static void
other_namespace(void)
{
	if (*kit_lib() == '\0')
		kit_skip("glibc does not know its other copy");
	open_sides(true);
	take_from_namespace(NULL);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"deep-binding", deep_binding, 0, 0},
	    {"other-namespace", other_namespace, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
