/* stat.c -- the heap's figures, counted from the tables on demand
 *
 * MODEL   The state of every slot is in the state table, so figures are
 *         counted when somebody asks, and are exact; keeping them would cost
 *         every malloc.  A count reads one byte a granule of span: about a
 *         millisecond for each 100 MiB.
 */
#include "core/stat.h"

#include <string.h>

#include "core/cache.h"
#include "core/heap.h"
#include "core/line.h"
#include "core/meta.h"
#include "core/os.h"
#include "core/pageheap.h"
#include "core/report.h"
#include "core/scavenge.h"

static void
count_span(struct gcm_stat *stat, uint32_t index)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t class_id = gcm_page_class(page);
	const struct gcm_class *class = &gcm_classes[class_id];
	struct gcm_class_stat *at = &stat->classes[class_id];
	uintptr_t addr = gcm_page_addr(index);
	uint32_t slots = gcm_span_slots(page), carved = page->carved;
	uint64_t allocated = 0, cached = 0;

	for (uint32_t i = 0; i < carved && i < slots; i++) {
		uint8_t state = gcm_slot_get(addr + (uintptr_t)i * class->size);

		allocated += (state & (GCM_ALLOC | GCM_SAMPLED)) != 0;
		cached += state == GCM_CACHED;
	}
	at->spans++;
	at->pages += page->n;
	at->slots += slots;
	at->allocated += allocated;
	at->cached += cached;
	at->free += slots - allocated - cached;
	stat->spans++;
	stat->span_bytes += (uint64_t)page->n << GCM_PAGE_SHIFT;
}

static void
sum_classes(struct gcm_stat *stat)
{
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		const struct gcm_class_stat *at = &stat->classes[i];
		uint32_t size = gcm_classes[i].size;

		stat->allocated_blocks += at->allocated;
		stat->allocated += at->allocated * gcm_classes[i].usable;
		stat->cached_blocks += at->cached;
		stat->cached += at->cached * size;
		stat->free_blocks += at->free;
		stat->free_slots += at->free * size;
	}
}

static void
count_page(struct gcm_stat *stat, uint32_t index)
{
	struct gcm_page *page = gcm_page(index);
	uint8_t kind = gcm_page_kind(page);

	if (kind == GCM_KIND_SMALL)
		count_span(stat, index);
	if (kind == GCM_KIND_LARGE &&
	    (gcm_slot_get(gcm_page_addr(index)) &
	        (GCM_ALLOC | GCM_SAMPLED)) != 0) {
		stat->large_blocks++;
		stat->large += (uint64_t)page->n << GCM_PAGE_SHIFT;
	}
}

static void
count_cache(struct gcm_cache *cache, void *arg)
{
	(void)cache;
	++*(uint64_t *)arg;
}

void
gcm_stat_collect(struct gcm_stat *stat)
{
	uint32_t total;

	memset(stat, 0, sizeof(*stat));
	if (!gcm_heap_enter())
		return;
	gcm_lock_acquire(&gcm_pageheap.lock);
	total = gcm_zone_pages();
	for (uint32_t i = 0; i < total;) {
		struct gcm_page *page = gcm_page(i);
		uint8_t kind = gcm_page_kind(page);
		bool head = kind == GCM_KIND_SMALL || kind == GCM_KIND_LARGE ||
		    kind == GCM_KIND_RUN;

		count_page(stat, i);
		i += head && page->n > 0 ? page->n : 1;
	}
	stat->free_pages = (uint64_t)gcm_pageheap.free_pages << GCM_PAGE_SHIFT;
	stat->dirty_pages = (uint64_t)gcm_pageheap.dirty << GCM_PAGE_SHIFT;
	stat->tables = gcm_table_mapped();
	gcm_lock_release(&gcm_pageheap.lock);
	sum_classes(stat);
	stat->allocated += stat->large;
	stat->allocated_blocks += stat->large_blocks;
	stat->zone = (uint64_t)total << GCM_PAGE_SHIFT;
	stat->meta = gcm_meta_mapped();
	stat->released = gcm_scavenge_released();
	gcm_cache_visit(count_cache, &stat->caches);
}

/* The summary ---------------------------------------------------------------- */

static void
add_row(struct gcm_text *text, const char *name, uint64_t bytes,
    const char *what)
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
	add_row(text, "allocated", stat->allocated, "in blocks the program has");
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
add_class(struct gcm_text *text, uint32_t size,
    const struct gcm_class_stat *class)
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
	enum { BYTES = 8192 };
	static struct gcm_stat stat; /* too large for the stack of a host */
	static char buffer[BYTES];
	struct gcm_text text;

	gcm_stat_collect(&stat);
	gcm_text_init(&text, buffer, sizeof(buffer));
	add_totals(&text, &stat);
	gcm_text_add(&text,
	    "gcmalloc:   slot    spans     allocated   cached    free\n");
	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		if (stat.classes[i].spans != 0)
			add_class(&text, gcm_classes[i].size, &stat.classes[i]);
	gcm_report_write(&text);
}
