/* finding.h -- what was found, one line each */
#ifndef GCM_TOOLS_FINDING_H
#define GCM_TOOLS_FINDING_H

#include <stddef.h>
#include <stdio.h>

enum severity {
	SEVERITY_OK,
	SEVERITY_NOTE, /* to know; changes no verdict */
	SEVERITY_WARN, /* the library is active, with a restriction */
	SEVERITY_FAIL  /* it is not, or would not be, active */
};

enum {
	FINDINGS_MOST = 48,
	FINDING_BYTES = 512
};

struct finding {
	enum severity severity;
	const char *subject;
	const char *advice; /* what to change, or NULL */
	char text[FINDING_BYTES];
};

struct findings {
	size_t count;
	struct finding list[FINDINGS_MOST];
};

/* Add a line; `subject` and `advice` must stay.  What does not fit is dropped.
 */
void add_finding(struct findings *findings, enum severity severity,
    const char *subject, const char *advice, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

/* The gravest of them. */
enum severity worst_finding(const struct findings *findings);

/* The first as grave as that, or NULL. */
const struct finding *first_finding(
    const struct findings *findings, enum severity severity);

void print_findings(FILE *out, const struct findings *findings);

#endif
