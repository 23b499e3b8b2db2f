/* unit/report.c -- lines of text, and where they go */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>

static char buffer[64];
static struct gcm_text text;

static void
begin(void)
{
	memset(buffer, '#', sizeof(buffer));
	gcm_text_init(&text, buffer, sizeof(buffer) - 1);
}

static void
check_text(const char *want)
{
	*text.at = '\0';
	ck_assert_str_eq(buffer, want);
	begin();
}

START_TEST(numbers)
{
	static const uint64_t values[] = {0, 1, 9, 10, 15, 16, 99, 100, 255,
	    4294967295u, 4294967296u, INT64_MAX, UINT64_MAX};

	for (unsigned int i = 0; i < RIG_COUNT(values); i++) {
		char want[64];

		gcm_text_add_unsigned(&text, values[i]);
		snprintf(want, sizeof(want), "%" PRIu64, values[i]);
		check_text(want);
		gcm_text_add_hex(&text, values[i]);
		snprintf(want, sizeof(want), "0x%" PRIx64, values[i]);
		check_text(want);
	}
}
END_TEST

static const struct {
	uint64_t bytes;
	const char *text;
} sizes[] = {
    {0, "0 B"},
    {1, "1 B"},
    {1023, "1023 B"},
    {1024, "1.0 KiB"},
    {1536, "1.5 KiB"},
    {1024 * 1024 - 1, "1.0 MiB"},
    {3 * 1024 * 1024 + 512 * 1024, "3.5 MiB"},
    {1ull << 30, "1.0 GiB"},
    {1ull << 40, "1.0 TiB"},
    {5ull << 50, "5120.0 TiB"},
};

START_TEST(bytes)
{
	for (unsigned int i = 0; i < RIG_COUNT(sizes); i++) {
		gcm_text_add_bytes(&text, sizes[i].bytes);
		check_text(sizes[i].text);
	}
}
END_TEST

static const struct {
	uint64_t value;
	unsigned int ndecimals;
	const char *text;
} decimals[] = {
    {0, 0, "0"},
    {0, 1, "0.0"},
    {7, 0, "7"},
    {7, 1, "0.7"},
    {7, 3, "0.007"},
    {71, 3, "0.071"},
    {1000, 3, "1.000"},
    {12345, 2, "123.45"},
    {100, 1, "10.0"},
    {UINT64_MAX, 3, "18446744073709551.615"},
};

START_TEST(decimal_points)
{
	for (unsigned int i = 0; i < RIG_COUNT(decimals); i++) {
		gcm_text_add_decimal(
		    &text, decimals[i].value, decimals[i].ndecimals);
		check_text(decimals[i].text);
	}
}
END_TEST

START_TEST(padding_counts_from_the_line)
{
	gcm_text_add(&text, "ab");
	gcm_text_pad(&text, 4);
	gcm_text_add(&text, "c\nd");
	gcm_text_pad(&text, 3);
	gcm_text_add(&text, "e");
	gcm_text_pad(&text, 1);
	gcm_text_add(&text, "f");
	check_text("ab  c\nd  ef");
}
END_TEST

START_TEST(a_full_buffer_takes_no_more)
{
	for (int i = 0; i < 100; i++) {
		gcm_text_add(&text, "abc");
		gcm_text_add_unsigned(&text, 12345);
		gcm_text_add_hex(&text, UINT64_MAX);
		gcm_text_add_bytes(&text, UINT64_MAX / 16);
		gcm_text_pad(&text, 1000);
	}
	ck_assert_ptr_eq(text.at, buffer + sizeof(buffer) - 1);
	ck_assert_int_eq(buffer[sizeof(buffer) - 1], '#');
}
END_TEST

static void
write_line(const char *line)
{
	gcm_text_init(&text, buffer, sizeof(buffer));
	gcm_text_add(&text, line);
	gcm_report_write(&text);
}

START_TEST(lines_go_to_stderr)
{
	write_line("too early\n"); /* nobody asked for a report */
	ck_assert_str_eq(os_fake_stderr(), "");
	gcm_report_open(NULL);
	write_line("one\n");
	write_line("two\n");
	ck_assert_str_eq(os_fake_stderr(), "one\ntwo\n");
	gcm_report_open("");
	write_line("three\n");
	ck_assert_str_eq(os_fake_stderr(), "one\ntwo\nthree\n");
	ck_assert_str_eq(os_fake_log_path(), "");
}
END_TEST

START_TEST(a_changed_stderr_gets_nothing)
{
	gcm_report_open(NULL);
	os_fake.ino++;
	write_line("one\n");
	os_fake.ino--;
	os_fake.dev++;
	write_line("two\n");
	os_fake.dev--;
	os_fake_fail(OS_IDENTITY, 0, 1, EBADF); /* closed for a while */
	write_line("three\n");
	write_line("four\n");
	ck_assert_str_eq(os_fake_stderr(), "four\n");
}
END_TEST

START_TEST(no_stderr_at_the_start)
{
	os_fake_fail(OS_IDENTITY, 0, 1, EBADF);
	gcm_report_open(NULL);
	write_line("one\n"); /* somebody's socket by now */
	ck_assert_str_eq(os_fake_stderr(), "");
}
END_TEST

START_TEST(a_log_file)
{
	os_fake.pid = 1234;
	gcm_report_open("/tmp/%p/x%p%%.%");
	os_fake.ino++; /* stderr does not matter */
	write_line("one\n");
	write_line("two\n");
	ck_assert_str_eq(os_fake_log_path(), "/tmp/1234/x1234%%.%");
	ck_assert_str_eq(os_fake_log(), "one\ntwo\n");
	ck_assert_str_eq(os_fake_stderr(), "");
	ck_assert_int_eq(os_fake_logs_open(), 0);
	os_fake_fail(OS_OPEN_LOG, 0, 1, ENOSPC);
	write_line("three\n");
	os_fake_fail(OS_WRITE, 0, 1, ENOSPC);
	write_line("four\n");
	ck_assert_str_eq(os_fake_log(), "one\ntwo\n");
	ck_assert_int_eq(os_fake_logs_open(), 0);
}
END_TEST

static bool
write_apart(const char *line)
{
	gcm_text_init(&text, buffer, sizeof(buffer));
	gcm_text_add(&text, line);
	return gcm_report_write_apart(&text);
}

START_TEST(a_thread_apart)
{
	os_fake.apart = true;
	ck_assert(!write_apart("too early\n"));
	ck_assert_uint_eq(os_fake_count(OS_OPEN_PROGRAM), 0);
	os_fake.apart = false;
	gcm_report_open(NULL);
	os_fake.apart = true;
	ck_assert(write_apart("one\n"));
	os_fake.ino++;
	ck_assert(!write_apart("two\n"));
	os_fake.ino--;
	os_fake_fail(OS_OPEN_PROGRAM, 0, 1, EPERM);
	ck_assert(!write_apart("three\n"));
	os_fake_fail(OS_WRITE, 0, 1, EAGAIN);
	ck_assert(!write_apart("four\n"));
	ck_assert(write_apart("five\n"));
	ck_assert_str_eq(os_fake_stderr(), "one\nfive\n");
	ck_assert_int_eq(os_fake_logs_open(), 0);
}
END_TEST

START_TEST(nobody_reads)
{
	uint64_t before = os_fake.now_ns;

	gcm_report_open(NULL);
	os_fake.apart = true;
	os_fake.full = true;
	ck_assert(!write_apart("one\n"));
	ck_assert_uint_le(os_fake.now_ns - before, 100000000);
	os_fake.full = false;
	ck_assert(write_apart("two\n"));
	ck_assert_str_eq(os_fake_stderr(), "two\n");
	ck_assert_int_eq(os_fake_logs_open(), 0);
}
END_TEST

START_TEST(a_log_file_apart)
{
	gcm_report_open("/tmp/x");
	os_fake.apart = true;
	ck_assert(write_apart("one\n"));
	os_fake_fail(OS_OPEN_LOG, 0, 1, ENOENT);
	ck_assert(!write_apart("two\n"));
	ck_assert_str_eq(os_fake_log(), "one\n");
	ck_assert_str_eq(os_fake_stderr(), "");
	ck_assert_uint_eq(os_fake_count(OS_OPEN_PROGRAM), 0);
	ck_assert_int_eq(os_fake_logs_open(), 0);
}
END_TEST

START_TEST(a_long_path_is_cut)
{
	char path[1000];

	memset(path, 'x', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	gcm_report_open(path);
	write_line("one\n");
	ck_assert_uint_eq(strlen(os_fake_log_path()), 511);
	ck_assert_str_eq(os_fake_log(), "one\n");
}
END_TEST

START_TEST(warnings_and_ends)
{
	gcm_report_warn("a ", "b");
	ck_assert_str_eq(os_fake_stderr(), "gcmalloc: a b\n");
	os_fake_reset();
	UNIT_MISUSES(gcm_misuse("free", "double free of", buffer), "free",
	    "double free of", buffer);
	os_fake_reset();
	UNIT_DIES(gcm_die("x.c:1: y"), "gcmalloc: internal error: x.c:1: y\n");
	os_fake_reset();
	UNIT_DIES(GCM_AVER(buffer[0] == 0 && buffer[0] != 0),
	    ": buffer[0] == 0 && buffer[0] != 0\n");
	GCM_AVER(true);
}
END_TEST

START_TEST(a_socket_gets_no_report)
{
	gcm_report_note();
	os_fake.ino++;
	os_fake.socket = true;
	OS_FAKE_RUN(gcm_misuse("free", "double free of", buffer));
	ck_assert_int_eq(os_fake_ended, OS_ABORTED);
	ck_assert_str_eq(os_fake_stderr(), "");
}
END_TEST

/* A daemon's log, or a pipe to who keeps it: last words, and only those. */
START_TEST(a_log_gets_last_words)
{
	gcm_report_note();
	os_fake.ino++;
	gcm_report_warn("a ", "b");
	ck_assert_str_eq(os_fake_stderr(), "");
	UNIT_MISUSES(gcm_misuse("free", "double free of", buffer), "free",
	    "double free of", buffer);
}
END_TEST

START_TEST(a_failed_write_still_ends)
{
	os_fake_fail(OS_WRITE, 0, UINT64_MAX, EBADF);
	OS_FAKE_RUN(gcm_misuse("free", "double free of", buffer));
	ck_assert_int_eq(os_fake_ended, OS_ABORTED);
	OS_FAKE_RUN(gcm_die("x"));
	ck_assert_int_eq(os_fake_ended, OS_TRAPPED);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, begin, NULL);
	tcase_add_test(tcase, numbers);
	tcase_add_test(tcase, bytes);
	tcase_add_test(tcase, decimal_points);
	tcase_add_test(tcase, padding_counts_from_the_line);
	tcase_add_test(tcase, a_full_buffer_takes_no_more);
	tcase_add_test(tcase, lines_go_to_stderr);
	tcase_add_test(tcase, a_changed_stderr_gets_nothing);
	tcase_add_test(tcase, no_stderr_at_the_start);
	tcase_add_test(tcase, a_log_file);
	tcase_add_test(tcase, a_thread_apart);
	tcase_add_test(tcase, nobody_reads);
	tcase_add_test(tcase, a_log_file_apart);
	tcase_add_test(tcase, a_long_path_is_cut);
	tcase_add_test(tcase, warnings_and_ends);
	tcase_add_test(tcase, a_socket_gets_no_report);
	tcase_add_test(tcase, a_log_gets_last_words);
	tcase_add_test(tcase, a_failed_write_still_ends);
}

UNIT_MAIN("report", add_tests)
