/* os_linux.c -- os.h on Linux, by raw system calls
 *
 * MODEL   Nothing here touches errno, allocates or takes a lock of libc, so
 *         every function may run inside malloc, in a signal handler, in our
 *         own TLS-less threads and before libc is up.
 */
#include "core/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>

#include "core/arch.h"

#ifndef MAP_FIXED_NOREPLACE
#define MAP_FIXED_NOREPLACE 0x100000
#endif
#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif
#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE 103
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif
#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#define PR_SET_VMA_ANON_NAME 0
#endif

#define SYSCALL(nr, a, b, c, d, e, f)                                          \
	gcm_arch_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d),     \
	    (long)(e), (long)(f))

static _Atomic bool confined; /* sticky */

/* By the linker: the ends of the object this file is linked into. */
extern GCM_HIDDEN const char __ehdr_start[], _end[];

size_t
gcm_os_page_size(void)
{
	static _Atomic size_t known;
	size_t size = atomic_load_explicit(&known, memory_order_relaxed);

	if (size == 0) {
		size = getauxval(AT_PAGESZ);
		atomic_store_explicit(&known, size, memory_order_relaxed);
	}
	return size;
}

uint64_t
gcm_os_random(void)
{
	const unsigned char *seed = (const unsigned char *)getauxval(AT_RANDOM);
	static _Atomic uint64_t round;
	uint64_t value =
	    gcm_os_now_ns() ^ atomic_fetch_add_explicit(&round,
				  0x9e3779b97f4a7c15u, memory_order_relaxed);

	if (seed != NULL)
		for (unsigned int i = 0; i < 8; i++)
			value ^= (uint64_t)seed[i + 8] << (8 * i);
	/* The finaliser of splitmix64 (Steele, Lea, Flood 2014). */
	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return value ^ (value >> 31);
}

bool
gcm_os_image(uintptr_t *lo, uintptr_t *hi)
{
	static _Atomic uintptr_t known;
	uintptr_t program = atomic_load_explicit(&known, memory_order_relaxed);

	if (program == 0) {
		program = getauxval(AT_PHDR);
		atomic_store_explicit(&known, program, memory_order_relaxed);
	}
	*lo = gcm_round_down((uintptr_t)__ehdr_start, gcm_os_page_size());
	*hi = gcm_round_up((uintptr_t)_end, gcm_os_page_size());
	return program < *lo || program >= *hi;
}

static int
map_fixed(void *addr, size_t len, int flags)
{
	long got = SYSCALL(SYS_mmap, addr, len, PROT_READ | PROT_WRITE,
	    flags | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

	if (got < 0 && got > -4096)
		return (int)got;
	if (got != (long)addr) { /* a kernel that takes the flag for a hint */
		gcm_os_unmap((void *)got, len);
		return -EEXIST;
	}
	return 0;
}

int
gcm_os_map_own(void *addr, size_t len, bool shared)
{
	return map_fixed(addr, len, shared ? MAP_SHARED : MAP_PRIVATE);
}

int
gcm_os_map_at(void *addr, size_t len, bool table)
{
	int error =
	    map_fixed(addr, len, MAP_PRIVATE | (table ? MAP_NORESERVE : 0));

	if (error != 0)
		return error;
	/* Neighbours become one mapping: where this one ends a huge page. */
	if (table && !atomic_load(&confined) &&
	    gcm_round_down((uintptr_t)addr + len, GCM_OS_HUGE) >
		(uintptr_t)addr)
		(void)SYSCALL(SYS_madvise, addr, len, MADV_NOHUGEPAGE, 0, 0, 0);
	return 0;
}

int
gcm_os_map(void **out, size_t len)
{
	long got = SYSCALL(SYS_mmap, 0, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (got < 0 && got > -4096)
		return (int)got;
	*out = (void *)got;
	return 0;
}

int
gcm_os_map_wiped(void **out)
{
	size_t len = gcm_os_page_size();
	void *page;
	int error = gcm_os_map(&page, len);

	if (error != 0)
		return error;
	error = (int)SYSCALL(SYS_madvise, page, len, MADV_WIPEONFORK, 0, 0, 0);
	if (error != 0) {
		gcm_os_unmap(page, len);
		return error;
	}
	*out = page;
	return 0;
}

void
gcm_os_unmap(void *addr, size_t len)
{
	(void)SYSCALL(SYS_munmap, addr, len, 0, 0, 0, 0);
}

int
gcm_os_release(void *addr, size_t len)
{
	if (atomic_load(&confined))
		return -EPERM;
	return (int)SYSCALL(SYS_madvise, addr, len, MADV_DONTNEED, 0, 0, 0);
}

int
gcm_os_collapse(void *addr, size_t len)
{
	long error;

	if (atomic_load(&confined))
		return -EPERM;
	error = SYSCALL(SYS_madvise, addr, len, MADV_HUGEPAGE, 0, 0, 0);
	if (error == 0)
		error = SYSCALL(SYS_madvise, addr, len, MADV_COLLAPSE, 0, 0, 0);
	return (int)error;
}

static int
map_over(void *addr, size_t len, int prot)
{
	long got = SYSCALL(SYS_mmap, addr, len, prot,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);

	return got < 0 && got > -4096 ? (int)got : 0;
}

int
gcm_os_renew(void *addr, size_t len)
{
	return map_over(addr, len, PROT_READ | PROT_WRITE);
}

int
gcm_os_move(void *from, void *to, size_t len)
{
	long got = SYSCALL(SYS_mremap, from, len, len,
	    MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP, to, 0);

	return got < 0 && got > -4096 ? (int)got : 0;
}

int
gcm_os_protect(void *addr, size_t len, bool hidden)
{
	int prot = hidden ? PROT_NONE : PROT_READ | PROT_WRITE;

	if (atomic_load_explicit(&confined, memory_order_relaxed))
		return map_over(addr, len, prot);
	return (int)SYSCALL(SYS_mprotect, addr, len, prot, 0, 0, 0);
}

int
gcm_os_guard(void *addr, size_t len, bool on)
{
	if (atomic_load_explicit(&confined, memory_order_relaxed))
		return on ? -EPERM : gcm_os_renew(addr, len);
	return (int)SYSCALL(SYS_madvise, addr, len,
	    on ? MADV_GUARD_INSTALL : MADV_GUARD_REMOVE, 0, 0, 0);
}

void
gcm_os_name(void *addr, size_t len, const char *name)
{
	if (!atomic_load(&confined))
		(void)SYSCALL(SYS_prctl, PR_SET_VMA, PR_SET_VMA_ANON_NAME, addr,
		    len, name, 0);
}

static uint64_t
read_clock(clockid_t id)
{
	struct timespec now = {0, 0};

	/* clock_gettime of libc is the vDSO: no lock, no TLS on success. */
	if (id == CLOCK_MONOTONIC)
		(void)clock_gettime(id, &now);
	else
		(void)SYSCALL(SYS_clock_gettime, id, &now, 0, 0, 0, 0);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t
gcm_os_now_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t
gcm_os_thread_cpu_ns(void)
{
	return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

void
gcm_os_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t timeout_ns)
{
	struct timespec span = {(time_t)(timeout_ns / 1000000000u),
	    (long)(timeout_ns % 1000000000u)};

	(void)SYSCALL(SYS_futex, word, FUTEX_WAIT, seen,
	    timeout_ns == 0 ? NULL : &span, 0, 0);
}

void
gcm_os_wake(_Atomic uint32_t *word, uint32_t nwaiters)
{
	(void)SYSCALL(SYS_futex, word, FUTEX_WAKE, nwaiters, 0, 0, 0);
}

int
gcm_os_thread_start(void (*entry)(void *), void *arg, void *stack, size_t len,
    _Atomic uint32_t *alive)
{
	uint64_t all = ~(uint64_t)0, before;
	unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES |
			      CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM |
			      CLONE_CHILD_CLEARTID | CLONE_PARENT_SETTID;
	long child;

	(void)SYSCALL(SYS_rt_sigprocmask, SIG_BLOCK, &all, &before, 8, 0, 0);
	atomic_store(alive, 1);
	child = gcm_arch_clone(flags, (char *)stack + len, alive, entry, arg);
	if (child < 0)
		atomic_store(alive, 0);
	(void)SYSCALL(SYS_rt_sigprocmask, SIG_SETMASK, &before, 0, 8, 0, 0);
	return child < 0 ? (int)child : 0;
}

int
gcm_os_write(int fd, const char *text, size_t len)
{
	while (len > 0) {
		long done = SYSCALL(SYS_write, fd, text, len, 0, 0, 0);

		if (done == -EINTR)
			continue;
		if (done <= 0)
			return done == 0 ? -EIO : (int)done;
		text += done;
		len -= (size_t)done;
	}
	return 0;
}

int
gcm_os_identity(int fd, uint64_t *dev, uint64_t *ino)
{
	struct stat info;
	/* The loader's own call: no filter may kill for it. */
	long error =
	    SYSCALL(SYS_newfstatat, fd, "", &info, AT_EMPTY_PATH, 0, 0);

	if (error != 0)
		return (int)error;
	*dev = info.st_dev;
	*ino = info.st_ino;
	return 0;
}

bool
gcm_os_is_for_lines(int fd)
{
	struct stat info;

	if (SYSCALL(SYS_newfstatat, fd, "", &info, AT_EMPTY_PATH, 0, 0) != 0)
		return false;
	if (S_ISREG(info.st_mode))
		return (SYSCALL(SYS_fcntl, fd, F_GETFL, 0, 0, 0, 0) &
			   O_APPEND) != 0;
	return S_ISFIFO(info.st_mode) || S_ISCHR(info.st_mode);
}

int
gcm_os_open_log(const char *path)
{
	return (int)SYSCALL(SYS_openat, AT_FDCWD, path,
	    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY, 0666, 0, 0);
}

void
gcm_os_close(int fd)
{
	(void)SYSCALL(SYS_close, fd, 0, 0, 0, 0, 0);
}

int
gcm_os_pid(void)
{
	return (int)SYSCALL(SYS_getpid, 0, 0, 0, 0, 0, 0);
}

size_t
gcm_os_resident(void)
{
	char text[128];
	long fd = SYSCALL(SYS_openat, AT_FDCWD, "/proc/self/statm",
	    O_RDONLY | O_CLOEXEC, 0, 0, 0);
	long got;
	size_t npages = 0;
	const char *at = text;

	if (fd < 0)
		return 0;
	got = SYSCALL(SYS_read, fd, text, sizeof(text) - 1, 0, 0, 0);
	gcm_os_close((int)fd);
	if (got <= 0)
		return 0;
	text[got] = '\0';
	while (*at != '\0' && *at != ' ')
		at++;
	while (*at == ' ')
		at++;
	for (; *at >= '0' && *at <= '9'; at++)
		npages = npages * 10 + (size_t)(*at - '0');
	return npages * gcm_os_page_size();
}

bool
gcm_os_can_read(const void *addr)
{
	enum {
		NO_SUCH_HOW = ~0
	};

	/* The kernel reads the set before it looks at what to do with it. */
	return SYSCALL(SYS_rt_sigprocmask, NO_SUCH_HOW, addr, NULL, 8, 0, 0) !=
	       -EFAULT;
}

void
gcm_os_confine(void)
{
	atomic_store(&confined, true);
}

void
gcm_os_abort(void)
{
	abort();
}

void
gcm_os_trap(void)
{
	__builtin_trap();
}
