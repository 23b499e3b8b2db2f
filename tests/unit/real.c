/* real.c -- a unit test program on the real kernel */
#define _GNU_SOURCE
#include "real.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

size_t
real_page(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

char *
real_map(void *at, size_t len)
{
	char *got = mmap(at, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE |
		(at != NULL ? MAP_FIXED : 0),
	    -1, 0);

	ck_assert_ptr_ne(got, MAP_FAILED);
	return got;
}

int
real_file(size_t len)
{
	char name[] = "file XXXXXX";
	int fd = mkstemp(name);

	ck_assert_int_ge(fd, 0);
	unlink(name);
	for (size_t i = 0; i < len; i += 8) {
		uint64_t word = i + 1;

		REAL_CHECK(write(fd, &word, 8) == 8);
	}
	return fd;
}

/* A thread that outlives its leader -----------------------------------------
 */

static bool (*lonely_work)(void);
static pthread_t leader;

static void *
run_lonely(void *arg)
{
	pthread_join(leader, NULL);
	_exit(lonely_work() ? EXIT_SUCCESS : EXIT_FAILURE);
	return arg;
}

bool
real_without_leader(bool (*work)(void))
{
	int status = -1;
	pid_t child = fork();

	if (child == 0) {
		pthread_t thread;

		lonely_work = work;
		leader = pthread_self();
		pthread_create(&thread, NULL, run_lonely, NULL);
		pthread_exit(NULL);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) &&
	       WEXITSTATUS(status) == EXIT_SUCCESS;
}

void
real_refuse(int nr, unsigned int argument, int error)
{
	struct sock_filter code[] = {
	    BPF_STMT(
		BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)nr, 0, 4),
	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		offsetof(struct seccomp_data, args[1])),
	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, argument, 1, 0),
	    BPF_JUMP(BPF_JMP | BPF_JA, argument != 0, 0, 0),
	    BPF_STMT(BPF_RET | BPF_K,
		SECCOMP_RET_ERRNO | ((unsigned int)error & SECCOMP_RET_DATA)),
	    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = {RIG_COUNT(code), code};

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program), 0);
}

/* What a visitor was told ----------------------------------------------------
 */

void
real_told_begin(struct real_told *told, void *lo, size_t npages)
{
	free(told->told);
	told->lo = (uintptr_t)lo;
	told->npages = npages;
	told->told = calloc(npages, 1);
	told->count = 0;
	told->last = 0;
	told->in_order = true;
}

void
real_told_note(uintptr_t lo, uintptr_t hi, void *arg)
{
	struct real_told *told = arg;
	size_t page = real_page();

	REAL_CHECK(lo < hi && lo % page == 0 && hi % page == 0);
	told->in_order = told->in_order && lo >= told->last;
	told->last = hi;
	told->count += (hi - lo) / page;
	for (; lo < hi; lo += page)
		if (lo - told->lo < told->npages * page)
			told->told[(lo - told->lo) / page] = 1;
}
