/* unit/option.c -- every option: good, bad, unknown, overflowing
 *
 * The rows come from option.def, so that a new option is tested at once.
 */
#include "unit.h"

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define PREFIX "GCM_"
#define BAD_VALUE "gcmalloc: bad value, the default is used: "
#define UNKNOWN "gcmalloc: unknown option "
#define NOT_YET "gcmalloc: not there yet, nothing is collected: "
#define BAD_DEBUG "gcmalloc: bad key or value in "

struct row {
	const char *name, *unit;
	int64_t dflt, lo, hi;
	size_t offset;
};

static const struct row numbers[] = {
#define OPT(name, dflt, lo, hi, unit, status, doc)                             \
	{#name, unit, dflt, lo, hi, offsetof(struct gcm_options, name)},
#define PATH(name, status, doc)
#define DBG(name, dflt, lo, hi, status, doc)
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG
};

static const struct row paths[] = {
#define OPT(name, dflt, lo, hi, unit, status, doc)
#define PATH(name, status, doc)                                                \
	{#name, "path", 0, 0, 0, offsetof(struct gcm_options, name)},
#define DBG(name, dflt, lo, hi, status, doc)
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG
};

static const struct row keys[] = {
#define OPT(name, dflt, lo, hi, unit, status, doc)
#define PATH(name, status, doc)
#define DBG(name, dflt, lo, hi, status, doc)                                   \
	{#name, "count", dflt, lo, hi, offsetof(struct gcm_options, name)},
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG
};

static struct gcm_options expected;

/* Read one entry; what is warned must be `warning` and the entry, or nothing.
 */
static void
read_entry(const char *entry, const char *warning)
{
	char line[512] = "";
	char *copy = strdup(entry); /* its bytes stay: paths point there */
	char *list[] = {copy, NULL};

	os_fake_reset();
	gcm_option_read(list);
	if (warning != NULL)
		snprintf(line, sizeof(line), "%s%s\n", warning, entry);
	ck_assert_str_eq(os_fake_stderr(), line);
	ck_assert_msg(memcmp(&gcm_options, &expected, sizeof(expected)) == 0,
	    "wrong value after %s", entry);
}

static void
expect_number(const struct row *row, int64_t value)
{
	memcpy((char *)&expected + row->offset, &value, sizeof(value));
}

static void
read_number(const struct row *row, const char *text, bool good, int64_t value)
{
	char entry[256];

	snprintf(entry, sizeof(entry), PREFIX "%s=%s", row->name, text);
	if (good)
		expect_number(row, value);
	read_entry(entry, good ? NULL : BAD_VALUE);
}

static bool
is_unit(const struct row *row, const char *unit)
{
	size_t len = strlen(unit);

	return strncmp(row->unit, unit, len) == 0 &&
	       (row->unit[len] == '\0' || row->unit[len] == '|');
}

static bool
may_be(const struct row *row, int64_t value)
{
	if (is_unit(row, "signal") && value > 0 && value < 34)
		return false; /* not real-time, or glibc's */
	return row->lo <= value && value <= row->hi;
}

static void
read_plain(const struct row *row, int64_t value)
{
	char text[64];

	snprintf(text, sizeof(text), "%" PRId64 "%s", value,
	    is_unit(row, "ns") ? "ns" : "");
	read_number(row, text, may_be(row, value), value);
	snprintf(text, sizeof(text), "0x%" PRIx64 "%s", (uint64_t)value,
	    is_unit(row, "ns") ? "ns" : "");
	if (value >= 0)
		read_number(row, text, may_be(row, value), value);
}

static void
begin(void)
{
	expected = gcm_options;
}

START_TEST(defaults_are_the_table)
{
	for (unsigned int i = 0; i < RIG_COUNT(numbers); i++)
		expect_number(&numbers[i], numbers[i].dflt);
	for (unsigned int i = 0; i < RIG_COUNT(keys); i++)
		expect_number(&keys[i], keys[i].dflt);
	read_entry("HOME=/", NULL);
	read_entry("GCM=1", NULL);
	read_entry("XGCM_PERCENT=1", NULL);
	read_entry("gcm_percent=1", NULL);
}
END_TEST

START_TEST(numbers_in_and_out_of_range)
{
	const struct row *row = &numbers[_i];

	if (row->unit[0] == '=' || row->unit[0] == '#')
		return;
	read_plain(row, row->lo);
	read_plain(row, row->hi);
	read_plain(row, row->lo / 2 + row->hi / 2);
	read_plain(row, row->lo - 1);
	if (row->hi < INT64_MAX)
		read_plain(row, row->hi + 1);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	static const char *const texts[] = {"", " ", "x", "-", "-1", "+1", "1x",
	    "1 ", " 1", "0x", "0xg", "1.5", "1,5", "off ", "of", "offf", "OFF",
	    "|", "off|", "18446744073709551616", "9223372036854775808",
	    "9223372036854775807KiB", "0xffffffffffffffff",
	    "99999999999999999999999999999999999", "1kib", "1K", "1sec", "%"};

	for (unsigned int i = 0; i < RIG_COUNT(texts); i++)
		read_number(&numbers[_i], texts[i], false, 0);
}
END_TEST

static int64_t
word_value(const char *word)
{
	if (strcmp(word, "off") == 0)
		return GCM_OFF;
	return strcmp(word, "cgroup") == 0 ? GCM_CGROUP : GCM_ALL;
}

START_TEST(words)
{
	const struct row *row = &numbers[_i];
	bool choice = row->unit[0] == '=', set = row->unit[0] == '#';
	char *list = strdup(row->unit + (choice || set)), *save = NULL;
	int place = 0;

	for (char *word = strtok_r(list, "|", &save); word != NULL;
	     word = strtok_r(NULL, "|", &save), place++) {
		if (strcmp(word, "quarantine") == 0)
			continue; /* a test of its own */
		if (set)
			read_number(row, word, true, atoi(word));
		else if (choice)
			read_number(row, word, true, place);
		else if (place > 0) /* the first is the unit */
			read_number(row, word, true, word_value(word));
	}
	free(list);
}
END_TEST

static const struct {
	const char *unit, *text;
	int64_t value;
} suffixed[] = {
    {"bytes", "4194304", 4194304},
    {"bytes", "4194304B", 4194304},
    {"bytes", "4096KiB", 4194304},
    {"bytes", "64MiB", 64 << 20},
    {"bytes", "0x40MiB", 64 << 20},
    {"bytes", "2GiB", 2ll << 30},
    {"bytes", "1TiB", 1ll << 40},
    {"ns", "500000000ns", 500000000},
    {"ns", "500000us", 500000000},
    {"ns", "500ms", 500000000},
    {"ns", "2s", 2000000000},
    {"%", "50", 50},
    {"%", "50%", 50},
};

START_TEST(suffixes)
{
	unsigned int used = 0;

	for (unsigned int i = 0; i < RIG_COUNT(numbers); i++)
		for (unsigned int k = 0; k < RIG_COUNT(suffixed); k++)
			if (is_unit(&numbers[i], suffixed[k].unit)) {
				read_number(&numbers[i], suffixed[k].text, true,
				    suffixed[k].value);
				used++;
			}
	ck_assert_uint_gt(used, RIG_COUNT(suffixed));
}
END_TEST

START_TEST(long_times)
{
	read_entry(PREFIX "INTERVAL=1", BAD_VALUE); /* a time has a unit */
	expected.INTERVAL = 120000000000;
	read_entry(PREFIX "INTERVAL=2m", NULL);
	expected.INTERVAL = 7200000000000;
	read_entry(PREFIX "INTERVAL=2h", NULL);
	read_entry(PREFIX "INTERVAL=25h", BAD_VALUE);
	read_entry(PREFIX "INTERVAL=9223372036854775807h", BAD_VALUE);
	read_entry(PREFIX "MEMLIMIT=2ms", BAD_VALUE);
}
END_TEST

START_TEST(some_numbers_only)
{
	static const char *const bad[] = {
	    "0", "2", "3", "5", "7", "9", "16", "84", "8|4", "08", "0x8", "-8"};

	read_entry(PREFIX "SIGNAL=33", BAD_VALUE);
	read_entry(PREFIX "SIGNAL=1", BAD_VALUE);
	expected.SIGNAL = 34;
	read_entry(PREFIX "SIGNAL=34", NULL);
	expected.SIGNAL = 0;
	read_entry(PREFIX "SIGNAL=0", NULL);
	expected.ALIGN = 4;
	read_entry(PREFIX "ALIGN=4", NULL);
	for (unsigned int i = 0; i < RIG_COUNT(bad); i++) {
		char entry[64];

		snprintf(entry, sizeof(entry), PREFIX "ALIGN=%s", bad[i]);
		read_entry(entry, BAD_VALUE);
	}
	read_entry(PREFIX "GRACE=4", BAD_VALUE); /* two bits of colour */
}
END_TEST

START_TEST(quarantine_is_not_there_yet)
{
	expected.MODE = GCM_MODE_OFF;
	read_entry(PREFIX "MODE=quarantine", NOT_YET);
	expected.MODE = GCM_MODE_REPORT;
	read_entry(PREFIX "MODE=report", NULL);
	expected.MODE = GCM_MODE_COLLECT;
	read_entry(PREFIX "MODE=collect", NULL);
	read_entry(PREFIX "MODE=quarant", BAD_VALUE);
}
END_TEST

START_TEST(path_names)
{
	char entry[64];

	for (unsigned int i = 0; i < RIG_COUNT(paths); i++) {
		const char *value;

		snprintf(
		    entry, sizeof(entry), PREFIX "%s=/tmp/a=b", paths[i].name);
		os_fake_reset();
		gcm_option_read((char *const[]){entry, NULL});
		memcpy(&value, (char *)&gcm_options + paths[i].offset,
		    sizeof(value));
		ck_assert_str_eq(value, "/tmp/a=b");
		ck_assert_str_eq(os_fake_stderr(), "");
	}
}
END_TEST

START_TEST(unknown_names)
{
	read_entry(PREFIX "NONSENSE=1", UNKNOWN);
	read_entry(PREFIX "PERCEN=1", UNKNOWN);
	read_entry(PREFIX "PERCENTX=1", UNKNOWN);
	read_entry(PREFIX "percent=1", UNKNOWN);
	read_entry(PREFIX "=1", UNKNOWN);
	read_entry(PREFIX, UNKNOWN);
	read_entry(PREFIX "stats=1", UNKNOWN);
	read_entry(PREFIX "PERCENT", BAD_VALUE);
}
END_TEST

static void
read_keys(const char *list, bool good)
{
	char entry[256];

	snprintf(entry, sizeof(entry), PREFIX "DEBUG=%s", list);
	read_entry(entry, good ? NULL : BAD_DEBUG);
}

START_TEST(debug_keys)
{
	char list[128];

	for (unsigned int i = 0; i < RIG_COUNT(keys); i++) {
		const struct row *row = &keys[i];

		snprintf(
		    list, sizeof(list), "%s=%" PRId64, row->name, row->hi + 1);
		read_keys(list, false);
		expect_number(row, row->hi);
		snprintf(list, sizeof(list), "%s=%" PRId64, row->name, row->hi);
		read_keys(list, true);
		snprintf(list, sizeof(list), "%s=", row->name);
		read_keys(list, false);
		read_keys(row->name, false);
		snprintf(list, sizeof(list), "%s1=0", row->name);
		read_keys(list, false);
	}
}
END_TEST

START_TEST(debug_lists)
{
	read_keys("", true);
	read_keys(",,,", true);
	read_keys("nonsense", false);
	read_keys("=", false);
	read_keys("=1", false);
	read_keys("PERCENT=50", false);
	expected.stats = 1;
	expected.verify = 1;
	read_keys("stats=1,verify=1", true);
	expected.verify = 0;
	read_keys("nonsense=1,verify=0", false); /* the rest counts */
	expected.stats = 0;
	read_keys(",stats=0,,nonsense,", false);
	expected.schedtrace = 1000;
	read_keys("schedtrace,schedtrace=1000", false);
	read_keys("stats=off", false);
}
END_TEST

START_TEST(a_long_line_is_cut)
{
	char entry[1000] = PREFIX;

	memset(entry + 4, 'X', sizeof(entry) - 5);
	gcm_option_read((char *const[]){entry, NULL});
	ck_assert_uint_eq(strlen(os_fake_stderr()), 256);
	ck_assert_int_eq(os_fake_stderr()[255], '\n');
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, begin, NULL);
	tcase_add_test(tcase, defaults_are_the_table);
	tcase_add_loop_test(
	    tcase, numbers_in_and_out_of_range, 0, RIG_COUNT(numbers));
	tcase_add_loop_test(tcase, nonsense_is_refused, 0, RIG_COUNT(numbers));
	tcase_add_loop_test(tcase, words, 0, RIG_COUNT(numbers));
	tcase_add_test(tcase, suffixes);
	tcase_add_test(tcase, long_times);
	tcase_add_test(tcase, some_numbers_only);
	tcase_add_test(tcase, quarantine_is_not_there_yet);
	tcase_add_test(tcase, path_names);
	tcase_add_test(tcase, unknown_names);
	tcase_add_test(tcase, debug_keys);
	tcase_add_test(tcase, debug_lists);
	tcase_add_test(tcase, a_long_line_is_cut);
}

UNIT_MAIN("option", add_tests)
