/* audit.c -- GCM_MODE=report: what collecting would have done, and whether the
 * program would have noticed
 *
 * MODEL   In report mode a block that is unreachable stays LIMBO.  When its
 *         grace is over, and collecting would have made it FREE, the sweep sets
 *         the bit GCM_DUE in its state: it is due.  What the program does with
 *         it from then on would have gone wrong; what it did before, in its
 *         grace, is counted apart.
 *
 *         Late: a call gets the block's address.  Every such call sees the
 *         state, none is missed.  Reached: a trace finds a pointer to it, maybe
 *         a number that only looks like one.  Written: of the blocks that
 *         became due up to WATCHED are chosen at random (Vitter, Algorithm R),
 *         what is in them is summed up, and once more before each trace; that
 *         of long ones is looked at in WINDOWS pieces.  Where writes are
 *         tracked the pages of large blocks are asked about, too.  Reads are
 *         never seen.
 *
 * LOCKS   none: counters are added to by whoever sees something, the chosen
 *         blocks are the collector's thread's.
 *
 * INVARIANTS
 *   .inv.audit-due  only the collector's thread makes a block due.  So one that
 *         is due after its contents were read was the same block all the time,
 *         if it was due when it was chosen and each time it was looked at.
 *
 * FORK    the child counts anew, and its sweeps choose anew among all blocks
 *         that are due, its parent's as well, whenever a span has been repaired
 *         (sweeps pass torn ones by).
 *
 * PAPERS  Vitter, "Random Sampling with a Reservoir", 1985.
 */
#include "core/audit.h"

#include <string.h>

#include "core/audit_state.h"
#include "core/large.h"
#include "core/os.h"
#include "core/own.h"
#include "core/scanner.h"
#include "core/span.h"

enum {
	WATCHED = 1024,      /* blocks with a slot */
	WATCHED_LARGE = 256, /* blocks with a span of their own */
	READ_BYTES = 4096,   /* of a block; longer ones in pieces */
	WINDOWS = 4,
	WINDOW_BYTES = READ_BYTES / WINDOWS
};

struct watch {
	uintptr_t addr;
	uint64_t bytes, sum;
	bool summed; /* else chosen by the sweep that is under way */
};

struct pool {
	struct watch *list; /* const once mapped */
	uint32_t count, room;
	uint64_t seen; /* that could have been chosen */
};

struct gcm_audit_state gcm_audit;

/* The collector's thread; in a child whoever resets. */
static struct {
	struct pool small, large;
	uint64_t random;
	uint64_t dead_blocks, dead_bytes; /* of the sweep under way */
	bool all; /* the sweep under way chooses among all that are due */
	_Atomic bool anew; /* the next one shall; whoever repairs */
	uint64_t words[READ_BYTES / sizeof(uint64_t)];
} audit = {.small = {.room = WATCHED}, .large = {.room = WATCHED_LARGE}};

static void
add(_Atomic uint64_t *counter, uint64_t n)
{
	atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

/* Events ---------------------------------------------------------------------
 */

static uint32_t
find_class(uintptr_t addr, uint64_t *bytes)
{
	const struct gcm_page *page = gcm_page_at(addr);
	uint32_t class_id = gcm_page_class(page);

	if (gcm_page_tag(page) == 0 || class_id >= GCM_NCLASSES) {
		*bytes = (uint64_t)gcm_large_length(page) << GCM_PAGE_SHIFT;
		return GCM_AUDIT_LARGE;
	}
	*bytes = gcm_classes[class_id].size;
	return class_id;
}

static void
note_event(enum gcm_audit_kind kind, uintptr_t addr, uint8_t state)
{
	uint64_t bytes;
	uint32_t class_id = find_class(addr, &bytes);

	if ((state & GCM_DUE) == 0) {
		add(&gcm_audit.early_blocks[kind], 1);
		return;
	}
	add(&gcm_audit.blocks[kind], 1);
	add(&gcm_audit.bytes[kind], bytes);
	add(&gcm_audit.classes[class_id][kind], 1);
}

void
gcm_audit_note_late(uintptr_t addr, uint8_t state, const char *call)
{
	uint64_t bytes;
	uint32_t i;

	note_event(GCM_AUDIT_LATE, addr, state);
	i = atomic_load(&gcm_audit.ncalls);
	if ((state & GCM_DUE) == 0 || i >= GCM_AUDIT_CALLS)
		return;
	i = atomic_fetch_add(&gcm_audit.ncalls, 1);
	if (i >= GCM_AUDIT_CALLS)
		return;
	(void)find_class(addr, &bytes);
	gcm_audit.calls[i].addr = addr;
	gcm_audit.calls[i].bytes = bytes;
	atomic_store_explicit(
	    &gcm_audit.calls[i].call, call, memory_order_release);
}

void
gcm_audit_note_reached(uintptr_t addr, uint8_t state)
{
	note_event(GCM_AUDIT_REACHED, addr, state);
}

/* Watched blocks -------------------------------------------------------------
 */

static uint64_t
draw_random(void)
{
	if (audit.random == 0)
		audit.random = gcm_os_random() | 1;
	audit.random ^= audit.random << 13;
	audit.random ^= audit.random >> 7;
	audit.random ^= audit.random << 17;
	return audit.random;
}

static bool
is_due(uintptr_t addr)
{
	uint8_t state = gcm_slot_get(addr);

	return gcm_state_is_limbo(state) && (state & GCM_DUE) != 0;
}

static uint64_t
sum_words(uint64_t sum, size_t nwords)
{
	for (size_t i = 0; i < nwords; i++) {
		sum = (sum ^ audit.words[i]) * 0x9e3779b97f4a7c15u;
		sum ^= sum >> 32;
	}
	return sum;
}

/* Sum up what is in the block; false when it could not be read. */
static bool
sum_block(
    const struct gcm_scanner *scanner, const struct watch *watch, uint64_t *sum)
{
	size_t len = watch->bytes, step = 0;
	unsigned int n = 1;

	if (len > READ_BYTES) {
		n = WINDOWS;
		step = gcm_round_down((len - WINDOW_BYTES) / (n - 1), 8);
		len = WINDOW_BYTES;
	}
	*sum = 0;
	for (unsigned int i = 0; i < n; i++) {
		if (scanner->read(audit.words, watch->addr + i * step, len) !=
		    len)
			return false;
		*sum = sum_words(*sum, len / sizeof(uint64_t));
	}
	return true;
}

/* Is it still to be watched?  .inv.audit-due: the state is read last. */
static bool
look_at_block(const struct gcm_scanner *scanner, const struct watch *watch)
{
	uint64_t sum;
	bool written =
	    watch->bytes > GCM_SMALL_MAX &&
	    scanner->written(watch->addr, watch->addr + watch->bytes);

	if (!written && sum_block(scanner, watch, &sum))
		written = sum != watch->sum;
	if (!is_due(watch->addr))
		return false;
	if (written)
		note_event(GCM_AUDIT_WRITTEN, watch->addr, GCM_DUE);
	return !written;
}

static void
look_at_pool(const struct gcm_scanner *scanner, struct pool *pool)
{
	for (uint32_t i = pool->count; i > 0; i--)
		if (!look_at_block(scanner, &pool->list[i - 1]))
			pool->list[i - 1] = pool->list[--pool->count];
}

static void
publish_watched(void)
{
	atomic_store(&gcm_audit.watched, audit.small.count + audit.large.count);
}

void
gcm_audit_look(const struct gcm_scanner *scanner)
{
	look_at_pool(scanner, &audit.small);
	look_at_pool(scanner, &audit.large);
	publish_watched();
}

/* Sweeping -------------------------------------------------------------------
 */

void
gcm_audit_sweep_begin(void)
{
	audit.dead_blocks = audit.dead_bytes = 0;
	audit.all = atomic_exchange(&audit.anew, false);
	if (audit.all) {
		audit.small.count = audit.large.count = 0;
		audit.small.seen = audit.large.seen = 0;
	}
	if (audit.small.list != NULL)
		return;
	audit.small.list =
	    gcm_own_map((WATCHED + WATCHED_LARGE) * sizeof(*audit.small.list));
	if (audit.small.list != NULL) /* else none are watched */
		audit.large.list = audit.small.list + WATCHED;
}

static void
choose_block(struct pool *pool, uintptr_t addr, uint64_t bytes)
{
	uint64_t at = pool->count;

	if (pool->list == NULL)
		return;
	pool->seen++;
	if (pool->count < pool->room)
		pool->count++;
	else
		at = draw_random() % pool->seen;
	if (at < pool->room)
		pool->list[at] = (struct watch){.addr = addr, .bytes = bytes};
}

void
gcm_audit_sweep_due(uintptr_t addr, uint64_t bytes, bool fresh)
{
	audit.dead_blocks++;
	audit.dead_bytes += bytes;
	if (fresh) {
		add(&gcm_audit.due_blocks, 1);
		add(&gcm_audit.due_bytes, bytes);
	}
	if (fresh || audit.all)
		choose_block(
		    bytes > GCM_SMALL_MAX ? &audit.large : &audit.small, addr,
		    bytes);
}

static void
sum_pool(const struct gcm_scanner *scanner, struct pool *pool)
{
	for (uint32_t i = pool->count; i > 0; i--) {
		struct watch *watch = &pool->list[i - 1];

		if (watch->summed)
			continue;
		watch->summed = sum_block(scanner, watch, &watch->sum);
		if (!watch->summed || !is_due(watch->addr))
			*watch = pool->list[--pool->count];
	}
}

void
gcm_audit_sweep_end(const struct gcm_scanner *scanner)
{
	sum_pool(scanner, &audit.small);
	sum_pool(scanner, &audit.large);
	atomic_store(&gcm_audit.dead_blocks, audit.dead_blocks);
	atomic_store(&gcm_audit.dead_bytes, audit.dead_bytes);
	add(&gcm_audit.sweeps, 1);
	publish_watched();
}

void
gcm_audit_get(struct gcm_audit_stat *stat)
{
	stat->due_blocks = atomic_load(&gcm_audit.due_blocks);
	stat->due_bytes = atomic_load(&gcm_audit.due_bytes);
	stat->dead_blocks = atomic_load(&gcm_audit.dead_blocks);
	stat->dead_bytes = atomic_load(&gcm_audit.dead_bytes);
	stat->sweeps = atomic_load(&gcm_audit.sweeps);
	stat->watched = atomic_load(&gcm_audit.watched);
	for (unsigned int i = 0; i < GCM_AUDIT_KINDS; i++) {
		stat->blocks[i] = atomic_load(&gcm_audit.blocks[i]);
		stat->bytes[i] = atomic_load(&gcm_audit.bytes[i]);
		stat->early_blocks[i] = atomic_load(&gcm_audit.early_blocks[i]);
	}
}

uint64_t
gcm_audit_dead_bytes(void)
{
	return atomic_load(&gcm_audit.dead_bytes);
}

void
gcm_audit_reset(void)
{
	memset(&gcm_audit, 0, sizeof(gcm_audit));
	audit.small.count = audit.large.count = 0;
	audit.random = 0;
	atomic_store(&audit.anew, true);
}

void
gcm_audit_note_repaired(void)
{
	atomic_store(&audit.anew, true);
}
