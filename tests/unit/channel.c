/* unit/channel.c -- requests and their answers, good and bad */
#include "unit.h"

#include <stdio.h>

#include "core/channel.h"

static char name_set[64], value_set[64];
static bool asked;

static void
say_figures(struct gcm_text *body)
{
	gcm_text_add(body, "cycles 7\n");
}

static void
say_too_much(struct gcm_text *body)
{
	for (int i = 0; i < GCM_CHANNEL_ANSWER; i++)
		gcm_text_add(body, "x 1\n");
}

static const char *
collect(struct gcm_text *body)
{
	(void)body;
	asked = true;
	return NULL;
}

static const char *
set(const char *name, size_t name_len, const char *value, size_t len)
{
	snprintf(name_set, sizeof(name_set), "%.*s", (int)name_len, name);
	snprintf(value_set, sizeof(value_set), "%.*s", (int)len, value);
	return name_len == 3 ? "never" : NULL;
}

static const char *
dump(struct gcm_text *body)
{
	(void)body;
	return "no trace";
}

static struct gcm_channel_host host = {
    .stat = say_figures,
    .rss = say_figures,
    .collect = collect,
    .set = set,
    .dump = dump,
};

static const char *
answer(const char *line, size_t len, bool busy)
{
	static char bytes[GCM_CHANNEL_ANSWER + 1];
	struct gcm_text text;

	gcm_text_init(&text, bytes, GCM_CHANNEL_ANSWER);
	if (!gcm_channel_answer(&host, line, len, busy, &text))
		return "later";
	*text.at = '\0';
	return bytes;
}

static void
expect(const char *line, const char *wanted)
{
	ck_assert_str_eq(answer(line, strlen(line), false), wanted);
}

START_TEST(good)
{
	static const char body[] = "version " PACKAGE_VERSION "\n";
	char version[128];

	snprintf(
	    version, sizeof(version), "ok %zu\n%s", sizeof(body) - 1, body);
	expect("stat", "ok 9\ncycles 7\n");
	expect("rss", "ok 9\ncycles 7\n");
	expect("version", version);
	ck_assert(!asked);
	expect("gc", "ok 0\n");
	ck_assert(asked);
	expect("set percent=50", "ok 0\n");
	ck_assert_str_eq(name_set, "percent");
	ck_assert_str_eq(value_set, "50");
	expect("set a=", "ok 0\n");
	ck_assert_str_eq(value_set, "");
	expect("set a=b=c d", "ok 0\n");
	ck_assert_str_eq(value_set, "b=c d");
	expect("set bad=1", "error never\n");
	expect("dump", "error no trace\n");
}
END_TEST

START_TEST(bad)
{
	expect("", "error no such request\n");
	expect("STAT", "error no such request\n");
	expect("stat ", "error nothing may follow that word\n");
	expect("gc now", "error nothing may follow that word\n");
	expect(" stat", "error no such request\n");
	expect("stat\r", "error a request is plain text\n");
	expect("set", "error set wants NAME=VALUE\n");
	expect("set ", "error set wants NAME=VALUE\n");
	expect("set =", "error set wants NAME=VALUE\n");
	expect("set percent", "error set wants NAME=VALUE\n");
	expect("set a=\xff", "error a request is plain text\n");
	ck_assert_str_eq(
	    answer("stat\0", 5, false), "error a request is plain text\n");
	host.stat = say_too_much;
	expect("stat", "error too long an answer\n");
	host.stat = say_figures;
}
END_TEST

START_TEST(busy)
{
	ck_assert_str_eq(answer("stat", 4, true), "ok 9\ncycles 7\n");
	name_set[0] = '\0';
	ck_assert_str_eq(answer("set a=1", 7, true), "later");
	ck_assert_str_eq(name_set, "");
	ck_assert_str_eq(answer("rss", 3, true), "later");
	ck_assert_str_eq(
	    answer("nonsense", 8, true), "error no such request\n");
}
END_TEST

/* Each answer is an error line or a body of the length that it says. */
static void
check_form(const char *text)
{
	unsigned long len;
	int head = 0;

	if (strncmp(text, "error ", 6) == 0) {
		ck_assert_ptr_eq(strchr(text, '\n'), text + strlen(text) - 1);
		return;
	}
	ck_assert_int_eq(sscanf(text, "ok %lu\n%n", &len, &head), 1);
	head = (int)(strchr(text, '\n') - text) + 1;
	ck_assert_uint_eq(strlen(text), (size_t)head + len);
}

START_TEST(any)
{
	static const char letters[] = "stargcdumpveion =\n\t\xff%sx1";
	uint64_t state = rig_seed(1);
	char line[GCM_CHANNEL_LINE];

	for (int i = 0; i < 200000; i++) {
		size_t len = rig_random(&state) % (i % 2 ? 8 : sizeof(line));

		for (size_t j = 0; j < len; j++)
			line[j] =
			    letters[rig_random(&state) % (sizeof(letters) - 1)];
		check_form(answer(line, len, false));
	}
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, good);
	tcase_add_test(tcase, bad);
	tcase_add_test(tcase, busy);
	tcase_add_test(tcase, any);
}

UNIT_MAIN("channel", add_tests)
