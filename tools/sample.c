/* sample.c -- the processes that run with the library, as they are now
 *
 * MODEL   Each is asked in turn (client.h), with little patience.  Those of
 *         other users cannot be looked at; that they are there is seen by
 *         their channels' names, which are everybody's to read.
 */
#include "tools/sample.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/about_format.h"

enum {
	PATIENCE_MS = 300,
	LINE_BYTES = 512,
	LOOK_SHARE = 10 /* of the time for finding others: a tenth */
};

const struct column sample_columns[NCOLUMNS] = {
    [COLUMN_PID] = {"PID", NULL, COUNTS, 7, 0},
    [COLUMN_COMMAND] = {"COMMAND", NULL, WORDS, 15, 1},
    [COLUMN_HEAP] = {"HEAP", "heap_bytes", BYTES, 7, 2},
    [COLUMN_GOAL] = {"GOAL", "goal_bytes", BYTES, 7, 6},
    [COLUMN_RSS] = {"RSS", NULL, BYTES, 7, 3},
    [COLUMN_LIVE] = {"LIVE", "live_bytes", BYTES, 7, 8},
    [COLUMN_CYCLES] = {"CYCLES", "cycles", COUNTS, 7, 5},
    [COLUMN_PAUSE] = {"PAUSE", "pause_last_ns", TIMES, 7, 7},
    [COLUMN_MAX] = {"MAX", "pause_max_ns", TIMES, 7, 9},
    [COLUMN_RECLAIMED] = {"RECLAIM", "reclaimed_bytes", BYTES, 7, 10},
    [COLUMN_LIMBO] = {"LIMBO", "limbo_bytes", BYTES, 7, 12},
    [COLUMN_SCAVENGED] = {"SCAV", "scavenged_bytes", BYTES, 7, 13},
    [COLUMN_THREADS] = {"THR", "threads", COUNTS, 5, 11},
    [COLUMN_STATE] = {"STATE", NULL, WORDS, 10, 4},
};

static const char *const standings[] = {
    [STANDING_IDLE] = "idle",
    [STANDING_COLLECTING] = "collecting",
    [STANDING_QUIET] = "quiet",
    [STANDING_REPORT] = "report",
    [STANDING_LATE] = "late free",
    [STANDING_BUSY] = "busy",
    [STANDING_STOPPED] = "stopped",
    [STANDING_NO_ACCESS] = "no access",
    [STANDING_NO_LIBRARY] = "no library",
    [STANDING_GONE] = "gone",
};

static uint64_t
now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* The list ----------------------------------------------------------------- */

static struct process *
find_process(const struct sample *sample, long pid)
{
	for (size_t i = 0; i < sample->count; i++)
		if (sample->list[i]->pid == pid)
			return sample->list[i];
	return NULL;
}

int
add_process(struct sample *sample, long pid, bool wanted)
{
	struct process *process = find_process(sample, pid), **list;

	if (process != NULL) {
		process->seen = true;
		return 0;
	}
	list = realloc(sample->list, (sample->count + 1) * sizeof(*list));
	if (list == NULL)
		return -1;
	sample->list = list;
	process = calloc(1, sizeof(*process));
	if (process == NULL)
		return -1;
	process->pid = pid;
	process->wanted = wanted;
	process->seen = true;
	list[sample->count++] = process;
	return 0;
}

static void
drop_unseen(struct sample *sample)
{
	size_t kept = 0;

	for (size_t i = 0; i < sample->count; i++) {
		struct process *process = sample->list[i];

		if (process->wanted ||
		    (process->seen && process->standing != STANDING_GONE &&
			process->standing != STANDING_NO_LIBRARY))
			sample->list[kept++] = process;
		else
			free(process);
	}
	sample->count = kept;
}

/* One process -------------------------------------------------------------- */

/* A name may hold anything, escape sequences of a terminal among it. */
static void
read_name(struct process *process)
{
	char comm[COMM_BYTES];

	read_comm(process->pid, comm, sizeof(comm));
	if (comm[0] == '\0')
		return;
	for (char *c = comm; *c != '\0'; c++)
		if (!isprint((unsigned char)*c) || *c == ' ')
			*c = *c == ' ' ? '_' : '?';
	memcpy(process->comm, comm, sizeof(comm));
}

static uint64_t
read_resident(long pid)
{
	unsigned long size, resident = 0;
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/statm", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fscanf(file, "%lu %lu", &size, &resident) != 2)
		resident = 0;
	fclose(file);
	return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static enum standing
judge_reply(const struct reply *reply)
{
	static const enum standing absences[] = {
	    [ABSENCE_NONE] = STANDING_QUIET,
	    [ABSENCE_LATE] = STANDING_BUSY,
	    [ABSENCE_STOPPED] = STANDING_STOPPED,
	    [ABSENCE_APART] = STANDING_QUIET,
	};
	const char *reclaiming = find_value(reply, "reclaiming");

	if (find_number(reply, "late_frees") != 0 &&
	    (reclaiming == NULL || *reclaiming == '0'))
		return STANDING_LATE;
	if (reply->source == SOURCE_MEMORY)
		return absences[reply->absence];
	if (find_number(reply, "collecting") != 0)
		return STANDING_COLLECTING;
	return reclaiming != NULL && *reclaiming == '0' ? STANDING_REPORT
							: STANDING_IDLE;
}

static enum standing
judge_error(int error)
{
	switch (-error) {
	case ESRCH:
		return STANDING_GONE;
	case EACCES:
	case EPERM:
		return STANDING_NO_ACCESS;
	case ENOENT:
		return STANDING_NO_LIBRARY;
	default:
		return STANDING_BUSY;
	}
}

/* Dead, but not yet waited for: what it ran is not there any more. */
static bool
is_dead(long pid)
{
	char path[64], exe[4];

	snprintf(path, sizeof(path), "/proc/%ld/exe", pid);
	return readlink(path, exe, sizeof(exe)) < 0 && errno == ENOENT;
}

static void
take_reply(struct process *process, const struct reply *reply)
{
	uint64_t began = find_number(reply, "began_ns");
	struct point *point;

	if (began != process->began_ns) /* another process of that number */
		process->npoints = 0;
	process->began_ns = began;
	for (int id = 0; id < NCOLUMNS; id++) {
		const char *figure = sample_columns[id].figure;

		if (figure != NULL)
			process->value[id] = find_value(reply, figure) != NULL
						 ? find_number(reply, figure)
						 : UINT64_MAX;
	}
	point = &process->history[process->npoints++ % HISTORY];
	point->heap = find_number(reply, "heap_bytes");
	point->goal = find_number(reply, "goal_bytes");
}

static void
look_at(struct process *process)
{
	static struct reply reply;
	int error;

	process->value[COLUMN_PID] = (uint64_t)process->pid;
	read_name(process);
	error = read_figures(process->pid, &reply, PATIENCE_MS);
	process->standing =
	    error == 0 ? judge_reply(&reply) : judge_error(error);
	if (process->standing == STANDING_NO_LIBRARY && is_dead(process->pid))
		process->standing = STANDING_GONE;
	if (error == 0)
		take_reply(process, &reply);
	process->value[COLUMN_RSS] = process->standing == STANDING_GONE
					 ? UINT64_MAX
					 : read_resident(process->pid);
}

/* All ---------------------------------------------------------------------- */

static int
note_process(long pid, const char *comm, void *arg)
{
	(void)comm;
	return add_process(arg, pid, false);
}

/* Others' channels in /proc/net/unix: "... @gcmalloc-NAMESPACE-NUMBER". */
static void
note_strangers(struct sample *sample)
{
	char line[LINE_BYTES], path[64];
	struct stat space, owner;
	FILE *file = fopen("/proc/net/unix", "re");

	if (file == NULL || geteuid() == 0 ||
	    stat("/proc/self/ns/pid", &space) != 0) {
		if (file != NULL)
			fclose(file);
		return;
	}
	while (fgets(line, sizeof(line), file) != NULL) {
		const char *name = strstr(line, "@" GCM_ABOUT_CHANNEL "-");
		unsigned long inode;
		long pid;

		if (name == NULL ||
		    sscanf(name, "@" GCM_ABOUT_CHANNEL "-%lu-%ld", &inode,
			&pid) != 2 ||
		    inode != space.st_ino)
			continue;
		snprintf(path, sizeof(path), "/proc/%ld", pid);
		if (stat(path, &owner) == 0 && owner.st_uid != geteuid())
			(void)add_process(sample, pid, false);
	}
	fclose(file);
}

static void
look_for_others(struct sample *sample)
{
	uint64_t began = now_ns();

	if (sample->chosen || began < sample->next_look_ns)
		return;
	for (size_t i = 0; i < sample->count; i++)
		sample->list[i]->seen = false;
	(void)visit_processes(note_process, sample);
	note_strangers(sample);
	sample->next_look_ns = now_ns() + (now_ns() - began) * LOOK_SHARE;
}

void
refresh_sample(struct sample *sample)
{
	look_for_others(sample);
	for (size_t i = 0; i < sample->count; i++)
		look_at(sample->list[i]);
	drop_unseen(sample);
	sort_sample(sample);
}

/* Unknown values, which are UINT64_MAX, are the least. */
static int
compare(const void *a, const void *b, void *arg)
{
	const struct process *one = *(struct process *const *)a;
	const struct process *two = *(struct process *const *)b;
	const struct sample *sample = arg;
	enum column_id by = sample->by;
	int order = by == COLUMN_COMMAND ? strcmp(two->comm, one->comm)
		    : by == COLUMN_STATE
			? (int)one->standing - (int)two->standing
			: (one->value[by] + 1 > two->value[by] + 1) -
			      (one->value[by] + 1 < two->value[by] + 1);

	if (order == 0)
		order = (two->pid > one->pid) - (two->pid < one->pid);
	return sample->ascending ? order : -order;
}

void
sort_sample(struct sample *sample)
{
	if (sample->count > 1)
		qsort_r(sample->list, sample->count, sizeof(sample->list[0]),
		    compare, sample);
}

/* Text --------------------------------------------------------------------- */

static void
format_scaled(double value, double step, const char *const *units, char *text)
{
	while (value >= 999.5 && units[1] != NULL) {
		value /= step;
		units++;
	}
	snprintf(text, CELL_BYTES, "%.*f%s",
	    value < 9.95 && value != (double)(int)value   ? 2
	    : value < 99.5 && value != (double)(int)value ? 1
							  : 0,
	    value, *units);
}

void
format_short(uint64_t value, enum column_kind kind, char *text)
{
	static const char *const bytes[] = {"", "K", "M", "G", "T", "P", NULL};
	static const char *const times[] = {"ns", "us", "ms", "s", NULL};

	if (value == UINT64_MAX)
		snprintf(text, CELL_BYTES, "-");
	else if (kind == BYTES)
		format_scaled((double)value, 1024, bytes, text);
	else if (kind == TIMES)
		format_scaled((double)value, 1000, times, text);
	else
		snprintf(text, CELL_BYTES, "%llu", (unsigned long long)value);
}

void
format_cell(const struct process *process, enum column_id id, char *text)
{
	bool known = process->npoints != 0;

	if (id == COLUMN_STATE)
		snprintf(text, CELL_BYTES, "%s", standings[process->standing]);
	else if (id == COLUMN_COMMAND)
		snprintf(text, CELL_BYTES, "%s",
		    process->comm[0] != '\0' ? process->comm : "-");
	else if (!known && sample_columns[id].figure != NULL)
		snprintf(text, CELL_BYTES, "-");
	else
		format_short(process->value[id], sample_columns[id].kind, text);
}
