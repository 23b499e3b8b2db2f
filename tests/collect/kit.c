/* kit.c -- options, mill, tokens
 *
 * MODEL   That collections were done is seen by their work alone: canaries are
 *         dropped, their addresses kept where the collector cannot see them
 *         (inverted), and one whose contents have changed was reclaimed.  So a
 *         test cannot pass because every cycle was given up.
 *
 * LOCKS   none; the mill's words are atomic.
 */
#define _GNU_SOURCE
#include "tests/collect/kit.h"

#include <errno.h>
#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	CANARIES = 24,
	LIVE = 64,
	PATIENCE_S = 40
};

#define CANARY 0xca9a7ca9a7ca9a70u
#define TOP ((uint64_t)1 << 63) /* no address of the program's has it */

/* Options
 * ---------------------------------------------------------------------- */

static const struct {
	const char *back_end, *markers;
} variants[] = {
    {"pagemap", "0"}, {"fork", "0"}, {"off", "0"}, {"pagemap", "3"}};

/* In a process of its own: the kit counts what failed for good. */
static int
run_once(int argc, char **argv, const struct kit_case *cases)
{
	int status;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid == 0)
		exit(kit_main(argc, argv, cases));
	status = kit_wait(pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int
collect_main(int argc, char **argv, const struct kit_case *cases)
{
	const char *only = getenv("COLLECT_ONLY");
	int worst = KIT_SKIPPED;

	if (argc == 3)
		return kit_main(argc, argv, cases);
	setenv("GCM_MINHEAP", "0", 1);
	setenv("GCM_INTERVAL", "2ms", 1);
	setenv("GCM_GRACE", "0", 1);
	setenv("GCM_DEBUG", "poison=1,verify=1", 1);
	for (size_t i = 0; i < KIT_COUNT(variants); i++) {
		int status;

		if (only != NULL && strcmp(only, variants[i].back_end) != 0)
			continue;
		setenv("GCM_CONCURRENT", variants[i].back_end, 1);
		setenv("GCM_MARKERS", variants[i].markers, 1);
		status = run_once(argc, argv, cases);
		if (status == 1)
			printf("so with GCM_CONCURRENT=%s GCM_MARKERS=%s\n",
			    variants[i].back_end, variants[i].markers);
		if (status != KIT_SKIPPED && worst != 1)
			worst = status;
		fflush(stdout);
	}
	return worst;
}

void
collect_want(const char *option, const char *value)
{
	const char *now = getenv(option);
	char *argv[] = {NULL, NULL, NULL, NULL};
	static char words[3][200];
	FILE *file;
	int n = 0;

	if (now != NULL && strcmp(now, value) == 0)
		return;
	file = fopen("/proc/self/cmdline", "r");
	for (; file != NULL && n < 3; n++) {
		size_t i = 0;
		int c;

		while ((c = getc(file)) > 0 && i < sizeof(words[0]) - 1)
			words[n][i++] = (char)c;
		argv[n] = words[n];
	}
	setenv(option, value, 1);
	execv("/proc/self/exe", argv);
	KIT_FAIL("execv");
}

bool
collect_peek(uintptr_t addr, void *to, size_t size)
{
	struct iovec here = {to, size};
	struct iovec there = {(void *)addr, size};
	ssize_t n = process_vm_readv(getpid(), &here, 1, &there, 1, 0);

	if (n < 0 && errno != EFAULT)
		kit_skip("a process may not read its own memory here");
	return n == (ssize_t)size;
}

/* Mill
 * ------------------------------------------------------------------------- */

static struct {
	_Atomic unsigned cycles;
	_Atomic bool stop;
	_Atomic(volatile int *) go; /* set by a case, taken by the mill */
	_Atomic unsigned go_at;
	pthread_t thread;             /* the case's */
	uintptr_t canaries[CANARIES]; /* inverted; the mill's */
	void *live[LIVE];             /* the mill's */
} mill;

static __attribute__((noinline)) void
drop_canaries(void)
{
	for (size_t i = 0; i < CANARIES; i++) {
		uint64_t *canary = malloc(64 + 32 * (i % 3));

		for (size_t j = 0; j < 8; j++)
			canary[j] = CANARY;
		mill.canaries[i] = ~(uintptr_t)canary;
	}
}

static __attribute__((noinline)) bool
one_is_gone(void)
{
	for (size_t i = 0; i < CANARIES; i++) {
		uint64_t word = 0;

		if (!collect_peek(~mill.canaries[i], &word, sizeof(word)) ||
		    word != CANARY)
			return true;
	}
	return false;
}

/* Some live on for a while, some are freed, most are dropped. */
static __attribute__((noinline)) void
grind(struct kit_rng *rng)
{
	for (size_t i = 0; i < 30; i++) {
		size_t size = kit_size(rng, i == 0 ? 60000 : 2000) + 8;
		uint64_t *p = malloc(size);
		size_t place = kit_below(rng, LIVE);

		memset(p, 0x80 + (int)i, size);
		if (i % 4 == 0) {
			if (i % 8 == 0)
				free(mill.live[place]);
			mill.live[place] = p;
		}
	}
}

static void
count_one(void)
{
	unsigned now = atomic_fetch_add(&mill.cycles, 1) + 1;
	volatile int *go = atomic_load(&mill.go);

	if (go != NULL && now >= atomic_load(&mill.go_at)) {
		atomic_store(&mill.go, NULL);
		*go = 1;
	}
}

static void *
run_mill(void *arg)
{
	struct kit_rng rng = kit_rng_new(1000);

	(void)arg;
	drop_canaries();
	while (!atomic_load(&mill.stop)) {
		grind(&rng);
		if (one_is_gone()) {
			count_one();
			drop_canaries();
		}
		kit_sleep(0.0005);
	}
	return NULL;
}

void
mill_start(void)
{
	mill.thread = kit_thread(run_mill, NULL);
}

void
mill_stop(void)
{
	atomic_store(&mill.stop, true);
	kit_join(mill.thread);
}

unsigned
mill_cycles(void)
{
	return atomic_load(&mill.cycles);
}

void
mill_wait(void)
{
	unsigned began = mill_cycles();
	double until = kit_now() + PATIENCE_S;

	while (mill_cycles() - began < 2) {
		kit_sleep(0.001);
		if (kit_now() > until)
			KIT_FAIL("no cycle was completed in %d s (%u before)",
			    PATIENCE_S, began);
	}
}

bool
collect_more(unsigned began)
{
	unsigned wanted = (unsigned)kit_scale(60, 5000);
	static _Atomic unsigned last;
	static _Atomic double progress;
	unsigned now = mill_cycles();

	if (atomic_exchange(&last, now) != now || progress == 0.0)
		progress = kit_now();
	else if (kit_now() > progress + PATIENCE_S)
		KIT_FAIL("no cycle was completed in %d s (%u before)",
		    PATIENCE_S, now - began);
	return now - began < wanted;
}

void
mill_arm(volatile int *go)
{
	*go = 0;
	atomic_store(&mill.go_at, mill_cycles() + 2);
	atomic_store(&mill.go, go);
}

/* Tokens
 * ----------------------------------------------------------------------- */

static uint64_t
word_of_token(uint32_t serial, size_t i)
{
	return TOP | ((uint64_t)serial << 24) | (i & 0xffffff);
}

__attribute__((noinline)) void *
token_new(uint32_t serial, size_t size)
{
	size_t n = size / 8;
	uint64_t *word = malloc(size);

	if (word == NULL)
		KIT_FAIL("malloc");
	word[0] = TOP | n;
	for (size_t i = 1; i < n; i++)
		word[i] = word_of_token(serial, i);
	return word;
}

__attribute__((noinline)) void
token_check(const void *token, uint32_t serial, const char *where)
{
	const uint64_t *word = token;
	uint64_t want = 0;

	if (token == NULL)
		KIT_FAIL("%s: token %" PRIu32 " is nowhere", where, serial);
	for (size_t i = 0; i == 0 || i < (word[0] & ~TOP); i++) {
		want = i == 0 ? TOP | (word[0] & 0xffffff)
			      : word_of_token(serial, i);
		if (word[i] != want)
			KIT_FAIL("LOST %s: block %p, token %" PRIu32
				 ": word %zu is %" PRIx64 ", not %" PRIx64
				 " (cycle %u)",
			    where, token, serial, i, word[i], want,
			    mill_cycles());
	}
}

__attribute__((noinline)) void
token_free(void *token, uint32_t serial, const char *where)
{
	token_check(token, serial, where);
	free(token);
}

void
token_into(void **slot, uint32_t serial, size_t size, size_t offset)
{
	*slot = (char *)token_new(serial, size) + offset;
}

void
token_check_all(void *const *slots, size_t n, const char *where)
{
	for (size_t i = 0; i < n; i++)
		token_check(slots[i], (uint32_t)i, where);
}

uint32_t
token_serial(const void *token)
{
	return (uint32_t)(((const uint64_t *)token)[1] >> 24);
}
