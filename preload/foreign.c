/* foreign.c -- pointers that are not ours
 *
 * MODEL   A library opened with RTLD_DEEPBIND, or one that calls glibc's
 *         malloc by other ways, may hand glibc's blocks to our free.  glibc
 *         tells whether its own malloc was ever used; if so the pointer is
 *         left to it (and to its checks), if not it is nobody's.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>

#include "core/core.h"
#include "preload/preload.h"

static void *
find_next(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

static bool
glibc_has_blocks(void)
{
	struct mallinfo2 (*info)(void);
	struct mallinfo2 now;

	*(void **)&info = find_next("mallinfo2");
	if (info == NULL)
		return true; /* older than 2.33: it cannot tell */
	now = info();
	return now.arena + now.hblkhd > 0;
}

/* glibc's function of that name if the block may be glibc's, else report. */
static void *
find_owner(void *block, const char *name, const char *call)
{
	void *owner = NULL;

	if ((uintptr_t)block % GCM_GRANULE == 0 && glibc_has_blocks())
		owner = find_next(name);
	if (owner == NULL)
		gcm_misuse(call,
		    (uintptr_t)block % GCM_GRANULE != 0 ? "unaligned pointer"
		                                        : "invalid pointer",
		    block);
	return owner;
}

void
gcm_foreign_free(void *block, const char *call)
{
	int saved = errno;
	void (*owner)(void *);

	*(void **)&owner = find_owner(block, "__libc_free", call);
	owner(block);
	errno = saved;
}

void *
gcm_foreign_realloc(void *block, size_t size)
{
	void *(*owner)(void *, size_t);

	*(void **)&owner = find_owner(block, "__libc_realloc", "realloc");
	return owner(block, size);
}

size_t
gcm_foreign_usable(void *block)
{
	size_t (*owner)(void *);

	*(void **)&owner = find_owner(block, "malloc_usable_size",
	    "malloc_usable_size");
	return owner(block);
}
