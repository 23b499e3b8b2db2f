/* task.c -- the kernel's list of our threads, /proc/self/task
 *
 * MODEL   The only list that is complete: libraries start threads behind
 *         everybody's back, and raw clone is known to nobody else.  It is read
 *         with the world half stopped: raw system calls, a static buffer.
 */
#include "scan/task.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>

enum {
	BUFFER_BYTES = 16 << 10,
	NAME_BYTES = 64,
	STAT_BYTES = 256
};

static int task_fd = -1; /* the collector's thread */
static char buffer[BUFFER_BYTES] __attribute__((aligned(8))); /* as task_fd */

int
gcm_task_open(void)
{
	long fd =
	    gcm_arch_syscall(SYS_openat, AT_FDCWD, (long)"/proc/self/task",
		O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0);

	task_fd = fd < 0 ? -1 : (int)fd;
	return fd < 0 ? (int)fd : 0;
}

void
gcm_task_close(void)
{
	if (task_fd >= 0)
		gcm_os_close(task_fd);
	task_fd = -1;
}

/* The number is one of the collector's own table, and that is not here: the
 * program has something else by it.
 */
void
gcm_task_forget(void)
{
	task_fd = -1;
}

uint32_t
gcm_task_parse_id(const char *text)
{
	uint32_t id = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		id = id * 10 + (uint32_t)(*text - '0');
	return id;
}

static int
visit_entries(long len, int (*visit)(uint32_t tid, void *arg), void *arg)
{
	long at = 0;

	while (at < len) {
		const struct gcm_task_entry *entry =
		    (const struct gcm_task_entry *)(const void *)(buffer + at);
		uint32_t tid = gcm_task_parse_id(entry->name);
		int result = tid != 0 ? visit(tid, arg) : 0;

		if (result != 0)
			return result;
		at += entry->len;
	}
	return 0;
}

int
gcm_task_visit(int (*visit)(uint32_t tid, void *arg), void *arg)
{
	long len = gcm_arch_syscall(SYS_lseek, task_fd, 0, 0, 0, 0, 0);

	while (len >= 0) {
		int result;

		len = gcm_arch_syscall(SYS_getdents64, task_fd, (long)buffer,
		    sizeof(buffer), 0, 0, 0);
		if (len <= 0)
			break;
		result = visit_entries(len, visit, arg);
		if (result != 0)
			return result;
	}
	return (int)len;
}

/* After the name's closing parenthesis, of which the name may have some. */
static char
find_state(const char *text, long len)
{
	while (len > 0 && text[len - 1] != ')')
		len--;
	if (len == 0)
		return '?';
	return text[len + 1];
}

/* Is it made by the kernel for itself?  Its name alone says nothing: a program
 * may give any to its threads.
 */
static bool
has_worker_flags(const char *text, long len)
{
	enum {
		IO_WORKER = 0x10, /* PF_..., <linux/sched.h> */
		USER_WORKER = 0x4000,
		KTHREAD = 0x200000,
		FLAGS_FIELD = 7 /* behind the name; the state is the first */
	};
	unsigned long flags = 0;
	int field = 0;

	while (len > 0 && text[len - 1] != ')')
		len--;
	for (text += len; *text != '\0' && field <= FLAGS_FIELD; text++) {
		if (*text == ' ')
			field++;
		else if (field == FLAGS_FIELD)
			flags = flags * 10 + (unsigned long)(*text - '0');
	}
	return (flags & (IO_WORKER | USER_WORKER | KTHREAD)) != 0;
}

static bool
has_prefix(const char *text, const char *prefix)
{
	for (; *prefix != '\0'; text++, prefix++)
		if (*text != *prefix)
			return false;
	return true;
}

static const char *
find_name(const char *text)
{
	while (*text != '(' && *text != '\0')
		text++;
	return *text == '(' ? text + 1 : text;
}

static long
open_file(uint32_t tid, const char *file)
{
	char name[NAME_BYTES];
	struct gcm_text text;

	gcm_text_init(&text, name, sizeof(name) - 1);
	gcm_text_add_unsigned(&text, tid);
	gcm_text_add(&text, file);
	*text.at = '\0';
	return gcm_arch_syscall(
	    SYS_openat, task_fd, (long)name, O_RDONLY | O_CLOEXEC, 0, 0, 0);
}

enum gcm_task_kind
gcm_task_kind(uint32_t tid)
{
	char stat[STAT_BYTES], state;
	long fd = open_file(tid, "/stat"), len;

	if (fd < 0)
		return fd == -ENOENT || fd == -ESRCH ? GCM_TASK_GONE
						     : GCM_TASK_THREAD;
	len = gcm_arch_syscall(
	    SYS_read, fd, (long)stat, sizeof(stat) - 2, 0, 0, 0);
	gcm_os_close((int)fd);
	if (len <= 0)
		return GCM_TASK_GONE;
	stat[len] = stat[len + 1] = '\0';
	/* Forty more fields follow the state; the name is short. */
	for (long i = len; i > 0; i--)
		if (stat[i - 1] == ')') {
			len = i;
			break;
		}
	state = find_state(stat, len);
	if (state == 'Z' || state == 'X')
		return GCM_TASK_GONE;
	if ((has_prefix(find_name(stat), "iou-") ||
		has_prefix(find_name(stat), "vhost-")) &&
	    has_worker_flags(stat, len))
		return GCM_TASK_WORKER;
	return GCM_TASK_THREAD;
}

static uint64_t
parse_hex(const char *text)
{
	uint64_t value = 0;

	for (;; text++) {
		if (*text >= '0' && *text <= '9')
			value = value << 4 | (uint64_t)(*text - '0');
		else if (*text >= 'a' && *text <= 'f')
			value = value << 4 | (uint64_t)(*text - 'a' + 10);
		else
			return value;
	}
}

/* Lines "Name:\tvalue"; the name that the thread was given has its newlines
 * escaped.  A process in thousands of groups has more than we read.
 */
static bool
parse_status(const char *text, struct gcm_task_status *status)
{
	status->state = '\0';
	for (;;) {
		if (has_prefix(text, "State:\t"))
			status->state = text[7];
		if (has_prefix(text, "SigBlk:\t")) {
			status->blocked = parse_hex(text + 8);
			return status->state != '\0';
		}
		while (*text != '\n' && *text != '\0')
			text++;
		if (*text++ == '\0')
			return false;
	}
}

bool
gcm_task_read_status(uint32_t tid, struct gcm_task_status *status)
{
	long fd = open_file(tid, "/status"), len;

	if (fd < 0)
		return false;
	len = gcm_arch_syscall(
	    SYS_read, fd, (long)buffer, sizeof(buffer) - 1, 0, 0, 0);
	gcm_os_close((int)fd);
	buffer[len > 0 ? len : 0] = '\0';
	return parse_status(buffer, status);
}
