/* orphan.c -- spans without owner: what threads left when they ended
 *
 * MODEL   One ring a class.  Frees of an orphan's blocks are byte stores like
 *         any remote free; whoever next needs the class claims it whole.
 *
 * LOCKS   orphan: the rings.
 *
 * FORK    rings are rebuilt; spans of threads that are not in the child come
 *         here flagged TORN and are repaired when they are claimed.
 */
#include "core/orphan.h"

#include <string.h>

#include "core/pageheap.h"

static struct {
	struct gcm_lock lock;
	struct gcm_span_list spans[GCM_NCLASSES]; /* lock */
	_Atomic uint32_t count[GCM_NCLASSES];     /* lock; read by all */
} orphans = {.lock = GCM_LOCK_INIT(orphan)};

static void
note_count(uint32_t class_id)
{
	atomic_store_explicit(&orphans.count[class_id],
	    orphans.spans[class_id].count, memory_order_relaxed);
}

void
gcm_orphan_add(uint32_t class_id, uint32_t index)
{
	gcm_lock_acquire(&orphans.lock);
	gcm_span_assign(index, GCM_OWNER_ORPHAN);
	gcm_span_push(&orphans.spans[class_id], index);
	note_count(class_id);
	gcm_lock_release(&orphans.lock);
}

uint32_t
gcm_orphan_claim(uint32_t class_id, uint32_t owner)
{
	uint32_t link;

	if (atomic_load_explicit(
		&orphans.count[class_id], memory_order_relaxed) == 0)
		return GCM_NO_PAGE;
	gcm_lock_acquire(&orphans.lock);
	link = orphans.spans[class_id].head;
	if (link != 0) {
		gcm_span_unlink(&orphans.spans[class_id], link - 1);
		note_count(class_id);
		/* While the tag still says orphan nobody keeps its slots. */
		if ((gcm_page(link - 1)->flags & GCM_PAGE_TORN) != 0)
			gcm_span_repair(link - 1);
		gcm_span_assign(link - 1, owner);
	}
	gcm_lock_release(&orphans.lock);
	return link == 0 ? GCM_NO_PAGE : link - 1;
}

uint32_t
gcm_orphan_trim(void)
{
	uint32_t released = 0;

	gcm_lock_acquire(&orphans.lock);
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		released +=
		    gcm_span_trim(&orphans.spans[i], 0, orphans.spans[i].count);
		note_count(i);
	}
	gcm_lock_release(&orphans.lock);
	return released;
}

uint32_t
gcm_orphan_count(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		sum += atomic_load_explicit(
		    &orphans.count[i], memory_order_relaxed);
	return sum;
}

bool
gcm_orphan_busy(void)
{
	return gcm_lock_held(&orphans.lock);
}

void
gcm_orphan_reset(void)
{
	gcm_lock_init(&orphans.lock, GCM_RANK_orphan);
	memset(orphans.spans, 0, sizeof(orphans.spans));
	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		note_count(i);
}
