/* collect.c -- gcmalloc gc: a collection in another process
 *
 * MODEL   Over the live channel.  Where that does not work there is another
 *         way.  The collector's thread is called "gcmalloc".  While it sleeps
 * one signal is open to it, the one that stops threads; sent to that very
 * thread it is a wish for a collection.  No other thread of the program sees
 * it.
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

#include "tools/client.h"
#include "tools/verb.h"

enum {
	PATH_BYTES = 300,
	LINE_BYTES = 256,
	TRIES = 100, /* while it is busy */
	TRY_US = 20000,
	FIRST = 34, /* real-time signals that a program may use */
	LAST = 64
};

static int
is_collector(long process, const char *tid)
{
	char path[PATH_BYTES], name[LINE_BYTES] = "";
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/task/%s/comm", process, tid);
	file = fopen(path, "re");
	if (file == NULL)
		return 0;
	if (fgets(name, sizeof(name), file) == NULL)
		name[0] = '\0';
	fclose(file);
	return strcmp(name, "gcmalloc\n") == 0;
}

long
find_collector(long process)
{
	char path[PATH_BYTES];
	struct dirent *entry;
	long tid = 0;
	DIR *tasks;

	snprintf(path, sizeof(path), "/proc/%ld/task", process);
	tasks = opendir(path);
	if (tasks == NULL)
		return 0;
	while (tid == 0 && (entry = readdir(tasks)) != NULL)
		if (is_collector(process, entry->d_name))
			tid = strtol(entry->d_name, NULL, 10);
	closedir(tasks);
	return tid;
}

/* The signal that the thread does not block; 0: it is busy. */
static int
find_signal(long process, long tid)
{
	char path[PATH_BYTES], line[LINE_BYTES];
	uint64_t blocked = ~(uint64_t)0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/task/%ld/status", process, tid);
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

/* Where nobody listens, or from another network. */
static int
send_signal(long process)
{
	long tid = 0;

	for (int i = 0; i < TRIES; i++) {
		int number = 0;

		tid = find_collector(process);
		if (tid == 0)
			break;
		number = find_signal(process, tid);
		if (number != 0 &&
		    syscall(SYS_tgkill, process, tid, number) == 0)
			return EXIT_SUCCESS;
		if (number != 0 && errno != ESRCH)
			return refuse(EXIT_FAILURE, "process %ld: %s", process,
			    strerror(errno));
		usleep(TRY_US);
	}
	return refuse(EXIT_FAILURE, "process %ld %s", process,
	    tid != 0 ? "is busy"
		     : "has no collector now: its heap is small, or it was "
		       "quiet and has been collected");
}

int
ask_collector(char **argv)
{
	static struct reply reply;
	long process;
	int error;

	if (argv[0] == NULL || argv[1] != NULL)
		return refuse(EXIT_USAGE, "gc: which process?");
	process = parse_process(argv[0]);
	if (process == 0)
		return refuse(EXIT_USAGE, "no process id: %s", argv[0]);
	error = ask_process(process, "gc", &reply, CLIENT_MS);
	if (error == 0)
		return EXIT_SUCCESS;
	if (error == -EPROTO)
		return refuse(
		    EXIT_FAILURE, "process %ld: %s", process, reply.error);
	if (error == -ENOENT || error == -ESRCH || error == -EACCES ||
	    (error == -ETIMEDOUT && is_stopped(process)))
		return refuse(
		    EXIT_FAILURE, "process %ld %s", process, reply.error);
	return send_signal(process);
}
