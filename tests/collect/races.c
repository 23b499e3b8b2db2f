/* races.c -- a block that the program has is never lost
 *
 * MODEL   Each case has the only pointer to a block in one place, or moves it
 *         about, while collections go on: those are counted by what the mill
 *         drops (kit.c), so a case has seen whole ones.  A block that is lost
 *         is poisoned at once, GCM_GRACE being 0 where nothing is said.
 *         Positions, offsets and serial numbers are kept, addresses are not.
 */
#define _GNU_SOURCE
#include "tests/collect/races.h"

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

enum {
	TOKENS = 12,
	SIZE_MAX_TOKEN = 3000,
	PAGE = 4096
};

/* Have there not been enough cycles yet? */
static bool
more_cycles(unsigned began)
{
	return mill_more(began, (unsigned)kit_scale(60, 5000));
}

/* Wandering
 * -------------------------------------------------------------------- */

struct token {
	size_t area, slot, offset;
};

struct wanderer {
	unsigned thread;
	bool interior;
	const enum area_kind *kinds;
	size_t nkinds;
	struct area areas[AREA_KINDS];
	struct token tokens[TOKENS];
	bool taken[AREA_KINDS][AREA_SLOTS];
};

static __attribute__((noinline)) void
check_wanderer(struct wanderer *w, size_t t)
{
	struct token *token = &w->tokens[t];
	char *p = w->areas[token->area].slots[token->slot];

	token_check(p - token->offset, w->thread << 8 | (uint32_t)t,
	    w->areas[token->area].name);
}

static __attribute__((noinline)) void
move_token(struct wanderer *w, size_t t, struct kit_rng *rng)
{
	struct token *token = &w->tokens[t];
	size_t area = kit_below(rng, w->nkinds);
	size_t slot = kit_below(rng, AREA_SLOTS);
	struct area *from = &w->areas[token->area];
	void *p;

	if (w->taken[area][slot])
		return;
	p = from->slots[token->slot];
	if (kit_below(rng, 2) == 0) {
		area_put(from, token->slot, NULL);
		area_put(&w->areas[area], slot, p);
	} else {
		area_put(&w->areas[area], slot, p);
		area_put(from, token->slot, NULL);
	}
	w->taken[token->area][token->slot] = false;
	w->taken[area][slot] = true;
	token->area = area;
	token->slot = slot;
}

static __attribute__((noinline)) void
begin_wandering(struct wanderer *w, void *volatile *stack, struct kit_rng *rng)
{
	for (size_t i = 0; i < w->nkinds; i++)
		area_make(&w->areas[i], w->kinds[i], w->thread, stack);
	for (size_t t = 0; t < TOKENS; t++) {
		struct token *token = &w->tokens[t];
		size_t size = 16 + kit_below(rng, SIZE_MAX_TOKEN);
		char *p = token_new(w->thread << 8 | (uint32_t)t, size);

		token->area = t % w->nkinds;
		token->slot = t / w->nkinds;
		token->offset = w->interior ? kit_below(rng, size) : 0;
		w->taken[token->area][token->slot] = true;
		area_put(
		    &w->areas[token->area], token->slot, p + token->offset);
	}
}

static void *
wander(void *arg)
{
	void *volatile stack[AREA_SLOTS] = {NULL};
	struct wanderer *w = arg;
	struct kit_rng rng = kit_rng_new(w->thread);
	unsigned began = mill_cycles();

	begin_wandering(w, stack, &rng);
	while (more_cycles(began)) {
		for (size_t i = 0; i < 300; i++)
			move_token(w, kit_below(&rng, TOKENS), &rng);
		for (size_t t = 0; t < TOKENS; t++)
			check_wanderer(w, t);
		if (kit_below(&rng, 8) == 0)
			kit_sleep(0.001);
	}
	for (size_t t = 0; t < TOKENS; t++)
		check_wanderer(w, t);
	return NULL;
}

static void
run_wanderers(const enum area_kind *kinds, size_t nkinds, bool interior)
{
	static struct wanderer w[2];
	pthread_t other;

	mill_start();
	for (unsigned i = 0; i < 2; i++) {
		w[i].thread = i;
		w[i].kinds = kinds;
		w[i].nkinds = nkinds;
		w[i].interior = interior;
	}
	other = kit_thread(wander, &w[1]);
	wander(&w[0]);
	kit_join(other);
	mill_stop();
}

#define WANDER(name, interior, ...)                                            \
	static void name(void)                                                 \
	{                                                                      \
		static const enum area_kind kinds[] = {__VA_ARGS__};           \
                                                                               \
		run_wanderers(kinds, KIT_COUNT(kinds), interior);              \
	}

WANDER(wander_stack, false, AREA_STACK)
WANDER(wander_heap, false, AREA_HEAP)
WANDER(wander_data, false, AREA_DATA, AREA_BSS, AREA_HEAP)
WANDER(wander_tls, false, AREA_TLS, AREA_HEAP)
WANDER(wander_large, false, AREA_LARGE, AREA_HEAP, AREA_STACK)
WANDER(wander_mmap, false, AREA_MMAP, AREA_HEAP)
WANDER(wander_break, false, AREA_BREAK, AREA_HEAP)
WANDER(wander_shared, false, AREA_SHARED, AREA_HEAP)
WANDER(wander_memfd, false, AREA_MEMFD, AREA_HEAP)
WANDER(wander_private, false, AREA_PRIVATE, AREA_HEAP)
WANDER(wander_readonly, false, AREA_READONLY, AREA_HEAP, AREA_MMAP)
WANDER(wander_interior, true, AREA_DATA, AREA_STACK, AREA_HEAP, AREA_MMAP)
WANDER(wander_all, false, AREA_DATA, AREA_BSS, AREA_TLS, AREA_STACK, AREA_HEAP,
    AREA_LARGE, AREA_MMAP, AREA_BREAK, AREA_SHARED, AREA_MEMFD, AREA_PRIVATE,
    AREA_READONLY)

/* Between threads
 * -------------------------------------------------------------- */

enum {
	TRADERS = 3,
	BOXES = 8
};

static struct {
	pthread_mutex_t lock;
	_Atomic(void *) boxes[BOXES];
	bool exchange;
} market = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Whose token it is can be read from it. */
static uint32_t
serial_of(const void *token)
{
	return (uint32_t)(((const uint64_t *)token)[1] >> 24);
}

static __attribute__((noinline)) void *
trade(void *mine, size_t box)
{
	void *theirs;

	if (market.exchange)
		return atomic_exchange(&market.boxes[box], mine);
	pthread_mutex_lock(&market.lock);
	theirs = atomic_load_explicit(&market.boxes[box], memory_order_relaxed);
	atomic_store_explicit(&market.boxes[box], mine, memory_order_relaxed);
	pthread_mutex_unlock(&market.lock);
	return theirs;
}

static void *
run_trader(void *arg)
{
	uint32_t self = (uint32_t)(uintptr_t)arg;
	struct kit_rng rng = kit_rng_new(self);
	unsigned began = mill_cycles();
	void *mine = token_new(self, 200);

	for (size_t i = 0; more_cycles(began); i++) {
		mine = trade(mine, kit_below(&rng, BOXES));
		if (serial_of(mine) >= TRADERS + BOXES)
			KIT_FAIL("LOST: %p", mine);
		token_check(mine, serial_of(mine), "handed over");
		if (i % 1000 == 0)
			sched_yield();
	}
	return mine;
}

static void
hand_over(bool exchange)
{
	bool seen[TRADERS + BOXES] = {false};
	pthread_t threads[TRADERS];
	void *got[TRADERS + BOXES];

	market.exchange = exchange;
	for (uint32_t i = 0; i < BOXES; i++)
		atomic_store(&market.boxes[i], token_new(TRADERS + i, 300));
	mill_start();
	for (uintptr_t i = 0; i < TRADERS; i++)
		threads[i] = kit_thread(run_trader, (void *)i);
	for (size_t i = 0; i < TRADERS; i++)
		got[i] = kit_join(threads[i]);
	for (size_t i = 0; i < BOXES; i++)
		got[TRADERS + i] = atomic_load(&market.boxes[i]);
	for (size_t i = 0; i < TRADERS + BOXES; i++) {
		KIT_CHECK(serial_of(got[i]) < TRADERS + BOXES);
		KIT_CHECK(!seen[serial_of(got[i])]);
		seen[serial_of(got[i])] = true;
	}
	mill_stop();
}

static void
by_lock(void)
{
	hand_over(false);
}

static void
by_exchange(void)
{
	hand_over(true);
}

/* The argument lies in the stack of a thread that has not begun, the value in
 * that of one that has ended.
 */
static void *
wait_and_return(void *arg)
{
	mill_wait();
	token_check(arg, 1, "argument");
	return arg;
}

static void *
return_at_once(void *arg)
{
	return arg;
}

static __attribute__((noinline)) void
begin_with_token(pthread_t *thread, bool wait)
{
	*thread = kit_thread(
	    wait ? wait_and_return : return_at_once, token_new(1, 160));
}

static void
by_thread(void)
{
	pthread_t threads[4];

	mill_start();
	for (long i = 0; i < kit_scale(2, 100); i++) {
		for (size_t t = 0; t < 4; t++)
			begin_with_token(&threads[t], t % 2 == 0);
		mill_wait();
		for (size_t t = 0; t < 4; t++)
			token_free(kit_join(threads[t]), 1, "value of thread");
	}
	mill_stop();
}

/* Registers
 * -------------------------------------------------------------------- */

static __attribute__((noinline)) void
make_into(void **slot, uint32_t serial, size_t size, size_t offset)
{
	*slot = (char *)token_new(serial, size) + offset;
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
		make_into(&slot, serial, size, past_end ? size : 0);
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
	for (uint32_t i = 0; i < 8; i++) {
		void *end;

		make_into(&end, i, size, size);
		slots[i] = end;
	}
	mill_wait();
	for (uint32_t i = 0; i < 8; i++)
		token_free((char *)slots[i] - size, i, "past the end, stack");
	mill_stop();
	free(probe);
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

		make_into(&slot, 5, 96, 0);
		hold_call(&slot, wait_in_read, &ends[0]);
		token_free(slot, 5, "register over read()");
		kit_join(writer);
		make_into(&slot, 6, 96, 0);
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
		make_into(&slot, 7, 128, 0);
		if (!hold_setjmp(&slot, buffer, wait_in_sleep, NULL))
			kit_skip("not written for this processor");
		token_free(slot, 7, "jmp_buf");
	}
	mill_stop();
	free(buffer);
}

/* Arrays that move
 * ------------------------------------------------------------- */

/* Every `step`-th entry has a token; the array turns by one at a time. */
static void
rotate(size_t n, size_t step)
{
	void **array = calloc(n, sizeof(*array));
	size_t turned = 0;
	unsigned began;

	for (size_t i = 0; i < n; i += step)
		array[i] = token_new((uint32_t)i, 64);
	mill_start();
	began = mill_cycles();
	while (more_cycles(began)) {
		void *first = array[0];

		memmove(array, array + 1, (n - 1) * sizeof(*array));
		array[n - 1] = first;
		turned = (turned + 1) % n;
		if (turned % (n < 100 ? n * 50 : 50) != 0)
			continue;
		for (size_t i = 0; i < n; i += step)
			token_check(array[(i + n - turned) % n], (uint32_t)i,
			    "memmove");
	}
	for (size_t i = 0; i < n; i += step)
		token_free(array[(i + n - turned) % n], (uint32_t)i, "memmove");
	mill_stop();
	free(array);
}

static void
rotate_few(void)
{
	rotate(16, 1);
}

static void
rotate_many(void)
{
	rotate(131072, 64);
}

/* The array is the only one to know them, and moves. */
static void
grow_block(void)
{
	static const size_t sizes[] = {
	    16, 300, 5000, 40000, 200000, 300000, 50000, 1000};
	size_t n = sizes[0], at = 0;
	void **array = calloc(n, sizeof(*array));
	unsigned began;

	for (size_t i = 0; i < 16; i++)
		array[i] = token_new((uint32_t)i, 400);
	mill_start();
	began = mill_cycles();
	for (size_t k = 1; more_cycles(began); k++) {
		size_t next = sizes[k % KIT_COUNT(sizes)];

		if (at + 16 > next) {
			memmove(array, array + at, 16 * sizeof(*array));
			at = 0;
		}
		array = realloc(array, next * sizeof(*array));
		KIT_CHECK(array != NULL);
		memmove(array + next - 16, array + at, 16 * sizeof(*array));
		if (at + 16 <= next - 16)
			memset(array + at, 0, 16 * sizeof(*array));
		at = next - 16;
		n = next;
		for (size_t i = 0; i < 16; i++)
			token_check(array[at + i], (uint32_t)i, "realloc");
	}
	mill_stop();
	free(array);
}

/* Memory that comes and goes
 * --------------------------------------------------- */

static void
check_all(void *const *slots, size_t n, const char *where)
{
	for (size_t i = 0; i < n; i++)
		token_check(slots[i], (uint32_t)i, where);
}

/* From one mapping, made while a cycle may be running, to the next. */
static void
new_mappings(void)
{
	void **now = NULL;
	size_t size = 0;
	unsigned began;

	mill_start();
	began = mill_cycles();
	for (size_t k = 0; more_cycles(began); k++) {
		size_t larger = (k % 7 + 1) * PAGE;
		void **next = mmap(NULL, larger, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		KIT_CHECK(next != MAP_FAILED);
		for (uint32_t i = 0; i < 16; i++)
			next[i] = now != NULL ? now[i] : token_new(i, 80);
		if (now != NULL && k % 2 == 0) {
			memset(now, 0, size);
			munmap(now, size);
		} else if (now != NULL) {
			munmap(now, size);
		}
		now = next;
		size = larger;
		check_all(now, 16, "new mapping");
		if (k % 16 == 0)
			kit_sleep(0.0005);
	}
	check_all(now, 16, "new mapping");
	mill_stop();
}

static void
moving_break(void)
{
	void **home = calloc(16, sizeof(*home));
	unsigned began;

	for (uint32_t i = 0; i < 16; i++)
		home[i] = token_new(i, 80);
	mill_start();
	began = mill_cycles();
	for (size_t k = 0; more_cycles(began); k++) {
		intptr_t size = (intptr_t)(k % 5 + 1) * PAGE;
		void **top = sbrk(size);

		KIT_CHECK(top != (void *)-1);
		memcpy(top, home, 16 * sizeof(*top));
		memset(home, 0, 16 * sizeof(*home));
		if (k % 4 == 0)
			kit_sleep(0.002);
		check_all(top, 16, "brk");
		memcpy(home, top, 16 * sizeof(*top));
		KIT_CHECK(sbrk(-size) != (void *)-1);
	}
	check_all(home, 16, "brk");
	mill_stop();
}

/* Pointers lie in a page while its protection is another. */
static void
lie_in_page(int flags, int protection, const char *where)
{
	void **page = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE,
	    flags | MAP_ANONYMOUS, -1, 0);

	KIT_CHECK(page != MAP_FAILED);
	page += PAGE / sizeof(*page);
	mill_start();
	for (long k = 0; k < kit_scale(3, 100); k++) {
		for (uint32_t i = 0; i < 16; i++)
			page[i] = token_new(i, 80);
		KIT_CHECK(mprotect(page, PAGE, protection) == 0);
		if (protection == PROT_NONE)
			kit_sleep(0.02);
		else
			mill_wait();
		KIT_CHECK(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
		check_all(page, 16, where);
		mill_wait();
		for (uint32_t i = 0; i < 16; i++)
			token_free(page[i], i, where);
	}
	mill_stop();
}

static void
sealed(void)
{
	lie_in_page(MAP_PRIVATE, PROT_READ, "PROT_READ page");
}

static void
sealed_shared(void)
{
	lie_in_page(MAP_SHARED, PROT_READ, "PROT_READ page of MAP_SHARED");
}

static void
hidden(void)
{
	lie_in_page(MAP_PRIVATE, PROT_NONE, "PROT_NONE page");
}

/* The kernel writes the pointers into the heap.  They are never in the pipe
 * alone.
 */
static void
read_by_kernel(void)
{
	void **from = calloc(64, sizeof(*from)), **to = calloc(64, sizeof(*to));
	struct kit_rng rng = kit_rng_new(3);
	int ends[2];
	unsigned began;

	KIT_CHECK(pipe(ends) == 0);
	for (uint32_t i = 0; i < 64; i++)
		from[i] = token_new(i, 96);
	mill_start();
	began = mill_cycles();
	while (more_cycles(began)) {
		size_t n = kit_below(&rng, 64) + 1, bytes = n * sizeof(*from);

		KIT_CHECK(write(ends[1], from, bytes) == (ssize_t)bytes);
		KIT_CHECK(read(ends[0], to, bytes) == (ssize_t)bytes);
		memset(from, 0, bytes);
		check_all(to, n, "read()");
		memmove(from, to, bytes);
		memset(to, 0, bytes);
		check_all(from, 64, "read()");
	}
	mill_stop();
}

/* While the bytes are in the pipe only grace keeps the block: so not in two
 * cycles running.
 */
static void
through_pipe(void)
{
	size_t bytes = 64 * sizeof(void *);
	void **from, **to;
	int ends[2];

	collect_want("GCM_GRACE", "1");
	KIT_CHECK(pipe(ends) == 0);
	from = calloc(64, sizeof(*from));
	to = calloc(64, sizeof(*to));
	for (uint32_t i = 0; i < 64; i++)
		from[i] = token_new(i, 96);
	mill_start();
	for (long i = 0; i < kit_scale(12, 300); i++) {
		void **swap = to;

		KIT_CHECK(write(ends[1], from, bytes) == (ssize_t)bytes);
		memset(from, 0, bytes);
		KIT_CHECK(read(ends[0], to, bytes) == (ssize_t)bytes);
		mill_wait();
		check_all(to, 64, "pipe");
		to = from;
		from = swap;
	}
	mill_stop();
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
	token_check(value, serial_of(value), "destructor of a key");
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

static const struct kit_case cases[] = {
    {"in-register", in_register, KIT_PARALLEL, 0},
    {"past-the-end", past_the_end, KIT_PARALLEL, 0},
    {"over-calls", over_calls, KIT_PARALLEL, 0},
    {"in-jump-buffer", in_jump_buffer, KIT_PARALLEL, 0},
    {"by-lock", by_lock, KIT_PARALLEL, 0},
    {"by-exchange", by_exchange, KIT_PARALLEL, 0},
    {"by-thread", by_thread, KIT_PARALLEL, 0},
    {"stack-to-stack", wander_stack, KIT_PARALLEL, 0},
    {"heap-to-heap", wander_heap, KIT_PARALLEL, 0},
    {"data-bss-heap", wander_data, KIT_PARALLEL, 0},
    {"thread_local-heap", wander_tls, KIT_PARALLEL, 0},
    {"large-heap-stack", wander_large, KIT_PARALLEL, 0},
    {"mmap-heap", wander_mmap, KIT_PARALLEL, 0},
    {"brk-heap", wander_break, KIT_PARALLEL, 0},
    {"shared-heap", wander_shared, KIT_PARALLEL, 0},
    {"memfd-heap", wander_memfd, KIT_PARALLEL, 0},
    {"private-file-heap", wander_private, KIT_PARALLEL, 0},
    {"readonly-heap-mmap", wander_readonly, KIT_PARALLEL, 0},
    {"interior-only", wander_interior, KIT_PARALLEL, 0},
    {"everywhere", wander_all, KIT_PARALLEL, 0},
    {"rotate-16", rotate_few, KIT_PARALLEL, 0},
    {"rotate-1MiB", rotate_many, KIT_PARALLEL, 0},
    {"realloc", grow_block, KIT_PARALLEL, 0},
    {"new-mappings", new_mappings, KIT_PARALLEL, 0},
    {"moving-break", moving_break, KIT_PARALLEL, 0},
    {"sealed", sealed, KIT_PARALLEL, 0},
    {"sealed-shared", sealed_shared, KIT_PARALLEL, 0},
    {"hidden", hidden, KIT_PARALLEL, 0},
    {"read-by-kernel", read_by_kernel, KIT_PARALLEL, 0},
    {"pipe", through_pipe, KIT_PARALLEL, 0}, {"keys", in_keys, KIT_PARALLEL, 0},
    {"coroutine-malloced", coroutine_malloced, KIT_PARALLEL, 0},
    {"coroutine-mapped", coroutine_mapped, KIT_PARALLEL, 0},
    {"alternate-stack", alternate_stack, KIT_PARALLEL, 0}, {NULL, NULL, 0, 0}};

int
main(int argc, char **argv)
{
	return collect_main(argc, argv, cases);
}
