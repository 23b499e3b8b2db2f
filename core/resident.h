/* resident.h -- where the process's resident memory went */
#ifndef GCM_CORE_RESIDENT_H
#define GCM_CORE_RESIDENT_H

#include "core/report.h"
#include "core/scanner.h"

struct gcm_resident { /* bytes that are in memory */
#define KEPT(name, type, unit, doc)
#define ASKED(name, type, unit, doc)
#define WORDS(name, doc)
#define SPLIT(name, unit, doc) uint64_t name;
#include "core/figure.def"
#undef KEPT
#undef ASKED
#undef WORDS
#undef SPLIT
};

/* Count it.  The collector's thread, between collections; holds the page-heap
 * lock for a millisecond at most at a time.  0 or -errno.
 */
int gcm_resident_count(
    const struct gcm_scanner *scanner, struct gcm_resident *resident);

/* The lines of the request "rss". */
void gcm_resident_add(const struct gcm_scanner *scanner, struct gcm_text *text);

#endif
