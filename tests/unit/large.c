/* unit/large.c -- blocks with a span of their own */
#include "unit.h"

#include <pthread.h>

#include "core/large.h"
#include "core/pageheap.h"
#include "core/span.h"

enum {
	MIB = 1 << 20,
	MIB_PAGES = MIB / GCM_PAGE_SIZE
};

static void
begin(void)
{
	ck_assert(gcm_heap_enter());
}

static struct gcm_page *
page_of(const struct rig_block *block)
{
	return gcm_page_at((uintptr_t)block->at);
}

START_TEST(sizes_in_pages)
{
	ck_assert_uint_eq(gcm_large_pages(0), 0);
	ck_assert_uint_eq(gcm_large_pages(1), 1);
	ck_assert_uint_eq(gcm_large_pages(GCM_PAGE_SIZE), 1);
	ck_assert_uint_eq(gcm_large_pages(GCM_PAGE_SIZE + 1), 2);
	ck_assert_uint_eq(gcm_large_pages((size_t)1 << 42), 1 << 29);
	ck_assert_uint_eq(gcm_large_pages(((size_t)1 << 42) + 1), 0);
	ck_assert_uint_eq(gcm_large_pages(PTRDIFF_MAX), 0);
	ck_assert_uint_eq(gcm_large_pages(SIZE_MAX), 0);
}
END_TEST

START_TEST(alignment)
{
	begin();
	for (uint32_t align = 1; align <= 4096; align *= 2) {
		void *at = gcm_large_alloc(3, align, false);

		ck_assert_ptr_nonnull(at);
		ck_assert_uint_eq(
		    (uintptr_t)at >> GCM_PAGE_SHIFT & (align - 1), 0);
		ck_assert_uint_eq(
		    gcm_heap_usable(at, "test"), 3 * GCM_PAGE_SIZE);
	}
	unit_verify();
}
END_TEST

START_TEST(growing_and_shrinking_in_place)
{
	struct rig_block block, next;
	unsigned char *at;

	rig_malloc(&block, 5 * MIB, 1);
	at = block.at;
	rig_malloc(&next, 100000, 2);
	rig_realloc(&block, 2 * MIB, 3);
	ck_assert_ptr_eq(block.at, at);
	ck_assert_uint_eq(block.usable, 2 * MIB);
	unit_verify();
	rig_realloc(&block, 3 * MIB, 4);
	ck_assert_ptr_eq(block.at, at);
	rig_realloc(&block, 5 * MIB, 5); /* up to the next one */
	ck_assert_ptr_eq(block.at, at);
	rig_realloc(&block, 5 * MIB + 1, 6);
	ck_assert_ptr_ne(block.at, at);
	rig_block_check(&next);
	unit_verify();
	rig_free(&block);
	rig_free(&next);
	unit_verify();
}
END_TEST

START_TEST(growing_with_the_zone)
{
	struct rig_block block;
	unsigned char *at;

	begin();
	rig_malloc(&block, gcm_zone.hi - gcm_zone.lo, 1);
	at = block.at;
	for (size_t size = MIB; size < 40 * (size_t)MIB; size += 3 * MIB + 5) {
		rig_realloc(&block, size, size);
		ck_assert_ptr_eq(block.at, at);
	}
	unit_verify();
}
END_TEST

/* A long block goes elsewhere by its pages, and leaves room behind it. */
START_TEST(moving_pages)
{
	struct rig_block block, next;
	uint64_t moves = os_fake_count(OS_MOVE);
	unsigned char *at;

	rig_malloc(&block, 4 * MIB, 1);
	rig_malloc(&next, 100000, 2);
	rig_realloc(&block, 5 * MIB, 3);
	ck_assert_uint_eq(os_fake_count(OS_MOVE), moves + 1);
	ck_assert_uint_ne(page_of(&block)->flags & GCM_PAGE_MOVED, 0);
	unit_verify();
	at = block.at;
	rig_realloc(&block, 6 * MIB, 4);
	ck_assert_ptr_eq(block.at, at);
	rig_free(&block); /* by fresh pages, so that mappings merge */
	ck_assert_uint_eq(os_fake_count(OS_RENEW), 1);
	rig_calloc(&block, 30 * MIB, 5);
	rig_free(&block);
	rig_block_check(&next);
	unit_verify();
}
END_TEST

START_TEST(moving_bytes_when_pages_cannot)
{
	struct rig_block block, next;

	rig_malloc(&block, 4 * MIB, 1);
	rig_malloc(&next, 100000, 2);
	os_fake_fail(OS_MOVE, 0, UINT64_MAX, ENOMEM);
	rig_realloc(&block, 5 * MIB, 3);
	ck_assert_ptr_nonnull(block.at);
	ck_assert_uint_eq(page_of(&block)->flags & GCM_PAGE_MOVED, 0);
	rig_free(&block);
	rig_calloc(&block, 30 * MIB, 4);
	unit_verify();
}
END_TEST

START_TEST(pages_that_cannot_be_renewed)
{
	struct rig_block block, next;

	rig_malloc(&block, 4 * MIB, 1);
	rig_malloc(&next, 100000, 2);
	rig_realloc(&block, 5 * MIB, 3);
	os_fake_fail(OS_RENEW, 0, UINT64_MAX, ENOMEM);
	rig_free(&block);
	unit_verify();
	rig_calloc(&block, 5 * MIB, 4); /* not zero by itself */
	rig_free(&block);
	unit_verify();
}
END_TEST

/* Behind a long block, and where one was, lie pages that fault. */
START_TEST(guards)
{
	struct rig_block block, next;
	unsigned char *at;

	rig_malloc(&block, MIB / 2, 1);
	rig_malloc(&next, MIB / 2, 2);
	at = block.at;
	ck_assert_uint_eq(block.usable, MIB / 2);
	ck_assert(gcm_os_can_read(at + MIB / 2 - 8));
	ck_assert(!gcm_os_can_read(at + MIB / 2));
	rig_realloc(&block, MIB / 4, 1);
	ck_assert_ptr_eq(block.at, at);
	ck_assert(!gcm_os_can_read(at + block.usable));
	rig_realloc(&block, MIB / 3, 1); /* the guard moves along */
	ck_assert_ptr_eq(block.at, at);
	ck_assert(!gcm_os_can_read(at + block.usable));
	rig_free(&block);
	ck_assert(!gcm_os_can_read(at));
	rig_malloc(&block, MIB / 3, 1); /* not there at once */
	ck_assert_ptr_ne(block.at, at);
	unit_verify();
	for (int i = 0; i < 20; i++) { /* then there, without faults */
		rig_malloc(&next, MIB / 8 * (i % 8 + 1), 3);
		if (i % 3 != 0)
			rig_free(&next);
	}
	unit_verify();
}
END_TEST

START_TEST(a_system_without_guards)
{
	struct rig_block block;

	os_fake_fail(OS_GUARD, 0, UINT64_MAX, EINVAL);
	rig_malloc(&block, MIB, 1);
	rig_realloc(&block, 4 * MIB, 2);
	rig_free(&block);
	ck_assert(!gcm_pageheap_has_guards());
	rig_malloc(&block, MIB, 3);
	rig_free(&block);
	ck_assert_uint_le(os_fake_count(OS_GUARD), 2);
	unit_verify();
}
END_TEST

START_TEST(colours)
{
	begin();
	for (uint8_t colour = 0; colour < 4; colour++) {
		void *at;

		atomic_store(&gcm_cache_none.colour, GCM_ALLOC | colour);
		at = gcm_large_alloc(10, 1, false);
		ck_assert_uint_eq(
		    gcm_slot_get((uintptr_t)at), GCM_ALLOC | colour);
		ck_assert(gcm_large_free((uintptr_t)at));
		ck_assert_uint_eq(gcm_slot_get((uintptr_t)at), GCM_FREE);
		ck_assert(!gcm_large_free((uintptr_t)at)); /* twice */
	}
	unit_verify();
}
END_TEST

static void *_Atomic contended;
static _Atomic unsigned int nfreed;

static void *
free_contended(void *arg)
{
	pthread_barrier_t *barrier = arg;

	for (int i = 0; i < 500; i++) {
		pthread_barrier_wait(barrier);
		if (gcm_large_free((uintptr_t)atomic_load(&contended)))
			atomic_fetch_add(&nfreed, 1);
		pthread_barrier_wait(barrier);
	}
	return NULL;
}

/* Two threads free the same block: one of them did. */
START_TEST(double_free_by_two_threads)
{
	pthread_barrier_t barrier;
	pthread_t threads[2];

	begin();
	pthread_barrier_init(&barrier, NULL, 3);
	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, free_contended, &barrier);
	for (unsigned int i = 0; i < 500; i++) {
		atomic_store(&contended, gcm_large_alloc(5, 1, false));
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
		UNIT_CHECK(atomic_load(&nfreed) == i + 1);
	}
	pthread_join(threads[0], NULL);
	pthread_join(threads[1], NULL);
	unit_verify();
}
END_TEST

static size_t
count_runs(void)
{
	size_t n = 0;

	for (uint32_t i = 0; i < gcm_zone_pages(); i += gcm_page(i)->n)
		n += gcm_page_kind(gcm_page(i)) == GCM_KIND_RUN;
	return n;
}

START_TEST(random_blocks)
{
	static struct rig_block blocks[50];
	uint64_t state = rig_seed((uint64_t)_i + 1);

	for (int i = 0; i < 2500; i++) {
		struct rig_block *block = &blocks[rig_below(&state, 50)];
		size_t size = GCM_SMALL_MAX + 1 +
			      rig_below(&state, 1ull << rig_below(&state, 22));

		if (block->at == NULL)
			rig_calloc(block, size, rig_random(&state));
		else if (rig_chance(&state, 60))
			rig_realloc(block, size, rig_random(&state));
		else
			rig_free(block);
		if (i % 64 == 0)
			unit_verify();
	}
	for (unsigned int i = 0; i < RIG_COUNT(blocks); i++)
		rig_free(&blocks[i]);
	(void)gcm_large_unpark();
	ck_assert_uint_eq(count_runs(), 1);
	unit_verify();
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, sizes_in_pages);
	tcase_add_test(tcase, alignment);
	tcase_add_test(tcase, growing_and_shrinking_in_place);
	tcase_add_test(tcase, growing_with_the_zone);
	tcase_add_test(tcase, moving_pages);
	tcase_add_test(tcase, moving_bytes_when_pages_cannot);
	tcase_add_test(tcase, pages_that_cannot_be_renewed);
	tcase_add_test(tcase, guards);
	tcase_add_test(tcase, a_system_without_guards);
	tcase_add_test(tcase, colours);
	tcase_add_test(tcase, double_free_by_two_threads);
	tcase_add_loop_test(tcase, random_blocks, 0, 3);
}

UNIT_MAIN("large", add_tests)
