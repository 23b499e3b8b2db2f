/* verify.c -- the heap checked from scratch against its invariants
 *
 * MODEL   Everything is derived again from the page and state tables and
 *         compared with the lists, the treap and the counters (OCaml 5 and
 *         Go check their heaps this way).
 */
#include "core/verify.h"

#include "core/cache.h"
#include "core/heap.h"
#include "core/meta.h"
#include "core/orphan.h"
#include "core/pageheap.h"

/* .inv.start and the legal states of a span of slots. */
static void
check_span(uint32_t index)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t class_id = gcm_page_class(page);
	uint32_t size = gcm_classes[class_id].size, next = 0;
	uintptr_t lo = gcm_page_addr(index);
	uintptr_t hi = lo + ((uintptr_t)page->n << GCM_PAGE_SHIFT);

	GCM_AVER(class_id < GCM_NCLASSES);
	GCM_AVER(page->n <= GCM_SPAN_PAGES_MAX);
	GCM_AVER(page->carved <= gcm_span_slots(page));
	for (uint32_t i = 1; i < page->n; i++) {
		GCM_AVER(gcm_page_kind(gcm_page(index + i)) == GCM_KIND_BODY);
		GCM_AVER(gcm_page(index + i)->n == i);
		GCM_AVER(
		    gcm_page_tag(gcm_page(index + i)) == gcm_page_tag(page));
	}
	if ((page->flags & GCM_PAGE_TORN) != 0)
		return;
	for (uintptr_t at = lo; at < hi; at += GCM_GRANULE) {
		uint8_t state = gcm_slot_get(at);

		if (next < page->carved && at == lo + (uintptr_t)next * size) {
			GCM_AVER(state != GCM_INTERIOR);
			next++;
		} else {
			GCM_AVER(state == GCM_INTERIOR); /* .inv.start */
		}
		if (state == GCM_FREE) /* .inv.hint */
			GCM_AVER((atomic_load(&gcm_page_at(at)->hints) >>
					 ((at >> GCM_LINE_SHIFT & 7) * 8) &
				     0xff) != 0);
	}
}

static void
check_pages(uint32_t *spans)
{
	for (uint32_t i = 0; i < gcm_zone_pages();) {
		struct gcm_page *page = gcm_page(i);

		if (gcm_page_kind(page) == GCM_KIND_SMALL) {
			check_span(i);
			++*spans;
		} else {
			GCM_AVER(gcm_page_tag(page) == 0);
		}
		i += page->n;
	}
}

/* A cache's lists and bins; *arg counts the spans found in lists. */
static void
check_cache(struct gcm_cache *cache, void *arg)
{
	uint32_t *listed = arg;

	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		struct gcm_bin_info *info = &cache->info[i];
		uint32_t link = info->spans.head;

		for (uint32_t n = 0; n < info->spans.count; n++) {
			struct gcm_page *page = gcm_page(link - 1);

			GCM_AVER(link != 0);
			GCM_AVER(gcm_page_kind(page) == GCM_KIND_SMALL);
			GCM_AVER(gcm_page_tag(page) ==
				 (cache->id << GCM_TAG_OWNER_SHIFT | i));
			link = page->next;
		}
		GCM_AVER(link == info->spans.head);
		*listed += info->spans.count;
		if (info->base == NULL)
			continue;
		GCM_AVER(info->base[0] == NULL);
		GCM_AVER(cache->top[i] <= cache->limit[i]);
		for (void **at = cache->top[i]; at > info->base; at--)
			GCM_AVER(gcm_slot_get((uintptr_t)*at) ==
				 GCM_CACHED); /* .inv.cached */
	}
}

void
gcm_verify_heap(void)
{
	uint32_t spans = 0, listed = gcm_orphan_count();

	if (!gcm_heap_enter())
		return;
	gcm_lock_acquire(&gcm_pageheap.lock);
	gcm_pageheap_check_locked();
	check_pages(&spans);
	gcm_lock_release(&gcm_pageheap.lock);
	gcm_cache_visit(check_cache, &listed);
	GCM_AVER(listed == spans);
}
