/* serve.c -- the live channel's sockets, served by the collector's thread
 *
 * MODEL   A listener and a few connections, in the thread's own table of
 *         descriptors.  The thread serves them between collections, when it
 *         would sleep, and in pieces of marking.  Nothing here waits for a
 *         client: what is not ready now is looked at again later.
 *
 *         The listener's name says which process it is, in which pid namespace:
 *         those that share a network may differ in that.  Anybody may connect;
 *         who is neither the same user nor root is let go at once, unheard, and
 *         for a moment nobody else is taken, so that strangers cost nothing.
 *
 *         The thread sleeps in ppoll, where no futex wakes it.  Who wishes
 *         something sends it the signal that stops threads, which only that
 *         ppoll lets in.
 *
 * STATES  of a connection
 *         FREE      no descriptor                            IDLE
 *         IDLE      nothing begun; gives way to a new one    ASKING FREE
 *         ASKING    a part of a request has come             TELLING FREE
 *         TELLING   an answer is not yet sent as a whole     IDLE FREE
 *         ASKING and TELLING last PATIENCE_NS, no longer.
 *
 *         of `asleep`   AWAKE  ASLEEP by the thread, before it looks at the
 * word and sleeps; ROUSED by who sends the signal, while it does so.
 *
 * LOCKS   none.
 *
 * INVARIANTS
 *   .inv.rouse   a wish is seen, or ends the sleep: the thread says that it is
 *         asleep and then looks at the word, the other one sets the word and
 *         then looks whether it is asleep.  The signal is blocked but in the
 *         wait itself: one that comes before is still there when that begins.
 *   .inv.rouse-tid   nobody sends a signal to a thread id that is no longer
 *         the thread's: it does not go on while it is ROUSED.
 *
 * FORK    gcm_serve_reset.
 */
#include "core/serve.h"

#include <errno.h>
#include <string.h>

#include "core/about.h"
#include "core/channel.h"
#include "core/cycle_state.h"
#include "core/event.h"
#include "core/figure.h"
#include "core/option.h"
#include "core/os_socket.h"
#include "core/resident.h"

enum {
	CONNECTIONS = 8,
	NAME_BYTES = 64,
	TURNS = 16,          /* requests, or clients, before others' turn */
	ROUSED_TRIES = 1000, /* looks, ROUSED_NS apart, at who rouses us */
	ROUSED_NS = 1000000,
	MUTE_NS = 20000000,   /* after a stranger */
	POOR_NS = 200000000,  /* no descriptor for a client, or no poll */
	YOUNG_NS = 200000000, /* a client that has yet to say something */
	NOBODY = 65534        /* whoever a user namespace does not know */
};
#define PATIENCE_NS 1000000000u

struct connection {
	int fd;               /* -1: FREE */
	bool last;            /* close once the answer is sent */
	bool ended;           /* the client says no more, and listens */
	size_t asked;         /* bytes of the request */
	size_t told, to_tell; /* bytes of the answer: sent, in all */
	uint64_t since_ns;    /* of the state */
	char line[GCM_CHANNEL_LINE];
	char answer[GCM_CHANNEL_ANSWER];
};

/* All but `asleep` and what it needs: the collector's thread. */
static struct {
	bool open;
	int listener;
	const struct gcm_scanner *scanner;
	uint64_t mute_ns;   /* no new client until then */
	uint64_t looked_ns; /* during a collection */
	struct connection list[CONNECTIONS];
	_Atomic uint32_t asleep; /* .inv.rouse */
	_Atomic int pid, signal; /* const while open */
	_Atomic uint32_t tid;    /* the same */
} serve;

/* What is asked for ---------------------------------------------------------
 */

static const char *
collect(struct gcm_text *body)
{
	gcm_figure_line(body, "cycles", gcm_cycle.stat.cycles);
	atomic_fetch_or(&gcm_cycle.wish, GCM_WISH_FORCED | GCM_WISH_ASKED);
	return NULL;
}

static const char *
set_option(const char *name, size_t name_len, const char *text, size_t len)
{
	const char *why = gcm_option_set(name, name_len, text, len);

	if (why == NULL)
		gcm_cycle_repace();
	return why;
}

static const char *
dump(struct gcm_text *body)
{
	static const char why[] = ".dump";
	int error = gcm_event_keep(why);

	if (error == -ENOENT)
		return "no execution trace in this process";
	if (error != 0)
		return error == -EBUSY ? "it is being written just now"
				       : "its file cannot be written";
	gcm_text_add(body, "file ");
	gcm_event_add_name(body, why);
	gcm_text_add(body, "\n");
	return NULL;
}

static void
split_resident(struct gcm_text *body)
{
	gcm_resident_add(gcm_cycle.scanner, body);
}

static const struct gcm_channel_host host = {
    .stat = gcm_figure_add,
    .rss = split_resident,
    .collect = collect,
    .set = set_option,
    .dump = dump,
};

/* Connections ---------------------------------------------------------------
 */

static void
drop(struct connection *one)
{
	gcm_os_close(one->fd);
	one->fd = -1;
}

static bool
is_idle(const struct connection *one)
{
	return one->fd >= 0 && one->asked == 0 && one->to_tell == 0;
}

static bool
has_request(const struct connection *one)
{
	return memchr(one->line, '\n', one->asked) != NULL;
}

static void
send_answer(struct connection *one)
{
	while (one->told < one->to_tell) {
		long done = gcm_os_send(
		    one->fd, one->answer + one->told, one->to_tell - one->told);

		if (done == -EAGAIN || done == -EINTR)
			return;
		if (done <= 0) {
			drop(one);
			return;
		}
		one->told += (size_t)done;
	}
	one->told = one->to_tell = 0;
	one->since_ns = gcm_os_now_ns();
	if (one->last || (one->ended && !has_request(one)))
		drop(one);
}

/* Answer the first request of what has come; false when there is none, or it
 * has to wait, or the thread is wanted gone: that is nobody's to wait for.
 */
static bool
answer_line(struct connection *one, bool busy)
{
	const char *end = memchr(one->line, '\n', one->asked);
	struct gcm_text answer;
	size_t used = one->asked;

	if (gcm_cycle_is_asked())
		return false;
	gcm_text_init(&answer, one->answer, sizeof(one->answer));
	if (end != NULL) {
		used = (size_t)(end - one->line) + 1;
		if (!gcm_channel_answer(
			&host, one->line, used - 1, busy, &answer)) {
			one->since_ns = gcm_os_now_ns(); /* our fault */
			return false;
		}
		if (gcm_cycle_is_asked())
			return false; /* half an answer is none */
	} else if (one->asked == sizeof(one->line)) {
		gcm_channel_refuse(&answer, "too long a request");
		one->last = true;
	} else {
		return false;
	}
	one->asked -= used;
	memmove(one->line, one->line + used, one->asked);
	one->to_tell = (size_t)(answer.at - answer.start);
	one->since_ns = gcm_os_now_ns();
	send_answer(one);
	return true;
}

/* Take what has come; false when nothing has. */
static bool
take_bytes(struct connection *one)
{
	size_t room = sizeof(one->line) - one->asked;
	long got = room == 0 || one->ended
		       ? -EAGAIN
		       : gcm_os_receive(one->fd, one->line + one->asked, room);

	if (got == -EAGAIN || got == -EINTR)
		return false;
	if (got == 0 && has_request(one)) {
		one->ended = true;
		return false;
	}
	if (got <= 0) {
		drop(one);
		return false;
	}
	if (one->asked == 0)
		one->since_ns = gcm_os_now_ns();
	one->asked += (size_t)got;
	return true;
}

static void
serve_one(struct connection *one, bool busy)
{
	if (one->to_tell > 0)
		send_answer(one);
	for (int i = 0; i < TURNS && one->fd >= 0 && one->to_tell == 0; i++)
		if (!answer_line(one, busy) && !take_bytes(one))
			break;
	if (one->fd >= 0 && !is_idle(one) &&
	    gcm_os_now_ns() - one->since_ns >= PATIENCE_NS)
		drop(one);
}

/* Room for another client: the longest idle gives way.  NULL: all are busy. */
static struct connection *
find_room(uint64_t now)
{
	struct connection *best = NULL;

	for (int i = 0; i < CONNECTIONS; i++) {
		struct connection *one = &serve.list[i];

		if (one->fd < 0)
			return one;
		if (is_idle(one) && now - one->since_ns >= YOUNG_NS &&
		    (best == NULL || one->since_ns < best->since_ns))
			best = one;
	}
	return best;
}

static bool
is_allowed(uint32_t uid)
{
	uint32_t own = gcm_os_user();

	return uid == 0 || (uid == own && uid != NOBODY);
}

static void
admit_clients(bool busy)
{
	for (int i = 0; i < TURNS; i++) {
		uint64_t now = gcm_os_now_ns();
		struct connection *one = find_room(now);
		uint32_t uid;
		int fd;

		if (one == NULL || serve.mute_ns > now)
			return;
		fd = gcm_os_accept(serve.listener, &uid);
		if (fd < 0 && fd != -EAGAIN) /* it stays ready */
			serve.mute_ns = now + POOR_NS;
		if (fd < 0)
			return;
		if (!is_allowed(uid)) {
			gcm_os_close(fd);
			serve.mute_ns = now + MUTE_NS;
			return;
		}
		if (one->fd >= 0)
			drop(one);
		one->fd = fd;
		one->last = one->ended = false;
		one->asked = one->told = one->to_tell = 0;
		one->since_ns = now;
		serve_one(one, busy);
	}
}

static void
serve_all(bool busy)
{
	for (int i = 0; i < CONNECTIONS; i++)
		if (serve.list[i].fd >= 0)
			serve_one(&serve.list[i], busy);
	admit_clients(busy);
}

/* Sleeping ------------------------------------------------------------------
 */

/* What to wait for, and at most how long. */
static size_t
list_wanted(struct gcm_os_poll *list, uint64_t now, uint64_t *most_ns)
{
	size_t n = 0;

	for (int i = 0; i < CONNECTIONS; i++) {
		const struct connection *one = &serve.list[i];

		if (one->fd < 0)
			continue;
		list[n].fd = one->fd;
		list[n++].wanted = one->to_tell > 0 ? GCM_OS_OUT : GCM_OS_IN;
		if (!is_idle(one) && *most_ns > PATIENCE_NS / 8)
			*most_ns = PATIENCE_NS / 8;
		if (one->to_tell == 0 && has_request(one))
			*most_ns = 1; /* others had their turn */
	}
	if (serve.mute_ns > now) {
		if (*most_ns > serve.mute_ns - now)
			*most_ns = serve.mute_ns - now;
	} else if (find_room(now) != NULL) {
		list[n].fd = serve.listener;
		list[n++].wanted = GCM_OS_IN;
	} else if (*most_ns > YOUNG_NS) {
		*most_ns = YOUNG_NS;
	}
	return n;
}

/* Whoever is about to rouse us does so first: .inv.rouse-tid.  (A child by
 * vfork may be killed at it.)
 */
static void
awake(void)
{
	for (int i = 0; i < ROUSED_TRIES; i++) {
		uint32_t seen = GCM_OS_ASLEEP;

		if (atomic_compare_exchange_strong(
			&serve.asleep, &seen, GCM_OS_AWAKE) ||
		    seen == GCM_OS_AWAKE)
			return;
		gcm_os_wait(&serve.asleep, GCM_OS_ROUSED, ROUSED_NS);
	}
	atomic_store(&serve.asleep, GCM_OS_AWAKE);
}

/* Else the program's handler would run in our thread. */
static bool
is_signal_ours(void)
{
	return serve.scanner->rouser() == atomic_load(&serve.signal);
}

/* A process may be allowed fewer descriptors than are waited for. */
static void
wait_for_any(_Atomic uint32_t *word, struct gcm_os_poll *list, size_t n,
    uint64_t most_ns)
{
	long got = gcm_os_poll(list, n, most_ns, atomic_load(&serve.signal));

	if (got < 0 && got != -EINTR)
		gcm_os_wait(word, 0, most_ns < POOR_NS ? most_ns : POOR_NS);
}

/* True when there is no channel any more. */
static bool
leave_signal(void)
{
	if (is_signal_ours())
		return false;
	gcm_serve_close();
	atomic_store(&gcm_about.channel, "the program has taken the signal");
	return true;
}

void
gcm_serve_sleep(_Atomic uint32_t *word, uint64_t timeout_ns)
{
	uint64_t now = gcm_os_now_ns(), end = now + timeout_ns;
	struct gcm_os_poll list[CONNECTIONS + 1];

	if (leave_signal())
		return;
	serve_all(false);
	while (atomic_load(word) == 0 && (now = gcm_os_now_ns()) < end) {
		uint64_t most = end - now;
		size_t n = list_wanted(list, now, &most);

		atomic_store(&serve.asleep, GCM_OS_ASLEEP); /* .inv.rouse */
		if (atomic_load(word) == 0)
			wait_for_any(word, list, n, most);
		awake();
		if (leave_signal())
			return;
		serve_all(false);
	}
}

/* While the thread is wanted gone because the program takes the signal, its
 * handler is still ours (preload/signal.c).
 */
void
gcm_serve_rouse(void)
{
	if (atomic_load(&serve.asleep) == GCM_OS_ASLEEP &&
	    ((atomic_load(&gcm_cycle.wish) & GCM_WISH_STOP) != 0 ||
		is_signal_ours()))
		gcm_os_rouse(&serve.asleep, atomic_load(&serve.pid), &serve.tid,
		    atomic_load(&serve.signal));
}

void
gcm_serve_meanwhile(void)
{
	uint64_t now;

	if (!serve.open)
		return;
	now = gcm_os_now_ns();
	if (now - serve.looked_ns < GCM_SERVE_NS / 2)
		return;
	serve.looked_ns = now;
	serve_all(true);
}

/* Beginning and end ---------------------------------------------------------
 */

/* NULL, or why there is no channel. */
static const char *
begin_listening(const struct gcm_scanner *scanner)
{
	char name[NAME_BYTES];
	struct gcm_text text;
	uint64_t space;
	int number;

	if (gcm_options.CHANNEL == GCM_CHANNEL_OFF)
		return "an option says so";
	if (scanner->rouser == NULL)
		return "nothing to be roused by";
	number = scanner->rouser();
	if (number == 0)
		return "no signal is free, or a filter forbids sockets";
	space = gcm_os_pid_space();
	if (space == 0)
		return "no /proc";
	gcm_text_init(&text, name, sizeof(name));
	gcm_text_add(&text, GCM_ABOUT_CHANNEL "-");
	gcm_text_add_unsigned(&text, space);
	gcm_text_add(&text, "-");
	gcm_text_add_unsigned(&text, (uint64_t)gcm_os_pid());
	serve.listener = gcm_os_listen(name, (size_t)(text.at - text.start));
	if (serve.listener == -EADDRINUSE)
		return "another process has the name";
	if (serve.listener < 0)
		return "the system gives no socket";
	atomic_store(&serve.signal, number);
	atomic_store(&serve.pid, gcm_os_pid());
	atomic_store(&serve.tid, atomic_load(&gcm_cycle.alive));
	return NULL;
}

void
gcm_serve_open(const struct gcm_scanner *scanner)
{
	const char *why;

	for (int i = 0; i < CONNECTIONS; i++)
		serve.list[i].fd = -1;
	serve.mute_ns = 0;
	serve.scanner = scanner;
	why = begin_listening(scanner);
	serve.open = why == NULL;
	atomic_store(&gcm_about.channel, why != NULL ? why : "");
}

void
gcm_serve_close(void)
{
	if (!serve.open)
		return;
	for (int i = 0; i < CONNECTIONS; i++)
		if (serve.list[i].fd >= 0)
			drop(&serve.list[i]);
	gcm_os_close(serve.listener);
	serve.open = false;
}

bool
gcm_serve_is_open(void)
{
	return serve.open;
}

void
gcm_serve_reset(void)
{
	serve.open = false;
	atomic_store(&serve.asleep, GCM_OS_AWAKE);
}
