/* os_linux_file.c -- os.h on Linux: files, and what they say of the machine
 *
 * MODEL   As os_linux.c.  Most of this is for the collector's thread, whose
 *         table of descriptors is empty.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <time.h>

#include "core/arch.h"
#include "core/os.h"

#ifndef SYS_pidfd_open /* the same for all machines */
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

enum {
	MASK_WORDS = 64, /* 4096 CPUs */
	SECOND_NS = 1000 * 1000 * 1000
};

/* Linux 5.6: the same open file, with its offset and flags. */
static int
fetch_descriptor(int fd)
{
	long process =
	    gcm_arch_syscall(SYS_pidfd_open, gcm_os_pid(), 0, 0, 0, 0, 0);
	long got;

	if (process < 0)
		return (int)process;
	got = gcm_arch_syscall(SYS_pidfd_getfd, process, fd, 0, 0, 0, 0);
	gcm_os_close((int)process);
	return (int)got;
}

/* The file behind it, opened anew; that cannot be had of a socket.  The flags
 * are ours alone, so we need not wait for a reader.
 */
static int
reopen_descriptor(int fd)
{
	char path[] = "/proc/self/fd/0"; /* self: the process, not the thread */

	if (fd < 0 || fd > 9)
		return -EBADF;
	path[sizeof(path) - 2] = (char)('0' + fd);
	return (int)gcm_arch_syscall(SYS_openat, AT_FDCWD, (long)path,
	    O_WRONLY | O_APPEND | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0, 0, 0);
}

int
gcm_os_open_program(int fd)
{
	int got = fetch_descriptor(fd);

	return got >= 0 ? got : reopen_descriptor(fd);
}

bool
gcm_os_await_write(int fd, uint64_t timeout_ns)
{
	struct pollfd wanted = {.fd = fd, .events = POLLOUT};
	struct timespec span = {
	    (time_t)(timeout_ns / SECOND_NS), (long)(timeout_ns % SECOND_NS)};

	return gcm_arch_syscall(
		   SYS_ppoll, (long)&wanted, 1, (long)&span, 0, 8, 0) == 1 &&
	       (wanted.revents & POLLOUT) != 0;
}

long
gcm_os_read_file(const char *path, char *bytes, size_t len)
{
	long fd = gcm_arch_syscall(
	    SYS_openat, AT_FDCWD, (long)path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long done = 0, got;

	if (fd < 0)
		return fd;
	do {
		got = gcm_arch_syscall(SYS_read, fd, (long)(bytes + done),
		    (long)len - done, 0, 0, 0);
		done += got > 0 ? got : 0;
	} while (got == -EINTR || (got > 0 && (size_t)done < len));
	gcm_os_close((int)fd);
	return got < 0 ? got : done;
}

static uint32_t
count_cpus(int task)
{
	unsigned long mask[MASK_WORDS];
	long got = gcm_arch_syscall(
	    SYS_sched_getaffinity, task, sizeof(mask), (long)mask, 0, 0, 0);
	uint32_t ncpus = 0;

	for (size_t i = 0; (long)((i + 1) * sizeof(mask[0])) <= got; i++)
		ncpus += (uint32_t)__builtin_popcountl(mask[i]);
	return ncpus;
}

/* The calling thread may be bound to one CPU where the first one is not. */
uint32_t
gcm_os_cpus(void)
{
	uint32_t own = count_cpus(0), first = count_cpus(gcm_os_pid());

	own = own > first ? own : first;
	return own > 0 ? own : 1;
}

uint64_t
gcm_os_memory(void)
{
	struct sysinfo info;
	uint64_t bytes;

	if (gcm_arch_syscall(SYS_sysinfo, (long)&info, 0, 0, 0, 0, 0) != 0 ||
	    __builtin_mul_overflow(
		(uint64_t)info.totalram, (uint64_t)info.mem_unit, &bytes) ||
	    bytes == 0)
		return UINT64_MAX;
	return bytes;
}
