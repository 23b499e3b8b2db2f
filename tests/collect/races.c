/* races.c -- a block whose only pointer moves is not lost
 *
 * MODEL   Each case moves pointers about, between places and threads, while
 * collections go on: those are counted by what the mill drops (kit.c), so a
 * case has seen whole ones.  A block that is lost is poisoned at once,
 * GCM_GRACE being 0 where nothing is said. Positions, offsets and serial
 * numbers are kept, addresses are not.
 *
 * A14: without gcm_roots_mark_shared in scan/root.c: shared-heap, memfd-heap:
 * "verify: reachable and not marked".
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
		size_t size = t > 1 ? 16 + kit_below(rng, SIZE_MAX_TOKEN)
				    : 70000 + t * 1400000;
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
	while (collect_more(began)) {
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

	for (size_t i = 0; collect_more(began); i++) {
		mine = trade(mine, kit_below(&rng, BOXES));
		if (token_serial(mine) >= TRADERS + BOXES)
			KIT_FAIL("LOST: %p", mine);
		token_check(mine, token_serial(mine), "handed over");
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
		KIT_CHECK(token_serial(got[i]) < TRADERS + BOXES);
		KIT_CHECK(!seen[token_serial(got[i])]);
		seen[token_serial(got[i])] = true;
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

/* Each thread makes the next, and ends: stacks are used again at once. */
static _Atomic(void *) arrived;

static void *
relay(void *arg)
{
	pthread_attr_t attr;
	pthread_t next;

	token_check(arg, 1, "relay");
	if (!collect_more(0)) {
		atomic_store(&arrived, arg);
		return NULL;
	}
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	while (pthread_create(&next, &attr, relay, arg) != 0)
		kit_sleep(0.001);
	return NULL;
}

static void
by_relay(void)
{
	pthread_t threads[2];

	mill_start();
	for (size_t i = 0; i < 2; i++) {
		atomic_store(&arrived, NULL);
		threads[i] = kit_thread(relay, token_new(1, 160));
		kit_join(threads[i]);
		while (atomic_load(&arrived) == NULL)
			kit_sleep(0.001);
		token_free(atomic_load(&arrived), 1, "relay");
	}
	mill_stop();
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
	while (collect_more(began)) {
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
	for (size_t k = 1; collect_more(began); k++) {
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

static const struct kit_case cases[] = {
    {"by-lock", by_lock, KIT_PARALLEL, 0},
    {"by-exchange", by_exchange, KIT_PARALLEL, 0},
    {"by-thread", by_thread, KIT_PARALLEL, 0},
    {"by-relay", by_relay, KIT_PARALLEL, 0},
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
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return collect_main(argc, argv, cases);
}
