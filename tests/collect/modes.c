/* modes.c -- what options do, and what no option makes us say
 *
 * RED     B7: without close_range in scan/scanner.c "stderr-closed" printed
 *         "exit status 1".
 *         B8: with lines written to 2 whatever it is (core/report.c)
 *         "late-free-moved" printed "exit status 1".
 *         B9: with a line written by the constructor "silent" printed "it
 *         wrote: gcmalloc: here".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arch.h"
#include "tests/collect/child.h"

#define MIB ((size_t)1 << 20)

enum {
	LOSS_MIB = 64,
	MUCH_MIB = 256
};

/* Bodies
 * ----------------------------------------------------------------------- */

static __attribute__((noinline)) void
lose(size_t total, size_t size)
{
	for (size_t lost = 0; lost < total; lost += size)
		memset(malloc(size), 1, size);
}

static int
lose_some(void)
{
	lose(LOSS_MIB * MIB, 1000);
	return 0;
}

static int
lose_much(void)
{
	lose((uint64_t)MUCH_MIB * MIB, 1000);
	return 0;
}

static int
lose_and_wait(void)
{
	lose(LOSS_MIB * MIB, 1000);
	kit_sleep(0.3);
	return 0;
}

static int
end_with_42(void)
{
	lose(16 * MIB, 1000);
	exit(42);
}

static int
end_by_signal(void)
{
	struct rlimit none = {0, 0};

	setrlimit(RLIMIT_CORE, &none);
	lose(16 * MIB, 1000);
	abort();
}

static int
free_much(void)
{
	for (size_t i = 0; i < 2000000; i++) {
		char *p = malloc(100);

		p[5] = 1;
		free(p);
	}
	return 0;
}

/* One thread makes, another one that makes nothing itself frees. */
enum {
	HANDED = 50000,
	ROUNDS = 40
};
static void *handed[HANDED];

static void *
free_handed(void *barrier)
{
	for (int round = 0; round < ROUNDS; round++) {
		pthread_barrier_wait(barrier);
		for (size_t i = 0; i < HANDED; i++)
			free(handed[i]);
		pthread_barrier_wait(barrier);
	}
	return NULL;
}

static int
hand_over(void)
{
	pthread_barrier_t barrier;
	pthread_t other;

	pthread_barrier_init(&barrier, NULL, 2);
	other = kit_thread(free_handed, &barrier);
	for (int round = 0; round < ROUNDS; round++) {
		for (size_t i = 0; i < HANDED; i++)
			handed[i] = malloc(100);
		pthread_barrier_wait(&barrier);
		pthread_barrier_wait(&barrier);
	}
	kit_join(other);
	return 0;
}

/* Below what starts a collection: no thread of ours. */
static int
be_small(void)
{
	static void *keep[2000];

	for (size_t i = 0; i < 20000; i++) {
		void **place = &keep[i % KIT_COUNT(keep)];

		free(*place);
		*place = malloc(i % 700);
		if (i % 100 == 0)
			KIT_CHECK(kit_ntasks() == 1);
	}
	KIT_CHECK(kit_ntasks() == 1);
	return 0;
}

/* Its descriptors: nothing of ours among them, nothing of theirs gone. */
static int
count_descriptors(void)
{
	int before = kit_nfds();

	lose(LOSS_MIB * MIB, 1000);
	KIT_CHECK(kit_nfds() == before);
	KIT_CHECK(open("/dev/null", O_RDONLY) == 2); /* it was closed */
	lose(LOSS_MIB * MIB, 1000);
	KIT_CHECK(kit_nfds() == before + 1);
	return 0;
}

/* A file of the program's own becomes 2: not for us to write to. */
static int
move_stderr(void)
{
	int file = memfd_create("mine", 0);

	KIT_CHECK(dup2(file, 2) == 2);
	lose(LOSS_MIB * MIB, 1000);
	return lseek(file, 0, SEEK_END) == 0 ? 0 : 1;
}

#define MASK 0x5a5a5a5a5a5a5a5au
static volatile uintptr_t hidden[8];

static __attribute__((noinline)) void
hide(void)
{
	for (size_t i = 0; i < KIT_COUNT(hidden); i++) {
		void *block = malloc(500 + i);

		memset(block, 7, 500);
		hidden[i] = (uintptr_t)block ^ MASK;
	}
	body_clear_stack();
}

/* Blocks that are in limbo, not gone yet: GCM_GRACE is long.  What is lost
 * afterwards would come back within that many collections.
 */
static int
free_late(void)
{
	uint64_t before;

	lose(8 * MIB, 1000); /* something to start for */
	hide();
	body_await(1);
	for (size_t i = 0; i < KIT_COUNT(hidden); i++) {
		unsigned char *block = (unsigned char *)(hidden[i] ^ MASK);

		for (size_t j = 0; j < 500; j++)
			KIT_CHECK(block[j] == 7);
		free(block);
	}
	before = body_reclaimed();
	lose(4 * MIB, 1000);
	body_await(6);
	KIT_CHECK(body_reclaimed() == before);
	return 0;
}

/* Of which nothing may be said: 2 is a file of the program's own by now. */
static int
free_late_moved(void)
{
	int file = memfd_create("mine", 0);

	KIT_CHECK(dup2(file, 2) == 2);
	KIT_CHECK(free_late() == 0);
	return lseek(file, 0, SEEK_END) == 0 ? 0 : 1;
}

static int
resize_late(void)
{
	lose(8 * MIB, 1000); /* something to start for */
	hide();
	body_await(1);
	free(realloc((void *)(hidden[0] ^ MASK), 2000));
	return 0;
}

static int
size_late(void)
{
	lose(8 * MIB, 1000); /* something to start for */
	hide();
	body_await(1);
	return malloc_usable_size((void *)(hidden[0] ^ MASK)) >= 500 ? 0 : 1;
}

/* A program with code that is known to hide its pointers. */
static int
hide_and_lose(void)
{
	char name[200];
	int fd;

	snprintf(name, sizeof(name), "%s/libswipl.so.9",
	    getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
	fd = open(name, O_CREAT | O_RDWR, 0700);
	KIT_CHECK(fd >= 0 && ftruncate(fd, 4096) == 0);
	KIT_CHECK(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) !=
		  MAP_FAILED);
	unlink(name);
	lose(LOSS_MIB * MIB, 1000);
	return 0;
}

/* A thread under a filter of its own, unknown to the library, cannot start the
 * collector's; another one can.
 */
static void *
lose_without_clone(void *arg)
{
	struct sock_filter steps[] = {
	    {BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
	    {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, SYS_clone},
	    {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ERRNO | EAGAIN},
	    {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
	};
	struct sock_fprog prog = {4, steps};

	KIT_CHECK(gcm_arch_syscall(
		      SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0, 0) == 0);
	KIT_CHECK(gcm_arch_syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0,
		      (long)&prog, 0, 0, 0) == 0);
	lose(LOSS_MIB / 4 * MIB, 1000);
	return arg;
}

static int
start_late(void)
{
	kit_join(kit_thread(lose_without_clone, NULL));
	KIT_CHECK(body_cycles() == 0);
	lose(LOSS_MIB * MIB, 1000);
	return 0;
}

static const struct child_body bodies[] = {
    {"hand-over", hand_over},
    {"lose", lose_some},
    {"lose-much", lose_much},
    {"start-late", start_late},
    {"hide-and-lose", hide_and_lose},
    {"lose-and-wait", lose_and_wait},
    {"42", end_with_42},
    {"abort", end_by_signal},
    {"free-much", free_much},
    {"small", be_small},
    {"descriptors", count_descriptors},
    {"move-stderr", move_stderr},
    {"free-late", free_late},
    {"free-late-moved", free_late_moved},
    {"resize-late", resize_late},
    {"size-late", size_late},
    {NULL, NULL},
};

/* Cases
 * ------------------------------------------------------------------------ */

static void
reclaims_all(const struct child *child)
{
	child_is_good(child, 3);
	KIT_CHECK(child->max_rss < (LOSS_MIB / 2) * MIB);
	KIT_CHECK(child->reclaimed > (LOSS_MIB / 2) * MIB);
}

static void
reclaims_none(const struct child *child)
{
	child_is_good(child, 0);
	KIT_CHECK(child->max_rss > LOSS_MIB * MIB);
	KIT_CHECK(child->reclaimed == 0);
}

static void
defaults(void)
{
	struct child child = {0};

	child_run(&child, "lose", NULL);
	reclaims_all(&child);
}

static void
mode_off(void)
{
	static const char *const options[] = {
	    "GCM_MODE=off", "GCM_INTERVAL=5ms", NULL};
	struct child child = {0};

	child_run(&child, "lose-and-wait", options);
	reclaims_none(&child);
	KIT_CHECK(child.completed + child.abandoned == 0);
}

static void
mode_report(void)
{
	static const char *const options[] = {
	    "GCM_MODE=report", "GCM_INTERVAL=5ms", NULL};
	struct child child = {0};

	child_run(&child, "lose-and-wait", options);
	reclaims_none(&child);
	KIT_CHECK(child.completed > 1);
}

/* Time alone starts them now. */
static void
percent_off(void)
{
	static const char *const options[] = {
	    "GCM_PERCENT=off", "GCM_MEMLIMIT=off", NULL};
	struct child child = {0};

	child_run(&child, "lose", options);
	reclaims_none(&child);
	KIT_CHECK(child.completed + child.abandoned == 0);
}

static void
percent_off_interval(void)
{
	static const char *const options[] = {
	    "GCM_PERCENT=off", "GCM_INTERVAL=20ms", NULL};
	struct child child = {0};

	child_run(&child, "lose-and-wait", options);
	child_is_good(&child, 2);
	KIT_CHECK(child.reclaimed > 0);
}

static void
hider(void)
{
	struct child child = {0};

	child_run(&child, "hide-and-lose", NULL);
	reclaims_none(&child);
	KIT_CHECK(child.completed == 0 && child.abandoned > 0);
	KIT_CHECK(strstr(child.reason, "a library hides its pointers") != NULL);
}

static void
second_start(void)
{
	struct child child = {0};

	child_run(&child, "start-late", NULL);
	reclaims_all(&child);
}

/* The limit is soft, and a loaded machine leaves the marker behind. */
static void
memory_limit(void)
{
	static const char *const options[] = {
	    "GCM_PERCENT=off", "GCM_MEMLIMIT=32MiB", NULL};
	struct child child = {0};

	child_run(&child, "lose-much", options);
	child_is_good(&child, 3);
	KIT_CHECK(child.max_rss < (MUCH_MIB / 4) * MIB);
}

/* What the program frees is garbage like any other. */
static void
free_ignored(void)
{
	static const char *const options[] = {"GCM_FREE=ignore", NULL};
	struct child child = {0};

	child_run(&child, "free-much", options);
	child_is_good(&child, 3);
	KIT_CHECK(child.max_rss < 64 * MIB);
	KIT_CHECK(child.reclaimed > 100 * MIB);
}

/* A program that frees all it takes has no collections. */
static void
free_honoured(void)
{
	struct child child = {0};

	child_run(&child, "free-much", NULL);
	child_is_good(&child, 0);
	KIT_CHECK(child.completed + child.abandoned == 0);
}

/* Also where another thread frees, and only that.  Red without the look at the
 * sum in gcm_cycle_note: eight collections and more.
 */
static void
handed_over(void)
{
	static const char *const options[] = {"GCM_MINHEAP=16MiB", NULL};
	struct child child = {0};

	child_run(&child, "hand-over", options);
	child_is_good(&child, 0);
	KIT_CHECK(child.completed + child.abandoned == 0);
}

/* To stderr if asked for and not to a file. */
static void
to_stderr(void)
{
	static const char *const options[] = {"GCM_DEBUG=gctrace=1", NULL};
	struct child child = {.plain = true};

	child_run(&child, "lose", options);
	KIT_CHECK(child.status == 0);
	if (strncmp(child.out, "gc 1 @", 6) != 0)
		KIT_FAIL("it wrote: %.300s", child.out);
}

static void
silent(void)
{
	static const char *const names[] = {
	    "lose", "lose-and-wait", "free-much", "small"};

	for (size_t i = 0; i < KIT_COUNT(names); i++) {
		struct child child = {.plain = true};

		child_run(&child, names[i], NULL);
		child_is_good(&child, 0);
	}
}

static void
stderr_socket(void)
{
	static const char *const options[] = {"GCM_DEBUG=gctrace=1", NULL};
	struct child child = {.plain = true, .stderr_kind = CHILD_SOCKET};

	child_run(&child, "lose", NULL);
	child_is_good(&child, 0);
	child_run(&child, "lose", options); /* asked for, so it is written */
	KIT_CHECK(child.status == 0);
}

static void
stderr_closed(void)
{
	static const char *const options[] = {"GCM_DEBUG=gctrace=1", NULL};
	struct child child = {.plain = true, .stderr_kind = CHILD_CLOSED};

	child_run(&child, "descriptors", NULL);
	child_is_good(&child, 0);
	child_run(&child, "descriptors", options);
	child_is_good(&child, 0);
}

static void
stderr_moved(void)
{
	static const char *const options[] = {"GCM_DEBUG=gctrace=1", NULL};
	struct child child = {.plain = true};

	child_run(&child, "move-stderr", options);
	KIT_CHECK(child.status == 0);
}

static void
small_is_alone(void)
{
	struct child child = {0};

	child_run(&child, "small", NULL);
	child_is_good(&child, 0);
	KIT_CHECK(child.completed + child.abandoned == 0);
}

static void
ends(void)
{
	struct child child = {0};

	child_run(&child, "42", NULL);
	KIT_CHECK(WIFEXITED(child.status) && WEXITSTATUS(child.status) == 42);
	KIT_CHECK(child.completed > 0 && child.out[0] == '\0');
	child_run(&child, "abort", NULL);
	KIT_CHECK(
	    WIFSIGNALED(child.status) && WTERMSIG(child.status) == SIGABRT);
	KIT_CHECK(child.out[0] == '\0');
}

/* A log named by process. */
static void
log_of_process(void)
{
	static const char *const options[] = {
	    "GCM_LOG=own.%p.log", "GCM_DEBUG=gctrace=1", NULL};
	struct child child = {0};

	child_run(&child, "lose", options);
	KIT_CHECK(child.status == 0 && child.out[0] == '\0');
	KIT_CHECK(system("test \"$(cat own.[0-9]*.log | grep -c '^gc 1 @')\" "
			 "= 1") == 0);
}

/* Exactly one line, which names the call; no signal. */
static void
warns_once(const char *body, const char *call)
{
	static const char *const options[] = {
	    "GCM_INTERVAL=100ms", "GCM_GRACE=3", NULL};
	struct child child = {0};
	const char *end;

	child_run(&child, body, options);
	if (child.status != 0)
		KIT_FAIL(
		    "status %x, it wrote: %.300s", child.status, child.out);
	end = strchr(child.out, '\n');
	if (strncmp(child.out, "gcmalloc: ", 10) != 0 || end == NULL ||
	    end[1] != '\0' || strncmp(child.out + 10, call, strlen(call)) != 0)
		KIT_FAIL("it wrote: %.300s", child.out);
}

static void
late_free(void)
{
	warns_once("free-late", "free()");
}

static void
late_free_moved(void)
{
	static const char *const options[] = {
	    "GCM_INTERVAL=100ms", "GCM_GRACE=3", NULL};
	struct child child = {0};

	child_run(&child, "free-late-moved", options);
	child_is_good(&child, 0);
}

static void
late_realloc(void)
{
	warns_once("resize-late", "realloc()");
}

static void
late_size(void)
{
	warns_once("size-late", "malloc_usable_size()");
}

static const struct kit_case cases[] = {
    {"defaults", defaults, KIT_PLAIN, 0},
    {"mode-off", mode_off, KIT_PLAIN, 0},
    {"mode-report", mode_report, KIT_PLAIN, 0},
    {"percent-off", percent_off, KIT_PLAIN, 0},
    {"percent-off-interval", percent_off_interval, KIT_PLAIN, 0},
    {"hider", hider, KIT_PLAIN, 0},
    {"second-start", second_start, KIT_PLAIN, 0},
    {"memory-limit", memory_limit, KIT_PLAIN, 0},
    {"free-ignored", free_ignored, KIT_PLAIN, 0},
    {"free-honoured", free_honoured, KIT_PLAIN, 0},
    {"handed-over", handed_over, KIT_PLAIN, 0},
    {"to-stderr", to_stderr, KIT_PLAIN, 0},
    {"silent", silent, KIT_PLAIN, 0},
    {"stderr-socket", stderr_socket, KIT_PLAIN, 0},
    {"stderr-closed", stderr_closed, KIT_PLAIN, 0},
    {"stderr-moved", stderr_moved, KIT_PLAIN, 0},
    {"small", small_is_alone, KIT_PLAIN, 0},
    {"ends", ends, KIT_PLAIN, 0},
    {"log", log_of_process, KIT_PLAIN, 0},
    {"late-free", late_free, KIT_PLAIN, 0},
    {"late-free-moved", late_free_moved, KIT_PLAIN, 0},
    {"late-realloc", late_realloc, KIT_PLAIN, 0},
    {"late-size", late_size, KIT_PLAIN, 0},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return child_main(argc, argv, cases, bodies);
}
