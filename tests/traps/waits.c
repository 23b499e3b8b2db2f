/* waits.c -- calls that wait: every one, beside the collector and without it
 *
 * MODEL   Each call waits in a thread of its own.  Undisturbed: for its time
 *         to the millisecond.  Then a handler of the program's comes, with and
 *         without SA_RESTART: which calls end, with what error and when.
 *         Then they are cancelled: which end.  The answers are those of the
 *         plain run, line for line.
 *
 * RED     B1: without the second half of preload/blocking.def "most" printed
 *         "preadv2: error 0; with the library: preadv2: error 4, early" (so
 *         with pwritev2, __poll, __select, __nanosleep, __sigsuspend, __read,
 *         __send) and "preadv2 cancelled: at once; with the library: preadv2
 *         cancelled: no"; "orders" printed "aio_suspend: error 0; with the
 *         library: aio_suspend: error 4, early"; "long" printed
 *         "getrandom: all; with the library: getrandom: a part".
 *         B1: without the numbers from SYS_read to SYS_close in
 *         preload/blocking.c "most" printed "read_number: error 0; with the
 *         library: read_number: error 4, early" (so with the others), "long"
 *         "by number: all; with the library: by number: a part"; without
 *         copy_file_range and pread in blocking.def "copies: 3 of 3; with the
 *         library: copies: 0 of 3", "pread: all; with the library: pread: a
 *         part".
 */
#define _GNU_SOURCE
#include "tests/traps/waits.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

enum {
	ROUNDS = 5,
	SHORT_MS = 30,
	SIGNAL_MS = 80,
	LONG_MS = 200,
	CANCEL_MS = 60,
	CANCEL_END_MS = 160,
	COPIED = 64 << 20 /* bytes */
};

/* The same on a machine that is busy. */
static int
scaled(int ms)
{
	return ms * (int)both_scale();
}

enum mode {
	UNDISTURBED,
	INTERRUPTED,
	CANCELLED
};

struct slot {
	const struct wait_row *row;
	struct rig rig;
	pthread_t thread;
	bool is_there;
	enum mode mode;
	int error;
	double began, ended, least; /* least: ms over */
};

static struct slot slots[128];
static _Atomic unsigned nready;

static void
do_nothing(int sig)
{
	(void)sig;
}

static void
note_end(void *arg)
{
	((struct slot *)arg)->ended = kit_now();
}

static void
wait_often(struct slot *s)
{
	int rounds = s->row->timed ? ROUNDS : 1;

	s->least = 1e9;
	for (int i = 0; i < rounds && s->error == 0; i++) {
		double began = kit_now(), over;

		s->error = s->row->wait(&s->rig, SHORT_MS);
		over = (kit_now() - began) * 1000 - SHORT_MS;
		if (over < s->least)
			s->least = over;
	}
}

static void *
wait_in(void *arg)
{
	struct slot *s = arg;

	pthread_cleanup_push(note_end, s);
	nready++;
	s->began = kit_now();
	if (s->mode == UNDISTURBED)
		wait_often(s);
	else
		s->error = s->row->wait(&s->rig,
		    scaled(s->mode == CANCELLED ? 2 * LONG_MS : LONG_MS));
	pthread_cleanup_pop(1);
	return NULL;
}

static void
start_all(int group, enum mode mode)
{
	unsigned n = 0;
	int ms = mode == UNDISTURBED ? SHORT_MS
		 : mode == CANCELLED ? scaled(2 * LONG_MS)
				     : scaled(LONG_MS);

	for (size_t i = 0; i < nwait_rows; i++) {
		struct slot *s = &slots[i];

		memset(s, 0, sizeof(*s));
		s->row = &wait_rows[i];
		s->mode = mode;
		s->is_there = s->row->group == group &&
			      rig_open(&s->rig, s->row->kind, ms);
		n += s->is_there;
	}
	nready = 0;
	for (size_t i = 0; i < nwait_rows; i++)
		if (slots[i].is_there)
			slots[i].thread = kit_thread(wait_in, &slots[i]);
	while (nready < n)
		kit_sleep(0.001);
}

static void
release_all(bool timed)
{
	for (size_t i = 0; i < nwait_rows; i++)
		if (slots[i].is_there && (timed || !slots[i].row->timed))
			rig_release(&slots[i].rig, slots[i].thread);
}

static void
be_undisturbed(int group)
{
	start_all(group, UNDISTURBED);
	kit_sleep(0.1);
	release_all(false);
	for (size_t i = 0; i < nwait_rows; i++) {
		struct slot *s = &slots[i];

		if (!s->is_there)
			continue;
		kit_join(s->thread);
		both_say("%s: error %d%s", s->row->name, s->error,
		    s->row->timed && s->least < -1 ? ", early" : "");
		if (s->row->timed)
			both_say("# %s %.3f", s->row->name, s->least);
		rig_close(&s->rig);
	}
}

/* When was it over? */
static const char *
name_end(const struct slot *s, double released)
{
	double took = (s->ended - s->began) * 1000 / both_scale();

	if (!s->row->timed)
		return s->ended < released ? "at once" : "when it came";
	return took < (SIGNAL_MS + LONG_MS) / 2 ? "at once"
	       : took < LONG_MS + SIGNAL_MS / 2 ? "at its end"
						: "after its time anew";
}

static void
be_interrupted(int group, int flags)
{
	struct sigaction act = {.sa_handler = do_nothing, .sa_flags = flags};
	double released;

	sigaction(SIGUSR1, &act, NULL);
	start_all(group, INTERRUPTED);
	kit_sleep(scaled(SIGNAL_MS) / 1e3);
	for (size_t i = 0; i < nwait_rows; i++)
		if (slots[i].is_there)
			pthread_kill(slots[i].thread, SIGUSR1);
	kit_sleep(scaled(LONG_MS - SIGNAL_MS) / 1e3);
	released = kit_now();
	release_all(true);
	for (size_t i = 0; i < nwait_rows; i++) {
		struct slot *s = &slots[i];

		if (!s->is_there)
			continue;
		kit_join(s->thread);
		both_say("%s interrupted, flags %x: error %d %s", s->row->name,
		    (unsigned)flags, s->error, name_end(s, released));
		rig_close(&s->rig);
	}
}

static void
be_cancelled(int group)
{
	double released;

	start_all(group, CANCELLED);
	kit_sleep(scaled(CANCEL_MS) / 1e3);
	for (size_t i = 0; i < nwait_rows; i++)
		if (slots[i].is_there)
			pthread_cancel(slots[i].thread);
	kit_sleep(scaled(CANCEL_END_MS - CANCEL_MS) / 1e3);
	released = kit_now();
	release_all(true);
	for (size_t i = 0; i < nwait_rows; i++) {
		struct slot *s = &slots[i];
		bool ended;

		if (!s->is_there)
			continue;
		ended = kit_join(s->thread) == PTHREAD_CANCELED;
		both_say("%s cancelled: %s", s->row->name,
		    !ended                ? "no"
		    : s->ended < released ? "at once"
					  : "later");
		rig_close(&s->rig);
	}
}

/* Calls that are long and not waits: a signal cuts them short. */
static int
run_long(void)
{
	static char bytes[24 << 20];
	int file = memfd_create("long", MFD_CLOEXEC), all = 0, exact = 0;

	both_begin();
	for (int i = 0; i < 3; i++) {
		all += fallocate(file, 0, 0, 64 << 20) == 0;
		KIT_CHECK(ftruncate(file, 0) == 0);
		exact += posix_fallocate(file, 0, 64 << 20) == 0;
		KIT_CHECK(ftruncate(file, 0) == 0);
	}
	both_say("fallocate: %d of 3", all);
	both_say("posix_fallocate: %d of 3", exact);
	both_say("getrandom: %s",
	    getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes)
		? "all"
		: "a part");
	both_say("by number: %s", syscall(SYS_getrandom, bytes, sizeof(bytes),
				      0) == (long)sizeof(bytes)
				      ? "all"
				      : "a part");
	file = open("/dev/zero", O_RDONLY);
	KIT_CHECK(file >= 0);
	all = 0;
	for (int i = 0; i < 10; i++)
		all += pread(file, bytes, sizeof(bytes), 0) !=
		       (ssize_t)sizeof(bytes);
	both_say("pread: %s", all == 0 ? "all" : "a part");
	return 0;
}

/* The kernel copies from file to file. */
static int
run_copies(void)
{
	static char bytes[1 << 20];
	char from[] = "copy-XXXXXX", to[] = "copy-XXXXXX";
	int source = mkstemp(from), target = mkstemp(to), all = 0;

	KIT_CHECK(source >= 0 && target >= 0);
	unlink(from);
	unlink(to);
	for (size_t i = 0; i < COPIED; i += sizeof(bytes))
		KIT_CHECK(write(source, bytes, sizeof(bytes)) ==
			  (ssize_t)sizeof(bytes));
	both_begin();
	for (int i = 0; i < 3; i++) {
		off_t in = 0, out = 0;

		all += copy_file_range(source, &in, target, &out, COPIED, 0) ==
		       COPIED;
	}
	both_say("copies: %d of 3", all);
	return 0;
}

static int
run_group(int group)
{
	struct sigaction act = {.sa_handler = do_nothing};

	sigaction(SIGUSR2, &act, NULL);
	both_begin();
	be_undisturbed(group);
	be_interrupted(group, 0);
	be_interrupted(group, SA_RESTART);
	be_cancelled(group);
	return 0;
}

static int
run_most(void)
{
	return run_group(0);
}

static int
run_wait(void)
{
	return run_group(1);
}

static int
run_wait3(void)
{
	return run_group(2);
}

static int
run_aio(void)
{
	return run_group(3);
}

static void
most(void)
{
	both_same("most", 3, 1);
}

static void
any_child(void)
{
	both_same("wait", 3, 1);
	both_same("wait3", 3, 1);
}

/* libc's helper blocks all signals, so that no stop succeeds beside it. */
static void
orders(void)
{
	both_same("aio", 3, 1);
}

static void
long_calls(void)
{
	both_same("long", 1, 0);
	both_same("copies", 1, 0);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"most", most, KIT_PLAIN, 120},
	    {"any-child", any_child, KIT_PLAIN | KIT_PARALLEL, 0},
	    {"long", long_calls, KIT_PLAIN, 0},
	    {"orders", orders, KIT_PLAIN | KIT_PARALLEL, 0},
	    {NULL, NULL, 0, 0},
	};
	static const struct both_body bodies[] = {
	    {"most", run_most},
	    {"wait", run_wait},
	    {"wait3", run_wait3},
	    {"aio", run_aio},
	    {"copies", run_copies},
	    {"long", run_long},
	    {NULL, NULL},
	};

	return both_main(argc, argv, cases, bodies);
}
