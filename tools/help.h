/* help.h -- what the command says of itself, from the table of its verbs */
#ifndef GCM_TOOLS_HELP_H
#define GCM_TOOLS_HELP_H

struct verb;

/* All to stdout: of the whole, and of `gcmalloc VERB --help`. */
void print_help(void);
void print_verb_help(const struct verb *verb);

/* For the manual page: lines of SYNOPSIS, the section COMMANDS. */
void print_synopsis_manual(void);
void print_command_manual(void);

/* For roff, in plain letters. */
void print_roff(const char *text);

#endif
