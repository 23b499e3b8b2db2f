/* held.c -- blocks held by registers, by ends, and by what libc and the loader
 * keep for a thread
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/collect/hold.h"
#include "tests/traps/block.h"

/* Registers
 * -------------------------------------------------------------------- */

struct held {
	const struct hold *hold;
	volatile int go;
	_Atomic bool filled;
	void *slot;
};

static void *
hold_one(void *arg)
{
	struct held *held = arg;

	block_into(&held->slot);
	block_clear_stack();
	atomic_store(&held->filled, true);
	held->hold->run(&held->slot, &held->go);
	return NULL;
}

static void
registers(void)
{
	static struct held held[32];
	struct block_count count = {0, 0};

	for (size_t i = 0; holds[i].name != NULL; i++) {
		pthread_t thread;

		if (!hold_has(holds[i].needs))
			continue;
		held[i].hold = &holds[i];
		thread = kit_thread(hold_one, &held[i]);
		while (!atomic_load(&held[i].filled) ||
		       __atomic_load_n(&held[i].slot, __ATOMIC_RELAXED) != NULL)
			sched_yield();
		block_collect();
		held[i].go = 1;
		kit_join(thread);
		block_count(&count, held[i].slot, BLOCK_BYTES);
	}
	block_judge(&count);
}

#ifdef __x86_64__
/* memmove by one word, stopped after its loads and half of its stores. */
void move_slowly(void **words, const volatile int *go);
__asm__(".text\n.globl move_slowly\n.type move_slowly, @function\n"
	"move_slowly:\n"
	"xor %eax, %eax\n"
	"movups (%rdi), %xmm4\nmovups 16(%rdi), %xmm5\n"
	"movups 32(%rdi), %xmm6\nmovups 48(%rdi), %xmm7\n"
	"movq $0, (%rdi)\n"
	"movups %xmm4, 8(%rdi)\n"
	"pxor %xmm4, %xmm4\n"
	"movups %xmm4, 24(%rdi)\nmovups %xmm4, 40(%rdi)\n"
	"movq $1, 56(%rdi)\n"
	"1: pause\ncmpl $0, (%rsi)\nje 1b\n"
	"movups %xmm5, 24(%rdi)\nmovups %xmm6, 40(%rdi)\n"
	"movups %xmm7, 56(%rdi)\n"
	"ret\n.size move_slowly, .-move_slowly\n");

static void *array[10];
static volatile int go;

static void *
move_all(void *arg)
{
	for (int i = 0; i < 8; i++)
		block_into(&array[i]);
	block_clear_stack();
	move_slowly(array, &go);
	return arg;
}

static void
moved(void)
{
	pthread_t thread = kit_thread(move_all, NULL);

	while (__atomic_load_n(&array[7], __ATOMIC_RELAXED) != (void *)1)
		sched_yield();
	block_collect();
	go = 1;
	kit_join(thread);
	block_check(array + 1, 8);
}
#endif

/* A register that survives a call, while the thread counts as stopped. */
static sem_t waiter;

static void *
wait_with_register(void *arg)
{
	void (*wait)(void *);
	void **slot = arg;

	block_into(slot);
	block_clear_stack();
	*(void **)&wait = dlsym(RTLD_DEFAULT, "sem_wait");
	hold_call(slot, wait, &waiter);
	return arg;
}

static void
over_call(void)
{
	static void *slot;
	pthread_t thread;

	KIT_CHECK(sem_init(&waiter, 0, 0) == 0);
	thread = kit_thread(wait_with_register, &slot);
	kit_sleep(0.02);
	block_collect();
	KIT_CHECK(sem_post(&waiter) == 0);
	kit_join(thread);
	block_check(&slot, 1);
}

/* Ends
 * ------------------------------------------------------------------------- */

enum {
	ENDS = 24
};

/* Neighbours are nobody's: else one would be held by the next one's start. */
static __attribute__((noinline)) void
end_into(void *volatile *place, size_t size)
{
	char *block;

	for (int i = 0; i < 3; i++)
		(void)block_new_of(size);
	block = block_new_of(size);
	*place = block + size;
	block_forget(&block);
	for (int i = 0; i < 3; i++)
		(void)block_new_of(size);
}

/* A loop that counts from -n to 0 has the end alone. */
static void
ends(void)
{
	void *probe = malloc(200);
	size_t size = malloc_usable_size(probe);
	void *volatile places[ENDS];
	struct block_count count = {0, 0};

	free(probe);
	for (int i = 0; i < ENDS; i++)
		end_into(&places[i], size);
	block_collect();
	for (int i = 0; i < ENDS; i++)
		block_count(&count, (char *)places[i] - size, size);
	block_judge(&count);
}

/* What `new T[0]` leaves: the address behind a cookie, in the heap. */
static void
cookies(void)
{
	static const size_t sizes[] = {8, 24, 32, 64, 128};
	void *volatile *places = malloc(ENDS * sizeof(*places));
	struct block_count count = {0, 0};

	for (size_t s = 0; s < KIT_COUNT(sizes); s++) {
		for (int i = 0; i < ENDS; i++)
			end_into(&places[i], sizes[s]);
		block_collect();
		for (int i = 0; i < ENDS; i++)
			block_count(
			    &count, (char *)places[i] - sizes[s], sizes[s]);
	}
	block_judge(&count);
}

/* Threads' own words
 * ----------------------------------------------------------- */

enum {
	KEYS = BLOCK_MANY
};

static pthread_key_t keys[KEYS];
static sem_t ready, leave;
static struct block_count inside;

static void
check_value(void *value)
{
	block_count(&inside, value, BLOCK_BYTES);
}

static __attribute__((noinline)) void
set_keys(void)
{
	for (int i = 0; i < KEYS; i++)
		KIT_CHECK(pthread_setspecific(keys[i], block_new()) == 0);
}

static void *
end_with_keys(void *arg)
{
	set_keys();
	block_clear_stack();
	sem_post(&ready);
	while (sem_wait(&leave) != 0)
		continue;
	return arg; /* destructors have the blocks */
}

/* The library's words for a thread are in a block that the loader makes, known
 * by the thread's vector of them.
 */
static void **(*own_words)(void);

static __attribute__((noinline)) void
set_own(void)
{
	for (int i = 0; i < BLOCK_MANY; i++)
		block_into(&own_words()[i]);
}

static void *
end_with_own(void *arg)
{
	set_own();
	block_clear_stack();
	sem_post(&ready);
	while (sem_wait(&leave) != 0)
		continue;
	for (int i = 0; i < BLOCK_MANY; i++)
		block_count(&inside, own_words()[i], BLOCK_BYTES);
	return arg;
}

/* What C++ registers for a thread_local object. */
extern int __cxa_thread_atexit_impl(
    void (*run)(void *), void *object, void *library);

static __attribute__((noinline)) void
set_destructors(void)
{
	for (int i = 0; i < BLOCK_MANY; i++)
		KIT_CHECK(__cxa_thread_atexit_impl(
			      check_value, block_new(), &keys) == 0);
}

static void *
end_with_destructors(void *arg)
{
	set_destructors();
	block_clear_stack();
	sem_post(&ready);
	while (sem_wait(&leave) != 0)
		continue;
	return arg;
}

static void
collect_beside(void *(*run)(void *))
{
	pthread_t thread;

	KIT_CHECK(sem_init(&ready, 0, 0) == 0 && sem_init(&leave, 0, 0) == 0);
	thread = kit_thread(run, NULL);
	while (sem_wait(&ready) != 0)
		continue;
	block_collect();
	sem_post(&leave);
	kit_join(thread);
	KIT_CHECK(inside.all == BLOCK_MANY);
	block_judge(&inside);
}

static void
thread_keys(void)
{
	for (int i = 0; i < KEYS; i++)
		KIT_CHECK(pthread_key_create(&keys[i], check_value) == 0);
	collect_beside(end_with_keys);
}

static void *
open_plugin(const char *name)
{
	char path[PATH_MAX];
	void *handle;

	KIT_CHECK(kit_beside("held_plugin.so", path, sizeof(path)));
	handle = dlopen(path, RTLD_NOW);
	KIT_CHECK(handle != NULL);
	return dlsym(handle, name);
}

static void
dynamic_words(void)
{
	*(void **)&own_words = open_plugin("plugin_own");
	collect_beside(end_with_own);
}

static void
thread_destructors(void)
{
	collect_beside(end_with_destructors);
}

/* The stack of a thread that has ended is kept for the next one, and with it
 * the only address of its vector.
 */
static void *
use_own(void *arg)
{
	for (int i = 0; i < BLOCK_MANY; i++)
		own_words()[i] = arg;
	return arg;
}

static void
dead_stacks(void)
{
	pthread_t threads[8];

	*(void **)&own_words = open_plugin("plugin_own");
	for (int round = 0; round < 4; round++) {
		for (int i = 0; i < 8; i++)
			threads[i] = kit_thread(use_own, NULL);
		for (int i = 0; i < 8; i++)
			kit_join(threads[i]);
		block_collect();
	}
}

static void *
return_it(void *arg)
{
	return arg;
}

static __attribute__((noinline)) void
begin_with_blocks(pthread_t *threads, int count)
{
	for (int i = 0; i < count; i++)
		threads[i] = kit_thread_small(return_it, block_new(), 65536);
}

/* The value of a thread that has ended. */
static void
values(void)
{
	pthread_t threads[16];
	void *blocks[16];

	begin_with_blocks(threads, 16);
	kit_sleep(0.05);
	block_collect();
	for (int i = 0; i < 16; i++)
		blocks[i] = kit_join(threads[i]);
	block_check(blocks, 16);
}

/* The argument of one that has not begun: others take all of the only
 * processor.
 */
static atomic_bool over;

static void *
take_time(void *arg)
{
	while (!atomic_load(&over))
		continue;
	return arg;
}

static void *
begin_idle(void *arg)
{
	static const struct sched_param none;

	KIT_CHECK(sched_setscheduler(0, SCHED_IDLE, &none) == 0);
	begin_with_blocks(arg, 16);
	block_clear_stack();
	return arg;
}

static void
arguments(void)
{
	pthread_t threads[16], maker, busy;
	void *blocks[16];
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET((size_t)sched_getcpu(), &one);
	KIT_CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
	maker = kit_thread(begin_idle, threads);
	kit_join(maker);
	busy = kit_thread(take_time, NULL);
	block_collect();
	atomic_store(&over, true);
	kit_join(busy);
	for (int i = 0; i < 16; i++)
		blocks[i] = kit_join(threads[i]);
	block_check(blocks, 16);
}

/* Jumps, and the end of the process
 * --------------------------------------------- */

static void
collect_for(void *arg)
{
	(void)arg;
	block_collect();
}

static void
jump_buffer(void)
{
	void *buffer = calloc(1, 512);
	struct block_count count = {0, 0};

	for (int i = 0; i < 8; i++) {
		void *slot;

		block_into(&slot);
		if (!hold_setjmp(&slot, buffer, collect_for, NULL))
			kit_skip("not written for this processor");
		block_count(&count, slot, BLOCK_BYTES);
	}
	block_judge(&count);
}

static void
check_at_exit(int status, void *block)
{
	(void)status;
	block_count(&inside, block, BLOCK_BYTES);
	if (inside.all == BLOCK_MANY)
		block_judge(&inside); /* more than are in libc's data */
}

static __attribute__((noinline)) void
set_exits(void)
{
	for (int i = 0; i < BLOCK_MANY; i++)
		KIT_CHECK(on_exit(check_at_exit, block_new()) == 0);
}

static void
at_exit(void)
{
	set_exits();
	block_collect();
	exit(0);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"registers", registers, 0, 0},
#ifdef __x86_64__
	    {"moved", moved, 0, 0},
#endif
	    {"over-call", over_call, 0, 0},
	    {"ends", ends, 0, 0},
	    {"cookies", cookies, 0, 0},
	    {"thread-keys", thread_keys, 0, 0},
	    {"dynamic-words", dynamic_words, 0, 0},
	    {"thread-destructors", thread_destructors, 0, 0},
	    {"dead-stacks", dead_stacks, 0, 0},
	    {"values", values, 0, 0},
	    {"arguments", arguments, 0, 0},
	    {"jump-buffer", jump_buffer, 0, 0},
	    {"at-exit", at_exit, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return block_main(argc, argv, cases);
}
