/* own_malloc.c -- a program with an allocator of its own
 *
 * MODEL   The executable defines the whole family, so every object's calls
 *         go there and the library's malloc is never reached; all else of
 *         the library is there (what it interposes for threads, forks,
 *         mappings, the loader).  None of it may allocate from, free to, or
 *         look into a heap that has no blocks.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/stress/kit.h"

enum {
	ARENA = 256 << 20,
	HEADER = 16
};

/* Never reused: the size before each block, from one moving end. */
static unsigned char *_Atomic arena;
static atomic_size_t used;
static atomic_long nmallocs, nfrees;

static unsigned char *
arena_base(void)
{
	unsigned char *base = atomic_load(&arena), *none = NULL;

	if (base != NULL)
		return base;
	base = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!atomic_compare_exchange_strong(&arena, &none, base)) {
		munmap(base, ARENA);
		return none;
	}
	return base;
}

static void *
take(size_t size, size_t align)
{
	unsigned char *base = arena_base();
	size_t room, at;

	align = align < 16 ? 16 : align;
	if (size > ARENA / 4 || align > ARENA / 4) {
		errno = ENOMEM;
		return NULL;
	}
	room = HEADER + align + (size + 15) / 16 * 16;
	at = atomic_fetch_add(&used, room);
	if (at + room > ARENA) {
		errno = ENOMEM;
		return NULL;
	}
	atomic_fetch_add(&nmallocs, 1);
	at = (((uintptr_t)base + at + HEADER + align - 1) & ~(align - 1)) -
	     (uintptr_t)base;
	memcpy(base + at - HEADER, &size, sizeof(size));
	return base + at;
}

void *
malloc(size_t size)
{
	return take(size, 16);
}

void
free(void *p)
{
	if (p == NULL)
		return;
	if ((unsigned char *)p - arena_base() < 0 ||
	    (unsigned char *)p - arena_base() >= ARENA)
		KIT_FAIL("a block of somebody else's: %p", p);
	atomic_fetch_add(&nfrees, 1);
}

size_t
malloc_usable_size(void *p)
{
	size_t size = 0;

	if (p != NULL)
		memcpy(&size, (unsigned char *)p - HEADER, sizeof(size));
	return size;
}

void *
calloc(size_t n, size_t size)
{
	size_t total;

	if (__builtin_mul_overflow(n, size, &total)) {
		errno = ENOMEM;
		return NULL;
	}
	return take(total, 16);
}

void *
realloc(void *p, size_t size)
{
	void *q = take(size, 16);
	size_t old = malloc_usable_size(p);

	if (p != NULL && q != NULL) {
		memcpy(q, p, old < size ? old : size);
		free(p);
	}
	return q;
}

void *
memalign(size_t align, size_t size)
{
	return take(size, align);
}

void *
aligned_alloc(size_t align, size_t size)
{
	return take(size, align);
}

int
posix_memalign(void **p, size_t align, size_t size)
{
	*p = take(size, align);
	return *p != NULL ? 0 : ENOMEM;
}

void *
valloc(size_t size)
{
	return take(size, 4096);
}

void *
pvalloc(size_t size)
{
	return take((size + 4095) & ~(size_t)4095, 4096);
}

/* -- the program -- */

static void *
work(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);

	for (int i = 0; i < 500; i++) {
		struct kit_block b;
		char *text = NULL;

		kit_block_new(&b, &rng, kit_size(&rng, 5000), 1);
		kit_block_resize(&b, &rng, kit_size(&rng, 5000));
		kit_block_free(&b);
		KIT_CHECK(asprintf(&text, "%d", i) > 0);
		free(strdup(text));
		free(text);
	}
	return NULL;
}

static void
everything(void)
{
	for (uintptr_t i = 0; i < 20; i++) {
		pthread_t threads[4];

		for (uintptr_t j = 0; j < 4; j++)
			threads[j] = kit_thread(work, (void *)(i * 4 + j));
		for (size_t j = 0; j < 4; j++)
			kit_join(threads[j]);
	}
	for (int i = 0; i < 20; i++) {
		pid_t child = kit_fork();

		if (child == 0) {
			kit_join(kit_thread(work, NULL));
			exit(0);
		}
		kit_reap(child);
	}
	KIT_CHECK(system("exit 3") == 3 << 8);
	KIT_CHECK(atomic_load(&nmallocs) > 100000);
	KIT_CHECK(atomic_load(&nfrees) > 100000);
}

static void
with_loader(void)
{
	static char path[PATH_MAX];

	work(NULL);
	if (!kit_beside("preload_plugin.so", path, sizeof(path)))
		KIT_FAIL("no preload_plugin.so beside the program");
	for (int i = 0; i < 50; i++) {
		void *handle = dlopen(path, RTLD_NOW);
		void *(*give)(size_t);
		void (*take_back)(void *);

		KIT_CHECK(handle != NULL);
		*(void **)&give = dlsym(handle, "plugin_give");
		*(void **)&take_back = dlsym(handle, "plugin_take");
		free(give(100));
		take_back(malloc(100));
		KIT_CHECK(dlclose(handle) == 0);
		free(strdup(dlerror() == NULL ? "none" : "one"));
	}
}

static void
with_pages(void)
{
	for (size_t i = 1; i < 100; i++) {
		unsigned char *p = memalign(4096, i * 4096);

		KIT_CHECK(mprotect(p, 4096, PROT_NONE) == 0);
		KIT_CHECK(mprotect(p, 4096, PROT_READ | PROT_WRITE) == 0);
		KIT_CHECK(madvise(p, 4096, MADV_DONTNEED) == 0);
		p[0] = 1;
		free(p);
	}
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"everything", everything, 0, 0},
	    {"with-loader", with_loader, 0, 0},
	    {"with-pages", with_pages, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
