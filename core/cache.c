/* cache.c -- thread caches: refill, flush, thread start and end
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
 * STATES  IDLE    in the registry, owns nothing        USED
 *         USED    one thread's                         IDLE GONE
 *         GONE    its thread is not in this process    IDLE (when adopted)
 *
 * LOCKS   registry: the lists of caches.  cache: span lists and carving of one
 *         cache, taken by its thread in refills and by trimming.  orphan: spans
 *         without owner.  The bins need none: only their thread touches them.
 *
 * INVARIANTS
 *   .inv.colour  a slot's stored colour is the cache's colour at some instant
 *                after the slot left the bin: the store is re-checked, so a
 *                thread that slept through a whole cycle notices.
 *   .inv.cached  a CACHED slot is in one bin, its owner's or another's, or on
 *                its way there.
 *
 * FORK    the child keeps the forking thread's bins, which nobody else ever
 *         touched, and rebuilds every span list from the page table.
 */
#include "core/cache.h"

#include <string.h>

#include "core/meta.h"
#include "core/os.h"
#include "core/pageheap.h"
#include "core/scavenge.h"

enum {
	CAPACITY_START = 31, /* 2^k - 1: with the NULL at the bottom */
	FILL_START = 8,
	KEPT_SIZE = 128, /* least slot of another's span that a bin keeps */
	BUDGET_MAX = 32,
	BUDGET_MIN = 2,
	ID_NONE = 0xffffff
};

static void *nothing[1]; /* the bottom that every bin without array shares */

#define NO_BINS {[0 ... GCM_NCLASSES - 1] = nothing}

/* Static caches whose id owns no span: every operation leaves the fast path. */
struct gcm_cache gcm_cache_none = {
    .tag = (uint32_t)ID_NONE << GCM_TAG_OWNER_SHIFT,
    .colour = GCM_ALLOC,
    .top = NO_BINS,
    .limit = NO_BINS,
};
struct gcm_cache gcm_cache_late = {
    .tag = (uint32_t)ID_NONE << GCM_TAG_OWNER_SHIFT,
    .colour = GCM_ALLOC,
    .top = NO_BINS,
    .limit = NO_BINS,
};

__thread struct gcm_cache *gcm_cache_self
    __attribute__((tls_model("initial-exec"))) = &gcm_cache_none;
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
	struct gcm_span_list spans[GCM_NCLASSES];     /* lock */
	_Atomic uint32_t count[GCM_NCLASSES];         /* lock; read by all */
} orphans = {.lock = GCM_LOCK_INIT(orphan)};

static struct {
	struct gcm_lock lock;
	struct gcm_cache *cache; /* made on first need; lock */
} shared = {GCM_LOCK_INIT(shared), NULL};

/* Bins ----------------------------------------------------------------------- */

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
	uint32_t capacity = info->base == NULL ? CAPACITY_START
	                                       : info->capacity * 2 + 1;

	if (capacity > most)
		capacity = most;
	if (info->base == NULL) {
		info->fill = FILL_START < capacity ? FILL_START : capacity;
		info->budget = BUDGET_MAX;
	}
	return capacity > info->capacity &&
	    resize_bin(cache, class_id, capacity);
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
	tag = gcm_page_tag(gcm_page_of_granule(turned));
	if (tag == 0 || (tag ^ cache->tag) <= GCM_TAG_CLASS)
		return false;
	size = gcm_classes[tag & GCM_TAG_CLASS].size;
	if (size >= KEPT_SIZE && tag >> GCM_TAG_OWNER_SHIFT != GCM_OWNER_ORPHAN &&
	    keep_slot(cache, block, tag & GCM_TAG_CLASS))
		return true;
	store_free(block);
	gcm_scavenge_count(cache, size);
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

static void
drop_bins(struct gcm_cache *cache, bool arrays_too)
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
	drop_bins(cache, false);
}

void
gcm_cache_flush_idle(struct gcm_cache *cache)
{
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		struct gcm_bin_info *info = &cache->info[i];

		if (info->base != NULL && !info->busy)
			flush_slots(cache, i,
			    (uint32_t)(cache->top[i] - info->base));
		info->busy = false;
	}
}

/* Refill --------------------------------------------------------------------- */

static void
add_orphan(uint32_t class_id, uint32_t index)
{
	gcm_span_push(&orphans.spans[class_id], index);
	atomic_store_explicit(&orphans.count[class_id],
	    orphans.spans[class_id].count, memory_order_relaxed);
}

static void
drop_orphan(uint32_t class_id, uint32_t index)
{
	gcm_span_unlink(&orphans.spans[class_id], index);
	atomic_store_explicit(&orphans.count[class_id],
	    orphans.spans[class_id].count, memory_order_relaxed);
}

/* Make a span without owner ours; the next one is another.  Cache lock held. */
static bool
claim_orphan(struct gcm_cache *cache, uint32_t class_id)
{
	uint32_t link;

	if (atomic_load_explicit(&orphans.count[class_id],
	        memory_order_relaxed) == 0)
		return false;
	gcm_lock_acquire(&orphans.lock);
	link = orphans.spans[class_id].head;
	if (link != 0) {
		drop_orphan(class_id, link - 1);
		/* While the tag still says orphan nobody keeps its slots. */
		if ((gcm_page(link - 1)->flags & GCM_PAGE_TORN) != 0)
			gcm_span_repair(link - 1);
		gcm_span_assign(link - 1, cache->tag >> GCM_TAG_OWNER_SHIFT);
	}
	gcm_lock_release(&orphans.lock);
	if (link == 0)
		return false;
	gcm_span_push(&cache->info[class_id].spans, link - 1);
	if (gcm_page(link - 1)->carved < gcm_span_slots(gcm_page(link - 1)))
		cache->info[class_id].carving = link;
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
	uint32_t owner = cache->tag >> GCM_TAG_OWNER_SHIFT;
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
		index = gcm_span_new(class_id, owner,
		    gcm_classes[class_id].pages_min, true);
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
		void *slot = gcm_cache_alloc_hot(cache, class_id, 0, alloc_nothing);

		if (slot != NULL)
			return slot;
		if (*cache->top[class_id] == NULL &&
		    !refill_bin(cache, class_id))
			return NULL;
	}
}

void *
gcm_cache_alloc_raced(struct gcm_cache *cache, void *slot, size_t size,
    void *(*slow)(size_t size))
{
	_Atomic uint8_t *state = gcm_state_at((uintptr_t)slot);
	uint8_t seen = atomic_load(state);

	for (;;) {
		uint8_t now = atomic_load(&cache->colour);

		if (seen == now)
			return slot;
		if ((seen & GCM_ALLOC) == 0)
			return slow(size); /* swept: nobody ever saw it */
		if (atomic_compare_exchange_strong(state, &seen, now))
			seen = now;
	}
}

/* Threads -------------------------------------------------------------------- */

static void
init_cache(struct gcm_cache *cache, uint32_t id)
{
	cache->tag = id << GCM_TAG_OWNER_SHIFT;
	gcm_lock_init(&cache->lock, GCM_RANK_cache);
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		cache->top[i] = nothing;
		cache->limit[i] = nothing;
	}
}

static struct gcm_cache *
take_cache_locked(void)
{
	struct gcm_cache *cache = registry.idle;

	if (cache != NULL) {
		registry.idle = cache->next_idle;
	} else {
		if (registry.next_id >= ID_NONE)
			return NULL;
		cache = gcm_meta_alloc(sizeof(*cache));
		if (cache == NULL)
			return NULL;
		init_cache(cache, registry.next_id++);
		cache->next = atomic_load_explicit(&registry.all,
		    memory_order_relaxed);
		atomic_store_explicit(&registry.all, cache,
		    memory_order_release);
	}
	atomic_store_explicit(&cache->colour,
	    atomic_load_explicit(&gcm_cache_none.colour, memory_order_relaxed),
	    memory_order_relaxed);
	cache->status = GCM_CACHE_USED;
	if (++registry.nused > 1)
		atomic_store_explicit(&registry.many, true,
		    memory_order_relaxed);
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
	gcm_cache_self = cache;
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
		gcm_lock_acquire(&orphans.lock);
		gcm_span_assign(index, GCM_OWNER_ORPHAN);
		add_orphan(class_id, index);
		gcm_lock_release(&orphans.lock);
	}
	info->carving = 0;
}

void
gcm_cache_detach(struct gcm_cache *cache)
{
	gcm_cache_self = &gcm_cache_late;
	drop_bins(cache, true);
	gcm_lock_acquire(&cache->lock);
	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		drop_spans(cache, i);
	gcm_lock_release(&cache->lock);
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

bool
gcm_cache_many(void)
{
	return atomic_load_explicit(&registry.many, memory_order_relaxed);
}

void
gcm_cache_note_stranger(void)
{
	atomic_store_explicit(&registry.many, true, memory_order_relaxed);
}

void
gcm_cache_visit(void (*visit)(struct gcm_cache *cache, void *arg), void *arg)
{
	struct gcm_cache *cache = atomic_load_explicit(&registry.all,
	    memory_order_acquire);

	for (; cache != NULL; cache = cache->next)
		visit(cache, arg);
}

/* Trimming ------------------------------------------------------------------- */

enum {
	TRIM_SPANS = 256 /* looked at in one hold of another cache's lock */
};

/* Look at the next `count` spans of a ring. */
static uint32_t
trim_list(struct gcm_span_list *list, uint32_t carving, uint32_t count)
{
	uint32_t released = 0;

	for (; count > 0 && list->head != 0; count--) {
		uint32_t index = list->head - 1;
		struct gcm_page *page = gcm_page(index);

		list->head = page->next;
		if (index + 1 == carving ||
		    (page->flags & GCM_PAGE_TORN) != 0 ||
		    !gcm_span_may_be_empty(index) || !gcm_span_is_empty(index))
			continue;
		gcm_span_unlink(list, index);
		released += page->n;
		gcm_span_release(index);
	}
	return released;
}

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
		released += trim_list(&info->spans, info->carving, count);
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
			*released += trim_list(&cache->info[i].spans,
			    cache->info[i].carving,
			    cache->info[i].spans.count);
}

uint32_t
gcm_cache_trim(struct gcm_cache *held)
{
	uint32_t released = 0;
	void *arg[2] = {held, &released};

	gcm_cache_visit(trim_cache, arg);
	gcm_lock_acquire(&orphans.lock);
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		released += trim_list(&orphans.spans[i], 0,
		    orphans.spans[i].count);
		atomic_store_explicit(&orphans.count[i],
		    orphans.spans[i].count, memory_order_relaxed);
	}
	gcm_lock_release(&orphans.lock);
	return released;
}

uint32_t
gcm_cache_orphans(void)
{
	uint32_t sum = 0;

	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		sum += atomic_load_explicit(&orphans.count[i],
		    memory_order_relaxed);
	return sum;
}

/* Fork ----------------------------------------------------------------------- */

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
	uint32_t id = cache->tag >> GCM_TAG_OWNER_SHIFT;

	memset(cache->info, 0, sizeof(cache->info));
	init_cache(cache, id);
	cache->status = GCM_CACHE_IDLE;
	cache->next_idle = registry.idle;
	registry.idle = cache;
}

void
gcm_cache_reset(struct gcm_cache *survivor, bool others_gone)
{
	struct gcm_cache *cache = atomic_load_explicit(&registry.all,
	    memory_order_relaxed);

	gcm_lock_init(&registry.lock, GCM_RANK_registry);
	gcm_lock_init(&orphans.lock, GCM_RANK_orphan);
	gcm_lock_init(&shared.lock, GCM_RANK_shared);
	memset(orphans.spans, 0, sizeof(orphans.spans));
	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		atomic_store_explicit(&orphans.count[i], 0,
		    memory_order_relaxed);
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
	atomic_store_explicit(&registry.many, !others_gone,
	    memory_order_relaxed);
}

static struct gcm_cache *
find_cache(uint32_t owner)
{
	struct gcm_cache *cache = atomic_load_explicit(&registry.all,
	    memory_order_relaxed);

	while (cache != NULL && cache->tag >> GCM_TAG_OWNER_SHIFT != owner)
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
	gcm_span_assign(span_index, GCM_OWNER_ORPHAN);
	page->flags |= GCM_PAGE_TORN;
	if (!others_gone)
		page->flags |= GCM_PAGE_BINNED;
	add_orphan(class_id, span_index);
}
