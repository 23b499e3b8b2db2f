/* option_value.c -- the value of an option, from text
 *
 * MODEL   The unit in option.def says what is taken.  Pure; the command is
 *         linked with it, too.
 */
#include <string.h>

#include "core/option_format.h"

enum {
	SIGNAL_FIRST = 34, /* glibc has 32 and 33 */
};

static bool
same_word(const char *text, size_t len, const char *word)
{
	return strlen(word) == len && memcmp(text, word, len) == 0;
}

static int64_t
value_of_word(const char *word, size_t len)
{
	if (same_word(word, len, "off"))
		return GCM_OFF;
	return same_word(word, len, "cgroup") ? GCM_CGROUP : GCM_ALL;
}

/* Find text[0..len) among the words of "a|b|c"; its place or -1. */
static int
find_word(const char *words, const char *text, size_t len)
{
	for (int place = 0;; place++) {
		size_t n = strcspn(words, "|");

		if (n == len && memcmp(words, text, len) == 0)
			return place;
		if (words[n] == '\0')
			return -1;
		words += n + 1;
	}
}

struct suffix {
	const char *unit, *text;
	int64_t factor;
};

static const struct suffix suffixes[] = {
    {"bytes", "", 1},
    {"bytes", "B", 1},
    {"bytes", "KiB", 1LL << 10},
    {"bytes", "MiB", 1LL << 20},
    {"bytes", "GiB", 1LL << 30},
    {"bytes", "TiB", 1LL << 40},
    {"ns", "ns", 1},
    {"ns", "us", 1000},
    {"ns", "ms", 1000000},
    {"ns", "s", 1000000000},
    {"ns", "m", 60000000000},
    {"ns", "h", 3600000000000},
    {"%", "", 1},
    {"%", "%", 1},
    {"count", "", 1},
    {"count", "KiB", 1LL << 10},
    {"count", "MiB", 1LL << 20},
    {"bits", "", 1},
    {"signal", "", 1},
};

static int64_t
find_factor(const char *unit, const char *text, size_t len)
{
	size_t unit_len = strcspn(unit, "|");

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (same_word(unit, unit_len, suffixes[i].unit) &&
		    same_word(text, len, suffixes[i].text))
			return suffixes[i].factor;
	return 0;
}

static unsigned int
digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 16;
}

/* A number with suffix; false when it is none or overflows. */
static bool
parse_number(const char *unit, const char *text, size_t len, int64_t *out)
{
	unsigned int base = 10;
	int64_t value = 0, factor;
	size_t i = 0;

	if (len > 2 && text[0] == '0' && (text[1] | 0x20) == 'x') {
		base = 16;
		i = 2;
	}
	if (i >= len || digit_value(text[i]) >= base)
		return false;
	for (; i < len && digit_value(text[i]) < base; i++)
		if (__builtin_mul_overflow(value, (int64_t)base, &value) ||
		    __builtin_add_overflow(
			value, (int64_t)digit_value(text[i]), &value))
			return false;
	factor = find_factor(unit, text + i, len - i);
	return factor != 0 && !__builtin_mul_overflow(value, factor, out);
}

bool
gcm_option_parse(const struct gcm_option_form *form, const char *text,
    size_t len, int64_t *out)
{
	const char *words = strchr(form->unit, '|');

	if (form->unit[0] == '=') {
		int place = find_word(form->unit + 1, text, len);

		*out = place;
		return place >= 0;
	}
	if (form->unit[0] == '#')
		return find_word(form->unit + 1, text, len) >= 0 &&
		       parse_number("count", text, len, out);
	if (words != NULL && find_word(words + 1, text, len) >= 0) {
		*out = value_of_word(text, len);
		return true;
	}
	if (!parse_number(form->unit, text, len, out))
		return false;
	if (strcmp(form->unit, "signal") == 0 && *out != 0 &&
	    *out < SIGNAL_FIRST)
		return false;
	return form->lo <= *out && *out <= form->hi;
}
