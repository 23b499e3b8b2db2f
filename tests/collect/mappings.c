/* mappings.c -- blocks whose only pointers are in memory of the program's own
 * that comes, goes, moves and changes, or that the kernel writes
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
#include <sys/shm.h>
#include <sys/uio.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/collect/kit.h"

enum {
	PAGE = 4096
};

/* Memory that comes and goes
 * --------------------------------------------------- */

/* From one mapping, made while a cycle may be running, to the next. */
static void
new_mappings(void)
{
	void **now = NULL;
	size_t size = 0;
	unsigned began;

	mill_start();
	began = mill_cycles();
	for (size_t k = 0; collect_more(began); k++) {
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
		token_check_all(now, 16, "new mapping");
		if (k % 16 == 0)
			kit_sleep(0.0005);
	}
	token_check_all(now, 16, "new mapping");
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
	for (size_t k = 0; collect_more(began); k++) {
		intptr_t size = (intptr_t)(k % 5 + 1) * PAGE;
		void **top = sbrk(size);

		KIT_CHECK(top != (void *)-1);
		memcpy(top, home, 16 * sizeof(*top));
		memset(home, 0, 16 * sizeof(*home));
		if (k % 4 == 0)
			kit_sleep(0.002);
		token_check_all(top, 16, "brk");
		memcpy(home, top, 16 * sizeof(*top));
		KIT_CHECK(sbrk(-size) != (void *)-1);
	}
	token_check_all(home, 16, "brk");
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
		token_check_all(page, 16, where);
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

/* A child finds it empty, ours among them. */
static void
wiped(void)
{
	void **page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	KIT_CHECK(page != MAP_FAILED);
	KIT_CHECK(madvise(page, 4096, MADV_WIPEONFORK) == 0);
	for (uint32_t i = 0; i < 8; i++)
		token_into(&page[i], i, 96, 0);
	mill_start();
	mill_wait();
	mill_wait();
	for (uint32_t i = 0; i < 8; i++)
		token_free(page[i], i, "page that is wiped in children");
	mill_stop();
}

static void
hidden(void)
{
	lie_in_page(MAP_PRIVATE, PROT_NONE, "PROT_NONE page");
}

/* Code made at run time holds addresses at any byte: in memory that is mapped
 * twice, to write and to run (BEAM), or once (most others).
 */
static void
code_in_page(bool twice)
{
	enum {
		LENGTH = 4096,
		TOKENS = 100,
		STEP = 13
	};
	int fd = memfd_create("code", 0);
	unsigned char *write = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
			  twice ? MAP_SHARED : MAP_PRIVATE | MAP_ANONYMOUS,
			  twice ? fd : -1, 0),
		      *run = write;

	KIT_CHECK(fd >= 0 && ftruncate(fd, LENGTH) == 0);
	KIT_CHECK(write != MAP_FAILED);
	for (uint32_t i = 0; i < TOKENS; i++) {
		void *token = token_new(i, 96);

		memcpy(&write[i * STEP + 3], &token, sizeof(token));
	}
	if (twice)
		run = mmap(
		    NULL, LENGTH, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
	else
		KIT_CHECK(mprotect(run, LENGTH, PROT_READ | PROT_EXEC) == 0);
	KIT_CHECK(run != MAP_FAILED);
	mill_start();
	mill_wait();
	mill_wait();
	for (uint32_t i = 0; i < TOKENS; i++) {
		void *token;

		memcpy(&token, &run[i * STEP + 3], sizeof(token));
		token_free(token, i, twice ? "shared code" : "code");
	}
	mill_stop();
	close(fd);
}

static void
code(void)
{
	code_in_page(false);
}

static void
shared_code(void)
{
	code_in_page(true);
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
	while (collect_more(began)) {
		size_t n = kit_below(&rng, 64) + 1, bytes = n * sizeof(*from);

		KIT_CHECK(write(ends[1], from, bytes) == (ssize_t)bytes);
		KIT_CHECK(read(ends[0], to, bytes) == (ssize_t)bytes);
		memset(from, 0, bytes);
		token_check_all(to, n, "read()");
		memmove(from, to, bytes);
		memset(to, 0, bytes);
		token_check_all(from, 64, "read()");
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
		token_check_all(to, 64, "pipe");
		to = from;
		from = swap;
	}
	mill_stop();
}

/* Tokens stay in a mapping that moves, grows and shrinks. */
static void
moving_mapping(void)
{
	void **now = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t size = PAGE;
	unsigned began;

	for (uint32_t i = 0; i < 16; i++)
		now[i] = token_new(i, 80);
	mill_start();
	began = mill_cycles();
	for (size_t k = 1; collect_more(began); k++) {
		size_t next = (k * 5 % 11 + 1) * PAGE;
		char *away = mmap(
		    NULL, next, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		now = mremap(
		    now, size, next, MREMAP_MAYMOVE | MREMAP_FIXED, away);
		KIT_CHECK(now != MAP_FAILED);
		size = next;
		token_check_all(now, 16, "mremap");
		if (k % 16 == 0)
			kit_sleep(0.0005);
	}
	mill_stop();
}

/* To the program a mapping and what was mapped behind it are one. */
static void
neighbours(void)
{
	mill_start();
	for (long k = 0; k < kit_scale(4, 100); k++) {
		char *base = mmap(NULL, 16 * PAGE, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		const int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
		void **low = (void **)(base + 4 * PAGE), **now;

		KIT_CHECK(mmap(low, 2 * PAGE, PROT_READ | PROT_WRITE, flags, -1,
			      0) == low);
		for (uint32_t i = 0; i < 16; i++)
			low[i] = token_new(i, 80);
		mill_wait();
		KIT_CHECK(
		    mmap(base + 6 * PAGE, 2 * PAGE, PROT_READ | PROT_WRITE,
			flags, -1, 0) == base + 6 * PAGE);
		now = mremap(low, 4 * PAGE, 32 * PAGE, MREMAP_MAYMOVE);
		KIT_CHECK(now != MAP_FAILED);
		token_check_all(now, 16, "mremap of neighbours");
		munmap(now, 32 * PAGE);
		munmap(base, 16 * PAGE);
	}
	mill_stop();
}

/* From the heap to a mapping put in the place of another, and back. */
static void
replaced_mapping(void)
{
	void **home = calloc(16, sizeof(*home));
	void **place = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned began;

	for (uint32_t i = 0; i < 16; i++)
		home[i] = token_new(i, 80);
	mill_start();
	began = mill_cycles();
	for (size_t k = 1; collect_more(began); k++) {
		KIT_CHECK(mmap(place, 4 * PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			      0) == place);
		memcpy(place, home, 16 * sizeof(*home));
		memset(home, 0, 16 * sizeof(*home));
		if (k % 8 == 0)
			kit_sleep(0.002);
		token_check_all(place, 16, "MAP_FIXED");
		memcpy(home, place, 16 * sizeof(*home));
	}
	token_check_all(home, 16, "MAP_FIXED");
	mill_stop();
}

/* Two pages change places. */
static void
pages_change_places(void)
{
	char *base = mmap(NULL, 5 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void **first = (void **)(base + PAGE);
	void **second = (void **)(base + 3 * PAGE);
	char *third =
	    mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const int how = MREMAP_MAYMOVE | MREMAP_FIXED;
	unsigned began;

	for (uint32_t i = 0; i < 16; i++)
		first[i] = token_new(i, 80);
	mill_start();
	began = mill_cycles();
	for (size_t k = 1; collect_more(began); k++) {
		KIT_CHECK(mremap(first, PAGE, PAGE, how, third) == third);
		KIT_CHECK(mremap(second, PAGE, PAGE, how, first) == first);
		KIT_CHECK(mremap(third, PAGE, PAGE, how, second) == second);
		token_check_all(k % 2 == 0 ? first : second, 16,
		    "pages that change places");
	}
	mill_stop();
}

/* process_vm_writev() to ourselves. */
static void
written_by_call(void)
{
	void **here = calloc(512, sizeof(*here));
	size_t bytes = 16 * sizeof(*here), at = 0;
	unsigned began;

	for (uint32_t i = 0; i < 16; i++)
		here[i] = token_new(i, 96);
	mill_start();
	began = mill_cycles();
	while (collect_more(began)) {
		size_t next = (at + 32) % 512;
		struct iovec from = {here + at, bytes};
		struct iovec to = {here + next, bytes};

		if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) !=
		    (ssize_t)bytes)
			kit_skip("no process_vm_writev here");
		memset(here + at, 0, bytes);
		token_check_all(here + next, 16, "process_vm_writev");
		at = next;
	}
	mill_stop();
}

/* The heap and a place of another kind, by turns. */
static void
to_and_fro(void **place, const char *where)
{
	void **home = calloc(16, sizeof(*home));
	unsigned began;

	for (uint32_t i = 0; i < 16; i++)
		home[i] = token_new(i, 80);
	mill_start();
	began = mill_cycles();
	for (size_t k = 1; collect_more(began); k++) {
		memcpy(place, home, 16 * sizeof(*home));
		memset(home, 0, 16 * sizeof(*home));
		if (k % 64 == 0)
			kit_sleep(0.001);
		token_check_all(place, 16, where);
		memcpy(home, place, 16 * sizeof(*home));
		memset(place, 0, 16 * sizeof(*home));
		token_check_all(home, 16, where);
	}
	mill_stop();
}

static void
shared_segment(void)
{
	int id = shmget(IPC_PRIVATE, 4 * PAGE, IPC_CREAT | 0600);
	void *at;

	if (id < 0)
		kit_skip("no shared memory segments here");
	at = shmat(id, NULL, 0);
	shmctl(id, IPC_RMID, NULL);
	KIT_CHECK(at != (void *)-1);
	to_and_fro(at, "shmat");
}

static void
huge_page(void)
{
	const size_t huge = 2 << 20;
	char *p = mmap(NULL, 3 * huge, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	KIT_CHECK(p != MAP_FAILED);
	p += -(uintptr_t)p & (huge - 1);
	(void)madvise(p, 2 * huge, MADV_HUGEPAGE);
	memset(p, 0, 2 * huge);
	to_and_fro((void **)(p + huge / 3 / PAGE * PAGE), "huge page");
}

/* A shared mapping that may not be written, by who writes the file. */
static void
written_file(void)
{
	int fd = memfd_create("file", MFD_CLOEXEC);
	void **page, *p;

	KIT_CHECK(fd >= 0 && ftruncate(fd, PAGE) == 0);
	page = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	KIT_CHECK(page != MAP_FAILED);
	mill_start();
	for (long k = 0; k < kit_scale(3, 100); k++) {
		for (uint32_t i = 0; i < 16; i++) {
			token_into(&p, i, 80, 0);
			KIT_CHECK(pwrite(fd, &p, sizeof(p),
				      i * (off_t)sizeof(p)) == sizeof(p));
		}
		p = NULL;
		mill_wait();
		token_check_all(page, 16, "file mapped to be read");
		for (uint32_t i = 0; i < 16; i++)
			token_free(page[i], i, "file mapped to be read");
	}
	mill_stop();
}

/* A language's own heap, with addresses as its small integers: shifted, and a
 * tag in the lowest bits (Chez Scheme, SBCL, Ruby, Emacs).
 *
 * Red without mark_numbers (scan/mark_foreign.c): "token ... of number".
 */
static void
as_numbers(void)
{
	static const struct {
		unsigned int shift, tag;
	} kinds[] = {{1, 0}, {1, 1}, {2, 2}, {3, 0}, {3, 7}};
	uintptr_t *heap = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned began;

	KIT_CHECK(heap != MAP_FAILED);
	for (uint32_t i = 0; i < KIT_COUNT(kinds); i++) {
		void *token;

		token_into(&token, i, 80, 0);
		heap[i] = (uintptr_t)token << kinds[i].shift | kinds[i].tag;
		token = NULL;
	}
	mill_start();
	for (began = mill_cycles(); collect_more(began);)
		kit_sleep(0.001);
	for (uint32_t i = 0; i < KIT_COUNT(kinds); i++)
		token_free((void *)(heap[i] >> kinds[i].shift), i, "number");
	mill_stop();
}

static const struct kit_case cases[] = {
    {"new-mappings", new_mappings, KIT_PARALLEL, 0},
    {"moving-break", moving_break, KIT_PARALLEL, 0},
    {"moving-mapping", moving_mapping, KIT_PARALLEL, 0},
    {"neighbours", neighbours, KIT_PARALLEL, 0},
    {"replaced-mapping", replaced_mapping, KIT_PARALLEL, 0},
    {"pages-change-places", pages_change_places, KIT_PARALLEL, 0},
    {"sealed", sealed, KIT_PARALLEL, 0},
    {"sealed-shared", sealed_shared, KIT_PARALLEL, 0},
    {"hidden", hidden, KIT_PARALLEL, 0},
    {"wiped", wiped, KIT_PARALLEL, 0},
    {"code", code, KIT_PARALLEL, 0},
    {"shared-code", shared_code, KIT_PARALLEL, 0},
    {"shared-segment", shared_segment, KIT_PARALLEL, 0},
    {"huge-page", huge_page, KIT_PARALLEL, 0},
    {"written-file", written_file, KIT_PARALLEL, 0},
    {"written-by-call", written_by_call, KIT_PARALLEL, 0},
    {"read-by-kernel", read_by_kernel, KIT_PARALLEL, 0},
    {"pipe", through_pipe, KIT_PARALLEL, 0},
    {"as-numbers", as_numbers, KIT_PARALLEL, 0},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return collect_main(argc, argv, cases);
}
