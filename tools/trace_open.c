/* trace_open.c -- what kind of trace a file is, by its first bytes
 */
#include <stdlib.h>
#include <string.h>

#include "tools/trace.h"
#include "tools/trace_source.h"
#include "tools/verb.h"

/* Nothing to be read; false, and a line. */
static bool
check_magic(const char *path, size_t count, uint64_t magic)
{
	if (count == 0)
		return refuse(0, "%s is empty", path) != 0;
	if (__builtin_bswap64(magic) == GCM_BATCH_MAGIC)
		return refuse(0, "%s: of a machine of the other byte order",
			   path) != 0;
	return true;
}

struct trace *
open_trace(const char *path)
{
	struct trace *trace = get_room(sizeof(*trace));
	struct trace_source source;
	uint64_t magic = 0;
	size_t count;

	if (open_source(&source, path) != 0) {
		free(trace);
		return NULL;
	}
	trace->path = source.path;
	count = peek_source(&source, &magic, sizeof(magic));
	if (!check_magic(trace->path, count, magic)) {
		close_source(&source);
		free(trace);
		return NULL;
	}
	if (magic == GCM_BATCH_MAGIC)
		trace->batches = index_batches(trace, &source);
	else
		trace->lines = begin_lines(trace, &source);
	if (trace->batches == NULL && trace->lines == NULL) {
		close_trace(trace);
		return NULL;
	}
	return trace;
}

bool
next_event(struct trace *trace, struct trace_event *event)
{
	bool any = trace->batches != NULL ? next_batch_event(trace, event)
					  : next_line_event(trace, event);

	if (!any) {
		end_progress();
		return false;
	}
	trace->nevents++;
	event->process->nevents++;
	return true;
}

static void
free_process(struct trace_process *process)
{
	for (size_t i = 0; i < TRACE_TYPES; i++)
		if (process->table.types[i] != NULL) {
			free(process->table.types[i]->fields);
			free(process->table.types[i]);
		}
	for (size_t i = 0; i < process->nsets; i++) {
		free(process->sets[i].name);
		free(process->sets[i].value);
	}
	free(process->table.words);
	free(process->sets);
	free(process);
}

void
close_trace(struct trace *trace)
{
	if (trace->batches != NULL)
		free_batches(trace->batches);
	if (trace->lines != NULL)
		free_lines(trace->lines);
	for (size_t i = 0; i < trace->nprocesses; i++)
		free_process(trace->processes[i]);
	free(trace->processes);
	free(trace);
}
