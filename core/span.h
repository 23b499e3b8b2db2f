/* span.h -- runs of pages cut into equal slots */
#ifndef GCM_CORE_SPAN_H
#define GCM_CORE_SPAN_H

#include "core/sizeclass.h"
#include "core/table.h"

/* A ring of spans through next and prev of their first records. */
struct gcm_span_list {
	uint32_t head;  /* link (index + 1) of the span to look at next */
	uint32_t count; /* spans; whoever guards the list */
};

/* A new span of the class from the page heap, for `owner`, with nothing
 * carved; its index or GCM_NO_PAGE.  Takes the page-heap lock.
 */
uint32_t gcm_span_new(
    uint32_t class_id, uint32_t owner, uint32_t npages, bool may_grow);

/* Give an empty span, in no list, back to the page heap. */
void gcm_span_release(uint32_t index);

/* Change the owner on all pages.  The caller guards both owners' lists. */
void gcm_span_assign(uint32_t index, uint32_t owner);

void gcm_span_push(struct gcm_span_list *list, uint32_t index);
void gcm_span_unlink(struct gcm_span_list *list, uint32_t index);

/* Take up to `want` slots that were freed by store: FREE -> CACHED.  Their
 * addresses go to top[-1], top[-2], ... so that the lowest is on top of a
 * stack that grows upwards.  Returns how many.  The owner, cache lock held.
 */
uint32_t gcm_span_harvest(uint32_t index, void **top, uint32_t want);

/* Take up to `want` slots never handed out: -> CACHED, as above. */
uint32_t gcm_span_carve(uint32_t index, void **top, uint32_t want);

/* Number of slots that `index`'s span has room for. */
uint32_t gcm_span_slots(const struct gcm_page *head);

/* Is every carved slot FREE?  The list's guard held. */
bool gcm_span_is_empty(uint32_t index);

/* Do the hints allow that the span is empty?  Cheap; false is certain. */
bool gcm_span_may_be_empty(uint32_t index);

/* Look at the next `count` spans of a ring and give the empty ones back to the
 * page heap, but for the one at link `carving`.  The list's guard held.
 * Returns the pages given back.
 */
uint32_t gcm_span_trim(
    struct gcm_span_list *list, uint32_t carving, uint32_t count);

/* Make a span whose owner vanished in a fork consistent: keep what the
 * program has, free everything else.
 */
void gcm_span_repair(uint32_t index);

/* Say that any line may have a slot freed by store. */
void gcm_span_hint_all(uint32_t index);

static inline uint32_t
gcm_page_class(const struct gcm_page *page)
{
	return (gcm_page_tag(page) & GCM_TAG_CLASS);
}

static inline uint32_t
gcm_page_owner(const struct gcm_page *page)
{
	return gcm_page_tag(page) >> GCM_TAG_OWNER_SHIFT;
}

/* Store the state of the slot at addr. */
static inline void
gcm_slot_set(uintptr_t addr, uint8_t state)
{
	atomic_store_explicit(gcm_state_at(addr), state, memory_order_release);
}

static inline uint8_t
gcm_slot_get(uintptr_t addr)
{
	return atomic_load_explicit(gcm_state_at(addr), memory_order_relaxed);
}

#endif
