/* trace_table.c -- what the numbers of a trace mean
 *
 * MODEL   A process's table names its events, their fields and the words of
 *         enums (core/event_format.h).  We look at names only, so that a trace
 *         of another version is read as far as it has what we know: an event
 *         that we do not know is shown with its fields, one that lacks a field
 *         has 0 there.  Where the table is lost, ours is taken.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/trace.h"
#include "tools/trace_source.h"

static const char *const known[] = {
    [GCM_EVENT_NONE] = "",
#define EVENT(name, fields, doc) [GCM_EVENT_##name] = #name,
#define ENUM(name, number, word)
#include "core/event.def"
#undef EVENT
#undef ENUM
};

static const char own_table[] =
#define EVENT(name, fields, doc) "event # " #name " " fields "\n"
#define ENUM(name, number, word) "enum " #name " " #number " " word "\n"
#include "core/event.def"
#undef EVENT
#undef ENUM
    ;

const char *
intern_word(const char *word)
{
	static char **list;
	static size_t count, room;

	for (size_t i = 0; i < count; i++)
		if (strcmp(list[i], word) == 0)
			return list[i];
	list = more_room(list, &room, count + 1, sizeof(*list));
	list[count] = copy_string(word, strlen(word));
	return list[count++];
}

static void
copy_name(char name[TRACE_NAME_BYTES], const char *from)
{
	size_t length = strnlen(from, TRACE_NAME_BYTES - 1);

	/* It is shown on terminals and in pages. */
	for (size_t i = 0; i < length; i++)
		name[i] = from[i];
	name[length] = '\0';
	for (char *c = name; *c != '\0'; c++)
		if (*c < ' ' || *c > '~' || *c == '<' || *c == '"')
			*c = '?';
}

static enum trace_form
find_form(const char *kind)
{
	static const char *const forms[] = {[FORM_NS] = "ns",
	    [FORM_BYTES] = "bytes",
	    [FORM_COUNT] = "count",
	    [FORM_TID] = "tid",
	    [FORM_ADDR] = "addr",
	    [FORM_BOOL] = "bool",
	    [FORM_TEXT] = "text"};

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(kind, forms[i]) == 0)
			return (enum trace_form)i;
	return FORM_WORD;
}

/* The next word of a line, ended in place; NULL: none is left. */
static char *
cut_word(char **line)
{
	char *word = *line + strspn(*line, " \t\r");
	size_t length = strcspn(word, " \t\r");

	if (length == 0)
		return NULL;
	*line = word + length;
	if (**line != '\0')
		*(*line)++ = '\0';
	return word;
}

static void
add_field(struct trace_type *type, size_t *room, char *word, unsigned int *at)
{
	char *colon = strchr(word, ':');
	struct trace_field *field;

	if (colon == NULL)
		return;
	*colon = '\0';
	type->fields = more_room(
	    type->fields, room, type->nfields + 1, sizeof(*type->fields));
	field = &type->fields[type->nfields++];
	copy_name(field->name, word);
	copy_name(field->kind, colon + 1);
	field->form = find_form(field->kind);
	field->at = *at;
	*at += field->form == FORM_TEXT ? GCM_EVENT_TEXT_WORDS : 1;
}

static void
free_type(struct trace_type *type)
{
	if (type != NULL)
		free(type->fields);
	free(type);
}

static void
take_event(struct trace_table *table, unsigned long number, char *line)
{
	char *name = cut_word(&line), *word;
	struct trace_type *type;
	unsigned int at = 0;
	size_t room = 0;

	if (name == NULL || number == 0 || number >= TRACE_TYPES)
		return;
	type = get_room(sizeof(*type));
	copy_name(type->name, name);
	for (size_t i = 1; i < GCM_EVENTS; i++)
		if (strcmp(known[i], type->name) == 0)
			type->id = (enum gcm_event_id)i;
	while ((word = cut_word(&line)) != NULL && at < TRACE_WORDS_MAX)
		add_field(type, &room, word, &at);
	free_type(table->types[number]);
	table->types[number] = type;
}

static void
take_enum(struct trace_table *table, char *line)
{
	char *kind = cut_word(&line);
	char *number = kind == NULL ? NULL : cut_word(&line);
	char *word = number == NULL ? NULL : cut_word(&line);
	char clean[TRACE_NAME_BYTES];
	struct trace_word *entry;

	if (word == NULL || table->nwords >= 4096)
		return;
	table->words = more_room(
	    table->words, &table->room, table->nwords + 1, sizeof(*entry));
	entry = &table->words[table->nwords++];
	copy_name(entry->kind, kind);
	entry->number = strtoull(number, NULL, 10);
	copy_name(clean, word);
	entry->word = intern_word(clean);
}

static void
take_set(struct trace_process *process, char *line)
{
	char *name = cut_word(&line);
	struct trace_set *set;

	if (name == NULL)
		return;
	line += strspn(line, " \t");
	process->sets = more_room(
	    process->sets, &process->room, process->nsets + 1, sizeof(*set));
	set = &process->sets[process->nsets++];
	set->name = copy_string(name, strlen(name));
	set->value = copy_string(line, strlen(line));
}

static void
take_line(struct trace_process *process, char *line, unsigned long *next)
{
	char *what = cut_word(&line), *number;

	if (what == NULL)
		return;
	if (strcmp(what, "enum") == 0)
		take_enum(&process->table, line);
	else if (strcmp(what, "set") == 0)
		take_set(process, line);
	else if (strcmp(what, "event") == 0 &&
		 (number = cut_word(&line)) != NULL)
		take_event(&process->table,
		    *number == '#' ? ++*next : strtoul(number, NULL, 10), line);
}

static void
settle_process(struct trace_process *process)
{
	const char *wall = process_set(process, "realtime_ns");
	const char *steady = process_set(process, "monotonic_ns");
	const char *cpus = process_set(process, "cpus");

	process->dated = wall != NULL && steady != NULL;
	if (process->dated)
		process->wall_ns = (int64_t)(strtoull(wall, NULL, 10) -
					     strtoull(steady, NULL, 10));
	process->cpus = cpus == NULL ? 0 : strtoull(cpus, NULL, 10);
}

void
take_table(struct trace_process *process, char *text, size_t length)
{
	char *end = text + length;
	unsigned long next = 0;

	while (text < end) {
		char *stop = memchr(text, '\n', (size_t)(end - text));

		if (stop == NULL)
			stop = end - 1; /* its last byte is padding */
		*stop = '\0';
		take_line(process, text, &next);
		text = stop + 1;
	}
	settle_process(process);
}

void
take_own_table(struct trace_process *process)
{
	char *text = copy_string(own_table, sizeof(own_table) - 1);

	take_table(process, text, sizeof(own_table) - 1);
	free(text);
}

const char *
process_set(const struct trace_process *process, const char *name)
{
	for (size_t i = process->nsets; i-- > 0;)
		if (strcmp(process->sets[i].name, name) == 0)
			return process->sets[i].value;
	return NULL;
}

const char *
process_name(const struct trace_process *process)
{
	const char *name = process_set(process, "exe");
	const char *slash = name == NULL ? NULL : strrchr(name, '/');

	if (slash != NULL && slash[1] != '\0')
		return slash + 1;
	return name == NULL || *name == '\0' ? "a program" : name;
}

struct trace_process *
add_traced_process(struct trace *trace, uint32_t pid)
{
	struct trace_process *process = get_room(sizeof(*process));

	trace->processes = more_room(trace->processes, &trace->room,
	    trace->nprocesses + 1, sizeof(*trace->processes));
	process->pid = pid;
	process->index = (uint32_t)trace->nprocesses;
	trace->processes[trace->nprocesses++] = process;
	return process;
}

static const struct trace_field *
find_field(const struct trace_event *event, const char *name)
{
	for (size_t i = 0; i < event->type->nfields; i++) {
		const struct trace_field *field = &event->type->fields[i];

		if (field->at < event->nwords && strcmp(field->name, name) == 0)
			return field;
	}
	return NULL;
}

uint64_t
event_value(const struct trace_event *event, const char *name)
{
	const struct trace_field *field = find_field(event, name);

	return field == NULL ? 0 : event->words[field->at];
}

const char *
find_word(const struct trace_table *table, const char *kind, uint64_t number)
{
	char text[TRACE_NAME_BYTES];

	for (size_t i = 0; i < table->nwords; i++)
		if (table->words[i].number == number &&
		    strcmp(table->words[i].kind, kind) == 0)
			return table->words[i].word;
	snprintf(text, sizeof(text), "%u", (unsigned int)(number & 0xff));
	return intern_word(text);
}

const char *
event_word(const struct trace_event *event, const char *name)
{
	const struct trace_field *field = find_field(event, name);

	if (field == NULL)
		return "";
	return find_word(
	    &event->process->table, field->kind, event->words[field->at]);
}

void
copy_text(const struct trace_event *event, const struct trace_field *field,
    char text[TRACE_TEXT_BYTES])
{
	size_t left = event->nwords - field->at;

	memset(text, 0, TRACE_TEXT_BYTES);
	if (left > GCM_EVENT_TEXT_WORDS)
		left = GCM_EVENT_TEXT_WORDS;
	memcpy(text, &event->words[field->at], left * sizeof(uint64_t));
	for (char *c = text; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f)
			*c = ' ';
}

void
event_text(const struct trace_event *event, const char *name,
    char text[TRACE_TEXT_BYTES])
{
	const struct trace_field *field = find_field(event, name);

	text[0] = '\0';
	if (field != NULL)
		copy_text(event, field, text);
}
