/* next_malloc.c -- a program that wraps the malloc family
 *
 * MODEL   Tracers and wrappers define malloc and free and pass the call on:
 *         to the next definition that dlsym(RTLD_NEXT) finds, or to glibc's
 *         __libc_malloc and its kin.  dlsym itself may allocate, in the
 *         middle of a first malloc.  Either way the blocks are the library's
 *         and both doors lead to one heap.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/stress/kit.h"

extern void *__libc_malloc(size_t size);
extern void __libc_free(void *p);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t align, size_t size);

static atomic_long ncalls;
static atomic_bool by_alias;

static void *(*next_malloc)(size_t);
static void (*next_free)(void *);
static void *(*next_calloc)(size_t, size_t);
static void *(*next_realloc)(void *, size_t);
static void *(*next_memalign)(size_t, size_t);
static __thread bool finding;

/* While dlsym runs, what it asks for comes by the other door. */
static void
find_next(void)
{
	finding = true;
	*(void **)&next_free = dlsym(RTLD_NEXT, "free");
	*(void **)&next_calloc = dlsym(RTLD_NEXT, "calloc");
	*(void **)&next_realloc = dlsym(RTLD_NEXT, "realloc");
	*(void **)&next_memalign = dlsym(RTLD_NEXT, "memalign");
	*(void **)&next_malloc = dlsym(RTLD_NEXT, "malloc");
	finding = false;
}

/* The alias for every other call: the block's origin must not matter. */
static bool
alias_now(void)
{
	long n = atomic_fetch_add(&ncalls, 1);

	if (finding)
		return true;
	if (next_malloc == NULL)
		find_next();
	return atomic_load(&by_alias) && n % 2 == 0;
}

void *
malloc(size_t size)
{
	return alias_now() ? __libc_malloc(size) : next_malloc(size);
}

void
free(void *p)
{
	if (alias_now())
		__libc_free(p);
	else
		next_free(p);
}

void *
calloc(size_t n, size_t size)
{
	return alias_now() ? __libc_calloc(n, size) : next_calloc(n, size);
}

void *
realloc(void *p, size_t size)
{
	return alias_now() ? __libc_realloc(p, size) : next_realloc(p, size);
}

void *
memalign(size_t align, size_t size)
{
	return alias_now() ? __libc_memalign(align, size)
			   : next_memalign(align, size);
}

static void *
work(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	struct kit_block blocks[300] = {{NULL, 0, 0}};

	for (long i = 0; i < kit_scale(30000, 1000000); i++) {
		struct kit_block *b = &blocks[kit_below(&rng, 300)];

		if (b->p == NULL)
			kit_block_new(b, &rng, kit_size(&rng, 90000), 1);
		else if (kit_below(&rng, 3) == 0)
			kit_block_resize(b, &rng, kit_size(&rng, 90000));
		else
			kit_block_free(b);
	}
	for (size_t i = 0; i < 300; i++) {
		if (blocks[i].p != NULL)
			kit_block_free(&blocks[i]);
	}
	return NULL;
}

static void
work_in_all(void)
{
	pthread_t threads[4];
	pid_t child;

	for (uintptr_t i = 0; i < 4; i++)
		threads[i] = kit_thread(work, (void *)i);
	child = kit_fork();
	if (child == 0) {
		work((void *)9);
		exit(0);
	}
	kit_reap(child);
	for (size_t i = 0; i < 4; i++)
		kit_join(threads[i]);
	free(fopen("/dev/null", "r") != NULL ? strdup("text") : NULL);
	KIT_CHECK(atomic_load(&ncalls) > 100000);
}

static void
by_next(void)
{
	work_in_all();
}

static void
by_both(void)
{
	atomic_store(&by_alias, true);
	work_in_all();
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"by-next", by_next, 0, 0},
	    {"by-both", by_both, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
