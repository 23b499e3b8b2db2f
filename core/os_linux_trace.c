/* os_linux_trace.c -- os.h on Linux: the file of the execution trace
 *
 * MODEL   As os_linux.c.  These are called by the program's threads, too.  A
 *         write may raise SIGPIPE, or SIGXFSZ where a limit is reached, which
 *         end a program: all signals are blocked around it, and one that it has
 *         raised is taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "core/arch.h"
#include "core/os.h"

enum {
	PATH_BYTES = 512,
	SUFFIX_BYTES = 8,
	MASK_BYTES = 8,
	MODE = 0666,
	SECOND_NS = 1000 * 1000 * 1000
};

#define SYSCALL(nr, a, b, c, d, e, f)                                          \
	gcm_arch_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d),     \
	    (long)(e), (long)(f))

int
gcm_os_tid(void)
{
	return (int)SYSCALL(SYS_gettid, 0, 0, 0, 0, 0, 0);
}

int
gcm_os_parent(void)
{
	return (int)SYSCALL(SYS_getppid, 0, 0, 0, 0, 0, 0);
}

void
gcm_os_thread_name(char name[GCM_OS_NAME_BYTES])
{
	memset(name, 0, GCM_OS_NAME_BYTES);
	(void)SYSCALL(SYS_prctl, PR_GET_NAME, name, 0, 0, 0, 0);
	name[GCM_OS_NAME_BYTES - 1] = '\0';
}

void
gcm_os_program(char *path, size_t len)
{
	long got = SYSCALL(
	    SYS_readlinkat, AT_FDCWD, "/proc/self/exe", path, len - 1, 0, 0);

	path[got > 0 ? got : 0] = '\0';
}

uint64_t
gcm_os_realtime_ns(void)
{
	struct timespec now = {0, 0};

	(void)SYSCALL(SYS_clock_gettime, CLOCK_REALTIME, &now, 0, 0, 0, 0);
	return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

bool
gcm_os_absolute(const char *path, char *out, size_t len)
{
	size_t at = 0, n = strlen(path);
	long got;

	if (path[0] != '/') {
		got = SYSCALL(SYS_getcwd, out, len, 0, 0, 0, 0);
		if (got <= 1 || out[0] != '/') /* "(unreachable)" */
			return false;
		at = (size_t)got - 1;
		if (at == len)
			return false;
		if (at > 1)
			out[at++] = '/';
	}
	if (n + 1 > len - at)
		return false;
	memcpy(out + at, path, n + 1);
	return true;
}

/* Signals ------------------------------------------------------------------ */

static uint64_t
block_signals(void)
{
	uint64_t all = ~(uint64_t)0, before = 0;

	(void)SYSCALL(
	    SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, MASK_BYTES, 0, 0);
	return before;
}

static bool
is_pending(int number)
{
	uint64_t pending = 0;

	(void)SYSCALL(SYS_rt_sigpending, &pending, MASK_BYTES, 0, 0, 0, 0);
	return (pending >> (number - 1) & 1) != 0;
}

/* One of ours is taken; one that waited before stays. */
static void
restore_signals(uint64_t before, int raised, bool waited)
{
	uint64_t set = raised != 0 ? (uint64_t)1 << (raised - 1) : 0;
	struct timespec now = {0, 0};

	if (set != 0 && !waited)
		(void)SYSCALL(
		    SYS_rt_sigtimedwait, &set, 0, &now, MASK_BYTES, 0, 0);
	(void)SYSCALL(
	    SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, MASK_BYTES, 0, 0);
}

static int
signal_of(long error)
{
	if (error == -EPIPE)
		return SIGPIPE;
	return error == -EFBIG ? SIGXFSZ : 0;
}

/* Files -------------------------------------------------------------------- */

static int
write_once(const char *path, const void *bytes, size_t len, int flags)
{
	long fd = SYSCALL(SYS_openat, AT_FDCWD, path,
	    O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags,
	    MODE, 0, 0);
	int error;

	if (fd < 0)
		return (int)fd;
	error = gcm_os_write((int)fd, bytes, len);
	gcm_os_close((int)fd);
	return error;
}

int
gcm_os_append(const char *path, const void *bytes, size_t len, bool anew)
{
	uint64_t before = block_signals();
	bool pipe = is_pending(SIGPIPE), size = is_pending(SIGXFSZ);
	int error = write_once(path, bytes, len, anew ? O_TRUNC : O_APPEND);
	int raised = signal_of(error);

	restore_signals(before, raised, raised == SIGPIPE ? pipe : size);
	return error;
}

/* The kernel may know no way to allocate blocks there: zeros do. */
static int
fill_file(int fd, size_t len)
{
	static const char zeros[4096];
	long error = SYSCALL(SYS_fallocate, fd, 0, 0, len, 0, 0);

	if (error != -EOPNOTSUPP && error != -ENOSYS)
		return (int)error;
	for (size_t done = 0; done < len; done += sizeof(zeros)) {
		error = gcm_os_write(fd, zeros, sizeof(zeros));
		if (error != 0)
			return (int)error;
	}
	return 0;
}

static bool
is_replaceable(const char *path)
{
	struct stat info;
	long error = SYSCALL(SYS_newfstatat, AT_FDCWD, path, &info, 0, 0, 0);

	return error == -ENOENT || (error == 0 && S_ISREG(info.st_mode));
}

static int
map_file(void *addr, size_t len, int fd)
{
	long got;
	int error = fill_file(fd, len);

	if (error != 0)
		return error;
	got = SYSCALL(SYS_mmap, addr, len, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_FIXED, fd, 0);
	return got < 0 && got > -4096 ? (int)got : 0;
}

static void
name_fresh(char fresh[PATH_BYTES + SUFFIX_BYTES], const char *path)
{
	size_t n = strlen(path);

	memcpy(fresh, path, n);
	memcpy(fresh + n, ".new", sizeof(".new"));
}

static int
make_file(void *addr, size_t len, const char *path)
{
	char fresh[PATH_BYTES + SUFFIX_BYTES];
	long fd;
	int error;

	if (strlen(path) >= PATH_BYTES)
		return -ENAMETOOLONG;
	if (!is_replaceable(path))
		return -EINVAL;
	name_fresh(fresh, path);
	(void)SYSCALL(SYS_unlinkat, AT_FDCWD, fresh, 0, 0, 0, 0);
	fd = SYSCALL(SYS_openat, AT_FDCWD, fresh,
	    O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, MODE, 0, 0);
	if (fd < 0)
		return (int)fd;
	error = map_file(addr, len, (int)fd);
	gcm_os_close((int)fd);
	if (error != 0)
		(void)SYSCALL(SYS_unlinkat, AT_FDCWD, fresh, 0, 0, 0, 0);
	return error;
}

int
gcm_os_map_ring(void *addr, size_t len, const char *path)
{
	uint64_t before = block_signals();
	bool waited = is_pending(SIGXFSZ);
	int error = make_file(addr, len, path);

	restore_signals(before, error == -EFBIG ? SIGXFSZ : 0, waited);
	return error;
}

int
gcm_os_name_ring(const char *path)
{
	char fresh[PATH_BYTES + SUFFIX_BYTES];
	long error;

	name_fresh(fresh, path);
	error = SYSCALL(SYS_renameat, AT_FDCWD, fresh, AT_FDCWD, path, 0, 0);
	if (error != 0)
		(void)SYSCALL(SYS_unlinkat, AT_FDCWD, fresh, 0, 0, 0, 0);
	return (int)error;
}
