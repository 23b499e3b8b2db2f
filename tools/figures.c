/* figures.c -- a process's figures, as people and programs read them
 *
 * MODEL   core/figure.def is all there is to know of a figure; the forms here
 *         and the page of the documentation follow from it.
 *
 *         A name of Prometheus is "gcmalloc_" and the figure's; times are in
 *         seconds ("_ns" becomes "_seconds"), and a counter ends in "_total".
 */
#include "tools/figures.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	NAME_BYTES = 96,
	NAME_COLUMN = 24,
	VALUE_COLUMN = 14
};

enum origin {
	OF_STAT,
	OF_RSS,
	OF_WORDS
};

struct row {
	const char *name, *type, *unit, *doc;
	enum origin origin;
};

static const struct row rows[] = {
#define KEPT(name, type, unit, doc) {#name, #type, unit, doc, OF_STAT},
#define ASKED(name, type, unit, doc) {#name, #type, unit, doc, OF_STAT},
#define WORDS(name, doc) {#name, "", "", doc, OF_WORDS},
#define SPLIT(name, unit, doc) {#name, "gauge", unit, doc, OF_RSS},
#include "core/figure.def"
#undef KEPT
#undef ASKED
#undef WORDS
#undef SPLIT
};

enum {
	NROWS = sizeof(rows) / sizeof(rows[0])
};

static const char *
value_of(const struct subject *subject, const struct row *row)
{
	return find_value(
	    row->origin == OF_RSS ? &subject->rss : &subject->stat, row->name);
}

static bool
is_name(const struct row *row, const char *name)
{
	return strcmp(row->name, name) == 0;
}

/* The table -----------------------------------------------------------------
 */

static void
format_bytes(char *text, size_t len, double bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	int unit = 0;

	while (bytes >= 1024 && unit < 4) {
		bytes /= 1024;
		unit++;
	}
	snprintf(text, len, "%.*f %s", unit > 0, bytes, units[unit]);
}

static void
format_time(char *text, size_t len, double ns)
{
	if (ns < 1e6)
		snprintf(text, len, "%.1f us", ns / 1e3);
	else if (ns < 1e9)
		snprintf(text, len, "%.2f ms", ns / 1e6);
	else
		snprintf(text, len, "%.1f s", ns / 1e9);
}

static void
format_value(char *text, size_t len, const struct row *row, const char *value)
{
	double number = strtod(value, NULL);

	if (number < 0)
		snprintf(text, len, "off");
	else if (strcmp(row->unit, "bytes") == 0)
		format_bytes(text, len, number);
	else if (strcmp(row->unit, "ns") == 0)
		format_time(text, len, number);
	else
		snprintf(text, len, "%s", value);
}

/* Points of time are told by how long ago they were; the one of now is not
 * told at all.
 */
static bool
format_moment(char *text, size_t len, const struct subject *subject,
    const struct row *row, const char *value)
{
	uint64_t now = find_number(&subject->stat, "now_ns");
	uint64_t then = strtoull(value, NULL, 10);
	char age[NAME_BYTES];

	if (is_name(row, "now_ns") || now == 0 || then == 0 || then > now)
		return false;
	format_time(age, sizeof(age), (double)(now - then));
	snprintf(text, len, "%s ago", age);
	return true;
}

static bool
is_moment(const struct row *row)
{
	return is_name(row, "began_ns") || is_name(row, "ended_ns") ||
	       is_name(row, "now_ns");
}

static void
print_row(const struct subject *subject, const struct row *row)
{
	const char *value = value_of(subject, row);
	char text[NAME_BYTES * 2];

	if (value == NULL || *value == '\0')
		return;
	if (is_moment(row)) {
		if (!format_moment(text, sizeof(text), subject, row, value))
			return;
	} else {
		format_value(text, sizeof(text), row, value);
	}
	printf("%-*s %*s  %s\n", NAME_COLUMN, row->name, VALUE_COLUMN, text,
	    row->doc);
}

static void
print_absence(const struct reply *stat)
{
	static const char *const words[] = {
	    [ABSENCE_NONE] = "nobody answers there",
	    [ABSENCE_LATE] = "it is busy",
	    [ABSENCE_STOPPED] = "it is stopped",
	    [ABSENCE_APART] =
		"it is in another network namespace (nsenter -n -t ...)",
	};

	if (stat->source != SOURCE_MEMORY)
		return;
	printf("%s%s\n", words[stat->absence],
	    find_number(stat, "ended_ns") != 0
		? ": these are the figures of the last collection"
		: ", and no collection has ended yet");
}

void
print_table(const struct subject *subject)
{
	printf("process %ld (%s)\n", subject->process, subject->comm);
	print_absence(&subject->stat);
	for (int i = 0; i < NROWS; i++)
		print_row(subject, &rows[i]);
}

/* JSON ----------------------------------------------------------------------
 */

static void
print_string(const char *text)
{
	putchar('"');
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < ' ')
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

void
print_json(const struct subject *subject)
{
	const char *mode = find_value(&subject->stat, "mode");

	printf("{\"pid\": %ld, \"comm\": ", subject->process);
	print_string(subject->comm);
	printf(", \"source\": \"%s\", \"mode\": ",
	    subject->stat.source == SOURCE_MEMORY ? "memory" : "channel");
	print_string(mode != NULL ? mode : "");
	for (int i = 0; i < NROWS; i++) {
		const char *value = value_of(subject, &rows[i]);

		if (value == NULL)
			continue;
		printf(", \"%s\": ", rows[i].name);
		if (rows[i].origin == OF_WORDS)
			print_string(value);
		else
			printf("%" PRId64, (int64_t)strtoll(value, NULL, 10));
	}
	puts("}");
}

/* Prometheus ----------------------------------------------------------------
 */

static void
name_metric(char *text, size_t len, const struct row *row)
{
	size_t n = strlen(row->name);
	bool time = strcmp(row->unit, "ns") == 0;

	snprintf(text, len, "gcmalloc_%.*s%s%s", (int)(time ? n - 3 : n),
	    row->name, time ? "_seconds" : "",
	    strcmp(row->type, "counter") == 0 ? "_total" : "");
}

/* A label's value: a command is anything. */
static void
print_label(const char *name, const char *value)
{
	printf("%s=\"", name);
	for (; *value != '\0'; value++)
		if (*value == '\n')
			fputs("\\n", stdout);
		else if (*value == '"' || *value == '\\')
			printf("\\%c", *value);
		else
			putchar(*value);
	putchar('"');
}

static void
print_labels(const struct subject *subject)
{
	char number[32];

	snprintf(number, sizeof(number), "%ld", subject->process);
	putchar('{');
	print_label("pid", number);
	putchar(',');
	print_label("comm", subject->comm);
}

static void
print_sample(
    const char *metric, const struct subject *subject, const struct row *row)
{
	const char *value = value_of(subject, row);

	if (value == NULL || *value == '-') /* off */
		return;
	fputs(metric, stdout);
	print_labels(subject);
	if (strcmp(row->unit, "ns") == 0) {
		uint64_t ns = strtoull(value, NULL, 10);

		printf("} %" PRIu64 ".%09" PRIu64 "\n", ns / 1000000000,
		    ns % 1000000000);
	} else {
		printf("} %s\n", value);
	}
}

static void
print_words(struct subject *const *subjects, size_t n)
{
	puts("# HELP gcmalloc_info the library and how it works\n"
	     "# TYPE gcmalloc_info gauge");
	for (size_t i = 0; i < n; i++) {
		const char *mode = find_value(&subjects[i]->stat, "mode");

		fputs("gcmalloc_info", stdout);
		print_labels(subjects[i]);
		putchar(',');
		print_label("mode", mode != NULL ? mode : "");
		for (int j = 0; j < NROWS; j++) {
			const char *value = value_of(subjects[i], &rows[j]);

			if (rows[j].origin != OF_WORDS ||
			    is_name(&rows[j], "why"))
				continue;
			putchar(',');
			print_label(rows[j].name, value != NULL ? value : "");
		}
		puts("} 1");
	}
}

void
print_prometheus(struct subject *const *subjects, size_t n)
{
	char metric[NAME_BYTES];

	for (int i = 0; i < NROWS; i++) {
		if (rows[i].origin == OF_WORDS)
			continue;
		name_metric(metric, sizeof(metric), &rows[i]);
		printf("# HELP %s %s\n# TYPE %s %s\n", metric, rows[i].doc,
		    metric, rows[i].type);
		for (size_t j = 0; j < n; j++)
			print_sample(metric, subjects[j], &rows[i]);
	}
	print_words(subjects, n);
}

/* The page ------------------------------------------------------------------
 */

void
print_figure_markdown(void)
{
	char metric[NAME_BYTES];

	puts("# Figures\n"
	     "\n"
	     "What `gcmalloc stat` says of a process, by the name in the "
	     "channel's answers\n"
	     "([channel.md](channel.md)) and in JSON, and by that of the "
	     "Prometheus form. Those of\n"
	     "the request `rss` are the parts of resident memory. Kept ones "
	     "can be read from the\n"
	     "process's memory where nobody answers.\n"
	     "\n"
	     "This page is made from `core/figure.def` by `make docs`.\n"
	     "\n"
	     "| name | Prometheus | type | request | meaning |\n"
	     "|---|---|---|---|---|");
	for (int i = 0; i < NROWS; i++) {
		const struct row *row = &rows[i];

		if (row->origin == OF_WORDS)
			snprintf(metric, sizeof(metric), "%s",
			    is_name(row, "why") ? "-"
						: "label of gcmalloc_info");
		else
			name_metric(metric, sizeof(metric), row);
		printf("| `%s` | %s%s%s | %s | %s | %s |\n", row->name,
		    row->origin == OF_WORDS ? "" : "`", metric,
		    row->origin == OF_WORDS ? "" : "`",
		    row->origin == OF_WORDS ? "words" : row->type,
		    row->origin == OF_RSS ? "rss" : "stat", row->doc);
	}
}
