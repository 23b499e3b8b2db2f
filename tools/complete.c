/* complete.c -- completion for shells, from the table of verbs
 *
 * MODEL   For bash two functions with the tables, and one that is always the
 *         same; for zsh an _arguments line for each verb.  Processes are asked
 *         for when somebody completes one: gcmalloc top --list.
 */
#include "tools/complete.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "tools/options.h"
#include "tools/setting.h"
#include "tools/verb.h"

static const char head[] = "# Made from the command's tables by `make docs`.\n";

/* The words that a row takes, between blanks. */
static void
print_choices(const struct option_row *row)
{
	const char *unit = row->form.unit;
	const char *words =
	    *unit == '=' || *unit == '#' ? unit + 1 : strchr(unit, '|');

	if (words == NULL)
		return;
	for (words += *words == '|'; *words != '\0'; words++)
		putchar(*words == '|' ? ' ' : *words);
}

/* Of `gcmalloc set`: what can be NAME in NAME=VALUE. */
static void
print_settings(void)
{
	static const char *const names[] = {
#define LIVE(name) #name,
#include "core/live.def"
#undef LIVE
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		putchar(' ');
		for (const char *c = names[i]; *c != '\0'; c++)
			putchar(tolower(*c));
		putchar('=');
	}
}

/* bash --------------------------------------------------------------------- */

static const char *
name_of_word(enum word word)
{
	switch (word) {
	case WORD_FILE:
		return "file";
	case WORD_PROGRAM:
		return "program";
	case WORD_PROCESS:
		return "process";
	case WORD_PROGRAM_OR_PROCESS:
		return "either";
	case WORD_SETTING:
		return "setting";
	case WORD_NONE:
		break;
	}
	return "none";
}

static void
print_bash_verb(const struct verb *verb)
{
	printf("\t%s)\n\t\tkind=%s words='--help", verb->name,
	    name_of_word(verb->word));
	for (const struct verb_option *option = verb->options;
	     option != NULL && option->name != NULL; option++)
		printf(" %s", option->name);
	for (size_t i = 0; verb->library_options && i < noptions; i++) {
		char name[SWITCH_BYTES];

		name_switch(&option_rows[i], name);
		printf(" %s", name);
	}
	puts("'\n\t\t;;");
}

static void
print_bash_values(const struct verb *verb)
{
	for (const struct verb_option *option = verb->options;
	     option != NULL && option->name != NULL; option++)
		if (option->value != NULL)
			printf("\t'%s %s') kind=%s words= ;;\n", verb->name,
			    option->name, name_of_word(option->word));
	for (size_t i = 0; verb->library_options && i < noptions; i++) {
		const struct option_row *row = &option_rows[i];
		char name[SWITCH_BYTES];

		if (is_bare_switch(row))
			continue;
		name_switch(row, name);
		printf("\t'%s %s') kind=%s words='", verb->name, name,
		    row->kind == FILE_NAME ? "file" : "none");
		print_choices(row);
		puts("' ;;");
	}
}

static const char bash_rest[] =
    "_gcmalloc_offer() # KIND CURRENT\n"
    "{\n"
    "\tlocal list\n"
    "\tcase $1 in\n"
    "\tprocess | either | setting)\n"
    "\t\tlist=$(gcmalloc top --list 2> /dev/null | cut -f 1)\n"
    "\t\tCOMPREPLY+=($(compgen -W \"$list\" -- \"$2\"))\n"
    "\t\t;;\n"
    "\tesac\n"
    "\tcase $1 in\n"
    "\tprogram | either)\n"
    "\t\tCOMPREPLY+=($(compgen -c -- \"$2\"))\n"
    "\t\t;;\n"
    "\tesac\n"
    "\tcase $1 in\n"
    "\tfile | program | either)\n"
    "\t\tcompopt -o filenames 2> /dev/null\n"
    "\t\tCOMPREPLY+=($(compgen -f -- \"$2\"))\n"
    "\t\t;;\n"
    "\tesac\n"
    "}\n"
    "\n"
    "_gcmalloc()\n"
    "{\n"
    "\tlocal IFS=$' \\t\\n' kind words i\n"
    "\tlocal current=${COMP_WORDS[COMP_CWORD]} verb=${COMP_WORDS[1]}\n"
    "\tlocal previous=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "\tCOMPREPLY=()\n"
    "\tif ((COMP_CWORD == 1)); then\n"
    "\t\tCOMPREPLY=($(compgen -W \"$_gcmalloc_verbs\" -- \"$current\"))\n"
    "\t\treturn\n"
    "\tfi\n"
    "\t# --name=value comes as three words.\n"
    "\tif [[ $current == = ]]; then\n"
    "\t\tcurrent=\n"
    "\telif [[ $previous == = ]]; then\n"
    "\t\tprevious=${COMP_WORDS[COMP_CWORD - 2]}\n"
    "\tfi\n"
    "\t# Which word is the first operand?\n"
    "\tfor ((i = 2; i < COMP_CWORD; i++)); do\n"
    "\t\t[[ ${COMP_WORDS[i]} != -- ]] || { ((i++)); break; }\n"
    "\t\t[[ ${COMP_WORDS[i]} == -* ]] || break\n"
    "\t\tif [[ ${COMP_WORDS[i + 1]} == = ]]; then\n"
    "\t\t\t((i += 2))\n"
    "\t\telif _gcmalloc_value \"$verb\" \"${COMP_WORDS[i]}\"; then\n"
    "\t\t\t((i++))\n"
    "\t\tfi\n"
    "\tdone\n"
    "\tif ((i >= COMP_CWORD)) &&\n"
    "\t\t_gcmalloc_value \"$verb\" \"$previous\"; then\n"
    "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
    "\t\t_gcmalloc_offer $kind \"$current\"\n"
    "\t\treturn\n"
    "\tfi\n"
    "\t_gcmalloc_verb \"$verb\" || return\n"
    "\tif ((i < COMP_CWORD)); then\n"
    "\t\tcase $kind in\n"
    "\t\tprogram | either)\n"
    "\t\t\tif declare -F _command_offset > /dev/null; then\n"
    "\t\t\t\t_command_offset $i\n"
    "\t\t\telse\n"
    "\t\t\t\t_gcmalloc_offer file \"$current\"\n"
    "\t\t\tfi\n"
    "\t\t\treturn\n"
    "\t\t\t;;\n"
    "\t\tsetting)\n"
    "\t\t\tcompopt -o nospace 2> /dev/null\n"
    "\t\t\tCOMPREPLY=($(compgen -W \"$_gcmalloc_settings\" -- "
    "\"$current\"))\n"
    "\t\t\treturn\n"
    "\t\t\t;;\n"
    "\t\tesac\n"
    "\tfi\n"
    "\tif [[ $current == -* ]]; then\n"
    "\t\tCOMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
    "\telse\n"
    "\t\t_gcmalloc_offer $kind \"$current\"\n"
    "\tfi\n"
    "}\n"
    "complete -F _gcmalloc gcmalloc\n";

void
print_bash_completion(void)
{
	printf("%s\n_gcmalloc_verbs='--help --version", head);
	for (size_t i = 0; i < nverbs; i++)
		printf(" %s", verbs[i].name);
	fputs("'\n_gcmalloc_settings='", stdout);
	print_settings();
	puts("'\n\n_gcmalloc_verb() # VERB: sets kind, of its operands, and "
	     "words\n{\n\tcase $1 in");
	for (size_t i = 0; i < nverbs; i++)
		print_bash_verb(&verbs[i]);
	puts("\t*) return 1 ;;\n\tesac\n}\n\n"
	     "_gcmalloc_value() # VERB OPTION: the same of its value; 1: it "
	     "takes none\n{\n\tcase \"$1 $2\" in");
	for (size_t i = 0; i < nverbs; i++)
		print_bash_values(&verbs[i]);
	printf("\t*) return 1 ;;\n\tesac\n}\n\n%s", bash_rest);
}

/* zsh ---------------------------------------------------------------------- */

/* Between '[' and ']' of a single-quoted word. */
static void
print_zsh_text(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '[' || *text == ']' || *text == '\\')
			putchar('\\');
		fputs(*text == '\'' ? "'\\''" : (char[]){*text, '\0'}, stdout);
	}
}

static void
print_zsh_switch(const struct option_row *row)
{
	char name[SWITCH_BYTES];

	name_switch(row, name);
	printf(" \\\n\t\t\t'%s=%s[", name, is_bare_switch(row) ? "-" : "");
	print_zsh_text(row->doc);
	printf("]:%s", is_bare_switch(row) ? ":level:" : "value:");
	if (row->kind == FILE_NAME)
		fputs("_files", stdout);
	else if (!is_bare_switch(row)) {
		putchar('(');
		print_choices(row);
		putchar(')');
	}
	putchar('\'');
}

static void
print_zsh_operands(enum word word)
{
	static const char *const operands[] = {
	    [WORD_NONE] = "'*: :'",
	    [WORD_FILE] = "'*:file:_files'",
	    [WORD_PROGRAM] = "'(-)1:program:_gcmalloc_programs' "
			     "'*::argument:_normal'",
	    [WORD_PROCESS] = "'*:process:_gcmalloc_processes'",
	    [WORD_PROGRAM_OR_PROCESS] = "'(-)1:program or process:"
					"_gcmalloc_either' "
					"'*::argument:_normal'",
	    [WORD_SETTING] = "'1:process:_gcmalloc_processes' "
			     "'*:setting:($=settings)'",
	};

	printf(" \\\n\t\t\t%s", operands[word]);
}

static void
print_zsh_verb(const struct verb *verb)
{
	printf("\t\t%s)\n\t\t_arguments -S '(- *)--help[Help.]'", verb->name);
	for (const struct verb_option *option = verb->options;
	     option != NULL && option->name != NULL; option++) {
		printf(" \\\n\t\t\t'%s[", option->name);
		print_zsh_text(option->help);
		putchar(']');
		if (option->value != NULL)
			printf(":%s:%s", option->value,
			    option->word == WORD_FILE ? "_files" : "");
		putchar('\'');
	}
	for (size_t i = 0; verb->library_options && i < noptions; i++)
		print_zsh_switch(&option_rows[i]);
	print_zsh_operands(verb->word);
	puts("\n\t\t;;");
}

void
print_zsh_completion(void)
{
	printf("#compdef gcmalloc\n%s\n"
	       "_gcmalloc_processes() {\n"
	       "\tlocal -a list\n"
	       "\tlist=(${(f)\"$(gcmalloc top --list 2> /dev/null)\"})\n"
	       "\tlist=(${list//$'\\t'/:})\n"
	       "\t_describe -t processes process list\n"
	       "}\n\n"
	       "_gcmalloc_programs() { _command_names -e; _files }\n"
	       "_gcmalloc_either() { _gcmalloc_processes; "
	       "_gcmalloc_programs }\n\n"
	       "local curcontext=$curcontext state line settings\n"
	       "local -a verbs\n"
	       "settings='",
	    head);
	print_settings();
	puts("'\nverbs=(");
	for (size_t i = 0; i < nverbs; i++) {
		printf("\t'%s:", verbs[i].name);
		print_zsh_text(verbs[i].help);
		puts("'");
	}
	puts(")\n"
	     "_arguments -C '(- *)--help[Help.]' '(- *)--version[Version.]' "
	     "\\\n\t'1:verb:->verb' '*::word:->word'\n"
	     "case $state in\n"
	     "verb) _describe -t verbs verb verbs ;;\n"
	     "word)\n"
	     "\tcase $line[1] in");
	for (size_t i = 0; i < nverbs; i++)
		print_zsh_verb(&verbs[i]);
	puts("\tesac\n\t;;\nesac");
}
