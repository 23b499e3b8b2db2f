/* sample.h -- the processes that run with the library, as they are now */
#ifndef GCM_TOOLS_SAMPLE_H
#define GCM_TOOLS_SAMPLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/client.h"

enum column_id {
	COLUMN_PID,
	COLUMN_COMMAND,
	COLUMN_HEAP,
	COLUMN_GOAL,
	COLUMN_RSS,
	COLUMN_LIVE,
	COLUMN_CYCLES,
	COLUMN_PAUSE,
	COLUMN_MAX,
	COLUMN_RECLAIMED,
	COLUMN_LIMBO,
	COLUMN_SCAVENGED,
	COLUMN_THREADS,
	COLUMN_STATE,
	NCOLUMNS
};

struct column {
	const char *title;
	const char *figure; /* core/figure.def's name, or NULL */
	enum column_kind {
		COUNTS,
		BYTES,
		TIMES,
		WORDS
	} kind;
	int width;
	int rank; /* the highest ones are left out of a narrow terminal */
};
extern const struct column sample_columns[NCOLUMNS];

enum standing {
	STANDING_IDLE,
	STANDING_COLLECTING,
	STANDING_QUIET,   /* no collector: figures of the last collection */
	STANDING_REPORT,  /* reclaims nothing, as it was told */
	STANDING_LATE,    /* reclaims nothing after a late free */
	STANDING_BUSY,    /* no answer in time: as quiet */
	STANDING_STOPPED, /* by a signal: as quiet */
	STANDING_NO_ACCESS,
	STANDING_NO_LIBRARY,
	STANDING_GONE
};

enum {
	HISTORY = 300, /* points */
	CELL_BYTES = 32
};

struct point {
	uint64_t heap, goal;
};

struct process {
	long pid;
	char comm[COMM_BYTES]; /* printable */
	enum standing standing;
	bool wanted; /* by number: stays when it is gone */
	bool seen;
	uint64_t value[NCOLUMNS];
	uint64_t began_ns;
	struct point history[HISTORY]; /* a ring */
	unsigned int npoints;          /* ever */
};

struct sample {
	struct process **list; /* sorted by refresh_sample */
	size_t count;
	enum column_id by;
	bool ascending;
	bool chosen;           /* by numbers: no others are looked for */
	uint64_t next_look_ns; /* for others: not at each time, where it takes
				  long */
};

/* A process to look at; 0 or -1: no memory. */
int add_process(struct sample *sample, long pid, bool wanted);

/* Look at all, for others unless numbers were given, and sort. */
void refresh_sample(struct sample *sample);
void sort_sample(struct sample *sample);

/* A cell as text, of CELL_BYTES; "-" where it is not known. */
void format_cell(const struct process *process, enum column_id id, char *text);

/* A number as short as it gets, the same way. */
void format_short(uint64_t value, enum column_kind kind, char *text);

#endif
