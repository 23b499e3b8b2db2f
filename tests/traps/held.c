/* held.c -- blocks held by registers, by ends, and by what libc and the loader
 * keep for a thread
 *
 * Seen red:
 * A1: without the look at the signal's frame in mark_thread in scan/root.c:
 *     registers: "lost: 7 of 15 blocks", moved: "lost: 6 of 8 blocks".
 * A1: without __builtin_unwind_init in preload/blocking.c: over-call: "lost: 3
 *     of 6 blocks".
 * A2: without exact_end in scan/root.c: ends: "lost: 24 of 24 blocks".
 * A2: without the byte more in core/sizeclass.h: cookies: "lost: 72 of 120
 *     blocks"; without the one in preload/operator.c: "lost: 24 of 120 blocks".
 * A3, A4: with stacks read only to the thread pointer (scan/root.c):
 *     thread-keys: "free(): double free", arguments: "free(): unaligned
 *     pointer", dynamic-words: signal 11; to a little below it:
 *     thread-destructors: signal 11.
 * A3, A4: with stacks whose thread has ended passed over: dead-stacks: "free():
 *     unaligned pointer", values: "lost: 16 of 16 blocks".
 * A15: without libc's data (files' mappings, in read_range in scan/root.c):
 *     at-exit: signal 11.
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

#ifdef __x86_64__
/* All registers that survive a call, while the thread counts as stopped. */
void call_with_registers(void **slots, int (*wait)(sem_t *), sem_t *sem);
__asm__(".text\n.globl call_with_registers\n"
	".type call_with_registers, @function\n"
	"call_with_registers:\n"
	"push %rbx\npush %rbp\npush %r12\npush %r13\npush %r14\npush %r15\n"
	"push %rdi\n"
	"mov (%rdi), %rbx\nmov 8(%rdi), %rbp\nmov 16(%rdi), %r12\n"
	"mov 24(%rdi), %r13\nmov 32(%rdi), %r14\nmov 40(%rdi), %r15\n"
	"movups %xmm0, (%rdi)\nmovups %xmm0, 16(%rdi)\nmovups %xmm0, 32(%rdi)\n"
	"mov %rsi, %rax\nmov %rdx, %rdi\ncall *%rax\n"
	"pop %rdi\n"
	"mov %rbx, (%rdi)\nmov %rbp, 8(%rdi)\nmov %r12, 16(%rdi)\n"
	"mov %r13, 24(%rdi)\nmov %r14, 32(%rdi)\nmov %r15, 40(%rdi)\n"
	"pop %r15\npop %r14\npop %r13\npop %r12\npop %rbp\npop %rbx\n"
	"ret\n.size call_with_registers, .-call_with_registers\n");

enum {
	SURVIVORS = 6
};

static sem_t waiter;
static void *survivors[SURVIVORS];

static void *
wait_with_registers(void *arg)
{
	for (int i = 0; i < SURVIVORS; i++)
		block_into(&survivors[i]);
	block_clear_stack();
	call_with_registers(survivors, sem_wait, &waiter);
	return arg;
}

static void
over_call(void)
{
	pthread_t thread;

	KIT_CHECK(sem_init(&waiter, 0, 0) == 0);
	thread = kit_thread(wait_with_registers, NULL);
	kit_sleep(0.02);
	block_collect();
	KIT_CHECK(sem_post(&waiter) == 0);
	kit_join(thread);
	block_check(survivors, SURVIVORS);
}
#endif

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
static void *
new_array(size_t size, size_t align)
{
	static void *(*call)(size_t);

	if (align != 0) /* what libstdc++ calls then */
		return aligned_alloc(align, size);
	if (call == NULL)
		*(void **)&call = dlsym(RTLD_DEFAULT, "_Znam");
	return call(size);
}

static __attribute__((noinline)) void
array_into(void *volatile *place, size_t size, size_t align)
{
	char *block;

	for (int i = 0; i < 3; i++)
		(void)new_array(size, align);
	block = memset(new_array(size, align), BLOCK_FILL, size);
	*place = block + size;
	block_forget(&block);
	for (int i = 0; i < 3; i++)
		(void)new_array(size, align);
}

static void
cookies(void)
{
	static const size_t kinds[][2] = {
	    {8, 0}, {16, 0}, {32, 32}, {64, 64}, {128, 128}};
	void *volatile *places = malloc(ENDS * sizeof(*places));
	struct block_count count = {0, 0};

	for (size_t k = 0; k < KIT_COUNT(kinds); k++) {
		size_t size = kinds[k][0];

		for (int i = 0; i < ENDS; i++)
			array_into(&places[i], size, kinds[k][1]);
		block_collect();
		for (int i = 0; i < ENDS; i++)
			block_count(&count, (char *)places[i] - size, size);
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

/* The argument of one that has not begun is where libc keeps it, and nowhere
 * else: as here, where those that have begun know nothing of it.
 */
static uintptr_t hidden[16]; /* inverted */

static void *
forget_argument(void *arg)
{
	block_forget(&arg);
	block_clear_stack();
	sem_post(&ready);
	while (sem_wait(&leave) != 0)
		continue;
	return NULL;
}

static __attribute__((noinline)) void
begin_forgetful(pthread_t *threads)
{
	for (int i = 0; i < 16; i++) {
		void *block = block_new();

		hidden[i] = ~(uintptr_t)block;
		threads[i] = kit_thread(forget_argument, block);
	}
}

static void
arguments(void)
{
	struct block_count count = {0, 0};
	pthread_t threads[16];

	KIT_CHECK(sem_init(&ready, 0, 0) == 0 && sem_init(&leave, 0, 0) == 0);
	begin_forgetful(threads);
	for (int i = 0; i < 16; i++)
		while (sem_wait(&ready) != 0)
			continue;
	block_collect();
	for (int i = 0; i < 16; i++)
		block_count(&count, (void *)~hidden[i], BLOCK_BYTES);
	for (int i = 0; i < 16; i++)
		sem_post(&leave);
	for (int i = 0; i < 16; i++)
		kit_join(threads[i]);
	block_judge(&count);
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
	    {"over-call", over_call, 0, 0},
#endif
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
