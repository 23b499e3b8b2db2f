/* cache_set.c -- all thread caches: threads' start and end, trimming, fork
 *
 * MODEL   Caches are never given back: one whose thread has ended waits for
 *         the next thread.  What the thread owned is let go at its end: slots
 *         in bins become free for all, empty spans go to the page heap, the
 *         others to orphan.c.
 *
 * STATES  IDLE    in the registry, owns nothing        USED
 *         USED    one thread's                         IDLE GONE
 *         GONE    its thread is not in this process    IDLE (when adopted)
 *
 * LOCKS   registry: the lists of caches.  shared: the cache of threads that
 *         have none.
 *
 * FORK    the child rebuilds every span list from the page table
 *         (gcm_cache_reset, gcm_cache_adopt).
 */
#include <string.h>

#include "core/cache.h"
#include "core/cycle.h"
#include "core/meta.h"
#include "core/orphan.h"
#include "core/pageheap.h"
#include "core/scavenge.h"

void (*gcm_cache_on_attach)(struct gcm_cache *cache);

static struct {
	struct gcm_lock lock;
	struct gcm_cache *_Atomic all; /* lock to add; read by all */
	struct gcm_cache *idle;        /* lock */
	uint32_t next_id;              /* lock */
	uint32_t nused;                /* lock */
	_Atomic bool many;             /* sticky */
} registry = {GCM_LOCK_INIT(registry), NULL, NULL, GCM_OWNER_FIRST, 0, false};

static struct {
	struct gcm_lock lock;
	struct gcm_cache *cache; /* made on first need; lock */
} shared = {GCM_LOCK_INIT(shared), NULL};

/* Threads --------------------------------------------------------------------
 */

static struct gcm_cache *
take_cache_locked(void)
{
	struct gcm_cache *cache = registry.idle;
	uint32_t colour;

	if (cache != NULL) {
		registry.idle = cache->next_idle;
	} else {
		if (registry.next_id >= GCM_OWNER_NONE)
			return NULL;
		cache = gcm_meta_alloc(sizeof(*cache));
		if (cache == NULL)
			return NULL;
		gcm_cache_init(cache, registry.next_id++);
		cache->next =
		    atomic_load_explicit(&registry.all, memory_order_relaxed);
		atomic_store_explicit(
		    &registry.all, cache, memory_order_release);
	}
	do { /* linked before: one of the two sees the other's store */
		colour = atomic_load(&gcm_cache_none.colour);
		atomic_store(&cache->colour, colour);
	} while (colour != atomic_load(&gcm_cache_none.colour));
	cache->status = GCM_CACHE_USED;
	if (++registry.nused > 1)
		atomic_store_explicit(
		    &registry.many, true, memory_order_relaxed);
	return cache;
}

struct gcm_cache *
gcm_cache_attach(void)
{
	struct gcm_cache *cache;

	gcm_lock_acquire(&registry.lock);
	cache = take_cache_locked();
	gcm_lock_release(&registry.lock);
	if (cache == NULL)
		return NULL;
	atomic_store_explicit(&cache->tp, (uintptr_t)__builtin_thread_pointer(),
	    memory_order_relaxed);
	gcm_cache_become(cache);
	if (gcm_cache_on_attach != NULL)
		gcm_cache_on_attach(cache);
	return cache;
}

/* Spans of an ending thread: the empty ones to the page heap, the others to
 * whoever next needs their class.
 */
static void
drop_spans(struct gcm_cache *cache, uint32_t class_id)
{
	struct gcm_bin_info *info = &cache->info[class_id];

	while (info->spans.head != 0) {
		uint32_t index = info->spans.head - 1;

		gcm_span_unlink(&info->spans, index);
		if (gcm_span_may_be_empty(index) && gcm_span_is_empty(index)) {
			gcm_scavenge_count(cache,
			    (size_t)gcm_page(index)->n << GCM_PAGE_SHIFT);
			gcm_span_release(index);
			continue;
		}
		gcm_orphan_add(class_id, index);
	}
	info->carving = 0;
}

void
gcm_cache_detach(struct gcm_cache *cache)
{
	gcm_cache_become(&gcm_cache_late);
	atomic_store_explicit(&cache->tp, 0, memory_order_relaxed);
	gcm_cache_drop_bins(cache, true);
	gcm_lock_acquire(&cache->lock);
	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		drop_spans(cache, i);
	gcm_lock_release(&cache->lock);
	gcm_cycle_note_all(cache);
	gcm_lock_acquire(&registry.lock);
	cache->status = GCM_CACHE_IDLE;
	cache->next_idle = registry.idle;
	registry.idle = cache;
	registry.nused--;
	gcm_lock_release(&registry.lock);
}

void *
gcm_cache_alloc_shared(uint32_t class_id)
{
	void *slot = NULL;

	gcm_lock_acquire(&shared.lock);
	if (shared.cache == NULL) {
		gcm_lock_acquire(&registry.lock);
		shared.cache = take_cache_locked();
		gcm_lock_release(&registry.lock);
	}
	if (shared.cache != NULL)
		slot = gcm_cache_alloc(shared.cache, class_id);
	gcm_lock_release(&shared.lock);
	return slot;
}

/* Let no free take the fast path. */
static void
slow_frees(struct gcm_cache *cache, void *arg)
{
	(void)arg;
	cache->tag = (uint32_t)GCM_OWNER_NONE << GCM_TAG_OWNER_SHIFT;
}

_Atomic bool gcm_cache_ignoring;

void
gcm_cache_ignore_frees(void)
{
	atomic_store(&gcm_cache_ignoring, true);
	gcm_cache_visit(slow_frees, NULL);
}

_Atomic bool gcm_cache_poisoning;

void
gcm_cache_poison_frees(void)
{
	atomic_store(&gcm_cache_poisoning, true);
	gcm_cache_visit(slow_frees, NULL);
}

static void
colour_cache(struct gcm_cache *cache, void *arg)
{
	atomic_store(&cache->colour, *(const uint32_t *)arg);
}

void
gcm_cache_set_colour(uint8_t state)
{
	static uint32_t changes; /* the collector's thread */
	uint32_t colour = ++changes << 8 | state;

	/* This one first: a new cache takes its colour from it. */
	atomic_store(&gcm_cache_none.colour, colour);
	atomic_store(&gcm_cache_late.colour, colour);
	gcm_cache_visit(colour_cache, &colour);
}

bool
gcm_cache_many(void)
{
	return atomic_load_explicit(&registry.many, memory_order_relaxed);
}

bool
gcm_cache_busy(void)
{
	return gcm_lock_held(&registry.lock) || gcm_lock_held(&shared.lock);
}

void
gcm_cache_note_stranger(void)
{
	atomic_store_explicit(&registry.many, true, memory_order_relaxed);
}

void
gcm_cache_visit(void (*visit)(struct gcm_cache *cache, void *arg), void *arg)
{
	struct gcm_cache *cache =
	    atomic_load_explicit(&registry.all, memory_order_acquire);

	for (; cache != NULL; cache = cache->next)
		visit(cache, arg);
}

/* Trimming -------------------------------------------------------------------
 */

enum {
	TRIM_SPANS = 256 /* looked at in one hold of another cache's lock */
};

/* One class of another thread's cache, a few spans at a time: its refills
 * must not wait long.
 */
static uint32_t
trim_class(struct gcm_cache *cache, uint32_t class_id)
{
	struct gcm_bin_info *info = &cache->info[class_id];
	uint32_t left = UINT32_MAX, released = 0;

	while (left > 0 && gcm_lock_try(&cache->lock)) {
		uint32_t count;

		if (left > info->spans.count)
			left = info->spans.count;
		count = left < TRIM_SPANS ? left : TRIM_SPANS;
		released += gcm_span_trim(&info->spans, info->carving, count);
		left -= count;
		gcm_lock_release(&cache->lock);
	}
	return released;
}

static void
trim_cache(struct gcm_cache *cache, void *arg)
{
	struct gcm_cache *held = ((struct gcm_cache **)arg)[0];
	uint32_t *released = ((uint32_t **)arg)[1];

	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		if (cache != held)
			*released += trim_class(cache, i);
		else
			*released += gcm_span_trim(&cache->info[i].spans,
			    cache->info[i].carving, cache->info[i].spans.count);
}

uint32_t
gcm_cache_trim(struct gcm_cache *held)
{
	uint32_t released = 0;
	void *arg[2] = {held, &released};

	gcm_cache_visit(trim_cache, arg);
	released += gcm_orphan_trim();
	return released;
}

/* Fork -----------------------------------------------------------------------
 */

static void
forget_lists(struct gcm_cache *cache)
{
	gcm_lock_init(&cache->lock, GCM_RANK_cache);
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		cache->info[i].spans = (struct gcm_span_list){0, 0};
		cache->info[i].carving = 0;
	}
}

/* A cache whose thread is not here: nothing of it is kept but its id. */
static void
bury_cache(struct gcm_cache *cache)
{
	uint32_t id = cache->id;

	memset(cache->info, 0, sizeof(cache->info));
	gcm_cache_init(cache, id);
	cache->status = GCM_CACHE_IDLE;
	atomic_store_explicit(&cache->tp, 0, memory_order_relaxed);
	cache->next_idle = registry.idle;
	registry.idle = cache;
}

void
gcm_cache_reset(struct gcm_cache *survivor, bool others_gone)
{
	struct gcm_cache *cache =
	    atomic_load_explicit(&registry.all, memory_order_relaxed);

	gcm_lock_init(&registry.lock, GCM_RANK_registry);
	gcm_lock_init(&shared.lock, GCM_RANK_shared);
	gcm_orphan_reset();
	registry.idle = NULL;
	registry.nused = 0;
	shared.cache = NULL;
	for (; cache != NULL; cache = cache->next) {
		forget_lists(cache);
		if (cache == survivor)
			registry.nused++;
		else if (others_gone)
			bury_cache(cache);
		else
			cache->status = GCM_CACHE_GONE;
	}
	atomic_store_explicit(
	    &registry.many, !others_gone, memory_order_relaxed);
}

static struct gcm_cache *
find_cache(uint32_t owner)
{
	struct gcm_cache *cache =
	    atomic_load_explicit(&registry.all, memory_order_relaxed);

	while (cache != NULL && cache->id != owner)
		cache = cache->next;
	return cache;
}

void
gcm_cache_adopt(uint32_t span_index, bool others_gone)
{
	struct gcm_page *page = gcm_page(span_index);
	uint32_t class_id = gcm_page_class(page);
	struct gcm_cache *owner = find_cache(gcm_page_owner(page));

	if (owner != NULL && owner->status != GCM_CACHE_IDLE) {
		gcm_span_push(&owner->info[class_id].spans, span_index);
		gcm_span_hint_all(span_index); /* some may not have come */
		if (page->carved < gcm_span_slots(page))
			owner->info[class_id].carving = span_index + 1;
		return;
	}
	page->flags |= GCM_PAGE_TORN;
	if (!others_gone)
		page->flags |= GCM_PAGE_BINNED;
	gcm_orphan_add(class_id, span_index);
}
