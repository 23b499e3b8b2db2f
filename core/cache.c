/* cache.c -- thread caches: bins, refill and flush
 *
 * MODEL   A bin is a stack of CACHED slots.  Refilling looks first at spans
 *         the thread owns, for slots that were freed by store, then carves,
 *         then claims a span without owner, then takes a new one; flushing
 *         stores FREE and a hint, exactly as a free by another thread does.
 *         Bins start small and double while a thread keeps refilling or
 *         flushing them, up to gcm_class.cached_max.
 *
 *         A refill looks at no more than `budget` spans, halved when it finds
 *         nothing: a growing heap does not pay for scans that cannot succeed,
 *         and the ring still comes round (Go sweeps for refills likewise).
 *
 * LOCKS   cache: span lists and carving of one cache, taken by its thread in
 *         refills and by trimming (cache_set.c).  The bins need none: only
 *         their thread touches them.
 *
 * INVARIANTS
 *   .inv.colour  a block that malloc returns has a colour that was its cache's
 *                after it was stored: the store is re-checked, so a thread
 *                that slept through a cycle notices.  It drops the slot, which
 *                the next sweep finds, or this one found already: even a slot
 *                that looks allocated may be somebody else's by then.
 *   .inv.cached  a CACHED slot is in one bin, its owner's or another's, or on
 *                its way there.
 *
 * FORK    the child keeps the forking thread's bins, which nobody else ever
 *         touched.
 */
#include "core/cache.h"

#include <string.h>

#include "core/cycle.h"
#include "core/meta.h"
#include "core/orphan.h"
#include "core/pageheap.h"
#include "core/scavenge.h"

enum {
	CAPACITY_START = 31, /* 2^k - 1: with the NULL at the bottom */
	FILL_START = 8,
	KEPT_SIZE = 128, /* least slot of another's span that a bin keeps */
	BUDGET_MAX = 32,
	BUDGET_MIN = 2
};

static void *nothing[1]; /* the bottom that every bin without array shares */

#define NO_BINS                                                                \
	{                                                                      \
		[0 ... GCM_NCLASSES - 1] = nothing                             \
	}

/* Static caches whose id owns no span: every operation leaves the fast path. */
struct gcm_cache gcm_cache_none = {
    .tag = (uint32_t)GCM_OWNER_NONE << GCM_TAG_OWNER_SHIFT,
    .colour = GCM_ALLOC,
    .top = NO_BINS,
    .limit = NO_BINS,
};
struct gcm_cache gcm_cache_late = {
    .tag = (uint32_t)GCM_OWNER_NONE << GCM_TAG_OWNER_SHIFT,
    .colour = GCM_ALLOC,
    .top = NO_BINS,
    .limit = NO_BINS,
};

__thread uintptr_t gcm_cache_distance
    __attribute__((tls_model("initial-exec")));
/* Bins -----------------------------------------------------------------------
 */

static size_t
array_bytes(uint32_t capacity)
{
	return ((size_t)capacity + 1) * sizeof(void *);
}

/* Give the bin an array for `capacity` slots, keeping what it holds. */
static bool
resize_bin(struct gcm_cache *cache, uint32_t class_id, uint32_t capacity)
{
	struct gcm_bin_info *info = &cache->info[class_id];
	void **array = gcm_meta_alloc(array_bytes(capacity));
	size_t held = 0;

	if (array == NULL)
		return false;
	if (info->base != NULL) {
		held = (size_t)(cache->top[class_id] - info->base);
		memcpy(array, info->base, (held + 1) * sizeof(void *));
		gcm_meta_free(info->base, array_bytes(info->capacity));
	}
	info->base = array;
	info->capacity = capacity;
	cache->top[class_id] = array + held;
	cache->limit[class_id] = array + capacity;
	return true;
}

static bool
grow_bin(struct gcm_cache *cache, uint32_t class_id)
{
	struct gcm_bin_info *info = &cache->info[class_id];
	uint32_t most = gcm_classes[class_id].cached_max;
	bool first = info->base == NULL;
	uint32_t capacity = first ? CAPACITY_START : info->capacity * 2 + 1;

	if (capacity > most)
		capacity = most;
	if (capacity <= info->capacity ||
	    !resize_bin(cache, class_id, capacity))
		return false;
	if (first) {
		info->fill = FILL_START < capacity ? FILL_START : capacity;
		info->budget = BUDGET_MAX;
	}
	return true;
}

static void
store_free(void *slot)
{
	gcm_slot_set((uintptr_t)slot, GCM_FREE);
	gcm_hint_set((uintptr_t)slot); /* .inv.hint: after the store */
}

static void
flush_slots(struct gcm_cache *cache, uint32_t class_id, uint32_t nslots)
{
	struct gcm_bin_info *info = &cache->info[class_id];
	size_t held = (size_t)(cache->top[class_id] - info->base);

	for (uint32_t i = 1; i <= nslots; i++)
		store_free(info->base[i]);
	gcm_cycle_note(
	    cache, -(int64_t)((uint64_t)nslots * gcm_classes[class_id].size));
	memmove(info->base + 1, info->base + 1 + nslots,
	    (held - nslots) * sizeof(void *));
	cache->top[class_id] -= nslots;
}

/* Push a slot of any span, whose state is ALLOC; false when the bin is full. */
static bool
keep_slot(struct gcm_cache *cache, void *slot, uint32_t class_id)
{
	void **top = cache->top[class_id];

	if (top == cache->limit[class_id])
		return false;
	top[1] = slot;
	cache->top[class_id] = top + 1;
	gcm_slot_set((uintptr_t)slot, GCM_CACHED);
	return true;
}

/* One byte store does; but a slot of two cache lines or more is worth keeping,
 * for it is warm here and cold there.  Smaller ones go back, or neighbours in
 * one line would end up with two threads (false sharing).
 */
bool
gcm_cache_free_remote(struct gcm_cache *cache, void *block)
{
	uint64_t turned = gcm_turn((uintptr_t)block);
	uint32_t tag, size;

	if (!gcm_zone_has_turned(turned) ||
	    (int8_t)GCM_PEEK(*gcm_state_of_granule(turned)) >= 0)
		return false;
	if (GCM_UNLIKELY(gcm_cache_frees_are_ignored()))
		return true;
	tag = gcm_page_tag(gcm_page_of_granule(turned));
	if (tag == 0 || (tag ^ cache->tag) <= GCM_TAG_CLASS)
		return false;
	size = gcm_classes[tag & GCM_TAG_CLASS].size;
	if (GCM_UNLIKELY(gcm_cache_frees_are_poisoned()) &&
	    (tag & GCM_TAG_CLASS) != GCM_CLASS_ZERO)
		memset(block, GCM_POISON, size);
	if (size >= KEPT_SIZE &&
	    tag >> GCM_TAG_OWNER_SHIFT != GCM_OWNER_ORPHAN &&
	    keep_slot(cache, block, tag & GCM_TAG_CLASS))
		return true;
	store_free(block);
	gcm_scavenge_count(cache, size);
	gcm_cycle_note(cache, -(int64_t)size);
	return true;
}

void
gcm_cache_flush(struct gcm_cache *cache, uint32_t class_id)
{
	struct gcm_bin_info *info = &cache->info[class_id];
	uint32_t nslots;

	info->busy = true;
	if (info->capacity < gcm_classes[class_id].cached_max &&
	    grow_bin(cache, class_id))
		return;
	if (info->base == NULL)
		return;
	nslots = (uint32_t)(cache->top[class_id] - info->base);
	if (nslots > info->capacity / 2 + 1)
		nslots = info->capacity / 2 + 1;
	flush_slots(cache, class_id, nslots);
	gcm_scavenge_count(cache, (size_t)nslots * gcm_classes[class_id].size);
}

void
gcm_cache_drop_bins(struct gcm_cache *cache, bool arrays_too)
{
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		struct gcm_bin_info *info = &cache->info[i];

		if (info->base == NULL)
			continue;
		flush_slots(cache, i, (uint32_t)(cache->top[i] - info->base));
		if (!arrays_too)
			continue;
		gcm_meta_free(info->base, array_bytes(info->capacity));
		info->base = NULL;
		info->capacity = 0;
		info->fill = 0; /* == capacity: the next refill grows it */
		cache->top[i] = nothing;
		cache->limit[i] = nothing;
	}
}

void
gcm_cache_flush_all(struct gcm_cache *cache)
{
	gcm_cache_drop_bins(cache, false);
}

void
gcm_cache_init(struct gcm_cache *cache, uint32_t id)
{
	cache->id = id;
	cache->tag =
	    (gcm_cache_frees_are_ignored() || gcm_cache_frees_are_poisoned()
		    ? GCM_OWNER_NONE
		    : id)
	    << GCM_TAG_OWNER_SHIFT;
	gcm_lock_init(&cache->lock, GCM_RANK_cache);
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		cache->top[i] = nothing;
		cache->limit[i] = nothing;
	}
}

void
gcm_cache_flush_idle(struct gcm_cache *cache)
{
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		struct gcm_bin_info *info = &cache->info[i];

		if (info->base != NULL && !info->busy)
			flush_slots(
			    cache, i, (uint32_t)(cache->top[i] - info->base));
		info->busy = false;
	}
}

/* Refill ---------------------------------------------------------------------
 */

/* Make a span without owner ours; the next one is another.  Cache lock held. */
static bool
claim_orphan(struct gcm_cache *cache, uint32_t class_id)
{
	struct gcm_bin_info *info = &cache->info[class_id];
	uint32_t index = gcm_orphan_claim(class_id, cache->id);
	struct gcm_page *page;

	if (index == GCM_NO_PAGE)
		return false;
	page = gcm_page(index);
	gcm_span_push(&info->spans, index);
	if (page->carved < gcm_span_slots(page))
		info->carving = index + 1;
	return true;
}

/* Look for freed slots in a few of our spans, from where the last look
 * ended.
 */
static uint32_t
harvest_spans(struct gcm_bin_info *info, void **top, uint32_t want)
{
	uint32_t look = info->spans.count, got = 0;

	if (look > info->budget)
		look = info->budget;
	for (; look > 0 && got < want; look--) {
		uint32_t index = info->spans.head - 1;

		got += gcm_span_harvest(index, top - got, want - got);
		if (got < want)
			info->spans.head = gcm_page(index)->next;
	}
	if (got > 0)
		info->budget = BUDGET_MAX;
	else if (info->budget > BUDGET_MIN)
		info->budget /= 2;
	return got;
}

static uint32_t
carve_span(struct gcm_bin_info *info, void **top, uint32_t want)
{
	uint32_t got;

	if (info->carving == 0)
		return 0;
	got = gcm_span_carve(info->carving - 1, top, want);
	if (got < want)
		info->carving = 0;
	return got;
}

/* Longer spans as a thread owns more of the class. */
static uint32_t
choose_length(const struct gcm_bin_info *info, uint32_t class_id)
{
	const struct gcm_class *class = &gcm_classes[class_id];
	uint32_t npages = class->pages_min;

	while (npages * 2 <= class->pages_max &&
	       npages * 16 <= info->spans.count * class->pages_min)
		npages *= 2;
	return npages;
}

static bool
add_span(struct gcm_cache *cache, uint32_t class_id)
{
	struct gcm_bin_info *info = &cache->info[class_id];
	uint32_t owner = cache->id;
	uint32_t npages = choose_length(info, class_id);
	uint32_t index = gcm_span_new(class_id, owner, npages, false);

	/* Before the zone grows, see what has become empty: growth comes in
	 * steps of at least a sixteenth, so the look is paid for.
	 */
	if (index == GCM_NO_PAGE) {
		gcm_cache_flush_idle(cache);
		if (gcm_cache_trim(cache) > 0)
			index = gcm_span_new(class_id, owner, npages, false);
	}
	if (index == GCM_NO_PAGE)
		index = gcm_span_new(class_id, owner, npages, true);
	if (index == GCM_NO_PAGE)
		index = gcm_span_new(
		    class_id, owner, gcm_classes[class_id].pages_min, true);
	if (index == GCM_NO_PAGE)
		return false;
	gcm_span_push(&info->spans, index);
	info->carving = index + 1;
	return true;
}

/* Bring slots into an empty bin; how many came.  Cache lock held. */
static uint32_t
fill_bin(struct gcm_cache *cache, uint32_t class_id)
{
	struct gcm_bin_info *info = &cache->info[class_id];
	uint32_t want = info->fill, got;
	void **top = info->base + 1 + want;

	info->busy = true;
	got = harvest_spans(info, top, want);
	if (got < want)
		got += carve_span(info, top - got, want - got);
	while (got == 0 && claim_orphan(cache, class_id)) {
		got = harvest_spans(info, top, want);
		if (got < want)
			got += carve_span(info, top - got, want - got);
	}
	if (got == 0 && add_span(cache, class_id))
		got = carve_span(info, top, want);
	if (got < want)
		memmove(info->base + 1, top - got, got * sizeof(void *));
	cache->top[class_id] = info->base + got;
	if (got > 0 && info->fill < info->capacity)
		info->fill = info->fill * 2 < info->capacity ? info->fill * 2
							     : info->capacity;
	return got;
}

static bool
refill_bin(struct gcm_cache *cache, uint32_t class_id)
{
	struct gcm_bin_info *info = &cache->info[class_id];
	uint32_t got;

	if (info->fill == info->capacity &&
	    info->capacity < gcm_classes[class_id].cached_max &&
	    !grow_bin(cache, class_id) && info->base == NULL)
		return false;
	gcm_lock_acquire(&cache->lock);
	got = fill_bin(cache, class_id);
	gcm_lock_release(&cache->lock);
	gcm_cycle_count(
	    cache, (int64_t)((uint64_t)got * gcm_classes[class_id].size));
	return got > 0;
}

static void *
alloc_nothing(size_t size)
{
	(void)size;
	return NULL;
}

void *
gcm_cache_alloc(struct gcm_cache *cache, uint32_t class_id)
{
	for (;;) {
		void *slot =
		    gcm_cache_alloc_hot(cache, class_id, 0, alloc_nothing);

		if (slot != NULL)
			return slot;
		if (*cache->top[class_id] == NULL &&
		    !refill_bin(cache, class_id))
			return NULL;
	}
}
