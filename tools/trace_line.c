/* trace_line.c -- gctrace text as events
 *
 * MODEL   The text is what GODEBUG=gctrace=1 or GCM_DEBUG=gctrace=1 print,
 *         between whatever else the program prints, and after whatever a
 *         log puts before each line:
 *
 *         gc N @S.SSSs P%: C+C+C ms clock, C+A/B/I+C ms cpu, M->M->M MB,
 *             G MB goal, [S MB stacks, G MB globals,] N P [(forced)] [ours]
 *
 *         The first and the last of the clock's times are stops, what is
 *         between is marking (one time, or with Go 1.5 three).  A cycle becomes
 *         the events that an execution trace would have of it.  Numbers that
 *         begin again are those of another process.
 *
 *         "GC forced" before a line says that time alone began it.  Lines
 *         "scav" and "scvg" are the scavenger's, in the forms of all versions.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/trace.h"
#include "tools/trace_source.h"

enum {
	LINE_BYTES = 4096,
	QUEUE_EVENTS = 32,
	TIMES_MAX = 8
};

struct gc_line {
	uint64_t number, at_ns, procs;
	uint64_t clock[TIMES_MAX], cpu[TIMES_MAX]; /* ns */
	size_t nclock, ncpu;
	uint64_t heap[3], goal; /* bytes: at the start, at the end, live */
	bool forced;
	bool ours; /* it has what comes after " P" */
	uint64_t reclaimed, blocks, limbo, stops, stopped_ns;
	const char *back_end;
	const char *abandoned;
};

struct trace_lines {
	struct trace_source source;
	char buffer[LINE_BYTES];
	size_t have, used;
	struct trace_process *process; /* of the last line */
	uint64_t number, last_ns;
	bool periodic; /* "GC forced" was read */
	struct trace_event queue[QUEUE_EVENTS];
	size_t head, tail;
};

/* Lines
 * ------------------------------------------------------------------ */

/* The next line, or a piece of a long one; false at the end. */
static bool
next_line(struct trace_lines *lines, char line[LINE_BYTES])
{
	size_t length = 0;

	while (length < LINE_BYTES - 1) {
		char c;

		if (lines->used == lines->have) {
			lines->used = 0;
			lines->have = read_source(&lines->source, lines->buffer,
			    sizeof(lines->buffer));
			if (lines->have == 0)
				break;
		}
		c = lines->buffer[lines->used++];
		if (c == '\n') {
			line[length] = '\0';
			return true;
		}
		line[length++] = c == '\0' ? ' ' : c;
	}
	line[length] = '\0';
	return length != 0;
}

/* Go on behind the text; false: it is not there. */
static bool
skip_text(const char **at, const char *text)
{
	size_t length = strlen(text);

	if (strncmp(*at, text, length) != 0)
		return false;
	*at += length;
	return true;
}

static bool
take_number(const char **at, uint64_t *number)
{
	char *end;

	if (**at < '0' || **at > '9')
		return false;
	*number = strtoull(*at, &end, 10);
	*at = end;
	return true;
}

/* A decimal number times `unit`. */
static bool
take_decimal(const char **at, double unit, uint64_t *number)
{
	double value = 0, digit = 1;

	if (**at < '0' || **at > '9')
		return false;
	for (; **at >= '0' && **at <= '9'; ++*at)
		value = value * 10 + (**at - '0');
	if (**at == '.')
		for (++*at; **at >= '0' && **at <= '9'; ++*at)
			value += (**at - '0') * (digit /= 10);
	value *= unit;
	if (value > 1e18)
		return false;
	*number = (uint64_t)(value + 0.5);
	return true;
}

/* Times with '+' or '/' between them. */
static bool
take_times(const char **at, uint64_t times[TIMES_MAX], size_t *count)
{
	do {
		if (*count == TIMES_MAX ||
		    !take_decimal(at, 1e6, &times[(*count)++]))
			return false;
	} while (skip_text(at, "+") || skip_text(at, "/"));
	return *count >= 3;
}

/* All of it, or nothing is taken. */
static bool
take_megabytes(const char **at, uint64_t *bytes, const char *after)
{
	const char *next = *at;

	if (!take_number(&next, bytes) || *bytes > UINT64_MAX >> 21 ||
	    !skip_text(&next, after))
		return false;
	*bytes <<= 20;
	*at = next;
	return true;
}

/* A number before some words, anywhere in the text. */
static uint64_t
find_number(const char *text, const char *words)
{
	const char *at = strstr(text, words), *start = at;

	while (start != NULL && start > text && start[-1] >= '0' &&
	       start[-1] <= '9')
		start--;
	return start == NULL || start == at ? 0 : strtoull(start, NULL, 10);
}

static void
take_ours(struct gc_line *line, const char *text)
{
	static const char *const back_ends[] = {"pagemap", "fork", "off"};
	static const char abandoned[] = "(abandoned: ";
	const char *found = strstr(text, abandoned), *more;

	line->ours = strstr(text, " B reclaimed in ") != NULL;
	line->reclaimed = find_number(text, " B reclaimed in ");
	line->blocks = find_number(text, " blocks");
	line->limbo = find_number(text, " B in limbo");
	line->stops = find_number(text, " stops, ");
	more = strstr(text, " stops, ");
	if (more != NULL) {
		more += strlen(" stops, ");
		(void)take_decimal(&more, 1e6, &line->stopped_ns);
	}
	for (size_t i = 0; i < sizeof(back_ends) / sizeof(*back_ends); i++) {
		char word[16];

		snprintf(word, sizeof(word), ", %s", back_ends[i]);
		if (line->ours && strstr(text, word) != NULL)
			line->back_end = back_ends[i];
	}
	if (found != NULL) {
		char why[TRACE_NAME_BYTES * 2];

		found += strlen(abandoned);
		snprintf(
		    why, sizeof(why), "%.*s", (int)strcspn(found, ")"), found);
		line->abandoned = intern_word(why);
	}
}

static bool
parse_gc(const char *text, struct gc_line *line)
{
	uint64_t skipped;

	*line = (struct gc_line){0};
	if (!take_number(&text, &line->number) || !skip_text(&text, " @") ||
	    !take_decimal(&text, 1e9, &line->at_ns) ||
	    !skip_text(&text, "s ") || !take_number(&text, &skipped) ||
	    !skip_text(&text, "%: ") ||
	    !take_times(&text, line->clock, &line->nclock) ||
	    !skip_text(&text, " ms clock, ") ||
	    !take_times(&text, line->cpu, &line->ncpu) ||
	    !skip_text(&text, " ms cpu, ") ||
	    !take_megabytes(&text, &line->heap[0], "->") ||
	    !take_megabytes(&text, &line->heap[1], "->") ||
	    !take_megabytes(&text, &line->heap[2], " MB, ") ||
	    !take_megabytes(&text, &line->goal, " MB goal, "))
		return false;
	/* With Go 1.18, sizes of stacks and globals. */
	if (take_megabytes(&text, &skipped, " MB stacks, ") &&
	    !take_megabytes(&text, &skipped, " MB globals, "))
		return false;
	if (!take_number(&text, &line->procs) || !skip_text(&text, " P"))
		return false;
	line->forced = skip_text(&text, " (forced)");
	take_ours(line, text);
	return true;
}

/* Events
 * ------------------------------------------------------------------ */

/* As far as the table of ours goes; the words are the fields in their order. */
static void
queue_event(struct trace_lines *lines, enum gcm_event_id id, uint64_t ns,
    unsigned int nwords, ...)
{
	struct trace_event *event = &lines->queue[lines->tail];
	va_list list;

	if (lines->tail == QUEUE_EVENTS)
		return;
	lines->tail++;
	*event = (struct trace_event){.process = lines->process,
	    .type = lines->process->table.types[id],
	    .ns = ns,
	    .nwords = nwords};
	va_start(list, nwords);
	for (unsigned int i = 0; i < nwords; i++)
		event->words[i] = va_arg(list, uint64_t);
	va_end(list);
	if (ns > lines->last_ns)
		lines->last_ns = ns;
}

/* The number of a word in the process's own table, which it is put into. */
static uint64_t
number_word(struct trace_process *process, const char *kind, const char *word)
{
	struct trace_table *table = &process->table;
	struct trace_word *entry;
	uint64_t next = 0;

	for (size_t i = 0; i < table->nwords; i++) {
		if (strcmp(table->words[i].kind, kind) != 0)
			continue;
		if (strcmp(table->words[i].word, word) == 0)
			return table->words[i].number;
		if (table->words[i].number >= next)
			next = table->words[i].number + 1;
	}
	table->words = more_room(
	    table->words, &table->room, table->nwords + 1, sizeof(*entry));
	entry = &table->words[table->nwords++];
	snprintf(entry->kind, sizeof(entry->kind), "%s", kind);
	entry->number = next;
	entry->word = intern_word(word);
	return next;
}

/* Another process's lines begin, as its numbers do. */
static void
meet_process(
    struct trace *trace, struct trace_lines *lines, const struct gc_line *line)
{
	char cpus[64];

	if (lines->process != NULL && line->number > lines->number)
		return;
	lines->process = add_traced_process(trace, 0);
	lines->last_ns = 0;
	take_own_table(lines->process);
	lines->process->cpus = line->procs;
	snprintf(cpus, sizeof(cpus), "set exe %s\n",
	    line->ours ? "a program" : "a Go program");
	take_table(lines->process, cpus, strlen(cpus));
	lines->process->cpus = line->procs;
}

static void
queue_stop(struct trace_lines *lines, uint64_t *ns, uint64_t took)
{
	if (took == 0)
		return;
	queue_event(lines, GCM_EVENT_stop_begin, *ns, 0);
	*ns += took;
	queue_event(lines, GCM_EVENT_stop_end, *ns, 0);
}

static void
queue_phase(struct trace_lines *lines, uint64_t ns, const char *name)
{
	queue_event(lines, GCM_EVENT_phase, ns, 1,
	    number_word(lines->process, "phase", name));
}

/* All between the first and the last stop. */
static void
queue_mark(struct trace_lines *lines, const struct gc_line *line, uint64_t *ns)
{
	uint64_t mark = 0, cpu = 0, between = 0;

	for (size_t i = 1; i + 1 < line->nclock; i++)
		mark += line->clock[i];
	for (size_t i = 1; i + 1 < line->ncpu; i++)
		cpu += line->cpu[i];
	if (line->stops > 2 &&
	    line->stopped_ns > line->clock[0] + line->clock[line->nclock - 1])
		between = line->stopped_ns - line->clock[0] -
			  line->clock[line->nclock - 1];
	queue_phase(lines, *ns, "mark");
	/* The stops that the line tells the sum of only: as one. */
	if (between != 0 && between < mark) {
		*ns += mark - between;
		queue_stop(lines, ns, between);
	} else {
		*ns += mark;
	}
	queue_event(lines, GCM_EVENT_heap, *ns, 2, line->heap[1], line->goal);
	queue_event(lines, GCM_EVENT_mark, *ns, 4, (uint64_t)0, (uint64_t)0,
	    (uint64_t)0, cpu);
	queue_phase(lines, *ns, "finish");
}

static void
queue_cycle(struct trace_lines *lines, const struct gc_line *line)
{
	struct trace_process *process = lines->process;
	uint64_t ns =
	    line->at_ns > lines->last_ns ? line->at_ns : lines->last_ns;
	const char *why = lines->periodic ? "periodic"
			  : line->forced  ? "forced"
					  : "growth";
	uint64_t reclaimed = line->reclaimed;

	if (!line->ours && line->heap[1] > line->heap[2])
		reclaimed = line->heap[1] - line->heap[2];
	if (line->back_end != NULL)
		queue_event(lines, GCM_EVENT_back_end, ns, 1,
		    number_word(process, "back_end", line->back_end));
	queue_event(lines, GCM_EVENT_cycle_begin, ns, 6, line->number,
	    number_word(process, "cause", why), line->heap[0], (uint64_t)0,
	    line->goal, line->goal);
	queue_event(lines, GCM_EVENT_heap, ns, 2, line->heap[0], line->goal);
	queue_phase(lines, ns, "begin");
	queue_stop(lines, &ns, line->clock[0]);
	queue_mark(lines, line, &ns);
	queue_stop(lines, &ns, line->clock[line->nclock - 1]);
	queue_event(lines, GCM_EVENT_cycle_end, ns, 7, line->number,
	    number_word(process, "abandon",
		line->abandoned == NULL ? "no" : line->abandoned),
	    line->heap[2], reclaimed, line->blocks, line->limbo, line->goal);
	queue_event(lines, GCM_EVENT_heap, ns, 2, line->heap[2], line->goal);
}

/* What was given back, in the words of each version. */
static void
take_scavenge(struct trace_lines *lines, const char *text)
{
	uint64_t kilobytes = find_number(text, " KiB work (bg)") +
			     find_number(text, " KiB work (eager)") +
			     find_number(text, " KiB work,") +
			     find_number(text, " KB released") +
			     (find_number(text, " MB released") << 10);

	if (lines->process != NULL && kilobytes != 0 &&
	    kilobytes < UINT64_MAX >> 11)
		queue_event(lines, GCM_EVENT_scavenge, lines->last_ns, 2,
		    kilobytes << 10, (uint64_t)0);
}

static void
take_text_line(struct trace *trace, struct trace_lines *lines, const char *text)
{
	const char *at = text;
	struct gc_line line;

	for (; (at = strstr(at, "gc ")) != NULL; at += 3)
		if (parse_gc(at + 3, &line)) {
			meet_process(trace, lines, &line);
			queue_cycle(lines, &line);
			lines->number = line.number;
			lines->periodic = false;
			return;
		}
	if (strstr(text, "GC forced") != NULL)
		lines->periodic = true;
	else if ((at = strstr(text, "scav ")) != NULL ||
		 (at = strstr(text, "scvg")) != NULL)
		take_scavenge(lines, at);
}

struct trace_lines *
begin_lines(struct trace *trace, struct trace_source *source)
{
	struct trace_lines *lines = get_room(sizeof(*lines));

	(void)trace;
	lines->source = *source;
	return lines;
}

bool
next_line_event(struct trace *trace, struct trace_event *event)
{
	struct trace_lines *lines = trace->lines;
	char line[LINE_BYTES];

	while (lines->head == lines->tail) {
		lines->head = lines->tail = 0;
		if (!next_line(lines, line))
			return false;
		take_text_line(trace, lines, line);
	}
	*event = lines->queue[lines->head++];
	return true;
}

void
free_lines(struct trace_lines *lines)
{
	close_source(&lines->source);
	free(lines);
}
