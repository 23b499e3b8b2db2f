/* finding.c -- what was found, one line each */
#include "tools/finding.h"

#include <ctype.h>
#include <stdarg.h>

void
add_finding(struct findings *findings, enum severity severity,
    const char *subject, const char *advice, const char *format, ...)
{
	struct finding *finding = &findings->list[findings->count];
	va_list list;

	if (findings->count == FINDINGS_MOST)
		return;
	findings->count++;
	finding->severity = severity;
	finding->subject = subject;
	finding->advice = advice;
	va_start(list, format);
	(void)vsnprintf(finding->text, sizeof(finding->text), format, list);
	va_end(list);
	/* Names come from others: one line, and nothing for the terminal. */
	for (char *at = finding->text; *at != '\0'; at++)
		if (iscntrl((unsigned char)*at))
			*at = '?';
}

enum severity
worst_finding(const struct findings *findings)
{
	enum severity worst = SEVERITY_OK;

	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].severity > worst)
			worst = findings->list[i].severity;
	return worst;
}

const struct finding *
first_finding(const struct findings *findings, enum severity severity)
{
	for (size_t i = 0; i < findings->count; i++)
		if (findings->list[i].severity >= severity)
			return &findings->list[i];
	return NULL;
}

void
print_findings(FILE *out, const struct findings *findings)
{
	static const char *const names[] = {"ok", "note", "warn", "FAIL"};

	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		fprintf(out, "  %-4s  %-10s %s%s%s\n", names[finding->severity],
		    finding->subject, finding->text,
		    finding->advice != NULL ? "; " : "",
		    finding->advice != NULL ? finding->advice : "");
	}
}
