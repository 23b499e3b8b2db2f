/* event_file.c -- the recording: its file, its ring, its children
 *
 * MODEL   A file: full buffers are appended to it, each by one write, so that
 *         processes can share it; it is opened for each and closed again.  The
 *         collector's thread does that, at the end of a cycle, and ten times a
 *         second with half-full ones, too; while there is none, or should
 *         buffers become scarce, whoever notes something then.  The table comes
 * before a process's first batch.  At exit and before exec half-full buffers go
 *         there, too.
 *
 *         A ring (GCM_DEBUG=flight): the buffers are the file, mapped and
 *         shared, so nothing is ever written, and whatever ends the process
 *         leaves the recording as it is.  The table stays in the first batches.
 *
 *         A file that cannot be written ends the recording with one line, and
 *         the program goes on: what was appended of a batch may be cut short
 *         then, and nothing follows.  A lack of descriptors or memory passes:
 *         the batch waits.
 *
 *         The path is taken from the folder that the program began in.  After a
 *         chroot, or when rights are dropped, it may lead nowhere.
 *
 * LOCKS   none.  One writer at a time: a word with the generation; others find
 *         that somebody is at it, and leave.
 *
 * FORK    A word on a page that the kernel wipes says that this is a child; its
 *         first note begins a recording of its own, dated from the fork: a
 *         child that soon ends or calls exec leaves nothing.  Buffers of the
 *         parent's stay what they are (.inv.event-age) and are not used: two
 *         sets take turns.  A ring needs a file of its own, by "%p" in the
 *         name; without, the child records nothing.  A child of vfork is a part
 *         of its parent.
 */
#include <errno.h>
#include <string.h>

#include "core/cycle.h"
#include "core/event_state.h"
#include "core/option.h"
#include "core/os.h"
#include "core/own.h"
#include "core/pageheap.h"
#include "core/report.h"

enum {
	PATH_BYTES = 512,
	SUFFIX_BYTES = 32,
	LINE_BYTES = 640,
	ROOM_BYTES = 64 << 10,
	ROOM_BATCHES = ROOM_BYTES / GCM_BATCH_BYTES,
	RING_LEAST = 64 << 10,
	END_WAITS = 100, /* for another writer, at the end */
	END_WAIT_NS = 1000 * 1000
};

static struct {
	char path[PATH_BYTES];                 /* const in a generation */
	char pattern[PATH_BYTES];              /* const once begun */
	char aside[PATH_BYTES + SUFFIX_BYTES]; /* the writer */
	char *room;     /* ROOM_BYTES; the writer, or who begins */
	char *bases[2]; /* buffers, in turns; who begins */
	size_t len;     /* of those; const once begun */
	bool is_wiped;  /* does the kernel wipe `alive`?  const once begun */
	bool has_pid;   /* in the pattern; who begins */
	bool has_table; /* the file has it; the writer */
	_Atomic uint64_t writer;    /* generation << 1 | is there one? */
	_Atomic uint64_t forked_ns; /* when, if known; the child */
	_Atomic bool kept_late;     /* sticky */
	uint64_t longest_ns;        /* pause kept aside; the collector */
} file;

static _Atomic uint32_t never_wiped;

/* What goes wrong is said once: the recording ends there.  The collector's
 * thread has not the program's descriptor 2.
 */
static void
give_up(int error)
{
	char buffer[LINE_BYTES];
	struct gcm_text text;

	if (!atomic_exchange(&gcm_event_on, false))
		return;
	gcm_text_init(&text, buffer, sizeof(buffer) - 1);
	gcm_text_add(&text, "the execution trace cannot be written, error ");
	gcm_text_add_unsigned(&text, (uint64_t)-error);
	gcm_text_add(&text, ": ");
	*text.at = '\0';
	if (!gcm_cycle_is_self()) {
		gcm_report_warn(buffer, file.path);
		return;
	}
	gcm_text_init(&text, buffer, sizeof(buffer) - 1);
	gcm_text_add(&text, "gcmalloc: the execution trace cannot be written, "
			    "error ");
	gcm_text_add_unsigned(&text, (uint64_t)-error);
	gcm_text_add(&text, ": ");
	gcm_text_add(&text, file.path);
	*text.at++ = '\n';
	(void)gcm_report_write_apart(&text);
}

/* Beginning ---------------------------------------------------------------- */

static void
expand_path(void)
{
	struct gcm_text text;

	gcm_text_init(&text, file.path, sizeof(file.path) - 1);
	for (const char *at = file.pattern; *at != '\0'; at++) {
		char one[2] = {*at, '\0'};

		if (at[0] == '%' && at[1] == 'p') {
			gcm_text_add_unsigned(&text, gcm_event.pid);
			file.has_pid = true;
			at++;
		} else {
			gcm_text_add(&text, one);
		}
	}
	*text.at = '\0';
}

static int
begin_ring(void)
{
	int error = gcm_os_map_ring(gcm_event.base, file.len, file.path);
	size_t table;

	if (error != 0)
		return error;
	gcm_os_name(gcm_event.base, file.len, "gcmalloc trace");
	table = gcm_event_make_table(file.room, ROOM_BYTES, GCM_BATCH_BYTES);
	memcpy(gcm_event.base, file.room, table);
	gcm_event.first = (uint32_t)(table / GCM_BATCH_BYTES);
	for (uint32_t i = gcm_event.first; i < gcm_event.nbatch; i++)
		*gcm_event_batch(i) = (struct gcm_batch){
		    .magic = GCM_BATCH_MAGIC,
		    .kind = GCM_BATCH_EVENTS,
		    .bytes = GCM_BATCH_BYTES,
		    .pid = gcm_event.pid,
		};
	return gcm_os_name_ring(file.path);
}

static int
write_table(void)
{
	size_t len =
	    gcm_event_make_table(file.room, ROOM_BYTES, sizeof(uint64_t));
	int error = gcm_os_append(file.path, file.room, len, false);

	file.has_table = error == 0;
	return error;
}

/* Buffers of our own for this generation, empty. */
static int
begin_generation(uint32_t generation)
{
	char **base = &file.bases[generation % 2];

	if (*base == NULL)
		*base = gcm_own_map(file.len);
	else if (gcm_os_renew(*base, file.len) != 0)
		return -ENOMEM;
	if (*base == NULL)
		return -ENOMEM;
	gcm_event.base = *base;
	gcm_event.pid = (uint32_t)gcm_os_pid();
	file.has_table = false;
	atomic_store(&file.writer, (uint64_t)generation << 1);
	expand_path();
	gcm_event_clear(generation);
	return gcm_event.ring ? begin_ring() : 0;
}

static int
begin_recording(void)
{
	void *page;
	int error;

	if (!gcm_os_absolute(
		gcm_options.TRACE, file.pattern, sizeof(file.pattern)))
		return -ENAMETOOLONG;
	gcm_event.ring = gcm_options.flight != 0;
	file.len = gcm_event.ring
		       ? gcm_round_up((size_t)gcm_options.flight, RING_LEAST)
		       : (size_t)GCM_EVENT_BUFFERS * GCM_BATCH_BYTES;
	gcm_event.nbatch = (uint32_t)(file.len / GCM_BATCH_BYTES);
	gcm_event.states =
	    gcm_own_map(gcm_event.nbatch * sizeof(*gcm_event.states));
	file.room = gcm_own_map(ROOM_BYTES);
	if (gcm_event.states == NULL || file.room == NULL)
		return -ENOMEM;
	gcm_event.alive = &never_wiped;
	file.is_wiped = gcm_os_map_wiped(&page) == 0;
	if (file.is_wiped)
		gcm_event.alive = page;
	error = begin_generation(0);
	if (error == 0 && !gcm_event.ring)
		error = write_table();
	return error;
}

static void
note_beginning(uint64_t at_ns)
{
	uint64_t fields[] = {(uint64_t)gcm_os_parent(), 1};
	char name[GCM_OS_NAME_BYTES];

	gcm_event_add_at(GCM_EVENT_process_begin, at_ns, fields, 2);
	gcm_os_thread_name(name);
	gcm_event_add_text(GCM_EVENT_thread_begin, name);
}

void
gcm_event_begin(void)
{
	int error;

	if (gcm_options.TRACE == NULL || *gcm_options.TRACE == '\0')
		return;
	error = begin_recording();
	atomic_store(&gcm_event_on, true);
	if (error != 0) {
		give_up(error);
		return;
	}
	atomic_store(gcm_event.alive, GCM_EVENT_ALIVE);
	note_beginning(0);
}

/* Children ----------------------------------------------------------------- */

void
gcm_event_forked(void)
{
	if (!gcm_event_is_on() ||
	    (file.is_wiped && atomic_load(gcm_event.alive) != GCM_EVENT_WIPED))
		return; /* a handler's note was faster */
	atomic_store(&file.forked_ns, gcm_os_now_ns());
	/* A note that this one came in between has more to store. */
	if (gcm_event.ring)
		(void)gcm_os_renew(gcm_event.base, file.len);
	atomic_store(gcm_event.alive, GCM_EVENT_WIPED);
}

bool
gcm_event_revive(void)
{
	uint32_t wiped = GCM_EVENT_WIPED;
	uint64_t at_ns;
	int error = 0;

	if (!atomic_compare_exchange_strong(
		gcm_event.alive, &wiped, GCM_EVENT_REVIVED)) {
		atomic_fetch_add(&gcm_event.lost, 1);
		return false;
	}
	if (gcm_event.ring && !file.has_pid) {
		(void)gcm_os_renew(gcm_event.base, file.len);
		atomic_store(&gcm_event_on, false);
		return false;
	}
	error = begin_generation(atomic_load(&gcm_event.generation) + 1);
	if (error != 0) {
		give_up(error);
		return false;
	}
	atomic_store(&file.kept_late, false);
	file.longest_ns = 0;
	at_ns = atomic_exchange(&file.forked_ns, 0);
	atomic_store(gcm_event.alive, GCM_EVENT_ALIVE);
	note_beginning(at_ns);
	return true;
}

/* Writing ------------------------------------------------------------------ */

static bool
begin_writing(uint64_t *token)
{
	uint64_t free = (uint64_t)atomic_load(&gcm_event.generation) << 1;

	*token = free;
	return atomic_compare_exchange_strong(&file.writer, &free, free | 1);
}

/* Of our generation still? */
static bool
is_writing(uint64_t token)
{
	return atomic_load(&file.writer) == (token | 1);
}

static void
end_writing(uint64_t token)
{
	uint64_t taken = token | 1;

	(void)atomic_compare_exchange_strong(&file.writer, &taken, token);
}

/* Does it pass? */
static bool
is_passing(int error)
{
	return error == -EMFILE || error == -ENFILE || error == -ENOMEM ||
	       error == -EINTR;
}

static int
write_full(uint64_t token)
{
	uint32_t i;

	while (
	    is_writing(token) && gcm_event_is_on() && gcm_event_take_full(&i)) {
		struct gcm_batch *batch = gcm_event_batch(i);
		int error = 0;

		if (!file.has_table)
			error = write_table();
		if (error == 0)
			error = gcm_os_append(
			    file.path, batch, batch->bytes, false);
		gcm_event_release(i, error == 0);
		if (error != 0)
			return error;
	}
	return 0;
}

int
gcm_event_flush(bool all)
{
	uint64_t token;
	int error;

	if (!gcm_event_is_on() || gcm_event.ring ||
	    atomic_load(gcm_event.alive) != GCM_EVENT_ALIVE)
		return 0;
	if (all)
		gcm_event_steal();
	if (atomic_load(&gcm_event.full) == 0)
		return 0;
	if (!begin_writing(&token))
		return -EBUSY;
	error = write_full(token);
	end_writing(token);
	if (error != 0 && !is_passing(error))
		give_up(error);
	return error;
}

/* With a collector, it writes: a look ten times a second is enough, unless
 * there are few buffers left.  Never under the page-heap lock: all who allocate
 * would wait for the file.
 */
void
gcm_event_help(void)
{
	uint32_t full = atomic_load(&gcm_event.full);

	if (!gcm_event.ring && !gcm_lock_held(&gcm_pageheap.lock) &&
	    (!gcm_cycle_running() || full > gcm_event.nbatch / 4))
		(void)gcm_event_flush(false);
}

static void
flush_patiently(void)
{
	static _Atomic uint32_t never;

	for (int i = 0; gcm_event_flush(true) == -EBUSY && i < END_WAITS; i++)
		gcm_os_wait(&never, 0, END_WAIT_NS);
}

void
gcm_event_before_exec(void)
{
	if (gcm_event_is_on())
		flush_patiently();
}

void
gcm_event_end(void)
{
	gcm_event_before_exec(); /* room for it */
	GCM_NOTE(process_end, 0);
	flush_patiently();
}

void
gcm_event_silence(bool flush)
{
	if (flush && gcm_event_is_on())
		flush_patiently();
	atomic_store(&gcm_event_on, false);
}

/* Keeping aside ------------------------------------------------------------ */

/* Some of the ring's batches, in the room; one that is taken for something new
 * meanwhile is empty then.
 */
static void
copy_batches(uint32_t from, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		const struct gcm_batch *batch = gcm_event_batch(from + i);
		char *to = file.room + (size_t)i * GCM_BATCH_BYTES;
		uint64_t before = *(const volatile uint64_t *)&batch->number;

		memcpy(to, batch, GCM_BATCH_BYTES);
		atomic_thread_fence(memory_order_acquire);
		if (from + i >= gcm_event.first &&
		    *(const volatile uint64_t *)&batch->number != before)
			memset(to + sizeof(*batch), 0,
			    GCM_BATCH_BYTES - sizeof(*batch));
	}
}

static int
keep_ring(const char *why)
{
	size_t n = strlen(file.path), more = strlen(why) + 1;
	uint32_t step;
	int error = 0;

	if (more > SUFFIX_BYTES)
		return -ENAMETOOLONG;
	memcpy(file.aside, file.path, n);
	memcpy(file.aside + n, why, more);
	for (uint32_t i = 0; i < gcm_event.nbatch && error == 0; i += step) {
		step = gcm_event.nbatch - i;
		step = step < ROOM_BATCHES ? step : ROOM_BATCHES;
		copy_batches(i, step);
		error = gcm_os_append(file.aside, file.room,
		    (size_t)step * GCM_BATCH_BYTES, i == 0);
	}
	return error;
}

int
gcm_event_keep(const char *why)
{
	uint64_t token;
	int error;

	if (!gcm_event_is_on() ||
	    atomic_load(gcm_event.alive) != GCM_EVENT_ALIVE)
		return -ENOENT;
	if (!gcm_event.ring)
		return gcm_event_flush(true);
	if (!begin_writing(&token))
		return -EBUSY;
	error = keep_ring(why);
	end_writing(token);
	return error;
}

void
gcm_event_add_name(struct gcm_text *text, const char *why)
{
	gcm_text_add(text, file.path);
	if (gcm_event.ring)
		gcm_text_add(text, why);
}

void
gcm_event_judge_pause(uint64_t ns)
{
	if (!gcm_event_is_on() || !gcm_event.ring ||
	    gcm_options.flightpause == 0 || ns <= file.longest_ns ||
	    ns <= (uint64_t)gcm_options.flightpause * 1000)
		return;
	file.longest_ns = ns;
	(void)gcm_event_keep(".pause");
}
