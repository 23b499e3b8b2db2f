/* trace_json.c -- Chrome's trace events, as ui.perfetto.dev opens them
 *
 * MODEL   Cycles with their phases inside, and stops, are slices on two tracks
 *         of their own in each process; a thread's track has its assists, and
 *         the time it took to stop; heap, goal and resident set are counters;
 *         all else is an instant with the event's fields.
 *
 *         Slices of which only the end is an event begin in the past, and the
 *         output is sorted: lines are held back for as long as the longest of
 *         those lasts (trace.longest_wait), at least two seconds.
 *
 * INVARIANTS
 *   .inv.json-nested  slices of a track are one inside the other, or apart: a
 *                     cycle closes its phase, and a thread's slice is cut where
 *                     it would reach into the last one.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tools/trace_show.h"
#include "tools/trace_source.h"

enum {
	HOLD_NS = 2000000000,
	TRACK_CYCLES = 1 << 30, /* above all thread ids */
	TRACK_STOPS,
	LINE_BYTES = 512
};

struct held {
	uint64_t ns, order;
	char *line;
};

struct slice {
	uint32_t tid;
	uint64_t begin, end;
};

struct track { /* of a process */
	bool known;
	bool cycle, phase, stop; /* slices that are open */
	uint64_t stop_begin, stop_end;
	const char *phase_name;
	struct slice *slices; /* the last one of each thread */
	size_t nslices, room;
};

struct trace_json {
	FILE *file;
	const struct trace *trace;
	struct held *heap;
	size_t nheap, room;
	uint64_t order, hold, zero, last;
	bool any;
	struct track *tracks;
	size_t ntracks, track_room;
};

/* Lines, held back and sorted
 * ------------------------------------------------------------------ */

static bool
is_before(const struct held *a, const struct held *b)
{
	return a->ns != b->ns ? a->ns < b->ns : a->order < b->order;
}

static void
swap_held(struct held *a, struct held *b)
{
	struct held keep = *a;

	*a = *b;
	*b = keep;
}

static void
write_first(struct trace_json *json)
{
	struct held *heap = json->heap;
	size_t i = 0;

	fprintf(json->file, "%s%s", json->any ? ",\n" : "", heap[0].line);
	json->any = true;
	free(heap[0].line);
	heap[0] = heap[--json->nheap];
	for (;;) {
		size_t least = i;

		for (size_t child = 2 * i + 1; child <= 2 * i + 2; child++)
			if (child < json->nheap &&
			    is_before(&heap[child], &heap[least]))
				least = child;
		if (least == i)
			return;
		swap_held(&heap[i], &heap[least]);
		i = least;
	}
}

static void
hold_line(struct trace_json *json, uint64_t ns, char *line)
{
	size_t i = json->nheap++;

	json->heap = more_room(
	    json->heap, &json->room, json->nheap, sizeof(*json->heap));
	json->heap[i] = (struct held){ns, json->order++, line};
	for (; i > 0 && is_before(&json->heap[i], &json->heap[(i - 1) / 2]);
	     i = (i - 1) / 2)
		swap_held(&json->heap[i], &json->heap[(i - 1) / 2]);
}

/* Those of a text have no numbers; they get different ones. */
static uint32_t
shown_pid(const struct trace_process *process)
{
	return process->pid != 0 ? process->pid : process->index + 1;
}

/* Microseconds since the trace's first moment. */
static void
write_stamp(FILE *file, const char *name, uint64_t ns)
{
	fprintf(file, ",\"%s\":%" PRIu64 ".%03u", name, ns / 1000,
	    (unsigned int)(ns % 1000));
}

/* A line from its parts; `arguments` is the inside of "args", or NULL. */
static void
add_line(struct trace_json *json, const struct trace_event *event,
    const char *phase, uint32_t tid, const char *name, uint64_t ns,
    uint64_t length, const char *arguments)
{
	char *line = NULL;
	size_t size;
	FILE *file = open_memstream(&line, &size);

	if (file == NULL)
		return;
	if (ns < json->zero)
		ns = json->zero;
	fprintf(file, "{\"ph\":\"%s\",\"pid\":%" PRIu32 ",\"tid\":%" PRIu32,
	    phase, shown_pid(event->process), tid);
	write_stamp(file, "ts", ns - json->zero);
	if (*phase == 'X')
		write_stamp(file, "dur", length);
	if (*phase == 'i')
		fputs(",\"s\":\"t\"", file);
	if (name != NULL) {
		fputs(",\"name\":\"", file);
		write_escaped(file, name);
		fputs("\"", file);
	}
	if (arguments != NULL)
		fprintf(file, ",\"args\":{%s}", arguments);
	fputs("}", file);
	fclose(file);
	if (line != NULL)
		hold_line(json, ns, line);
}

/* All fields of an event, as the inside of "args"; to be freed. */
static char *
format_fields(const struct trace_event *event)
{
	char *text = NULL, field_text[TRACE_TEXT_BYTES];
	size_t size;
	FILE *file = open_memstream(&text, &size);
	const char *comma = "";

	for (size_t i = 0; file != NULL && i < event->type->nfields; i++) {
		const struct trace_field *field = &event->type->fields[i];

		if (field->at >= event->nwords)
			continue;
		fprintf(file, "%s\"", comma);
		write_escaped(file, field->name);
		fputs("\":", file);
		comma = ",";
		if (field->form == FORM_TEXT || field->form == FORM_WORD) {
			copy_text(event, field, field_text);
			fputs("\"", file);
			write_escaped(file,
			    field->form == FORM_TEXT
				? field_text
				: find_word(&event->process->table, field->kind,
				      event->words[field->at]));
			fputs("\"", file);
		} else if (field->form == FORM_ADDR) {
			fprintf(
			    file, "\"0x%" PRIx64 "\"", event->words[field->at]);
		} else {
			fprintf(file, "%" PRIu64, event->words[field->at]);
		}
	}
	if (file != NULL)
		fclose(file);
	return text;
}

/* Processes and threads
 * ------------------------------------------------------------------ */

static void
name_thing(struct trace_json *json, const struct trace_event *event,
    const char *what, uint32_t tid, const char *name)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	if (file == NULL)
		return;
	fputs("\"name\":\"", file);
	write_escaped(file, name);
	fputs("\"", file);
	fclose(file);
	add_line(json, event, "M", tid, what, event->ns, 0, text);
	free(text);
}

static struct track *
find_track(struct trace_json *json, const struct trace_event *event)
{
	uint32_t index = event->process->index;
	struct track *track;

	while (json->ntracks <= index) {
		json->tracks = more_room(json->tracks, &json->track_room,
		    json->ntracks + 1, sizeof(*track));
		json->tracks[json->ntracks++] = (struct track){0};
	}
	track = &json->tracks[index];
	if (!track->known) {
		track->known = true;
		name_thing(json, event, "process_name", 0,
		    process_name(event->process));
		name_thing(json, event, "thread_name", TRACK_CYCLES, "cycles");
		name_thing(json, event, "thread_name", TRACK_STOPS, "stops");
	}
	return track;
}

/* The last slice of a thread. */
static struct slice *
find_slice(struct track *track, uint32_t tid)
{
	for (size_t i = 0; i < track->nslices; i++)
		if (track->slices[i].tid == tid)
			return &track->slices[i];
	track->slices = more_room(track->slices, &track->room,
	    track->nslices + 1, sizeof(*track->slices));
	track->slices[track->nslices] = (struct slice){.tid = tid};
	return &track->slices[track->nslices++];
}

/* A slice of a thread that began in the past: .inv.json-nested. */
static void
add_slice(struct trace_json *json, const struct trace_event *event,
    struct track *track, uint32_t tid, const char *name, uint64_t begin,
    uint64_t end)
{
	struct slice *last = find_slice(track, tid);

	if (event->ns > json->hold && begin < event->ns - json->hold)
		begin = event->ns - json->hold;
	if (end < begin)
		end = begin;
	if (last->begin <= begin && begin < last->end && end > last->end)
		begin = last->end;
	else if (begin < last->begin && last->begin < end && end < last->end)
		end = last->begin;
	add_line(json, event, "X", tid, name, begin, end - begin, NULL);
	if (end > last->end)
		*last = (struct slice){tid, begin, end};
}

/* Cycles and stops
 * ------------------------------------------------------------------ */

static void
end_slice(struct trace_json *json, const struct trace_event *event, bool *open,
    uint32_t tid, const char *arguments)
{
	if (*open)
		add_line(json, event, "E", tid, NULL, event->ns, 0, arguments);
	*open = false;
}

static void
take_phase(struct trace_json *json, const struct trace_event *event,
    struct track *track)
{
	const char *name = event_word(event, "phase");

	end_slice(json, event, &track->phase, TRACK_CYCLES, NULL);
	track->phase = strcmp(name, "idle") != 0;
	track->phase_name = name;
	if (track->phase)
		add_line(
		    json, event, "B", TRACK_CYCLES, name, event->ns, 0, NULL);
}

static void
take_cycle(struct trace_json *json, const struct trace_event *event,
    struct track *track, bool begins)
{
	char *fields = format_fields(event), name[40];
	bool phase = track->phase;

	end_slice(json, event, &track->phase, TRACK_CYCLES, NULL);
	if (begins) {
		end_slice(json, event, &track->cycle, TRACK_CYCLES, NULL);
		snprintf(name, sizeof(name), "cycle %" PRIu64,
		    event_value(event, "number"));
		add_line(
		    json, event, "B", TRACK_CYCLES, name, event->ns, 0, fields);
		track->cycle = true;
		track->phase = phase;
		if (phase)
			add_line(json, event, "B", TRACK_CYCLES,
			    track->phase_name, event->ns, 0, NULL);
	} else {
		end_slice(json, event, &track->cycle, TRACK_CYCLES, fields);
	}
	free(fields);
}

static void
take_stop(struct trace_json *json, const struct trace_event *event,
    struct track *track)
{
	char *fields = format_fields(event);

	if (event->type->id == GCM_EVENT_stop_begin) {
		end_slice(json, event, &track->stop, TRACK_STOPS, NULL);
		add_line(json, event, "B", TRACK_STOPS, "stop", event->ns, 0,
		    fields);
		track->stop = true;
		track->stop_begin = event->ns;
	} else if (event->type->id == GCM_EVENT_stopped) {
		add_line(json, event, "i", TRACK_STOPS, "stopped", event->ns, 0,
		    fields);
	} else {
		if (event->type->id == GCM_EVENT_stop_failed)
			add_line(json, event, "i", TRACK_STOPS, "stop failed",
			    event->ns, 0, fields);
		end_slice(json, event, &track->stop, TRACK_STOPS, fields);
		track->stop_end = event->ns;
	}
	free(fields);
}

static void
take_latency(struct trace_json *json, const struct trace_event *event,
    struct track *track)
{
	uint64_t latency = event_value(event, "latency");
	uint64_t begin = track->stop_begin;

	/* Of a thread that had stopped already there is nothing to see. */
	if (latency == 0)
		return;
	if (latency > event->ns)
		latency = event->ns;
	if (begin == 0 || begin + latency > event->ns)
		begin = event->ns - latency;
	add_slice(json, event, track, (uint32_t)event_value(event, "thread"),
	    "time to stop", begin, begin + latency);
}

/* All else
 * ------------------------------------------------------------------ */

static void
add_counter(struct trace_json *json, const struct trace_event *event,
    const char *name, const char *const fields[])
{
	char text[LINE_BYTES];
	size_t length = 0;

	for (; *fields != NULL; fields++)
		length += (size_t)snprintf(text + length, sizeof(text) - length,
		    "%s\"%s\":%" PRIu64, length == 0 ? "" : ",", *fields,
		    event_value(event, *fields));
	add_line(json, event, "C", 0, name, event->ns, 0, text);
}

static void
add_instant(struct trace_json *json, const struct trace_event *event)
{
	char *fields = format_fields(event);

	add_line(json, event, "i", event->tid, event->type->name, event->ns, 0,
	    fields);
	free(fields);
}

static void
take_other(struct trace_json *json, const struct trace_event *event,
    struct track *track)
{
	static const char *const heap[] = {"heap", "goal", NULL};
	static const char *const memory[] = {"resident", "held", "spare", NULL};
	char name[TRACE_TEXT_BYTES];
	uint64_t waited;

	switch ((int)event->type->id) {
	case GCM_EVENT_heap:
		add_counter(json, event, "heap", heap);
		break;
	case GCM_EVENT_memory:
		add_counter(json, event, "memory", memory);
		break;
	case GCM_EVENT_assist:
		waited = event_value(event, "waited");
		if (waited > event->ns)
			waited = event->ns;
		add_slice(json, event, track, event->tid, "assist",
		    event->ns - waited, event->ns);
		break;
	case GCM_EVENT_thread_begin:
		event_text(event, "name", name);
		name_thing(json, event, "thread_name", event->tid, name);
		add_instant(json, event);
		break;
	default:
		add_instant(json, event);
		break;
	}
}

struct trace_json *
begin_json(FILE *file, const struct trace *trace)
{
	struct trace_json *json = get_room(sizeof(*json));

	json->file = file;
	json->trace = trace;
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", file);
	return json;
}

void
write_json_event(struct trace_json *json, const struct trace_event *event)
{
	struct track *track;

	json->hold = json->trace->longest_wait > HOLD_NS
			 ? json->trace->longest_wait
			 : HOLD_NS;
	if (json->order == 0)
		json->zero =
		    event->ns > json->hold ? event->ns - json->hold : 0;
	while (json->nheap != 0 && event->ns > json->hold &&
	       json->heap[0].ns < event->ns - json->hold)
		write_first(json);
	json->last = event->ns;
	track = find_track(json, event);
	switch ((int)event->type->id) {
	case GCM_EVENT_cycle_begin:
	case GCM_EVENT_cycle_end:
		take_cycle(json, event, track,
		    event->type->id == GCM_EVENT_cycle_begin);
		break;
	case GCM_EVENT_phase:
		take_phase(json, event, track);
		break;
	case GCM_EVENT_stop_begin:
	case GCM_EVENT_stopped:
	case GCM_EVENT_stop_failed:
	case GCM_EVENT_stop_end:
		take_stop(json, event, track);
		break;
	case GCM_EVENT_thread_stop:
		take_latency(json, event, track);
		break;
	default:
		take_other(json, event, track);
		break;
	}
}

/* What is open in any process is closed with the last event. */
void
end_json(struct trace_json *json)
{
	for (size_t i = 0; i < json->ntracks; i++) {
		struct track *track = &json->tracks[i];
		struct trace_event last = {
		    .process = json->trace->processes[i], .ns = json->last};

		end_slice(json, &last, &track->phase, TRACK_CYCLES, NULL);
		end_slice(json, &last, &track->cycle, TRACK_CYCLES, NULL);
		end_slice(json, &last, &track->stop, TRACK_STOPS, NULL);
		free(track->slices);
	}
	while (json->nheap != 0)
		write_first(json);
	fputs("\n]}\n", json->file);
	free(json->tracks);
	free(json->heap);
	free(json);
}
