/* pagemap.h -- PAGEMAP_SCAN: which pages of a range are of which kind
 *
 * Linux 6.7 and later; headers of today's distributions lack it.  Used by
 * pages.c and dirty_pagemap.c only.
 */
#ifndef GCM_SCAN_PAGEMAP_H
#define GCM_SCAN_PAGEMAP_H

#include "scan/pages.h"

/* Categories of a page. */
enum {
	GCM_PAGE_WPALLOWED = 1, /* its mapping is tracked asynchronously */
	GCM_PAGE_WRITTEN = 2,   /* not write-protected */
	GCM_PAGE_FILE = 4,      /* of a file, or of shared memory */
	GCM_PAGE_PRESENT = 8,
	GCM_PAGE_SWAPPED = 16, /* a page that is elsewhere, or a marker */
	GCM_PAGE_PFNZERO = 32, /* the page of zeros */
	GCM_PAGE_HUGE = 64     /* a part of a huge page */
};

/* Flags of a scan. */
enum {
	GCM_PM_PROTECT = 1, /* write-protect what matches */
	GCM_PM_CHECK = 2    /* -EPERM at a mapping that is not tracked */
};

/* A page matches that has all of `all`, none of `none`, and one of `any` (if
 * that is not 0).
 */
struct gcm_pagemap_want {
	uint64_t flags;
	uint64_t all, none, any;
	uint64_t report; /* ranges that differ in these are not joined */
};

/* /proc/thread-self/pagemap; -EBADF while it is closed. */
int gcm_pagemap_open(void);
void gcm_pagemap_close(void);
int gcm_pagemap_fd(void);

/* Visit the ranges of [lo, hi) that match, in order, each once; visit may be
 * NULL.  0 or -errno: -ENOTTY, -EINVAL when the system cannot.  After an error
 * some ranges may have been visited, and some write-protected and not visited.
 * -ENXIO: a huge page that only half belongs to the range.
 */
int gcm_pagemap_scan(uintptr_t lo, uintptr_t hi,
    const struct gcm_pagemap_want *want, gcm_range_visitor visit, void *arg);

/* Room for `count` words of eight bytes that nobody else uses meanwhile; NULL:
 * all are taken.
 */
enum {
	GCM_PAGEMAP_WORDS = 1536
};
uint64_t *gcm_pagemap_borrow(void);
void gcm_pagemap_return(uint64_t *words);

#endif
