/* unit/line.c -- every finder of free slots against the obvious one */
#include "unit.h"

#include "core/line.h"

enum {
	ROUNDS = 20000
};

static const struct finder {
	const char *name;
	gcm_line_finder find;
	bool (*there)(void);
} finders[] = {
    {"plain", gcm_line_find_plain, NULL},
    {"wide", gcm_line_find_wide, gcm_line_has_wide},
    {"widest", gcm_line_find_widest, gcm_line_has_widest},
};

static uint8_t line[GCM_LINE_GRANULES] __attribute__((aligned(64)));

static uint64_t
find_naively(void)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < GCM_LINE_GRANULES; i++)
		if (line[i] == GCM_FREE)
			mask |= 1ull << i;
	return mask;
}

static void
compare_finders(void)
{
	uint64_t want = find_naively();

	for (unsigned int i = 0; i < RIG_COUNT(finders); i++)
		if (finders[i].there == NULL || finders[i].there())
			if (finders[i].find(line) != want)
				ck_abort_msg("%s: %#llx, not %#llx",
				    finders[i].name,
				    (unsigned long long)finders[i].find(line),
				    (unsigned long long)want);
}

START_TEST(one_state_at_one_place)
{
	for (unsigned int state = 0; state < 256; state++)
		for (unsigned int i = 0; i < GCM_LINE_GRANULES; i++) {
			memset(line, GCM_FREE, sizeof(line));
			line[i] = (uint8_t)state;
			compare_finders();
			memset(line, (int)state, sizeof(line));
			line[i] = GCM_FREE;
			compare_finders();
		}
}
END_TEST

/* Carries between bytes: neighbours that differ from FREE by little. */
START_TEST(pairs_of_states)
{
	for (unsigned int pair = 0; pair < 1 << 16; pair++) {
		for (unsigned int i = 0; i < GCM_LINE_GRANULES; i += 2) {
			line[i] = (uint8_t)pair;
			line[i + 1] = (uint8_t)(pair >> 8);
		}
		compare_finders();
	}
}
END_TEST

START_TEST(random_lines)
{
	static const uint8_t usual[] = {GCM_INTERIOR, GCM_FREE, GCM_FREE,
	    GCM_CACHED, GCM_ALLOC, GCM_ALLOC | 3, GCM_SAMPLED | 1,
	    GCM_LIMBO | 1, GCM_QUAR | 1, 0x81, 0x7f, 0xff, 0x01, 0x00};
	uint64_t state = rig_seed(1);

	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (unsigned int i = 0; i < GCM_LINE_GRANULES; i++)
			line[i] =
			    round % 2 == 0
				? (uint8_t)rig_random(&state)
				: usual[rig_below(&state, RIG_COUNT(usual))];
		compare_finders();
	}
}
END_TEST

START_TEST(the_widest_is_chosen)
{
	ck_assert_str_eq(gcm_line_name(), "plain");
	gcm_line_init();
	if (gcm_line_has_widest())
		ck_assert_str_eq(gcm_line_name(), "widest");
	else
		ck_assert_str_eq(
		    gcm_line_name(), gcm_line_has_wide() ? "wide" : "plain");
	memset(line, GCM_FREE, sizeof(line));
	ck_assert_uint_eq(gcm_line_find_free(line), ~0ull);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, one_state_at_one_place);
	tcase_add_test(tcase, pairs_of_states);
	tcase_add_test(tcase, random_lines);
	tcase_add_test(tcase, the_widest_is_chosen);
}

UNIT_MAIN("line", add_tests)
