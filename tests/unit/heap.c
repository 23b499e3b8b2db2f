/* unit/heap.c -- the malloc family's slow paths: values, limits, misuse */
#include "unit.h"

#include "core/large.h"
#include "core/span.h"
#include "core/table.h"

static struct rig_block block;

START_TEST(nothing_before_the_first_use)
{
	ck_assert(!gcm_heap_has((void *)GCM_ZONE_WINDOW));
	ck_assert(!gcm_heap_has(&block));
	gcm_heap_forked(); /* a fork before the first use */
	ck_assert_uint_eq(os_fake_count(OS_ANY), 0);
	rig_malloc(&block, 100, 1);
	ck_assert(gcm_heap_has(block.at));
	ck_assert(!gcm_heap_has(&block));
	ck_assert(!gcm_heap_has(NULL));
	unit_verify();
}
END_TEST

START_TEST(every_small_size)
{
	for (size_t size = 1; size <= GCM_SMALL_MAX + 100;
	     size += size / 64 + 1) {
		rig_malloc(&block, size, size);
		UNIT_CHECK(block.at != NULL);
		UNIT_CHECK(block.usable == gcm_heap_good_size(size, 1));
		rig_free(&block);
	}
	unit_verify();
}
END_TEST

/* Addresses of their own, that cannot be used for anything. */
START_TEST(blocks_of_no_bytes)
{
	struct rig_block other[2000];

	for (unsigned int i = 0; i < RIG_COUNT(other); i++) {
		rig_malloc(&other[i], 0, i);
		UNIT_CHECK(other[i].usable == 0);
		UNIT_CHECK(!gcm_os_can_read(other[i].at));
	}
	rig_realloc(&other[0], 100, 1);
	rig_calloc(&block, 0, 1);
	UNIT_CHECK(!gcm_os_can_read(block.at));
	unit_verify();
	for (unsigned int i = 0; i < RIG_COUNT(other); i++)
		rig_free(&other[i]);
	rig_free(&block);
	gcm_cache_flush_all(gcm_cache_self());
	gcm_cache_trim(NULL);
	unit_verify();
	for (int i = 0; i < 30; i++) /* the pages serve others again */
		rig_calloc(&block, 100000, 1);
}
END_TEST

START_TEST(blocks_of_no_bytes_without_protection)
{
	static struct rig_block other[20000]; /* several spans */

	os_fake_fail(OS_PROTECT, (uint64_t)_i, UINT64_MAX, ENOMEM);
	for (unsigned int i = 0; i < RIG_COUNT(other); i++)
		rig_malloc(&other[i], 0, i);
	for (unsigned int i = 0; i < RIG_COUNT(other); i++)
		rig_free(&other[i]);
	gcm_cache_flush_all(gcm_cache_self());
	gcm_cache_trim(NULL);
	for (int i = 0; i < 30; i++)
		rig_calloc(&block, 100000, 1);
	unit_verify();
}
END_TEST

START_TEST(limits)
{
	static const size_t sizes[] = {(size_t)PTRDIFF_MAX + 1, PTRDIFF_MAX,
	    SIZE_MAX, SIZE_MAX - 4096, (size_t)1 << 47, (size_t)1 << 42,
	    ((size_t)1 << 42) + 1};

	for (unsigned int i = 0; i < RIG_COUNT(sizes); i++) {
		void *at = gcm_heap_alloc(100);

		os_fake_limit((size_t)64 << 20);
		ck_assert_ptr_null(gcm_heap_alloc(sizes[i]));
		ck_assert_ptr_null(gcm_heap_alloc_zeroed(sizes[i]));
		ck_assert_ptr_null(gcm_heap_alloc_aligned(sizes[i], 4096));
		ck_assert_ptr_null(gcm_heap_realloc(at, sizes[i]));
		ck_assert_uint_eq(gcm_heap_usable(at, "test"), 111);
		rig_raw_free(at);
	}
	for (unsigned int log = 40; log < 64; log++)
		ck_assert_ptr_null(gcm_heap_alloc_aligned(16, 1ull << log));
	ck_assert_uint_eq(gcm_heap_good_size(SIZE_MAX, 1), 0);
	unit_verify();
}
END_TEST

START_TEST(zeroed_blocks)
{
	uint64_t state = rig_seed(1);

	for (int i = 0; i < 2000; i++) { /* of memory that was used before */
		rig_calloc(&block, rig_size(&state, 21), rig_random(&state));
		rig_free(&block);
		rig_malloc(&block, rig_size(&state, 21), rig_random(&state));
		rig_free(&block);
	}
	unit_verify();
}
END_TEST

START_TEST(a_long_zeroed_block_without_release)
{
	rig_malloc(&block, 8 << 20, 1);
	rig_free(&block);
	os_fake_fail(OS_RELEASE, 0, UINT64_MAX, EINVAL);
	rig_calloc(&block, 8 << 20, 2);
	ck_assert_ptr_nonnull(block.at);
}
END_TEST

START_TEST(every_alignment)
{
	uint64_t state = rig_seed(1);

	for (unsigned int log = 0; log <= 24; log++)
		for (int i = 0; i < 40; i++) {
			size_t size = i == 0 ? 0 : rig_size(&state, 18);
			struct rig_block other;

			rig_aligned(&block, size, (size_t)1 << log, 1);
			rig_aligned(&other, size, (size_t)1 << log, 2);
			UNIT_CHECK(block.at != NULL && other.at != NULL);
			rig_free(&block);
			rig_free(&other);
		}
	unit_verify();
}
END_TEST

START_TEST(good_size_is_what_one_gets)
{
	uint64_t state = rig_seed(1);

	for (unsigned int log = 0; log <= 20; log++)
		for (int i = 0; i < 40; i++) {
			size_t size = rig_size(&state, 18) + 1;
			size_t align = (size_t)1 << log;

			rig_aligned(&block, size, align, 1);
			UNIT_CHECK(
			    gcm_heap_good_size(size, align) == block.usable);
			rig_free(&block);
		}
}
END_TEST

/* From each size to each: contents stay, nothing is leaked. */
START_TEST(resizing)
{
	static const size_t sizes[] = {1, 7, 8, 16, 17, 100, 1000, 4096, 20000,
	    32768, 32769, 40000, 65536, 100000, 500000, 700000, 3 << 20};
	struct gcm_stat stat;

	for (unsigned int i = 0; i < RIG_COUNT(sizes); i++)
		for (unsigned int k = 0; k < RIG_COUNT(sizes); k++) {
			rig_malloc(&block, sizes[i], i);
			rig_realloc(&block, sizes[k], k);
			rig_realloc(&block, sizes[i], i);
			rig_free(&block);
		}
	unit_verify();
	gcm_stat_collect(&stat, NULL);
	ck_assert_uint_eq(stat.allocated_blocks, 0);
}
END_TEST

START_TEST(resizing_stays_where_it_can)
{
	unsigned char *at;

	rig_malloc(&block, 100, 1);
	at = block.at;
	rig_realloc(&block, 111, 1);
	ck_assert_ptr_eq(block.at, at);
	rig_realloc(&block, 57, 1);
	ck_assert_ptr_eq(block.at, at);
	rig_realloc(&block, 40, 1); /* half of the slot would be wasted */
	ck_assert_ptr_ne(block.at, at);
	ck_assert_uint_eq(block.usable, 47);
}
END_TEST

START_TEST(resizing_without_memory)
{
	size_t sizes[] = {50, 50000, 5000000};

	for (unsigned int i = 0; i < RIG_COUNT(sizes); i++) {
		rig_malloc(&block, sizes[i], i);
		os_fake_fail(OS_MAP_AT, 0, UINT64_MAX, ENOMEM);
		ck_assert_ptr_null(gcm_heap_realloc(block.at, 50 << 20));
		rig_block_check(&block);
		os_fake_fail(OS_MAP_AT, 0, 0, 0);
	}
	unit_verify();
}
END_TEST

/* Misuse
 * ----------------------------------------------------------------------- */

static void
misuse(void *addr, const char *freeing, const char *using)
{
	os_fake_reset();
	UNIT_MISUSES(gcm_heap_free(addr, "free"), "free", freeing, addr);
	os_fake_reset();
	UNIT_MISUSES((void)gcm_heap_realloc(addr, 50), "realloc", using, addr);
	os_fake_reset();
	UNIT_MISUSES((void)gcm_heap_usable(addr, "malloc_usable_size"),
	    "malloc_usable_size", using, addr);
	ck_assert(!gcm_cache_free_hot(gcm_cache_self(), addr));
}

START_TEST(misuse_of_freed_blocks)
{
	static const size_t sizes[] = {
	    0, 1, 8, 100, 5000, 32768, 40000, 2000000};

	for (unsigned int i = 0; i < RIG_COUNT(sizes); i++) {
		void *at = gcm_heap_alloc(sizes[i]);

		rig_raw_free(at); /* into the cache */
		misuse(at, "double free of", "freed pointer");
		gcm_cache_flush_all(gcm_cache_self()); /* to its span */
		misuse(at, "double free of", "freed pointer");
		gcm_cache_trim(NULL); /* to the page heap */
		misuse(at, "double free of", "freed pointer");
		unit_verify();
	}
}
END_TEST

START_TEST(misuse_of_inner_addresses)
{
	static const size_t sizes[] = {100, 5000, 32768, 40000, 2000000};

	for (unsigned int i = 0; i < RIG_COUNT(sizes); i++) {
		char *at = gcm_heap_alloc(sizes[i]);

		misuse(at + 1, "unaligned pointer", "unaligned pointer");
		misuse(at + 8, "unaligned pointer", "unaligned pointer");
		misuse(at + 16, "interior pointer", "interior pointer");
		misuse(at + (gcm_heap_usable(at, "test") - 1) / 16 * 16,
		    "interior pointer", "interior pointer");
		rig_raw_free(at);
	}
}
END_TEST

START_TEST(misuse_of_other_addresses)
{
	char *at = gcm_heap_alloc(100);
	uint32_t index = gcm_page_index(gcm_page_at((uintptr_t)at));
	struct gcm_page *page;

	while (gcm_page_kind(gcm_page(index)) == GCM_KIND_BODY)
		index--;
	page = gcm_page(index);
	/* Never carved; the waste at a span's end; a free page. */
	misuse((void *)(gcm_page_addr(index) + (uintptr_t)page->carved * 112),
	    "invalid pointer", "invalid pointer");
	misuse((void *)(gcm_page_addr(index + page->n) - 16), "invalid pointer",
	    "invalid pointer");
	misuse((void *)(gcm_zone.hi - GCM_PAGE_SIZE), "invalid pointer",
	    "invalid pointer");
}
END_TEST

/* A large block lies where slots were: their old states say nothing. */
START_TEST(misuse_inside_a_large_block_on_old_slots)
{
	void *slots[1000];
	char *at;

	for (unsigned int i = 0; i < 1000; i++)
		slots[i] = gcm_heap_alloc(1000);
	for (unsigned int i = 0; i < 1000; i++)
		rig_raw_free(slots[i]);
	gcm_cache_flush_all(gcm_cache_self());
	gcm_cache_trim(NULL);
	at = gcm_heap_alloc(900000);
	ck_assert(at <= (char *)slots[500] && (char *)slots[500] < at + 900000);
	misuse(slots[500], "interior pointer", "interior pointer");
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, nothing_before_the_first_use);
	tcase_add_test(tcase, every_small_size);
	tcase_add_test(tcase, blocks_of_no_bytes);
	tcase_add_loop_test(tcase, blocks_of_no_bytes_without_protection, 0, 3);
	tcase_add_test(tcase, limits);
	tcase_add_test(tcase, zeroed_blocks);
	tcase_add_test(tcase, a_long_zeroed_block_without_release);
	tcase_add_test(tcase, every_alignment);
	tcase_add_test(tcase, good_size_is_what_one_gets);
	tcase_add_test(tcase, resizing);
	tcase_add_test(tcase, resizing_stays_where_it_can);
	tcase_add_test(tcase, resizing_without_memory);
	tcase_add_test(tcase, misuse_of_freed_blocks);
	tcase_add_test(tcase, misuse_of_inner_addresses);
	tcase_add_test(tcase, misuse_of_other_addresses);
	tcase_add_test(tcase, misuse_inside_a_large_block_on_old_slots);
}

UNIT_MAIN("heap", add_tests)
