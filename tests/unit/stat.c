/* unit/stat.c -- the figures against a shadow count */
#include "unit.h"

#include <stdio.h>

#include "core/cache.h"
#include "core/large.h"
#include "core/table.h"

enum {
	NBLOCKS = 1000,
	STEPS = 20000
};

static struct rig_block blocks[NBLOCKS];

static uint64_t guards; /* bytes behind large blocks */

/* What the program has, by its own count. */
static void
count_blocks(struct gcm_stat *want, struct gcm_class_stat *classes)
{
	guards = 0;
	memset(want, 0, sizeof(*want));
	memset(classes, 0, GCM_NCLASSES * sizeof(*classes));
	for (unsigned int i = 0; i < NBLOCKS; i++) {
		const struct rig_block *block = &blocks[i];

		if (block->at == NULL)
			continue;
		want->allocated_blocks++;
		want->allocated += block->usable;
		if (block->usable > GCM_SMALL_MAX) {
			want->large_blocks++;
			want->large += block->usable;
			guards +=
			    ((uint64_t)gcm_page_at((uintptr_t)block->at)->n
				<< GCM_PAGE_SHIFT) -
			    block->usable;
		} else {
			classes[gcm_class_of_size(block->usable)].allocated++;
		}
	}
}

static void
compare_counts(void)
{
	struct gcm_stat want, got;
	struct gcm_class_stat want_classes[GCM_NCLASSES];
	struct gcm_class_stat classes[GCM_NCLASSES];
	uint64_t slots = 0, pages = 0;

	(void)gcm_large_unpark();
	count_blocks(&want, want_classes);
	gcm_stat_collect(&got, classes);
	UNIT_CHECK(got.allocated == want.allocated);
	UNIT_CHECK(got.allocated_blocks == want.allocated_blocks);
	UNIT_CHECK(got.large == want.large);
	UNIT_CHECK(got.large_blocks == want.large_blocks);
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		UNIT_CHECK(classes[i].allocated == want_classes[i].allocated);
		UNIT_CHECK(
		    classes[i].slots ==
		    classes[i].allocated + classes[i].cached + classes[i].free);
		slots += classes[i].slots;
		pages += classes[i].pages;
	}
	/* Every slot is counted once, and every page. */
	UNIT_CHECK(got.allocated_blocks - got.large_blocks + got.cached_blocks +
		       got.free_blocks ==
		   slots);
	UNIT_CHECK(got.span_bytes == pages << GCM_PAGE_SHIFT);
	UNIT_CHECK(
	    got.zone == got.span_bytes + got.large + guards + got.free_pages);
	UNIT_CHECK(got.zone == gcm_zone.hi - gcm_zone.lo);
	UNIT_CHECK(got.dirty_pages <= got.free_pages);
	gcm_stat_collect(&want, NULL);
	UNIT_CHECK(memcmp(&want, &got, sizeof(want)) == 0);
}

START_TEST(an_unused_heap)
{
	struct gcm_stat stat;

	os_fake_fail(OS_MAP_AT, 0, UINT64_MAX, ENOMEM);
	memset(&stat, 1, sizeof(stat));
	gcm_stat_collect(&stat, NULL);
	ck_assert(rig_is_zero(&stat, sizeof(stat)));
}
END_TEST

START_TEST(random_blocks)
{
	uint64_t state = rig_seed((uint64_t)_i + 1);

	for (int i = 0; i < STEPS; i++) {
		struct rig_block *block = &blocks[rig_below(&state, NBLOCKS)];
		size_t size = rig_size(&state, 18);

		if (block->at == NULL)
			rig_malloc(block, size, rig_random(&state));
		else if (rig_chance(&state, 10) && size > 0)
			rig_realloc(block, size, rig_random(&state));
		else
			rig_free(block);
		if (rig_chance(&state, 1) && gcm_cache_self()->status != 0) {
			gcm_cache_detach(gcm_cache_self());
			gcm_cache_become(&gcm_cache_none);
		}
		if (i % 100 == 0)
			compare_counts();
	}
	for (unsigned int i = 0; i < NBLOCKS; i++)
		rig_free(&blocks[i]);
	compare_counts();
}
END_TEST

START_TEST(bins_are_counted)
{
	struct gcm_stat stat;
	struct rig_block block;

	rig_malloc(&block, 100, 1);
	gcm_stat_collect(&stat, NULL);
	ck_assert_uint_eq(stat.allocated, 111);
	ck_assert_uint_eq(stat.allocated_blocks, 1);
	ck_assert_uint_eq(stat.cached_blocks, 7);
	ck_assert_uint_eq(stat.cached, 7 * 112);
	ck_assert_uint_eq(stat.spans, 1);
	ck_assert_uint_eq(stat.free_blocks, GCM_PAGE_SIZE / 112 - 8);
	ck_assert_uint_eq(stat.caches, 1);
	gcm_cache_flush_all(gcm_cache_self());
	gcm_stat_collect(&stat, NULL);
	ck_assert_uint_eq(stat.cached_blocks, 0);
	ck_assert_uint_eq(stat.free_blocks, GCM_PAGE_SIZE / 112 - 1);
}
END_TEST

START_TEST(what_is_held)
{
	struct gcm_stat stat;
	struct rig_block block;

	rig_malloc(&block, 100, 1);
	gcm_stat_collect(&stat, NULL);
	ck_assert_uint_eq(gcm_stat_held(&stat), GCM_PAGE_SIZE / 112 * 112 - 1);
	ck_assert_uint_eq(
	    gcm_stat_spare(&stat), (GCM_PAGE_SIZE / 112 - 1) * 112);
}
END_TEST

START_TEST(room_for_classes)
{
	struct gcm_class_stat *room = gcm_stat_room();

	ck_assert_ptr_nonnull(room);
	ck_assert(rig_is_zero(room, GCM_NCLASSES * sizeof(*room)));
	gcm_stat_drop(room);
}
END_TEST

START_TEST(the_summary)
{
	const char *text;

	for (unsigned int i = 0; i < NBLOCKS; i++)
		rig_malloc(&blocks[i], i * 40, i);
	gcm_stat_print(); /* nobody asked for reports */
	ck_assert_str_eq(os_fake_stderr(), "");
	gcm_report_open(NULL);
	gcm_stat_print();
	text = os_fake_stderr();
	ck_assert_ptr_nonnull(
	    strstr(text, "gcmalloc: summary of process 4711\n"));
	ck_assert_ptr_nonnull(strstr(text, "gcmalloc:   resident        5.0 "
					   "MiB"));
	while (*text != '\0') { /* each line is ours, and not too long */
		size_t len = strcspn(text, "\n");

		ck_assert(strncmp(text, "gcmalloc: ", 10) == 0);
		ck_assert_uint_le(len, 80);
		ck_assert_int_eq(text[len], '\n');
		text += len + 1;
	}
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, an_unused_heap);
	tcase_add_loop_test(tcase, random_blocks, 0, 3);
	tcase_add_test(tcase, bins_are_counted);
	tcase_add_test(tcase, what_is_held);
	tcase_add_test(tcase, room_for_classes);
	tcase_add_test(tcase, the_summary);
}

UNIT_MAIN("stat", add_tests)
