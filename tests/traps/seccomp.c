/* seccomp.c -- system calls that are fatal or refused from now on
 *
 * MODEL   After a filter is installed the heap may make only the calls that
 *         every allocator makes: mmap, munmap, mremap, madvise, futex.  The
 *         filter traps all others, and the handler names the one that was
 *         made.  Threads started before go on under it.  Another filter
 *         refuses, with an error, calls that a container may not have.
 *
 * RED     B10: with expect_filter of preload/seccomp.c empty "small-program"
 *         printed "system call 157 under the filter", "wrapped-calls" "child
 *         10043: signal 31"; with gcm_sandbox_allows always true
 *         "killed-from-the-start" printed "child 11720: signal 31".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/stress/kit.h"

enum how {
	BY_PRCTL,
	BY_SYSCALL,
	BY_TSYNC
};

/* What the case itself and a plain program need to wait and to end. */
static const int calls_of_case[] = {SYS_read, SYS_write, SYS_exit,
    SYS_exit_group, SYS_rt_sigreturn, SYS_nanosleep, SYS_clock_nanosleep,
    SYS_openat, SYS_close, SYS_sched_yield, SYS_restart_syscall,
    SYS_rt_sigprocmask};
static const int calls_of_heap[] = {
    SYS_mmap, SYS_munmap, SYS_mremap, SYS_madvise, SYS_futex};

static atomic_bool stop, filtered;

static void
put(struct sock_fprog *prog, unsigned code, unsigned k, unsigned jt)
{
	struct sock_filter step = {(uint16_t)code, (uint8_t)jt, 0, k};

	prog->filter[prog->len++] = step;
}

/* What becomes of these calls. */
static void
decide(struct sock_fprog *prog, const int *calls, size_t n, unsigned what)
{
	for (size_t i = 0; i < n; i++) {
		put(prog, BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i], 0);
		prog->filter[prog->len - 1].jf = 1;
		put(prog, BPF_RET | BPF_K, what, 0);
	}
}

static void
install(const struct sock_fprog *prog, enum how how)
{
	unsigned flags = how == BY_TSYNC ? SECCOMP_FILTER_FLAG_TSYNC : 0;

	KIT_CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	if (how == BY_PRCTL)
		KIT_CHECK(
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, prog) == 0);
	else
		KIT_CHECK(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags,
			      prog) == 0);
	atomic_store(&filtered, true);
}

static void
say_which(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	kit_fail(__FILE__, __LINE__, "system call %d under the filter",
	    info->si_syscall);
}

static void
allow_only_these(enum how how)
{
	struct sock_filter steps[64];
	struct sock_fprog prog = {0, steps};
	struct sigaction action = {.sa_sigaction = say_which};

	action.sa_flags = SA_SIGINFO;
	sigaction(SIGSYS, &action, NULL);
	put(&prog, BPF_LD | BPF_W | BPF_ABS, 0, 0);
	decide(
	    &prog, calls_of_case, KIT_COUNT(calls_of_case), SECCOMP_RET_ALLOW);
	decide(
	    &prog, calls_of_heap, KIT_COUNT(calls_of_heap), SECCOMP_RET_ALLOW);
	put(&prog, BPF_RET | BPF_K, SECCOMP_RET_TRAP, 0);
	install(&prog, how);
}

/* 200 MB in, 200 MB out, all kinds of calls between. */
static void
use_heap(void)
{
	static struct kit_block blocks[100000];
	struct kit_rng rng = kit_rng_new(1);

	for (size_t i = 0; i < KIT_COUNT(blocks); i++)
		kit_block_new(&blocks[i], &rng, 2000, 1);
	for (size_t i = 0; i < KIT_COUNT(blocks); i += 3)
		kit_block_resize(&blocks[i], &rng,
		    kit_size(&rng, i % 100 == 0 ? 900000 : 3000));
	for (size_t i = 0; i < KIT_COUNT(blocks); i++)
		kit_block_free(&blocks[i]);
	free(realloc(realloc(malloc(100000), 3 << 20), 30 << 20));
	malloc_trim(0);
	mallinfo2();
}

static _Atomic int nplaying;

static void *
play(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	struct kit_block blocks[100] = {{NULL, 0, 0}};

	atomic_fetch_add(&nplaying, 1);
	while (!atomic_load(&stop)) {
		struct kit_block *b = &blocks[kit_below(&rng, 100)];

		if (b->p == NULL)
			kit_block_new(b, &rng, kit_size(&rng, 200000), 1);
		else if (kit_below(&rng, 3) == 0)
			kit_block_resize(b, &rng, kit_size(&rng, 200000));
		else
			kit_block_free(b);
	}
	for (size_t i = 0; i < 100; i++) {
		if (blocks[i].p != NULL)
			kit_block_free(&blocks[i]);
	}
	return NULL;
}

static void
small_program(void)
{
	free(malloc(100));
	allow_only_these(BY_PRCTL);
	use_heap();
	kit_sleep(3);
	use_heap();
}

static void
small_program_by_syscall(void)
{
	free(malloc(100));
	allow_only_these(BY_SYSCALL);
	use_heap();
	kit_sleep(3);
	use_heap();
}

/* The filter comes while freed memory is about to be given back. */
static void
large_program(void)
{
	static const double delays[] = {0, 0.2, 0.7, 1.5, 2.5, 4};
	size_t step = kit_long() ? 1 : 2;
	pid_t children[KIT_COUNT(delays)];

	for (size_t i = 0; i < KIT_COUNT(delays); i += step) {
		children[i] = kit_fork();
		if (children[i] == 0) {
			use_heap();
			kit_sleep(delays[i]);
			allow_only_these(BY_TSYNC);
			kit_sleep(2);
			use_heap();
			kit_sleep(2);
			_exit(0);
		}
	}
	for (size_t i = 0; i < KIT_COUNT(delays); i += step)
		kit_reap(children[i]);
}

static void
with_threads(void)
{
	pthread_t threads[3];

	for (uintptr_t i = 0; i < 3; i++)
		threads[i] = kit_thread(play, (void *)i);
	/* The beginning of a thread is not allowed. */
	while (atomic_load(&nplaying) != 3)
		kit_sleep(0.01);
	kit_sleep(0.1);
	allow_only_these(BY_TSYNC);
	use_heap();
	kit_sleep(1);
	atomic_store(&stop, true);
	for (size_t i = 0; i < 3; i++)
		kit_join(threads[i]);
}

/* -- refused with an error -- */

static void
refuse(const int *calls, size_t n, int error)
{
	struct sock_filter steps[64];
	struct sock_fprog prog = {0, steps};

	put(&prog, BPF_LD | BPF_W | BPF_ABS, 0, 0);
	decide(&prog, calls, n, SECCOMP_RET_ERRNO | (unsigned)error);
	put(&prog, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0);
	install(&prog, BY_TSYNC);
}

static const int refused[] = {SYS_madvise, SYS_mremap, SYS_prctl, SYS_clone,
    SYS_clone3, SYS_userfaultfd, SYS_process_vm_readv, SYS_membarrier,
    SYS_getrandom, SYS_memfd_create, SYS_sched_getaffinity, SYS_getcpu,
    SYS_mprotect, SYS_sysinfo, SYS_mincore, SYS_unshare};

static void
go_on_refused(int error)
{
	pid_t child = kit_fork();

	if (child == 0) {
		refuse(refused, KIT_COUNT(refused), error);
		use_heap();
		kit_sleep(2);
		use_heap();
		_exit(0);
	}
	kit_reap(child);
}

static void
refused_later(void)
{
	go_on_refused(EPERM);
	go_on_refused(ENOSYS);
}

/* A program that is started with them refused, as in a container. */
static void
start_refused(int error)
{
	/* What the shell and its loader cannot do without. */
	static const int given[] = {SYS_madvise, SYS_mremap, SYS_prctl,
	    SYS_userfaultfd, SYS_process_vm_readv, SYS_membarrier,
	    SYS_getrandom, SYS_memfd_create, SYS_sched_getaffinity, SYS_getcpu,
	    SYS_sysinfo, SYS_mincore, SYS_rseq, SYS_clone3};
	char name[] = "sh", option[] = "-c",
	     command[] = "seq 1 50000 | sort -n -r | tail -n 1 >/dev/null";
	char *argv[] = {name, option, command, NULL};
	pid_t child = kit_fork();

	if (child == 0) {
		refuse(given, KIT_COUNT(given), error);
		execv("/bin/sh", argv);
		_exit(1);
	}
	kit_reap(child);
}

static void
refused_from_the_start(void)
{
	start_refused(EPERM);
	start_refused(ENOSYS);
}

/* -- killed by what no plain program does, as in a service -- */

static const int killing[] = {SYS_userfaultfd, SYS_process_vm_readv,
    SYS_process_vm_writev, SYS_close_range, SYS_pidfd_open, SYS_pidfd_getfd,
    SYS_mincore, SYS_tgkill};

static void
kill_at(const int *calls, size_t n)
{
	struct sock_filter steps[64];
	struct sock_fprog prog = {0, steps};

	put(&prog, BPF_LD | BPF_W | BPF_ABS, 0, 0);
	decide(&prog, calls, n, SECCOMP_RET_KILL_PROCESS);
	put(&prog, BPF_RET | BPF_K, SECCOMP_RET_ALLOW, 0);
	install(&prog, BY_PRCTL);
}

static void
killed_from_the_start(void)
{
	char name[] = "awk", script[] = "BEGIN { for (i = 0; i < 400000; i++)"
					" a[i % 50000] = \"x\" i i;"
					" print length(a) }";
	char *argv[] = {name, script, NULL};
	pid_t child = kit_fork();

	if (child == 0) {
		setenv("GCM_MINHEAP", "0", 1);
		setenv("GCM_INTERVAL", "5ms", 1);
		if (freopen("/dev/null", "w", stdout) == NULL)
			_exit(2);
		kill_at(killing, KIT_COUNT(killing));
		execv("/usr/bin/awk", argv);
		_exit(1);
	}
	kit_reap(child);
}

/* -- calls that we wrap make no others under a filter -- */

static void
allow_only_few(void)
{
	static const int calls[] = {SYS_write, SYS_epoll_ctl, SYS_exit};
	struct sock_filter steps[16];
	struct sock_fprog prog = {0, steps};

	put(&prog, BPF_LD | BPF_W | BPF_ABS, 0, 0);
	decide(&prog, calls, KIT_COUNT(calls), SECCOMP_RET_ALLOW);
	put(&prog, BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS, 0);
	install(&prog, BY_PRCTL);
}

static void
call_wrapped(int mode)
{
	struct epoll_event event = {.events = EPOLLIN};
	int set = epoll_create1(0), ends[2];

	KIT_CHECK(set >= 0 && pipe(ends) == 0);
	if (mode == SECCOMP_MODE_STRICT) {
		KIT_CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == 0);
	} else {
		allow_only_few();
		KIT_CHECK(epoll_ctl(set, EPOLL_CTL_ADD, ends[0], &event) == 0);
	}
	for (int i = 0; i < 10; i++)
		if (write(ends[1], "", 1) != 1)
			_exit(3);
	syscall(SYS_exit, 0);
}

static void
wrapped_calls(void)
{
	for (int mode = SECCOMP_MODE_STRICT; mode <= SECCOMP_MODE_FILTER;
	     mode++) {
		pid_t child = kit_fork();

		if (child == 0) {
			alarm(0);
			call_wrapped(mode);
		}
		kit_reap(child);
	}
}

int
main(int argc, char **argv)
{
	enum {
		P = KIT_PARALLEL
	};
	static const struct kit_case cases[] = {
	    {"small-program", small_program, P, 0},
	    {"small-program-by-syscall", small_program_by_syscall, P, 0},
	    {"large-program", large_program, P, 120},
	    {"with-threads", with_threads, P, 0},
	    {"refused-later", refused_later, P, 0},
	    {"refused-from-the-start", refused_from_the_start, 0, 0},
	    {"wrapped-calls", wrapped_calls, P, 0},
	    {"killed-from-the-start", killed_from_the_start, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
