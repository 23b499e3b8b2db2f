/* places.c -- blocks whose only pointer is in one place for a whole cycle
 *
 * MODEL   Registers, calls that block, thread-specific data, stacks that are
 *         not the thread's own.  What C cannot name is in hold_*.c.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/collect/hold.h"
#include "tests/collect/kit.h"

/* Registers
 * -------------------------------------------------------------------- */

/* One past the end of a block whose neighbours nobody has: else one of them
 * would be held by its neighbour's end, and so on.
 */
static __attribute__((noinline)) void
end_into(void *volatile *slot, uint32_t serial, size_t size)
{
	void *end;

	for (uint32_t i = 0; i < 3; i++)
		(void)token_new(1000 + i, size);
	token_into(&end, serial, size, size);
	*slot = end;
	for (uint32_t i = 0; i < 3; i++)
		(void)token_new(1000 + i, size);
}

static __attribute__((noinline)) void
hold_each(size_t size, bool past_end)
{
	for (size_t i = 0; holds[i].name != NULL; i++) {
		uint32_t serial = (uint32_t)i;
		volatile int go;
		void *slot;

		if (!hold_has(holds[i].needs))
			continue;
		token_into(&slot, serial, size, past_end ? size : 0);
		mill_arm(&go);
		holds[i].run(&slot, &go);
		token_free((char *)slot - (past_end ? size : 0), serial,
		    holds[i].name);
	}
}

static void
in_register(void)
{
	mill_start();
	hold_each(208, false);
	mill_stop();
}

/* All of its slot is the block's: one past its end is the next one's start. */
static void
past_the_end(void)
{
	void *probe = malloc(200);
	size_t size = malloc_usable_size(probe);
	void *volatile slots[8];

	mill_start();
	hold_each(size, true);
	for (uint32_t i = 0; i < 8; i++)
		end_into(&slots[i], i, size);
	mill_wait();
	for (uint32_t i = 0; i < 8; i++)
		token_free((char *)slots[i] - size, i, "past the end, stack");
	mill_stop();
	free(probe);
}

/* A header without a body is held by the address behind it (PHP's functions
 * without parameters, talloc's contexts), which is in the heap itself.
 */
enum {
	HEADERS = 400,
	HEADER_MIN = 24,
	HEADER_MAX = 128
};

static size_t
header_size(size_t i)
{
	return HEADER_MIN + i * 8 % (HEADER_MAX - HEADER_MIN + 8);
}

static __attribute__((noinline)) unsigned char **
make_headers(void)
{
	unsigned char **ends = malloc(HEADERS * sizeof(*ends));

	for (size_t i = 0; i < HEADERS; i++) {
		unsigned char *header = malloc(header_size(i));

		memset(header, (int)i | 1, header_size(i));
		ends[i] = header + header_size(i);
	}
	return ends;
}

static void
headers_alone(void)
{
	unsigned char **ends = make_headers();

	mill_start();
	mill_wait();
	mill_wait();
	for (size_t i = 0; i < HEADERS; i++) {
		unsigned char *header = ends[i] - header_size(i);

		for (size_t j = 0; j < header_size(i); j++)
			if (header[j] != (unsigned char)((int)i | 1))
				KIT_FAIL("header of %zu bytes", header_size(i));
		free(header);
	}
	mill_stop();
	free(ends);
}

static void
wait_in_sleep(void *arg)
{
	(void)arg;
	mill_wait();
}

static void
wait_in_read(void *arg)
{
	char byte;

	if (read(*(int *)arg, &byte, 1) != 1)
		KIT_FAIL("read");
}

static void *
write_later(void *arg)
{
	mill_wait();
	if (write(*(int *)arg, "", 1) != 1)
		KIT_FAIL("write");
	return NULL;
}

static void
over_calls(void)
{
	int ends[2];

	KIT_CHECK(pipe(ends) == 0);
	mill_start();
	for (long i = 0; i < kit_scale(2, 100); i++) {
		pthread_t writer = kit_thread(write_later, &ends[1]);
		void *slot;

		token_into(&slot, 5, 96, 0);
		hold_call(&slot, wait_in_read, &ends[0]);
		token_free(slot, 5, "register over read()");
		kit_join(writer);
		token_into(&slot, 6, 96, 0);
		hold_call(&slot, wait_in_sleep, NULL);
		token_free(slot, 6, "register over sleep");
	}
	mill_stop();
}

static void
in_jump_buffer(void)
{
	void *buffer = calloc(1, 512), *slot;

	mill_start();
	for (long i = 0; i < kit_scale(2, 100); i++) {
		token_into(&slot, 7, 128, 0);
		if (!hold_setjmp(&slot, buffer, wait_in_sleep, NULL))
			kit_skip("not written for this processor");
		token_free(slot, 7, "jmp_buf");
	}
	mill_stop();
	free(buffer);
}

/* Threads' own words
 * ----------------------------------------------------------- */

enum {
	KEYS = 80
};
static pthread_key_t keys[KEYS];
static _Atomic unsigned nended;

static void
end_value(void *value)
{
	token_check(value, token_serial(value), "destructor of a key");
	atomic_fetch_add(&nended, 1);
}

static __attribute__((noinline)) void
set_keys(void)
{
	for (uint32_t i = 0; i < KEYS; i++)
		KIT_CHECK(pthread_setspecific(keys[i], token_new(i, 72)) == 0);
}

static void *
use_keys(void *arg)
{
	(void)arg;
	set_keys();
	mill_wait();
	for (uint32_t i = 0; i < KEYS; i++)
		token_check(pthread_getspecific(keys[i]), i, "key of a thread");
	return NULL;
}

static void
in_keys(void)
{
	pthread_t other;

	mill_start();
	for (size_t i = 0; i < KEYS; i++)
		KIT_CHECK(pthread_key_create(&keys[i], end_value) == 0);
	other = kit_thread(use_keys, NULL);
	use_keys(NULL);
	kit_join(other);
	KIT_CHECK(atomic_load(&nended) == KEYS);
	mill_stop();
}

/* Other stacks
 * ----------------------------------------------------------------- */

enum {
	STACK = 128 << 10
};
static ucontext_t *home_context, *other_context;

static void
run_coroutine(void)
{
	void *volatile own[4];

	for (uint32_t i = 0; i < 4; i++)
		own[i] = token_new(i, 144);
	mill_wait(); /* the main stack is idle */
	for (uint32_t i = 0; i < 4; i++)
		token_check(own[i], i, "running coroutine");
	swapcontext(other_context, home_context);
	for (uint32_t i = 0; i < 4; i++)
		token_free(own[i], i, "suspended coroutine");
}

static void
run_beside(char *stack)
{
	void *volatile own[4];

	for (uint32_t i = 0; i < 4; i++)
		own[i] = token_new(10 + i, 144);
	home_context = calloc(1, sizeof(*home_context));
	other_context = calloc(1, sizeof(*other_context));
	getcontext(other_context);
	other_context->uc_stack.ss_sp = stack;
	other_context->uc_stack.ss_size = STACK;
	other_context->uc_link = home_context;
	makecontext(other_context, run_coroutine, 0);
	swapcontext(home_context, other_context);
	mill_wait();
	for (uint32_t i = 0; i < 4; i++)
		token_free(own[i], 10 + i, "idle main stack");
	swapcontext(home_context, other_context);
	free(home_context);
	free(other_context);
}

static char *
map_stack(void)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);

	KIT_CHECK(stack != MAP_FAILED);
	return stack;
}

static void *
run_malloced(void *arg)
{
	char *stack = malloc(STACK);

	run_beside(stack);
	free(stack);
	return arg;
}

static void *
run_mapped(void *arg)
{
	run_beside(map_stack());
	return arg;
}

static void
coroutine_malloced(void)
{
	mill_start();
	run_malloced(NULL);
	kit_join(kit_thread(run_malloced, NULL));
	mill_stop();
}

static void
coroutine_mapped(void)
{
	mill_start();
	run_mapped(NULL);
	kit_join(kit_thread(run_mapped, NULL));
	mill_stop();
}

static void
handle(int sig)
{
	void *volatile own[4];

	(void)sig;
	for (uint32_t i = 0; i < 4; i++)
		own[i] = token_new(20 + i, 144);
	mill_wait();
	for (uint32_t i = 0; i < 4; i++)
		token_free(own[i], 20 + i, "alternate signal stack");
}

static __attribute__((noinline)) void
raise_on(void *stack)
{
	void *volatile own[4];
	stack_t alternate = {.ss_sp = stack, .ss_size = STACK};

	for (uint32_t i = 0; i < 4; i++)
		own[i] = token_new(30 + i, 144);
	KIT_CHECK(sigaltstack(&alternate, NULL) == 0);
	raise(SIGUSR1);
	for (uint32_t i = 0; i < 4; i++)
		token_free(own[i], 30 + i, "interrupted stack");
}

static void
alternate_stack(void)
{
	struct sigaction action = {
	    .sa_handler = handle, .sa_flags = SA_ONSTACK};

	mill_start();
	KIT_CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	raise_on(malloc(STACK));
	raise_on(map_stack());
	mill_stop();
}

/* The end alone is on a stack that is no thread's own: the token's neighbour,
 * for who looks at whole slots.
 */
static size_t end_size;

static void
run_with_end(void)
{
	void *volatile own[8];

	for (uint32_t i = 0; i < 8; i++)
		end_into(&own[i], i, end_size);
	mill_wait();
	for (uint32_t i = 0; i < 8; i++)
		token_check((char *)own[i] - end_size, i,
		    "past the end, running coroutine");
	swapcontext(other_context, home_context);
	for (uint32_t i = 0; i < 8; i++)
		token_free((char *)own[i] - end_size, i,
		    "past the end, suspended coroutine");
}

static void
run_end_beside(char *stack)
{
	home_context = calloc(1, sizeof(*home_context));
	other_context = calloc(1, sizeof(*other_context));
	getcontext(other_context);
	other_context->uc_stack.ss_sp = stack;
	other_context->uc_stack.ss_size = STACK;
	other_context->uc_link = home_context;
	makecontext(other_context, run_with_end, 0);
	swapcontext(home_context, other_context);
	mill_wait();
	swapcontext(home_context, other_context);
	free(home_context);
	free(other_context);
}

static void
coroutine_end(void)
{
	void *probe = malloc(200);

	end_size = malloc_usable_size(probe);
	free(probe);
	mill_start();
	run_end_beside(map_stack());
	run_end_beside(malloc(STACK));
	mill_stop();
}

/* Coroutines that hand tokens to each other while they switch. */
enum {
	COROUTINES = 4
};
static struct {
	ucontext_t *contexts[COROUTINES], *home;
	void *box;
	unsigned began, left;
	struct kit_rng rng;
} fibres;

static void
run_fibre(unsigned self)
{
	void *mine = token_new(self, 176);

	while (collect_more(fibres.began)) {
		void *theirs = fibres.box;
		unsigned next = (unsigned)kit_below(&fibres.rng, COROUTINES);

		fibres.box = mine;
		mine = theirs;
		token_check(mine, token_serial(mine), "traded by coroutines");
		KIT_CHECK(token_serial(mine) <= COROUTINES);
		if (next != self)
			swapcontext(
			    fibres.contexts[self], fibres.contexts[next]);
	}
	token_check(mine, token_serial(mine), "traded by coroutines");
	setcontext(fibres.home);
}

static void
coroutines_trade(void)
{
	static volatile bool back;

	mill_start();
	fibres.began = mill_cycles();
	fibres.rng = kit_rng_new(4);
	fibres.box = token_new(COROUTINES, 64);
	fibres.home = calloc(1, sizeof(*fibres.home));
	for (unsigned i = 0; i < COROUTINES; i++) {
		ucontext_t *context = calloc(1, sizeof(*context));

		fibres.contexts[i] = context;
		getcontext(context);
		context->uc_stack.ss_sp =
		    i % 2 == 0 ? malloc(STACK) : map_stack();
		context->uc_stack.ss_size = STACK;
		makecontext(context, (void (*)(void))run_fibre, 1, i);
	}
	getcontext(fibres.home);
	if (!back) {
		back = true;
		setcontext(fibres.contexts[0]);
	}
	mill_stop();
}

/* A stack that grows during a cycle, with a token in each frame. */
static __attribute__((noinline)) void
go_down(unsigned depth)
{
	void *volatile own = token_new(depth, 48);
	volatile char room[6000];

	room[0] = room[sizeof(room) - 1] = 1;
	if (depth > 0)
		go_down(depth - 1);
	else
		mill_wait();
	token_free(own, depth, "deep stack");
}

static void *
go_up_and_down(void *arg)
{
	for (long i = 0; i < kit_scale(3, 100); i++)
		go_down(i % 2 == 0 ? 900 : 50);
	return arg;
}

static void
deep_stack(void)
{
	pthread_t other;

	mill_start();
	other = kit_thread(go_up_and_down, NULL);
	go_up_and_down(NULL);
	kit_join(other);
	mill_stop();
}

/* Distances
 * --------------------------------------------------------------------- */

struct near {
	uint64_t kind;
	intptr_t from_here; /* Berkeley DB's SH_TAILQ: from this word */
	char rest[4000];
	intptr_t from_start; /* fontconfig's FcPattern: from the block's */
};

/* Blocks that others lead to by how far away they are, small and large, in
 * either direction.
 *
 * Red without gcm_mark_distances: "LOST distance".
 */
static void
distances(void)
{
	static const size_t sizes[] = {24, 200, 4016, 60000};
	struct near *volatile held[KIT_COUNT(sizes)];
	unsigned began;

	collect_want("GCM_OFFSETS", "always");
	mill_start();
	for (uint32_t i = 0; i < KIT_COUNT(sizes); i++) {
		size_t size = i % 2 == 0 ? sizeof(struct near) : (size_t)200000;
		struct near *near = calloc(1, size);
		void *token;

		held[i] = near;
		token_into(&token, 2 * i, sizes[i], 0);
		near->from_here = (intptr_t)token - (intptr_t)&near->from_here;
		token_into(&token, 2 * i + 1, sizes[i], 0);
		near->from_start = (intptr_t)token - (intptr_t)near;
		token = NULL;
	}
	for (began = mill_cycles(); collect_more(began);)
		kit_sleep(0.001);
	for (uint32_t i = 0; i < KIT_COUNT(sizes); i++) {
		struct near *near = held[i];

		token_free((char *)&near->from_here + near->from_here, 2 * i,
		    "distance from the word");
		token_free((char *)near + near->from_start, 2 * i + 1,
		    "distance from the start");
		free(near);
	}
	mill_stop();
}

static const struct kit_case cases[] = {
    {"in-register", in_register, KIT_PARALLEL, 0},
    {"past-the-end", past_the_end, KIT_PARALLEL, 0},
    {"headers-alone", headers_alone, KIT_PARALLEL, 0},
    {"over-calls", over_calls, KIT_PARALLEL, 0},
    {"in-jump-buffer", in_jump_buffer, KIT_PARALLEL, 0},
    {"keys", in_keys, KIT_PARALLEL, 0},
    {"coroutine-malloced", coroutine_malloced, KIT_PARALLEL, 0},
    {"coroutine-mapped", coroutine_mapped, KIT_PARALLEL, 0},
    {"coroutine-past-the-end", coroutine_end, KIT_PARALLEL, 0},
    {"coroutines-trade", coroutines_trade, KIT_PARALLEL, 0},
    {"alternate-stack", alternate_stack, KIT_PARALLEL, 0},
    {"deep-stack", deep_stack, KIT_PARALLEL, 0},
    {"distances", distances, KIT_PARALLEL, 0},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return collect_main(argc, argv, cases);
}
