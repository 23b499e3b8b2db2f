/* client.c -- asking a process that runs under the library
 *
 * MODEL   docs/channel.md.  The channel's name follows from the process's pid
 *         namespace and its number there.  Anybody may bind a name first: the
 *         kernel says who listens, and that must be the process asked for.
 *
 *         Where nobody listens, the figures of the last collection are read
 *         from the process's memory (tools/answer.c).
 */
#include "tools/client.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/about_format.h"
#include "tools/answer.h"
#include "tools/launch.h"

enum {
	LINE_BYTES = 4600,
	HEAD_BYTES = REPLY_WORDS + 8,
	AGAIN_MS = 5 /* between two tries to connect */
};

static long
now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int
say(struct reply *reply, int error, const char *words)
{
	snprintf(reply->error, sizeof(reply->error), "%s", words);
	return error;
}

/* The channel's name --------------------------------------------------------
 */

/* The process's number in its own pid namespace; 0 when that cannot be told. */
static long
find_inner_number(long process)
{
	char line[LINE_BYTES];
	long number = 0;
	FILE *file;

	snprintf(line, sizeof(line), "/proc/%ld/status", process);
	file = fopen(line, "re");
	if (file == NULL)
		return 0;
	while (fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "NSpid:", 6) == 0) {
			char *last = strrchr(line, '\t');

			number = last != NULL ? strtol(last, NULL, 10) : 0;
		}
	fclose(file);
	return number;
}

static int
name_channel(long process, struct sockaddr_un *address, socklen_t *len)
{
	char path[64];
	struct stat space;
	long number = find_inner_number(process);
	int n;

	snprintf(path, sizeof(path), "/proc/%ld", process);
	if (access(path, F_OK) != 0)
		return -ESRCH;
	snprintf(path, sizeof(path), "/proc/%ld/ns/pid", process);
	if (stat(path, &space) != 0)
		return -errno;
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	n = snprintf(address->sun_path + 1, sizeof(address->sun_path) - 1,
	    GCM_ABOUT_CHANNEL "-%ju-%ld", (uintmax_t)space.st_ino, number);
	*len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	return 0;
}

static bool
is_process(int channel, long process)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return getsockopt(channel, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0 &&
	       peer.pid == process;
}

int
open_channel(long process)
{
	struct sockaddr_un address;
	socklen_t len;
	int error = name_channel(process, &address, &len), channel;

	if (error != 0)
		return error;
	channel =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (channel < 0)
		return -errno;
	if (connect(channel, (struct sockaddr *)&address, len) != 0)
		error = -errno;
	else if (!is_process(channel, process))
		error = -EPERM;
	if (error == 0)
		return channel;
	close(channel);
	return error;
}

/* One request ---------------------------------------------------------------
 */

struct talk {
	int channel;
	long end_ms;
	size_t len; /* of the reply's text so far */
};

/* Wait until there is something to do: 0 or -errno. */
static int
await(const struct talk *talk, short wanted)
{
	struct pollfd one = {talk->channel, wanted, 0};
	long left = talk->end_ms - now_ms();
	int ready = poll(&one, 1, left > 0 ? (int)left : 0);

	if (ready < 0)
		return errno == EINTR ? 0 : -errno;
	return ready == 0 ? -ETIMEDOUT : 0;
}

static int
send_line(const struct talk *talk, const char *request)
{
	char line[LINE_BYTES];
	size_t len = (size_t)snprintf(line, sizeof(line), "%s\n", request);
	size_t done = 0;

	if (len >= sizeof(line) || strchr(request, '\n') != NULL)
		return -EINVAL;
	while (done < len) {
		ssize_t sent =
		    send(talk->channel, line + done, len - done, MSG_NOSIGNAL);
		int error = 0;

		if (sent >= 0)
			done += (size_t)sent;
		else if (errno != EAGAIN && errno != EINTR)
			return -errno;
		else
			error = await(talk, POLLOUT);
		if (error != 0)
			return error;
	}
	return 0;
}

static int
receive_some(struct talk *talk, struct reply *reply)
{
	size_t room = sizeof(reply->text) - 1 - talk->len;
	ssize_t got;
	int error = await(talk, POLLIN);

	if (error != 0)
		return error;
	if (room == 0)
		return -EMSGSIZE;
	got = recv(talk->channel, reply->text + talk->len, room, 0);
	if (got == 0)
		return -ECONNRESET;
	if (got < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	talk->len += (size_t)got;
	reply->text[talk->len] = '\0';
	return 0;
}

/* Lines "NAME VALUE" from `text` on, which they cut up. */
static void
take_pairs(struct reply *reply, char *text)
{
	char *rest, *line = strtok_r(text, "\n", &rest);

	for (; line != NULL && reply->npairs < REPLY_PAIRS;
	     line = strtok_r(NULL, "\n", &rest)) {
		struct pair *pair = &reply->pairs[reply->npairs];
		char *value = strchr(line, ' ');

		if (value == NULL)
			continue;
		*value++ = '\0';
		pair->name = line;
		pair->value = value;
		reply->npairs++;
	}
}

/* The first line has come: the length of the body that follows, or -errno. */
static long
read_head(struct reply *reply)
{
	char *end;
	long len;

	if (strncmp(reply->text, "error ", 6) == 0) {
		reply->text[strcspn(reply->text, "\n")] = '\0';
		return say(reply, -EPROTO, reply->text + 6);
	}
	len = strncmp(reply->text, "ok ", 3) == 0
		  ? strtol(reply->text + 3, &end, 10)
		  : -1;
	if (len < 0 || *end != '\n' || len >= REPLY_BYTES - HEAD_BYTES)
		return -EBADMSG;
	return len;
}

static int
receive_answer(struct talk *talk, struct reply *reply)
{
	char *end;
	long len;
	int error;

	while ((end = strchr(reply->text, '\n')) == NULL) {
		error = receive_some(talk, reply);
		if (error != 0)
			return error;
		if (talk->len > HEAD_BYTES && strchr(reply->text, '\n') == NULL)
			return -EBADMSG;
	}
	len = read_head(reply);
	if (len < 0)
		return (int)len;
	while (talk->len < (size_t)(end + 1 - reply->text) + (size_t)len) {
		error = receive_some(talk, reply);
		if (error != 0)
			return error;
	}
	take_pairs(reply, end + 1);
	return 0;
}

static void
clear_reply(struct reply *reply, enum reply_source source)
{
	reply->source = source;
	reply->npairs = 0;
	reply->error[0] = reply->text[0] = '\0';
}

int
ask_channel(
    int channel, const char *request, struct reply *reply, int patience_ms)
{
	struct talk talk = {channel, now_ms() + patience_ms, 0};
	int error;

	clear_reply(reply, SOURCE_CHANNEL);
	error = send_line(&talk, request);
	if (error == 0)
		error = receive_answer(&talk, reply);
	if (error == -ETIMEDOUT)
		return say(reply, error,
		    "is busy: no answer in time, it may come to it later");
	return error != 0 && error != -EPROTO
		   ? say(reply, error, strerror(-error))
		   : error;
}

/* A process -----------------------------------------------------------------
 */

/* Connect, when the queue of those who wait there is full, too. */
static int
open_patiently(long process, long end_ms)
{
	const struct timespec pause = {0, AGAIN_MS * 1000000L};
	int channel;

	while (
	    (channel = open_channel(process)) == -EAGAIN && now_ms() < end_ms)
		nanosleep(&pause, NULL);
	return channel;
}

bool
is_stopped(long process)
{
	char path[64], line[LINE_BYTES] = "";
	const char *state = NULL;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/status", process);
	file = fopen(path, "re");
	if (file == NULL)
		return false;
	while (state == NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "State:\t", 7) == 0)
			state = line + 7;
	fclose(file);
	return state != NULL && (*state == 'T' || *state == 't');
}

static int
explain(struct reply *reply, int error)
{
	static const struct {
		int error;
		const char *words;
	} list[] = {
	    {-ESRCH, "no such process"},
	    {-EACCES, "may not be asked: another user's, or protected"},
	    {-EPERM, "has its channel's name taken by another process"},
	    {-ECONNREFUSED,
		"has no collector now: its heap is small, or it was "
		"quiet and has been collected, or GCM_CHANNEL is "
		"off"},
	    {-EAGAIN, "is busy: others wait for its answer"},
	};

	for (size_t i = 0; i < sizeof(list) / sizeof(list[0]); i++)
		if (list[i].error == error)
			return say(reply, error, list[i].words);
	return say(reply, error, strerror(-error));
}

/* Channels are found within a network only. */
static bool
is_apart(long process)
{
	char path[64];
	struct stat own, other;

	snprintf(path, sizeof(path), "/proc/%ld/ns/net", process);
	return stat("/proc/self/ns/net", &own) == 0 &&
	       stat(path, &other) == 0 && own.st_ino != other.st_ino;
}

/* Nobody listens: it may be no process of ours at all. */
static int
explain_refusal(long process, struct reply *reply, int error)
{
	char path[PATH_MAX];
	int mapped = error == -ECONNREFUSED ? find_mapped(process, path) : 0;

	if (mapped == ENOENT)
		return say(reply, -ENOENT, "does not run under the library");
	if (mapped == EPERM || mapped == EACCES)
		return explain(reply, -EACCES);
	if (error == -ECONNREFUSED && is_apart(process))
		return say(reply, error,
		    "is in another network namespace (nsenter -n -t ...)");
	return explain(reply, error);
}

int
ask_process(
    long process, const char *request, struct reply *reply, int patience_ms)
{
	long end_ms = now_ms() + patience_ms;
	int error;

	clear_reply(reply, SOURCE_CHANNEL);
	/* The thread may come and go, or have others to hear first. */
	do {
		int channel = open_patiently(process, end_ms);

		if (channel < 0)
			return explain_refusal(process, reply, channel);
		error = ask_channel(
		    channel, request, reply, (int)(end_ms - now_ms()));
		close(channel);
	} while (
	    (error == -ECONNRESET || error == -EPIPE) && now_ms() < end_ms);
	if (error == -ETIMEDOUT && is_stopped(process))
		return say(reply, error,
		    "is stopped: it may come to it when it goes on");
	return error;
}

static int
read_memory(long process, struct reply *reply)
{
	static struct answer answer;
	char path[PATH_MAX];
	FILE *out;
	int error = find_mapped(process, path);

	clear_reply(reply, SOURCE_MEMORY);
	if (error == ENOENT)
		return say(reply, -error, "does not run under the library");
	if (error == 0)
		error = read_answer(&answer, process, path);
	if (error == ENOENT)
		return say(reply, -error, "has a library of another version");
	if (error != 0)
		return explain(reply, error == EPERM ? -EACCES : -error);
	out = fmemopen(reply->text, sizeof(reply->text), "w");
	if (out == NULL)
		return explain(reply, -errno);
	write_answer(out, process, &answer);
	fclose(out);
	take_pairs(reply, reply->text);
	return 0;
}

int
read_figures(long process, struct reply *reply, int patience_ms)
{
	bool stopped = is_stopped(process);
	int error = stopped ? -ETIMEDOUT
			    : ask_process(process, "stat", reply, patience_ms);

	if (error == 0 || error == -ESRCH || error == -EACCES)
		return error;
	reply->absence = stopped ? ABSENCE_STOPPED
			 : error == -ETIMEDOUT || error == -EAGAIN
			     ? ABSENCE_LATE
			 : is_apart(process) ? ABSENCE_APART
					     : ABSENCE_NONE;
	return read_memory(process, reply);
}

const char *
find_value(const struct reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->npairs; i++)
		if (strcmp(reply->pairs[i].name, name) == 0)
			return reply->pairs[i].value;
	return NULL;
}

uint64_t
find_number(const struct reply *reply, const char *name)
{
	const char *value = find_value(reply, name);

	return value != NULL ? strtoull(value, NULL, 10) : 0;
}

void
read_comm(long process, char *comm, size_t len)
{
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%ld/comm", process);
	comm[0] = '\0';
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fgets(comm, (int)len, file) == NULL)
		comm[0] = '\0';
	fclose(file);
	comm[strcspn(comm, "\n")] = '\0';
}

int
visit_processes(
    int (*visit)(long process, const char *comm, void *arg), void *arg)
{
	char path[PATH_MAX], comm[COMM_BYTES];
	struct dirent *entry;
	DIR *all = opendir("/proc");
	int result = 0;

	if (all == NULL)
		return 0;
	while (result == 0 && (entry = readdir(all)) != NULL) {
		long process = isdigit((unsigned char)entry->d_name[0])
				   ? strtol(entry->d_name, NULL, 10)
				   : 0;

		if (process == 0 || find_mapped(process, path) != 0)
			continue;
		read_comm(process, comm, sizeof(comm));
		result = visit(process, comm, arg);
	}
	closedir(all);
	return result;
}
