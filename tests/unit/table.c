/* unit/table.c -- placing the zone, growing it, looking things up */
#define _GNU_SOURCE
#include "unit.h"

#include <sys/mman.h>

#include "core/pageheap.h"
#include "core/table.h"

static void
begin(void)
{
	ck_assert_int_eq(gcm_table_init(), 0);
}

static bool
has_tables(uintptr_t lo, uintptr_t hi)
{
	return os_fake_range_has((uintptr_t)gcm_state_at(lo),
		   (uintptr_t)gcm_state_at(hi - 1) + 1) &&
	       os_fake_range_has((uintptr_t)gcm_page_at(lo),
		   (uintptr_t)(gcm_page_at(hi - 1) + 1)) &&
	       os_fake_range_has((uintptr_t)gcm_bits_at(lo, GCM_CLEAN),
		   (uintptr_t)(gcm_bits_at(hi - 1, GCM_GUARD) + 1));
}

/* .inv.tables-first, and the figures agree. */
static void
check_zone(void)
{
	ck_assert(has_tables(gcm_zone.lo, gcm_zone.hi));
	ck_assert(os_fake_range_has(gcm_zone.lo, gcm_zone.hi));
	ck_assert_uint_eq(gcm_zone_start, gcm_zone.lo >> GCM_GRANULE_SHIFT);
	ck_assert_uint_eq(
	    gcm_zone_count, (gcm_zone.hi - gcm_zone.lo) >> GCM_GRANULE_SHIFT);
	ck_assert_uint_eq(
	    gcm_zone_pages(), (gcm_zone.hi - gcm_zone.lo) >> GCM_PAGE_SHIFT);
	ck_assert_uint_eq(
	    gcm_table_mapped() + gcm_zone.hi - gcm_zone.lo, os_fake_mapped());
	ck_assert_uint_eq(
	    gcm_bits_count_locked(GCM_CLEAN, gcm_zone.lo, gcm_zone.hi),
	    gcm_zone_pages());
}

START_TEST(the_base_is_unlike_other_words)
{
	os_fake.random = (uint64_t)_i * 7919;
	begin();
	check_zone();
	ck_assert_uint_eq(gcm_zone.lo % (2 << 20), 0);
	ck_assert_uint_ge(gcm_zone.lo, GCM_ZONE_WINDOW);
	ck_assert_uint_lt(gcm_zone.hi, GCM_ZONE_LIMIT);
#if GCM_ZONE_WINDOW == 0x608000000000u
	ck_assert_uint_ge(gcm_zone.lo >> 40, 0x60);
	ck_assert_uint_le(gcm_zone.lo >> 40, 0x67);
	ck_assert_uint_ge(gcm_zone.lo >> 32 & 0xff, 0x80);
#endif
}
END_TEST

START_TEST(a_taken_base_is_left_alone)
{
	/* Each try maps three tables and the extent, or a part of them. */
	os_fake_fail(OS_MAP_AT, 0, (uint64_t)_i, EEXIST);
	begin();
	check_zone();
}
END_TEST

START_TEST(no_room_at_all)
{
	os_fake_fail(OS_MAP_AT, 3, UINT64_MAX, ENOMEM);
	ck_assert_int_eq(gcm_table_init(), -ENOMEM);
	ck_assert_uint_eq(os_fake_mapped(), 0);
	ck_assert_uint_eq(gcm_zone_pages(), 0);
	ck_assert(!gcm_zone_has(gcm_zone.lo));
	os_fake_fail(OS_MAP_AT, 0, 0, 0);
	begin();
	check_zone();
}
END_TEST

START_TEST(lookups_agree)
{
	uint64_t state = rig_seed(1);

	begin();
	for (int i = 0; i < 100000; i++) {
		uintptr_t addr =
		    gcm_zone.lo + rig_below(&state, gcm_zone.hi - gcm_zone.lo);
		uintptr_t aligned = gcm_round_down(addr, GCM_GRANULE);
		uint32_t index =
		    (uint32_t)((addr - gcm_zone.lo) / GCM_PAGE_SIZE);
		uint64_t turned = gcm_turn(aligned);

		UNIT_CHECK(has_tables(addr, addr + 1));
		UNIT_CHECK(gcm_state_at(addr) == gcm_state_at(aligned));
		UNIT_CHECK(gcm_state_of_granule(turned) == gcm_state_at(addr));
		UNIT_CHECK(gcm_page_of_granule(turned) == gcm_page_at(addr));
		UNIT_CHECK(gcm_page(index) == gcm_page_at(addr));
		UNIT_CHECK(gcm_page_index(gcm_page_at(addr)) == index);
		UNIT_CHECK(gcm_page_addr(index) ==
			   gcm_round_down(addr, GCM_PAGE_SIZE));
	}
}
END_TEST

START_TEST(entries_are_apart)
{
	begin();
	for (uintptr_t at = gcm_zone.lo; at + GCM_GRANULE < gcm_zone.hi;
	     at += GCM_GRANULE)
		UNIT_CHECK(
		    gcm_state_at(at) + 1 == gcm_state_at(at + GCM_GRANULE));
	for (uint32_t i = 0; i + 1 < gcm_zone_pages(); i++)
		UNIT_CHECK(gcm_page(i) + 1 == gcm_page(i + 1));
	for (uint32_t i = 0; i + 64 < gcm_zone_pages(); i += 64) {
		uintptr_t at = gcm_page_addr(i), next = gcm_page_addr(i + 64);

		UNIT_CHECK(gcm_bits_at(at, GCM_CLEAN) + 1 ==
			   gcm_bits_at(at, GCM_GUARD));
		UNIT_CHECK(gcm_bits_at(at, GCM_GUARD) + 1 ==
			   gcm_bits_at(next, GCM_CLEAN));
	}
}
END_TEST

static void
check_turned(uintptr_t addr)
{
	bool inside = gcm_zone.lo <= addr && addr < gcm_zone.hi;

	UNIT_CHECK(gcm_zone_has(addr) == inside);
	UNIT_CHECK(gcm_zone_has_turned(gcm_turn(addr)) ==
		   (inside && addr % GCM_GRANULE == 0));
}

START_TEST(one_comparison_sees_alignment_and_zone)
{
	uint64_t state = rig_seed(1);

	check_turned(0);
	check_turned(4096);
	ck_assert(!gcm_zone_has_turned(0)); /* before the first use */
	begin();
	for (uintptr_t off = 0; off < 64; off++) {
		check_turned(off);
		check_turned(~off);
		check_turned(gcm_zone.lo + off);
		check_turned(gcm_zone.lo - off);
		check_turned(gcm_zone.hi + off);
		check_turned(gcm_zone.hi - off);
		check_turned(gcm_zone.lo ^ (uintptr_t)1 << off);
		check_turned(gcm_turn(gcm_zone.lo + off));
	}
	for (int i = 0; i < 100000; i++) {
		check_turned(rig_random(&state));
		check_turned(rig_random(&state) >> 17);
		check_turned(gcm_zone.lo + rig_below(&state, 2 << 20));
	}
}
END_TEST

START_TEST(a_hint_is_one_byte)
{
	begin();
	for (uintptr_t at = gcm_zone.lo; at < gcm_zone.lo + 4 * GCM_PAGE_SIZE;
	     at += GCM_GRANULE) {
		struct gcm_page *page = gcm_page_at(at);
		unsigned int line = (at >> GCM_LINE_SHIFT) % GCM_PAGE_LINES;

		gcm_hint_set(at);
		UNIT_CHECK(
		    atomic_exchange(&page->hints, 0) == 1ull << line * 8);
	}
}
END_TEST

START_TEST(growth_is_gapless)
{
	uint64_t state = rig_seed(1);

	begin();
	gcm_lock_acquire(&gcm_pageheap.lock);
	for (int i = 0; i < 60; i++) {
		uint32_t before = gcm_zone_pages();
		uint32_t want = (uint32_t)rig_size(&state, 12) + 1, got = want;
		int64_t first = gcm_table_grow_locked(&got);

		ck_assert_int_eq(first, before);
		ck_assert_uint_ge(got, want);
		ck_assert_uint_eq(gcm_zone_pages(), before + got);
		check_zone();
	}
}
END_TEST

START_TEST(growth_takes_less_when_there_is_less)
{
	uint32_t npages = 1, before;

	begin();
	gcm_lock_acquire(&gcm_pageheap.lock);
	before = gcm_zone_pages();
	os_fake_limit(os_fake_mapped() + (128 << 10));
	ck_assert_int_eq(gcm_table_grow_locked(&npages), before);
	ck_assert_uint_eq(npages, 8); /* 64 KiB, the largest kernel page */
	npages = 100;
	ck_assert_int_eq(gcm_table_grow_locked(&npages), -ENOMEM);
	ck_assert_uint_eq(gcm_zone_pages(), before + 8);
	check_zone();
	os_fake_limit(SIZE_MAX);
	ck_assert_int_eq(gcm_table_grow_locked(&npages), before + 8);
	check_zone();
}
END_TEST

START_TEST(growth_fails_at_every_call)
{
	uint32_t npages = 1000, before;

	begin();
	gcm_lock_acquire(&gcm_pageheap.lock);
	before = gcm_zone_pages();
	os_fake_fail(OS_MAP_AT, (uint64_t)_i, UINT64_MAX, ENOMEM);
	if (gcm_table_grow_locked(&npages) < 0)
		ck_assert_uint_eq(gcm_zone_pages(), before);
	check_zone();
	os_fake_fail(OS_MAP_AT, 0, 0, 0);
	ck_assert_int_ge(gcm_table_grow_locked(&npages), 0);
	check_zone();
}
END_TEST

/* Somebody has mapped a page right behind the zone. */
START_TEST(growth_goes_round_what_is_there)
{
	uint32_t npages = 1000, before;
	uintptr_t end;
	unsigned char *wall;
	int64_t first;

	begin();
	gcm_lock_acquire(&gcm_pageheap.lock);
	before = gcm_zone_pages();
	end = gcm_zone.hi;
	wall = mmap((void *)(end + 8192), 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ck_assert_ptr_eq(wall, (void *)(end + 8192));
	memset(wall, 77, 4096);
	first = gcm_table_grow_locked(&npages);
	ck_assert_int_gt(first, before + 1);
	ck_assert_uint_ge(npages, 1000);
	ck_assert_uint_eq(gcm_zone_pages(), (uint64_t)first + npages);
	ck_assert(
	    os_fake_range_has(gcm_page_addr((uint32_t)first), gcm_zone.hi));
	ck_assert(has_tables(gcm_zone.lo, gcm_zone.hi));
	ck_assert(!os_fake_range_has(end, end + 1));
	for (int i = 0; i < 4096; i++)
		UNIT_CHECK(wall[i] == 77);
	first = gcm_table_grow_locked(&npages); /* and goes on there */
	ck_assert_int_gt(first, before);
	ck_assert(has_tables(gcm_zone.lo, gcm_zone.hi));
}
END_TEST

START_TEST(shrinking_is_undone_by_growing)
{
	uint32_t npages = 1000;
	uintptr_t hi;

	begin();
	gcm_lock_acquire(&gcm_pageheap.lock);
	ck_assert_int_ge(gcm_table_grow_locked(&npages), 0);
	hi = gcm_zone.hi;
	memset((void *)(hi - GCM_PAGE_SIZE), 1, GCM_PAGE_SIZE);
	gcm_table_shrink_locked(128);
	ck_assert_uint_eq(gcm_zone.hi, hi - 128 * GCM_PAGE_SIZE);
	ck_assert(!gcm_zone_has(hi - 1));
	check_zone();
	npages = 128;
	ck_assert_int_ge(gcm_table_grow_locked(&npages), 0);
	ck_assert(rig_is_zero((void *)(hi - GCM_PAGE_SIZE), GCM_PAGE_SIZE));
	check_zone();
}
END_TEST

START_TEST(the_window_ends)
{
	uint32_t npages =
	    (uint32_t)((GCM_ZONE_LIMIT - GCM_ZONE_WINDOW) >> GCM_PAGE_SHIFT);
	uint64_t calls;

	begin();
	gcm_lock_acquire(&gcm_pageheap.lock);
	calls = os_fake_count(OS_ANY);
	ck_assert_int_eq(gcm_table_grow_locked(&npages), -ENOMEM);
	ck_assert_uint_eq(os_fake_count(OS_ANY), calls);
	check_zone();
}
END_TEST

START_TEST(clean_bits_against_a_shadow)
{
	uint64_t state = rig_seed(1);
	bool shadow[1000];
	uint32_t npages = 1000;

	begin();
	UNIT_CHECK(gcm_table_grow_locked(&npages) >= 0);
	memset(shadow, true, sizeof(shadow));
	for (int i = 0; i < 20000; i++) {
		uint32_t lo = (uint32_t)rig_below(&state, 1000), count = 0;
		uint32_t hi = lo + (uint32_t)rig_below(&state, 1001 - lo);
		bool clean = rig_chance(&state, 50);

		gcm_bits_mark_locked(
		    GCM_CLEAN, gcm_page_addr(lo), gcm_page_addr(hi), clean);
		memset(shadow + lo, clean, hi - lo);
		lo = (uint32_t)rig_below(&state, 1000);
		hi = lo + (uint32_t)rig_below(&state, 1001 - lo);
		for (uint32_t at = lo; at < hi; at++)
			count += shadow[at];
		UNIT_CHECK(gcm_bits_count_locked(GCM_CLEAN, gcm_page_addr(lo),
			       gcm_page_addr(hi)) == count);
	}
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, the_base_is_unlike_other_words, 0, 32);
	tcase_add_loop_test(tcase, a_taken_base_is_left_alone, 0, 16);
	tcase_add_test(tcase, no_room_at_all);
	tcase_add_test(tcase, lookups_agree);
	tcase_add_test(tcase, entries_are_apart);
	tcase_add_test(tcase, one_comparison_sees_alignment_and_zone);
	tcase_add_test(tcase, a_hint_is_one_byte);
	tcase_add_test(tcase, growth_is_gapless);
	tcase_add_test(tcase, growth_takes_less_when_there_is_less);
	tcase_add_loop_test(tcase, growth_fails_at_every_call, 0, 8);
	tcase_add_test(tcase, growth_goes_round_what_is_there);
	tcase_add_test(tcase, shrinking_is_undone_by_growing);
	tcase_add_test(tcase, the_window_ends);
	tcase_add_test(tcase, clean_bits_against_a_shadow);
}

UNIT_MAIN("table", add_tests)
