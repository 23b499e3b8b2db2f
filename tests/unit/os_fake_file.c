/* os_fake_file.c -- files of the fake kernel: stderr, the log, some to read
 *
 * What is written is kept.  There is no descriptor but 2, that of the log, and
 * the one for which a thread apart has 2.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os_fake_parts.h"

enum {
	TEXT_BYTES = 64 << 10,
	LOG_FD = 1000,
	PROGRAM_FD = 1001,
	NFILES = 16
};

struct text {
	char bytes[TEXT_BYTES];
	size_t len;
};

static struct text texts[2]; /* of stderr, of the log */
static char log_path[512];
static _Atomic int nlogs, nprograms;
static const char *files[NFILES][2]; /* path, text */

void
os_fake_forget_texts(void)
{
	memset(texts, 0, sizeof(texts));
	log_path[0] = '\0';
}

/* 0 stderr, 1 the log, -1 nothing that is open. */
static int
target_of(int fd)
{
	if (fd == LOG_FD && atomic_load(&nlogs) > 0)
		return 1;
	if (fd == PROGRAM_FD && atomic_load(&nprograms) > 0)
		return 0;
	return fd == 2 && !os_fake.apart ? 0 : -1;
}

int
gcm_os_write(int fd, const char *bytes, size_t len)
{
	int error = os_fake_must_fail(OS_WRITE), target = target_of(fd);
	struct text *text = &texts[target > 0];

	if (target < 0)
		os_fake_break("a write to somebody else's descriptor");
	if (error != 0)
		return error;
	if (len >= TEXT_BYTES - text->len)
		os_fake_break("too much text");
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
	return 0;
}

bool
gcm_os_is_for_lines(int fd)
{
	return target_of(fd) == 0 && !os_fake.socket;
}

int
gcm_os_identity(int fd, uint64_t *dev, uint64_t *ino)
{
	int error = os_fake_must_fail(OS_IDENTITY);

	if (error != 0)
		return error;
	if (target_of(fd) != 0)
		return -EBADF;
	*dev = os_fake.dev;
	*ino = os_fake.ino;
	return 0;
}

int
gcm_os_open_log(const char *path)
{
	int error = os_fake_must_fail(OS_OPEN_LOG);

	if (error != 0)
		return error;
	snprintf(log_path, sizeof(log_path), "%s", path);
	atomic_fetch_add(&nlogs, 1);
	return LOG_FD;
}

int
gcm_os_open_program(int fd)
{
	int error = os_fake_must_fail(OS_OPEN_PROGRAM);

	if (error != 0)
		return error;
	if (fd != 2)
		return -EBADF;
	atomic_fetch_add(&nprograms, 1);
	return PROGRAM_FD;
}

bool
gcm_os_await_write(int fd, uint64_t timeout_ns)
{
	(void)os_fake_count_call(OS_AWAIT_WRITE);
	if (target_of(fd) < 0)
		os_fake_break("a look at somebody else's descriptor");
	if (os_fake.full)
		os_fake.now_ns += timeout_ns;
	return !os_fake.full;
}

void
gcm_os_close(int fd)
{
	_Atomic int *count = fd == LOG_FD ? &nlogs : &nprograms;

	if (os_fake_close_socket(fd))
		return;
	if ((fd != LOG_FD && fd != PROGRAM_FD) ||
	    atomic_fetch_sub(count, 1) <= 0)
		os_fake_break("closed somebody else's descriptor");
}

void
os_fake_put_file(const char *path, const char *text)
{
	int i = 0;

	while (
	    i < NFILES && files[i][0] != NULL && strcmp(files[i][0], path) != 0)
		i++;
	if (i == NFILES)
		os_fake_break("too many files");
	files[i][0] = path;
	files[i][1] = text;
}

long
gcm_os_read_file(const char *path, char *bytes, size_t len)
{
	int error = os_fake_must_fail(OS_READ_FILE);

	if (error != 0)
		return error;
	for (int i = 0; i < NFILES && files[i][0] != NULL; i++) {
		size_t has;

		if (strcmp(files[i][0], path) != 0 || files[i][1] == NULL)
			continue;
		has = strlen(files[i][1]);
		has = has < len ? has : len;
		memcpy(bytes, files[i][1], has);
		return (long)has;
	}
	return -ENOENT;
}

const char *
os_fake_stderr(void)
{
	return texts[0].bytes;
}

const char *
os_fake_log(void)
{
	return texts[1].bytes;
}

const char *
os_fake_log_path(void)
{
	return log_path;
}

int
os_fake_logs_open(void)
{
	return atomic_load(&nlogs) + atomic_load(&nprograms);
}
