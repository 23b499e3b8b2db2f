/* foreign.c -- pointers that are not ours
 *
 * MODEL   A library that has another malloc (opened by dlmopen, or bound to
 *         glibc's own by whatever way) may hand its blocks to our free.  They
 *         go to the functions behind ours, where they would have gone without
 *         us.  Those are glibc's as a rule, and then a pointer goes there only
 *         if glibc's malloc was ever used and what lies before the block can
 *         be one of glibc's headers.  If glibc's malloc was not used, but
 *         another namespace exists, the block is that one's: its glibc cannot
 *         be told from here, so such a block is never freed, and copied to
 *         grow.  (glibc itself aborts or corrupts its heap then, unless the
 *         block is small.)  Everything else is nobody's and is reported.
 *
 *         Where the program has a malloc of its own before ours, or another
 *         library's is behind ours, all is theirs and nothing is checked:
 *         such a program calls us by accident only.
 */
#include <dlfcn.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>

#include "core/core.h"
#include "preload/image.h"
#include "preload/preload.h"

enum {
	UNKNOWN, /* not looked up */
	GLIBC,   /* glibc's malloc is behind ours */
	OTHER    /* somebody else's is, or one is before ours */
};

static struct {
	_Atomic int who; /* stored last; then all is const */
	bool first;      /* `free` means ours in this process */
	void (*free)(void *);
	void *(*realloc)(void *, size_t);
	size_t (*usable)(void *);
	struct mallinfo2 (*info)(void); /* NULL before glibc 2.33 */
} behind;

static _Atomic bool used;   /* glibc's malloc was; sticky */
static _Atomic bool spaces; /* there is another namespace; sticky */

/* glibc's header of a block: sizes with flags in the low bits */
struct chunk {
	size_t before, size;
};

enum {
	MAPPED = 2,
	OTHER_ARENA = 4,
	FLAGS = 7,
	HEAP_BYTES = 64 << 20 /* heaps of other arenas lie at multiples */
};

/* The object in which a function lies. */
static const void *
find_object(const void *function)
{
	Dl_info info;

	return function != NULL && dladdr(function, &info) != 0 ? info.dli_fbase
								: NULL;
}

static void *
find_behind(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (function == NULL)
		(void)dlerror(); /* the program must not find it there */
	return function;
}

/* The first of the objects, in the order of the global scope, that defines
 * free.
 */
struct definer {
	const void *found; /* by the loader */
	const void *self;  /* a function of ours */
	bool ours;
};

static int
look_at_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct definer *definer = arg;
	struct gcm_image image;

	(void)size;
	if (!gcm_image_read(info, &image))
		return gcm_image_holds(info, definer->found);
	if (gcm_image_find(&image, "free", NULL) == NULL)
		return 0;
	definer->ours = gcm_image_holds(info, definer->self);
	return 1;
}

/* Where an executable at a fixed address takes the address of free, that is a
 * place in the executable itself, which jumps to the function: then the loader
 * names the executable.
 */
static bool
is_first(const void *self)
{
	struct definer definer = {.found = dlsym(RTLD_DEFAULT, "free"),
	    .self = (const void *)&gcm_foreign_init};

	if (find_object(definer.found) == self)
		return true;
	(void)dl_iterate_phdr(look_at_object, &definer);
	return definer.ours;
}

static int
find_who(void)
{
	const void *self, *libc;

	*(void **)&behind.free = find_behind("free");
	*(void **)&behind.realloc = find_behind("realloc");
	*(void **)&behind.usable = find_behind("malloc_usable_size");
	*(void **)&behind.info = find_behind("mallinfo2");
	self = find_object((const void *)&gcm_foreign_init);
	libc = find_object((const void *)&__errno_location);
	behind.first = is_first(self);
	return behind.first && find_object(*(void **)&behind.free) == libc
		   ? GLIBC
		   : OTHER;
}

void
gcm_foreign_init(void)
{
	int saved = errno;

	if (atomic_load(&behind.who) == UNKNOWN)
		atomic_store(&behind.who, find_who());
	errno = saved;
}

bool
gcm_foreign_is_first(void)
{
	gcm_foreign_init();
	return behind.first;
}

void
gcm_foreign_expect(void)
{
	gcm_foreign_init();
	atomic_store(&spaces, true);
}

/* Has glibc's malloc ever had memory? */
static bool
glibc_has_blocks(void)
{
	struct mallinfo2 now;

	if (behind.info == NULL ||
	    atomic_load_explicit(&used, memory_order_relaxed))
		return true;
	now = behind.info();
	if (now.arena + now.hblkhd == 0)
		return false;
	atomic_store_explicit(&used, true, memory_order_relaxed);
	return true;
}

static const struct chunk *
find_chunk(const void *block)
{
	return (const struct chunk *)block - 1;
}

/* Can it be glibc's?  The checks are its own. */
static bool
looks_sound(const struct chunk *chunk)
{
	uintptr_t addr = (uintptr_t)chunk, page = gcm_os_page_size() - 1;
	size_t size;

	if (!gcm_os_can_read(&chunk->before) || !gcm_os_can_read(&chunk->size))
		return false;
	size = chunk->size & ~(size_t)FLAGS;
	if (size < (size_t)2 * GCM_GRANULE || size % GCM_GRANULE != 0 ||
	    addr > -size)
		return false;
	if ((chunk->size & MAPPED) != 0)
		return ((addr - chunk->before) & page) == 0 &&
		       ((chunk->before + size) & page) == 0;
	if ((chunk->size & OTHER_ARENA) != 0 &&
	    !gcm_os_can_read(
		(const void *)(addr & ~((uintptr_t)HEAP_BYTES - 1))))
		return false;
	return gcm_os_can_read((const void *)(addr + size));
}

/* True if the block may belong to those behind us, false if to another
 * namespace; does not return if to neither.
 */
static bool
is_behind(void *block, const char *call)
{
	const struct chunk *chunk = find_chunk(block);
	bool known;

	gcm_foreign_init();
	if (atomic_load(&behind.who) == OTHER)
		return true;
	if ((uintptr_t)block % GCM_GRANULE != 0)
		gcm_misuse(call, "unaligned pointer", block);
	known = glibc_has_blocks();
	if ((!known && !atomic_load(&spaces)) || !looks_sound(chunk))
		gcm_misuse(call, "invalid pointer", block);
	return known || (chunk->size & MAPPED) != 0; /* anybody can unmap */
}

void
gcm_foreign_free(void *block, const char *call)
{
	int saved = errno;

	if (is_behind(block, call))
		behind.free(block);
	errno = saved;
}

void *
gcm_foreign_realloc(void *block, size_t size)
{
	size_t usable;
	void *copy;

	if (is_behind(block, "realloc"))
		return behind.realloc(block, size);
	usable = behind.usable(block);
	copy = gcm_heap_alloc(size);
	if (copy == NULL)
		errno = ENOMEM;
	else
		memcpy(copy, block, usable < size ? usable : size);
	return copy;
}

size_t
gcm_foreign_usable(void *block)
{
	(void)is_behind(block, "malloc_usable_size");
	return behind.usable(block);
}
