/* options.c -- the library's options, as text
 *
 * MODEL   The command's help, docs/options.md and the manual page's section
 *         are all printed from core/option.def.
 */
#include "tools/options.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "tools/help.h"

const struct option_row option_rows[] = {
#define OPT(name, dflt, lo, hi, unit, status, doc)                             \
	{NUMBER, "GCM_" #name, #name, dflt, {unit, lo, hi}, #status, doc},
#define PATH(name, status, doc)                                                \
	{FILE_NAME, "GCM_" #name, #name, 0, {"", 0, 0}, #status, doc},
#define DBG(name, dflt, lo, hi, status, doc)                                   \
	{DEBUG_KEY, "GCM_DEBUG=" #name, #name, dflt, {"count", lo, hi},        \
	    #status, doc},
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG
};

enum {
	NOPTIONS = sizeof(option_rows) / sizeof(option_rows[0])
};

const size_t noptions = NOPTIONS;

/* What a unit's suffixes are worth, largest first. */
struct suffix {
	int64_t value;
	const char *name;
};

static const struct suffix byte_suffixes[] = {
    {INT64_C(1) << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, ""}};
static const struct suffix time_suffixes[] = {{INT64_C(60000000000), "m"},
    {1000000000, "s"}, {1000000, "ms"}, {1000, "us"}, {1, "ns"}};

/* The place-th of the words between bars. */
static void
print_choice(FILE *out, const char *words, int64_t place)
{
	for (; place > 0; place--) {
		words += strcspn(words, "|");
		words += *words == '|';
	}
	fprintf(out, "%.*s", (int)strcspn(words, "|"), words);
}

static void
print_scaled(FILE *out, int64_t value, const struct suffix *suffix)
{
	while (suffix->value > 1 && (value == 0 || value % suffix->value != 0))
		suffix++;
	fprintf(out, "%" PRId64 "%s", value / suffix->value, suffix->name);
}

static void
print_number(FILE *out, const struct option_row *row)
{
	if (row->form.unit[0] == '=')
		print_choice(out, row->form.unit + 1, row->dflt);
	else if (row->dflt < 0)
		fputs(row->dflt == -1   ? "off"
		      : row->dflt == -2 ? "cgroup"
					: "all",
		    out);
	else if (strncmp(row->form.unit, "bytes", 5) == 0)
		print_scaled(out, row->dflt, byte_suffixes);
	else if (strncmp(row->form.unit, "ns", 2) == 0)
		print_scaled(out, row->dflt, time_suffixes);
	else
		fprintf(out, "%" PRId64 "%s", row->dflt,
		    row->form.unit[0] == '%' ? "%" : "");
}

const char *
default_of_option(const struct option_row *row)
{
	static char text[64];
	FILE *out;

	if (row->kind == FILE_NAME)
		return "none";
	out = fmemopen(text, sizeof(text), "w");
	if (out == NULL)
		return "?";
	print_number(out, row);
	fclose(out);
	return text;
}

const char *
values_of_option(const struct option_row *row)
{
	static const struct {
		const char *unit;
		const char *text;
	} values[] = {
	    {"%", "percent"},
	    {"bytes", "bytes, KiB, MiB, GiB"},
	    {"ns", "ns, us, ms, s, m"},
	    {"count", "number"},
	    {"bits", "mask"},
	    {"signal", "0, 34 to 64"},
	};
	static char text[128];
	const char *unit = row->form.unit;
	size_t used = 0;

	if (row->kind == FILE_NAME)
		return "file; %p is the process";
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
		size_t len = strlen(values[i].unit);

		if (strncmp(values[i].unit, unit, len) != 0)
			continue;
		used = (size_t)sprintf(text, "%s", values[i].text);
		unit += len;
	}
	/* "=a|b", "#1|2" or what is left of "bytes|off": "a, b", ", off" */
	for (unit += *unit == '=' || *unit == '#'; *unit != '\0'; unit++)
		used += (size_t)sprintf(text + used, "%s",
		    *unit == '|' ? ", " : (char[]){*unit, '\0'});
	return text;
}

void
print_option_help(void)
{
	puts("The library's options are environment variables; gcmalloc run "
	     "takes them, too:\n--percent 50 is GCM_PERCENT=50, --gctrace is "
	     "GCM_DEBUG=gctrace=1.");
	for (int i = 0; i < NOPTIONS; i++) {
		const struct option_row *row = &option_rows[i];

		printf("\n  %s  (%s; default %s%s)\n      %s\n", row->name,
		    values_of_option(row), default_of_option(row),
		    strcmp(row->status, "reserved") == 0 ? "; reserved" : "",
		    row->doc);
	}
}

void
print_option_markdown(void)
{
	puts("# Options\n"
	     "\n"
	     "Environment variables, read once when the program starts. "
	     "`GCM_DEBUG` takes a list:\n"
	     "`GCM_DEBUG=stats=1,verify=1`. Reserved ones are read and "
	     "checked, and have no effect yet.\n"
	     "\n"
	     "This page is made from `core/option.def` by `make docs`.\n"
	     "\n"
	     "| variable | meaning | values | default | status |\n"
	     "|---|---|---|---|---|");
	for (int i = 0; i < NOPTIONS; i++) {
		const struct option_row *row = &option_rows[i];

		printf("| `%s` | %s | %s | %s | %s |\n", row->name, row->doc,
		    values_of_option(row), default_of_option(row), row->status);
	}
}

void
print_option_manual(void)
{
	for (int i = 0; i < NOPTIONS; i++) {
		const struct option_row *row = &option_rows[i];

		printf(".TP\n.B %s\n", row->name);
		print_roff(row->doc);
		printf("\nTakes: %s.\n", values_of_option(row));
		printf("Default: %s.\n", default_of_option(row));
		if (strcmp(row->status, "reserved") == 0)
			puts("Reserved.");
	}
}
