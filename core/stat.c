/* stat.c -- the heap's figures, counted from the tables on demand
 *
 * MODEL   The state of every slot is in the state table, so figures are
 *         counted when somebody asks, and are exact; keeping them would cost
 *         every malloc.  A count reads one byte a granule of span: up to two
 *         milliseconds for each 100 MiB.  It goes in steps, so that nobody
 *         waits long for the page heap; a step that begins inside a span or
 *         run, because that changed meanwhile, goes on to the next one's head
 *         (.inv.run-stale).
 */
#include "core/stat.h"

#include <string.h>

#include "core/cache.h"
#include "core/heap.h"
#include "core/large.h"
#include "core/line.h"
#include "core/meta.h"
#include "core/os.h"
#include "core/pageheap.h"
#include "core/report.h"
#include "core/scavenge.h"

enum {
	CLASSES_BYTES = GCM_NCLASSES * sizeof(struct gcm_class_stat),
	STEP_PAGES = 1024, /* counted under one hold of the lock */
	LINE_WORDS = 255,  /* what the bytes of a sum can count */
	WORD_SIZES = 64    /* longer slots: looking at each is quicker */
};

/* Slots for requests of 0 bytes are addresses, not memory. */
static void
add_span(struct gcm_stat *stat, const struct gcm_class *class,
    const struct gcm_class_stat *span)
{
	uint64_t size = class->usable > 0 ? class->size : 0;
	uint64_t bytes = span->pages << GCM_PAGE_SHIFT;

	stat->allocated_blocks += span->allocated;
	stat->allocated += span->allocated * class->usable;
	stat->cached_blocks += span->cached;
	stat->cached += span->cached * size;
	stat->free_blocks += span->free;
	stat->free_slots += span->free * size;
	stat->spans++;
	stat->span_bytes += bytes;
	if (size == 0)
		stat->hollow += bytes;
}

static void
add_class(struct gcm_class_stat *sum, const struct gcm_class_stat *span)
{
	sum->spans++;
	sum->pages += span->pages;
	sum->slots += span->slots;
	sum->allocated += span->allocated;
	sum->cached += span->cached;
	sum->free += span->free;
}

static uint64_t
sum_bytes(uint64_t bytes)
{
	const uint64_t even = 0x00ff00ff00ff00ffu;

	return ((bytes & even) + (bytes >> 8 & even)) * 0x0001000100010001u >>
	       48;
}

/* Up to LINE_WORDS words of states, eight at a time; between slots they are
 * 0.  Each byte of a sum counts for itself.
 */
static void
count_words(struct gcm_class_stat *span, const uint8_t *states, size_t nwords)
{
	const uint64_t high = 0x8080808080808080u, low = ~high;
	uint64_t taken = 0, cached = 0, word, other;

	for (; nwords > 0; nwords--, states += sizeof(word)) {
		memcpy(&word, states, sizeof(word));
		taken += (word | word << 1) >> 7 & high >> 7;
		other = word ^ (high >> 7) * GCM_CACHED;
		other = ((other & low) + low) | other;
		cached += ~other >> 7 & high >> 7;
	}
	span->allocated += sum_bytes(taken);
	span->cached += sum_bytes(cached);
}

static void
count_slots(
    struct gcm_class_stat *span, uintptr_t addr, uint32_t size, uint64_t nslots)
{
	for (; nslots > 0; nslots--, addr += size) {
		uint8_t state = gcm_slot_get(addr);

		span->allocated += (state & (GCM_ALLOC | GCM_SAMPLED)) != 0;
		span->cached += state == GCM_CACHED;
	}
}

/* The same for spans of short slots, by words of states. */
static void
count_states(
    struct gcm_class_stat *span, uintptr_t addr, uint32_t size, uint64_t nslots)
{
	const uint8_t *states = gcm_state_bytes(addr);
	const uintptr_t word = sizeof(uint64_t) << GCM_GRANULE_SHIFT;
	size_t left = gcm_round_up(nslots * size, word) / word;

	while (left > 0) {
		size_t nwords = left < LINE_WORDS ? left : LINE_WORDS;

		count_words(span, states, nwords);
		states += nwords * sizeof(uint64_t);
		left -= nwords;
	}
}

/* The tag of a span that is being released changes under our eyes: its class
 * is read once, so that the sums agree in any case.
 */
static void
count_span(
    struct gcm_stat *stat, struct gcm_class_stat *classes, uint32_t index)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t class_id = gcm_page_class(page);
	const struct gcm_class *class = &gcm_classes[class_id];
	uintptr_t addr = gcm_page_addr(index);
	struct gcm_class_stat span = {.pages = page->n};
	uint64_t carved = page->carved;

	span.slots = (span.pages << GCM_PAGE_SHIFT) / class->size;
	if (carved > span.slots)
		carved = span.slots;
	if (class->size > WORD_SIZES || (page->flags & GCM_PAGE_TORN) != 0)
		count_slots(&span, addr, class->size, carved);
	else
		count_states(&span, addr, class->size, carved);
	span.free = span.slots - span.allocated - span.cached;
	add_span(stat, class, &span);
	if (classes != NULL)
		add_class(&classes[class_id], &span);
}

static void
count_large(struct gcm_stat *stat, uint32_t index)
{
	uint64_t bytes = (uint64_t)gcm_large_length(gcm_page(index))
			 << GCM_PAGE_SHIFT;

	if ((gcm_slot_get(gcm_page_addr(index)) & (GCM_ALLOC | GCM_SAMPLED)) ==
	    0) {
		stat->parked += bytes;
		return;
	}
	stat->large_blocks++;
	stat->large += bytes;
	stat->allocated_blocks++;
	stat->allocated += bytes;
}

static void
count_run_locked(struct gcm_stat *stat, uint32_t index)
{
	uint32_t npages = gcm_page(index)->n;
	uint64_t bytes = (uint64_t)npages << GCM_PAGE_SHIFT;
	uint32_t nclean = gcm_bits_count_locked(
	    GCM_CLEAN, gcm_page_addr(index), gcm_page_addr(index + npages));

	if (nclean == npages)
		return;
	if (stat->dirty_runs++ == 0 || bytes < stat->dirty_run_min)
		stat->dirty_run_min = bytes;
	if (bytes > stat->dirty_run_max)
		stat->dirty_run_max = bytes;
}

/* Count what begins at the page; how many pages it has. */
static uint32_t
count_page_locked(
    struct gcm_stat *stat, struct gcm_class_stat *classes, uint32_t index)
{
	const struct gcm_page *page = gcm_page(index);
	uint8_t kind = gcm_page_kind(page);

	if (kind == GCM_KIND_SMALL)
		count_span(stat, classes, index);
	else if (kind == GCM_KIND_LARGE)
		count_large(stat, index);
	else if (kind == GCM_KIND_RUN)
		count_run_locked(stat, index);
	else
		return 1; /* taken, and not yet a span */
	return page->n > 0 ? page->n : 1;
}

static void
count_cache(struct gcm_cache *cache, void *arg)
{
	(void)cache;
	++*(uint64_t *)arg;
}

/* A thread without cache may hold our locks while another one forks. */
static bool
enter_heap(void)
{
	if (gcm_cache_self() == &gcm_cache_none ||
	    gcm_cache_self() == &gcm_cache_late)
		gcm_cache_note_stranger();
	return gcm_heap_enter();
}

void
gcm_stat_totals(struct gcm_stat *stat)
{
	if (!enter_heap())
		return;
	gcm_lock_acquire(&gcm_pageheap.lock);
	stat->used = (uint64_t)gcm_pageheap.used << GCM_PAGE_SHIFT;
	stat->free_pages = (uint64_t)gcm_pageheap.free_pages << GCM_PAGE_SHIFT;
	stat->dirty_pages = (uint64_t)gcm_pageheap.dirty << GCM_PAGE_SHIFT;
	stat->zone = (uint64_t)gcm_zone_pages() << GCM_PAGE_SHIFT;
	stat->tables = gcm_table_mapped();
	gcm_lock_release(&gcm_pageheap.lock);
	stat->meta = gcm_meta_mapped();
	stat->released = gcm_scavenge_released();
	stat->caches = 0;
	gcm_cache_visit(count_cache, &stat->caches);
}

bool
gcm_stat_step(
    struct gcm_stat *stat, struct gcm_class_stat *classes, uint32_t *next)
{
	uint32_t total, end;

	if (!enter_heap())
		return false;
	gcm_lock_acquire(&gcm_pageheap.lock);
	total = gcm_zone_pages();
	end = *next < total && total - *next > STEP_PAGES ? *next + STEP_PAGES
							  : total;
	while (*next < end)
		*next += count_page_locked(stat, classes, *next);
	gcm_lock_release(&gcm_pageheap.lock);
	return *next < total;
}

void
gcm_stat_collect(struct gcm_stat *stat, struct gcm_class_stat *classes)
{
	uint32_t next = 0;

	memset(stat, 0, sizeof(*stat));
	if (classes != NULL)
		memset(classes, 0, CLASSES_BYTES);
	while (gcm_stat_step(stat, classes, &next))
		continue;
	gcm_stat_totals(stat);
}

struct gcm_class_stat *
gcm_stat_room(void)
{
	return enter_heap() ? gcm_meta_alloc(CLASSES_BYTES) : NULL;
}

void
gcm_stat_drop(struct gcm_class_stat *classes)
{
	gcm_meta_free(classes, CLASSES_BYTES);
}

uint64_t
gcm_stat_spare(const struct gcm_stat *stat)
{
	return stat->cached + stat->free_slots + stat->dirty_pages +
	       stat->parked;
}

uint64_t
gcm_stat_held(const struct gcm_stat *stat)
{
	return stat->allocated - stat->large + gcm_stat_spare(stat);
}

/* The summary -------------------------------------------------------------- */

static void
add_row(
    struct gcm_text *text, const char *name, uint64_t bytes, const char *what)
{
	gcm_text_add(text, "gcmalloc:   ");
	gcm_text_add(text, name);
	gcm_text_pad(text, 28);
	gcm_text_add_bytes(text, bytes);
	gcm_text_pad(text, 42);
	gcm_text_add(text, what);
	gcm_text_add(text, "\n");
}

static void
add_totals(struct gcm_text *text, const struct gcm_stat *stat)
{
	gcm_text_add(text, "gcmalloc: summary of process ");
	gcm_text_add_unsigned(text, (uint64_t)gcm_os_pid());
	gcm_text_add(text, "\n");
	add_row(text, "resident", gcm_os_resident(), "the whole process");
	add_row(
	    text, "allocated", stat->allocated, "in blocks the program has");
	add_row(text, "  large", stat->large, "of these, longer than 32 KiB");
	add_row(text, "cached", stat->cached, "free, in thread caches");
	add_row(text, "free slots", stat->free_slots, "free, in spans");
	add_row(text, "free pages", stat->free_pages, "free, whole pages");
	add_row(text, "  dirty", stat->dirty_pages, "of these, maybe resident");
	add_row(text, "released", stat->released, "given back to the system");
	add_row(text, "zone", stat->zone, "address space of the heap");
	add_row(text, "tables", stat->tables, "address space of the tables");
	add_row(text, "own structures", stat->meta, "");
}

static void
add_class_row(
    struct gcm_text *text, uint32_t size, const struct gcm_class_stat *class)
{
	gcm_text_add(text, "gcmalloc:   ");
	gcm_text_add_unsigned(text, size);
	gcm_text_pad(text, 20);
	gcm_text_add_unsigned(text, class->spans);
	gcm_text_pad(text, 30);
	gcm_text_add_unsigned(text, class->allocated);
	gcm_text_pad(text, 42);
	gcm_text_add_unsigned(text, class->cached);
	gcm_text_pad(text, 52);
	gcm_text_add_unsigned(text, class->free);
	gcm_text_add(text, "\n");
}

void
gcm_stat_print(void)
{
	enum {
		BYTES = 8192
	};
	static struct gcm_class_stat classes[GCM_NCLASSES];
	static char buffer[BYTES]; /* once, at exit */
	struct gcm_stat stat;
	struct gcm_text text;

	gcm_stat_collect(&stat, classes);
	gcm_text_init(&text, buffer, sizeof(buffer));
	add_totals(&text, &stat);
	gcm_text_add(&text,
	    "gcmalloc:   slot    spans     allocated   cached    free\n");
	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		if (classes[i].spans != 0)
			add_class_row(&text, gcm_classes[i].size, &classes[i]);
	gcm_report_write(&text);
}
