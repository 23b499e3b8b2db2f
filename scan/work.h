/* work.h -- the grey blocks: buffers that markers share
 *
 * A marker works on a buffer of its own and hands full ones, or half of what it
 * has when others are idle, to a common list (Go's work buffers).  The mark
 * stack is as deep as memory allows: a list of millions needs no recursion.
 */
#ifndef GCM_SCAN_WORK_H
#define GCM_SCAN_WORK_H

#include "core/core.h"

enum {
	GCM_BUFFER_ITEMS = 510
};

struct gcm_buffer {
	struct gcm_buffer *next;          /* in a list; work lock */
	uint64_t count;                   /* items; the marker that has it */
	uint64_t items[GCM_BUFFER_ITEMS]; /* as count */
};

/* Begin with an empty list for that many markers. */
void gcm_work_begin(uint32_t nmarkers);

/* Prepare another drain by that many markers. */
void gcm_work_again(uint32_t nmarkers);

/* An empty buffer, or NULL: no memory, which gcm_work_failed then says. */
struct gcm_buffer *gcm_work_empty(void);
bool gcm_work_failed(void);

/* Hand over a buffer that others may take; give back an empty one. */
void gcm_work_put(struct gcm_buffer *buffer);
void gcm_work_drop(struct gcm_buffer *buffer);

/* A buffer with items, or NULL when no marker has any left, or after
 * gcm_work_hurry.  Waits for the others to find some.
 */
struct gcm_buffer *gcm_work_take(void);

/* Is a marker waiting for items? */
bool gcm_work_is_wanted(void);

/* Let all markers come back from gcm_work_take, until gcm_work_again. */
void gcm_work_hurry(void);

/* Is nothing on the list? */
bool gcm_work_is_empty(void);

/* In a process of our own (fork): the list as it is, other markers gone. */
void gcm_work_forked(void);

#endif
