/* trace_model.c -- what a process did, put together from its events
 *
 * MODEL   A model is filled event by event, in order of time.  Cycles and stops
 *         are kept, each some hundred bytes; what threads did and the curves
 *         are bounded (trace_lane.h).
 *
 *         An end without a begin (a ring has lost it, events were lost) is
 *         taken as well as may be: a cycle then begins with the trace, a stop
 *         is left out.  What has not ended is closed with the trace.
 */
#include "tools/trace_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/trace_source.h"

enum {
	CURVE_POINTS = 1 << 15,
	LANE_ITEMS = 1 << 13,
	MARKS_MAX = 1 << 16
};

/* Threads
 * ------------------------------------------------------------------ */

static void
hash_thread(struct trace_model *model, uint32_t index)
{
	size_t at = model->threads[index]->tid * 2654435761U;

	while (model->thread_hash[at & (model->hash_size - 1)] != 0)
		at++;
	model->thread_hash[at & (model->hash_size - 1)] = index + 1;
}

static void
grow_hash(struct trace_model *model)
{
	model->hash_size = model->hash_size == 0 ? 64 : model->hash_size * 2;
	free(model->thread_hash);
	model->thread_hash =
	    get_room(model->hash_size * sizeof(*model->thread_hash));
	for (size_t i = 0; i < model->nthreads; i++)
		hash_thread(model, (uint32_t)i);
}

static struct trace_thread *
meet_thread(struct trace_model *model, uint32_t tid)
{
	struct trace_thread *thread;
	size_t at = tid * 2654435761U;
	uint32_t index;

	if (model->hash_size < 2 * (model->nthreads + 1))
		grow_hash(model);
	for (; (index = model->thread_hash[at & (model->hash_size - 1)]) != 0;
	     at++)
		if (model->threads[index - 1]->tid == tid)
			return model->threads[index - 1];
	thread = get_room(sizeof(*thread));
	thread->tid = tid;
	thread->stop_lane.limit = thread->assist_lane.limit = LANE_ITEMS;
	model->threads = more_room(model->threads, &model->thread_room,
	    model->nthreads + 1, sizeof(*model->threads));
	model->threads[model->nthreads++] = thread;
	hash_thread(model, (uint32_t)(model->nthreads - 1));
	return thread;
}

/* Cycles and phases
 * ------------------------------------------------------------------ */

static struct trace_cycle *
open_cycle(const struct trace_model *model)
{
	return model->cycle_open ? &model->cycles[model->ncycles - 1] : NULL;
}

static void
close_phase(struct trace_model *model, uint64_t ns)
{
	if (model->phase_open)
		model->phases[model->nphases - 1].end = ns;
	model->phase_open = false;
}

static void
begin_phase(struct trace_model *model, uint64_t ns, const char *name)
{
	struct trace_phase *phase;

	close_phase(model, ns);
	if (strcmp(name, "idle") == 0)
		return;
	model->phases = more_room(model->phases, &model->phase_room,
	    model->nphases + 1, sizeof(*phase));
	phase = &model->phases[model->nphases++];
	*phase = (struct trace_phase){.begin = ns,
	    .end = ns,
	    .name = name,
	    .cycle =
		model->cycle_open ? (uint32_t)model->ncycles - 1 : NO_CYCLE};
	model->phase_open = true;
}

static struct trace_cycle *
add_cycle(struct trace_model *model, uint64_t begin, uint64_t number)
{
	struct trace_cycle *cycle;

	model->cycles = more_room(model->cycles, &model->cycle_room,
	    model->ncycles + 1, sizeof(*cycle));
	cycle = &model->cycles[model->ncycles++];
	*cycle = (struct trace_cycle){.number = (uint32_t)number,
	    .why = "",
	    .abandoned = "",
	    .back_end = model->back_end,
	    .begin = begin,
	    .end = begin,
	    .first_phase = model->nphases};
	return cycle;
}

static void
begin_cycle(struct trace_model *model, const struct trace_event *event)
{
	struct trace_cycle *cycle = open_cycle(model);
	const char *phase = NULL;

	if (cycle != NULL)
		cycle->end = event->ns; /* its end was lost */
	if (model->phase_open &&
	    event->ns > model->phases[model->nphases - 1].begin)
		close_phase(model, event->ns);
	else if (model->phase_open)
		phase = model->phases[--model->nphases].name;
	model->phase_open = false;
	cycle = add_cycle(model, event->ns, event_value(event, "number"));
	cycle->why = event_word(event, "why");
	cycle->heap = event_value(event, "heap");
	cycle->live_before = event_value(event, "live");
	cycle->trigger = event_value(event, "trigger");
	cycle->goal_before = event_value(event, "goal");
	model->cycle_open = true;
	if (phase != NULL)
		begin_phase(model, event->ns, phase);
}

static void
end_cycle(struct trace_model *model, const struct trace_event *event)
{
	struct trace_cycle *cycle = open_cycle(model);
	uint64_t number = event_value(event, "number");

	if (cycle == NULL)
		cycle = add_cycle(model,
		    model->ncycles == 0 ? model->first_ns : event->ns, number);
	close_phase(model, event->ns);
	cycle->ended = true;
	cycle->end = event->ns;
	cycle->abandoned = event_word(event, "abandoned");
	if (strcmp(cycle->abandoned, "no") == 0)
		cycle->abandoned = "";
	cycle->live = event_value(event, "live");
	cycle->reclaimed = event_value(event, "reclaimed");
	cycle->blocks = event_value(event, "reclaimed_blocks");
	cycle->limbo = event_value(event, "limbo");
	cycle->goal = event_value(event, "goal");
	model->reclaimed += cycle->reclaimed;
	model->blocks += cycle->blocks;
	model->cycle_open = false;
}

static void
add_mark_work(struct trace_model *model, const struct trace_event *event)
{
	struct trace_cycle *cycle = open_cycle(model);
	uint64_t cpu = event_value(event, "cpu");

	/* Told at the end of the cycle, or just after. */
	if (cycle == NULL && model->ncycles != 0)
		cycle = &model->cycles[model->ncycles - 1];
	model->mark_cpu += cpu;
	model->mark_bytes += event_value(event, "bytes");
	if (event->tid != 0)
		meet_thread(model, event->tid)->ours = true;
	if (cycle == NULL)
		return;
	cycle->mark_cpu += cpu;
	cycle->mark_blocks += event_value(event, "blocks");
	cycle->mark_bytes += event_value(event, "bytes");
}

/* Stops
 * ------------------------------------------------------------------ */

static void
begin_stop(struct trace_model *model, const struct trace_event *event)
{
	struct trace_stop *stop;

	if (model->stop_open)
		model->nstops--; /* its end was lost: it says nothing */
	model->stops = more_room(
	    model->stops, &model->stop_room, model->nstops + 1, sizeof(*stop));
	stop = &model->stops[model->nstops++];
	*stop = (struct trace_stop){.begin = event->ns,
	    .end = event->ns,
	    .cycle =
		model->cycle_open ? (uint32_t)model->ncycles - 1 : NO_CYCLE};
	model->stop_open = true;
	if (event->tid != 0)
		meet_thread(model, event->tid)->ours = true;
}

static void
end_stop(struct trace_model *model, uint64_t ns)
{
	struct trace_stop *stop;
	struct trace_cycle *cycle = open_cycle(model);
	uint64_t took;

	if (!model->stop_open)
		return;
	model->stop_open = false;
	stop = &model->stops[model->nstops - 1];
	stop->end = ns;
	took = ns - stop->begin;
	tally_add(&model->pauses, took);
	if (cycle == NULL)
		return;
	cycle->nstops++;
	cycle->nfailed += stop->failed;
	cycle->stopped_ns += took;
	if (took > cycle->longest_stop)
		cycle->longest_stop = took;
}

static void
take_stopped(struct trace_model *model, const struct trace_event *event)
{
	struct trace_stop *stop;

	if (!model->stop_open)
		return;
	stop = &model->stops[model->nstops - 1];
	stop->stopped = event->ns;
	stop->threads = (uint32_t)event_value(event, "threads");
	stop->signalled = (uint32_t)event_value(event, "signalled");
}

static void
fail_stop(struct trace_model *model, const struct trace_event *event)
{
	struct trace_stop *stop;

	if (!model->stop_open)
		return;
	stop = &model->stops[model->nstops - 1];
	stop->failed = true;
	stop->late = (uint32_t)event_value(event, "late");
	end_stop(model, event->ns);
}

/* Of the last stop. */
static void
add_latency(struct trace_model *model, const struct trace_event *event)
{
	uint32_t tid = (uint32_t)event_value(event, "thread");
	uint64_t latency = event_value(event, "latency"), begin;
	struct trace_thread *thread = meet_thread(model, tid);
	struct trace_stop *stop;

	begin = event->ns > latency ? event->ns - latency : 0;
	if (model->nstops != 0) {
		stop = &model->stops[model->nstops - 1];
		begin = stop->begin;
		if (latency >= stop->latency) {
			stop->latency = latency;
			stop->slowest = tid;
		}
	}
	if (latency >= thread->latency.max)
		thread->slowest_at = begin;
	tally_add(&thread->latency, latency);
	lane_add(&thread->stop_lane, begin, begin + latency, 0);
}

static void
add_assist(struct trace_model *model, const struct trace_event *event)
{
	struct trace_thread *thread = meet_thread(model, event->tid);
	uint64_t waited = event_value(event, "waited");

	if (waited > event->ns)
		waited = event->ns;
	tally_add(&thread->assists, waited);
	lane_add(&thread->assist_lane, event->ns - waited, event->ns, 0);
}

/* The heap, and what happens at an instant
 * ------------------------------------------------------------------ */

static void
add_heap(struct trace_model *model, uint64_t ns, uint64_t heap, uint64_t goal)
{
	if (heap > model->peak_heap)
		model->peak_heap = heap;
	curve_add(&model->heap, ns, heap);
	if (goal != 0 && goal < UINT64_MAX >> 8)
		curve_add(&model->goal, ns, goal);
}

static void
add_memory(struct trace_model *model, const struct trace_event *event)
{
	uint64_t resident = event_value(event, "resident");

	if (resident > model->peak_resident)
		model->peak_resident = resident;
	curve_add(&model->resident, event->ns, resident);
	curve_add(&model->held, event->ns, event_value(event, "held"));
	curve_add(&model->spare, event->ns, event_value(event, "spare"));
}

static struct trace_mark *
add_mark(struct trace_model *model, const struct trace_event *event,
    enum trace_mark_kind kind, uint64_t value)
{
	static struct trace_mark none;
	struct trace_mark *mark = &none;

	model->mark_counts[kind]++;
	if (model->nmarks < MARKS_MAX) {
		model->marks = more_room(model->marks, &model->mark_room,
		    model->nmarks + 1, sizeof(*mark));
		mark = &model->marks[model->nmarks++];
	}
	*mark = (struct trace_mark){
	    .ns = event->ns, .kind = kind, .tid = event->tid, .value = value};
	return mark;
}

static void
begin_thread(struct trace_model *model, const struct trace_event *event)
{
	struct trace_thread *thread = meet_thread(model, event->tid);

	event_text(event, "name", thread->name);
	thread->ours = strcmp(thread->name, "marker") == 0 ||
		       strcmp(thread->name, "scavenger") == 0;
	thread->begin = event->ns;
	thread->end = 0;
	memcpy(add_mark(model, event, MARK_THREAD, 1)->text, thread->name,
	    sizeof(thread->name));
}

static void
begin_collector(struct trace_thread *thread, uint64_t ns)
{
	thread->ours = true;
	if (thread->begin == 0 || thread->end != 0)
		thread->begin = ns;
	thread->end = 0;
	if (thread->name[0] == '\0')
		strcpy(thread->name, "collector");
}

static void
take_scavenge(struct trace_model *model, const struct trace_event *event)
{
	uint64_t bytes = event_value(event, "bytes");

	model->scavenged += bytes;
	model->scavenge_ns += event_value(event, "took");
	add_mark(model, event, MARK_SCAVENGE, bytes);
}

/* Those of a cycle; false: it is none of them. */
static bool
take_cycle_event(struct trace_model *model, const struct trace_event *event)
{
	switch ((int)event->type->id) {
	case GCM_EVENT_cycle_begin:
		begin_cycle(model, event);
		if (event_value(event, "heap") != 0)
			add_heap(model, event->ns, event_value(event, "heap"),
			    event_value(event, "goal"));
		return true;
	case GCM_EVENT_cycle_end:
		end_cycle(model, event);
		return true;
	case GCM_EVENT_phase:
		begin_phase(model, event->ns, event_word(event, "phase"));
		return true;
	case GCM_EVENT_stop_begin:
		begin_stop(model, event);
		return true;
	case GCM_EVENT_stopped:
		take_stopped(model, event);
		return true;
	case GCM_EVENT_stop_failed:
		fail_stop(model, event);
		return true;
	case GCM_EVENT_stop_end:
		end_stop(model, event->ns);
		return true;
	case GCM_EVENT_thread_stop:
		add_latency(model, event);
		return true;
	case GCM_EVENT_mark:
		add_mark_work(model, event);
		return true;
	case GCM_EVENT_again:
		model->again_bytes += event_value(event, "bytes");
		return true;
	case GCM_EVENT_assist:
		add_assist(model, event);
		return true;
	case GCM_EVENT_back_end:
		model->back_end = event_word(event, "back_end");
		if (model->cycle_open)
			open_cycle(model)->back_end = model->back_end;
		return true;
	default:
		return false;
	}
}

static void
take_process_event(struct trace_model *model, const struct trace_event *event)
{
	switch ((int)event->type->id) {
	case GCM_EVENT_process_begin:
		model->begun = true;
		model->parent = event_value(event, "parent");
		break;
	case GCM_EVENT_process_end:
		model->ended = true;
		model->status = event_value(event, "status");
		break;
	case GCM_EVENT_fork:
		add_mark(model, event, MARK_FORK, event_value(event, "child"));
		break;
	case GCM_EVENT_thread_begin:
		begin_thread(model, event);
		break;
	case GCM_EVENT_thread_end:
		meet_thread(model, event->tid)->end = event->ns;
		add_mark(model, event, MARK_THREAD, 0);
		break;
	case GCM_EVENT_collector_begin:
		begin_collector(meet_thread(model, event->tid), event->ns);
		model->back_end = event_word(event, "back_end");
		add_mark(model, event, MARK_PROCESS, 1);
		break;
	case GCM_EVENT_collector_end:
		meet_thread(model, event->tid)->ours = true;
		add_mark(model, event, MARK_PROCESS, 0);
		break;
	case GCM_EVENT_heap:
		add_heap(model, event->ns, event_value(event, "heap"),
		    event_value(event, "goal"));
		break;
	case GCM_EVENT_memory:
		add_memory(model, event);
		break;
	case GCM_EVENT_grow:
		model->grown += event_value(event, "bytes");
		add_mark(model, event, MARK_GROW, event_value(event, "bytes"));
		break;
	case GCM_EVENT_scavenge:
		take_scavenge(model, event);
		break;
	case GCM_EVENT_late_free:
		add_mark(
		    model, event, MARK_LATE_FREE, event_value(event, "block"));
		break;
	case GCM_EVENT_user:
		event_text(
		    event, "text", add_mark(model, event, MARK_USER, 0)->text);
		break;
	default:
		break;
	}
}

static struct trace_model *
find_model(struct trace_models *models, const struct trace_event *event)
{
	struct trace_model *model;
	uint32_t index = event->process->index;

	while (models->count <= index) {
		models->list = more_room(models->list, &models->room,
		    models->count + 1, sizeof(*models->list));
		models->list[models->count++] = NULL;
	}
	if (models->list[index] != NULL)
		return models->list[index];
	model = models->list[index] = get_room(sizeof(*model));
	model->process = event->process;
	model->first_ns = event->ns;
	model->back_end = "";
	model->heap.limit = model->goal.limit = model->resident.limit =
	    model->held.limit = model->spare.limit = CURVE_POINTS;
	return model;
}

void
take_model_event(struct trace_models *models, const struct trace_event *event)
{
	struct trace_model *model = find_model(models, event);

	if (event->ns > model->last_ns)
		model->last_ns = event->ns;
	if (!take_cycle_event(model, event))
		take_process_event(model, event);
}

/* Of a child of fork nobody says how its thread is called. */
static void
name_main(const struct trace_model *model, struct trace_thread *thread)
{
	if (thread->name[0] == '\0' && thread->tid == model->process->pid)
		snprintf(thread->name, sizeof(thread->name), "%.15s",
		    process_name(model->process));
}

void
settle_models(struct trace_models *models)
{
	for (size_t i = 0; i < models->count; i++) {
		struct trace_model *model = models->list[i];

		if (model == NULL)
			continue;
		close_phase(model, model->last_ns);
		if (model->stop_open)
			end_stop(model, model->last_ns);
		if (model->cycle_open)
			open_cycle(model)->end = model->last_ns;
		for (size_t k = 0; k < model->nthreads; k++) {
			name_main(model, model->threads[k]);
			lane_fit(&model->threads[k]->stop_lane, SIZE_MAX);
			lane_fit(&model->threads[k]->assist_lane, SIZE_MAX);
		}
	}
}

void
free_models(struct trace_models *models)
{
	for (size_t i = 0; i < models->count; i++) {
		struct trace_model *model = models->list[i];

		if (model == NULL)
			continue;
		for (size_t k = 0; k < model->nthreads; k++) {
			lane_free(&model->threads[k]->stop_lane);
			lane_free(&model->threads[k]->assist_lane);
			free(model->threads[k]);
		}
		free(model->threads);
		free(model->thread_hash);
		free(model->cycles);
		free(model->phases);
		free(model->stops);
		free(model->marks);
		free(model->heap.list);
		free(model->goal.list);
		free(model->resident.list);
		free(model->held.list);
		free(model->spare.list);
		free(model);
	}
	free(models->list);
}
