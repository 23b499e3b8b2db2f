/* audit.c -- report mode says what collecting would have done
 *
 * Bodies hide pointers, and use the blocks after their grace; what the audit
 * says of it is in the log.  What a conservative collector finds on the stack
 * may keep some blocks: never all of many.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <malloc.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/collect/child.h"

#define MIB ((size_t)1 << 20)
#define MASK 0x5a5a5a5a5a5a5a5au

enum {
	HIDDEN = 16,
	MOST = HIDDEN * 3 / 4, /* so many are surely not kept by accident */
	SIZE = 500,
	LARGE = 2 << 20,
	ASIDE = LARGE / 3 - 5000, /* between the pieces that are summed up */
	LOST = 400,
	OTHERS = 50,
	THREADS = 4,
	ROUNDS = 4
};

/* Bodies
 * ----------------------------------------------------------------------- */

static volatile uintptr_t hidden[THREADS][HIDDEN];
static void *volatile shown[HIDDEN];

static __attribute__((noinline)) void
lose(size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++)
		memset(malloc(size), 1, size);
	body_clear_stack();
}

static __attribute__((noinline)) void
hide(volatile uintptr_t *to, size_t n, size_t size)
{
	for (size_t i = 0; i < n; i++) {
		char *block = malloc(size);

		memset(block, 7, size);
		to[i] = (uintptr_t)block ^ MASK;
	}
	lose(OTHERS, SIZE); /* vector registers still have the last ones */
}

static __attribute__((noinline)) void *
find(size_t i)
{
	return (void *)(hidden[0][i] ^ MASK);
}

/* All that is unreachable now becomes due. */
static __attribute__((noinline)) void
collect(void)
{
	for (int i = 0; gcm_collect() < 0; i++) {
		if (i == 50)
			KIT_FAIL("no collection can be completed");
		kit_sleep(0.01);
	}
}

/* A figure in [lo, hi]. */
static void
check_range(const char *name, uint64_t value, uint64_t lo, uint64_t hi)
{
	if (value < lo || value > hi)
		KIT_FAIL("%s: %" PRIu64 ", not %" PRIu64 " to %" PRIu64, name,
		    value, lo, hi);
}

static struct gcm_stats
look(void)
{
	struct gcm_stats stats;

	KIT_CHECK(gcm_stats(&stats, sizeof(stats)) == 0);
	return stats;
}

static int
leak(void)
{
	struct gcm_stats stats;

	lose(8000, 1000);
	collect();
	collect();
	stats = look();
	KIT_CHECK(stats.due_bytes > 7 * MIB && stats.due_bytes < 9 * MIB);
	KIT_CHECK(stats.due_blocks > 7000 && stats.due_blocks < 9000);
	KIT_CHECK(stats.reclaimed_bytes == 0 && stats.reclaiming == 0);
	return 0;
}

static int
free_late(void)
{
	hide(hidden[0], HIDDEN, SIZE);
	collect();
	for (size_t i = 0; i < HIDDEN; i++)
		free(find(i));
	check_range("due_late", look().due_late, MOST, HIDDEN);
	collect();
	KIT_CHECK(look().due_written == 0);
	return 0;
}

static int
resize_late(void)
{
	hide(hidden[0], HIDDEN, SIZE);
	collect();
	for (size_t i = 0; i < HIDDEN; i++) {
		if (i % 2 == 0)
			shown[i] = realloc(find(i), SIZE * 3);
		else
			KIT_CHECK(malloc_usable_size(find(i)) >= SIZE);
	}
	check_range("due_late", look().due_late, MOST, UINT64_MAX);
	return 0;
}

/* In its grace: it is three cycles, and at most two have seen them. */
static int
free_early(void)
{
	lose(8000, 1000);
	hide(hidden[0], HIDDEN, SIZE);
	body_await(1);
	for (size_t i = 0; i < HIDDEN; i++)
		free(find(i));
	return 0;
}

static int
write_small(void)
{
	hide(hidden[0], HIDDEN, SIZE);
	lose(LOST, SIZE);
	collect();
	for (size_t i = 0; i < HIDDEN; i++)
		((char *)find(i))[SIZE / 2 + i] = 1;
	collect();
	check_range("due_written", look().due_written, MOST, HIDDEN);
	for (size_t i = 0; i < HIDDEN; i++)
		((char *)find(i))[1] = 2;
	collect();
	KIT_CHECK(look().due_written <= HIDDEN); /* each once */
	KIT_CHECK(look().due_late == 0);
	return 0;
}

static int
write_large(void)
{
	bool tracked;

	hide(hidden[0], HIDDEN, LARGE);
	collect();
	tracked = strcmp(look().back_end, "pagemap") == 0;
	for (size_t i = 0; i < HIDDEN; i++)
		((char *)find(i))[tracked ? ASIDE : 100] = 1;
	collect();
	check_range("due_written", look().due_written, MOST, HIDDEN);
	return 0;
}

/* Beside large blocks that are dead and untouched. */
static int
write_others(void)
{
	static char *mine[HIDDEN];

	for (size_t i = 0; i < HIDDEN; i++) {
		mine[i] = malloc(LARGE);
		memset(mine[i], 3, LARGE / 2);
		hide(hidden[0] + i, 1, LARGE + i * 4096);
	}
	collect();
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < HIDDEN; i++)
			memset(mine[i], round, LARGE);
		lose(LOST, SIZE);
		collect();
	}
	check_range("due_blocks", look().due_blocks, MOST, UINT64_MAX);
	KIT_CHECK(look().due_written == 0 && look().due_late == 0);
	return 0;
}

static int
show(void)
{
	hide(hidden[0], HIDDEN, SIZE);
	collect();
	for (size_t i = 0; i < HIDDEN; i++)
		shown[i] = find(i);
	body_clear_stack();
	collect();
	check_range("due_reached", look().due_reached, MOST, HIDDEN);
	/* They are the program's again, and reclaimed by nobody. */
	for (size_t i = 0; i < HIDDEN; i++)
		free(shown[i]);
	KIT_CHECK(look().due_late == 0);
	return 0;
}

static pthread_barrier_t barrier;

static void *
free_in_thread(void *arg)
{
	volatile uintptr_t *mine = arg;

	for (int round = 0; round < ROUNDS; round++) {
		hide(mine, HIDDEN, SIZE + (size_t)round * 100);
		lose(LOST, 100);
		pthread_barrier_wait(&barrier); /* all have hidden */
		pthread_barrier_wait(&barrier); /* and are due */
		for (size_t i = 0; i < HIDDEN; i++)
			free((void *)(mine[i] ^ MASK));
		lose(LOST, SIZE);
	}
	return NULL;
}

static int
use_threads(void)
{
	pthread_t threads[THREADS];
	uint64_t late;

	pthread_barrier_init(&barrier, NULL, THREADS + 1);
	for (size_t i = 0; i < THREADS; i++)
		threads[i] =
		    kit_thread(free_in_thread, (void *)(uintptr_t)hidden[i]);
	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(&barrier);
		collect();
		pthread_barrier_wait(&barrier);
		collect(); /* beside them */
	}
	for (size_t i = 0; i < THREADS; i++)
		kit_join(threads[i]);
	late = look().due_late;
	KIT_CHECK(late >= ROUNDS * THREADS * HIDDEN / 2);
	KIT_CHECK(late <= ROUNDS * THREADS * HIDDEN);
	return 0;
}

/* Blocks of another thread's, which is not in the child. */
static void *
hide_in_thread(void *arg)
{
	hide(hidden[0], HIDDEN, SIZE);
	hide(hidden[1], 2, LARGE);
	return arg;
}

static void *
sleep_on(void *arg)
{
	kit_sleep(100);
	return arg;
}

static void
fill_heap(void)
{
	static char *volatile mine[2000];

	for (size_t i = 0; i < KIT_COUNT(mine); i++) {
		mine[i] = malloc(i < 10 ? LARGE : SIZE);
		memset(mine[i], 9, SIZE);
	}
}

static int
be_child(void)
{
	fill_heap();
	for (size_t i = 0; i < HIDDEN; i++) {
		for (size_t j = 0; j < SIZE; j++)
			KIT_CHECK(((char *)find(i))[j] == 7);
	}
	for (size_t i = 0; i < 2; i++)
		KIT_CHECK(*(char *)(hidden[1][i] ^ MASK) == 7);
	KIT_CHECK(look().due_late == 0);
	collect();
	for (size_t i = 0; i < HIDDEN; i++)
		((char *)find(i))[100] = 8;
	collect();
	check_range("due_written", look().due_written, MOST, UINT64_MAX);
	for (size_t i = 0; i < HIDDEN; i++)
		free(find(i));
	free((void *)(hidden[1][0] ^ MASK));
	check_range("due_late", look().due_late, MOST, UINT64_MAX);
	return 0;
}

static int
use_child(void)
{
	uint64_t late;
	pid_t pid;

	kit_thread(sleep_on, NULL);
	kit_join(kit_thread(hide_in_thread, NULL));
	hide(hidden[2], HIDDEN, SIZE);
	collect();
	for (size_t i = 0; i < HIDDEN; i++)
		free((void *)(hidden[2][i] ^ MASK));
	late = look().due_late;
	check_range("due_late", late, MOST, HIDDEN);
	pid = kit_fork();
	if (pid == 0)
		exit(be_child()); /* counts its own */
	kit_reap(pid);
	collect();
	KIT_CHECK(look().due_late == late && look().due_written == 0);
	return 0;
}

static int
ask(void)
{
	char command[300];

	lose(100, 1000);
	collect();
	snprintf(command, sizeof(command),
	    "LD_PRELOAD= exec \"$GCMTEST_BUILDDIR\"/tools/gcmalloc gc %d "
	    ">/dev/null",
	    (int)getpid());
	KIT_CHECK(system(command) == 0);
	kit_sleep(0.3);
	_exit(0); /* no summary */
}

static int
do_little(void)
{
	free(malloc(100));
	return 0;
}

static int
audit_nothing(void)
{
	hide(hidden[0], HIDDEN, SIZE);
	collect();
	for (size_t i = 0; i < HIDDEN; i++)
		free(find(i));
	KIT_CHECK(look().due_blocks == 0 && look().due_late == 0);
	return 0;
}

static int
audit_no_report(void)
{
	lose(LOST, SIZE);
	collect();
	KIT_CHECK(look().due_blocks == 0 && look().reclaimed_blocks > 0);
	return 0;
}

static const struct child_body bodies[] = {
    {"leak", leak},
    {"free-late", free_late},
    {"free-early", free_early},
    {"resize-late", resize_late},
    {"write", write_small},
    {"write-large", write_large},
    {"write-others", write_others},
    {"show", show},
    {"threads", use_threads},
    {"fork", use_child},
    {"ask", ask},
    {"little", do_little},
    {"audit-nothing", audit_nothing},
    {"audit-no-report", audit_no_report},
    {NULL, NULL},
};

/* Cases
 * ------------------------------------------------------------------------ */

#define PLAIN "GCM_DEBUG=gctrace=1,audit=1"
#define CHECKED "GCM_DEBUG=gctrace=1,audit=1,poison=1,verify=1"

static char said[1 << 16]; /* the log */

static void
read_log(const struct child *child)
{
	FILE *file = fopen(child->log, "re");
	size_t n = 0;

	if (file != NULL) {
		n = fread(said, 1, sizeof(said) - 1, file);
		fclose(file);
	}
	said[n] = '\0';
}

static void
expect(const char *text)
{
	if (strstr(said, text) == NULL)
		KIT_FAIL("it does not say \"%s\":\n%.3000s", text,
		    strstr(said, "gcmalloc: ") != NULL
			? strstr(said, "gcmalloc: ")
			: said);
}

static void
expect_not(const char *text)
{
	if (strstr(said, text) != NULL)
		KIT_FAIL("it says \"%s\":\n%.3000s", text, said);
}

/* The body with options, and what it should say at its end. */
static void
run_with(const char *body, const char *debug, const char *back_end,
    const char *grace, const char *verdict)
{
	const char *const options[] = {"GCM_MODE=report", debug, back_end,
	    grace, "GCM_INTERVAL=100ms", "GCM_MINHEAP=1MiB", NULL};
	struct child child = {0};

	child_run(&child, body, options);
	child_is_good(&child, 0);
	read_log(&child);
	if (verdict != NULL)
		expect(verdict);
}

static void
run_all(const char *body, const char *verdict, void (*judge)(void))
{
	static const char *const back_ends[] = {"GCM_CONCURRENT=pagemap",
	    "GCM_CONCURRENT=fork", "GCM_CONCURRENT=off"};

	for (size_t i = 0; i < KIT_COUNT(back_ends); i++) {
		run_with(body, PLAIN, back_ends[i], "GCM_GRACE=1", verdict);
		if (judge != NULL)
			judge();
		run_with(body, i != 1 ? CHECKED : PLAIN, back_ends[i],
		    i == 1 ? "GCM_GRACE=0" : "GCM_GRACE=3", verdict);
		if (judge != NULL)
			judge();
	}
}

#define WRONG "audit verdict wrong: "
#define ZERO "audit verdict zero: collecting would have been harmless so far"

static void
judge_leak(void)
{
	expect("would have been reclaimed           7");
	expect("; verdict zero: "); /* the line of a cycle */
	expect_not("gcmalloc:   late: ");
}

static void
leaks(void)
{
	run_all("leak", ZERO, judge_leak);
}

static void
judge_free(void)
{
	expect("gcmalloc:   late: free() of 0x");
	expect(", 512 B\n");
	expect("of 512 B ");
}

static void
late_free(void)
{
	run_all("free-late", WRONG, judge_free);
}

static void
judge_resize(void)
{
	expect("late: realloc() of 0x");
	expect("late: malloc_usable_size() of 0x");
}

static void
late_resize(void)
{
	run_all("resize-late", WRONG, judge_resize);
}

static void
early_free(void)
{
	run_with("free-early", PLAIN, "GCM_CONCURRENT=auto", "GCM_GRACE=3",
	    "audit verdict stopped: ");
	expect("; more within grace: ");
}

static void
written(void)
{
	run_all("write", WRONG, NULL);
}

static void
judge_large(void)
{
	expect("of more than 32 KiB");
}

static void
written_large(void)
{
	run_all("write-large", WRONG, judge_large);
}

static void
written_others(void)
{
	run_all("write-others", NULL, NULL);
	expect_not(WRONG);
}

static void
reached(void)
{
	run_all("show", "audit verdict doubtful: ", NULL);
}

static void
threads(void)
{
	run_all("threads", WRONG, NULL);
}

static void
judge_child(void)
{
	expect("late: free() of 0x");
	expect_not("audit verdict unknown");
}

static void
child(void)
{
	run_all("fork", WRONG, judge_child);
}

static void
on_demand(void)
{
	run_with("ask", "GCM_DEBUG=audit=1", "GCM_CONCURRENT=auto",
	    "GCM_GRACE=1", "audit: ");
}

static void
unknown(void)
{
	run_with("little", PLAIN, "GCM_CONCURRENT=auto", "GCM_GRACE=1",
	    "audit verdict unknown: too few collections were completed");
}

static void
not_asked(void)
{
	static const char *const collecting[] = {PLAIN, NULL};
	struct child child = {0};

	run_with("audit-nothing", "GCM_DEBUG=gctrace=1", "GCM_CONCURRENT=auto",
	    "GCM_GRACE=1", NULL);
	expect_not("audit");
	child_run(&child, "audit-no-report", collecting);
	child_is_good(&child, 1);
	read_log(&child);
	expect_not("audit");
}

static const struct kit_case cases[] = {
    {"leak", leaks, KIT_PLAIN, 0},
    {"late-free", late_free, KIT_PLAIN, 0},
    {"late-resize", late_resize, KIT_PLAIN, 0},
    {"early-free", early_free, KIT_PLAIN, 0},
    {"written", written, KIT_PLAIN, 0},
    {"written-large", written_large, KIT_PLAIN, 0},
    {"written-others", written_others, KIT_PLAIN, 0},
    {"reached", reached, KIT_PLAIN, 0},
    {"threads", threads, KIT_PLAIN, 0},
    {"child", child, KIT_PLAIN, 0},
    {"on-demand", on_demand, KIT_PLAIN, 0},
    {"unknown", unknown, KIT_PLAIN, 0},
    {"not-asked", not_asked, KIT_PLAIN, 0},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return child_main(argc, argv, cases, bodies);
}
