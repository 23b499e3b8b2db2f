/* collect.c -- gcmalloc gc: a collection in another process
 *
 * MODEL   The collector's thread is called "gcmalloc".  While it sleeps one
 * signal is open to it, the one that stops threads; sent to that very thread it
 *         is a wish for a collection.  No other thread of the program sees it.
 */
#include "tools/collect.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	PATH_BYTES = 300,
	LINE_BYTES = 256,
	TRIES = 100, /* while it is busy */
	TRY_US = 20000,
	FIRST = 34, /* real-time signals that a program may use */
	LAST = 64
};

static int
is_collector(const char *pid, const char *tid)
{
	char path[PATH_BYTES], name[LINE_BYTES] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/task/%s/comm", pid, tid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fgets(name, sizeof(name), file) == NULL)
		name[0] = '\0';
	fclose(file);
	return strcmp(name, "gcmalloc\n") == 0;
}

/* The collector's thread; 0: there is none. */
static long
find_collector(const char *pid)
{
	char path[PATH_BYTES];
	struct dirent *entry;
	long tid = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%s/task", pid);
	tasks = opendir(path);
	if (tasks == NULL)
		return 0;
	while (tid == 0 && (entry = readdir(tasks)) != NULL)
		if (is_collector(pid, entry->d_name))
			tid = strtol(entry->d_name, NULL, 10);
	closedir(tasks);
	return tid;
}

/* The signal that the thread does not block; 0: it is busy. */
static int
find_signal(const char *pid, long tid)
{
	char path[PATH_BYTES], line[LINE_BYTES];
	uint64_t blocked = ~(uint64_t)0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/task/%ld/status", pid, tid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "SigBlk:", 7) == 0)
			blocked = strtoull(line + 7, NULL, 16);
	fclose(file);
	for (int number = FIRST; number <= LAST; number++)
		if ((blocked >> (number - 1) & 1) == 0)
			return number;
	return 0;
}

int
ask_for_collection(const char *pid)
{
	char *end;
	long process = strtol(pid, &end, 10), tid = 0;

	if (process <= 0 || *end != '\0') {
		fprintf(stderr, "gcmalloc: no process id: %s\n", pid);
		return 2;
	}
	for (int i = 0; i < TRIES; i++) {
		int number = 0;

		tid = find_collector(pid);
		if (tid == 0)
			break;
		number = find_signal(pid, tid);
		if (number != 0 &&
		    syscall(SYS_tgkill, process, tid, number) == 0)
			return EXIT_SUCCESS;
		if (number != 0 && errno != ESRCH) {
			fprintf(stderr, "gcmalloc: process %ld: %s\n", process,
			    strerror(errno));
			return EXIT_FAILURE;
		}
		usleep(TRY_US);
	}
	fprintf(stderr, "gcmalloc: process %ld %s\n", process,
	    tid != 0 ? "is busy"
		     : "has no collector now: its heap is small, or it was "
		       "quiet and has been collected");
	return EXIT_FAILURE;
}
