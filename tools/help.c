/* help.c -- what the command says of itself, from the table of its verbs */
#include "tools/help.h"

#include <stdio.h>

#include "tools/options.h"
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
}
