/* options.h -- the library's options, as text */
#ifndef GCM_TOOLS_OPTIONS_H
#define GCM_TOOLS_OPTIONS_H

#include "core/option_format.h"

enum option_kind {
	NUMBER, /* by unit, or one of the unit's choices */
	FILE_NAME,
	DEBUG_KEY /* of GCM_DEBUG's list */
};

struct option_row {
	enum option_kind kind;
	const char *name; /* "GCM_PERCENT", "GCM_DEBUG=stats" */
	const char *word; /* "PERCENT", "stats" */
	int64_t dflt;
	struct gcm_option_form form;
	const char *status;
	const char *doc;
};

extern const struct option_row option_rows[];
extern const size_t noptions;

/* The default as one would write it, and what it takes: words of the unit, or a
 * kind of value.  Until the next call.
 */
const char *default_of_option(const struct option_row *row);
const char *values_of_option(const struct option_row *row);

/* All to stdout: for --help, for docs/options.md, for the manual page. */
void print_option_help(void);
void print_option_markdown(void);
void print_option_manual(void);

#endif
