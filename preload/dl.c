/* dl.c -- libraries that would miss our malloc
 *
 * MODEL   A library opened with RTLD_DEEPBIND looks a name up in itself and in
 *         what it was linked with before the program: its malloc and free are
 *         libc's, while the strdup and getline that it calls use ours, and so
 *         does the program.  Blocks that cross end in an abort of glibc's.
 *
 *         So before the first such library is loaded, the entries of the
 *         malloc family in libc's own symbol table are given the values of
 *         ours: every later lookup, in whatever order, by the loader, in a
 *         constructor or by dlsym, finds one malloc.  Nothing that was bound
 *         before changes, and nothing of the library is touched, its
 *         relocations least.  The names are those that we export, but for
 *         the wrappers of next.def: a wrapper of somebody else's that looks for
 *         the function behind it must not come back to ours.
 *
 *         dlopen looks at its caller's address: for $ORIGIN, the caller's
 *         RUNPATH and its namespace.  All our work comes first, so the real
 *         one can be entered by a jump, and sees the program as its caller
 *         (GCM_TAIL; a test of RUNPATH watches over it).
 *
 *         dlmopen with a new namespace loads a libc of its own, which is left
 *         alone: its threads and keys are its own too, and a malloc of ours in
 *         there would put our key in its tables.  Its blocks may be freed by
 *         the program (foreign.c); ours may not be freed in there.
 *
 * LOCKS   the loader's, which dl_iterate_phdr holds while it calls us.
 */
#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <sys/mman.h>

#include "core/core.h"
#include "preload/image.h"
#include "preload/next.h"
#include "preload/preload.h"

struct search {
	struct gcm_image own, libc;
	bool own_found, libc_found;
	uintptr_t lo, hi; /* of libc's entries that are to change */
};

static _Atomic bool redirected; /* tried; the loader's lock to set */

typedef void (*entry_visitor)(
    struct search *search, Elf64_Sym *entry, uintptr_t value);

struct visit {
	struct search *search;
	entry_visitor visitor;
};

static void
visit_own(Elf64_Sym *own, void *arg)
{
	const struct visit *visit = arg;
	struct search *search = visit->search;
	const char *name = search->own.strings + own->st_name;
	uintptr_t value = search->own.base + own->st_value - search->libc.base;
	Elf64_Sym *entry = NULL;

	if (gcm_next_has(name))
		return;
	while ((entry = gcm_image_find(&search->libc, name, entry)) != NULL)
		visit->visitor(search, entry, value);
}

static void
visit_entries(struct search *search, entry_visitor visitor)
{
	struct visit visit = {search, visitor};

	gcm_image_visit(&search->own, visit_own, &visit);
}

static void
measure_entry(struct search *search, Elf64_Sym *entry, uintptr_t value)
{
	uintptr_t lo = (uintptr_t)entry, hi = (uintptr_t)(entry + 1);

	(void)value;
	if (search->lo == 0 || lo < search->lo)
		search->lo = lo;
	if (hi > search->hi)
		search->hi = hi;
}

static void
change_entry(struct search *search, Elf64_Sym *entry, uintptr_t value)
{
	(void)search;
	__atomic_store_n(&entry->st_value, value, __ATOMIC_RELAXED);
}

/* Other threads may be reading the table, and where the linker has not put it
 * in a segment of its own, running code of the same segment: pages that could
 * hold code are left as they are.
 */
static void
redirect_entries(struct search *search)
{
	size_t page = gcm_os_page_size();
	uintptr_t lo, hi;

	visit_entries(search, measure_entry);
	lo = gcm_round_down(search->lo, page);
	hi = gcm_round_up(search->hi, page);
	if (lo == hi)
		return;
	if ((search->libc.flags & PF_X) != 0 &&
	    (lo < gcm_round_down(search->libc.lo, page) ||
		hi > search->libc.strings_end))
		return;
	if (GCM_NEXT(mprotect)((void *)lo, hi - lo, PROT_READ | PROT_WRITE) !=
	    0)
		return;
	visit_entries(search, change_entry);
	if ((search->libc.flags & PF_W) == 0)
		(void)GCM_NEXT(mprotect)((void *)lo, hi - lo, PROT_READ);
}

static int
search_object(struct dl_phdr_info *info, size_t size, void *arg)
{
	struct search *search = arg;

	(void)size;
	if (gcm_image_holds(info, &gcm_foreign_init))
		search->own_found = gcm_image_read(info, &search->own);
	if (gcm_image_holds(info, &__errno_location))
		search->libc_found = gcm_image_read(info, &search->libc);
	if (!search->own_found || !search->libc_found)
		return 0;
	if (!atomic_load(&redirected))
		redirect_entries(search);
	atomic_store(&redirected, true);
	return 1;
}

/* Costs about 50 us, once. */
GCM_COLD static void
redirect_libc(void)
{
	int saved = errno;

	if (!atomic_load(&redirected) && gcm_foreign_is_first()) {
		struct search search = {.lo = 0};

		(void)dl_iterate_phdr(search_object, &search);
	}
	errno = saved;
}

GCM_EXPORT GCM_TAIL_FUNCTION void *
dlopen(const char *file, int mode)
{
	__typeof__(&dlopen) next = GCM_NEXT(dlopen);

	if ((mode & RTLD_DEEPBIND) != 0)
		redirect_libc();
	GCM_TAIL return next(file, mode);
}

GCM_EXPORT GCM_TAIL_FUNCTION void *
dlmopen(Lmid_t namespace, const char *file, int mode)
{
	__typeof__(&dlmopen) next = GCM_NEXT(dlmopen);

	if (namespace == LM_ID_BASE && (mode & RTLD_DEEPBIND) != 0)
		redirect_libc();
	if (namespace != LM_ID_BASE)
		gcm_foreign_expect();
	GCM_TAIL return next(namespace, file, mode);
}
