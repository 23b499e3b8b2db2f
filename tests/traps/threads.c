/* threads.c -- threads that a stop could pass over
 *
 * Guarded by scan/task.c (what counts as a kernel's worker) and scan/stop.c.
 * Where ESRCH was taken for an ended thread, "other-namespace" printed "inside:
 * live block has 0xdbdbdbdbdbdbdbdb".  Where the name alone decides, the other
 * case loses a block, too, but needs luck.
 *
 * RED     B2: with only threads that have a record stopped (visit_thread of
 *         scan/stop.c) "without-libc" printed "0 words are left".
 *         B3, B5: without the deadline in await_answers of scan/stop.c
 *         "beside-the-deaf" and "beside-a-parent" printed "stood still for
 *         1.50 s".
 *         B22: with /proc/self/maps in scan/maps.c, not thread-self,
 *         "main-left" printed "64 of 64 are still there".
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/arch.h"
#include "tests/stress/kit.h"

enum {
	THREADS = 12,
	WORDS = 32,
	SPIN = 5000000
};

static const char *name;
static atomic_bool stop;

/* Nothing is left of it in dead frames, either. */
static __attribute__((noinline)) void
wipe_stack(void)
{
	volatile char frames[16 << 10];

	for (size_t i = 0; i < sizeof(frames); i++)
		frames[i] = 0;
}

/* A block that only a register holds, for a while. */
static void
hold_block(void)
{
	uint64_t *volatile keep = malloc(WORDS * sizeof(*keep));
	register uint64_t *block = keep;

	for (size_t i = 0; i < WORDS; i++)
		block[i] = 0x1111;
	keep = NULL;
	wipe_stack();
	for (int i = 0; i < SPIN; i++)
		__asm__ volatile("" : "+r"(block));
	for (size_t i = 0; i < WORDS; i++)
		if (block[i] != 0x1111)
			KIT_FAIL("%s: live block has %#lx", name,
			    (unsigned long)block[i]);
	free(block);
}

static void *
hold_blocks(void *arg)
{
	prctl(PR_SET_NAME, name);
	while (!stop)
		hold_block();
	return arg;
}

static void
hold_for(double seconds)
{
	pthread_t threads[THREADS];

	for (size_t i = 0; i < THREADS; i++)
		threads[i] = kit_thread(hold_blocks, NULL);
	for (double until = kit_now() + seconds; kit_now() < until;) {
		for (size_t i = 0; i < 100; i++) /* something to collect */
			memset(malloc(1000), 1, 1000);
		kit_sleep(0.001);
	}
	stop = true;
	for (size_t i = 0; i < THREADS; i++)
		kit_join(threads[i]);
	stop = false;
}

static void
named_like_a_worker(void)
{
	name = "iou-worker";
	hold_for((double)kit_scale(2, 20));
	name = "vhost-events";
	hold_for((double)kit_scale(1, 20));
}

/* /proc is that of the namespace outside. */
static void
other_namespace(void)
{
	pid_t child;

	name = "inside";
	if (unshare(CLONE_NEWPID) != 0)
		kit_skip("no namespaces here");
	child = kit_fork();
	if (child == 0) {
		hold_for(2);
		_exit(0);
	}
	kit_reap(child);
}

/* A process that shares our memory is in no list of our threads. */
static _Atomic(uint64_t *) lent;

static int
live_beside(void *arg)
{
	uint64_t *volatile keep = atomic_exchange(&lent, NULL);
	register uint64_t *block = keep;
	struct timespec pause = {0, 1000000};
	long words = 0;

	(void)arg;
	keep = NULL;
	wipe_stack();
	for (long i = 0; i < (long)SPIN * 200; i++)
		__asm__ volatile("" : "+r"(block));
	nanosleep(&pause, NULL);
	for (size_t i = 0; i < WORDS; i++)
		words += block[i] == 0x1111;
	_exit(words == WORDS ? 0 : 1);
}

static void
other_process(void)
{
	enum {
		STACK = 256 << 10
	};
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *block = malloc(WORDS * sizeof(*block));
	int status = -1;
	pid_t child;

	KIT_CHECK(stack != MAP_FAILED);
	for (size_t i = 0; i < WORDS; i++)
		block[i] = 0x1111;
	atomic_store(&lent, block);
	block = NULL;
	child = clone(live_beside, stack + STACK,
	    CLONE_VM | CLONE_FS | CLONE_FILES | SIGCHLD, NULL);
	KIT_CHECK(child > 0);
	wipe_stack();
	while (waitpid(child, &status, WNOHANG) == 0) {
		for (size_t i = 0; i < 100; i++)
			memset(malloc(1000), 1, 1000);
		kit_sleep(0.001);
	}
	KIT_CHECK(status == 0);
}

/* A thread without libc, which no list but the kernel's has: the only pointer
 * to a block is in a register of its.
 */
static _Atomic uintptr_t given; /* inverted */
static atomic_bool go_on;
static atomic_int verdict;

static int
live_without_libc(void *arg)
{
	register uint64_t *block = (uint64_t *)~atomic_exchange(&given, 0);
	int words = 0;

	(void)arg;
	while (!atomic_load(&go_on))
		__asm__ volatile("" : "+r"(block));
	for (size_t i = 0; i < WORDS; i++)
		words += block[i] == 0x1111;
	atomic_store(&verdict, words + 1);
	return 0;
}

static __attribute__((noinline)) void
give_block(void)
{
	uint64_t *block = malloc(WORDS * sizeof(*block));

	for (size_t i = 0; i < WORDS; i++)
		block[i] = 0x1111;
	atomic_store(&given, ~(uintptr_t)block);
}

static void
without_libc(void)
{
	enum {
		STACK = 64 << 10
	};
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND |
		    CLONE_THREAD | CLONE_SYSVSEM;
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	KIT_CHECK(stack != MAP_FAILED);
	give_block();
	wipe_stack();
	KIT_CHECK(clone(live_without_libc, stack + STACK, flags, NULL) > 0);
	for (double until = kit_now() + 0.5; kit_now() < until;) {
		for (size_t i = 0; i < 100; i++)
			memset(malloc(WORDS * 8), 1, WORDS * 8);
		kit_sleep(0.001);
	}
	atomic_store(&go_on, true);
	while (atomic_load(&verdict) == 0)
		kit_sleep(0.001);
	if (atomic_load(&verdict) != WORDS + 1)
		KIT_FAIL("%d words are left", atomic_load(&verdict) - 1);
}

/* Threads that cannot answer for a second and a half: nobody else may stand
 * still for long.
 */
static void
set_mask_raw(uint64_t mask)
{
	gcm_arch_syscall(
	    SYS_rt_sigprocmask, SIG_SETMASK, (long)&mask, 0, 8, 0, 0);
}

static void *
be_deaf(void *arg)
{
	set_mask_raw(UINT64_MAX);
	for (double until = kit_now() + 1.5; kit_now() < until;)
		continue;
	set_mask_raw(0);
	stop = true;
	return arg;
}

static void *
be_parent(void *arg)
{
	pid_t pid = vfork();
	int status;

	if (pid == 0) {
		struct timespec pause = {1, 500000000};

		gcm_arch_syscall(SYS_nanosleep, (long)&pause, 0, 0, 0, 0, 0);
		_exit(0);
	}
	KIT_CHECK(waitpid(pid, &status, 0) == pid && status == 0);
	stop = true;
	return arg;
}

static void
go_on_beside(void *(*run)(void *))
{
	double longest = 0, before = kit_now(), now;
	pthread_t thread = kit_thread(run, NULL);

	while (!stop) {
		for (size_t i = 0; i < 100; i++)
			memset(malloc(1000), 1, 1000);
		now = kit_now();
		if (now - before > longest)
			longest = now - before;
		before = now;
	}
	kit_join(thread);
	if (longest > 0.75)
		KIT_FAIL("stood still for %.2f s", longest);
}

static void
beside_the_deaf(void)
{
	go_on_beside(be_deaf);
}

static void
beside_a_parent(void)
{
	go_on_beside(be_parent);
}

/* The first thread has left: collections go on. */
static _Atomic uintptr_t dropped[64]; /* inverted */

static __attribute__((noinline)) void
drop_blocks(void)
{
	for (size_t i = 0; i < KIT_COUNT(dropped); i++) {
		uint64_t *block = malloc(WORDS * sizeof(*block));

		for (size_t j = 0; j < WORDS; j++)
			block[j] = 0x1111;
		dropped[i] = ~(uintptr_t)block;
	}
}

static size_t
count_kept(void)
{
	size_t nkept = 0;

	for (size_t i = 0; i < KIT_COUNT(dropped); i++) {
		const volatile uint64_t *block =
		    (const volatile uint64_t *)~dropped[i];

		nkept += block[WORDS / 2] == 0x1111;
	}
	return nkept;
}

static void *
outlive_main(void *arg)
{
	double until;

	kit_sleep(0.1);
	drop_blocks();
	wipe_stack();
	for (until = kit_now() + 5; kit_now() < until && count_kept() > 32;) {
		for (size_t i = 0; i < 100; i++)
			memset(malloc(1000), 1, 1000);
		kit_sleep(0.001);
	}
	if (count_kept() > 32)
		KIT_FAIL("%zu of %zu are still there", count_kept(),
		    KIT_COUNT(dropped));
	exit(0);
	return arg;
}

static void
main_left(void)
{
	kit_thread(outlive_main, NULL);
	pthread_exit(NULL);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"named-like-a-worker", named_like_a_worker, 0, 0},
	    {"other-namespace", other_namespace, 0, 0},
	    {"other-process", other_process, 0, 0},
	    {"without-libc", without_libc, 0, 0},
	    {"main-left", main_left, 0, 0},
	    {"beside-the-deaf", beside_the_deaf, 0, 0},
	    {"beside-a-parent", beside_a_parent, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_INTERVAL", "2ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	setenv("GCM_GRACE", "0", 1);
	setenv("GCM_DEBUG", "poison=1", 1);
	return kit_main(argc, argv, cases);
}
