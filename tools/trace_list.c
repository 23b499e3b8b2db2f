/* trace_list.c -- all events of a trace, one a line, to be searched
 *
 * MODEL   SECONDS PID TID EVENT FIELD=VALUE..., the seconds since the first
 *         event shown.  Sizes are bytes, durations nanoseconds.
 */
#include "tools/trace_show.h"

#include <inttypes.h>

static void
write_field(FILE *file, const struct trace_event *event,
    const struct trace_field *field)
{
	uint64_t value = event->words[field->at];
	char text[TRACE_TEXT_BYTES];

	fprintf(file, " %s=", field->name);
	switch (field->form) {
	case FORM_TEXT:
		copy_text(event, field, text);
		fputc('"', file);
		write_escaped(file, text);
		fputc('"', file);
		break;
	case FORM_ADDR:
		fprintf(file, "0x%" PRIx64, value);
		break;
	case FORM_WORD:
		fputs(find_word(&event->process->table, field->kind, value),
		    file);
		break;
	case FORM_NS:
	case FORM_BYTES:
	case FORM_COUNT:
	case FORM_TID:
	case FORM_BOOL:
	default:
		fprintf(file, "%" PRIu64, value);
	}
}

void
write_event_line(FILE *file, const struct trace_event *event)
{
	static uint64_t first;
	static bool any;

	if (!any)
		first = event->ns;
	any = true;
	fprintf(file, "%.6f %" PRIu32 " %" PRIu32 " %s",
	    ((double)event->ns - (double)first) / 1e9, event->process->pid,
	    event->tid, event->type->name);
	for (size_t i = 0; i < event->type->nfields; i++)
		if (event->type->fields[i].at < event->nwords)
			write_field(file, event, &event->type->fields[i]);
	fputc('\n', file);
}
