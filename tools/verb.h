/* verb.h -- what the commands have in common
 *
 * The table of them, in gcmalloc.c, makes the help, the manual page's section
 * and the shells' completion.
 */
#ifndef GCM_TOOLS_VERB_H
#define GCM_TOOLS_VERB_H

#include <stdbool.h>
#include <stddef.h>

enum verb_status {
	EXIT_USAGE = 2,
	EXIT_CANNOT_RUN = 126, /* as env(1) has it */
	EXIT_NOT_FOUND = 127
};

/* What completion offers for a word. */
enum word {
	WORD_NONE,
	WORD_FILE,
	WORD_PROGRAM, /* and what it takes */
	WORD_PROCESS, /* that runs with the library */
	WORD_PROGRAM_OR_PROCESS,
	WORD_SETTING /* NAME=VALUE, behind a process */
};

struct verb_option {
	const char *name;  /* "-n", "--json" */
	const char *value; /* its name, as in "FILE"; NULL: takes none */
	const char *help;
	enum word word; /* what the value is */
};

struct verb {
	const char *name;
	const char *arguments;
	const char *help;
	int (*run)(char **argv); /* from behind the verb on; the exit status */
	enum word word;          /* what its operands are */
	const struct verb_option *options; /* up to a NULL name; or NULL */
	bool library_options;              /* it takes those, too */
	const char *more; /* for its help; paragraphs; or NULL */
};

extern const struct verb verbs[];
extern const size_t nverbs;

/* "gcmalloc: MESSAGE" on stderr; the status. */
int refuse(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The process id that the text is, or 0. */
long parse_process(const char *text);

#endif
