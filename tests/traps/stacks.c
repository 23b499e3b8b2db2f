/* stacks.c -- pointers below a stack pointer, in what looks like one stack
 *
 * Each case keeps the only pointer to a block in memory that lies below the
 * stack pointer of the thread, in the same mapping, and has a collection done.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/stress/kit.h"

enum {
	BYTES = 5000,
	FILLED = 0x5a,
	STACK = 256 << 10
};

static __attribute__((noinline)) void
fill_block(void *volatile *where)
{
	*where = malloc(BYTES);
	memset(*where, FILLED, BYTES);
}

static __attribute__((noinline)) void
wipe_stack(void)
{
	volatile char frames[64 << 10];

	for (size_t i = 0; i < sizeof(frames); i++)
		frames[i] = 0;
}

/* A signal's frame has all of them. */
static void
wipe_registers(void)
{
	syscall(SYS_getppid, 0L, 0L, 0L, 0L, 0L, 0L);
#ifdef __x86_64__
	__asm__ volatile(".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
			 "pxor %%xmm\\n, %%xmm\\n\n\t"
			 ".endr"
			 :
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
			 "xmm12", "xmm13", "xmm14", "xmm15");
#endif
}

/* Nothing of the address is left in registers or dead frames. */
static __attribute__((noinline)) void
make_block(void *volatile *where)
{
	fill_block(where);
	wipe_stack();
	wipe_registers();
}

static __attribute__((noinline)) void
check_block(void *volatile *where)
{
	const volatile unsigned char *p = *where;

	for (size_t i = 0; i < BYTES; i++)
		if (p[i] != FILLED)
			KIT_FAIL("byte %zu is %#x", i, p[i]);
	free(*where);
}

static void
collect(void)
{
	KIT_CHECK(gcm_collect() >= 0);
	KIT_CHECK(gcm_collect() >= 0);
}

/* Threads ----------------------------------------------------------------- */

static void *
run_collect(void *arg)
{
	(void)arg;
	collect();
	return NULL;
}

/* The upper part of a mapping of the program's, which keeps other things in the
 * lower one.
 */
static void
own_stack(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, page + 2 * (size_t)STACK, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *volatile *where = (void *volatile *)(map + page);
	pthread_attr_t attr;
	pthread_t thread;

	KIT_CHECK(map != MAP_FAILED);
	KIT_CHECK(mprotect(map + page, 2 * (size_t)STACK,
		      PROT_READ | PROT_WRITE) == 0);
	pthread_attr_init(&attr);
	KIT_CHECK(pthread_attr_setstack(&attr, map + page + STACK, STACK) == 0);
	make_block(where);
	KIT_CHECK(pthread_create(&thread, &attr, run_collect, NULL) == 0);
	kit_join(thread);
	check_block(where);
	pthread_attr_destroy(&attr);
}

/* What the program maps right below becomes one with the stack. */
static void *
map_below(void *arg)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), size;
	void *volatile *where;
	pthread_attr_t attr;
	void *lo;
	char *below;

	(void)arg;
	KIT_CHECK(pthread_getattr_np(pthread_self(), &attr) == 0);
	KIT_CHECK(pthread_attr_getstack(&attr, &lo, &size) == 0);
	pthread_attr_destroy(&attr);
	below = mmap((char *)lo - 2 * page, 2 * page, PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_FIXED_NOREPLACE, -1,
	    0);
	if (below != (char *)lo - 2 * page)
		kit_skip("something lies below the stack");
	KIT_CHECK(mprotect(below + page, page, PROT_READ | PROT_WRITE) == 0);
	where = (void *volatile *)(below + page);
	make_block(where);
	collect();
	check_block(where);
	return NULL;
}

static void
without_guard(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	KIT_CHECK(pthread_attr_setguardsize(&attr, 0) == 0);
	KIT_CHECK(pthread_create(&thread, &attr, map_below, NULL) == 0);
	kit_join(thread);
	pthread_attr_destroy(&attr);
}

static void
without_guard_by_default(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	pthread_attr_init(&attr);
	KIT_CHECK(pthread_attr_setguardsize(&attr, 0) == 0);
	KIT_CHECK(pthread_setattr_default_np(&attr) == 0);
	pthread_attr_destroy(&attr);
	KIT_CHECK(pthread_create(&thread, NULL, map_below, NULL) == 0);
	kit_join(thread);
}

/* Pieces of a stack -------------------------------------------------------- */

static __attribute__((noinline)) void
swap_below(char *piece)
{
	void *volatile block;
	ucontext_t here, there;

	make_block(&block);
	KIT_CHECK(getcontext(&there) == 0);
	there.uc_stack.ss_sp = piece;
	there.uc_stack.ss_size = STACK;
	there.uc_link = &here;
	makecontext(&there, collect, 0);
	KIT_CHECK(swapcontext(&here, &there) == 0);
	check_block(&block);
}

static void
context(void)
{
	char piece[STACK];

	swap_below(piece);
}

static void *
run_context(void *arg)
{
	(void)arg;
	context();
	return NULL;
}

static void
context_in_thread(void)
{
	kit_join(kit_thread(run_context, NULL));
}

static void
collect_in_handler(int sig)
{
	(void)sig;
	collect();
}

static __attribute__((noinline)) void
raise_below(void)
{
	void *volatile block;

	make_block(&block);
	raise(SIGUSR1);
	check_block(&block);
}

static void
alternate(void)
{
	char piece[STACK];
	stack_t stack = {.ss_sp = piece, .ss_size = sizeof(piece)};
	stack_t off = {.ss_flags = SS_DISABLE}, old;
	struct sigaction action = {
	    .sa_handler = collect_in_handler, .sa_flags = SA_ONSTACK};

	KIT_CHECK(sigaltstack(&stack, NULL) == 0);
	KIT_CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	raise_below();
	KIT_CHECK(sigaltstack(&off, &old) == 0);
	KIT_CHECK(old.ss_sp == piece && old.ss_size == sizeof(piece));
}

static void *
run_alternate(void *arg)
{
	(void)arg;
	alternate();
	return NULL;
}

static void
alternate_in_thread(void)
{
	kit_join(kit_thread(run_alternate, NULL));
}

/* Only the kernel knows it, and its thread is never signalled. */
static int ends[2];
static _Atomic uintptr_t forgotten; /* inverted */

static __attribute__((noinline)) void
forget_stack(void)
{
	stack_t stack = {.ss_sp = malloc(STACK), .ss_size = STACK};

	memset(stack.ss_sp, FILLED, STACK);
	KIT_CHECK(sigaltstack(&stack, NULL) == 0);
	atomic_store(&forgotten, ~(uintptr_t)stack.ss_sp);
	memset(&stack, 0, sizeof(stack));
	__asm__ volatile("" : : "r"(&stack) : "memory");
}

static void *
run_forgetful(void *arg)
{
	stack_t off = {.ss_flags = SS_DISABLE};
	char byte;

	forget_stack();
	wipe_stack();
	wipe_registers();
	KIT_CHECK(read(ends[0], &byte, 1) == 1);
	KIT_CHECK(sigaltstack(&off, NULL) == 0);
	return arg;
}

static void
alternate_forgotten(void)
{
	pthread_t thread;
	void *volatile block;

	KIT_CHECK(pipe(ends) == 0);
	thread = kit_thread(run_forgetful, NULL);
	while (atomic_load(&forgotten) == 0)
		usleep(1000);
	usleep(100000);
	collect();
	block = (void *)~atomic_load(&forgotten);
	check_block(&block);
	KIT_CHECK(write(ends[1], "", 1) == 1);
	kit_join(thread);
}

/* Threads with one alternate stack: what a stop puts there is another's too. */
static _Atomic bool ended;

static void *
run_shared(void *arg)
{
	static char piece[STACK];
	stack_t stack = {.ss_sp = piece, .ss_size = sizeof(piece)};
	void *volatile block;

	KIT_CHECK(sigaltstack(&stack, NULL) == 0);
	fill_block(&block);
	while (!atomic_load(&ended)) {
		check_block(&block);
		fill_block(&block);
	}
	check_block(&block);
	return arg;
}

static void
alternate_shared(void)
{
	pthread_t threads[8];

	for (int i = 0; i < 8; i++)
		threads[i] = kit_thread(run_shared, NULL);
	for (int i = 0; i < 50; i++)
		collect();
	atomic_store(&ended, true);
	for (int i = 0; i < 8; i++)
		kit_join(threads[i]);
}

/* All arguments arrive, pointers among them, as glibc lets them. */
static long sum;

static void
add_ten(long a, long b, long c, long d, long e, long f, long g, long h, long i,
    long j)
{
	sum = a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h +
	      9 * i + 10 * j;
}

static void
arguments(void)
{
	static char stack[STACK];
	ucontext_t here, there;

	KIT_CHECK(getcontext(&there) == 0);
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = sizeof(stack);
	there.uc_link = &here;
	makecontext(&there, (void (*)(void))add_ten, 10, 1L << 40, 2L, 3L, 4L,
	    5L, 6L, 7L, 8L, 9L, 1L << 50);
	KIT_CHECK(swapcontext(&here, &there) == 0);
	KIT_CHECK(sum == (1L << 40) + 4 + 9 + 16 + 25 + 36 + 49 + 64 + 81 +
			     10 * (1L << 50));
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"own-stack", own_stack, 0, 0},
	    {"without-guard", without_guard, 0, 0},
	    {"without-guard-by-default", without_guard_by_default, 0, 0},
	    {"context", context, 0, 0},
	    {"context-in-thread", context_in_thread, 0, 0},
	    {"alternate", alternate, 0, 0},
	    {"alternate-in-thread", alternate_in_thread, 0, 0},
	    {"alternate-forgotten", alternate_forgotten, 0, 0},
	    {"alternate-shared", alternate_shared, 0, 0},
	    {"arguments", arguments, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_GRACE", "0", 1);
	setenv("GCM_DEBUG", "poison=1", 1);
	return kit_main(argc, argv, cases);
}
