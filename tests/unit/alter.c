/* unit/alter.c -- blocks whose pages the program changes itself */
#include "unit.h"

#include <sys/mman.h>

#include "core/alter.h"
#include "core/pageheap.h"
#include "core/span.h"

enum {
	KIB = 1 << 10,
	MIB = 1 << 20
};

static bool
is_noted(const void *block)
{
	return gcm_alter_is_noted(gcm_slot_get((uintptr_t)block));
}

static void
note(void *addr, size_t len)
{
	gcm_alter_note((uintptr_t)addr, len);
}

START_TEST(a_note_reaches_what_the_range_touches)
{
	char *blocks[64];

	for (unsigned int i = 0; i < 64; i++)
		blocks[i] = gcm_heap_alloc(1000); /* slots of 1024 bytes */
	for (unsigned int i = 1; i < 64; i++)
		ck_assert_ptr_eq(blocks[i], blocks[i - 1] + 1024);
	note(blocks[10] + 100, 1);
	note(blocks[20] + 1023, 2);
	note(blocks[30], 2048);
	note(blocks[40], 0);
	for (unsigned int i = 0; i < 64; i++)
		ck_assert_int_eq(is_noted(blocks[i]),
		    i == 10 || i == 20 || i == 21 || i == 30 || i == 31);
	unit_verify();
}
END_TEST

/* One range over slots, free pages and large blocks, and beyond the zone. */
START_TEST(a_note_over_everything)
{
	void *small = gcm_heap_alloc(100), *freed = gcm_heap_alloc(100);
	char *large = gcm_heap_alloc(MIB), *hole = gcm_heap_alloc(MIB);
	void *last = gcm_heap_alloc(MIB);

	rig_raw_free(freed);
	rig_raw_free(hole);
	note((void *)gcm_zone.lo, SIZE_MAX);
	ck_assert(is_noted(small));
	ck_assert(is_noted(large));
	ck_assert(is_noted(last));
	ck_assert(!is_noted(freed));
	ck_assert(!is_noted(hole));
	unit_verify();
	note((void *)(gcm_zone.hi - 1), 100);
	note((void *)gcm_zone.hi, 100);
	unit_verify();
}
END_TEST

START_TEST(the_program_keeps_its_colour_and_block)
{
	static const size_t sizes[] = {100, 8 * KIB, 32 * KIB, MIB};

	for (unsigned int i = 0; i < RIG_COUNT(sizes); i++) {
		struct rig_block block;
		uint8_t colour;

		rig_malloc(&block, sizes[i], i);
		colour = gcm_slot_get((uintptr_t)block.at) & GCM_COLOUR;
		note(block.at, 1);
		note(block.at, 1); /* again */
		ck_assert_uint_eq(
		    gcm_slot_get((uintptr_t)block.at) & GCM_COLOUR, colour);
		rig_block_check(&block);
		rig_realloc(&block, sizes[i] * 3, i);
		rig_free(&block);
		unit_verify();
	}
}
END_TEST

/* Unmap, protect, map something else: freed, the pages are fresh. */
START_TEST(freed_pages_are_fresh)
{
	static const size_t sizes[] = {8 * KIB, 32 * KIB, 200 * KIB, 4 * MIB};
	size_t size = sizes[_i];
	char *at = gcm_heap_alloc_aligned(size, 8 * KIB);
	struct rig_block block;

	note(at, size);
	ck_assert_int_eq(mprotect(at, 4 * KIB, PROT_NONE), 0);
	ck_assert_ptr_eq(mmap(at + 4 * KIB, size - 4 * KIB, PROT_READ,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0),
	    at + 4 * KIB);
	rig_raw_free(at);
	ck_assert_uint_ge(os_fake_count(OS_RENEW), 1);
	unit_verify();
	for (int i = 0; i < 30; i++)
		rig_calloc(&block, size, 1);
}
END_TEST

START_TEST(pages_that_cannot_be_had_back)
{
	static const size_t sizes[] = {8 * KIB, 32 * KIB, 200 * KIB, 4 * MIB};
	size_t size = sizes[_i];
	char *at = gcm_heap_alloc_aligned(size, 8 * KIB);

	note(at, size);
	ck_assert_int_eq(mprotect(at, size, PROT_NONE), 0);
	os_fake_fail(OS_RENEW, 0, UINT64_MAX, ENOMEM);
	rig_raw_free(at);
	ck_assert_uint_eq(gcm_slot_get((uintptr_t)at), GCM_LOST);
	os_fake_reset();
	UNIT_MISUSES(rig_raw_free(at), "free", "double free of", at);
	unit_verify();
	for (int i = 0; i < 100; i++) { /* never again */
		char *other = gcm_heap_alloc(size);

		ck_assert(other + size <= at || at + size <= other);
		memset(other, 1, size);
	}
}
END_TEST

START_TEST(shrinking_gives_fresh_pages)
{
	struct rig_block block, other;

	rig_malloc(&block, MIB, 1);
	note(block.at, MIB);
	rig_realloc(&block, MIB / 2, 2);
	ck_assert_uint_eq(os_fake_count(OS_RENEW), 1);
	rig_calloc(&other, MIB / 2, 3);
	os_fake_fail(OS_RENEW, 0, 1, ENOMEM);
	rig_realloc(&block, MIB / 4, 4);
	ck_assert_uint_ge(block.usable, MIB / 4);
	unit_verify();
	rig_free(&block);
	unit_verify();
}
END_TEST

START_TEST(a_slot_on_shared_pages)
{
	char *at = gcm_heap_alloc(100);

	note(at, 100);
	rig_raw_free(at); /* no page is its alone */
	ck_assert_uint_eq(os_fake_count(OS_RENEW), 0);
	ck_assert_uint_eq(gcm_slot_get((uintptr_t)at), GCM_FREE);
	unit_verify();
}
END_TEST

START_TEST(double_frees)
{
	char *small = gcm_heap_alloc(100), *large = gcm_heap_alloc(MIB);

	note(small, 1);
	note(large, 1);
	rig_raw_free(small);
	rig_raw_free(large);
	UNIT_MISUSES(rig_raw_free(small), "free", "double free of", small);
	os_fake_reset();
	UNIT_MISUSES(rig_raw_free(large), "free", "double free of", large);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_note_reaches_what_the_range_touches);
	tcase_add_test(tcase, a_note_over_everything);
	tcase_add_test(tcase, the_program_keeps_its_colour_and_block);
	tcase_add_loop_test(tcase, freed_pages_are_fresh, 0, 4);
	tcase_add_loop_test(tcase, pages_that_cannot_be_had_back, 0, 4);
	tcase_add_test(tcase, shrinking_gives_fresh_pages);
	tcase_add_test(tcase, a_slot_on_shared_pages);
	tcase_add_test(tcase, double_frees);
}

UNIT_MAIN("alter", add_tests)
