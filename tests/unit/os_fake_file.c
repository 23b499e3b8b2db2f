/* os_fake_file.c -- descriptors of the fake kernel: stderr and the log
 *
 * What is written is kept.  There is no descriptor but 2 and that of the log.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "os_fake_parts.h"

enum {
	TEXT_BYTES = 64 << 10,
	LOG_FD = 1000
};

struct text {
	char bytes[TEXT_BYTES];
	size_t len;
};

static struct text texts[2]; /* of stderr, of the log */
static char log_path[512];
static _Atomic int nlogs;

void
os_fake_forget_texts(void)
{
	memset(texts, 0, sizeof(texts));
	log_path[0] = '\0';
}

int
gcm_os_write(int fd, const char *bytes, size_t len)
{
	int error = os_fake_must_fail(OS_WRITE);
	struct text *text = &texts[fd != 2];

	if (fd != 2 && (fd != LOG_FD || atomic_load(&nlogs) == 0))
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
gcm_os_is_socket(int fd)
{
	return fd == 2 && os_fake.socket;
}

int
gcm_os_identity(int fd, uint64_t *dev, uint64_t *ino)
{
	int error = os_fake_must_fail(OS_IDENTITY);

	if (error != 0)
		return error;
	if (fd != 2)
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

void
gcm_os_close(int fd)
{
	if (fd != LOG_FD || atomic_fetch_sub(&nlogs, 1) <= 0)
		os_fake_break("closed somebody else's descriptor");
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
	return atomic_load(&nlogs);
}
