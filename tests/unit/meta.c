/* unit/meta.c -- memory for our own structures */
#include "unit.h"

#include <stdlib.h>

#include "core/meta.h"

enum {
	BLOCKS = 2000,
	ROUNDS = 40000,
	BOOT_BYTES = 24 << 10
};

static struct block {
	unsigned char *at;
	size_t size;
	uint64_t seed;
} blocks[BLOCKS];

static void
fill_block(struct block *block, uint64_t *state)
{
	block->size = rig_size(state, 17) + 1;
	block->seed = rig_random(state);
	block->at = gcm_meta_alloc(block->size);
	UNIT_CHECK(block->at != NULL);
	UNIT_CHECK((uintptr_t)block->at % 16 == 0);
	UNIT_CHECK(block->size < 64 || (uintptr_t)block->at % 64 == 0);
	UNIT_CHECK(rig_is_zero(block->at, block->size));
	rig_fill(block->at, block->size, block->seed);
}

START_TEST(blocks_are_zero_and_apart)
{
	uint64_t state = rig_seed(1);

	for (int i = 0; i < ROUNDS; i++) {
		struct block *block = &blocks[rig_below(&state, BLOCKS)];

		if (block->at == NULL) {
			fill_block(block, &state);
			continue;
		}
		UNIT_CHECK(rig_intact(
		    block->at, block->size, block->size, block->seed));
		gcm_meta_free(block->at, block->size);
		block->at = NULL;
	}
	ck_assert_uint_eq(gcm_meta_mapped(), os_fake_mapped() + BOOT_BYTES);
}
END_TEST

START_TEST(freed_blocks_come_back)
{
	void *first = gcm_meta_alloc(1000), *second;

	gcm_meta_free(first, 1000);
	second = gcm_meta_alloc(600); /* the same power of two */
	ck_assert_ptr_eq(first, second);
	gcm_meta_free(NULL, 1000);
	ck_assert_ptr_ne(gcm_meta_alloc(1024), second);
}
END_TEST

START_TEST(a_small_program_maps_nothing)
{
	for (int i = 0; i < 20; i++)
		ck_assert_ptr_nonnull(gcm_meta_alloc(1024));
	ck_assert_uint_eq(os_fake_count(OS_MAP), 0);
	ck_assert_uint_eq(gcm_meta_mapped(), BOOT_BYTES);
	for (int i = 0; i < 20; i++)
		ck_assert_ptr_nonnull(gcm_meta_alloc(1024));
	ck_assert_uint_eq(os_fake_count(OS_MAP), 1);
}
END_TEST

START_TEST(no_memory)
{
	void *block;

	os_fake_fail(OS_MAP, 0, UINT64_MAX, ENOMEM);
	ck_assert_ptr_null(gcm_meta_alloc(1 << 20));
	block = gcm_meta_alloc(100); /* the arena is still there */
	ck_assert_ptr_nonnull(block);
	while (gcm_meta_alloc(4096) != NULL)
		;
	gcm_meta_free(block, 100);
	ck_assert_ptr_eq(gcm_meta_alloc(100), block);
	os_fake_fail(OS_MAP, 0, 0, 0);
	ck_assert_ptr_nonnull(gcm_meta_alloc(1 << 20));
	ck_assert_ptr_nonnull(gcm_meta_alloc(16 << 20));
	ck_assert_ptr_null(gcm_meta_alloc((16 << 20) + 1)); /* never */
}
END_TEST

START_TEST(a_child_forgets_what_is_free)
{
	unsigned char *kept = gcm_meta_alloc(64), *freed = gcm_meta_alloc(64);

	rig_fill(kept, 64, 1);
	gcm_meta_free(freed, 64);
	memset(freed, 0xff, 64); /* a torn link: not to be followed */
	gcm_meta_reset();
	for (int i = 0; i < 100; i++) {
		unsigned char *block = gcm_meta_alloc(64);

		ck_assert_ptr_nonnull(block);
		ck_assert(rig_is_zero(block, 64));
		ck_assert_ptr_ne(block, kept);
		ck_assert_ptr_ne(block, freed);
		memset(block, 0xff, 64);
	}
	ck_assert(rig_intact(kept, 64, 64, 1));
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, blocks_are_zero_and_apart);
	tcase_add_test(tcase, freed_blocks_come_back);
	tcase_add_test(tcase, a_small_program_maps_nothing);
	tcase_add_test(tcase, no_memory);
	tcase_add_test(tcase, a_child_forgets_what_is_free);
}

UNIT_MAIN("meta", add_tests)
