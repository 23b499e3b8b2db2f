/* pages.c -- which pages are there, and reading what may vanish
 *
 * MODEL   Two questions, two answers each.  Which pages hold anything:
 *         PAGEMAP_SCAN, which skips what has no page tables, else the words of
 *         /proc/thread-self/pagemap, one a page.  The page of zeros holds
 *         nothing, and PAGEMAP_SCAN can tell it.
 *
 *         Reading: process_vm_readv on ourselves copies what is readable and
 *         says how far it came; pages without access are then had from
 *         /proc/thread-self/mem, which ignores the protection.  Either alone
 *         will do.  It would read the registers of a device, too: device
 *         mappings are the caller's to leave out (GCM_MAP_DEVICE).
 *
 *         All by the id and the files of the thread that opened, never by the
 *         process's: once a main thread has ended those lead nowhere.
 *
 * FORK    a child has none of the descriptors, but other ones by the same
 *         numbers: gcm_pages_close closes nothing there.
 */
#include "scan/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "scan/pagemap.h"

#define SYSCALL(nr, a, b, c, d, e, f)                                          \
	gcm_arch_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d),     \
	    (long)(e), (long)(f))

/* Of a word of /proc/PID/pagemap. */
#define WORD_PRESENT ((uint64_t)1 << 63)
#define WORD_SWAPPED ((uint64_t)1 << 62)
#define WORD_FILE ((uint64_t)1 << 61)

enum {
	FEW_WORDS = 64
};

static struct {
	int owner;      /* process that opened; 0: closed */
	int tid;        /* thread that opened */
	int mem;        /* descriptor or -errno */
	bool scans;     /* PAGEMAP_SCAN works */
	bool has_readv; /* process_vm_readv works */
} pages = {.mem = -EBADF};

/* Which are there ------------------------------------------------------------
 */

enum which { /* pages that are there */
	ALL,
	CHANGED, /* and differ from the file */
	PRESENT  /* and not swapped out */
};

static int
scan_resident(uintptr_t lo, uintptr_t hi, enum which which,
    gcm_range_visitor visit, void *arg)
{
	struct gcm_pagemap_want want = {
	    .none = GCM_PAGE_PFNZERO | (which == CHANGED ? GCM_PAGE_FILE : 0u),
	    .any = which == PRESENT ? GCM_PAGE_PRESENT
				    : GCM_PAGE_PRESENT | GCM_PAGE_SWAPPED,
	};

	return gcm_pagemap_scan(lo, hi, &want, visit, arg);
}

static bool
is_there(uint64_t word, enum which which)
{
	if (which == PRESENT)
		return (word & WORD_PRESENT) != 0;
	return (word & (WORD_PRESENT | WORD_SWAPPED)) != 0 &&
	       !(which == CHANGED && (word & WORD_FILE) != 0);
}

static int
look_at_words(uint64_t *words, size_t room, uintptr_t lo, uintptr_t hi,
    enum which which, gcm_range_visitor visit, void *arg)
{
	size_t page = gcm_os_page_size();
	uintptr_t began = hi; /* of the range being gathered; hi: none */

	while (lo < hi) {
		size_t n = (hi - lo) / page;
		long got;

		n = n < room ? n : room;
		got = SYSCALL(SYS_pread64, gcm_pagemap_fd(), words, n * 8,
		    lo / page * 8, 0, 0);
		if (got < 8)
			return got < 0 ? (int)got : -EFAULT;
		n = (size_t)got / 8;
		for (size_t i = 0; i < n; i++, lo += page) {
			bool there = is_there(words[i], which);

			if (there && began == hi) {
				began = lo;
			} else if (!there && began != hi) {
				visit(began, lo, arg);
				began = hi;
			}
		}
	}
	if (began != hi)
		visit(began, hi, arg);
	return 0;
}

static int
read_resident(uintptr_t lo, uintptr_t hi, enum which which,
    gcm_range_visitor visit, void *arg)
{
	uint64_t few[FEW_WORDS], *words = gcm_pagemap_borrow();
	int error;

	if (words == NULL)
		return look_at_words(few, FEW_WORDS, lo, hi, which, visit, arg);
	error =
	    look_at_words(words, GCM_PAGEMAP_WORDS, lo, hi, which, visit, arg);
	gcm_pagemap_return(words);
	return error;
}

static int
visit_pages(uintptr_t lo, uintptr_t hi, enum which which,
    gcm_range_visitor visit, void *arg)
{
	if (pages.scans)
		return scan_resident(lo, hi, which, visit, arg);
	return read_resident(lo, hi, which, visit, arg);
}

int
gcm_pages_resident(uintptr_t lo, uintptr_t hi, bool changed_only,
    gcm_range_visitor visit, void *arg)
{
	return visit_pages(lo, hi, changed_only ? CHANGED : ALL, visit, arg);
}

int
gcm_pages_present(
    uintptr_t lo, uintptr_t hi, gcm_range_visitor visit, void *arg)
{
	return visit_pages(lo, hi, PRESENT, visit, arg);
}

/* What is in them ------------------------------------------------------------
 */

static long
copy_by_readv(void *to, uintptr_t from, size_t len)
{
	struct iovec local = {to, len}, remote = {(void *)from, len};

	return SYSCALL(
	    SYS_process_vm_readv, pages.tid, &local, 1, &remote, 1, 0);
}

static long
copy_by_mem(void *to, uintptr_t from, size_t len)
{
	return pages.mem < 0
		   ? pages.mem
		   : SYSCALL(SYS_pread64, pages.mem, to, len, from, 0, 0);
}

/* Up to the end of the kernel's page. */
static size_t
rest_of_page(uintptr_t from, size_t len)
{
	size_t page = gcm_os_page_size();
	size_t rest = page - (from & (page - 1));

	return rest < len ? rest : len;
}

size_t
gcm_pages_read(void *to, uintptr_t from, size_t len)
{
	size_t done = 0;

	while (done < len) {
		char *at = (char *)to + done;
		long got = pages.has_readv
			       ? copy_by_readv(at, from + done, len - done)
			       : -ENOSYS;

		/* Page by page where it is only needed for some. */
		if (got <= 0)
			got = copy_by_mem(at, from + done,
			    pages.has_readv
				? rest_of_page(from + done, len - done)
				: len - done);
		if (got <= 0)
			break;
		done += (size_t)got;
	}
	return done;
}

/* Opening --------------------------------------------------------------------
 */

static void
note_range(uintptr_t lo, uintptr_t hi, void *arg)
{
	uintptr_t *seen = arg;

	if (hi > lo)
		*seen = lo;
}

/* A page of bss that is surely there. */
static uint64_t probe_page[8] __attribute__((aligned(64)));

static int
probe_resident(void)
{
	size_t page = gcm_os_page_size();
	uintptr_t lo = gcm_round_down((uintptr_t)probe_page, page), seen = 0;
	int error;

	pages.scans = true;
	error = gcm_pages_resident(lo, lo + page, false, note_range, &seen);
	if (error == 0 && seen == lo)
		return 0;
	pages.scans = false;
	error = gcm_pages_resident(lo, lo + page, false, note_range, &seen);
	return error != 0 ? error : seen == lo ? 0 : -ENOSYS;
}

static bool
probe_read(long (*copy)(void *to, uintptr_t from, size_t len))
{
	uint64_t word = 0;

	return copy(&word, (uintptr_t)probe_page, sizeof(word)) ==
		   sizeof(word) &&
	       word == probe_page[0];
}

int
gcm_pages_open(void)
{
	int error = gcm_pagemap_open();

	pages.owner = gcm_os_pid();
	pages.tid = (int)SYSCALL(SYS_gettid, 0, 0, 0, 0, 0, 0);
	pages.mem = (int)SYSCALL(SYS_openat, AT_FDCWD, "/proc/thread-self/mem",
	    O_RDONLY | O_CLOEXEC, 0, 0, 0);
	probe_page[0] = (uintptr_t)probe_page;
	if (error == 0)
		error = probe_resident();
	pages.has_readv = probe_read(copy_by_readv);
	if (error == 0 && !pages.has_readv && !probe_read(copy_by_mem))
		error = -EPERM;
	if (error != 0)
		gcm_pages_close();
	return error;
}

void
gcm_pages_close(void)
{
	if (pages.owner == gcm_os_pid()) {
		gcm_pagemap_close();
		if (pages.mem >= 0)
			gcm_os_close(pages.mem);
	}
	pages.owner = 0;
	pages.mem = -EBADF;
}

/* Shared memory -------------------------------------------------------------
 */

enum {
	CORE_PAGES = 4096 /* asked for at once */
};

/* Visit the runs of set bytes. */
static void
visit_core(const unsigned char *core, size_t npages, uintptr_t lo,
    gcm_range_visitor visit, void *arg)
{
	size_t page = gcm_os_page_size(), from = npages;

	for (size_t i = 0; i <= npages; i++) {
		bool there = i < npages && (core[i] & 1) != 0;

		if (there && from == npages)
			from = i;
		if (!there && from < npages) {
			visit(lo + from * page, lo + i * page, arg);
			from = npages;
		}
	}
}

int
gcm_pages_shared(uintptr_t lo, uintptr_t hi, gcm_range_visitor visit, void *arg)
{
	static unsigned char core[CORE_PAGES]; /* the collector's thread */
	size_t page = gcm_os_page_size();

	while (lo < hi) {
		size_t npages = (hi - lo) / page;
		long error;

		if (npages > CORE_PAGES)
			npages = CORE_PAGES;
		error = gcm_arch_syscall(SYS_mincore, (long)lo,
		    (long)(npages * page), (long)core, 0, 0, 0);
		if (error != 0)
			return gcm_pages_resident(lo, hi, false, visit, arg);
		visit_core(core, npages, lo, visit, arg);
		lo += npages * page;
	}
	return 0;
}
