/* stdio.c -- threads that wait inside libc's own read, beside the collector
 *
 * MODEL   stdio reads by libc's own instruction: no wrapper of ours sees the
 *         wait, so each stop interrupts it, and SA_RESTART makes it go on.  A
 *         thread for each call waits on a pipe, a FIFO, a terminal or a socket,
 *         or to write into a full pipe.  Stops succeed meanwhile; what the
 *         program sees is what it sees without us: nothing at all, the data, or
 *         EINTR where a handler of its own says so.
 *
 *         A handler without SA_RESTART that comes while a read is about to go
 *         on after a stop does not end it (docs/traps.md): so the signal is
 *         sent until it does.
 *
 * RED     B1: without SA_RESTART in install_handler (scan/stop.c) "waits"
 *         printed "undisturbed, fgetc: 119, errno 0; with the library: fgetc:
 * ended by itself", and so on
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/traps/both.h"

enum {
	CYCLES = 5,
	LARGE = 300000
};

struct waiter {
	const char *name;
	int (*wait)(FILE *file); /* a number that says what it got */
	int in, out;             /* it waits on the first */
	pthread_t thread;
	int got, error;
	bool failed;
	_Atomic bool ended;
};

/* Calls
 * -------------------------------------------------------------------- */

static int
by_fgetc(FILE *file)
{
	return fgetc(file);
}

static int
by_fread(FILE *file)
{
	char line[6];

	return (int)fread(line, 1, sizeof(line), file);
}

static int
by_fgets(FILE *file)
{
	char line[80];

	return fgets(line, sizeof(line), file) != NULL ? (int)strlen(line) : -1;
}

static int
by_getline(FILE *file)
{
	char *line = NULL;
	size_t room = 0;
	int got = (int)getline(&line, &room, file);

	free(line);
	return got;
}

static int
by_fscanf(FILE *file)
{
	char word[80];

	return fscanf(file, "%79s\n", word);
}

static int
by_fwrite(FILE *file)
{
	static const char bytes[LARGE];

	return (int)fwrite(bytes, 1, LARGE, file);
}

static void
open_pipe(struct waiter *w)
{
	int ends[2];

	KIT_CHECK(pipe(ends) == 0);
	w->in = ends[0];
	w->out = ends[1];
}

static void
open_fifo(struct waiter *w)
{
	char path[] = "fifo.XXXXXX";

	KIT_CHECK(mkdtemp(path) != NULL && rmdir(path) == 0);
	KIT_CHECK(mkfifo(path, 0600) == 0);
	w->out = open(path, O_RDWR);
	w->in = open(path, O_RDONLY);
	unlink(path);
}

static void
open_terminal(struct waiter *w)
{
	w->out = posix_openpt(O_RDWR | O_NOCTTY);
	if (w->out < 0 || grantpt(w->out) != 0 || unlockpt(w->out) != 0)
		kit_skip("no terminals");
	w->in = open(ptsname(w->out), O_RDWR | O_NOCTTY);
}

static void
open_socket(struct waiter *w)
{
	int ends[2];

	KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	w->in = ends[0];
	w->out = ends[1];
}

/* It writes to `in`, and `out` is read. */
static void
open_full(struct waiter *w)
{
	int ends[2];

	KIT_CHECK(pipe(ends) == 0);
	w->in = ends[1];
	w->out = ends[0];
}

static const struct {
	const char *name;
	void (*open)(struct waiter *w);
	bool writes;
} places[] = {
    {"pipe", open_pipe, false},
    {"fifo", open_fifo, false},
    {"terminal", open_terminal, false},
    {"socket", open_socket, false},
    {"full pipe", open_full, true},
};

static const struct {
	const char *name;
	int (*wait)(FILE *file);
	bool writes;
} calls[] = {
    {"fgetc", by_fgetc, false},
    {"fread", by_fread, false},
    {"fgets", by_fgets, false},
    {"getline", by_getline, false},
    {"fscanf", by_fscanf, false},
    {"fwrite", by_fwrite, true},
};

/* Waiting
 * ------------------------------------------------------------------ */

static struct waiter waiters[KIT_COUNT(places) * KIT_COUNT(calls)];
static size_t nwaiters;

static void *
wait_in(void *arg)
{
	struct waiter *w = arg;
	FILE *file = fdopen(w->in, w->wait == by_fwrite ? "w" : "r");

	errno = 0;
	w->got = w->wait(file);
	w->failed = ferror(file) != 0;
	w->error = w->failed ? errno : 0;
	w->ended = true;
	if (w->failed)
		close(w->in); /* what waits to be written stays unwritten */
	else
		fclose(file);
	return NULL;
}

static void
start_all(void)
{
	nwaiters = 0;
	for (size_t i = 0; i < KIT_COUNT(places); i++)
		for (size_t k = 0; k < KIT_COUNT(calls); k++) {
			struct waiter *w = &waiters[nwaiters];

			if (places[i].writes != calls[k].writes)
				continue;
			nwaiters++;
			memset(w, 0, sizeof(*w));
			w->name = calls[k].name;
			w->wait = calls[k].wait;
			places[i].open(w);
			w->thread = kit_thread(wait_in, w);
		}
	kit_sleep(0.05 * both_scale());
}

static void
release(const struct waiter *w)
{
	static char bytes[LARGE];
	ssize_t n = 0;

	if (w->wait == by_fwrite)
		for (ssize_t done = 0; done < LARGE; done += n) {
			kit_sleep(0.005);
			n = read(w->out, bytes, sizeof(bytes));
			KIT_CHECK(n > 0);
		}
	else
		KIT_CHECK(write(w->out, "word\n\nx\n", 8) == 8);
}

static void
end_all(const char *when)
{
	for (size_t i = 0; i < nwaiters; i++) {
		struct waiter *w = &waiters[i];

		kit_join(w->thread);
		both_say("%s, %s: %d%s, errno %d", when, w->name, w->got,
		    w->failed ? " failed" : "", w->error);
		close(w->out);
	}
}

/* With the library: stops succeed while all wait. */
static void
await_cycles(void)
{
	struct gcm_stats stats;
	double patience = kit_now() + 15;
	uint64_t until;

	if (gcm_stats(&stats, sizeof(stats)) != 0) {
		kit_sleep(0.3);
		return;
	}
	until = stats.cycles + CYCLES;
	while (stats.cycles < until && kit_now() < patience) {
		kit_sleep(0.01);
		gcm_stats(&stats, sizeof(stats));
	}
	if (stats.cycles < until)
		both_say("%d cycles", (int)stats.cycles);
}

static void
be_undisturbed(void)
{
	start_all();
	await_cycles();
	for (size_t i = 0; i < nwaiters; i++) {
		if (waiters[i].ended)
			both_say("%s: ended by itself", waiters[i].name);
		release(&waiters[i]);
	}
	end_all("undisturbed");
}

static void
do_nothing(int sig)
{
	(void)sig;
}

static void
be_interrupted(int flags)
{
	struct sigaction act = {.sa_handler = do_nothing, .sa_flags = flags};
	int tries = flags == 0 ? 100 : 3;

	sigaction(SIGUSR1, &act, NULL);
	start_all();
	for (int k = 0; k < tries; k++)
		for (size_t i = 0; i < nwaiters; i++) {
			if (!waiters[i].ended)
				pthread_kill(waiters[i].thread, SIGUSR1);
			kit_sleep(0.0005);
		}
	for (size_t i = 0; i < nwaiters; i++)
		if (!waiters[i].ended)
			release(&waiters[i]);
	end_all(flags == 0 ? "interrupted" : "interrupted and restarted");
}

static int
run_waits(void)
{
	signal(SIGPIPE, SIG_IGN);
	both_begin();
	be_undisturbed();
	be_interrupted(SA_RESTART);
	be_interrupted(0);
	return 0;
}

static void
waits(void)
{
	both_same("waits", 3, 0);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"waits", waits, KIT_PLAIN, 120},
	    {NULL, NULL, 0, 0},
	};
	static const struct both_body bodies[] = {
	    {"waits", run_waits},
	    {NULL, NULL},
	};

	return both_main(argc, argv, cases, bodies);
}
