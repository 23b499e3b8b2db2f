/* unit/filter.c -- every filter of words against the obvious one */
#include "unit.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "scan/filter.h"

enum {
	LONGEST = 300,
	SHIFTS = 8, /* every place of a word in 64 bytes */
	FILL = 0x5a
};

static const struct filter {
	const char *name;
	gcm_filter filter;
	bool (*there)(void);
} filters[] = {
    {"plain", gcm_filter_plain, NULL},
    {"wide", gcm_filter_wide, gcm_filter_has_wide},
    {"widest", gcm_filter_widest, gcm_filter_has_widest},
};

/* Zones that tell signed comparisons and wrong carries from right ones. */
static const struct zone {
	uint64_t lo, len;
} zones[] = {
    {0x608012340000, 0x2000},
    {0x608012340000, 1ull << 32},
    {0x608012340000, 0},
    {0x608012340000, 1},
    {0, 0x1000},
    {0x7ffffffffffff000, 0x2000},
    {0x8000000000000000, 0x7000},
    {0xfffffffffffff000, 0xfff},
    {1, UINT64_MAX},
    {0, UINT64_MAX},
};

static uint64_t pool[LONGEST + SHIFTS] __attribute__((aligned(64)));

static size_t
filter_naively(const uint64_t *words, size_t nwords, const struct zone *zone,
    uint64_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < nwords; i++)
		if (words[i] >= zone->lo && words[i] - zone->lo < zone->len)
			out[n++] = words[i];
	return n;
}

/* No filter writes behind the room it is promised. */
static void
compare_filters(const uint64_t *words, size_t nwords, const struct zone *zone)
{
	static uint64_t want[LONGEST];
	size_t room = (nwords + 7) / 8 * 8;
	size_t nwant = filter_naively(words, nwords, zone, want);

	for (unsigned int i = 0; i < RIG_COUNT(filters); i++) {
		uint64_t *out;
		size_t n;

		if (filters[i].there != NULL && !filters[i].there())
			continue;
		out = malloc((room + 8) * sizeof(*out));
		memset(out, FILL, (room + 8) * sizeof(*out));
		n = filters[i].filter(words, nwords, zone->lo, zone->len, out);
		if (n != nwant || memcmp(out, want, n * sizeof(*out)) != 0)
			ck_abort_msg("%s: %zu words in [%#llx, +%#llx): %zu"
				     " hits, not %zu, or others",
			    filters[i].name, nwords,
			    (unsigned long long)zone->lo,
			    (unsigned long long)zone->len, n, nwant);
		for (size_t j = room; j < room + 8; j++)
			if (out[j] != 0x0101010101010101ull * FILL)
				ck_abort_msg("%s: %zu words, word %zu written",
				    filters[i].name, nwords, j);
		free(out);
	}
}

/* A word at one of the zone's borders, inside, or anything. */
static uint64_t
choose_word(uint64_t *seed, const struct zone *zone, unsigned int per_mille)
{
	uint64_t near = rig_random(seed);

	if (rig_below(seed, 1000) < per_mille)
		return zone->lo + (zone->len == 0 ? 0 : near % zone->len);
	switch (rig_below(seed, 6)) {
	case 0:
		return zone->lo - 1;
	case 1:
		return zone->lo + zone->len;
	case 2:
		return zone->lo ^ 1ull << 63;
	case 3:
		return near % 100;
	default:
		return near;
	}
}

START_TEST(every_length_and_place)
{
	static const unsigned int densities[] = {0, 10, 100, 500, 1000};
	uint64_t seed = rig_seed(1);

	for (size_t nwords = 0; nwords <= LONGEST; nwords++)
		for (unsigned int i = 0; i < RIG_COUNT(densities); i++) {
			size_t shift = rig_below(&seed, SHIFTS);
			const struct zone *zone =
			    &zones[rig_below(&seed, RIG_COUNT(zones))];

			for (unsigned int j = 0; j < RIG_COUNT(pool); j++)
				pool[j] =
				    choose_word(&seed, zone, densities[i]);
			compare_filters(pool + shift, nwords, zone);
		}
}
END_TEST

/* One word that matters, at each place, among words that are no addresses. */
START_TEST(borders)
{
	for (unsigned int i = 0; i < RIG_COUNT(zones); i++) {
		const struct zone *zone = &zones[i];
		const uint64_t words[] = {zone->lo - 1, zone->lo, zone->lo + 1,
		    zone->lo + zone->len - 1, zone->lo + zone->len,
		    zone->lo + zone->len + 1, zone->lo ^ 1ull << 63};

		for (unsigned int j = 0; j < RIG_COUNT(words); j++)
			for (size_t at = 0; at < 19; at++) {
				memset(pool, 0, sizeof(pool));
				pool[at] = words[j];
				compare_filters(pool, 19, zone);
			}
	}
}
END_TEST

/* No filter reads a byte before or behind the words: pages that fault lie
 * there.
 */
START_TEST(reads_no_further)
{
	size_t page = 65536;
	uint8_t *map =
	    mmap(NULL, 3 * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *first = (uint64_t *)(void *)(map + page);
	uint64_t *end = (uint64_t *)(void *)(map + 2 * page);

	ck_assert(map != MAP_FAILED);
	ck_assert(mprotect(first, page, PROT_READ | PROT_WRITE) == 0);
	for (size_t nwords = 0; nwords <= 40; nwords++) {
		compare_filters(first, nwords, &zones[0]);
		compare_filters(end - nwords, nwords, &zones[0]);
	}
	munmap(map, 3 * page);
}
END_TEST

START_TEST(the_widest_is_chosen)
{
	ck_assert_str_eq(gcm_filter_name(), "plain");
	gcm_filter_init();
	if (gcm_filter_has_widest())
		ck_assert_str_eq(gcm_filter_name(), "widest");
	else
		ck_assert_str_eq(gcm_filter_name(),
		    gcm_filter_has_wide() ? "wide" : "plain");
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, every_length_and_place);
	tcase_add_test(tcase, borders);
	tcase_add_test(tcase, reads_no_further);
	tcase_add_test(tcase, the_widest_is_chosen);
}

UNIT_MAIN("filter", add_tests)
