/* trace_batch.c -- the batches of an execution trace, merged by time
 *
 * MODEL   A batch is what a thread or a few had to say, so batches overlap in
 *         time.  The file is read twice.  First an index of it is made: where
 *         each batch is, its process, its earliest event.  Then the batches are
 *         opened in the order of their earliest events, each just before its
 *         turn, and the open ones merged.  So a file of gigabytes takes 24
 *         bytes for each of its batches, and those batches themselves that
 *         reach over one moment.
 *
 *         The order of one thread's events is that of the file where their
 *         times are equal.
 *
 *         A file may end in the midst of a batch, have holes of zeros (a ring
 *         that was not filled, a machine that went down) and damage: what is
 *         no batch is skipped to the next that looks like one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/trace.h"
#include "tools/trace_source.h"
#include "tools/verb.h"

enum {
	BATCH_MAX = 1 << 24, /* longer ones are damage */
	WINDOW_BYTES = 1 << 16
};

struct place {
	uint64_t at;
	uint64_t first_ns;
	uint32_t bytes;
	uint32_t process; /* while indexing: index; NO_PROCESS: by pid later */
};

struct orphan { /* a batch before its process's table */
	size_t place;
	uint32_t pid;
};

struct record {
	uint64_t ns; /* by which it is merged */
	uint32_t at; /* its first word in the batch */
};

struct cursor { /* an open batch */
	struct record *records;
	uint64_t *words;
	size_t nrecords, next, place;
};

struct trace_batches {
	struct trace_source source;
	struct place *places;
	size_t nplaces, room, opened;
	struct orphan *orphans;
	size_t norphans, orphan_room;
	struct cursor *heap; /* the earliest is on top */
	size_t nheap, heap_room;
	uint64_t torn, skipped, damaged;
};

/* Records
 * ------------------------------------------------------------------ */

/* How many words the record at `at` has; 0: there is none any more. */
static size_t
record_words(const uint64_t *words, size_t nwords, size_t at, bool *damaged)
{
	size_t count;

	if (at >= nwords || words[at] == 0)
		return 0;
	count = words[at] >> 8 & 0xff;
	if (count < GCM_EVENT_HEAD_WORDS || count > nwords - at) {
		*damaged = true;
		return 0;
	}
	return count;
}

static size_t
list_records(const uint64_t *words, size_t nwords, struct record **records,
    bool *damaged)
{
	size_t at = sizeof(struct gcm_batch) / 8, n = 0, room = 0, count;

	*records = NULL;
	while ((count = record_words(words, nwords, at, damaged)) != 0) {
		*records = more_room(*records, &room, n + 1, sizeof(**records));
		(*records)[n++] = (struct record){words[at + 1], (uint32_t)at};
		at += count;
	}
	return n;
}

static int
compare_records(const void *one, const void *other)
{
	const struct record *a = one, *b = other;

	if (a->ns != b->ns)
		return a->ns < b->ns ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static void
fill_event(struct trace_event *event, const uint64_t *record)
{
	event->ns = record[1];
	event->tid = (uint32_t)(record[0] >> 32);
	event->nwords =
	    (unsigned int)(record[0] >> 8 & 0xff) - GCM_EVENT_HEAD_WORDS;
	if (event->nwords > TRACE_WORDS_MAX)
		event->nwords = TRACE_WORDS_MAX;
	memcpy(event->words, record + GCM_EVENT_HEAD_WORDS,
	    event->nwords * sizeof(uint64_t));
}

/* The index
 * ------------------------------------------------------------------ */

/* The process whose table was the last of that number; NULL: none yet. */
static struct trace_process *
find_process(struct trace *trace, uint32_t pid)
{
	for (size_t i = trace->nprocesses; i-- > 0;)
		if (trace->processes[i]->pid == pid)
			return trace->processes[i];
	return NULL;
}

/* A table that begins a process, or goes on with what did not fit. */
static void
index_table(
    struct trace *trace, const struct gcm_batch *head, unsigned char *bytes)
{
	struct trace_process *process = find_process(trace, head->pid);

	if (process == NULL || head->number <= 1)
		process = add_traced_process(trace, head->pid);
	take_table(process, (char *)bytes + sizeof(*head),
	    head->bytes - sizeof(*head));
}

static void
note_wait(struct trace *trace, const struct trace_process *process,
    const uint64_t *record)
{
	struct trace_event event = {
	    .type = process->table.types[record[0] & 0xff]};
	uint64_t waited;

	if (event.type == NULL || event.type->id != GCM_EVENT_assist)
		return;
	fill_event(&event, record);
	waited = event_value(&event, "waited");
	if (waited > trace->longest_wait)
		trace->longest_wait = waited;
}

static void
index_events(struct trace *trace, struct trace_batches *batches, uint64_t from,
    const struct gcm_batch *head, const uint64_t *words)
{
	struct trace_process *process = find_process(trace, head->pid);
	struct place place = {.at = from, .bytes = head->bytes};
	size_t nwords = head->bytes / 8, at = sizeof(*head) / 8, count;
	bool damaged = false, any = false;

	while ((count = record_words(words, nwords, at, &damaged)) != 0) {
		if (!any || words[at + 1] < place.first_ns)
			place.first_ns = words[at + 1];
		if (process != NULL)
			note_wait(trace, process, words + at);
		any = true;
		at += count;
	}
	batches->damaged += damaged;
	if (process != NULL && head->lost > process->lost)
		process->lost = head->lost;
	if (!any)
		return;
	if (process == NULL) {
		batches->orphans =
		    more_room(batches->orphans, &batches->orphan_room,
			batches->norphans + 1, sizeof(*batches->orphans));
		batches->orphans[batches->norphans++] =
		    (struct orphan){batches->nplaces, head->pid};
	} else {
		place.process = process->index;
	}
	batches->places = more_room(batches->places, &batches->room,
	    batches->nplaces + 1, sizeof(*batches->places));
	batches->places[batches->nplaces++] = place;
}

/* Events before their process's table, as in a ring that came round, or with
 * none at all.
 */
static void
settle_orphans(struct trace *trace, struct trace_batches *batches)
{
	size_t ntold = trace->nprocesses;

	for (size_t i = 0; i < batches->norphans; i++) {
		const struct orphan *orphan = &batches->orphans[i];
		struct trace_process *process = NULL;

		for (size_t k = 0; k < ntold && process == NULL; k++)
			if (trace->processes[k]->pid == orphan->pid)
				process = trace->processes[k];
		if (process == NULL)
			process = find_process(trace, orphan->pid);
		if (process == NULL) {
			process = add_traced_process(trace, orphan->pid);
			take_own_table(process);
		}
		batches->places[orphan->place].process = process->index;
	}
	free(batches->orphans);
	batches->orphans = NULL;
}

static bool
is_head(const struct gcm_batch *head)
{
	return head->magic == GCM_BATCH_MAGIC && head->bytes % 8 == 0 &&
	       head->bytes >= sizeof(*head) && head->bytes <= BATCH_MAX;
}

/* Where the next batch seems to begin after `at`; the file's size: nowhere. */
static uint64_t
find_head(struct trace_source *source, uint64_t at)
{
	static uint64_t window[WINDOW_BYTES / 8];
	size_t count, i;

	for (; at < source->size; at += count) {
		show_progress("reading", at, source->size);
		count = read_source_at(source, at, window, sizeof(window));
		for (i = 0; i < count / 8; i++)
			if (window[i] == GCM_BATCH_MAGIC)
				return at + i * 8;
		if (count < sizeof(window))
			break;
	}
	return source->size;
}

/* The whole of a batch, its head checked; NULL: it is none, or cut short. */
static unsigned char *
read_batch(struct trace_source *source, uint64_t at, bool *torn)
{
	static unsigned char *buffer;
	static size_t room;
	struct gcm_batch head;
	size_t got = read_source_at(source, at, &head, sizeof(head));

	*torn = got < sizeof(head);
	if (*torn || !is_head(&head))
		return NULL;
	*torn = head.bytes > source->size - at;
	if (*torn)
		return NULL;
	buffer = more_room(buffer, &room, head.bytes, 1);
	*torn = read_source_at(source, at, buffer, head.bytes) < head.bytes;
	return *torn ? NULL : buffer;
}

static void
index_file(struct trace *trace, struct trace_batches *batches)
{
	struct trace_source *source = &batches->source;
	uint64_t at = 0, next;

	while (at < source->size) {
		struct gcm_batch head;
		bool torn;
		unsigned char *bytes = read_batch(source, at, &torn);

		show_progress("reading", at, source->size);
		if (bytes == NULL) {
			next = find_head(source, at + 8);
			if (torn && next == source->size)
				batches->torn = next - at;
			else
				batches->skipped += next - at;
			at = next;
			continue;
		}
		memcpy(&head, bytes, sizeof(head));
		if (head.kind == GCM_BATCH_TABLE)
			index_table(trace, &head, bytes);
		else if (head.kind == GCM_BATCH_EVENTS)
			index_events(trace, batches, at, &head,
			    (const uint64_t *)(const void *)bytes);
		at += head.bytes;
	}
}

static int
compare_places(const void *one, const void *other)
{
	const struct place *a = one, *b = other;

	if (a->first_ns != b->first_ns)
		return a->first_ns < b->first_ns ? -1 : 1;
	return a->at < b->at ? -1 : a->at > b->at;
}

static void
note_damage(const struct trace_batches *batches, const char *path)
{
	if (batches->torn != 0)
		refuse(0,
		    "%s: the last batch is cut short, %llu bytes are not read",
		    path, (unsigned long long)batches->torn);
	if (batches->skipped != 0)
		refuse(0, "%s: %llu bytes are no batch and were skipped", path,
		    (unsigned long long)batches->skipped);
	if (batches->damaged != 0)
		refuse(0, "%s: %llu batches were read in part: a bad record",
		    path, (unsigned long long)batches->damaged);
}

struct trace_batches *
index_batches(struct trace *trace, struct trace_source *source)
{
	struct trace_batches *batches = get_room(sizeof(*batches));

	batches->source = *source;
	if (!batches->source.seekable && !spool_source(&batches->source)) {
		free_batches(batches);
		return NULL;
	}
	index_file(trace, batches);
	settle_orphans(trace, batches);
	for (size_t i = 0; i < trace->nprocesses; i++)
		if (trace->processes[i]->table.nwords == 0)
			take_own_table(trace->processes[i]);
	if (batches->nplaces > 1)
		qsort(batches->places, batches->nplaces,
		    sizeof(*batches->places), compare_places);
	end_progress();
	note_damage(batches, batches->source.path);
	return batches;
}

void
free_batches(struct trace_batches *batches)
{
	for (size_t i = 0; i < batches->nheap; i++) {
		free(batches->heap[i].records);
		free(batches->heap[i].words);
	}
	close_source(&batches->source);
	free(batches->heap);
	free(batches->places);
	free(batches->orphans);
	free(batches);
}

/* The merge
 * ------------------------------------------------------------------ */

static bool
is_earlier(const struct trace_batches *batches, const struct cursor *a,
    const struct cursor *b)
{
	uint64_t x = a->records[a->next].ns, y = b->records[b->next].ns;

	if (x != y)
		return x < y;
	return batches->places[a->place].at < batches->places[b->place].at;
}

static void
swap_cursors(struct cursor *a, struct cursor *b)
{
	struct cursor keep = *a;

	*a = *b;
	*b = keep;
}

static void
sink_cursor(struct trace_batches *batches, size_t i)
{
	struct cursor *heap = batches->heap;

	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < batches->nheap &&
			    is_earlier(batches, &heap[child], &heap[least]))
				least = child;
		if (least == i)
			return;
		swap_cursors(&heap[i], &heap[least]);
		i = least;
	}
}

static void
open_batch(struct trace_batches *batches, size_t place)
{
	const struct place *where = &batches->places[place];
	struct cursor cursor = {.place = place};
	bool damaged = false;
	size_t i;

	cursor.words = get_room(where->bytes);
	/* Of a file that changed meanwhile the rest is zeros: no records. */
	read_source_at(&batches->source, where->at, cursor.words, where->bytes);
	cursor.nrecords = list_records(
	    cursor.words, where->bytes / 8, &cursor.records, &damaged);
	if (cursor.nrecords == 0) {
		free(cursor.records);
		free(cursor.words);
		return;
	}
	qsort(cursor.records, cursor.nrecords, sizeof(*cursor.records),
	    compare_records);
	batches->heap = more_room(batches->heap, &batches->heap_room,
	    batches->nheap + 1, sizeof(*batches->heap));
	i = batches->nheap++;
	batches->heap[i] = cursor;
	for (; i > 0 && is_earlier(batches, &batches->heap[i],
			    &batches->heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		swap_cursors(&batches->heap[i], &batches->heap[(i - 1) / 2]);
}

static void
step_cursor(struct trace_batches *batches)
{
	struct cursor *top = &batches->heap[0];

	if (++top->next == top->nrecords) {
		free(top->records);
		free(top->words);
		*top = batches->heap[--batches->nheap];
	}
	sink_cursor(batches, 0);
}

/* Take the earliest record; false: its kind is unknown. */
static bool
take_record(struct trace *trace, struct trace_event *event)
{
	struct trace_batches *batches = trace->batches;
	const struct cursor *top = &batches->heap[0];
	const uint64_t *record = top->words + top->records[top->next].at;

	event->process = trace->processes[batches->places[top->place].process];
	event->type = event->process->table.types[record[0] & 0xff];
	fill_event(event, record);
	step_cursor(batches);
	return event->type != NULL;
}

bool
next_batch_event(struct trace *trace, struct trace_event *event)
{
	struct trace_batches *batches = trace->batches;

	do {
		while (
		    batches->opened < batches->nplaces &&
		    (batches->nheap == 0 ||
			batches->places[batches->opened].first_ns <=
			    batches->heap[0].records[batches->heap[0].next].ns))
			open_batch(batches, batches->opened++);
		if (batches->nheap == 0)
			return false;
		show_progress("working", batches->opened, batches->nplaces);
	} while (!take_record(trace, event));
	return true;
}
