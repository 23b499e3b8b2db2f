/* meta.h -- memory for our own structures
 *
 * Blocks are zeroed and 16-aligned; freed ones are kept by power of two and
 * given out again.  The first come from a static arena, so that a small
 * program needs no mapping for them.
 */
#ifndef GCM_CORE_META_H
#define GCM_CORE_META_H

#include "core/base.h"

/* size bytes, zeroed, or NULL.  Takes the meta lock. */
void *gcm_meta_alloc(size_t size);

/* Give back a block of gcm_meta_alloc(size). */
void gcm_meta_free(void *block, size_t size);

/* Bytes taken from the system so far. */
size_t gcm_meta_mapped(void);

/* Is the meta lock held?  For a child's look at what fork caught. */
bool gcm_meta_busy(void);

/* After fork, in the child: forget free blocks and the current chunk, which
 * another thread may have left in the middle of a change.
 */
void gcm_meta_reset(void);

#endif
