/* channel.c -- bytes from a stranger against the live channel's grammar
 *
 *   clang -g -O1 -fsanitize=fuzzer,address -DFUZZ_ENTRY -D_GNU_SOURCE -I. \
 *       -DPACKAGE_VERSION='"0"' -o fuzzer tests/fuzz/channel.c core/channel.c \
 *       core/option.c core/report.c core's os
 *
 * Alone it draws lines at random, out of words that mean something and out of
 * any bytes.  The answer to each must be one of the two forms, and no more than
 * there is room for; an option is within its range whatever was asked for.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/channel.h"
#include "core/option.h"

enum {
	ROUNDS = 300000,
	GUARD = 64,
	GUARDED = 0x5a
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
break_down(const char *what)
{
	fprintf(stderr, "channel: %s\n", what);
	abort();
}

static void
add_line(struct gcm_text *body)
{
	gcm_text_add(body, "name value\n");
}

static const char *
accept_wish(struct gcm_text *body)
{
	add_line(body);
	return NULL;
}

static const char *
refuse_wish(struct gcm_text *body)
{
	(void)body;
	return "no";
}

static const struct gcm_channel_host host = {
    .stat = add_line,
    .rss = add_line,
    .collect = accept_wish,
    .set = gcm_option_set,
    .dump = refuse_wish,
};

static void
check_options(void)
{
#define OPT(name, dflt, lo, hi, unit, status, doc)                             \
	if (gcm_options.name >= 0 &&                                           \
	    (gcm_options.name < (lo) || gcm_options.name > (hi)))              \
		break_down(#name " is out of range");
#define PATH(name, status, doc)
#define DBG(name, dflt, lo, hi, status, doc)                                   \
	if (gcm_options.name < (lo) || gcm_options.name > (hi))                \
		break_down(#name " is out of range");
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG
}

static void
check_answer(const char *text, size_t len)
{
	size_t head, said;

	if (len == 0 || len > GCM_CHANNEL_ANSWER || text[len - 1] != '\n')
		break_down("an answer without an end");
	head = (size_t)((const char *)memchr(text, '\n', len) - text) + 1;
	if (len >= 6 && memcmp(text, "error ", 6) == 0) {
		if (head != len)
			break_down("an error of several lines");
		return;
	}
	if (memcmp(text, "ok ", 3) != 0)
		break_down("neither ok nor error");
	said = strtoul(text + 3, NULL, 10);
	if (head + said != len)
		break_down("a body of another length");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static char bytes[GCM_CHANNEL_ANSWER + GUARD];
	char line[GCM_CHANNEL_LINE];
	struct gcm_text answer;

	if (len >= sizeof(line))
		len = sizeof(line) - 1;
	memcpy(line, data, len);
	memset(bytes, GUARDED, sizeof(bytes));
	gcm_text_init(&answer, bytes, GCM_CHANNEL_ANSWER);
	if (!gcm_channel_answer(&host, line, len, (len & 64) != 0, &answer)) {
		if (answer.at != bytes)
			break_down("an answer to what has to wait");
		return 0;
	}
	check_answer(bytes, (size_t)(answer.at - bytes));
	for (int i = 0; i < GUARD; i++)
		if (bytes[GCM_CHANNEL_ANSWER + i] != GUARDED)
			break_down("more than there is room for");
	check_options();
	return 0;
}

#ifndef FUZZ_ENTRY
static uint64_t
draw(uint64_t *state, uint64_t n)
{
	uint64_t value = *state += 0x9e3779b97f4a7c15u;

	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return (value ^ (value >> 31)) % n;
}

static size_t
draw_line(uint64_t *state, char *line)
{
	static const char *const words[] = {"stat", "rss", "gc", "set ", "set",
	    "dump", "version", " ", "=", "percent", "minheap", "MODE",
	    "memlimit", "interval", "pause", "gctrace", "signal", "report",
	    "off", "cgroup", "MiB", "ms", "0x", "9", "18446744073709551616",
	    "-1", "\n", "%", "\t"};
	size_t len = 0;

	for (uint64_t n = draw(state, 6); n > 0; n--) {
		const char *word =
		    words[draw(state, sizeof(words) / sizeof(words[0]))];

		memcpy(line + len, word, strlen(word));
		len += strlen(word);
	}
	for (uint64_t n = draw(state, 8) == 0 ? draw(state, 100) : 0; n > 0;
	     n--)
		line[len++] = (char)draw(state, 256);
	if (len > 0 && draw(state, 8) == 0)
		line[draw(state, len)] = (char)draw(state, 256);
	return len;
}

int
main(void)
{
	const char *wanted = getenv("GCMTEST_SEED");
	uint64_t seed = wanted != NULL ? strtoull(wanted, NULL, 0) : 1;
	uint64_t state = seed;
	char line[512];

	for (int i = 0; i < ROUNDS; i++)
		(void)LLVMFuzzerTestOneInput(
		    (const uint8_t *)line, draw_line(&state, line));
	return 0;
}
#endif
