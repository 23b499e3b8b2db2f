/* preload_process.c -- calls that a second thread hurts, and sandboxes
 *
 * Each case frees enough that the library starts its thread, and then does
 * what only a process of one thread may, or what that thread would outlive.
 *
 * RED     B6: with gcm_heap_stop_threads of core/heap.c empty "credentials"
 *         and "capabilities" printed "not so: kit_ntasks() == 1", "namespaces"
 *         "not so: status == 0"; with its brother for forks empty "children"
 *         printed "not so: kit_ntasks() == 1".
 *         B7: the same, "own-descriptors": "not so: read(ends[0], &c, 1) == 0".
 *         B10: with expect_filter of preload/seccomp.c empty "filter-by-prctl"
 *         and "filter-for-all" were killed by signal 31.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/stress/kit.h"

enum {
	NLARGE = 40,
	LARGE = 1 << 20
};

/* Free 40 MiB; true when that made a thread. */
static bool
wake_thread(void)
{
	static char *blocks[NLARGE];

	for (int round = 0; round < 10; round++) {
		for (int i = 0; i < NLARGE; i++)
			blocks[i] = memset(malloc(LARGE), i, LARGE);
		for (int i = 0; i < NLARGE; i++)
			free(blocks[i]);
		if (kit_ntasks() > 1)
			return true;
	}
	return false;
}

static void
want_thread(void)
{
	if (!wake_thread())
		kit_skip("the library started no thread");
}

/* The thread is counted by the kernel a moment longer than it lives. */
static void
check_alone(void)
{
	for (int i = 0; i < 100 && kit_ntasks() > 1; i++)
		kit_sleep(0.001);
	KIT_CHECK(kit_ntasks() == 1);
}

static void
credentials(void)
{
	gid_t groups[2] = {0, 0};

	errno = 77;
	want_thread();
#define ALONE(call)                                                            \
	do {                                                                   \
		want_thread();                                                 \
		errno = 77;                                                    \
		KIT_CHECK((call) == 0 && errno == 77);                         \
		check_alone();                                                 \
	} while (0)
	ALONE(setuid(getuid()));
	ALONE(setgid(getgid()));
	ALONE(seteuid(geteuid()));
	ALONE(setegid(getegid()));
	ALONE(setreuid((uid_t)-1, geteuid()));
	ALONE(setregid((gid_t)-1, getegid()));
	ALONE(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1));
	ALONE(setresgid((gid_t)-1, (gid_t)-1, (gid_t)-1));
	groups[0] = getgid();
	if (geteuid() == 0) {
		ALONE(setgroups(1, groups));
		ALONE(initgroups("root", 0));
		ALONE(setresgid(65534, 65534, 65534));
		ALONE(setresuid(65534, 65534, 65534));
	}
	want_thread();
	KIT_CHECK(setuid(0) == -1 && errno == EPERM);
	KIT_CHECK(setgroups(1, groups) == -1 && errno == EPERM);
}

static void
capabilities(void)
{
	struct {
		uint32_t version;
		int pid;
	} header = {0x20080522, 0};
	uint32_t data[6];
	int (*set)(void *, void *);

	*(void **)&set = dlsym(RTLD_DEFAULT, "capset");
	want_thread();
	KIT_CHECK(syscall(SYS_capget, &header, data) == 0);
	KIT_CHECK(set(&header, data) == 0);
	check_alone();
	want_thread();
	KIT_CHECK(syscall(SYS_capset, &header, data) == 0);
	check_alone();
}

static void
namespaces(void)
{
	int fd, status;

	for (int i = 0; i < 20; i++) {
		pid_t pid = kit_fork();

		if (pid == 0) {
			want_thread();
			if (unshare(CLONE_NEWUSER) != 0)
				_exit(errno == EINVAL ? 9 : KIT_SKIPPED);
			_exit(0);
		}
		status = kit_wait(pid);
		if (status == KIT_SKIPPED << 8)
			kit_skip("no user namespaces here");
		KIT_CHECK(status == 0);
	}
	want_thread();
	KIT_CHECK(syscall(SYS_unshare, CLONE_FILES) == 0);
	check_alone();
	want_thread();
	KIT_CHECK(unshare(CLONE_FILES | CLONE_FS) == 0);
	check_alone();
	want_thread();
	KIT_CHECK(unshare(0x1) == -1 && errno == EINVAL);
	KIT_CHECK(setns(-1, 0) == -1 && errno == EBADF);
	fd = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	want_thread();
	if (fd >= 0 && setns(fd, CLONE_NEWNS) != 0)
		KIT_CHECK(errno == EPERM);
	check_alone();
}

static void
own_descriptors(void)
{
	int ends[2];
	char c;

	want_thread();
	KIT_CHECK(pipe2(ends, O_NONBLOCK) == 0);
	if (close_range((unsigned)ends[1], (unsigned)ends[1], 2) != 0)
		kit_skip("no close_range here");
	KIT_CHECK(read(ends[0], &c, 1) == 0); /* nobody else has the end */
}

static void
children(void)
{
	want_thread();
	for (int i = 0; i < 10; i++) {
		pid_t pid;

		wake_thread();
		pid = kit_fork();
		if (pid == 0)
			_exit(kit_ntasks() == 1 && wake_thread() ? 0 : 1);
		kit_reap(pid);
		check_alone();
	}
}

static volatile sig_atomic_t nforks;

static void
fork_in_handler(int number)
{
	pid_t pid = fork();

	(void)number;
	if (pid == 0) {
		free(malloc(100));
		_exit(0);
	}
	kit_reap(pid);
	nforks++;
}

/* The handler may meet the thread while it is being started or stopped. */
static void
children_of_handlers(void)
{
	struct itimerval every = {{0, 3000}, {0, 3000}},
			 never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = fork_in_handler};
	double began = kit_now();

	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	while (nforks < 300)
		wake_thread();
	setitimer(ITIMER_REAL, &never, NULL);
	if (kit_now() - began > 20)
		KIT_FAIL("300 forks took %.1f s", kit_now() - began);
}

/* -- sandboxes -- */

/* Kill for whatever glibc's malloc does not do. */
static struct sock_filter rules[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#define DENY(call)                                                             \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_##call, 0, 1),                 \
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS)
    DENY(clone),
    DENY(clone3),
    DENY(madvise),
    DENY(prctl),
    DENY(rt_sigprocmask),
    DENY(futex),
    DENY(openat),
    DENY(mprotect),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
};

static struct sock_fprog program = {KIT_COUNT(rules), rules};

static void
live_in_sandbox(void)
{
	static char *blocks[300];

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 300; i++) {
			blocks[i] = calloc(1, LARGE);
			KIT_CHECK(blocks[i] != NULL);
			memset(blocks[i], i, LARGE / 4);
			blocks[i] = realloc(blocks[i], 2 * LARGE);
			for (int k = 0; k < 100; k++)
				free(malloc((size_t)(i + k) * 10));
		}
		for (int i = 0; i < 300; i++)
			free(blocks[i]);
	}
	_exit(0);
}

static void
filter_by_prctl(void)
{
	wake_thread();
	KIT_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0) != 0)
		kit_skip("no filters here");
	live_in_sandbox();
}

static void
filter_by_number(void)
{
	wake_thread();
	KIT_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0)
		kit_skip("no filters here");
	live_in_sandbox();
}

static void
filter_for_all(void)
{
	wake_thread();
	KIT_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		SECCOMP_FILTER_FLAG_TSYNC, &program) != 0)
		kit_skip("no filters here");
	live_in_sandbox();
}

/* To ask whether there are filters changes nothing. */
static void
filter_asked_for(void)
{
	KIT_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL, 0, 0) == -1);
	KIT_CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL) == -1);
	want_thread();
}

static void
strict_mode(void)
{
	pid_t pid = kit_fork();

	if (pid == 0) {
		wake_thread();
		free(malloc(100));
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) != 0)
			_exit(0);
		for (int i = 0; i < 1000; i++)
			free(malloc(100));
		syscall(SYS_exit, 0);
	}
	kit_reap(pid);
}

static void
answers(void)
{
	errno = 77;
	KIT_CHECK(prctl(PR_GET_NAME, (char[16]){0}) == 0 && errno == 77);
	KIT_CHECK(syscall(SYS_getpid) == getpid() && errno == 77);
	KIT_CHECK(syscall(100000) == -1 && errno == ENOSYS);
	KIT_CHECK(prctl(100000, 0, 0, 0, 0) == -1 && errno == EINVAL);
}

static const struct kit_case cases[] = {
    {"credentials", credentials, 0, 0},
    {"capabilities", capabilities, 0, 0},
    {"namespaces", namespaces, 0, 0},
    {"own-descriptors", own_descriptors, 0, 0},
    {"children", children, 0, 0},
    {"children-of-handlers", children_of_handlers, 0, 0},
    {"filter-by-prctl", filter_by_prctl, 0, 0},
    {"filter-by-number", filter_by_number, 0, 0},
    {"filter-for-all", filter_for_all, 0, 0},
    {"filter-asked-for", filter_asked_for, 0, 0},
    {"strict-mode", strict_mode, 0, 0},
    {"answers", answers, 0, 0},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return kit_main(argc, argv, cases);
}
