/* filter.h -- which words can be addresses in the heap
 *
 * The inner loop over memory that is mostly no pointers: 64 bytes a step.
 */
#ifndef GCM_SCAN_FILTER_H
#define GCM_SCAN_FILTER_H

#include "core/core.h"

/* Copy those of the nwords words that lie in [lo, lo + len) to out, in order;
 * how many.  out has room for nwords words, rounded up to eight, all of which
 * may be written.  Where words is 8-aligned other threads may write there
 * meanwhile.
 */
typedef size_t (*gcm_filter)(const uint64_t *words, size_t nwords, uint64_t lo,
    uint64_t len, uint64_t *out);

/* const once gcm_filter_init has run */
extern GCM_HIDDEN gcm_filter gcm_filter_words;

/* Choose the widest that the processor and the system support. */
void gcm_filter_init(void);
const char *gcm_filter_name(void);

size_t gcm_filter_plain(const uint64_t *words, size_t nwords, uint64_t lo,
    uint64_t len, uint64_t *out);
size_t gcm_filter_wide(const uint64_t *words, size_t nwords, uint64_t lo,
    uint64_t len, uint64_t *out); /* AVX2, NEON */
size_t gcm_filter_widest(const uint64_t *words, size_t nwords, uint64_t lo,
    uint64_t len, uint64_t *out); /* AVX-512 */

/* By machine. */
bool gcm_filter_has_wide(void);
bool gcm_filter_has_widest(void);

#endif
