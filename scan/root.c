/* root.c -- where the program keeps pointers beside the heap
 *
 * MODEL   Everything that is mapped and that we did not map is a root: data and
 *         bss, other allocators' heaps, thread-local storage, coroutines'
 *         stacks.  What cannot be written counts when it is private: it was
 *         written before (sealed data), and code made at run time holds
 *         addresses at any byte.  Of private mappings of files only pages that
 *         differ from the file count.  Files mapped shared and read-only do
 *         not count until the program has taken write access from some pages
 *         itself.  Devices are never read.
 *
 *         A thread's stack is read from its stack pointer up, so that what is
 *         left of returned calls keeps nothing alive.  That needs its lower
 *         bound: the mapping must hold the thread pointer of a living thread,
 *         must have a guard below it, and the thread's stack pointer must lie
 *         between the two.  [stack] is the main thread's.  A thread that is
 *         elsewhere (a coroutine, an alternate signal stack) has that
 *         mapping read like any other root, and its own stack whole.
 *
 * LOCKS   none.
 *
 * INVARIANTS
 *   .inv.root-held  a mapping that was left for the stop because it was a stack
 *         is read whole there, should it be none any more.
 *   .inv.root-fresh  at a stop the mappings are listed again: what is new or
 * was replaced is not tracked, and scan/dirty.h gives it as a whole.
 */
#include "scan/root.h"

#include <errno.h>

#include "scan/dirty.h"
#include "scan/pages.h"
#include "scan/scanner.h"
#include "scan/slot.h"
#include "scan/stop.h"
#include "scan/thread.h"

enum {
	ROOM_MIN = 1024,
	TPS = 4096, /* thread pointers known at once; more are read whole */
	FRAME_BYTES = 16 << 10, /* of a signal's frame: the widest registers */
	ALTERNATE_BYTES = 1 << 20, /* the longest signal stack */
	STRANGE_BYTES = 1 << 20,   /* of a stack that is no thread's own */
	MISSED = 64                /* ranges that could not be read at once */
};

/* The living threads' thread pointers; the collector's thread. */
static struct {
	uintptr_t tp[TPS];
	size_t count;
} living;

static _Atomic bool odd_stacks; /* sticky */

static _Atomic bool sealed; /* sticky */

void
gcm_root_note_seal(void)
{
	if (!atomic_load_explicit(&sealed, memory_order_relaxed))
		atomic_store(&sealed, true);
}

void
gcm_root_note_coroutine(void)
{
	atomic_store(&gcm_mark_coroutines, true);
}

void
gcm_root_distrust_stacks(void)
{
	atomic_store(&odd_stacks, true);
}

/* Which mappings
 * --------------------------------------------------------------- */

static void
note_tp(uintptr_t tp)
{
	if (tp != 0 && living.count < TPS)
		living.tp[living.count++] = tp;
}

static void
note_cache(struct gcm_cache *cache, void *arg)
{
	(void)arg;
	note_tp(atomic_load_explicit(&cache->tp, memory_order_relaxed));
}

static void
note_threads(void)
{
	struct gcm_thread *thread = gcm_thread_first();

	for (; thread != NULL; thread = thread->next)
		if (atomic_load(&thread->tid) != 0)
			note_tp(atomic_load(&thread->tp));
}

static bool
holds_tp(const struct gcm_mapping *mapping)
{
	for (size_t i = 0; i < living.count; i++)
		if (living.tp[i] >= mapping->lo && living.tp[i] < mapping->hi)
			return true;
	return false;
}

static bool
has_guard(const struct gcm_maps *maps, const struct gcm_mapping *mapping)
{
	const struct gcm_mapping *below = mapping - 1;
	const uint32_t access = GCM_MAP_READ | GCM_MAP_WRITE | GCM_MAP_EXEC;

	return mapping > maps->list && below->hi == mapping->lo &&
	       (below->flags & (access | GCM_MAP_FILE)) == 0;
}

/* A thread's stack with a guard below it, or the main thread's? */
static bool
is_stack(const struct gcm_maps *maps, const struct gcm_mapping *mapping)
{
	if (atomic_load(&odd_stacks))
		return false;
	if ((mapping->flags & GCM_MAP_STACK) != 0)
		return true;
	return has_guard(maps, mapping) && holds_tp(mapping);
}

static enum gcm_root_kind
classify(const struct gcm_maps *maps, const struct gcm_mapping *mapping)
{
	uint32_t flags = mapping->flags;

	if ((flags & (GCM_MAP_KERNEL | GCM_MAP_DEVICE)) != 0)
		return GCM_ROOT_NONE;
	if ((flags & GCM_MAP_SHARED) != 0)
		return (flags & (GCM_MAP_WRITE | GCM_MAP_MEMORY)) != 0 ||
			       atomic_load(&sealed)
			   ? GCM_ROOT_SHARED
			   : GCM_ROOT_NONE;
	if ((flags & (GCM_MAP_WRITE | GCM_MAP_FILE)) == GCM_MAP_WRITE &&
	    is_stack(maps, mapping))
		return GCM_ROOT_STACK;
	return GCM_ROOT_TRACKED;
}

static int
add_root(struct gcm_roots *roots, const struct gcm_root *root)
{
	struct gcm_root *last = roots->list + roots->count - 1;

	if (roots->count > 0 && last->hi == root->lo &&
	    last->kind == root->kind && last->kind != GCM_ROOT_STACK &&
	    last->code == root->code && last->file == root->file) {
		last->hi = root->hi;
		return 0;
	}
	if (roots->count == roots->room) {
		size_t room = roots->room * 2;
		struct gcm_root *list = gcm_own_map(room * sizeof(*list));

		if (list == NULL)
			return -ENOMEM;
		for (size_t i = 0; i < roots->count; i++)
			list[i] = roots->list[i];
		gcm_own_unmap(roots->list, roots->room * sizeof(*list));
		roots->list = list;
		roots->room = room;
	}
	roots->list[roots->count++] = *root;
	return 0;
}

/* Is it ours, or the heap?  Somebody else's mapping in a hole of the zone is
 * neither.  *end as in gcm_own_has.
 */
static bool
is_ours(uintptr_t addr, uintptr_t *end)
{
	uint32_t index;

	if (!gcm_zone_has(addr))
		return gcm_own_has(addr, end);
	index = gcm_pageheap_find(addr);
	if (index == GCM_NO_PAGE) {
		*end = gcm_round_down(addr, GCM_PAGE_SIZE) + GCM_PAGE_SIZE;
		return true;
	}
	*end = gcm_page_addr(index + gcm_page(index)->n);
	return gcm_page_kind(gcm_page(index)) != GCM_KIND_LARGE ||
	       gcm_slot_get(gcm_page_addr(index)) != GCM_LOST;
}

/* Code made at run time, rather than the text of a program or library. */
static bool
is_made_code(uint32_t flags)
{
	return (flags & GCM_MAP_EXEC) != 0 &&
	       ((flags & GCM_MAP_FILE) == 0 ||
		   (flags &
		       (GCM_MAP_MEMORY | GCM_MAP_SHARED | GCM_MAP_WRITE)) != 0);
}

static int
add_mapping(struct gcm_roots *roots, const struct gcm_mapping *mapping)
{
	struct gcm_root root = {
	    .kind = (uint8_t)classify(&roots->maps, mapping)};
	uintptr_t at = mapping->lo, end;

	if (root.kind == GCM_ROOT_NONE)
		return 0;
	if (at >= gcm_zone.lo && mapping->hi <= gcm_page_addr(gcm_zone_pages()))
		roots->maps.list[mapping - roots->maps.list].mark = 1;
	root.code = is_made_code(mapping->flags);
	root.file = (mapping->flags & GCM_MAP_FILE) != 0 &&
		    root.kind == GCM_ROOT_TRACKED;
	for (; at < mapping->hi; at = end) {
		bool ours = is_ours(at, &end);

		/* A page that is partly ours holds nobody else's. */
		end = gcm_round_up(end, gcm_os_page_size());
		if (end > mapping->hi || end <= at)
			end = mapping->hi;
		root.lo = at;
		root.hi = end;
		if (!ours && add_root(roots, &root) != 0)
			return -ENOMEM;
	}
	return 0;
}

int
gcm_roots_read(struct gcm_roots *roots)
{
	int error;

	if (roots->list == NULL) {
		roots->list = gcm_own_map(ROOM_MIN * sizeof(*roots->list));
		if (roots->list == NULL)
			return -ENOMEM;
		roots->room = ROOM_MIN;
	}
	roots->count = 0;
	error = gcm_maps_read(&roots->maps);
	if (error != 0)
		return error;
	living.count = 0;
	gcm_cache_visit(note_cache, NULL);
	note_threads();
	for (size_t i = 0; error == 0 && i < roots->maps.count; i++) {
		error = add_mapping(roots, &roots->maps.list[i]);
		if ((roots->maps.list[i].flags & GCM_MAP_HIDER) != 0)
			roots->hidden = true;
		if ((roots->maps.list[i].flags & GCM_MAP_OFFSETS) != 0)
			atomic_store(&gcm_mark_offsets, true);
	}
	return error == 0 && roots->hidden ? -EOPNOTSUPP : error;
}

/* Reading them
 * ------------------------------------------------------------------ */

/* What could not be read beside the program: it may be gone, or may be readable
 * when the world is stopped.  The collector's thread.
 */
static struct {
	struct {
		uintptr_t lo, hi;
	} ranges[MISSED];
	uint32_t count; /* more than MISSED: too many */
} missed;

static void
note_missed(uintptr_t lo, uintptr_t hi)
{
	if (missed.count < MISSED) {
		missed.ranges[missed.count].lo = lo;
		missed.ranges[missed.count].hi = hi;
	}
	if (missed.count <= MISSED)
		missed.count++;
}

struct reading {
	struct gcm_roots *roots;
	struct gcm_marker *marker;
	const struct gcm_root *root;
	uintptr_t from; /* nothing below */
	bool whole;
};

static void
read_range(uintptr_t lo, uintptr_t hi, void *arg)
{
	struct reading *reading = arg;
	bool stack = reading->root->kind == GCM_ROOT_STACK;
	uint64_t *bytes = stack ? &reading->roots->stack_bytes
				: &reading->roots->global_bytes;

	if (lo < reading->from)
		lo = reading->from;
	*bytes += hi - lo;
	if (!gcm_mark_foreign(reading->marker, lo, hi,
		reading->root->code ? 1 : 0,
		stack || atomic_load(&gcm_mark_coroutines))) {
		reading->whole = false;
		if (!reading->marker->stopped)
			note_missed(lo, hi);
	}
}

/* All of a root from lo on whose pages are there. */
static bool
mark_resident(struct gcm_roots *roots, struct gcm_marker *marker,
    const struct gcm_root *root, uintptr_t lo)
{
	struct reading reading = {roots, marker, root, lo, true};
	uintptr_t first = gcm_round_down(lo, gcm_os_page_size());
	int error;

	if (root->kind == GCM_ROOT_SHARED)
		error = gcm_pages_shared(first, root->hi, read_range, &reading);
	else
		error = gcm_pages_resident(
		    first, root->hi, root->file, read_range, &reading);
	if (error != 0 && !marker->stopped)
		note_missed(first, root->hi);
	return error == 0 && reading.whole;
}

bool
gcm_roots_mark_missed(struct gcm_roots *roots, struct gcm_marker *marker)
{
	bool whole = missed.count <= MISSED;

	for (uint32_t i = 0; whole && i < missed.count; i++) {
		uintptr_t at = missed.ranges[i].lo, hi = missed.ranges[i].hi;

		for (size_t k = 0; k < roots->count; k++) {
			struct gcm_root part = roots->list[k];

			if (part.hi <= at || part.lo >= hi)
				continue;
			if (part.lo < at)
				part.lo = at;
			if (part.hi > hi)
				part.hi = hi;
			whole &= mark_resident(roots, marker, &part, part.lo);
		}
	}
	return whole;
}

void
gcm_roots_mark(struct gcm_roots *roots, struct gcm_marker *marker)
{
	missed.count = 0;
	for (size_t i = 0; i < roots->count; i++)
		if (roots->list[i].kind == GCM_ROOT_TRACKED ||
		    roots->list[i].kind == GCM_ROOT_SHARED)
			(void)mark_resident(roots, marker, &roots->list[i],
			    roots->list[i].lo); /* or noted as missed */
}

/* Remember the stacks, which nobody reads before the stop: .inv.root-held. */
static bool
hold_stacks(struct gcm_roots *roots)
{
	size_t room = roots->held_room;

	if (room < roots->room) {
		if (roots->held != NULL)
			gcm_own_unmap(roots->held, room * sizeof(*roots->held));
		roots->held = gcm_own_map(roots->room * sizeof(*roots->held));
		roots->held_room = roots->held != NULL ? roots->room : 0;
	}
	roots->nheld = 0;
	if (roots->held == NULL)
		return false;
	for (size_t i = 0; i < roots->count; i++)
		if (roots->list[i].kind == GCM_ROOT_STACK)
			roots->held[roots->nheld++] = roots->list[i];
	return true;
}

bool
gcm_roots_arm(struct gcm_roots *roots)
{
	if (!hold_stacks(roots))
		return false;
	for (size_t i = 0; i < roots->maps.count; i++) {
		const struct gcm_mapping *mapping = &roots->maps.list[i];

		if (classify(&roots->maps, mapping) != GCM_ROOT_TRACKED)
			continue;
		if (mapping->mark == 0) {
			uintptr_t end;

			if (is_ours(mapping->lo, &end) && end >= mapping->hi)
				continue;
		}
		/* What cannot be watched is seen as written. */
		if (gcm_dirty_watch(mapping->lo, mapping->hi) == 0)
			(void)gcm_dirty_arm(mapping->lo, mapping->hi);
	}
	return true;
}

/* What was a stack and is one no more, or not all of it. */
static bool
mark_held(struct gcm_roots *roots, struct gcm_marker *marker)
{
	bool whole = true;

	for (size_t h = 0; h < roots->nheld; h++) {
		const struct gcm_root *held = &roots->held[h];

		for (size_t i = 0; i < roots->count; i++) {
			struct gcm_root part = roots->list[i];

			if (part.kind != GCM_ROOT_TRACKED ||
			    part.hi <= held->lo || part.lo >= held->hi)
				continue;
			if (part.lo < held->lo)
				part.lo = held->lo;
			if (part.hi > held->hi)
				part.hi = held->hi;
			whole &= mark_resident(roots, marker, &part, part.lo);
		}
	}
	return whole;
}

bool
gcm_roots_mark_shared(struct gcm_roots *roots, struct gcm_marker *marker)
{
	bool whole = true;

	for (size_t i = 0; i < roots->count; i++)
		if (roots->list[i].kind == GCM_ROOT_SHARED)
			whole &= mark_resident(
			    roots, marker, &roots->list[i], roots->list[i].lo);
	return whole;
}

bool
gcm_roots_mark_written(
    struct gcm_roots *roots, struct gcm_marker *marker, bool again)
{
	bool whole = true;

	for (size_t i = 0; i < roots->count; i++) {
		const struct gcm_root *root = &roots->list[i];
		struct reading reading = {roots, marker, root, 0, true};

		if (root->kind != GCM_ROOT_TRACKED)
			continue;
		if (gcm_dirty_take(
			root->lo, root->hi, again, read_range, &reading) != 0)
			return false;
		whole &= reading.whole || again;
	}
	return whole && (again || (mark_held(roots, marker) &&
				      gcm_roots_mark_shared(roots, marker)));
}

/* Stacks
 * ------------------------------------------------------------------------ */

static struct gcm_root *
find_root(const struct gcm_roots *roots, uintptr_t addr)
{
	size_t lo = 0, hi = roots->count;

	while (lo < hi) {
		size_t middle = (lo + hi) / 2;

		if (roots->list[middle].hi <= addr)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo < roots->count && roots->list[lo].lo <= addr
		   ? &roots->list[lo]
		   : NULL;
}

bool
gcm_roots_is_shared(const struct gcm_roots *roots, uintptr_t addr)
{
	const struct gcm_root *root = find_root(roots, addr);

	return root != NULL && root->kind == GCM_ROOT_SHARED;
}

/* A stack that this address is on reaches down to it. */
static void
lower_stack(const struct gcm_roots *roots, uintptr_t addr)
{
	struct gcm_root *root = find_root(roots, addr);

	if (root != NULL && root->kind == GCM_ROOT_STACK &&
	    (root->sp == 0 || addr < root->sp))
		root->sp = addr;
}

/* Where a stack that is no thread's own ends: with its block of the heap, or
 * with its mapping.
 */
static uintptr_t
find_strange_end(const struct gcm_roots *roots, uintptr_t sp)
{
	struct gcm_root *root;
	uint32_t index;

	if (!gcm_zone_has(sp)) {
		root = find_root(roots, sp);
		return root != NULL && root->kind == GCM_ROOT_TRACKED ? root->hi
								      : sp;
	}
	index = gcm_pageheap_find(sp);
	if (index == GCM_NO_PAGE)
		return sp;
	return gcm_page_addr(index + gcm_page(index)->n);
}

/* A stack that is a block, or lies in a mapping that is read anyway: here once
 * more for addresses one past the end of a block.  Not all of it may be there.
 */
static void
mark_strange_stack(
    struct gcm_roots *roots, struct gcm_marker *marker, uintptr_t sp)
{
	uintptr_t end = find_strange_end(roots, sp);

	if (end - sp > STRANGE_BYTES)
		end = sp + STRANGE_BYTES;
	if (sp < end)
		(void)gcm_mark_foreign(
		    marker, gcm_round_down(sp, 8), end, 0, true);
}

/* Is the thread on a stack that is neither the system's, with a guard below and
 * its thread pointer above, nor its alternate one?  A mapping may be one with
 * its neighbours, but not with those beyond the guard.
 */
static bool
is_on_coroutine(
    const struct gcm_roots *roots, const struct gcm_stop_answer *said)
{
	uintptr_t sp = said->sp;
	const struct gcm_mapping *mapping;

	if (sp - said->alternate < ALTERNATE_BYTES)
		return false;
	if (gcm_zone_has(sp))
		return said->tp < sp || said->tp >= find_strange_end(roots, sp);
	mapping = gcm_maps_find(&roots->maps, sp);
	if (mapping == NULL || mapping->lo > sp ||
	    (mapping->flags & GCM_MAP_STACK) != 0)
		return false;
	return said->tp < sp || said->tp >= mapping->hi ||
	       !has_guard(&roots->maps, mapping);
}

bool
gcm_roots_find_coroutines(const struct gcm_roots *roots)
{
	for (size_t i = 0; i < gcm_stop_count(); i++) {
		struct gcm_stop_answer said;

		if (gcm_stop_at(i, &said) && is_on_coroutine(roots, &said))
			gcm_root_note_coroutine(); /* others may be idle */
	}
	return atomic_load(&gcm_mark_coroutines);
}

/* On a stack that is a block, what follows it may be a guard. */
static uintptr_t
find_frame_end(uintptr_t frame, uintptr_t end)
{
	uint64_t item = gcm_zone_has(frame) ? gcm_slot_find(frame) : 0;
	uintptr_t limit = (item & GCM_ITEM_ADDR) + gcm_slot_size(item);

	return item != 0 && limit > frame && limit < end ? limit : end;
}

/* The frame of our signal, with all registers in it, may be on another stack.
 */
static bool
mark_thread(struct gcm_roots *roots, struct gcm_marker *marker,
    const struct gcm_stop_answer *said)
{
	uintptr_t sp = said->sp, frame = said->frame, end;
	const struct gcm_mapping *mapping;

	lower_stack(roots, sp);
	gcm_mark_word(marker, sp);
	mark_strange_stack(roots, marker, sp);
	if (frame == 0)
		return true;
	lower_stack(roots, frame);
	gcm_mark_word(marker, frame);
	end = frame + FRAME_BYTES;
	mapping = gcm_maps_find(&roots->maps, frame);
	if (mapping == NULL || mapping->lo > frame)
		return false;
	if (end > mapping->hi)
		end = mapping->hi;
	return gcm_mark_foreign(
	    marker, frame, find_frame_end(frame, end), 0, true);
}

/* What it has of the kernel's that no other look sees: a thread that is not
 * signalled has no frame that names its alternate stack, and an array of events
 * is packed.  Part of it may be gone.
 */
static void
mark_given(struct gcm_marker *marker, const struct gcm_thread *thread)
{
	uintptr_t events = atomic_load(&thread->events);

	gcm_mark_word(marker, atomic_load(&thread->alternate));
	if (events != 0)
		(void)gcm_mark_foreign(marker, events,
		    events + atomic_load(&thread->events_len), 4, false);
}

bool
gcm_roots_mark_stacks(struct gcm_roots *roots, struct gcm_marker *marker)
{
	bool whole = true;

	for (const struct gcm_thread *thread = gcm_thread_first();
	     thread != NULL; thread = thread->next)
		mark_given(marker, thread);
	for (size_t i = 0; i < gcm_stop_count(); i++) {
		struct gcm_stop_answer said;

		if (gcm_stop_at(i, &said))
			whole &= mark_thread(roots, marker, &said);
	}
	for (size_t i = 0; i < roots->count; i++) {
		const struct gcm_root *root = &roots->list[i];
		uintptr_t lo = root->sp != 0 ? root->sp : root->lo;

		if (root->kind == GCM_ROOT_STACK)
			whole &= mark_resident(
			    roots, marker, root, gcm_round_down(lo, 8));
	}
	return whole;
}

bool
gcm_roots_lack(const struct gcm_roots *child, const struct gcm_roots *parent)
{
	for (size_t i = 0; i < parent->count; i++) {
		uintptr_t at = parent->list[i].lo;

		while (at < parent->list[i].hi) {
			const struct gcm_root *root = find_root(child, at);

			if (root == NULL)
				return true;
			at = root->hi;
		}
	}
	return false;
}
