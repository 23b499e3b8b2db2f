/* preload_plugin.c -- a library that gives blocks away and takes others'
 *
 * Opened by preload_dl with RTLD_DEEPBIND and in a namespace of its own: what
 * it calls is what libc's own malloc is then.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *plugin_kept;

void *plugin_give(size_t size);
void plugin_take(void *block);
void *plugin_grow(void *block, size_t size);
size_t plugin_usable(void *block);
char *plugin_text(const char *text);
char *plugin_line(const char *text);
char *plugin_print(const char *text);
void *plugin_aligned(size_t size);
int plugin_churn(int n);

void *
plugin_give(size_t size)
{
	return malloc(size);
}

void
plugin_take(void *block)
{
	free(block);
}

void *
plugin_grow(void *block, size_t size)
{
	return realloc(block, size);
}

size_t
plugin_usable(void *block)
{
	return malloc_usable_size(block);
}

char *
plugin_text(const char *text)
{
	return strdup(text);
}

char *
plugin_line(const char *text)
{
	char *line = NULL, *copy = strdup(text);
	size_t size = 0;
	FILE *file = fmemopen(copy, strlen(copy), "r");

	if (file == NULL || getline(&line, &size, file) < 0)
		abort();
	fclose(file);
	free(copy);
	return line;
}

char *
plugin_print(const char *text)
{
	char *line;

	return asprintf(&line, "%s", text) < 0 ? NULL : line;
}

void *
plugin_aligned(size_t size)
{
	void *block;

	return posix_memalign(&block, 64, size) == 0 ? block : NULL;
}

int
plugin_churn(int n)
{
	for (int i = 0; i < n; i++) {
		char *text = strdup("from strdup");
		char *block = malloc((size_t)i % 3000 + 16);

		text = realloc(text, (size_t)i % 5000 + 16);
		memcpy(block, text, 12);
		if (memcmp(block, "from strdup", 12) != 0)
			return i;
		free(plugin_line("one\ntwo\n"));
		free(plugin_print("three"));
		free(block);
		free(text);
	}
	return n;
}

__attribute__((constructor)) static void
begin(void)
{
	if (plugin_churn(100) != 100)
		abort();
	plugin_kept = malloc(1000);
	strcpy(plugin_kept, "kept");
}
