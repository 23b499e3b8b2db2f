/* verb.h -- what the commands have in common */
#ifndef GCM_TOOLS_VERB_H
#define GCM_TOOLS_VERB_H

enum verb_status {
	EXIT_USAGE = 2,
	EXIT_CANNOT_RUN = 126, /* as env(1) has it */
	EXIT_NOT_FOUND = 127
};

/* "gcmalloc: MESSAGE" on stderr; the status. */
int refuse(int status, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The process id that the text is, or 0. */
long parse_process(const char *text);

#endif
