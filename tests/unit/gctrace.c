/* unit/gctrace.c -- Go's line to the letter, and ours after it */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/gctrace.h"

#define MB (1ull << 20)
#define US 1000ull
#define MS 1000000ull

static struct gcm_cycle_report report;
static char line[GCM_GCTRACE_BYTES + 1];

/* The line that the manual has. */
static void
begin(void)
{
	report = (struct gcm_cycle_report){
	    .trace =
		{
		    .back_end = "pagemap",
		    .npauses = 2,
		    .pauses = {19 * US, 280 * US},
		    .mark_ns = 4500 * US,
		    .mark_cpu_ns = 3600 * US,
		    .stop_cpu_ns = 598 * US,
		    .stack_bytes = MB,
		    .global_bytes = MB - 1,
		},
	    .number = 4,
	    .at_ns = 71 * MS,
	    .cpu_percent = 3,
	    .heap_start = 7 * MB,
	    .heap_marked = 7 * MB + 1,
	    .heap_live = 4 * MB - 1,
	    .goal = 8 * MB,
	    .procs = 2,
	    .reclaimed_bytes = 12345,
	    .reclaimed_blocks = 678,
	    .limbo_bytes = 4096,
	};
}

static const char *
format(void)
{
	struct gcm_text text;

	gcm_text_init(&text, line, sizeof(line) - 1);
	gcm_gctrace_format(&text, &report);
	*text.at = '\0';
	return line;
}

#define GO                                                                     \
	"gc 4 @0.071s 3%: 0.019+4.5+0.28 ms clock, 0.038+0/3.6/0+0.56 ms "     \
	"cpu, 7->7->3 MB, 8 MB goal, 1 MB stacks, 0 MB globals, 2 P"
#define OURS ", 12345 B reclaimed in 678 blocks, 4096 B in limbo"

START_TEST(the_line)
{
	ck_assert_str_eq(format(), GO OURS ", pagemap\n");
	report.forced = true;
	report.trace.back_end = NULL;
	ck_assert_str_eq(format(), GO " (forced)" OURS "\n");
	report.trace.back_end = "fork";
	report.alarmed = true;
	ck_assert_str_eq(format(),
	    GO " (forced)" OURS ", fork (late free: nothing is reclaimed)\n");
}
END_TEST

START_TEST(the_scavenger)
{
	struct gcm_scav_report scav = {
	    .background = 17 << 10,
	    .eager = 1023,
	    .now = 3896 << 10,
	    .used = 2 * MB,
	    .dirty = MB,
	};
	struct gcm_text text;

	gcm_text_init(&text, line, sizeof(line) - 1);
	gcm_scavtrace_format(&text, &scav);
	*text.at = '\0';
	ck_assert_str_eq(line,
	    "scav 17 KiB work (bg), 0 KiB work (eager), 3896 KiB now, "
	    "66% util\n");
}
END_TEST

START_TEST(given_up)
{
	report.why = GCM_ABANDON_STOP;
	report.heap_live = 0; /* nobody knows */
	report.reclaimed_bytes = report.reclaimed_blocks = 0;
	report.limbo_bytes = 0;
	ck_assert_str_eq(format(),
	    "gc 4 @0.071s 3%: 0.019+4.5+0.28 ms clock, 0.038+0/3.6/0+0.56 ms "
	    "cpu, 7->7->7 MB, 8 MB goal, 1 MB stacks, 0 MB globals, 2 P, "
	    "0 B reclaimed in 0 blocks, 0 B in limbo, pagemap "
	    "(abandoned: a thread did not stop)\n");
	for (int why = 0; why < 20; why++)
		ck_assert_uint_gt(
		    strlen(gcm_gctrace_reason((enum gcm_abandon)why)), 1);
	ck_assert_str_eq(gcm_gctrace_reason(GCM_ABANDON_TRACKING),
	    "writes cannot be tracked");
	ck_assert_str_eq(gcm_gctrace_reason((enum gcm_abandon)19), "unknown");
}
END_TEST

/* What Go 1.19's fmtNSAsMS makes of them. */
static const struct {
	uint64_t ns;
	const char *text;
} spans[] = {
    {0, "0"},
    {999, "0"},
    {1000, "0.001"},
    {19 * US, "0.019"},
    {99 * US + 999, "0.099"},
    {100 * US, "0.10"},
    {285 * US, "0.28"},
    {650 * US, "0.65"},
    {999 * US, "0.99"},
    {1000 * US, "1.0"},
    {4567 * US, "4.5"},
    {9999 * US, "9.9"},
    {10 * MS, "10"},
    {15 * MS + 999999, "15"},
    {123456 * MS, "123456"},
    {UINT64_MAX, "18446744073709"},
};

START_TEST(milliseconds)
{
	char want[64];

	report.trace.npauses = 0;
	for (unsigned int i = 0; i < RIG_COUNT(spans); i++) {
		report.trace.mark_ns = spans[i].ns;
		snprintf(
		    want, sizeof(want), ": 0+%s+0 ms clock, ", spans[i].text);
		ck_assert_msg(strstr(format(), want) != NULL, "no \"%s\" in %s",
		    want, line);
	}
}
END_TEST

START_TEST(seconds)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} starts[] = {{0, " @0.000s "}, {MS - 1, " @0.000s "},
	    {12345 * MS, " @12.345s "}, {1000 * MS, " @1.000s "},
	    {UINT64_MAX, " @18446744073.709s "}};

	for (unsigned int i = 0; i < RIG_COUNT(starts); i++) {
		report.at_ns = starts[i].ns;
		ck_assert_ptr_nonnull(strstr(format(), starts[i].text));
	}
}
END_TEST

START_TEST(stops)
{
	report.trace.npauses = 1; /* it ends the cycle */
	ck_assert_ptr_nonnull(
	    strstr(format(), ": 0+4.5+0.019 ms clock, 0+0/3.6/0+0.59 ms cpu,"));
	report.trace.npauses = 3;
	report.trace.pauses[2] = MS;
	report.trace.stop_cpu_ns = 0;
	ck_assert_ptr_nonnull(
	    strstr(format(), ": 0.019+4.5+1.0 ms clock, 0+0/3.6/0+0 ms cpu,"));
	report.trace.npauses = GCM_PAUSES_MAX + 1; /* more than are noted */
	ck_assert_ptr_nonnull(strstr(format(), ": 0.019+4.5+1.0 ms clock, "));
	report.trace.npauses = 0;
	ck_assert_ptr_nonnull(strstr(format(), ": 0+4.5+0 ms clock, "));
}
END_TEST

/* Go's documented format, read by hand ---------------------------------------
 */

static const char *at;

static bool
take(const char *word)
{
	size_t len = strlen(word);

	if (strncmp(at, word, len) != 0)
		return false;
	at += len;
	return true;
}

static bool
take_digits(void)
{
	const char *start = at;

	while (*at >= '0' && *at <= '9')
		at++;
	return at != start && (*start != '0' || at == start + 1);
}

static bool
take_decimal(int most)
{
	const char *point;

	if (!take_digits())
		return false;
	if (*at != '.')
		return true;
	point = at++;
	while (*at >= '0' && *at <= '9')
		at++;
	return at - point > 1 && at - point <= most + 1;
}

/* `format`: D digits, F a decimal number, all else itself. */
static bool
take_all(const char *format)
{
	for (; *format != '\0'; format++) {
		char one[2] = {*format, '\0'};

		if (!(*format == 'D'     ? take_digits()
			: *format == 'F' ? take_decimal(3)
					 : take(one)))
			return false;
	}
	return true;
}

static bool
is_go(const char *text)
{
	at = text;
	if (!take_all("gc D @Fs D%: F+F+F ms clock, F+F/F/F+F ms cpu, "
		      "D->D->D ") ||
	    !take("MB, ") || !take_all("D ") || !take("MB goal, ") ||
	    !take_all("D ") || !take("MB stacks, ") || !take_all("D ") ||
	    !take("MB globals, ") || !take_all("D P"))
		return false;
	(void)take(" (forced)");
	return strncmp(at, ", ", 2) == 0 && text[strlen(text) - 1] == '\n' &&
	       strchr(text, '\n') == text + strlen(text) - 1;
}

static uint64_t
any_number(uint64_t *seed)
{
	return rig_random(seed) >> rig_below(seed, 64);
}

START_TEST(random_reports)
{
	uint64_t seed = (uint64_t)_i + 1;

	for (int i = 0; i < 1000; i++) {
		uint64_t *numbers[] = {&report.trace.mark_ns,
		    &report.trace.mark_cpu_ns, &report.trace.stop_cpu_ns,
		    &report.trace.stack_bytes, &report.trace.global_bytes,
		    &report.trace.pauses[0], &report.trace.pauses[1],
		    &report.at_ns, &report.heap_start, &report.heap_marked,
		    &report.heap_live, &report.goal, &report.reclaimed_bytes,
		    &report.reclaimed_blocks, &report.limbo_bytes};

		for (unsigned int k = 0; k < RIG_COUNT(numbers); k++)
			*numbers[k] = any_number(&seed);
		report.trace.npauses =
		    (uint32_t)rig_below(&seed, GCM_PAUSES_MAX + 2);
		report.number = (uint32_t)any_number(&seed);
		report.cpu_percent = (uint32_t)rig_below(&seed, 101);
		report.forced = i % 2 == 0;
		report.alarmed = i % 3 == 0;
		report.why = (enum gcm_abandon)rig_below(&seed, 8);
		ck_assert_msg(is_go(format()), "not Go's: %s", line);
	}
}
END_TEST

START_TEST(the_longest_line_fits)
{
	memset(&report, 0xff, sizeof(report));
	report.trace.back_end = "pagemap";
	report.trace.npauses = GCM_PAUSES_MAX;
	report.alarmed = report.forced = true;
	report.why = GCM_ABANDON_ROOTS;
	ck_assert_uint_lt(strlen(format()), GCM_GCTRACE_BYTES);
	ck_assert(is_go(line));
}
END_TEST

START_TEST(one_write)
{
	gcm_report_open(NULL);
	os_fake.apart = true;
	gcm_gctrace_write(&report, false);
	ck_assert_str_eq(os_fake_stderr(), GO OURS ", pagemap\n");
	ck_assert_uint_eq(os_fake_count(OS_WRITE), 1);
	os_fake_reset();
	report.forced = true;
	gcm_gctrace_write(&report, true);
	ck_assert_str_eq(
	    os_fake_stderr(), "GC forced\n" GO " (forced)" OURS ", pagemap\n");
	ck_assert_uint_eq(os_fake_count(OS_WRITE), 1);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, begin, NULL);
	tcase_add_test(tcase, the_line);
	tcase_add_test(tcase, the_scavenger);
	tcase_add_test(tcase, given_up);
	tcase_add_test(tcase, milliseconds);
	tcase_add_test(tcase, seconds);
	tcase_add_test(tcase, stops);
	tcase_add_loop_test(tcase, random_reports, 0, 10);
	tcase_add_test(tcase, the_longest_line_fits);
	tcase_add_test(tcase, one_write);
}

UNIT_MAIN("gctrace", add_tests)
