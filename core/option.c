/* option.c -- options from the environment, read once
 *
 * MODEL   option.def makes the struct, the defaults, the ranges and the
 *         parser's table; nothing about an option is written twice.
 */
#include "core/option.h"

#include <string.h>

#include "core/report.h"

#define OPT(name, dflt, lo, hi, unit, status, doc)                             \
	_Static_assert((dflt) < 0 || ((lo) <= (dflt) && (dflt) <= (hi)),       \
	    #name ": default out of range");
#define PATH(name, status, doc)
#define DBG(name, dflt, lo, hi, status, doc)                                   \
	_Static_assert(                                                        \
	    (lo) <= (dflt) && (dflt) <= (hi), #name ": default out of range");
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG

struct gcm_options gcm_options = {
#define OPT(name, dflt, lo, hi, unit, status, doc) .name = (dflt),
#define PATH(name, status, doc) .name = NULL,
#define DBG(name, dflt, lo, hi, status, doc) .name = (dflt),
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG
};

enum {
	SIGNAL_FIRST = 34, /* glibc has 32 and 33 */
};

struct row {
	const char *name, *unit;
	int64_t lo, hi;
	size_t offset; /* of the value in struct gcm_options */
};

static const struct row rows[] = {
#define OPT(name, dflt, lo, hi, unit, status, doc)                             \
	{#name, unit, lo, hi, offsetof(struct gcm_options, name)},
#define PATH(name, status, doc)                                                \
	{#name, "path", 0, 0, offsetof(struct gcm_options, name)},
#define DBG(name, dflt, lo, hi, status, doc)
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG
};

static const struct row debug_rows[] = {
#define OPT(name, dflt, lo, hi, unit, status, doc)
#define PATH(name, status, doc)
#define DBG(name, dflt, lo, hi, status, doc)                                   \
	{#name, "count", lo, hi, offsetof(struct gcm_options, name)},
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG
};

static int64_t *
number_of_row(const struct row *row)
{
	return (int64_t *)(void *)((char *)&gcm_options + row->offset);
}

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

static bool
parse_value(const struct row *row, const char *text, size_t len, int64_t *out)
{
	const char *words = strchr(row->unit, '|');

	if (row->unit[0] == '=') {
		int place = find_word(row->unit + 1, text, len);

		*out = place;
		return place >= 0;
	}
	if (row->unit[0] == '#')
		return find_word(row->unit + 1, text, len) >= 0 &&
		       parse_number("count", text, len, out);
	if (words != NULL && find_word(words + 1, text, len) >= 0) {
		*out = value_of_word(text, len);
		return true;
	}
	if (!parse_number(row->unit, text, len, out))
		return false;
	if (strcmp(row->unit, "signal") == 0 && *out != 0 &&
	    *out < SIGNAL_FIRST)
		return false;
	return row->lo <= *out && *out <= row->hi;
}

/* "key=value,key=value" of GCM_DEBUG. */
static bool
parse_debug_item(const char *item, size_t len)
{
	size_t name_len = strcspn(item, "=");

	if (name_len >= len)
		return false;
	for (size_t i = 0; i < sizeof(debug_rows) / sizeof(debug_rows[0]);
	     i++) {
		const struct row *row = &debug_rows[i];
		int64_t value;

		if (!same_word(item, name_len, row->name))
			continue;
		if (!parse_value(
			row, item + name_len + 1, len - name_len - 1, &value))
			return false;
		*number_of_row(row) = value;
		return true;
	}
	return false;
}

static bool
parse_debug(const char *list)
{
	bool good = true;

	while (*list != '\0') {
		size_t len = strcspn(list, ",");

		if (len > 0 && !parse_debug_item(list, len))
			good = false;
		list += len;
		if (*list == ',')
			list++;
	}
	return good;
}

static const struct row *
find_row(const char *name, size_t len)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (same_word(name, len, rows[i].name))
			return &rows[i];
	return NULL;
}

/* A program that wants its freed blocks kept must not be given one that takes
 * more of them away.
 */
static void
refuse_quarantine(const char *entry)
{
	if (gcm_options.MODE != GCM_MODE_QUARANTINE)
		return;
	gcm_report_warn("not there yet, nothing is collected: ", entry);
	gcm_options.MODE = GCM_MODE_OFF;
}

static void
read_variable(const char *entry)
{
	const char *name = entry + sizeof("GCM_") - 1;
	size_t len = strcspn(name, "=");
	const char *text = name + len + (name[len] == '=');
	const struct row *row = find_row(name, len);
	int64_t value;

	if (same_word(name, len, "DEBUG")) {
		if (!parse_debug(text))
			gcm_report_warn("bad key or value in ", entry);
		return;
	}
	if (row == NULL) {
		gcm_report_warn("unknown option ", entry);
		return;
	}
	if (strcmp(row->unit, "path") == 0) {
		memcpy((char *)&gcm_options + row->offset, &text, sizeof(text));
		return;
	}
	if (!parse_value(row, text, strlen(text), &value)) {
		gcm_report_warn("bad value, the default is used: ", entry);
		return;
	}
	*number_of_row(row) = value;
	refuse_quarantine(entry);
}

void
gcm_option_read(char *const *environ_list)
{
	for (; *environ_list != NULL; environ_list++)
		if (strncmp(*environ_list, "GCM_", 4) == 0)
			read_variable(*environ_list);
}
