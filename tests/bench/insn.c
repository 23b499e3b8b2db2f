/* insn.c -- how many instructions one malloc and one free take
 *
 * MODEL   insn LIBRARY          (`-`: none)
 *         runs itself again with the library preloaded and single-steps the
 *         calls.  The child encloses each in two marker system calls of a
 *         number no kernel has; between them the parent counts steps until the
 *         child is back behind the same system call instruction.  What two
 *         markers with nothing between them take is subtracted.  A figure is
 *         the call as a loop makes it, with its argument, the PLT, the use of
 *         the result and three for the loop: about 7 instructions more than the
 *         function itself.
 *
 *         single: one call in the steady state of random replacement among
 *         live blocks; the median.  batch: many mallocs in a row, then all
 *         those frees; the mean, so refills and flushes have their share.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum {
	MARKER = 0x6ccc, /* the system call that does not exist */
	NSAMPLES = 31,
	NLIVE = 1000,
	NBATCH = 300,
	NBETWEEN = 7, /* replacements between two samples */
	LOOP = 3      /* what a loop round one call takes */
};

enum op {
	OP_NOTHING,
	OP_MALLOC,
	OP_FREE,
	NOPS
};
enum edge {
	EDGE_END,
	EDGE_BEGIN
};

static const char *const op_names[NOPS] = {"nothing", "malloc", "free"};

static const uint32_t sizes[] = {16, 24, 32, 48, 64, 96, 128, 192, 256, 384,
    512, 640, 800, 1000, 2000, 4000, 8000, 16000, 32000, 64000, 1000000};

enum {
	NSIZES = sizeof(sizes) / sizeof(sizes[0])
};

/* ---- the child: what is measured ---- */

static void *volatile sink;

static void
mark(enum edge edge, enum op op, uint32_t size, uint32_t ncalls)
{
	syscall(MARKER, edge, op, size, ncalls);
}

static void *
marked_malloc(uint32_t size)
{
	void *block;

	mark(EDGE_BEGIN, OP_MALLOC, size, 1);
	block = malloc(size);
	mark(EDGE_END, 0, 0, 0);
	sink = block;
	return gcm_bench_need(block);
}

static void
marked_free(void *block, uint32_t size)
{
	mark(EDGE_BEGIN, OP_FREE, size, 1);
	free(block);
	mark(EDGE_END, 0, 0, 0);
}

static void
sample_single(uint32_t size, void **blocks, uint32_t nlive)
{
	struct gcm_bench_rng rng = {size};

	for (uint32_t i = 0; i < nlive; i++)
		blocks[i] = gcm_bench_block(size);
	for (uint32_t i = 0; i < 20 * nlive; i++) {
		uint32_t at = gcm_bench_below(&rng, nlive);

		free(blocks[at]);
		blocks[at] = gcm_bench_block(size);
	}
	for (uint32_t i = 0; i < NSAMPLES; i++) {
		uint32_t at = gcm_bench_below(&rng, nlive);

		marked_free(blocks[at], size);
		blocks[at] = marked_malloc(size);
		for (uint32_t n = 0; n < NBETWEEN; n++) {
			at = gcm_bench_below(&rng, nlive);
			free(blocks[at]);
			blocks[at] = gcm_bench_block(size);
		}
	}
	for (uint32_t i = 0; i < nlive; i++)
		free(blocks[i]);
}

static void
sample_batch(uint32_t size, void **blocks, uint32_t nbatch)
{
	for (unsigned round = 0; round < 4; round++) {
		bool last = round == 3;

		if (last)
			mark(EDGE_BEGIN, OP_MALLOC, size, nbatch);
		for (uint32_t i = 0; i < nbatch; i++)
			blocks[i] = malloc(size);
		if (last) {
			mark(EDGE_END, 0, 0, 0);
			mark(EDGE_BEGIN, OP_FREE, size, nbatch);
		}
		for (uint32_t i = 0; i < nbatch; i++)
			free(blocks[i]);
		if (last)
			mark(EDGE_END, 0, 0, 0);
	}
}

static int
be_measured(void)
{
	void *blocks[NLIVE];

	for (unsigned i = 0; i < NSAMPLES; i++) {
		mark(EDGE_BEGIN, OP_NOTHING, 0, 1);
		mark(EDGE_END, 0, 0, 0);
	}
	for (unsigned i = 0; i < NSIZES; i++) {
		bool small = sizes[i] <= 1024;

		sample_single(sizes[i], blocks, small ? NLIVE : 64);
		sample_batch(sizes[i], blocks, small ? NBATCH : 32);
	}
	return 0;
}

/* ---- the parent: the stepping ---- */

struct tally {
	uint32_t nsamples[NOPS][NSIZES];
	uint64_t single[NOPS][NSIZES][NSAMPLES];
	double batch[NOPS][NSIZES];
	uint64_t nothing; /* steps between two markers; once known, constant */
};

static void
fail(const char *what)
{
	perror(what);
	exit(2);
}

/* Let the child go on by `request`; false when it has ended. */
static bool
resume(pid_t child, int request)
{
	int status;

	if (ptrace(request, child, NULL, NULL) != 0)
		fail("insn: ptrace");
	if (waitpid(child, &status, 0) != child)
		fail("insn: waitpid");
	if (WIFSTOPPED(status))
		return true;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		fprintf(stderr, "insn: the child failed\n");
	return false;
}

static struct __ptrace_syscall_info
state_of(pid_t child)
{
	struct __ptrace_syscall_info info;

	memset(&info, 0, sizeof(info));
	if (ptrace(PTRACE_GET_SYSCALL_INFO, child, sizeof(info), &info) < 0)
		fail("insn: PTRACE_GET_SYSCALL_INFO");
	return info;
}

/* Run to behind the next marker that begins something; false at the end. */
static bool
next_begin(pid_t child, struct __ptrace_syscall_info *mark_info)
{
	while (resume(child, PTRACE_SYSCALL)) {
		*mark_info = state_of(child);
		if (mark_info->op != PTRACE_SYSCALL_INFO_ENTRY)
			continue;
		if (!resume(child, PTRACE_SYSCALL))
			return false;
		if (mark_info->entry.nr == MARKER &&
		    mark_info->entry.args[0] == EDGE_BEGIN)
			return true;
	}
	return false;
}

static uint64_t
count_steps(pid_t child)
{
	uint64_t home = state_of(child).instruction_pointer;
	uint64_t nsteps = 0;

	do {
		if (!resume(child, PTRACE_SINGLESTEP))
			exit(2);
		nsteps++;
	} while (state_of(child).instruction_pointer != home);
	return nsteps;
}

static unsigned
size_index(uint64_t size)
{
	unsigned i = 0;

	while (i + 1 < NSIZES && sizes[i] != size)
		i++;
	return i;
}

static int
compare_counts(const void *a, const void *b)
{
	const uint64_t *x = a;
	const uint64_t *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t
median(uint64_t *counts, uint32_t n)
{
	qsort(counts, n, sizeof(counts[0]), compare_counts);
	return counts[n / 2];
}

static void
add_sample(struct tally *tally, const uint64_t *args, uint64_t nsteps)
{
	uint64_t op = args[1];
	uint64_t ncalls = args[3];
	unsigned at = size_index(args[2]);
	uint32_t n;

	if (op >= NOPS)
		return;
	n = tally->nsamples[op][at];
	if (ncalls > 1) /* the loop is in it */
		tally->batch[op][at] =
		    (double)(nsteps - tally->nothing) / (double)ncalls;
	else if (n < NSAMPLES)
		tally->single[op][at][tally->nsamples[op][at]++] = nsteps;
	if (op == OP_NOTHING && n + 1 == NSAMPLES)
		tally->nothing = median(tally->single[op][at], NSAMPLES);
}

static void
print_tally(struct tally *tally)
{
	for (unsigned i = 0; i < NSIZES; i++)
		for (unsigned op = OP_MALLOC; op < NOPS; op++) {
			uint64_t *counts = tally->single[op][i];
			uint64_t steps = median(counts, tally->nsamples[op][i]);

			printf("%s %u %llu %.1f\n", op_names[op], sizes[i],
			    (unsigned long long)(steps - tally->nothing + LOOP),
			    tally->batch[op][i]);
		}
}

/* Parent and child on one processor: a step then wakes nobody elsewhere. */
static void
stay_here(void)
{
	cpu_set_t here;
	int cpu = sched_getcpu();

	if (cpu < 0)
		return;
	CPU_ZERO(&here);
	CPU_SET((unsigned)cpu, &here);
	sched_setaffinity(0, sizeof(here), &here);
}

static int
measure(const char *self, const char *library)
{
	static struct tally tally;
	struct __ptrace_syscall_info mark_info;
	pid_t child;
	int status;

	stay_here();
	child = fork();
	if (child == 0) {
		if (strcmp(library, "-") != 0)
			setenv("LD_PRELOAD", library, 1);
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
			execl(self, self, "--child", (char *)NULL);
		fail("insn: exec");
	}
	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFSTOPPED(status))
		fail("insn: fork");
	ptrace(PTRACE_SETOPTIONS, child, NULL,
	    PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	while (next_begin(child, &mark_info)) {
		uint64_t args[4];

		for (unsigned i = 0; i < 4; i++)
			args[i] = mark_info.entry.args[i];
		add_sample(&tally, args, count_steps(child));
	}
	print_tally(&tally);
	return 0;
}

int
main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "--child") == 0)
		return be_measured();
	if (argc != 2) {
		fprintf(stderr, "usage: insn LIBRARY\n");
		return 2;
	}
	return measure("/proc/self/exe", argv[1]);
}
