/* trace_source.c -- the bytes of a trace, with progress, and memory
 */
#include "tools/trace_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tools/verb.h"

enum {
	AHEAD_BYTES = 1 << 16,
	PROGRESS_NS = 200 * 1000 * 1000
};

void *
get_room(size_t bytes)
{
	void *room = calloc(1, bytes == 0 ? 1 : bytes);

	if (room == NULL)
		exit(refuse(EXIT_FAILURE, "trace: %s", strerror(errno)));
	return room;
}

void *
more_room(void *list, size_t *room, size_t need, size_t size)
{
	size_t want = *room < 8 ? 8 : *room;

	if (need <= *room)
		return list;
	while (want < need)
		want *= 2;
	list = reallocarray(list, want, size);
	if (list == NULL)
		exit(refuse(EXIT_FAILURE, "trace: %s", strerror(errno)));
	*room = want;
	return list;
}

char *
copy_string(const char *text, size_t length)
{
	char *copy = get_room(length + 1);

	memcpy(copy, text, length);
	return copy;
}

static size_t
read_some(struct trace_source *source, void *bytes, size_t count)
{
	size_t got = 0;

	while (got < count && !source->ended) {
		ssize_t n = read(source->fd, (char *)bytes + got, count - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			source->ended = true;
		else
			got += (size_t)n;
	}
	return got;
}

int
open_source(struct trace_source *source, const char *path)
{
	struct stat about;

	*source = (struct trace_source){.path = path, .fd = STDIN_FILENO};
	if (strcmp(path, "-") == 0)
		source->path = "standard input";
	else
		source->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (source->fd < 0 || fstat(source->fd, &about) != 0)
		return refuse(
		    EXIT_FAILURE, "%s: %s", source->path, strerror(errno));
	if (S_ISDIR(about.st_mode))
		return refuse(
		    EXIT_FAILURE, "%s: %s", source->path, strerror(EISDIR));
	source->seekable =
	    S_ISREG(about.st_mode) && lseek(source->fd, 0, SEEK_CUR) == 0;
	source->size = source->seekable ? (uint64_t)about.st_size : 0;
	return EXIT_SUCCESS;
}

void
close_source(struct trace_source *source)
{
	if (source->fd > STDIN_FILENO)
		close(source->fd);
	free(source->ahead);
}

size_t
peek_source(struct trace_source *source, void *bytes, size_t count)
{
	if (source->seekable)
		return read_source_at(source, 0, bytes, count);
	source->ahead = get_room(AHEAD_BYTES);
	source->nahead = read_some(source, source->ahead, count);
	memcpy(bytes, source->ahead, source->nahead);
	return source->nahead;
}

size_t
read_source(struct trace_source *source, void *bytes, size_t room)
{
	size_t count = source->nahead - source->taken;
	ssize_t n;

	if (count != 0) {
		count = count < room ? count : room;
		memcpy(bytes, source->ahead + source->taken, count);
		source->taken += count;
		return count;
	}
	if (source->ended)
		return 0;
	do
		n = read(source->fd, bytes, room);
	while (n < 0 && errno == EINTR);
	source->ended = n <= 0;
	source->done += n < 0 ? 0 : (size_t)n;
	if (source->seekable)
		show_progress("reading", source->done, source->size);
	return n < 0 ? 0 : (size_t)n;
}

bool
spool_source(struct trace_source *source)
{
	unsigned char buffer[1 << 14];
	FILE *file = tmpfile();
	size_t count = 0;
	bool good = file != NULL;
	int fd = -1;

	while (good && (count = read_source(source, buffer, sizeof(buffer)))) {
		good = fwrite(buffer, 1, count, file) == count;
		source->size += count;
	}
	if (good && fflush(file) == 0)
		fd = fcntl(fileno(file), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	if (fd < 0)
		refuse(EXIT_FAILURE, "%s: no temporary copy: %s", source->path,
		    strerror(errno));
	if (file != NULL)
		fclose(file);
	if (fd < 0)
		return false;
	close_source(source);
	source->ahead = NULL;
	source->fd = fd;
	source->seekable = true;
	return true;
}

size_t
read_source_at(
    struct trace_source *source, uint64_t at, void *bytes, size_t count)
{
	size_t got = 0;

	while (got < count) {
		ssize_t n = pread(source->fd, (char *)bytes + got, count - got,
		    (off_t)(at + got));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		got += (size_t)n;
	}
	return got;
}

static uint64_t
read_clock(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int shown; /* a line of progress stands on the terminal */

void
show_progress(const char *what, uint64_t done, uint64_t total)
{
	static int terminal = -1;
	static uint64_t last;
	uint64_t now;

	if (terminal < 0) {
		terminal = isatty(STDERR_FILENO);
		last = terminal ? read_clock() : 0;
	}
	if (!terminal)
		return;
	now = read_clock();
	if (now - last < PROGRESS_NS)
		return;
	last = now;
	shown = 1;
	fprintf(stderr, "\r%s: %3.0f %%", what,
	    total == 0 ? 0.0 : 100.0 * (double)done / (double)total);
}

void
end_progress(void)
{
	if (shown)
		fputs("\r\033[K", stderr);
	shown = 0;
}
