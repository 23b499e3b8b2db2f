/* preload_dl.c -- libraries that are bound to libc before the program
 *
 * Blocks cross between the program and a library opened with RTLD_DEEPBIND in
 * both directions, from its constructor on; blocks of a library in a namespace
 * of its own come to the program.  And dlopen still sees its caller.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/stress/kit.h"

static const size_t sizes[] = {
    1, 7, 24, 100, 1000, 5000, 32768, 40000, 200000, 3 << 20};

struct plugin {
	void *(*give)(size_t size);
	void (*take)(void *block);
	void *(*grow)(void *block, size_t size);
	size_t (*usable)(void *block);
	char *(*text)(const char *text);
	char *(*line)(const char *text);
	char *(*print)(const char *text);
	void *(*aligned)(size_t size);
	int (*churn)(int n);
	char **kept;
};

static void *
find(void *handle, const char *name)
{
	void *symbol = dlsym(handle, name);

	if (symbol == NULL)
		KIT_FAIL("%s", dlerror());
	return symbol;
}

static struct plugin
find_all(void *handle)
{
	struct plugin plugin;

	if (handle == NULL)
		KIT_FAIL("%s", dlerror());
	*(void **)&plugin.give = find(handle, "plugin_give");
	*(void **)&plugin.take = find(handle, "plugin_take");
	*(void **)&plugin.grow = find(handle, "plugin_grow");
	*(void **)&plugin.usable = find(handle, "plugin_usable");
	*(void **)&plugin.text = find(handle, "plugin_text");
	*(void **)&plugin.line = find(handle, "plugin_line");
	*(void **)&plugin.print = find(handle, "plugin_print");
	*(void **)&plugin.aligned = find(handle, "plugin_aligned");
	*(void **)&plugin.churn = find(handle, "plugin_churn");
	*(void **)&plugin.kept = find(handle, "plugin_kept");
	return plugin;
}

static const char *
plugin_path(void)
{
	static char path[PATH_MAX];

	if (!kit_beside("preload_plugin.so", path, sizeof(path)))
		KIT_FAIL("no preload_plugin.so beside the program");
	return path;
}

/* The plugin's blocks in the program's hands. */
static void
take_from(const struct plugin *plugin)
{
	for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
		char *block = plugin->give(sizes[i]);

		memset(block, 'p', sizes[i]);
		KIT_CHECK(malloc_usable_size(block) >= sizes[i]);
		block = realloc(block, sizes[i] + 50);
		KIT_CHECK(block[0] == 'p' && block[sizes[i] - 1] == 'p');
		free(block);
		free(plugin->aligned(sizes[i]));
	}
	free(plugin->text("text"));
	free(plugin->line("one\ntwo\n"));
	free(plugin->print("print"));
	KIT_CHECK(strcmp(*plugin->kept, "kept") == 0);
	free(*plugin->kept);
	KIT_CHECK(plugin->churn(1000) == 1000);
}

/* The program's blocks in the plugin's hands. */
static void
give_to(const struct plugin *plugin)
{
	for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
		char *block = malloc(sizes[i]);

		memset(block, 'h', sizes[i]);
		KIT_CHECK(plugin->usable(block) == malloc_usable_size(block));
		block = plugin->grow(block, sizes[i] + 50);
		KIT_CHECK(block[0] == 'h' && block[sizes[i] - 1] == 'h');
		plugin->take(block);
		plugin->take(memalign(256, sizes[i]));
	}
	plugin->take(strdup("host"));
}

static void
deep(int mode)
{
	struct plugin plugin =
	    find_all(dlopen(plugin_path(), mode | RTLD_DEEPBIND));

	for (int i = 0; i < 100; i++)
		give_to(&plugin);
	take_from(&plugin);
	if (*kit_lib() != '\0') /* one malloc for all */
		KIT_CHECK(plugin.usable(memset(plugin.give(20), 0, 20)) ==
			  malloc_usable_size(malloc(20)));
}

static void
deep_now(void)
{
	deep(RTLD_NOW);
}

static void
deep_lazy(void)
{
	deep(RTLD_LAZY);
}

static void
deep_by_dlmopen(void)
{
	struct plugin plugin = find_all(
	    dlmopen(LM_ID_BASE, plugin_path(), RTLD_NOW | RTLD_DEEPBIND));

	give_to(&plugin);
	take_from(&plugin);
}

static void
other_namespace(void)
{
	struct plugin plugin =
	    find_all(dlmopen(LM_ID_NEWLM, plugin_path(), RTLD_NOW));

	take_from(&plugin);
}

/* A name without a slash is looked for where the caller says. */
static void
caller_is_seen(void)
{
	struct plugin plugin =
	    find_all(dlopen("preload_plugin.so", RTLD_NOW | RTLD_DEEPBIND));

	take_from(&plugin);
	KIT_CHECK(dlopen("preload_plugin.so", RTLD_NOW) != NULL);
	KIT_CHECK(dlmopen(LM_ID_NEWLM, "preload_plugin.so", RTLD_NOW) != NULL);
}

static void
errors_are_kept(void)
{
	KIT_CHECK(dlerror() == NULL);
	KIT_CHECK(dlopen("no such library", RTLD_NOW | RTLD_DEEPBIND) == NULL);
	KIT_CHECK(strstr(dlerror(), "no such library") != NULL);
	KIT_CHECK(dlerror() == NULL);
}

/* -- what is nobody's -- */

static char static_block[4096] __attribute__((aligned(64)));

static void
expect_line(void (*act)(void *), void *block, const char *line)
{
	char text[1024] = "";
	int ends[2], status;
	pid_t pid;

	KIT_CHECK(pipe(ends) == 0);
	pid = kit_fork();
	if (pid == 0) {
		dup2(ends[1], 2);
		act(block);
		_exit(0);
	}
	close(ends[1]);
	status = kit_wait(pid);
	KIT_CHECK(read(ends[0], text, sizeof(text) - 1) >= 0);
	close(ends[0]);
	if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT ||
	    strcmp(text, line) != 0)
		KIT_FAIL("%s: status %x, said: %s", line, status, text);
}

static void
act_free(void *block)
{
	free(block);
}

static void
act_realloc(void *block)
{
	free(realloc(block, 10));
}

static void
act_usable(void *block)
{
	(void)!malloc_usable_size(block);
}

static void
expect_all(void *block, const char *what)
{
	char line[200];

	snprintf(line, sizeof(line), "gcmalloc: free(): %s 0x%zx\n", what,
	    (size_t)block);
	expect_line(act_free, block, line);
	snprintf(line, sizeof(line), "gcmalloc: realloc(): %s 0x%zx\n", what,
	    (size_t)block);
	expect_line(act_realloc, block, line);
	snprintf(line, sizeof(line),
	    "gcmalloc: malloc_usable_size(): %s 0x%zx\n", what, (size_t)block);
	expect_line(act_usable, block, line);
}

static void
expect_garbage(void)
{
	char stack_block[256] __attribute__((aligned(64))) = "";

	if (*kit_lib() == '\0')
		kit_skip("glibc's own malloc");
	__asm__("" : : "r"(stack_block) : "memory");
	expect_all(stack_block + 64, "invalid pointer");
	expect_all(static_block + 64, "invalid pointer");
	expect_all((void *)0x10, "invalid pointer");
	expect_all((void *)0x7000000000000000, "invalid pointer");
	expect_all((void *)-(uintptr_t)16, "invalid pointer");
	expect_all(static_block + 65, "unaligned pointer");
	expect_all((char *)malloc(100) + 1, "unaligned pointer");
}

static void
garbage(void)
{
	expect_garbage();
}

static void
garbage_beside_glibc(void)
{
	struct plugin plugin =
	    find_all(dlmopen(LM_ID_NEWLM, plugin_path(), RTLD_NOW));

	expect_garbage();
	take_from(&plugin);
}

/* Blocks of glibc's own malloc, by the library's handle. */
static void
blocks_of_glibc(void)
{
	void *libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
	struct plugin plugin;
	void *(*give)(size_t);

	KIT_CHECK(libc != NULL);
	*(void **)&give = dlsym(libc, "malloc");
	for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
		char *block = give(sizes[i]);

		memset(block, 'g', sizes[i]);
		KIT_CHECK(malloc_usable_size(block) >= sizes[i]);
		block = realloc(block, sizes[i] + 50);
		KIT_CHECK(block[sizes[i] - 1] == 'g');
		free(block);
	}
	/* and such blocks when libc has been redirected */
	give = (void *(*)(size_t))dlsym(libc, "malloc");
	libc = give(100);
	plugin = find_all(dlopen(plugin_path(), RTLD_NOW | RTLD_DEEPBIND));
	plugin.take(libc);
	plugin.take(plugin.grow(give(100), 200));
	take_from(&plugin);
	expect_garbage();
}

static const struct kit_case cases[] = {
    {"deep-now", deep_now, 0, 0},
    {"deep-lazy", deep_lazy, 0, 0},
    {"deep-by-dlmopen", deep_by_dlmopen, 0, 0},
    {"other-namespace", other_namespace, 0, 0},
    {"caller-is-seen", caller_is_seen, 0, 0},
    {"errors-are-kept", errors_are_kept, 0, 0},
    {"garbage", garbage, 0, 0},
    {"garbage-beside-glibc", garbage_beside_glibc, 0, 0},
    {"blocks-of-glibc", blocks_of_glibc, 0, 0},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return kit_main(argc, argv, cases);
}
