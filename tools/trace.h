/* trace.h -- traces as a sequence of events, whatever the file was
 *
 * An execution trace (core/event_format.h) or a text with gctrace lines in it;
 * both give the same events, in order of time.
 */
#ifndef GCM_TOOLS_TRACE_H
#define GCM_TOOLS_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/event_format.h"

enum {
	TRACE_WORDS_MAX = 64, /* of an event, its head not counted */
	TRACE_NAME_BYTES = 32,
	TRACE_TEXT_BYTES = GCM_EVENT_TEXT_WORDS * 8 + 1,
	TRACE_TYPES = 256
};

enum trace_form {
	FORM_NS,
	FORM_BYTES,
	FORM_COUNT,
	FORM_TID,
	FORM_ADDR,
	FORM_BOOL,
	FORM_TEXT,
	FORM_WORD /* of an enum */
};

struct trace_field {
	char name[TRACE_NAME_BYTES];
	char kind[TRACE_NAME_BYTES];
	enum trace_form form;
	unsigned int at; /* its first word */
};

struct trace_type {
	char name[TRACE_NAME_BYTES];
	enum gcm_event_id id; /* by its name; GCM_EVENT_NONE: not one of ours */
	unsigned int nfields;
	struct trace_field *fields;
};

struct trace_word { /* a value of an enum */
	char kind[TRACE_NAME_BYTES];
	uint64_t number;
	const char *word; /* shared, never freed: equal words, equal pointers */
};

struct trace_set { /* a line "set" of a table */
	char *name, *value;
};

struct trace_table {
	struct trace_type *types[TRACE_TYPES];
	struct trace_word *words;
	size_t nwords, room;
};

struct trace_process {
	uint32_t pid;    /* 0: a text, which does not say */
	uint32_t index;  /* among those of the trace */
	bool dated;      /* realtime_ns and monotonic_ns are known */
	int64_t wall_ns; /* from an event's time to the wall clock */
	uint64_t cpus;
	struct trace_table table;
	struct trace_set *sets;
	size_t nsets, room;
	uint64_t lost;
	uint64_t nevents; /* given so far */
};

struct trace_event {
	struct trace_process *process;
	const struct trace_type *type;
	uint64_t ns;
	uint32_t tid;
	unsigned int nwords;
	uint64_t words[TRACE_WORDS_MAX];
};

struct trace_batches; /* trace_batch.c */
struct trace_lines;   /* trace_line.c */

struct trace {
	const char *path;
	struct trace_process **processes;
	size_t nprocesses, room;
	uint64_t nevents; /* given so far */
	uint64_t
	    longest_wait; /* of all fields "waited"; known from the start */
	struct trace_batches *batches;
	struct trace_lines *lines;
};

/* Open a file, or standard input for "-"; NULL, and a line that says why. */
struct trace *open_trace(const char *path);

/* The next event; false at the end. */
bool next_event(struct trace *trace, struct trace_event *event);

void close_trace(struct trace *trace);

/* A field's value; 0 or "" if the event has none of that name. */
uint64_t event_value(const struct trace_event *event, const char *name);
const char *event_word(const struct trace_event *event, const char *name);
void event_text(const struct trace_event *event, const char *name,
    char text[TRACE_TEXT_BYTES]);

/* The same of a field at hand. */
const char *find_word(
    const struct trace_table *table, const char *kind, uint64_t number);
void copy_text(const struct trace_event *event, const struct trace_field *field,
    char text[TRACE_TEXT_BYTES]);

/* What the process says of itself, or NULL. */
const char *process_set(const struct trace_process *process, const char *name);

/* Its name to be shown: the program's, without folders. */
const char *process_name(const struct trace_process *process);

struct trace_process *add_traced_process(struct trace *trace, uint32_t pid);

/* Take the text of a table batch. */
void take_table(struct trace_process *process, char *text, size_t length);

/* Our own table, for a process that has none. */
void take_own_table(struct trace_process *process);

const char *intern_word(const char *word);

/* The two readers behind open_trace and next_event. */
struct trace_source; /* trace_source.h */
struct trace_batches *index_batches(
    struct trace *trace, struct trace_source *source);
bool next_batch_event(struct trace *trace, struct trace_event *event);
void free_batches(struct trace_batches *batches);
struct trace_lines *begin_lines(
    struct trace *trace, struct trace_source *source);
bool next_line_event(struct trace *trace, struct trace_event *event);
void free_lines(struct trace_lines *lines);

#endif
