/* load.c -- the library and the loader
 *
 * MODEL   plugin.c allocates in its IFUNC resolver, constructor and
 *         destructor.  It is preloaded before the library, opened and closed
 *         again and again, from one and from four threads.  Then the library
 *         itself is opened by dlopen in a process whose malloc is glibc's.
 *
 *         Not asked for: a resolver in an object that comes later in the
 *         loader's list.  It runs before the library has been relocated, and
 *         nothing that has thread-local storage can serve it then.
 *
 * RED     B15: with a heap that waits for libc's environment (first_use of
 *         core/heap.c) "resolver-after-library" printed "plugin: wrong".
 */
#define _GNU_SOURCE
#include "kit.h"

#include <dlfcn.h>
#include <limits.h>
#include <malloc.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void
run_with_preload(const char *preload, const char *bind_now)
{
	static char preload_entry[2 * PATH_MAX + 20];
	char name[] = "true", now[] = "LD_BIND_NOW=1";
	char *argv[] = {name, NULL};
	char *envp[] = {preload_entry, bind_now != NULL ? now : NULL, NULL};
	pid_t pid;

	snprintf(
	    preload_entry, sizeof(preload_entry), "LD_PRELOAD=%s", preload);
	KIT_CHECK(posix_spawn(&pid, "/bin/true", NULL, NULL, argv, envp) == 0);
	kit_reap(pid);
}

static void
find_plugin(char *path)
{
	if (!kit_beside("plugin.so", path, PATH_MAX))
		KIT_FAIL("no plugin.so beside the program");
}

/* The loader relocates its list from the end: the library comes first. */
static void
resolver_after_library(void)
{
	static char plugin[PATH_MAX], list[2 * PATH_MAX];

	find_plugin(plugin);
	snprintf(list, sizeof(list), "%s:%s", plugin, kit_lib());
	run_with_preload(list, NULL);
	run_with_preload(list, "now");
}

/* -- dlopen and dlclose -- */

static void
open_and_close(const char *path, int n)
{
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	int (*play)(int);

	if (handle == NULL)
		KIT_FAIL("%s", dlerror());
	*(void **)&play = dlsym(handle, "plugin_play");
	for (int i = n; i >= 0; i--)
		KIT_CHECK(play(i) == i + 1);
	KIT_CHECK(dlclose(handle) == 0);
	KIT_CHECK(dlsym(RTLD_DEFAULT, "plugin_play") == NULL);
	free(strdup(dlerror()));
}

static void
again_and_again(void)
{
	static char path[PATH_MAX];
	long before = 0;
	int n = (int)kit_scale(1500, 30000);

	find_plugin(path);
	for (int i = 0; i < n; i++) {
		open_and_close(path, 20);
		if (i == n / 4)
			before = kit_rss();
	}
	if (kit_rss() > before + (3 << 20))
		KIT_FAIL("%ld KiB resident at first, %ld in the end",
		    before >> 10, kit_rss() >> 10);
}

static void *plugin_of_all;

/* Touches the plugin's thread-local block, or opens another. */
static void *
play_in_thread(void *arg)
{
	int (*play)(int);

	*(void **)&play = dlsym(plugin_of_all, "plugin_play");
	for (int i = 0; i < 30; i++)
		play(30 - i - 1);
	free(dlopen("/nowhere.so", RTLD_NOW));
	free(strdup(dlerror()));
	return arg;
}

static void
in_threads(void)
{
	static char path[PATH_MAX];

	find_plugin(path);
	for (long i = 0; i < kit_scale(300, 10000); i++) {
		pthread_t threads[4];

		plugin_of_all = dlopen(path, RTLD_NOW);
		KIT_CHECK(plugin_of_all != NULL);
		for (size_t j = 0; j < 4; j++)
			threads[j] = kit_thread(play_in_thread, NULL);
		for (size_t j = 0; j < 4; j++)
			kit_join(threads[j]);
		KIT_CHECK(dlclose(plugin_of_all) == 0);
	}
}

/* -- the library by dlopen -- */

static void *(*lib_malloc)(size_t);
static void *(*lib_realloc)(void *, size_t);
static void (*lib_free)(void *);
static size_t (*lib_usable)(void *);

static void
open_library(void)
{
	void *handle = dlopen(kit_lib(), RTLD_NOW | RTLD_LOCAL);

	if (handle == NULL)
		KIT_FAIL("%s", dlerror());
	*(void **)&lib_malloc = dlsym(handle, "malloc");
	*(void **)&lib_realloc = dlsym(handle, "realloc");
	*(void **)&lib_free = dlsym(handle, "free");
	*(void **)&lib_usable = dlsym(handle, "malloc_usable_size");
	KIT_CHECK(lib_malloc != NULL && lib_malloc != malloc);
	KIT_CHECK(lib_free != NULL && lib_realloc != NULL);
}

/* Blocks of glibc's may be given to the library, as a foreign pointer. */
static void *
use_both(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	struct kit_block blocks[200] = {{NULL, 0, 0}};
	bool ours[200] = {false};

	for (long i = 0; i < kit_scale(30000, 1000000); i++) {
		size_t at = kit_below(&rng, 200);
		size_t size = 1 + kit_size(&rng, 200000);
		struct kit_block *b = &blocks[at];

		if (b->p != NULL)
			kit_block_check(b);
		if (b->p != NULL && kit_below(&rng, 4) == 0) {
			b->p = lib_realloc(b->p, size);
		} else {
			if (ours[at] || kit_below(&rng, 2) == 0)
				lib_free(b->p);
			else
				free(b->p);
			ours[at] = kit_below(&rng, 2) == 0;
			b->p = ours[at] ? lib_malloc(size) : malloc(size);
		}
		KIT_CHECK(b->p != NULL && lib_usable(b->p) >= size);
		kit_block_adopt(b, b->p, size, 1);
	}
	for (size_t i = 0; i < 200; i++)
		lib_free(blocks[i].p);
	return NULL;
}

static void
library_opened(void)
{
	pthread_t threads[4];
	pid_t child;

	if (*kit_lib() == '\0')
		kit_skip("no library");
	open_library();
	for (size_t i = 0; i < 4; i++)
		threads[i] = kit_thread(use_both, (void *)i);
	for (size_t i = 0; i < 4; i++)
		kit_join(threads[i]);
	child = kit_fork();
	if (child == 0) {
		use_both((void *)9);
		exit(0);
	}
	kit_reap(child);
}

static void *
use_library(void *arg)
{
	for (size_t i = 0; i < 2000; i++)
		lib_free(lib_malloc(i * 10));
	return arg;
}

/* Closed while blocks are out: they must stay readable, and freeable after
 * it is opened again.
 */
static void
library_closed(void)
{
	if (*kit_lib() == '\0')
		kit_skip("no library");
	for (int i = 0; i < 50; i++) {
		void *handle = dlopen(kit_lib(), RTLD_NOW | RTLD_LOCAL);
		unsigned char *p;

		open_library();
		p = lib_malloc(5000);
		memset(p, i, 5000);
		kit_join(kit_thread(use_library, NULL));
		dlclose(handle);
		dlclose(handle);
		KIT_CHECK(p[4999] == i);
		open_library();
		lib_free(p);
		free(malloc(1000));
	}
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"resolver-after-library", resolver_after_library, 0, 0},
	    {"again-and-again", again_and_again, 0, 0},
	    {"in-threads", in_threads, 0, 0},
	    {"library-opened", library_opened, KIT_PLAIN, 0},
	    {"library-closed", library_closed, KIT_PLAIN, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
