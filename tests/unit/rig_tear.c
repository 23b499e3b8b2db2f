/* rig_tear.c -- a heap as a forked child may find it
 *
 * MODEL   fork copies memory page by page while other threads run.  What a
 *         block of the program needs was stored before and is right: its
 *         state byte and the head record of its span (kind, n, class; the
 *         owner may be changing, but never from or to the forking thread).
 *         The forking thread's bins are right too.  Everything else is made
 *         garbage here, the worst that is plausible.
 */
#include "rig.h"

#include <string.h>

#include "core/meta.h"
#include "core/pageheap.h"
#include "core/span.h"

static uint32_t
garbage(uint64_t *state)
{
	return rig_chance(state, 30) ? (uint32_t)rig_below(state, 40)
				     : (uint32_t)rig_random(state);
}

static void
tear_lock(struct gcm_lock *lock, uint64_t *state)
{
	atomic_store(&lock->word, (uint32_t)rig_below(state, 3));
}

struct tear {
	uint64_t *state;
	const struct gcm_cache *survivor;
};

static void
tear_cache(struct gcm_cache *cache, void *arg)
{
	const struct tear *tear = arg;
	uint64_t *state = tear->state;

	tear_lock(&cache->lock, state);
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		struct gcm_bin_info *info = &cache->info[i];

		info->spans.head = garbage(state);
		info->spans.count = garbage(state);
		info->carving = garbage(state);
		if (cache == tear->survivor)
			continue;
		info->base = (void **)rig_random(state);
		info->capacity = garbage(state);
		info->fill = garbage(state);
		cache->top[i] = (void **)rig_random(state);
		cache->limit[i] = (void **)rig_random(state);
		cache->next_idle = (struct gcm_cache *)rig_random(state);
		cache->status = (enum gcm_cache_status)rig_below(state, 3);
	}
}

static bool
is_live(uint8_t slot)
{
	return (slot & (GCM_ALLOC | GCM_SAMPLED)) != 0;
}

/* A span of another thread, or of nobody. */
static void
tear_strange_span(uint32_t index, uint64_t *state, uint32_t survivor_id)
{
	static const uint8_t states[] = {
	    GCM_FREE, GCM_FREE, GCM_CACHED, GCM_INTERIOR, GCM_LIMBO | 2};
	struct gcm_page *page = gcm_page(index);
	uint32_t class_id = gcm_page_class(page), slots = gcm_span_slots(page);
	uint32_t size = gcm_classes[class_id].size;

	for (uint32_t i = 0; i < slots; i++) {
		uintptr_t at = gcm_page_addr(index) + (uintptr_t)i * size;

		if (!is_live(gcm_slot_get(at)))
			gcm_slot_set(
			    at, states[rig_below(state, RIG_COUNT(states))]);
		else if (page->carved < i + 1)
			page->carved = i + 1;
	}
	page->carved += (uint32_t)rig_below(state, slots - page->carved + 1);
	for (uint32_t i = 0; i < page->n; i++) {
		uint32_t owner = (uint32_t)rig_below(state, 6);

		if (owner == survivor_id)
			owner = GCM_OWNER_ORPHAN;
		atomic_store(&gcm_page(index + i)->hints, rig_random(state));
		if (rig_chance(state, 30))
			atomic_store(&gcm_page(index + i)->tag,
			    owner << GCM_TAG_OWNER_SHIFT | class_id);
	}
}

/* Another thread has freed some slots; their hints have not come. */
static void
tear_own_span(uint32_t index, uint64_t *state)
{
	for (uint32_t i = 0; i < gcm_page(index)->n; i++)
		atomic_store(&gcm_page(index + i)->hints,
		    rig_chance(state, 50) ? 0 : rig_random(state));
}

/* A record is in one page of the kernel, so it is as it was at some instant. */
static void
tear_record(uint32_t index, uint32_t left, uint64_t *state)
{
	static const uint8_t kinds[] = {GCM_KIND_NONE, GCM_KIND_BODY,
	    GCM_KIND_RUN, GCM_KIND_TAIL, GCM_KIND_SMALL, GCM_KIND_LARGE};
	struct gcm_page *page = gcm_page(index);
	uint8_t kind = kinds[rig_below(state, RIG_COUNT(kinds))];
	uint32_t class_id = (uint32_t)rig_below(state, GCM_NCLASSES), tag = 0;

	page->n = garbage(state);
	page->next = garbage(state);
	page->prev = garbage(state);
	page->carved = garbage(state);
	page->flags = 0;
	atomic_store(&page->hints, rig_random(state));
	if (kind == GCM_KIND_SMALL) {
		page->n = gcm_classes[class_id].pages_min;
		page->carved = (uint32_t)rig_below(state,
		    (page->n << GCM_PAGE_SHIFT) / gcm_classes[class_id].size +
			1);
	}
	if (kind == GCM_KIND_LARGE)
		page->n = (uint32_t)rig_below(state, left) + 1;
	if (kind == GCM_KIND_SMALL || kind == GCM_KIND_LARGE) {
		uintptr_t lo = gcm_page_addr(index);

		/* To take guards away needs a lock that fork holds. */
		if (page->n > left ||
		    gcm_bits_count_locked(GCM_GUARD, lo,
			lo + ((uintptr_t)page->n << GCM_PAGE_SHIFT)) > 0)
			kind = GCM_KIND_NONE;
	}
	if (kind != GCM_KIND_LARGE)
		tag = (uint32_t)rig_below(state, 2) << GCM_TAG_OWNER_SHIFT |
		      class_id;
	atomic_store(&page->tag, tag);
	atomic_store(&page->kind, kind);
}

/* Free pages: records without meaning, spans never committed, and such as
 * another thread made after the fork had begun, or that it freed then.
 */
static void
tear_free_pages(uint32_t index, uint32_t n, uint64_t *state)
{
	uint32_t from = n > 40 && rig_chance(state, 50) ? n - 40 : 0;

	for (uint32_t i = from; i < n && i < from + 40; i++) {
		tear_record(index + i, n - i, state);
		if (gcm_pageheap_has_guards())
			gcm_bits_mark_locked(GCM_GUARD,
			    gcm_page_addr(index + i),
			    gcm_page_addr(index + i + 1),
			    rig_chance(state, 50));
		for (uintptr_t at = gcm_page_addr(index + i);
		     at < gcm_page_addr(index + i + 1); at += GCM_GRANULE)
			gcm_slot_set(at, (uint8_t)rig_random(state));
	}
}

static void
tear_pages(uint64_t *state, const struct gcm_cache *survivor)
{
	uint32_t id =
	    survivor == NULL ? 0 : survivor->tag >> GCM_TAG_OWNER_SHIFT;

	for (uint32_t i = 0; i < gcm_zone_pages();) {
		struct gcm_page *page = gcm_page(i);
		uint32_t n = page->n;

		switch (gcm_page_kind(page)) {
		case GCM_KIND_RUN:
			tear_free_pages(i, n, state);
			break;
		case GCM_KIND_SMALL:
			page->next = garbage(state);
			page->prev = garbage(state);
			if (id != 0 && gcm_page_owner(page) == id)
				tear_own_span(i, state);
			else
				tear_strange_span(i, state, id);
			break;
		default:
			break;
		}
		i += n;
	}
}

void
rig_tear_heap(uint64_t *state, const struct gcm_cache *survivor)
{
	struct tear tear = {state, survivor};
	void *block = gcm_meta_alloc(64);

	gcm_meta_free(block, 64);
	if (block != NULL)
		memset(block, 0xff, 64); /* the link of a freed block */
	tear_pages(state, survivor);
	for (uint32_t i = 0; i < gcm_zone_pages(); i += 64) {
		*gcm_bits_at(gcm_page_addr(i), GCM_CLEAN) = rig_random(state);
	}
	tear_lock(&gcm_pageheap.lock, state);
	gcm_pageheap.root = garbage(state);
	gcm_pageheap.free_pages = garbage(state);
	atomic_store(&gcm_pageheap.dirty, garbage(state));
	atomic_store(&gcm_pageheap.dirty_low, garbage(state));
	atomic_store(&gcm_pageheap.used, garbage(state));
	gcm_cache_visit(tear_cache, &tear);
}

void
rig_fork(void)
{
	gcm_heap_forked();
	os_fake_wipe();
}
