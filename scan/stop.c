/* stop.c -- stopping and resuming the world
 *
 * MODEL   The stopper makes the word odd, then goes through the kernel's list
 *         of threads until a pass finds none that is new.  A thread in a
 *         blocked-safe call counts as stopped: it has published its stack
 *         pointer and waits on its way out.  Any other gets a signal, whose
 *         handler says where its stack ends, and waits.  The frame of that
 *         signal holds all its registers, so nothing else needs saving.
 *
 *         There is a deadline: a parent in vfork, a thread in an
 *         uninterruptible sleep or one that blocks all signals behind our back
 *         cannot answer.  Then all go on, and the cycle tries again later; the
 *         last kind are noticed before the deadline, and from then on before
 *         anybody is stopped (scan/deaf.c).
 *
 * STATES  of an entry   written by             next
 *         EMPTY         -                      KNOWN WANTED
 *         KNOWN         stopper, from the      WANTED BLOCKED
 *                       thread's own record
 *         WANTED        stopper, before the    GONE
 *                       signal; its answer is the word, until the handler
 *                       leads it to its stack: then the thread is stopped
 *         BLOCKED       stopper                -
 *         GONE          stopper                -
 *         All are EMPTY again when the next stop begins.
 *
 *         of the word: even, the world runs; odd, it stops or is stopped.
 *
 * LOCKS   none; the collector's thread is the only stopper.
 *
 * INVARIANTS
 *   .inv.stop-word   a thread that answers waits until the word is no more what
 *                    it was when it answered.
 *   .inv.stop-token  an answer is one compare-and-swap against the word of the
 *                    stop that it is for: a handler that was late for a stop
 *                    given up does not answer the next one.
 *   .inv.stop-quiet  no signal interrupts a blocked-safe call: the stopper
 * makes the word odd and then looks whether a thread is blocked; a thread that
 * enters says so and then looks at the word (scan/thread.c).  One of the two
 * sees the other: a thread that is sent a signal waits for it before its call.
 *
 * FORK    the child has one thread: gcm_stop_reset.
 * While the world is stopped: raw system calls and memory that is there.
 */
#include "scan/stop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>

#include "scan/deaf.h"
#include "scan/regs.h"
#include "scan/task.h"
#include "scan/thread.h"

enum {
	ENTRIES_MIN = 256, /* a power of two */
	EXEMPT = 72,
	CHECK_NS = 1000 * 1000, /* a thread silent for so long is looked at */
	CHECK_MOST = 8,         /* so many of them for what they block */
	DEAF_LOOKS = 4,         /* that find a deaf one: it stays so */
	ROUNDS = 100            /* passes over the list of threads */
};

enum gcm_stop_state {
	EMPTY,
	KNOWN,
	WANTED,
	BLOCKED,
	GONE
};

_Atomic uint32_t gcm_stop_word;

static struct {
	struct gcm_stopped *_Atomic entries; /* a hash by tid; old ones stay */
	_Atomic uint32_t room; /* entries, a power of two; before entries */
	uint32_t used;         /* the collector's thread */
	_Atomic uint32_t acks; /* futex: entries that answered */
	_Atomic int pid;       /* whose world it is; before the word */
	_Atomic bool shared;   /* the memory, with another process; sticky */
	_Atomic uint32_t exempt[EXEMPT]; /* tids of ours; 0: free */
} stop;

/* Table of threads ------------------------------------------------------------
 */

static uint32_t
hash_tid(uint32_t tid, uint32_t room)
{
	return tid * 0x9e3779b1u & (room - 1);
}

/* The entry of a thread, or the empty one where it would be. */
static struct gcm_stopped *
find_entry(uint32_t tid)
{
	struct gcm_stopped *entries =
	    atomic_load_explicit(&stop.entries, memory_order_acquire);
	uint32_t room = atomic_load(&stop.room), i, seen;

	if (entries == NULL)
		return NULL;
	for (i = hash_tid(tid, room);; i = (i + 1) & (room - 1)) {
		seen = atomic_load(&entries[i].tid);
		if (seen == tid || seen == 0)
			return &entries[i];
	}
}

static void
clear_entries(void)
{
	struct gcm_stopped *entries = atomic_load(&stop.entries);
	uint32_t room = atomic_load(&stop.room);

	for (uint32_t i = 0; i < room; i++) {
		atomic_store_explicit(&entries[i].tid, 0, memory_order_relaxed);
		atomic_store_explicit(
		    &entries[i].state, EMPTY, memory_order_relaxed);
		atomic_store_explicit(
		    &entries[i].answer, 0, memory_order_relaxed);
		entries[i].thread = NULL;
	}
	stop.used = 0;
	atomic_store(&stop.acks, 0);
}

/* Room for twice as many as were there.  The world runs; a late handler may
 * still read the old table, so that stays mapped.
 */
static int
grow_entries(uint32_t least)
{
	uint32_t room = atomic_load(&stop.room);
	struct gcm_stopped *entries;

	if (room >= least)
		return 0;
	room = room < ENTRIES_MIN ? ENTRIES_MIN : room;
	while (room < least)
		room *= 2;
	entries = gcm_own_map(room * sizeof(*entries));
	if (entries == NULL)
		return -ENOMEM;
	/* A reader with the new table and the old room sees a part of it. */
	atomic_store_explicit(&stop.entries, entries, memory_order_release);
	atomic_store(&stop.room, room);
	return 0;
}

/* The handler
 * ------------------------------------------------------------------ */

void
gcm_stop_wait(void)
{
	uint32_t seen;

	while (((seen = atomic_load(&gcm_stop_word)) & 1) != 0 &&
	       atomic_load(&stop.pid) == gcm_os_pid())
		gcm_os_wait(&gcm_stop_word, seen, 0);
}

/* Answer the stop that made the word odd, if it still waits for us: from then
 * on our entry leads to what is on this stack.
 */
static void
answer(struct gcm_stopped *entry, const void *context, uint32_t word)
{
	struct gcm_stop_answer said = {
	    .sp = gcm_regs_sp(context) - GCM_REGS_RED_ZONE,
	    .frame = (uintptr_t)__builtin_frame_address(0),
	    .tp = (uintptr_t)__builtin_thread_pointer(),
	};
	uintptr_t wanted = word;

	if ((uintptr_t)&said < said.frame)
		said.frame = (uintptr_t)&said;
	if (gcm_event_is_on())
		atomic_store(&entry->at_ns, gcm_os_now_ns());
	if (!atomic_compare_exchange_strong(
		&entry->answer, &wanted, (uintptr_t)&said))
		return; /* .inv.stop-token */
	atomic_fetch_add(&stop.acks, 1);
	gcm_os_wake(&stop.acks, 1);
	while (atomic_load(&gcm_stop_word) == word) /* .inv.stop-word */
		gcm_os_wait(&gcm_stop_word, word, 0);
}

bool
gcm_stop_is_exempt(uint32_t tid)
{
	if (tid == gcm_scavenge_tid())
		return true;
	for (unsigned int i = 0; i < EXEMPT; i++)
		if (atomic_load_explicit(
			&stop.exempt[i], memory_order_relaxed) == tid)
			return true;
	return false;
}

void
gcm_stop_handle(int number, siginfo_t *info, void *context)
{
	uint32_t word = atomic_load(&gcm_stop_word);
	uint32_t tid = (uint32_t)gcm_arch_syscall(SYS_gettid, 0, 0, 0, 0, 0, 0);
	struct gcm_stopped *entry = find_entry(tid);

	(void)number;
	if (gcm_stop_is_exempt(tid)) { /* our own */
		/* From outside it is a wish; else its wait is to end. */
		if (info->si_code != SI_TKILL || info->si_pid != gcm_os_pid())
			gcm_cycle_ask();
		return;
	}
	if ((word & 1) != 0 && entry != NULL && atomic_load(&entry->tid) == tid)
		answer(entry, context, word);
}

void
gcm_stop_note_process(void)
{
	atomic_store(&stop.shared, true);
}

int
gcm_stop_open(void)
{
	int error = gcm_task_open();

	if (error == 0)
		error = grow_entries(ENTRIES_MIN);
	if (error != 0)
		return error;
	return gcm_stop_listen();
}

void
gcm_stop_close(void)
{
	gcm_task_close();
}

/* Stopping
 * --------------------------------------------------------------------- */

void
gcm_stop_exempt(uint32_t tid, bool on)
{
	uint32_t from = on ? 0 : tid, to = on ? tid : 0;

	for (unsigned int i = 0; i < EXEMPT; i++) {
		uint32_t seen = from;

		if (atomic_compare_exchange_strong(&stop.exempt[i], &seen, to))
			return;
	}
}

struct pass {
	uint32_t nnew;  /* threads not seen before */
	bool distrusts; /* a handler is not ours to wrap */
};

/* Stopped already, in a blocked-safe call?  Then its record says where its
 * stack ends, and it stays so (.inv.stop-quiet).
 */
static bool
is_blocked(struct gcm_stopped *entry)
{
	struct gcm_thread *thread = entry->thread;

	if (thread == NULL || atomic_load(&thread->blocked) == 0)
		return false;
	entry->sp = atomic_load(&thread->sp);
	/* Its owner may have ended, and another thread have it now. */
	return atomic_load(&thread->tid) == atomic_load(&entry->tid);
}

static int
want_thread(struct gcm_stopped *entry, uint32_t tid, bool distrusts)
{
	long error;

	if (is_blocked(entry)) {
		atomic_store(&entry->state, BLOCKED);
		return distrusts ? -EPERM : 0;
	}
	atomic_store(&entry->answer, atomic_load(&gcm_stop_word));
	atomic_store(&entry->state, WANTED);
	error = gcm_arch_syscall(
	    SYS_tgkill, gcm_os_pid(), tid, gcm_stop_signal(), 0, 0, 0);
	if (error == 0)
		return 0;
	atomic_store(&entry->state, GONE);
	/* There, and not found by its number: /proc is another namespace's. */
	return error == -ESRCH && gcm_task_kind(tid) == GCM_TASK_GONE
		   ? 0
		   : (int)error;
}

/* Enter those threads that have a record: looked for one by one they would cost
 * a walk over all records each.
 */
static int
know_threads(void)
{
	struct gcm_thread *thread = gcm_thread_first();

	for (; thread != NULL; thread = thread->next) {
		uint32_t tid = atomic_load(&thread->tid);
		struct gcm_stopped *entry;

		if (tid == 0 || tid == UINT32_MAX)
			continue;
		if ((stop.used + 1) * 2 > atomic_load(&stop.room))
			return -ENOSPC;
		entry = find_entry(tid);
		if (atomic_load(&entry->tid) == 0) {
			stop.used++;
			atomic_store(&entry->tid, tid);
			atomic_store(&entry->state, KNOWN);
		}
		entry->thread = thread;
	}
	return 0;
}

static int
visit_thread(uint32_t tid, void *arg)
{
	struct pass *pass = arg;
	struct gcm_stopped *entry = find_entry(tid);

	if (gcm_stop_is_exempt(tid) || (atomic_load(&entry->tid) == tid &&
					   atomic_load(&entry->state) != KNOWN))
		return 0;
	if (atomic_load(&entry->tid) != tid) {
		if ((stop.used + 1) * 2 > atomic_load(&stop.room))
			return -ENOSPC;
		stop.used++;
		atomic_store(&entry->state, GONE);
		atomic_store(&entry->tid, tid);
	}
	pass->nnew++;
	return want_thread(entry, tid, pass->distrusts);
}

static bool
is_silent(const struct gcm_stopped *entry)
{
	return atomic_load(&entry->state) == WANTED &&
	       (atomic_load(&entry->answer) & 1) != 0;
}

/* Will it never answer?  It may do so this very moment. */
static bool
is_gone(struct gcm_stopped *entry)
{
	uint32_t tid = atomic_load(&entry->tid);
	uintptr_t wanted = atomic_load(&gcm_stop_word);

	if (!gcm_stop_is_exempt(tid) && gcm_task_kind(tid) == GCM_TASK_THREAD)
		return false;
	if (atomic_compare_exchange_strong(&entry->answer, &wanted, 0))
		atomic_store(&entry->state, GONE);
	return true;
}

/* How many have not answered; with `look`, after a look at what they are. */
static uint32_t
count_silent(bool look)
{
	struct gcm_stopped *entries = atomic_load(&stop.entries);
	uint32_t room = atomic_load(&stop.room), nsilent = 0;

	for (uint32_t i = 0; i < room; i++)
		if (is_silent(&entries[i]) && !(look && is_gone(&entries[i])))
			nsilent++;
	return nsilent;
}

/* Is one of the silent asleep, and deaf?  It will be all the time. */
static bool
has_deaf(void)
{
	struct gcm_stopped *entries = atomic_load(&stop.entries);
	uint32_t room = atomic_load(&stop.room), nlooks = 0;

	for (uint32_t i = 0; i < room && nlooks < CHECK_MOST; i++) {
		uint32_t tid = atomic_load(&entries[i].tid);

		if (!is_silent(&entries[i]))
			continue;
		if (gcm_deaf_sleeps(tid, gcm_stop_signal()) &&
		    is_silent(&entries[i])) {
			gcm_deaf_note(tid);
			return true;
		}
		nlooks++;
	}
	return false;
}

static void
note_silent(void)
{
	struct gcm_stopped *entries = atomic_load(&stop.entries);
	uint32_t room = atomic_load(&stop.room);

	for (uint32_t i = 0; i < room; i++)
		if (is_silent(&entries[i]))
			gcm_deaf_note(atomic_load(&entries[i].tid));
}

static int
await_answers(uint64_t deadline_ns)
{
	uint64_t began = gcm_os_now_ns(), looked = began, now;
	uint32_t ndeaf = 0; /* looks in a row; libc blocks all for moments */

	for (;;) {
		uint32_t acks = atomic_load(&stop.acks);

		if (count_silent(false) == 0)
			return 0;
		gcm_os_wait(&stop.acks, acks, CHECK_NS / 2);
		now = gcm_os_now_ns();
		if (now - looked >= CHECK_NS) {
			if (count_silent(true) == 0)
				return 0;
			ndeaf = has_deaf() ? ndeaf + 1 : 0;
			if (ndeaf == DEAF_LOOKS)
				return -EDEADLK;
			looked = now;
		}
		if (now >= deadline_ns) {
			note_silent();
			return -ETIMEDOUT;
		}
	}
}

static int
stop_all(uint64_t deadline_ns)
{
	struct pass pass = {0, gcm_stop_has_stranger()};
	int error = know_threads();

	if (error != 0)
		return error;
	for (int round = 0; round < ROUNDS; round++) {
		pass.nnew = 0;
		error = gcm_task_visit(visit_thread, &pass);
		if (error == 0)
			error = await_answers(deadline_ns);
		if (error != 0)
			return error;
		if (pass.nnew == 0)
			return 0;
	}
	return -ETIMEDOUT;
}

bool
gcm_stop_is_hopeless(void)
{
	return gcm_deaf_is_there(gcm_stop_signal());
}

static void
note_stop(int error)
{
	struct gcm_stopped *entries = atomic_load(&stop.entries);
	uint32_t room = atomic_load(&stop.room), late = 0, there = 0, asked = 0;

	for (uint32_t i = 0; i < room; i++) {
		uint32_t state = atomic_load(&entries[i].state);

		there += state == WANTED || state == BLOCKED;
		asked += state == WANTED;
		if (is_silent(&entries[i]))
			late = atomic_load(&entries[i].tid);
	}
	if (error == 0)
		GCM_NOTE(stopped, there, asked);
	else
		GCM_NOTE(stop_failed, (uint64_t)-error, late);
}

void
gcm_stop_note_answers(uint64_t began_ns)
{
	struct gcm_stopped *entries = atomic_load(&stop.entries);
	uint32_t room = atomic_load(&stop.room);

	for (uint32_t i = 0; gcm_event_is_on() && i < room; i++) {
		uint64_t ns = atomic_load(&entries[i].at_ns) - began_ns;

		if (atomic_load(&entries[i].state) == WANTED && ns <= INT64_MAX)
			GCM_NOTE(thread_stop, atomic_load(&entries[i].tid), ns);
	}
}

int
gcm_stop_world(uint64_t deadline_ns)
{
	int error;

	if (gcm_stop_signal() == 0)
		return -EBUSY;
	if (atomic_load(&stop.shared))
		return -EXDEV;
	if (gcm_stop_is_hopeless())
		return -EDEADLK;
	clear_entries();
	GCM_PROBE(stop_begin, atomic_load(&gcm_stop_word) + 1);
	atomic_store(&stop.pid, gcm_os_pid());
	atomic_fetch_add(&gcm_stop_word, 1);
	error = stop_all(deadline_ns);
	GCM_PROBE(stopped, atomic_load(&gcm_stop_word), error, stop.used);
	if (gcm_event_is_on())
		note_stop(error);
	if (error == 0)
		return 0;
	gcm_stop_resume();
	if (error == -ENOSPC && grow_entries(atomic_load(&stop.room) * 2) != 0)
		return -ENOMEM;
	return error;
}

void
gcm_stop_resume(void)
{
	atomic_fetch_add(&gcm_stop_word, 1);
	gcm_os_wake(&gcm_stop_word, UINT32_MAX >> 1);
	GCM_PROBE(stop_end, atomic_load(&gcm_stop_word) - 1);
}

size_t
gcm_stop_count(void)
{
	return atomic_load(&stop.room);
}

bool
gcm_stop_at(size_t i, struct gcm_stop_answer *said)
{
	const struct gcm_stopped *entry = &atomic_load(&stop.entries)[i];
	uint32_t state = atomic_load(&entry->state);

	memset(said, 0, sizeof(*said));
	said->sp = entry->sp;
	if (state == WANTED) /* its stack is there: it waits */
		*said = *(const struct gcm_stop_answer *)atomic_load(
		    &entry->answer);
	if (entry->thread != NULL) {
		said->tp = atomic_load(&entry->thread->tp);
		said->alternate = atomic_load(&entry->thread->alternate);
	}
	return state == WANTED || state == BLOCKED;
}

void
gcm_stop_reset(void)
{
	atomic_store(&gcm_stop_word, atomic_load(&gcm_stop_word) & ~1u);
	gcm_stop_forget_signal();
	for (unsigned int i = 0; i < EXEMPT; i++)
		atomic_store(&stop.exempt[i], 0);
	gcm_task_forget();
}
