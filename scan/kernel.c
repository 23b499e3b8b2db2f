/* kernel.c -- pointers that only the kernel has
 *
 * MODEL   An event loop may keep the address of a connection nowhere but in the
 *         epoll set, a program its argument in a timer.  /proc tells both: the
 *         `data:` of each line in fdinfo of an epoll descriptor, the value
 *         behind `signal:` in /proc/PID/timers.  Which descriptors are epoll
 *         sets is known from epoll_ctl, which is wrapped.
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
#include <sys/syscall.h>

#include "scan/flight.h"

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

/* Of the leader's table; ours is another one. */
static bool
read_set(struct gcm_marker *marker, unsigned int fd)
{
	char path[NAME_BYTES];
	struct gcm_text text;
	int error;

	gcm_text_init(&text, path, sizeof(path) - 1);
	gcm_text_add(&text, "/proc/self/fdinfo/");
	gcm_text_add_unsigned(&text, fd);
	*text.at = '\0';
	error = read_numbers(marker, path, "data:");
	if (error == -ENOENT) /* closed */
		atomic_fetch_and(&sets[fd / 64], ~((uint64_t)1 << fd % 64));
	return error == 0 || error == -ENOENT;
}

static bool
read_sets(struct gcm_marker *marker)
{
	bool whole = !atomic_load(&lost_track);

	for (unsigned int i = 0; i < DESCRIPTORS / 64; i++) {
		uint64_t word = atomic_load(&sets[i]);

		for (; word != 0; word &= word - 1)
			whole &= read_set(marker,
			    i * 64 + (unsigned int)__builtin_ctzll(word));
	}
	return whole;
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
	if (stopped && to - from <= RING / 2) {
		read_ring(marker, from, to);
		return true;
	}
	ring_read = to;
	read_ring(marker, to < RING ? 0 : to - RING, to);
	if (atomic_load(&has_sets))
		whole = read_sets(marker);
	if (atomic_load(&has_timers))
		whole &= read_numbers(marker, "/proc/self/timers", "/") == 0;
	return whole;
}
