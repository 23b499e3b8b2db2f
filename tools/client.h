/* client.h -- asking a process that runs under the library
 *
 * By its live channel (docs/channel.md): connect, one request a time, and the
 * answer's lines as pairs.  Of a process without one, the figures that the
 * library keeps in its memory.
 */
#ifndef GCM_TOOLS_CLIENT_H
#define GCM_TOOLS_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	REPLY_BYTES = 16 << 10,
	REPLY_PAIRS = 160,
	REPLY_WORDS = 200,
	COMM_BYTES = 64,
	CLIENT_MS = 2000 /* patience that suits a person */
};

struct pair {
	const char *name, *value; /* in the reply's text */
};

enum reply_source {
	SOURCE_CHANNEL, /* of this moment */
	SOURCE_MEMORY   /* of the end of the last collection */
};

/* Filled by the calls below; about 20 KiB. */
struct reply {
	enum reply_source source;
	enum {
		ABSENCE_NONE,    /* nobody listens */
		ABSENCE_LATE,    /* no answer in time */
		ABSENCE_STOPPED, /* the process, by a signal or a debugger */
		ABSENCE_APART    /* its network is not ours */
	} absence;               /* why the source is its memory */
	size_t npairs;
	struct pair pairs[REPLY_PAIRS];
	char error[REPLY_WORDS]; /* one line, without a newline; or empty */
	char text[REPLY_BYTES];
};

/* Connect to the channel of a process: a descriptor that is closed by close(2)
 * or -errno.  -ECONNREFUSED: it has none; -EPERM: the name is held by another
 * process.  Never waits.
 */
int open_channel(long process);

/* One request, without its newline, and its answer, waited for at most
 * `patience_ms`.  0; -EPROTO: the process refuses, reply->error says why (the
 * channel can be used on); else another -errno, and reply->error says it in
 * words (close the channel then).
 */
int ask_channel(
    int channel, const char *request, struct reply *reply, int patience_ms);

/* Connect, ask and close; tries again while the process has others to hear.
 * As ask_channel, with reasons in words for what open_channel may meet, too;
 * -ENOENT: it does not run under the library.  After -ETIMEDOUT it may still do
 * what it was asked for.
 */
int ask_process(
    long process, const char *request, struct reply *reply, int patience_ms);

/* The figures of a process: by the channel if it answers within `patience_ms`,
 * else from its memory.  0, or -errno with the reason in reply->error: no such
 * process, not under the library, another user's, ...
 */
int read_figures(long process, struct reply *reply, int patience_ms);

/* The value of a pair, or NULL; as a number, 0 where there is none. */
const char *find_value(const struct reply *reply, const char *name);
uint64_t find_number(const struct reply *reply, const char *name);

/* By a signal, or a debugger? */
bool is_stopped(long process);

/* The process's name; empty where it has none. */
void read_comm(long process, char *comm, size_t len);

/* Call `visit` for each process under the library that we may ask (ours; all,
 * for root), until it returns other than 0: that value, or 0.
 */
int visit_processes(
    int (*visit)(long process, const char *comm, void *arg), void *arg);

#endif
