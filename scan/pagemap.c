/* pagemap.c -- PAGEMAP_SCAN: which pages of a range are of which kind
 *
 * MODEL   The kernel fills a vector of regions and says how far it came; we go
 *         on there until it comes to the end.  A region may come twice when
 *         the vector was full, and is cut.
 *
 *         Vectors come from a few static ones, for a marker's stack is small
 *         and two threads may scan at a time; when all are taken, a short one
 *         on the stack does.
 *
 * LOCKS   none: a vector is claimed by its flag.
 *
 * PAPERS  Linux, Documentation/admin-guide/mm/pagemap.rst
 */
#include "scan/pagemap.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

#define SYSCALL(nr, a, b, c, d)                                                \
	gcm_arch_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

struct region {
	uint64_t lo, hi;
	uint64_t categories;
};

/* The kernel's struct pm_scan_arg. */
struct scan_arg {
	uint64_t size;
	uint64_t flags;
	uint64_t lo, hi;
	uint64_t walked; /* out: came so far */
	uint64_t regions, nregions;
	uint64_t max_pages;
	uint64_t inverted, all, any; /* categories */
	uint64_t report;
};
_Static_assert(sizeof(struct scan_arg) == 96, "the kernel's");

#define PAGEMAP_SCAN _IOWR('f', 16, struct scan_arg)

enum {
	NVECTORS = 4,
	REGIONS = GCM_PAGEMAP_WORDS / 3, /* as many as the kernel gathers */
	SHORT = 16
};

static struct {
	_Atomic bool taken;
	uint64_t words[GCM_PAGEMAP_WORDS]; /* who has set taken */
} vectors[NVECTORS];

static int pagemap_fd = -EBADF; /* the collector's thread */

uint64_t *
gcm_pagemap_borrow(void)
{
	for (unsigned int i = 0; i < NVECTORS; i++)
		if (!atomic_exchange(&vectors[i].taken, true))
			return vectors[i].words;
	return NULL;
}

void
gcm_pagemap_return(uint64_t *words)
{
	for (unsigned int i = 0; i < NVECTORS; i++)
		if (vectors[i].words == words)
			atomic_store(&vectors[i].taken, false);
}

/* The thread's own entry: those of a process are empty once its main thread
 * has ended.
 */
int
gcm_pagemap_open(void)
{
	pagemap_fd = (int)SYSCALL(SYS_openat, AT_FDCWD,
	    "/proc/thread-self/pagemap", O_RDONLY | O_CLOEXEC, 0);
	return pagemap_fd < 0 ? pagemap_fd : 0;
}

void
gcm_pagemap_close(void)
{
	if (pagemap_fd >= 0)
		gcm_os_close(pagemap_fd);
	pagemap_fd = -EBADF;
}

int
gcm_pagemap_fd(void)
{
	return pagemap_fd;
}

struct walk {
	const struct gcm_pagemap_want *want;
	gcm_range_visitor visit;
	void *arg;
	uintptr_t at, hi;
};

static void
visit_regions(struct walk *walk, const struct region *regions, long n)
{
	for (long i = 0; i < n; i++) {
		uintptr_t lo = regions[i].lo, hi = regions[i].hi;

		if (lo < walk->at)
			lo = walk->at;
		if (hi > walk->hi)
			hi = walk->hi;
		if (lo >= hi)
			continue;
		walk->visit(lo, hi, walk->arg);
		walk->at = hi;
	}
}

static int
walk_pages(struct walk *walk, struct region *regions, uint64_t nregions)
{
	const struct gcm_pagemap_want *want = walk->want;
	struct scan_arg scan = {
	    .size = sizeof(scan),
	    .flags = want->flags,
	    .hi = walk->hi,
	    .regions = (uintptr_t)regions,
	    .nregions = nregions,
	    .inverted = want->none,
	    .all = want->all | want->none,
	    .any = want->any,
	    .report = want->report,
	};
	long got;

	for (scan.lo = walk->at; scan.lo < walk->hi; scan.lo = scan.walked) {
		scan.walked = 0;
		got = SYSCALL(SYS_ioctl, pagemap_fd, PAGEMAP_SCAN, &scan, 0);
		if (got < 0)
			return (int)got;
		if (walk->visit != NULL)
			visit_regions(walk, regions, got);
		if (scan.walked <= scan.lo)
			return -ENXIO;
	}
	return 0;
}

int
gcm_pagemap_scan(uintptr_t lo, uintptr_t hi,
    const struct gcm_pagemap_want *want, gcm_range_visitor visit, void *arg)
{
	struct walk walk = {want, visit, arg, lo, hi};
	struct region few[SHORT];
	uint64_t *words;
	int error;

	if (pagemap_fd < 0)
		return pagemap_fd;
	words = gcm_pagemap_borrow();
	if (words == NULL)
		return walk_pages(&walk, few, SHORT);
	error = walk_pages(&walk, (struct region *)words, REGIONS);
	gcm_pagemap_return(words);
	return error;
}
