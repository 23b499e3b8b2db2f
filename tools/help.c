/* help.c -- what the command says of itself, from the table of its verbs */
#include "tools/help.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tools/options.h"
#include "tools/setting.h"
#include "tools/verb.h"

void
print_help(void)
{
	for (size_t i = 0; i < nverbs; i++)
		printf("%s gcmalloc %s %s\n", i == 0 ? "usage:" : "      ",
		    verbs[i].name, verbs[i].arguments);
	puts("       gcmalloc VERB --help\n"
	     "       gcmalloc --help | --version\n");
	for (size_t i = 0; i < nverbs; i++)
		printf("  %-8s%s\n", verbs[i].name, verbs[i].help);
	puts("");
	print_option_help();
}

static void
print_switches(void)
{
	puts("\nOptions of the library, which win over the environment:");
	for (size_t i = 0; i < noptions; i++) {
		const struct option_row *row = &option_rows[i];
		char name[SWITCH_BYTES];

		name_switch(row, name);
		printf("  %s%s  (%s; default %s)\n      %s\n", name,
		    is_bare_switch(row)      ? "[=LEVEL]"
		    : row->kind == FILE_NAME ? " FILE"
					     : " VALUE",
		    values_of_option(row), default_of_option(row), row->doc);
	}
	puts("Hyphens in their names do not count: --min-heap is --minheap.");
}

void
print_verb_help(const struct verb *verb)
{
	printf("usage: gcmalloc %s %s\n\n%s\n", verb->name, verb->arguments,
	    verb->help);
	if (verb->more != NULL)
		printf("\n%s\n", verb->more);
	if (verb->options != NULL)
		puts("");
	for (const struct verb_option *option = verb->options;
	     option != NULL && option->name != NULL; option++)
		printf("  %s%s%s\n      %s\n", option->name,
		    option->value == NULL ? "" : " ",
		    option->value == NULL ? "" : option->value, option->help);
	if (verb->library_options)
		print_switches();
}

/* The manual page ---------------------------------------------------------- */

void
print_roff(const char *text)
{
	for (const char *c = text; *c != '\0'; c++) {
		if (*c == '-' || *c == '\\')
			putchar('\\');
		fputs(*c == '\\' ? "e" : (char[]){*c, '\0'}, stdout);
	}
}

/* Paragraphs. */
static void
print_roff_text(const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");
		char line[256];

		snprintf(line, sizeof(line), "%.*s", (int)len, text);
		if (len == 0)
			puts(".PP");
		else
			print_roff(line);
		if (len > 0)
			putchar('\n');
		text += len + (text[len] == '\n');
	}
}

/* NAMES in italics, --words in bold. */
static void
print_roff_usage(const char *text)
{
	while (*text != '\0') {
		int value = isupper((unsigned char)*text);
		int word = *text == '-' || islower((unsigned char)*text);

		fputs(value ? "\\fI" : word ? "\\fB" : "", stdout);
		for (; *text != '\0'; text++) {
			if (value ? !isupper((unsigned char)*text)
			    : word
				? *text != '-' && !islower((unsigned char)*text)
				: *text == '-' || isalpha((unsigned char)*text))
				break;
			printf(*text == '-' ? "\\-" : "%c",
			    value ? tolower(*text) : *text);
		}
		fputs(value || word ? "\\fR" : "", stdout);
	}
}

void
print_synopsis_manual(void)
{
	for (size_t i = 0; i < nverbs; i++) {
		printf(".B gcmalloc %s\n", verbs[i].name);
		print_roff_usage(verbs[i].arguments);
		puts("\n.br");
	}
	puts(".B gcmalloc\n.I verb\n.B \\-\\-help\n.br\n"
	     ".B gcmalloc \\-\\-help\n|\n.B \\-\\-version");
}

void
print_command_manual(void)
{
	for (size_t i = 0; i < nverbs; i++) {
		const struct verb *verb = &verbs[i];

		printf(".SS gcmalloc %s\n", verb->name);
		print_roff_text(verb->help);
		if (verb->more != NULL)
			print_roff_text("\n");
		if (verb->more != NULL)
			print_roff_text(verb->more);
		for (const struct verb_option *option = verb->options;
		     option != NULL && option->name != NULL; option++) {
			puts(".TP");
			print_roff_usage(option->name);
			if (option->value != NULL)
				putchar(' ');
			if (option->value != NULL)
				print_roff_usage(option->value);
			putchar('\n');
			print_roff_text(option->help);
		}
	}
}
