/* heap.c -- the heap as the malloc family sees it: first use, slow paths, fork
 *
 * MODEL   Sizes up to GCM_SMALL_MAX are slots of thread caches, everything
 *         else large spans.  The heap comes into being at the first request,
 *         which may be before any constructor has run.
 *
 * LOCKS   init: first use and repair.
 *
 * FORK    Nothing is held across fork and no handler is needed: a page that
 *         the kernel wipes in the child (MADV_WIPEONFORK) tells the child's
 *         first slow path to repair, whichever call made the child.  A fork
 *         while other threads run copies memory page by page, so anything
 *         may be torn, even with every lock free.  What a block that the
 *         program can still have depends on was stored before the fork began
 *         and is right: its state byte and its span's records.  The rest
 *         (locks, treap, lists, counters, bins of other threads) is made
 *         anew from those.  Fast paths need no check: a bin belongs to the
 *         thread that forked.
 */
#include "core/heap.h"

#include <string.h>

#include "core/alter.h"
#include "core/audit.h"
#include "core/cache.h"
#include "core/cycle.h"
#include "core/large.h"
#include "core/line.h"
#include "core/meta.h"
#include "core/orphan.h"
#include "core/os.h"
#include "core/pageheap.h"
#include "core/pin.h"
#include "core/scavenge.h"

enum {
	NEW,
	READY
};
enum {
	WIPED = 0,
	SOUND = 1,
	REPAIRING = 2
};

static struct {
	struct gcm_lock lock;
	_Atomic uint32_t state;      /* lock to change */
	_Atomic uint32_t *soundness; /* const once READY; wiped by fork */
	struct gcm_cache *survivor;  /* the child's only thread */
	bool survivor_known;         /* as survivor */
} heap = {.lock = GCM_LOCK_INIT(init)};

static _Atomic uint32_t never_wiped = SOUND;

/* First use ------------------------------------------------------------------
 */

static bool
init_heap(void)
{
	void *page;

	gcm_sizeclass_init();
	gcm_line_init();
	if (gcm_table_init() != 0)
		return false;
	gcm_lock_acquire(&gcm_pageheap.lock);
	atomic_store(&gcm_pageheap.used, gcm_zone_pages());
	gcm_pageheap_give_locked(0, gcm_zone_pages(), true);
	gcm_lock_release(&gcm_pageheap.lock);
	heap.soundness = &never_wiped;
	if (gcm_os_map_wiped(&page) == 0) {
		heap.soundness = page;
		atomic_store(heap.soundness, SOUND);
	}
	return true;
}

GCM_COLD static bool
first_use(void)
{
	gcm_lock_acquire(&heap.lock);
	if (atomic_load(&heap.state) == NEW && init_heap())
		atomic_store(&heap.state, READY);
	gcm_lock_release(&heap.lock);
	return atomic_load(&heap.state) == READY;
}

/* Fork -----------------------------------------------------------------------
 */

static void
give_gap(uint32_t lo, uint32_t hi)
{
	if (lo < hi)
		gcm_pageheap_give_locked(lo, hi - lo, false);
	/* The bits may be torn: whoever takes these pages looks again. */
	gcm_bits_mark_locked(GCM_GUARD, gcm_page_addr(lo), gcm_page_addr(hi),
	    gcm_pageheap_has_guards());
}

static bool
is_sound_span(const struct gcm_page *page, uint32_t left)
{
	return gcm_page_kind(page) == GCM_KIND_SMALL && page->n > 0 &&
	       page->n <= GCM_SPAN_PAGES_MAX && page->n <= left &&
	       gcm_page_class(page) < GCM_NCLASSES &&
	       page->carved <= gcm_span_slots(page);
}

static bool
is_sound_large(const struct gcm_page *page, uint32_t left, uintptr_t addr)
{
	uint8_t state = gcm_slot_get(addr);

	return gcm_page_kind(page) == GCM_KIND_LARGE && page->n > 0 &&
	       page->n <= left &&
	       ((state & (GCM_ALLOC | GCM_SAMPLED)) != 0 ||
		   gcm_state_is_limbo(state) || state == GCM_LOST);
}

/* The records of a span behind its first may be from other moments: none may
 * look like a head or an end (.inv.run-stale), in this child or in its own.
 */
static void
settle_body(uint32_t index, bool small)
{
	uint32_t n = gcm_page(index)->n;
	uint32_t tag = small ? gcm_page_tag(gcm_page(index)) : 0;

	for (uint32_t i = 1; i < n; i++) {
		struct gcm_page *page = gcm_page(index + i);
		uint8_t kind = gcm_page_kind(page);

		if (gcm_page_tag(page) != tag)
			atomic_store(&page->tag, tag);
		if (small && (kind != GCM_KIND_BODY || page->n != i)) {
			page->n = i;
			atomic_store(&page->kind, GCM_KIND_BODY);
		} else if (!small && kind > GCM_KIND_BODY) {
			atomic_store(&page->kind, GCM_KIND_NONE);
		}
	}
}

/* Walk the page table: spans to their owners, everything else is free. */
static void
rebuild_index(bool others_gone)
{
	uint32_t total = gcm_zone_pages(), gap = 0;

	gcm_bits_mark_locked(
	    GCM_CLEAN, gcm_zone.lo, gcm_page_addr(total), false);
	for (uint32_t i = 0; i < total;) {
		struct gcm_page *page = gcm_page(i);
		bool small = is_sound_span(page, total - i);

		if (!small &&
		    !is_sound_large(page, total - i, gcm_page_addr(i))) {
			atomic_store(&page->kind, GCM_KIND_NONE);
			atomic_store(&page->tag, 0);
			i++;
			continue;
		}
		give_gap(gap, i);
		settle_body(i, small);
		if (small)
			gcm_cache_adopt(i, others_gone);
		i += page->n;
		gap = i;
	}
	give_gap(gap, total);
}

static bool
is_alone(struct gcm_cache *self)
{
	return !gcm_cache_many() && !gcm_heap_has_threads() &&
	       !gcm_lock_held(&gcm_pageheap.lock) &&
	       !gcm_lock_held(&self->lock) && !gcm_cache_busy() &&
	       !gcm_orphan_busy() && !gcm_meta_busy();
}

/* Which cache lives on: the caller's own, if it has one, for only one thread
 * came through the fork.  Else what fork's wrapper noted, but only when that
 * is none at all: another thread's bins cannot be touched here.  When it is
 * unknown all caches keep their spans.
 */
static struct gcm_cache *
find_survivor(bool *known)
{
	struct gcm_cache *self = gcm_cache_self();

	*known = true;
	if (self != &gcm_cache_none && self != &gcm_cache_late)
		return self;
	*known = heap.survivor_known && (heap.survivor == &gcm_cache_none ||
					    heap.survivor == &gcm_cache_late);
	return NULL;
}

static void
repair_heap(void)
{
	bool known, alone;
	struct gcm_cache *survivor = find_survivor(&known);

	alone = survivor != NULL && is_alone(survivor);
	gcm_pin_reset();
	gcm_cycle_reset();
	if (alone) {
		gcm_scavenge_reset();
		return;
	}
	/* Bins may hold slots of other threads' spans, which are about to be
	 * repaired: nothing there may look cached.
	 */
	if (survivor != NULL)
		gcm_cache_flush_all(survivor);
	gcm_lock_init(&heap.lock, GCM_RANK_init);
	gcm_meta_reset();
	gcm_table_repair();
	gcm_pageheap_reset();
	gcm_scavenge_reset();
	gcm_large_reset();
	gcm_cache_reset(survivor, known);
	gcm_lock_acquire(&gcm_pageheap.lock);
	rebuild_index(known);
	gcm_lock_release(&gcm_pageheap.lock);
}

GCM_COLD static void
after_fork(void)
{
	uint32_t seen = WIPED;

	if (atomic_compare_exchange_strong(heap.soundness, &seen, REPAIRING)) {
		repair_heap();
		heap.survivor_known = false;
		atomic_store(heap.soundness, SOUND);
		gcm_os_wake(heap.soundness, UINT32_MAX >> 1);
		return;
	}
	while (atomic_load(heap.soundness) == REPAIRING)
		gcm_os_wait(heap.soundness, REPAIRING, 0);
}

void
gcm_heap_forked(void)
{
	if (atomic_load(&heap.state) != READY)
		return;
	heap.survivor = gcm_cache_self();
	heap.survivor_known = true;
	if (heap.soundness == &never_wiped)
		atomic_store(heap.soundness, WIPED);
}

bool
gcm_heap_enter(void)
{
	if (GCM_UNLIKELY(atomic_load_explicit(
			     &heap.state, memory_order_acquire) != READY) &&
	    !first_use())
		return false;
	if (GCM_UNLIKELY(atomic_load_explicit(
			     heap.soundness, memory_order_acquire) != SOUND))
		after_fork();
	return true;
}

/* Confinement -------------------------------------------------------------- */

bool
gcm_heap_is_sound(void)
{
	return atomic_load(&heap.state) == READY &&
	       atomic_load(heap.soundness) == SOUND;
}

bool
gcm_heap_stop_threads(void)
{
	bool stopped = gcm_cycle_stop();

	return gcm_scavenge_stop() && stopped;
}

bool
gcm_heap_stop_threads_for_fork(void)
{
	bool stopped = gcm_cycle_stop_for_fork();

	return gcm_scavenge_stop() && stopped;
}

bool
gcm_heap_has_threads(void)
{
	return gcm_scavenge_running() || gcm_cycle_running();
}

void
gcm_heap_confine(void)
{
	gcm_cycle_disable();
	gcm_scavenge_disable();
	if (gcm_heap_enter()) {
		gcm_lock_acquire(&gcm_pageheap.lock);
		gcm_large_drop_guards_locked();
		gcm_lock_release(&gcm_pageheap.lock);
	}
	gcm_os_confine();
}

/* Allocation -----------------------------------------------------------------
 */

/* A thread without cache changes the page heap: after a fork by another one
 * that has to be known.
 */
static void
note_stranger(void)
{
	if (gcm_cache_self() == &gcm_cache_none)
		gcm_cache_note_stranger();
}

/* The calling thread's cache, made if need be; gcm_cache_late when there can
 * be none.
 */
static struct gcm_cache *
find_cache(void)
{
	struct gcm_cache *cache = gcm_cache_self();

	if (GCM_UNLIKELY(cache == &gcm_cache_none))
		cache = gcm_cache_attach();
	if (GCM_UNLIKELY(cache == NULL || cache == &gcm_cache_late)) {
		gcm_cache_note_stranger();
		return &gcm_cache_late;
	}
	return cache;
}

static void *
alloc_slot(uint32_t class_id)
{
	struct gcm_cache *cache = find_cache();

	if (GCM_UNLIKELY(cache == &gcm_cache_late))
		return gcm_cache_alloc_shared(class_id);
	return gcm_cache_alloc(cache, class_id);
}

static void *
alloc_large(size_t size, size_t align, bool zeroed)
{
	uint32_t npages = gcm_large_pages(size);
	uint32_t align_pages =
	    align > GCM_PAGE_SIZE ? gcm_large_pages(align) : 1;

	if (npages == 0 || align_pages == 0)
		return NULL;
	note_stranger();
	return gcm_large_alloc(npages, align_pages, zeroed);
}

static void *
alloc_any(size_t size)
{
	return size <= GCM_SMALL_MAX ? alloc_slot(gcm_class_of_size(size))
				     : alloc_large(size, 1, false);
}

void *
gcm_heap_alloc(size_t size)
{
	void *block;

	if (!gcm_heap_enter())
		return NULL;
	block = alloc_any(size);
	if (GCM_UNLIKELY(block == NULL) && gcm_cycle_relieve(size))
		block = alloc_any(size);
	return block;
}

static void *
alloc_large_zeroed(size_t size)
{
	void *block = alloc_large(size, 1, true);

	if (GCM_UNLIKELY(block == NULL) && gcm_cycle_relieve(size))
		block = alloc_large(size, 1, true);
	return block;
}

void *
gcm_heap_alloc_zeroed(size_t size)
{
	void *block;

	if (!gcm_heap_enter())
		return NULL;
	if (size > GCM_SMALL_MAX)
		return alloc_large_zeroed(size);
	block = gcm_heap_alloc(size);
	if (block != NULL)
		memset(block, 0, gcm_round_up(size, GCM_GRANULE));
	return block;
}

/* The first class from size up whose slots all lie at multiples of align;
 * spans begin at pages.  GCM_CLASS_ZERO when there is none.
 */
static uint32_t
find_aligned_class(size_t size, size_t align)
{
	uint32_t class_id;

	if (size > GCM_SMALL_MAX || align > GCM_PAGE_SIZE)
		return GCM_CLASS_ZERO;
	class_id = gcm_class_of_size(size == 0 ? 1 : size);
	while (class_id < GCM_CLASS_ZERO &&
	       (gcm_classes[class_id].size & (align - 1)) != 0)
		class_id++;
	return class_id;
}

void *
gcm_heap_alloc_aligned(size_t size, size_t align)
{
	uint32_t class_id;

	if (align <= GCM_GRANULE)
		return gcm_heap_alloc(size);
	if (!gcm_heap_enter())
		return NULL;
	class_id = find_aligned_class(size, align);
	if (class_id < GCM_CLASS_ZERO)
		return alloc_slot(class_id);
	return alloc_large(size == 0 ? 1 : size, align, false);
}

size_t
gcm_heap_good_size(size_t size, size_t align)
{
	uint32_t class_id;

	if (!gcm_heap_enter())
		return 0;
	class_id = find_aligned_class(size, align < 1 ? 1 : align);
	if (class_id < GCM_CLASS_ZERO)
		return gcm_classes[class_id].usable;
	return (size_t)gcm_large_pages(size == 0 ? 1 : size) << GCM_PAGE_SHIFT;
}

/* Misuse ---------------------------------------------------------------------
 */

static bool
is_inside_block(uintptr_t addr)
{
	uint32_t index = gcm_pageheap_find(addr);
	struct gcm_page *page;
	uintptr_t start;

	if (index == GCM_NO_PAGE)
		return false;
	page = gcm_page(index);
	start = gcm_page_addr(index);
	if (gcm_page_kind(page) == GCM_KIND_SMALL) {
		uint32_t class_id = gcm_page_class(page);
		uint32_t slot =
		    gcm_class_index(class_id, (uint32_t)(addr - start));

		start += (uintptr_t)slot * gcm_classes[class_id].size;
	} else if (gcm_page_kind(page) != GCM_KIND_LARGE) {
		return false;
	}
	return (gcm_slot_get(start) & (GCM_ALLOC | GCM_SAMPLED)) != 0;
}

/* Say what is wrong with the address of a call, and abort. */
GCM_COLD static _Noreturn void
report_misuse(uintptr_t addr, const char *call)
{
	bool freeing = strcmp(call, "free") == 0 ||
		       strcmp(call, "dallocx") == 0 ||
		       strcmp(call, "sdallocx") == 0;
	const char *what = "invalid pointer";

	if (addr % GCM_GRANULE != 0) {
		what = "unaligned pointer";
	} else {
		/* Inside a large block states are those of an earlier life. */
		if (is_inside_block(addr))
			what = "interior pointer";
		else if (gcm_slot_get(addr) != GCM_INTERIOR)
			what = freeing ? "double free of" : "freed pointer";
	}
	gcm_misuse(call, what, (const void *)addr);
}

/* A block that the collector takes for lost, and the program has: it is the
 * program's again.
 */
GCM_COLD static bool
is_revived(uintptr_t addr, const char *call)
{
	_Atomic uint8_t *state = gcm_state_at(addr);
	uint8_t seen = atomic_load(state);
	bool first = false;

	while ((seen & (GCM_ALLOC | GCM_SAMPLED)) == 0) {
		uint8_t colour = (uint8_t)atomic_load(&gcm_cache_none.colour);

		if (!gcm_state_is_limbo(seen))
			return false;
		first = gcm_cycle_alarm() || first;
		if (atomic_compare_exchange_strong(state, &seen,
			(uint8_t)(colour | (seen & GCM_NOSCAN)))) {
			if (gcm_audit_is_on())
				gcm_audit_note_late(addr, seen, call);
			gcm_cycle_late((const void *)addr, call, first);
			return true;
		}
	}
	return true;
}

/* The page of an allocated block; reports anything else. */
static struct gcm_page *
check_block(uintptr_t addr, const char *call)
{
	struct gcm_page *page = gcm_page_at(addr);

	if (addr % GCM_GRANULE != 0 ||
	    ((gcm_slot_get(addr) & (GCM_ALLOC | GCM_SAMPLED)) == 0 &&
		!is_revived(addr, call)))
		report_misuse(addr, call);
	if (gcm_page_tag(page) == 0 && gcm_page_kind(page) != GCM_KIND_LARGE)
		gcm_misuse(call, "invalid pointer", (const void *)addr);
	return page;
}

/* Freeing and resizing --------------------------------------------------------
 */

static void
free_altered(uintptr_t addr, uint32_t class_id, const char *call)
{
	uint8_t state = gcm_slot_get(addr);

	if (!gcm_alter_is_noted(state) ||
	    !gcm_alter_free(addr, state, class_id))
		report_misuse(addr, call);
}

static void
free_large(uintptr_t addr, const char *call)
{
	(void)gcm_heap_enter();
	note_stranger();
	if (!gcm_large_free(addr))
		report_misuse(addr, call);
}

void
gcm_heap_free(void *block, const char *call)
{
	uintptr_t addr = (uintptr_t)block;
	struct gcm_page *page = check_block(addr, call);
	struct gcm_cache *cache = gcm_cache_self();
	uint32_t tag = gcm_page_tag(page);

	if (GCM_UNLIKELY(gcm_cache_frees_are_ignored()))
		return;
	if (tag == 0) {
		free_large(addr, call);
		return;
	}
	if (GCM_UNLIKELY(gcm_alter_is_noted(gcm_slot_get(addr)))) {
		free_altered(addr, tag & GCM_TAG_CLASS, call);
		return;
	}
	if (gcm_cache_free_remote(cache, block))
		return;
	(void)gcm_heap_enter();
	gcm_cache_flush(cache, tag & GCM_TAG_CLASS);
	if (!gcm_cache_free_hot(cache, block)) {
		gcm_slot_set(addr, GCM_FREE);
		gcm_hint_set(addr);
	}
}

static size_t
usable_of_page(const struct gcm_page *page)
{
	if (gcm_page_tag(page) == 0)
		return (size_t)gcm_large_length(page) << GCM_PAGE_SHIFT;
	return gcm_classes[gcm_page_class(page)].usable;
}

size_t
gcm_heap_usable(const void *block, const char *call)
{
	return usable_of_page(check_block((uintptr_t)block, call));
}

static void *
copy_block(void *block, size_t usable, size_t size)
{
	void *copy = size <= GCM_SMALL_MAX
			 ? gcm_cache_alloc_hot(gcm_cache_self(),
			       gcm_class_of_size(size), size, gcm_heap_alloc)
			 : gcm_heap_alloc(size);

	if (copy == NULL)
		return NULL;
	memcpy(copy, block, usable < size ? usable : size);
	if (!gcm_cache_free_hot(gcm_cache_self(), block))
		gcm_heap_free(block, "realloc");
	return copy;
}

void *
gcm_heap_realloc(void *block, size_t size)
{
	uintptr_t addr = (uintptr_t)block;
	struct gcm_page *page = check_block(addr, "realloc");
	size_t usable = usable_of_page(page);
	uint32_t npages;

	if (gcm_page_tag(page) == 0 && size > GCM_SMALL_MAX) {
		if (!gcm_heap_enter())
			return NULL;
		npages = gcm_large_pages(size);
		if (npages == 0)
			return NULL;
		note_stranger();
		if (gcm_large_resize(addr, npages))
			return block;
		return gcm_large_move(addr, npages);
	}
	/* Stay unless half of the slot would be wasted. */
	if (size <= usable && size >= usable / 2)
		return block;
	return copy_block(block, usable, size);
}

bool
gcm_heap_has(const void *addr)
{
	return gcm_zone_has((uintptr_t)addr);
}
