/* unit/sizeclass.c -- the sizes of slots */
#include "unit.h"

#include "core/sizeclass.h"
#include "core/table.h"

static void
init(void)
{
	gcm_sizeclass_init();
}

START_TEST(every_size_fits_its_class)
{
	for (size_t size = 0; size <= GCM_SMALL_MAX; size++) {
		uint32_t class_id = gcm_class_of_size(size);

		UNIT_CHECK(class_id < GCM_NCLASSES);
		UNIT_CHECK(gcm_classes[class_id].usable >= size);
		if (class_id > 0 &&
		    class_id < GCM_CLASS_ZERO) /* and no smaller one */
			UNIT_CHECK(gcm_classes[class_id - 1].usable < size);
		if (size <= GCM_BYTE_MAX)
			UNIT_CHECK(gcm_class_of_byte[size] == class_id);
		if (size > GCM_HEADER_MAX)
			UNIT_CHECK(gcm_class_of_large(size) == class_id);
	}
}
END_TEST

START_TEST(tiny_requests_have_a_class_of_their_own)
{
	ck_assert_uint_eq(gcm_class_of_size(0), GCM_CLASS_ZERO);
	ck_assert_uint_eq(gcm_classes[GCM_CLASS_ZERO].usable, 0);
	ck_assert_uint_eq(gcm_class_of_size(1), 0);
	ck_assert_uint_eq(gcm_class_of_size(7), 0);
	ck_assert_uint_eq(gcm_class_of_size(8), 1);
	ck_assert_uint_eq(gcm_classes[0].usable, 7);
	ck_assert_uint_eq(gcm_classes[0].size, 16);
}
END_TEST

START_TEST(waste_is_bounded)
{
	for (size_t size = 129; size <= GCM_SMALL_MAX; size++) {
		uint32_t slot = gcm_classes[gcm_class_of_size(size)].size;

		UNIT_CHECK((slot - size) * 5 < slot); /* below 20 % */
	}
	for (size_t size = 8; size < 128; size++)
		UNIT_CHECK(
		    gcm_classes[gcm_class_of_size(size)].size <= size + 16);
}
END_TEST

START_TEST(classes_rise_in_granules)
{
	for (uint32_t i = 1; i < GCM_CLASS_ZERO; i++) {
		const struct gcm_class *class = &gcm_classes[i];

		ck_assert_uint_eq(class->size % GCM_GRANULE, 0);
		if (class->size <= GCM_FULL_MAX || class->size > GCM_HEADER_MAX)
			ck_assert_uint_eq(class->usable, class->size);
		else /* a header's end is its own */
			ck_assert_uint_eq(class->usable, class->size - 1);
		if (i > 1)
			ck_assert_uint_gt(class->size, class[-1].size);
	}
	ck_assert_uint_eq(gcm_classes[GCM_CLASS_ZERO - 1].size, GCM_SMALL_MAX);
}
END_TEST

START_TEST(spans_waste_less_than_an_eighth)
{
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		const struct gcm_class *class = &gcm_classes[i];
		uint32_t bytes = class->pages_min * GCM_PAGE_SIZE;

		ck_assert_uint_ge(class->pages_min, 1);
		ck_assert_uint_le(class->pages_min, class->pages_max);
		ck_assert_uint_le(class->pages_max, GCM_SPAN_PAGES_MAX);
		ck_assert_uint_le(class->size, bytes);
		ck_assert_uint_le(bytes % class->size, bytes / 8);
	}
}
END_TEST

START_TEST(bins_are_bounded)
{
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		const struct gcm_class *class = &gcm_classes[i];
		uint32_t bytes = class->cached_max * class->size;

		ck_assert_uint_ge(class->cached_max, 4);
		ck_assert_uint_le(class->cached_max, 512);
		ck_assert(bytes <= 256 << 10 || class->cached_max <= 16);
	}
}
END_TEST

START_TEST(index_is_exact)
{
	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		for (uint32_t offset = 0; offset < 1 << 17; offset++)
			if (gcm_class_index(i, offset) !=
			    offset / gcm_classes[i].size)
				ck_abort_msg("class %u, offset %u", i, offset);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, init, NULL);
	tcase_add_test(tcase, every_size_fits_its_class);
	tcase_add_test(tcase, tiny_requests_have_a_class_of_their_own);
	tcase_add_test(tcase, waste_is_bounded);
	tcase_add_test(tcase, classes_rise_in_granules);
	tcase_add_test(tcase, spans_waste_less_than_an_eighth);
	tcase_add_test(tcase, bins_are_bounded);
	tcase_add_test(tcase, index_is_exact);
}

UNIT_MAIN("sizeclass", add_tests)
