/* unit/cache.c -- thread caches: refill, flush, threads that come and go
 *
 * Threads are played by one: a thread is who gcm_cache_self() says it is.
 */
#include "unit.h"

#include "core/meta.h"
#include "core/orphan.h"
#include "core/pageheap.h"

enum {
	MANY = 4000,
	SIZE = 100,
	ROUNDS = 50
};

static void *blocks[MANY];

static struct gcm_cache *
start_thread(void)
{
	ck_assert(gcm_heap_enter());
	gcm_cache_become(&gcm_cache_none);
	ck_assert_ptr_nonnull(gcm_cache_attach());
	return gcm_cache_self();
}

static void
alloc_blocks(unsigned int n, size_t size)
{
	for (unsigned int i = 0; i < n; i++) {
		blocks[i] = rig_raw_malloc(size);
		UNIT_CHECK(blocks[i] != NULL);
		UNIT_CHECK(
		    (gcm_slot_get((uintptr_t)blocks[i]) & GCM_ALLOC) != 0);
		memset(blocks[i], (int)i, size);
	}
}

static void
free_blocks(unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		rig_raw_free(blocks[i]);
}

static uint32_t
bin_fill(const struct gcm_cache *cache, uint32_t class_id)
{
	return cache->info[class_id].base == NULL
		   ? 0
		   : (uint32_t)(cache->top[class_id] -
				cache->info[class_id].base);
}

START_TEST(a_thread_without_cache)
{
	ck_assert_ptr_eq(gcm_cache_self(), &gcm_cache_none);
	ck_assert_ptr_nonnull(gcm_heap_alloc(SIZE));
	ck_assert_ptr_ne(gcm_cache_self(), &gcm_cache_none);
	ck_assert_uint_ge(
	    gcm_cache_self()->tag >> GCM_TAG_OWNER_SHIFT, GCM_OWNER_FIRST);
}
END_TEST

START_TEST(refills_grow)
{
	uint32_t class_id = gcm_class_of_size(SIZE), last = 0, refills = 0;
	struct gcm_cache *cache = start_thread();

	for (unsigned int i = 0; i < MANY; i++) {
		ck_assert_ptr_nonnull(rig_raw_malloc(SIZE));
		if (bin_fill(cache, class_id) + 1 != last) {
			UNIT_CHECK(bin_fill(cache, class_id) + 1 >=
				   (refills > 0 ? 8 : 1));
			refills++;
		}
		last = bin_fill(cache, class_id);
	}
	ck_assert_uint_le(refills, 8 + MANY / 64);
	unit_verify();
}
END_TEST

START_TEST(bins_are_bounded)
{
	size_t size = gcm_cache_self() == NULL ? 0 : 1u << _i;
	uint32_t class_id = gcm_class_of_size(size), total;
	struct gcm_cache *cache = start_thread();

	alloc_blocks(MANY, size);
	free_blocks(MANY);
	ck_assert_uint_le(
	    bin_fill(cache, class_id), gcm_classes[class_id].cached_max);
	unit_verify();
	total = gcm_zone_pages();
	for (int round = 0; round < 5; round++) {
		alloc_blocks(MANY, size);
		free_blocks(MANY);
	}
	ck_assert_uint_eq(gcm_zone_pages(), total); /* all were found again */
	unit_verify();
}
END_TEST

/* One thread allocates, another frees: memory is flat. */
START_TEST(producer_and_consumer)
{
	size_t size = (size_t)16 << _i;
	struct gcm_cache *producer = start_thread();
	struct gcm_cache *consumer = start_thread();
	unsigned int n = MANY >> _i / 2;
	uint32_t total = 0;

	for (int round = 0; round < ROUNDS; round++) {
		gcm_cache_become(producer);
		alloc_blocks(n, size);
		gcm_cache_become(consumer);
		free_blocks(n);
		if (round == 4)
			total = gcm_zone_pages();
	}
	ck_assert_uint_eq(gcm_zone_pages(), total);
	unit_verify();
}
END_TEST

/* Blocks cross over in both directions, and are freed by strangers. */
START_TEST(blocks_of_others)
{
	struct gcm_cache *threads[3];
	static struct rig_block random_blocks[500];
	uint64_t state = rig_seed((uint64_t)_i + 1);

	for (unsigned int i = 0; i < 3; i++)
		threads[i] = start_thread();
	for (int i = 0; i < 20000; i++) {
		struct rig_block *block =
		    &random_blocks[rig_below(&state, 500)];
		uint64_t who = rig_below(&state, 5);

		gcm_cache_become(who < 3    ? threads[who]
				 : who == 3 ? &gcm_cache_late
					    : threads[0]);
		if (block->at != NULL)
			rig_free(block);
		else
			rig_malloc(
			    block, rig_size(&state, 15), rig_random(&state));
		if (i % 1024 == 0)
			unit_verify();
	}
}
END_TEST

START_TEST(orphans_are_claimed)
{
	struct gcm_cache *first = start_thread();
	uint32_t norphans, total;

	alloc_blocks(MANY, SIZE);
	gcm_cache_detach(first);
	ck_assert_ptr_eq(gcm_cache_self(), &gcm_cache_late);
	norphans = gcm_orphan_count();
	ck_assert_uint_ge(norphans, MANY * 112 / (8 * GCM_PAGE_SIZE * 2));
	unit_verify();
	for (unsigned int i = 0; i < MANY; i += 2) {
		rig_raw_free(blocks[i]); /* late: by store */
		ck_assert_uint_eq(gcm_slot_get((uintptr_t)blocks[i]), GCM_FREE);
	}
	total = gcm_zone_pages();
	start_thread();
	for (unsigned int i = 0; i < MANY; i += 2) {
		blocks[i] = rig_raw_malloc(SIZE);
		UNIT_CHECK(blocks[i] != NULL);
	}
	ck_assert_uint_lt(gcm_orphan_count(), norphans / 4);
	ck_assert_uint_eq(gcm_zone_pages(), total);
	unit_verify();
	free_blocks(MANY);
	unit_verify();
}
END_TEST

static void
count_cache(struct gcm_cache *cache, void *arg)
{
	(void)cache;
	++*(unsigned int *)arg;
}

START_TEST(five_thousand_threads)
{
	unsigned int ncaches = 0;
	uint32_t total = 0;
	size_t meta = 0;

	for (int i = 0; i < 5000; i++) {
		struct gcm_cache *cache = start_thread();

		alloc_blocks(20, 1u << i % 16);
		free_blocks(20);
		gcm_cache_detach(cache);
		if (i == 100) {
			total = gcm_zone_pages();
			meta = gcm_meta_mapped();
		}
	}
	ck_assert_uint_eq(gcm_zone_pages(), total);
	ck_assert_uint_eq(gcm_meta_mapped(), meta);
	gcm_cache_visit(count_cache, &ncaches);
	ck_assert_uint_eq(ncaches, 1);
	ck_assert_uint_eq(gcm_pageheap.used, 0);
	unit_verify();
}
END_TEST

static struct gcm_cache *attached;

static void
note_attach(struct gcm_cache *cache)
{
	attached = cache;
}

START_TEST(attaching_is_told)
{
	gcm_cache_on_attach = note_attach;
	ck_assert_ptr_nonnull(gcm_heap_alloc(SIZE));
	ck_assert_ptr_eq(attached, gcm_cache_self());
	ck_assert(!gcm_cache_many());
	start_thread();
	ck_assert_ptr_eq(attached, gcm_cache_self());
	ck_assert(gcm_cache_many());
}
END_TEST

START_TEST(after_the_end)
{
	struct gcm_cache *cache = start_thread();

	gcm_cache_detach(cache);
	alloc_blocks(MANY, SIZE);
	ck_assert_ptr_eq(gcm_cache_self(), &gcm_cache_late);
	unit_verify();
	free_blocks(MANY);
	unit_verify();
	alloc_blocks(MANY, SIZE);
	free_blocks(MANY);
}
END_TEST

START_TEST(trimming)
{
	struct gcm_cache *other = start_thread();
	struct gcm_cache *cache = start_thread();
	uint32_t used;

	alloc_blocks(MANY, SIZE);
	used = gcm_pageheap.used;
	ck_assert_uint_eq(gcm_cache_trim(NULL), 0);
	free_blocks(MANY);
	gcm_cache_flush_all(cache);
	unit_verify();
	gcm_cache_become(other);
	gcm_lock_acquire(&cache->lock); /* busy: passed over */
	ck_assert_uint_eq(gcm_cache_trim(NULL), 0);
	gcm_lock_release(&cache->lock);
	ck_assert_uint_eq(gcm_cache_trim(NULL), used - gcm_pageheap.used);
	ck_assert_uint_le(gcm_pageheap.used, 16); /* the one being carved */
	unit_verify();
	gcm_cache_become(cache);
	alloc_blocks(MANY, SIZE);
	free_blocks(MANY);
	gcm_cache_flush_all(cache);
	gcm_lock_acquire(&cache->lock); /* ours, in a refill */
	ck_assert_uint_gt(gcm_cache_trim(cache), 0);
	gcm_lock_release(&cache->lock);
	unit_verify();
}
END_TEST

START_TEST(trimming_orphans)
{
	struct gcm_cache *cache = start_thread();

	alloc_blocks(MANY, SIZE);
	gcm_cache_detach(cache);
	free_blocks(MANY);
	ck_assert_uint_gt(gcm_orphan_count(), 0);
	ck_assert_uint_eq(gcm_cache_trim(NULL), MANY * 112 / GCM_PAGE_SIZE + 2);
	ck_assert_uint_eq(gcm_orphan_count(), 0);
	ck_assert_uint_eq(gcm_pageheap.used, 0);
	unit_verify();
}
END_TEST

/* Before the zone grows, spans that have become empty are used. */
START_TEST(empty_spans_of_other_classes_are_used)
{
	struct gcm_cache *cache = start_thread();
	uint32_t total;

	alloc_blocks(MANY, 512);
	free_blocks(MANY);
	gcm_cache_flush_all(cache);
	total = gcm_zone_pages();
	alloc_blocks(MANY, 480 - 32);
	ck_assert_uint_eq(gcm_zone_pages(), total);
	unit_verify();
}
END_TEST

START_TEST(no_memory_for_caches)
{
	ck_assert(gcm_heap_enter());
	os_fake_fail(OS_MAP, 0, UINT64_MAX, ENOMEM);
	while (gcm_meta_alloc(16) != NULL)
		;
	ck_assert_ptr_null(gcm_cache_attach());
	ck_assert_ptr_null(gcm_heap_alloc(SIZE)); /* nor for the shared one */
	ck_assert_ptr_eq(gcm_cache_self(), &gcm_cache_none);
	os_fake_fail(OS_MAP, 0, 0, 0);
	ck_assert_ptr_nonnull(gcm_heap_alloc(SIZE));
	unit_verify();
}
END_TEST

START_TEST(no_memory_for_bins)
{
	struct gcm_cache *cache = start_thread();

	alloc_blocks(20, SIZE);
	os_fake_fail(OS_MAP, 0, UINT64_MAX, ENOMEM);
	while (gcm_meta_alloc(16) != NULL)
		;
	for (int i = 0; i < 3; i++) /* a class without bin */
		ck_assert_ptr_null(gcm_heap_alloc(2 * SIZE));
	alloc_blocks(MANY, SIZE); /* the bin stays small */
	free_blocks(MANY);
	ck_assert_uint_eq(cache->info[gcm_class_of_size(SIZE)].capacity, 31);
	unit_verify();
	os_fake_fail(OS_MAP, 0, 0, 0);
	ck_assert_ptr_nonnull(gcm_heap_alloc(2 * SIZE));
	unit_verify();
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_thread_without_cache);
	tcase_add_test(tcase, refills_grow);
	tcase_add_loop_test(tcase, bins_are_bounded, 0, 13);
	tcase_add_loop_test(tcase, producer_and_consumer, 0, 12);
	tcase_add_loop_test(tcase, blocks_of_others, 0, 3);
	tcase_add_test(tcase, orphans_are_claimed);
	tcase_add_test(tcase, five_thousand_threads);
	tcase_add_test(tcase, attaching_is_told);
	tcase_add_test(tcase, after_the_end);
	tcase_add_test(tcase, trimming);
	tcase_add_test(tcase, trimming_orphans);
	tcase_add_test(tcase, empty_spans_of_other_classes_are_used);
	tcase_add_test(tcase, no_memory_for_caches);
	tcase_add_test(tcase, no_memory_for_bins);
}

UNIT_MAIN("cache", add_tests)
