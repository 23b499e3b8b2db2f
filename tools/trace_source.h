/* trace_source.h -- the bytes of a trace, with progress, and memory
 *
 * A file that one can seek in is read where it lies; of anything else what must
 * be read twice is copied into a temporary file.
 */
#ifndef GCM_TOOLS_TRACE_SOURCE_H
#define GCM_TOOLS_TRACE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct trace_source {
	const char *path; /* as to be shown */
	int fd;
	bool seekable;
	uint64_t size;        /* if seekable */
	uint64_t done;        /* for progress */
	unsigned char *ahead; /* what was read and not taken, if not seekable */
	size_t nahead, taken;
	bool ended;
};

/* 0, or an exit status, and a line that says why. */
int open_source(struct trace_source *source, const char *path);
void close_source(struct trace_source *source);

/* The first bytes, without taking them; how many there are. */
size_t peek_source(struct trace_source *source, void *bytes, size_t count);

/* Whatever comes next; 0 at the end. */
size_t read_source(struct trace_source *source, void *bytes, size_t room);

/* Make it seekable; false: there is no room, and a line said so. */
bool spool_source(struct trace_source *source);

/* Bytes at a place, if seekable; how many there were. */
size_t read_source_at(
    struct trace_source *source, uint64_t at, void *bytes, size_t count);

/* Say how far we are, if standard error is a terminal; now and then. */
void show_progress(const char *what, uint64_t done, uint64_t total);
void end_progress(void);

/* Memory, or the command ends. */
void *get_room(size_t bytes);
void *more_room(void *list, size_t *room, size_t need, size_t size);
char *copy_string(const char *text, size_t length);

#endif
