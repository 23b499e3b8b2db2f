/* cache.h -- thread caches: the malloc and free fast paths
 *
 * Each thread keeps, for each class, a stack of slots that are CACHED.  A hot
 * header: gcm_cache_alloc_hot and gcm_cache_free_hot are inline, carry no
 * counter, no lock and no call, and give up (NULL, false) on anything rare.
 */
#ifndef GCM_CORE_CACHE_H
#define GCM_CORE_CACHE_H

#include "core/lock.h"
#include "core/sizeclass.h"
#include "core/span.h"
#include "core/table.h"

/* What only slow paths need of a bin. */
struct gcm_bin_info {
	void **base;                /* the array; the owning thread */
	uint32_t capacity;          /* slots it holds; the owning thread */
	uint32_t fill;              /* slots the next refill brings */
	struct gcm_span_list spans; /* cache lock */
	uint32_t carving;           /* link of the span being carved, or 0 */
	uint32_t budget;            /* spans a refill looks at */
	bool busy;                  /* refilled or flushed since the last trim
				       by its thread; the owning thread */
};

enum gcm_cache_status {
	GCM_CACHE_IDLE = 0, /* in the registry's free list */
	GCM_CACHE_USED,     /* a thread's */
	GCM_CACHE_GONE      /* its thread vanished in a fork */
};

struct gcm_cache {
	uint32_t tag; /* what free compares: id << 8, or an owner that
			 no span has when frees are ignored; const */
	_Atomic uint32_t colour; /* changes << 8 | ALLOC | colour: a thread that
				    slept through four cycles notices, too; the
				    collector */
	/* A bin is a stack of slots that grows upwards.  *top is the next
	 * one; the bottom holds NULL, so that an empty bin needs no test of
	 * its own; top == limit: full.  The owning thread's.
	 */
	void **top[GCM_NCLASSES];
	void **limit[GCM_NCLASSES];
	struct gcm_bin_info info[GCM_NCLASSES];
	struct gcm_lock lock;
	enum gcm_cache_status status; /* registry lock */
	struct gcm_cache *next;       /* all caches; const once linked */
	struct gcm_cache *next_idle;  /* registry lock */
	_Atomic size_t freed;         /* bytes freed since the scavenger was
					 last told; the owning thread */
	_Atomic int64_t net;          /* bytes handed out and not yet told to
					 the collector; the owning thread */
	uint32_t id;                  /* owner of its spans; const */
	_Atomic uintptr_t tp;         /* its thread's thread pointer, or 0 */
};

/* The calling thread's cache.  &gcm_cache_none until it first allocates,
 * &gcm_cache_late once its cache has been given up.
 */
extern GCM_HIDDEN struct gcm_cache gcm_cache_none, gcm_cache_late;

/* Kept as the distance from gcm_cache_none: 0 means none even in an IFUNC
 * resolver, which runs before the loader has copied the initial values of
 * thread-local storage.
 */
extern GCM_HIDDEN __thread uintptr_t gcm_cache_distance;

static GCM_ALWAYS_INLINE struct gcm_cache *
gcm_cache_self(void)
{
	return (struct gcm_cache *)((uintptr_t)&gcm_cache_none +
				    gcm_cache_distance);
}

/* Make `cache` the calling thread's. */
static inline void
gcm_cache_become(struct gcm_cache *cache)
{
	gcm_cache_distance = (uintptr_t)cache - (uintptr_t)&gcm_cache_none;
}

/* Called when a thread got its cache, so that preload/ can arrange for
 * gcm_cache_detach at its end.  No lock is held.
 */
extern void (*gcm_cache_on_attach)(struct gcm_cache *cache);

/* Give the calling thread a cache.  NULL when there is no memory. */
struct gcm_cache *gcm_cache_attach(void);

/* The thread that owns `cache` ends: its slots become free for all, its spans
 * orphans.  Called by that thread; later calls of it do without a cache.
 */
void gcm_cache_detach(struct gcm_cache *cache);

/* A slot of the class: from the bin, refilled if need be.  NULL: no memory. */
void *gcm_cache_alloc(struct gcm_cache *cache, uint32_t class_id);

/* The same for threads that have no cache any more. */
void *gcm_cache_alloc_shared(uint32_t class_id);

/* Free a block of somebody else's span: by one store, or kept here.  False
 * when it is no such block.
 */
bool gcm_cache_free_remote(struct gcm_cache *cache, void *block);

/* Make room in a full bin of the calling thread's cache. */
void gcm_cache_flush(struct gcm_cache *cache, uint32_t class_id);

/* Return everything in the bins of the calling thread's cache. */
void gcm_cache_flush_all(struct gcm_cache *cache);

/* The same, and with `arrays_too` the memory of the bins is given back. */
void gcm_cache_drop_bins(struct gcm_cache *cache, bool arrays_too);

/* Make `cache` an empty one with that id. */
void gcm_cache_init(struct gcm_cache *cache, uint32_t id);

/* Return what is in bins that were neither refilled nor flushed since the last
 * call: a few slots in an idle bin can pin as many spans.  The calling
 * thread's cache.
 */
void gcm_cache_flush_idle(struct gcm_cache *cache);

/* Give empty spans of all caches and of the orphans back to the page heap.
 * Caches whose lock is held are passed over.  Returns the pages given back.
 * The caller holds no cache's lock but `held` (or NULL).
 */
uint32_t gcm_cache_trim(struct gcm_cache *held);

/* Call visit for every cache that has been made. */
void gcm_cache_visit(
    void (*visit)(struct gcm_cache *cache, void *arg), void *arg);

/* In a forked child: locks anew, span lists empty; caches of other threads
 * are gone unless `survivor`.  Spans are put back by gcm_cache_adopt.
 */
void gcm_cache_reset(struct gcm_cache *survivor, bool others_gone);
void gcm_cache_adopt(uint32_t span_index, bool others_gone);

/* Have several threads used the heap?  A thread without cache that enters it
 * says so by gcm_cache_note_stranger.
 */
bool gcm_cache_many(void);

/* From now on free() does nothing: the collector alone frees.  The constructor.
 */
void gcm_cache_ignore_frees(void);
extern GCM_HIDDEN _Atomic bool gcm_cache_ignoring; /* sticky */

static inline bool
gcm_cache_frees_are_ignored(void)
{
	return atomic_load_explicit(&gcm_cache_ignoring, memory_order_relaxed);
}

/* From now on a block is filled with GCM_POISON when it becomes free: what a
 * program reads after free shows, and new blocks hold no old addresses.  The
 * constructor.
 */
void gcm_cache_poison_frees(void);
extern GCM_HIDDEN _Atomic bool gcm_cache_poisoning; /* sticky */

enum {
	GCM_POISON = 0xdb
};

static inline bool
gcm_cache_frees_are_poisoned(void)
{
	return atomic_load_explicit(&gcm_cache_poisoning, memory_order_relaxed);
}

/* A cycle begins: new blocks get this colour (ALLOC | cycle mod 4) from now on.
 * The collector's thread, also while the world is stopped.
 */
void gcm_cache_set_colour(uint8_t state);

/* Is a lock of all the caches held? */
bool gcm_cache_busy(void);
void gcm_cache_note_stranger(void);

/* Pop and colour a slot.  What is rare (an empty bin, a lost race) is left to
 * `slow`, always as the last call, so that the fast path needs no frame.  The
 * colour is read again after the store: .inv.colour in cache.c.
 */
static GCM_ALWAYS_INLINE void *
gcm_cache_alloc_hot(struct gcm_cache *cache, uint32_t class_id, size_t size,
    void *(*slow)(size_t size))
{
	void **top = cache->top[class_id];
	void *slot = *top;
	uint32_t colour;

	if (GCM_UNLIKELY(slot == NULL))
		return slow(size);
	cache->top[class_id] = top - 1;
	colour = GCM_PEEK(cache->colour);
	atomic_store_explicit(gcm_state_at((uintptr_t)slot), (uint8_t)colour,
	    memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	if (GCM_UNLIKELY(colour != GCM_PEEK(cache->colour)))
		return slow(size); /* nobody has seen it: let it be swept */
	return slot;
}

/* Push a block of this thread's spans.  False when anything is unusual: not
 * ours, not allocated, somebody else's span, bin full.
 */
static GCM_ALWAYS_INLINE bool
gcm_cache_free_hot(struct gcm_cache *cache, void *block)
{
	uint64_t turned = gcm_turn((uintptr_t)block);
	_Atomic uint8_t *state;
	uint64_t class_id;
	void **top;

	if (GCM_UNLIKELY(!gcm_zone_has_turned(turned)))
		return false;
	state = gcm_state_of_granule(turned);
	if (GCM_UNLIKELY((int8_t)GCM_PEEK(*state) >= 0))
		return false;
	class_id = GCM_PEEK(gcm_page_of_granule(turned)->tag) ^ cache->tag;
	if (GCM_UNLIKELY(class_id > GCM_TAG_CLASS))
		return false;
	top = cache->top[class_id];
	__asm__("" : "+r"(class_id)); /* index again, make no pointer */
	if (GCM_UNLIKELY(top == cache->limit[class_id]))
		return false;
	top[1] = block;
	cache->top[class_id] = top + 1;
	atomic_store_explicit(state, GCM_CACHED, memory_order_relaxed);
	return true;
}

#endif
