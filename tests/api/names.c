/* names.c -- every name of the malloc family is the library's own
 *
 * One that is left to glibc would be given the library's blocks, or give
 * out such as the library does not know.
 *
 * RED     B19: without pvalloc in preload/exports.map "are-ours" printed
 *         "pvalloc is from ...libc.so.6".
 */
#define _GNU_SOURCE
#include "api.h"

#include <dlfcn.h>
#include <limits.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"malloc", "free", "calloc", "realloc",
    "reallocarray", "memalign", "aligned_alloc", "posix_memalign", "valloc",
    "pvalloc", "cfree", "malloc_usable_size", "mallopt", "mallinfo",
    "mallinfo2", "malloc_stats", "malloc_info", "malloc_trim", "free_sized",
    "free_aligned_sized", "__libc_malloc", "__libc_free", "__libc_cfree",
    "__libc_calloc", "__libc_realloc", "__libc_reallocarray", "__libc_memalign",
    "__libc_valloc", "__libc_pvalloc", "__posix_memalign", "__libc_mallopt",
    "__libc_mallinfo", "mallocx", "rallocx", "xallocx", "sallocx", "dallocx",
    "sdallocx", "nallocx", "mallctl", "mallctlnametomib", "mallctlbymib",
    "malloc_stats_print"};

static void
are_ours(void)
{
	char ours[PATH_MAX], theirs[PATH_MAX];

	if (!api_is_ours())
		kit_skip("not this library");
	KIT_CHECK(realpath(kit_lib(), ours) != NULL);
	for (size_t i = 0; i < KIT_COUNT(names); i++) {
		void *found = dlsym(RTLD_DEFAULT, names[i]);
		Dl_info info;

		if (found == NULL || dladdr(found, &info) == 0)
			KIT_FAIL("no %s", names[i]);
		KIT_CHECK(realpath(info.dli_fname, theirs) != NULL);
		if (strcmp(ours, theirs) != 0)
			KIT_FAIL("%s is from %s", names[i], theirs);
		if (info.dli_saddr != found)
			KIT_FAIL("%s leads elsewhere", names[i]);
	}
}

/* -- what no header declares -- */

struct calls {
	void *(*libc_malloc)(size_t);
	void (*libc_free)(void *);
	void (*libc_cfree)(void *);
	void *(*libc_calloc)(size_t, size_t);
	void *(*libc_realloc)(void *, size_t);
	void *(*libc_reallocarray)(void *, size_t, size_t);
	void *(*libc_memalign)(size_t, size_t);
	void *(*libc_valloc)(size_t);
	void *(*libc_pvalloc)(size_t);
	int (*libc_posix_memalign)(void **, size_t, size_t);
};

static void
find_calls(struct calls *c)
{
	*(void **)&c->libc_malloc = api_find("__libc_malloc");
	*(void **)&c->libc_free = api_find("__libc_free");
	*(void **)&c->libc_calloc = api_find("__libc_calloc");
	*(void **)&c->libc_realloc = api_find("__libc_realloc");
	*(void **)&c->libc_memalign = api_find("__libc_memalign");
	*(void **)&c->libc_valloc = api_find("__libc_valloc");
	*(void **)&c->libc_pvalloc = api_find("__libc_pvalloc");
	*(void **)&c->libc_cfree = api_find("__libc_cfree");
	*(void **)&c->libc_reallocarray = api_find("__libc_reallocarray");
	*(void **)&c->libc_posix_memalign = api_find("__posix_memalign");
}

/* Blocks of the one family are those of the other. */
static void
libc_names(void)
{
	static struct calls c;

	find_calls(&c);
	for (size_t size = 1; size < 1 << 20; size = size * 3 / 2 + 1) {
		void *p = c.libc_malloc(size), *q = NULL;

		KIT_CHECK(p != NULL && malloc_usable_size(p) >= size);
		p = realloc(p, 2 * size);
		p = c.libc_realloc(p, 3 * size);
		p = c.libc_reallocarray(p, size, 4);
		KIT_CHECK(p != NULL && malloc_usable_size(p) >= 4 * size);
		free(p);
		c.libc_free(malloc(size));
		c.libc_cfree(malloc(size));
		p = c.libc_calloc(size, 1);
		KIT_CHECK(p != NULL && *(char *)p == 0);
		free(p);
		p = c.libc_memalign(256, size);
		KIT_CHECK((uintptr_t)p % 256 == 0);
		free(p);
		free(c.libc_valloc(size));
		free(c.libc_pvalloc(size));
		KIT_CHECK(c.libc_posix_memalign(&q, 64, size) == 0);
		free(q);
	}
	API_FAILS(c.libc_malloc(SIZE_MAX), ENOMEM);
	API_FAILS(c.libc_calloc(SIZE_MAX, 2), ENOMEM);
	API_FAILS(c.libc_pvalloc(SIZE_MAX), ENOMEM);
	c.libc_free(NULL);
}

/* C23's frees, which are told what was asked for. */
static void
sized_frees(void)
{
	void (*free_sized)(void *, size_t);
	void (*free_aligned_sized)(void *, size_t, size_t);

	*(void **)&free_sized = api_find("free_sized");
	*(void **)&free_aligned_sized = api_find("free_aligned_sized");
	errno = API_ERRNO;
	free_sized(NULL, 0);
	free_sized(NULL, 100);
	free_aligned_sized(NULL, 64, 64);
	for (size_t size = 0; size <= 4 << 20; size = api_next_size(size)) {
		free_sized(malloc(size), size);
		free_sized(calloc(1, size), size);
		free_sized(realloc(malloc(10), size + 1), size + 1);
		for (size_t align = 1; align <= 65536; align *= 16)
			free_aligned_sized(
			    aligned_alloc(align, size), align, size);
		free_aligned_sized(aligned_alloc(1, size), 1, size);
	}
	API_ERRNO_KEPT();
	KIT_CHECK(kit_rss() < 64 << 20);
}

static void
cfree_frees(void)
{
	void (*call)(void *);

	*(void **)&call = api_find("cfree");
	errno = API_ERRNO;
	call(NULL);
	for (int i = 0; i < 1000; i++) {
		char *p = malloc(1 << 20);

		p[0] = p[(1 << 20) - 1] = 1;
		memset(p, 1, 1 << 18);
		call(p);
	}
	API_ERRNO_KEPT();
	KIT_CHECK(kit_rss() < 64 << 20);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"are-ours", are_ours, 0, 0},
	    {"libc-names", libc_names, 0, 0},
	    {"sized-frees", sized_frees, 0, 0},
	    {"cfree-frees", cfree_frees, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
