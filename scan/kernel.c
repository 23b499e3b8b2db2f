/* kernel.c -- pointers that only the kernel has
 *
 * MODEL   An event loop may keep the address of a connection nowhere but in the
 *         epoll set, a program its argument in a timer.  /proc tells both: the
 *         `data:` of each line in fdinfo of an epoll descriptor, the value
 *         behind `signal:` in /proc/PID/timers.  Which descriptors are epoll
 *         sets is known from epoll_ctl, which is wrapped.
 *
 *         A number that is no set any more may have been moved to another one:
 *         then all descriptors are looked at.
 *
 *         Reading goes on beside the program.  What it hands over meanwhile is
 *         remembered in a ring and read at the stop: until then the program had
 *         it somewhere, but may have dropped it since.  If the ring was too
 *         short, everything is read again at the stop.
 *
 * LOCKS   none.
 *
 * INVARIANTS
 *   .inv.kernel-ring  a value is in the ring before the kernel has it.
 *
 * FORK    the sets are the same, and so are our notes.
 */
#include "scan/kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>

#include "scan/flight.h"
#include "scan/stop.h"
#include "scan/task.h"

enum {
	DESCRIPTORS = 65536, /* higher ones: every set is read at each stop */
	RING = 1024,         /* values; a power of two */
	CHUNK = 4096,
	NAME_BYTES = 48
};

static _Atomic uint64_t sets[DESCRIPTORS / 64]; /* descriptors; all threads */
static _Atomic bool has_sets, has_timers;       /* sticky */
static _Atomic bool lost_track;                 /* a descriptor too high */
static _Atomic uint64_t ring[RING];             /* all threads */
static _Atomic uint32_t ring_at;                /* values ever noted */
static uint32_t ring_read;                      /* the collector's thread */
static bool incomplete; /* not all was read beside the program; the same */
static char entries[CHUNK] __attribute__((aligned(8))); /* the same */

static void
note_value(uint64_t value)
{
	uint32_t at = atomic_fetch_add(&ring_at, 1);

	atomic_store(&ring[at % RING], value); /* .inv.kernel-ring */
}

void
gcm_kernel_note_epoll(int epfd, uint64_t data)
{
	if (epfd < 0)
		return;
	if (epfd >= DESCRIPTORS)
		atomic_store(&lost_track, true);
	else
		atomic_fetch_or(&sets[epfd / 64], (uint64_t)1 << epfd % 64);
	atomic_store(&has_sets, true);
	note_value(data);
}

void
gcm_kernel_note_timer(uint64_t value)
{
	atomic_store(&has_timers, true);
	note_value(value);
}

/* A parser fed byte by byte: after each `key` comes a hexadecimal number. */
struct parser {
	struct gcm_marker *marker;
	const char *key;
	size_t matched; /* bytes of key */
	bool in_number;
	uint64_t number;
};

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void
feed(struct parser *parser, char c)
{
	int digit = hex_digit(c);

	if (parser->in_number) {
		if (digit >= 0) {
			parser->number = parser->number << 4 | (uint64_t)digit;
			return;
		}
		if (c == ' ' && parser->number == 0)
			return; /* padding before it */
		gcm_mark_word(parser->marker, parser->number);
		parser->in_number = false;
	}
	parser->matched = c == parser->key[parser->matched]
			      ? parser->matched + 1
			      : c == parser->key[0];
	if (parser->key[parser->matched] != '\0')
		return;
	parser->matched = 0;
	parser->in_number = true;
	parser->number = 0;
}

/* 0, or -errno. */
static int
read_numbers(struct gcm_marker *marker, const char *path, const char *key)
{
	struct parser parser = {.marker = marker, .key = key};
	char *text = (char *)marker->read;
	long fd = gcm_arch_syscall(
	    SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long got;

	if (fd < 0)
		return (int)fd;
	while ((got = gcm_arch_syscall(
		    SYS_read, fd, (long)text, CHUNK, 0, 0, 0)) > 0)
		for (long i = 0; i < got; i++)
			feed(&parser, text[i]);
	feed(&parser, '\n');
	gcm_os_close((int)fd);
	return (int)got;
}

/* "/proc/self/task/TID/WHAT/FD": of a thread of the program's, for our table is
 * another one.  FD < 0: the directory.
 */
static void
name_entry(char path[NAME_BYTES], uint32_t tid, const char *what, long fd)
{
	struct gcm_text text;

	gcm_text_init(&text, path, NAME_BYTES - 1);
	gcm_text_add(&text, "/proc/self/task/");
	gcm_text_add_unsigned(&text, tid);
	gcm_text_add(&text, "/");
	gcm_text_add(&text, what);
	if (fd >= 0) {
		gcm_text_add(&text, "/");
		gcm_text_add_unsigned(&text, (uint64_t)fd);
	}
	*text.at = '\0';
}

/* What a descriptor of the thread's is. */
enum what {
	SET,
	OTHER, /* or closed */
	UNKNOWN
};

static enum what
ask_what(uint32_t tid, unsigned int fd)
{
	static const char kind[] = "anon_inode:[eventpoll]";
	char path[NAME_BYTES], name[sizeof(kind)];
	long len;

	name_entry(path, tid, "fd", fd);
	len = gcm_arch_syscall(SYS_readlinkat, AT_FDCWD, (long)path, (long)name,
	    sizeof(name), 0, 0);
	if (len < 0)
		return len == -ENOENT ? OTHER : UNKNOWN;
	return len == sizeof(kind) - 1 &&
		       memcmp(name, kind, sizeof(kind) - 1) == 0
		   ? SET
		   : OTHER;
}

static int
take_living(uint32_t tid, void *arg)
{
	if (gcm_stop_is_exempt(tid) || gcm_task_kind(tid) != GCM_TASK_THREAD)
		return 0;
	*(uint32_t *)arg = tid;
	return 1;
}

/* A thread whose descriptors are the program's; 0: none was found.  (One that
 * has a table of its own is not looked at.)
 */
static uint32_t
find_living(void)
{
	uint32_t tid = (uint32_t)gcm_os_pid();

	if (gcm_task_kind(tid) == GCM_TASK_THREAD)
		return tid;
	tid = 0;
	(void)gcm_task_visit(take_living, &tid);
	return tid;
}

static bool
read_set(struct gcm_marker *marker, uint32_t tid, unsigned int fd)
{
	char path[NAME_BYTES];
	int error;

	name_entry(path, tid, "fdinfo", fd);
	error = read_numbers(marker, path, "data:");
	return error == 0 || (error == -ENOENT && ask_what(tid, fd) == OTHER);
}

/* Note what epoll sets there are, by whatever number. */
static bool
find_sets(uint32_t tid)
{
	char path[NAME_BYTES];
	long dir, len;

	name_entry(path, tid, "fd", -1);
	dir = gcm_arch_syscall(SYS_openat, AT_FDCWD, (long)path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);
	if (dir < 0)
		return false;
	while ((len = gcm_arch_syscall(SYS_getdents64, dir, (long)entries,
		    sizeof(entries), 0, 0, 0)) > 0)
		for (long at = 0; at < len;) {
			const struct gcm_task_entry *entry =
			    (const struct gcm_task_entry *)(const void
				    *)(entries + at);
			uint32_t fd = gcm_task_parse_id(entry->name);

			at += entry->len;
			if (entry->name[0] == '.' || ask_what(tid, fd) != SET)
				continue;
			if (fd >= DESCRIPTORS)
				atomic_store(&lost_track, true);
			else
				atomic_fetch_or(
				    &sets[fd / 64], (uint64_t)1 << fd % 64);
		}
	gcm_os_close((int)dir);
	return len == 0;
}

/* Forget numbers that are no sets any more.  A set may have moved to another
 * one: true says that some were forgotten.
 */
static bool
forget_closed(uint32_t tid)
{
	bool some = false;

	for (unsigned int i = 0; i < DESCRIPTORS / 64; i++) {
		uint64_t word = atomic_load(&sets[i]);

		for (; word != 0; word &= word - 1) {
			unsigned int bit = (unsigned int)__builtin_ctzll(word);

			if (ask_what(tid, i * 64 + bit) != OTHER)
				continue;
			atomic_fetch_and(&sets[i], ~((uint64_t)1 << bit));
			some = true;
		}
	}
	return some;
}

static bool
read_sets(struct gcm_marker *marker)
{
	bool whole = !atomic_load(&lost_track);
	uint32_t tid = find_living();

	if (tid == 0 || (forget_closed(tid) && !find_sets(tid)))
		return false;
	for (unsigned int i = 0; i < DESCRIPTORS / 64; i++) {
		uint64_t word = atomic_load(&sets[i]);

		for (; word != 0; word &= word - 1)
			whole &= read_set(marker, tid,
			    i * 64 + (unsigned int)__builtin_ctzll(word));
	}
	return whole && !atomic_load(&lost_track);
}

static void
read_ring(struct gcm_marker *marker, uint32_t from, uint32_t to)
{
	for (; from != to; from++)
		gcm_mark_word(marker, atomic_load(&ring[from % RING]));
}

bool
gcm_kernel_mark(struct gcm_marker *marker, bool stopped)
{
	uint32_t to = atomic_load(&ring_at), from = ring_read;
	bool whole = true;

	gcm_flight_mark(marker);
	marker->where = 0;
	if (stopped && !incomplete && to - from <= RING / 2) {
		read_ring(marker, from, to);
		return true;
	}
	ring_read = to;
	read_ring(marker, to < RING ? 0 : to - RING, to);
	if (atomic_load(&has_sets))
		whole = read_sets(marker);
	if (atomic_load(&has_timers))
		whole &= read_numbers(marker, "/proc/self/timers", "/") == 0;
	incomplete = !whole;
	return whole;
}
