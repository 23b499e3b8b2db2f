/* pages.h -- which pages are there, and reading what may vanish
 *
 * The collector's thread and markers.  Raw system calls only.
 */
#ifndef GCM_SCAN_PAGES_H
#define GCM_SCAN_PAGES_H

#include "core/core.h"

typedef void (*gcm_range_visitor)(uintptr_t lo, uintptr_t hi, void *arg);

/* Open what is needed (/proc/self/pagemap, .../mem) and probe once, with real
 * arguments.  0 or -errno: then roots cannot be read and nothing is collected.
 */
int gcm_pages_open(void);

/* In a forked child it only forgets. */
void gcm_pages_close(void);

/* Call visit for the ranges of [lo, hi) whose pages are resident or swapped
 * out: PAGEMAP_SCAN (Linux 6.7), else /proc/self/pagemap.  With `changed_only`,
 * for private mappings of files, only pages that differ from the file.  0 or
 * -errno.  Cost follows what is resident, not the length.
 */
int gcm_pages_resident(uintptr_t lo, uintptr_t hi, bool changed_only,
    gcm_range_visitor visit, void *arg);

/* The same for pages that are in memory now, and count as resident. */
int gcm_pages_present(
    uintptr_t lo, uintptr_t hi, gcm_range_visitor visit, void *arg);

/* The same for memory that is shared: pages that exist count, though they were
 * never touched through this mapping (mincore).
 */
int gcm_pages_shared(
    uintptr_t lo, uintptr_t hi, gcm_range_visitor visit, void *arg);

/* Copy up to len bytes from `from`, memory of this process that may be unmapped
 * or protected any moment: process_vm_readv, then /proc/self/mem for pages
 * without access.  Returns the bytes copied: fewer when a page could not be
 * had.
 */
size_t gcm_pages_read(void *to, uintptr_t from, size_t len);

#endif
