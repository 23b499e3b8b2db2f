/* api.c -- what the api programs share beside the kit */
#define _GNU_SOURCE
#include "api.h"

#include <dlfcn.h>
#include <string.h>

size_t
api_next_size(size_t size)
{
	size_t step = 1;

	if (size < 2048)
		return size + 1;
	while (step * 16 <= size)
		step *= 2;
	/* One before, at and after each multiple of step. */
	if (size % step == step - 1 || size % step == 0)
		return size + 1;
	return size + step - 2;
}

int
api_is_ours(void)
{
	return strstr(kit_lib(), "gcmalloc") != NULL;
}

void *
api_find(const char *name)
{
	void *found = dlsym(RTLD_DEFAULT, name);

	if (found == NULL)
		kit_skip(name);
	return found;
}
