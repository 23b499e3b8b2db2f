/* setting.c -- the library's options on a command line
 *
 * MODEL   One rule makes them from core/option.def: GCM_NAME=VALUE is
 *         --name VALUE or --name=VALUE; a key of GCM_DEBUG likewise, and one
 *         that is no more than a switch or a level is 1 where it has no "=".
 *         Hyphens between letters do not count: --mem-limit is GCM_MEMLIMIT.
 *
 *         What is said here wins over the environment; keys are put behind
 *         those that GCM_DEBUG has already, as the last one counts.
 */
#include "tools/setting.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/options.h"
#include "tools/verb.h"

enum {
	LEVELS = 2 /* of a key that is no number */
};

void
name_switch(const struct option_row *row, char *name)
{
	size_t len = 2;

	strcpy(name, "--");
	for (const char *c = row->word; *c != '\0' && len < SWITCH_BYTES - 1;
	     c++)
		name[len++] = (char)(*c == '_' ? '-' : tolower(*c));
	name[len] = '\0';
}

int
is_bare_switch(const struct option_row *row)
{
	return row->kind == DEBUG_KEY && row->form.hi <= LEVELS;
}

/* Is text, up to its '=', the row's name? */
static int
names_row(const char *text, const struct option_row *row)
{
	const char *word = row->word;

	for (; *text != '\0' && *text != '='; text++) {
		if (*text == '-')
			continue;
		if (*word == '_')
			word++;
		if (*word == '\0' || tolower(*word++) != *text)
			return 0;
	}
	return *word == '\0';
}

static const struct option_row *
find_row(const char *text)
{
	if (strncmp(text, "--", 2) != 0 || text[2] == '-')
		return NULL;
	for (size_t i = 0; i < noptions; i++)
		if (names_row(text + 2, &option_rows[i]))
			return &option_rows[i];
	return NULL;
}

static int
set_variable(const struct option_row *row, const char *value)
{
	const char *list = getenv("GCM_DEBUG");
	char *text;
	int failed;

	if (row->kind != DEBUG_KEY)
		return setenv(row->name, value, 1);
	if (asprintf(&text, "%s%s%s=%s", list == NULL ? "" : list,
		list == NULL || *list == '\0' ? "" : ",", row->word, value) < 0)
		return -1;
	failed = setenv("GCM_DEBUG", text, 1);
	free(text);
	return failed;
}

static int
is_good(const struct option_row *row, const char *value)
{
	int64_t number;

	return row->kind == FILE_NAME ? *value != '\0'
				      : gcm_option_parse(&row->form, value,
					    strlen(value), &number);
}

/* One option; how many words of argv it took, 0: said what was wrong. */
static int
take_setting(const char *verb, char **argv)
{
	const struct option_row *row = find_row(*argv);
	const char *value = strchr(*argv, '=');
	int words = 1;

	if (row == NULL) {
		refuse(0, "%s: no such option: %s", verb, *argv);
		return 0;
	}
	if (value != NULL) {
		value++;
	} else if (is_bare_switch(row)) {
		value = "1";
	} else {
		value = argv[1];
		words = 2;
	}
	if (value == NULL || !is_good(row, value)) {
		refuse(0, "%s: %.*s: %s%s (it takes: %s)", verb,
		    (int)strcspn(*argv, "="), *argv,
		    value == NULL ? "no value" : "not ",
		    value == NULL ? "" : value, values_of_option(row));
		return 0;
	}
	if (set_variable(row, value) != 0) {
		refuse(0, "%s", strerror(errno));
		return 0;
	}
	return words;
}

char **
take_settings(const char *verb, char **argv)
{
	bool ring = false;

	while (*argv != NULL && (*argv)[0] == '-' && strcmp(*argv, "--") != 0) {
		int words = take_setting(verb, argv);

		if (words == 0)
			return NULL;
		ring |= strncmp(*argv, "--flight", 8) == 0;
		argv += words;
	}
	if (ring && getenv("GCM_TRACE") == NULL) {
		refuse(0, "%s: --flight wants --trace FILE, the ring", verb);
		return NULL;
	}
	return *argv != NULL && strcmp(*argv, "--") == 0 ? argv + 1 : argv;
}
