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

struct row {
	const char *name;
	struct gcm_option_form form;
	size_t offset; /* of the value in struct gcm_options */
};

static const struct row rows[] = {
#define OPT(name, dflt, lo, hi, unit, status, doc)                             \
	{#name, {unit, lo, hi}, offsetof(struct gcm_options, name)},
#define PATH(name, status, doc)                                                \
	{#name, {"path", 0, 0}, offsetof(struct gcm_options, name)},
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
	{#name, {"count", lo, hi}, offsetof(struct gcm_options, name)},
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
		if (!gcm_option_parse(&row->form, item + name_len + 1,
			len - name_len - 1, &value))
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
	if (strcmp(row->form.unit, "path") == 0) {
		memcpy((char *)&gcm_options + row->offset, &text, sizeof(text));
		return;
	}
	if (!gcm_option_parse(&row->form, text, strlen(text), &value)) {
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

/* While the program runs ----------------------------------------------------
 */

static const char *const live_names[] = {
#define LIVE(name) #name,
#include "core/live.def"
#undef LIVE
};

static unsigned int
lower_letter(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned int)(c | 0x20)
				    : (unsigned int)c;
}

static bool
same_letters(const char *text, size_t len, const char *word)
{
	if (strlen(word) != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (lower_letter(text[i]) != lower_letter(word[i]))
			return false;
	return true;
}

static const struct row *
find_among(const struct row *list, size_t n, const char *name, size_t len)
{
	for (size_t i = 0; i < n; i++)
		if (same_letters(name, len, list[i].name))
			return &list[i];
	return NULL;
}

static bool
is_live(const char *name)
{
	for (size_t i = 0; i < sizeof(live_names) / sizeof(live_names[0]); i++)
		if (strcmp(live_names[i], name) == 0)
			return true;
	return false;
}

/* A mode is more than a word: the heap of some is another one's from the start.
 */
static const char *
refuse_mode(int64_t value)
{
	if (value != GCM_MODE_COLLECT && value != GCM_MODE_REPORT)
		return "only collect and report can be changed to";
	if (gcm_options.audit != 0)
		return "the audit wants the mode to stay";
	return NULL;
}

const char *
gcm_option_set(const char *name, size_t name_len, const char *text, size_t len)
{
	const struct row *row =
	    find_among(rows, sizeof(rows) / sizeof(rows[0]), name, name_len);
	const char *why = NULL;
	int64_t value;

	if (row == NULL)
		row = find_among(debug_rows,
		    sizeof(debug_rows) / sizeof(debug_rows[0]), name, name_len);
	if (row == NULL)
		return "no such option";
	if (!is_live(row->name))
		return "that option is read at the start only";
	if (!gcm_option_parse(&row->form, text, len, &value))
		return "no such value, or out of range";
	if (number_of_row(row) == &gcm_options.MODE)
		why = refuse_mode(value);
	if (why == NULL)
		__atomic_store_n(number_of_row(row), value, __ATOMIC_RELAXED);
	return why;
}
