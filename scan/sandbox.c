/* sandbox.c -- filters on system calls that were there before the program
 *
 * MODEL   A container's filter refuses what it does not know with an error, a
 *         service's (systemd's SystemCallFilter) kills.  Where the kernel says
 *         that there is a filter, a child makes our rarer calls first: a copy
 *         of the process, whose end is told to nobody, and which leaves no core
 *         file.  If it does not live to the end there will be no collector.
 *
 *         A filter that comes later ends the collector before (preload/
 *         seccomp.c).
 *
 * FORK    a child has its parent's filters, and what was found of them.
 */
#include "scan/sandbox.h"

#include <errno.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>

#define SYSCALL(nr, a, b, c, d, e)                                             \
	(void)gcm_arch_syscall(                                                \
	    (nr), (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)

enum {
	STATUS_BYTES = 4096,
	POLL_NS = 1000 * 1000,
	UNSHARE_FDS = 2 /* CLOSE_RANGE_UNSHARE */
};

static bool
is_filtered(void)
{
	static char text[STATUS_BYTES]; /* the collector's thread */
	long got =
	    gcm_os_read_file("/proc/self/status", text, sizeof(text) - 1);
	static const char key[] = "\nSeccomp:\t";
	const char *at = text;

	if (got <= 0)
		return false;
	text[got] = '\0';
	while ((at = strchr(at, '\n')) != NULL) {
		if (strncmp(at, key, sizeof(key) - 1) == 0)
			return at[sizeof(key) - 1] == '2';
		at++;
	}
	return false;
}

/* With arguments that do nothing, wherever they can. */
static void
make_calls(void)
{
	uint64_t word = 0, copy;
	struct iovec here = {&word, sizeof(word)},
		     there = {&copy, sizeof(copy)};
	long pid = gcm_arch_syscall(SYS_getpid, 0, 0, 0, 0, 0, 0);
	unsigned char resident;

	SYSCALL(SYS_close_range, 0, ~0u, UNSHARE_FDS, 0, 0);
	SYSCALL(SYS_userfaultfd, UFFD_USER_MODE_ONLY, 0, 0, 0, 0);
	SYSCALL(SYS_ioctl, -1, 0, 0, 0, 0);
	SYSCALL(SYS_pidfd_open, -1, 0, 0, 0, 0);
	SYSCALL(SYS_pidfd_getfd, -1, 0, 0, 0, 0);
	SYSCALL(SYS_process_vm_readv, pid, &there, 1, &here, 1);
	SYSCALL(SYS_process_vm_writev, pid, &here, 1, &there, 1);
	SYSCALL(SYS_mincore, gcm_zone.lo, 1, &resident, 0, 0);
	SYSCALL(SYS_getdents64, -1, 0, 0, 0, 0);
	SYSCALL(SYS_lseek, -1, 0, 0, 0, 0);
	SYSCALL(SYS_pread64, -1, 0, 0, 0, 0);
	SYSCALL(SYS_openat, -1, "", 0, 0, 0);
	SYSCALL(SYS_tgkill, pid, pid, 0, 0, 0);
	SYSCALL(SYS_rt_sigaction, 1, 0, 0, sizeof(word), 0);
	SYSCALL(SYS_sched_getaffinity, 0, sizeof(word), &word, 0, 0);
	SYSCALL(SYS_madvise, gcm_zone.lo, 0, MADV_HUGEPAGE, 0, 0);
	SYSCALL(SYS_statx, -1, "", 0, 0, &word);
}

/* Those of the live channel, which we can do without. */
static void
make_socket_calls(void)
{
	struct timespec none = {0, 0};

	SYSCALL(SYS_socket, -1, 0, 0, 0, 0);
	SYSCALL(SYS_bind, -1, 0, 0, 0, 0);
	SYSCALL(SYS_listen, -1, 0, 0, 0, 0);
	SYSCALL(SYS_accept4, -1, 0, 0, 0, 0);
	SYSCALL(SYS_getsockopt, -1, 0, 0, 0, 0);
	SYSCALL(SYS_recvfrom, -1, 0, 0, 0, 0);
	SYSCALL(SYS_sendto, -1, 0, 0, 0, 0);
	SYSCALL(SYS_geteuid, 0, 0, 0, 0, 0);
	SYSCALL(SYS_ppoll, 0, 0, &none, 0, 0);
}

static bool
try_calls(void (*make)(void))
{
	static _Atomic uint32_t never;
	int status = -1;
	long child = gcm_arch_syscall(SYS_clone, 0, 0, 0, 0, 0, 0), got;

	if (child == 0) {
		SYSCALL(SYS_prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
		make();
		for (;;)
			SYSCALL(SYS_exit_group, 0, 0, 0, 0, 0);
	}
	if (child < 0)
		return false;
	while ((got = gcm_arch_syscall(SYS_wait4, child, (long)&status,
		    WNOHANG | __WALL, 0, 0, 0)) == 0)
		gcm_os_wait(&never, 0, POLL_NS);
	return got == child && status == 0;
}

enum verdict {
	UNKNOWN,
	ALLOWED,
	FORBIDDEN
};

bool
gcm_sandbox_allows(void)
{
	static enum verdict known; /* the collector's thread */

	if (known == UNKNOWN)
		known = !is_filtered() || try_calls(make_calls) ? ALLOWED
								: FORBIDDEN;
	return known == ALLOWED;
}

bool
gcm_sandbox_allows_sockets(void)
{
	static enum verdict known; /* the collector's thread */

	if (known == UNKNOWN)
		known = !is_filtered() || try_calls(make_socket_calls)
			    ? ALLOWED
			    : FORBIDDEN;
	return known == ALLOWED;
}
