/* unit/zone.c -- the zone grows, meets a wall, and shrinks, as the page heap
 * wants it
 */
#define _GNU_SOURCE
#include "unit.h"

#include <sys/mman.h>

#include "core/pageheap.h"

static void
begin(void)
{
	ck_assert(gcm_heap_enter());
	gcm_lock_acquire(&gcm_pageheap.lock);
}

static void
commit_span(uint32_t first, uint32_t n)
{
	struct gcm_page *page = gcm_page(first);

	page->n = n;
	atomic_store(&page->kind, GCM_KIND_LARGE);
}

static bool
reads_zero(uint32_t first, uint32_t n)
{
	return rig_is_zero(
	    (void *)gcm_page_addr(first), (size_t)n << GCM_PAGE_SHIFT);
}

START_TEST(growth_joins_the_last_run)
{
	uint32_t total, first;
	bool clean;

	begin();
	total = gcm_zone_pages();
	first = gcm_pageheap_take_locked(total + 10, 1, true, &clean);
	ck_assert_uint_eq(first, 0);
	ck_assert(clean);
	ck_assert_uint_ge(gcm_zone_pages(), total + 10);
	gcm_pageheap_give_locked(first, total + 10, false);
	gcm_pageheap_check_locked();
}
END_TEST

/* A wall behind the zone: the heap has a hole from then on, and all works. */
START_TEST(a_hole_in_the_zone)
{
	uint32_t total, first, next;
	bool clean;
	void *wall;

	begin();
	total = gcm_zone_pages();
	wall = mmap((void *)gcm_zone.hi, 4096, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ck_assert_ptr_eq(wall, (void *)gcm_zone.hi);
	first = gcm_pageheap_take_locked(total + 1, 1, true, &clean);
	ck_assert_uint_gt(first, total);
	ck_assert(clean);
	commit_span(first, total + 1);
	gcm_pageheap_check_locked();
	next = gcm_pageheap_take_locked(total, 1, true, &clean);
	ck_assert_uint_eq(next, 0); /* before the hole */
	commit_span(next, total);
	ck_assert(!gcm_pageheap_extend_locked(0, total, total + 1, &clean));
	gcm_pageheap_check_locked();
	gcm_pageheap_give_locked(first, total + 1, true);
	gcm_pageheap_give_locked(next, total, true);
	gcm_pageheap_check_locked();
	ck_assert_uint_eq(gcm_pageheap.used, 0);
	ck_assert_uint_eq(gcm_page_kind(gcm_page(total)), GCM_KIND_LARGE);
	ck_assert_uint_eq(gcm_pageheap_find((uintptr_t)wall), total);
}
END_TEST

START_TEST(the_zone_shrinks)
{
	uint32_t total, first;
	bool clean;

	begin();
	first = gcm_pageheap_take_locked(3000, 1, true, &clean);
	commit_span(first, 3000);
	(void)gcm_pageheap_shrink_locked(); /* down to the span */
	total = gcm_zone_pages();
	ck_assert_uint_eq(gcm_pageheap_shrink_locked(), 0);
	memset((void *)gcm_page_addr(first), 1, 3000 * GCM_PAGE_SIZE);
	gcm_page(first)->n = 10;
	gcm_pageheap_give_locked(first + 10, 2990, false);
	ck_assert_uint_gt(gcm_pageheap_shrink_locked(), 2000);
	ck_assert_uint_lt(gcm_zone_pages(), total - 2000);
	gcm_pageheap_check_locked();
	ck_assert_uint_eq(gcm_pageheap_shrink_locked(), 0);
	first = gcm_pageheap_take_locked(3000, 1, true, &clean);
	ck_assert(reads_zero(first + 200, 2800) || !clean);
	commit_span(first, 3000);
	gcm_pageheap_check_locked();
}
END_TEST

START_TEST(no_memory_changes_nothing)
{
	uint32_t total, nfree;
	bool clean;

	begin();
	total = gcm_zone_pages();
	nfree = gcm_pageheap.free_pages;
	os_fake_fail(OS_MAP_AT, 0, UINT64_MAX, ENOMEM);
	ck_assert_uint_eq(
	    gcm_pageheap_take_locked(total + 1, 1, true, &clean), GCM_NO_PAGE);
	ck_assert_uint_eq(
	    gcm_pageheap_take_locked(1 << 29, 1 << 29, true, &clean),
	    GCM_NO_PAGE);
	ck_assert_uint_eq(gcm_pageheap.free_pages, nfree);
	gcm_pageheap_check_locked();
	ck_assert_uint_eq(gcm_pageheap_take_locked(total, 1, true, &clean), 0);
	commit_span(0, total);
	ck_assert(!gcm_pageheap_extend_locked(0, total, total + 1, &clean));
	gcm_pageheap_check_locked();
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, growth_joins_the_last_run);
	tcase_add_test(tcase, a_hole_in_the_zone);
	tcase_add_test(tcase, the_zone_shrinks);
	tcase_add_test(tcase, no_memory_changes_nothing);
}

UNIT_MAIN("zone", add_tests)
