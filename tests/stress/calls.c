/* calls.c -- the family's calls under load and at their limits, as glibc's
 * own test suite asks of them (README has the list)
 *
 * RED     B18: with 8 bytes more in malloc_usable_size
 * "usable-to-the-last-byte" was killed by signal 11.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <obstack.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define obstack_chunk_alloc malloc
#define obstack_chunk_free free

/* -- requests that no machine can serve -- */

static void
expect_none(const char *call, void *p, size_t size)
{
	if (p != NULL || errno != ENOMEM)
		KIT_FAIL("%s of %zx gave %p", call, size, p);
	free(malloc(16));
	errno = 0;
}

static void
refuse_plain(size_t size)
{
	void *p = malloc(16);

	errno = 0;
	expect_none("malloc", malloc(size), size);
	expect_none("realloc", realloc(p, size), size);
	for (size_t n = 1; n <= 8 && size % n == 0; n *= 2) {
		expect_none("calloc", calloc(n, size / n), size);
		expect_none("calloc", calloc(size / n, n), size);
		expect_none("reallocarray", reallocarray(p, n, size / n), size);
		expect_none("reallocarray", reallocarray(p, size / n, n), size);
	}
	expect_none("valloc", valloc(size), size);
	expect_none("pvalloc", pvalloc(size), size);
	free(p);
}

static void
refuse_aligned(size_t size)
{
	void *p = NULL;

	errno = 0;
	for (size_t align = 1; align != 0; align <<= 1) {
		expect_none("memalign", memalign(align, size), size);
		if (size % align == 0)
			expect_none(
			    "aligned_alloc", aligned_alloc(align, size), size);
		if (align % sizeof(void *) != 0)
			continue;
		KIT_CHECK(posix_memalign(&p, align, size) == ENOMEM);
		KIT_CHECK(p == NULL);
	}
}

static void
too_large(void)
{
	size_t stride = (size_t)kit_scale(61, 1);

	for (size_t i = 0; i < 16384; i += i < 300 ? 1 : stride) {
		size_t sizes[] = {SIZE_MAX - i, (size_t)PTRDIFF_MAX + 1 + i,
		    ((i + 1) << 50) - 1, (i + 1) << 50};

		for (size_t j = 0; j < KIT_COUNT(sizes); j++) {
			if (sizes[j] < (size_t)1 << 49)
				continue;
			refuse_plain(sizes[j]);
			refuse_aligned(sizes[j]);
		}
	}
}

/* -- the whole usable size is the program's -- */

static void
usable_to_the_last_byte(void)
{
	static unsigned char *blocks[3000];
	static size_t usable[3000];

	for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
		size_t size = i < 2000 ? i : (i - 1999) * 333;

		blocks[i] = i % 5 == 0 ? memalign(256, size) : malloc(size);
		usable[i] = malloc_usable_size(blocks[i]);
		KIT_CHECK(blocks[i] != NULL && usable[i] >= size);
		memset(blocks[i], (int)(i % 251), usable[i]);
	}
	for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
		for (size_t j = 0; j < usable[i]; j++)
			KIT_CHECK(blocks[i][j] == i % 251);
		KIT_CHECK(malloc_usable_size(blocks[i]) == usable[i]);
		free(blocks[i]);
	}
	KIT_CHECK(malloc_usable_size(NULL) == 0);
}

static void
every_alignment(void)
{
	struct kit_rng rng = kit_rng_new(1);
	struct kit_block blocks[22 * 4];
	size_t n = 0;

	for (size_t bits = 0; bits < 22; bits++) {
		size_t align = (size_t)1 << bits;

		for (size_t i = 0; i < 4; i++, n++) {
			size_t size = 1 + kit_size(&rng, 100000);
			void *p = i % 2 == 0 ? memalign(align, size)
					     : aligned_alloc(align,
						   (size + align) & -align);

			KIT_CHECK(p != NULL && (uintptr_t)p % align == 0);
			kit_block_adopt(&blocks[n], p, size, 1);
		}
	}
	for (size_t i = 0; i < n; i++)
		kit_block_resize(&blocks[i], &rng, 1 + kit_size(&rng, 200000));
	for (size_t i = 0; i < n; i++)
		kit_block_free(&blocks[i]);
	for (size_t size = 0; size < 70000; size += 1 + size / 64) {
		void *p = valloc(size), *q = pvalloc(size);

		KIT_CHECK(p != NULL && (uintptr_t)p % 4096 == 0);
		KIT_CHECK(q != NULL && (uintptr_t)q % 4096 == 0);
		KIT_CHECK(malloc_usable_size(q) >= ((size + 4095) & ~4095ul));
		free(p);
		free(q);
		p = malloc(size);
		KIT_CHECK((uintptr_t)p % 16 == 0);
		free(p);
	}
}

/* Dirty memory must not come back from calloc, in any size class, nor from
 * pages given back and taken again.
 */
static void
calloc_is_zero(void)
{
	struct kit_rng rng = kit_rng_new(2);
	unsigned char *blocks[64] = {NULL};

	for (long i = 0; i < kit_scale(20000, 500000); i++) {
		size_t at = kit_below(&rng, 64);
		size_t size = 1 + kit_size(&rng, i % 50 == 0 ? 3 << 20 : 9000);
		unsigned char *p;

		free(blocks[at]);
		p = blocks[at] = calloc(size, 1);
		KIT_CHECK(p != NULL && p[0] == 0);
		KIT_CHECK(memcmp(p, p + 1, size - 1) == 0);
		memset(p, 0xff, malloc_usable_size(p));
		if (i % 2000 == 0)
			malloc_trim(0);
	}
	for (size_t i = 0; i < 64; i++)
		free(blocks[i]);
}

/* A realloc that fails leaves the block as it was. */
static void
failing_realloc(void)
{
	struct rlimit limit = {400 << 20, 400 << 20};
	struct kit_rng rng = kit_rng_new(3);
	struct kit_block b;

	KIT_CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
	for (size_t size = 1; size < (size_t)50 << 20; size = size * 3 + 1) {
		kit_block_new(&b, &rng, size, 1);
		KIT_CHECK(realloc(b.p, (size_t)500 << 20) == NULL);
		KIT_CHECK(errno == ENOMEM);
		kit_block_check(&b);
		KIT_CHECK(realloc(b.p, SIZE_MAX / 2) == NULL);
		kit_block_free(&b);
	}
}

/* -- figures -- */

static void
trim(void)
{
	enum {
		N = 100000
	};
	static void *blocks[N];
	struct kit_block kept;
	struct kit_rng rng = kit_rng_new(4);

	for (size_t i = 0; i < N; i++) {
		blocks[i] = malloc(500 + i % 1000);
		memset(blocks[i], 1, 500);
	}
	kit_block_new(&kept, &rng, 5000, 1);
	KIT_CHECK(kit_rss() > 90 << 20);
	for (size_t i = 0; i < N; i++)
		free(blocks[i]);
	malloc_trim(0);
	if (kit_rss() > 24 << 20)
		KIT_FAIL("%ld KiB resident after malloc_trim", kit_rss() >> 10);
	kit_block_check(&kept);
	for (size_t i = 0; i < N; i++) {
		blocks[i] = calloc(1, 700);
		KIT_CHECK(memcmp(blocks[i], (char *)blocks[i] + 1, 699) == 0);
	}
	for (size_t i = 0; i < N; i++)
		free(blocks[i]);
	kit_block_free(&kept);
	KIT_CHECK(malloc_trim(1 << 20) == 0 || malloc_trim(0) >= 0);
}

static void
mallinfo_counts(void)
{
	static void *volatile blocks[20];
	struct mallinfo2 before, with, after;
	size_t total = 0;

	for (size_t size = 160; size < 5000000; size *= 5) {
		total = 0;
		before = mallinfo2();
		for (size_t i = 1; i < 20; i++) {
			blocks[i] = malloc(size * i);
			total += size * i;
		}
		with = mallinfo2();
		for (size_t i = 1; i < 20; i++)
			free(blocks[i]);
		after = mallinfo2();
		KIT_CHECK(with.uordblks + with.hblkhd >=
			  before.uordblks + before.hblkhd + total);
		KIT_CHECK(after.uordblks + after.hblkhd <=
			  before.uordblks + before.hblkhd + total / 10);
		KIT_CHECK(with.arena + with.hblkhd >= total);
	}
}

static void
mallopt_accepts(void)
{
	static const int names[] = {M_MXFAST, M_TRIM_THRESHOLD, M_TOP_PAD,
	    M_MMAP_THRESHOLD, M_MMAP_MAX, M_CHECK_ACTION, M_PERTURB,
	    M_ARENA_TEST, M_ARENA_MAX};

	for (size_t i = 0; i < KIT_COUNT(names); i++) {
		if (mallopt(names[i], names[i] == M_MXFAST ? 64 : 1) != 1)
			KIT_FAIL("mallopt(%d)", names[i]);
	}
	for (size_t size = 1; size < 3000000; size *= 2)
		free(realloc(malloc(size), size / 2 + 1));
}

/* -- obstacks take their chunks from malloc -- */

static void
obstacks(void)
{
	for (unsigned long align = 2; align <= 64; align *= 2) {
		struct obstack stack;

		obstack_init(&stack);
		obstack_alignment_mask(&stack) = (int)align - 1;
		obstack_finish(&stack);
		for (int i = 0; i < 200; i++) {
			void *p = obstack_alloc(&stack, 1000);

			KIT_CHECK((uintptr_t)p % align == 0);
			memset(p, i, 1000);
			obstack_printf(&stack, "%0*d", 200, i);
			obstack_1grow(&stack, '\0');
			KIT_CHECK(strlen(obstack_finish(&stack)) == 200);
		}
		obstack_free(&stack, NULL);
	}
}

/* -- nothing may reach glibc's own heap, which starts at the break -- */

static void *break_at_start;

__attribute__((constructor)) static void
note_break(void)
{
	break_at_start = sbrk(0);
}

static void
use_libc(void)
{
	char *text = NULL, *line = NULL, name[] = "libcXXXXXX";
	size_t size = 0;
	FILE *f = fdopen(mkstemp(name), "w+");

	KIT_CHECK(f != NULL && asprintf(&text, "%*d", 9000, 1) == 9000);
	fprintf(f, "%s\n\n%s\n", text, strdup("short"));
	rewind(f);
	KIT_CHECK(getline(&line, &size, f) == 9001 && size > 9001);
	KIT_CHECK(getline(&line, &size, f) == 1);
	KIT_CHECK(getline(&line, &size, f) == 6);
	KIT_CHECK(getline(&line, &size, f) == -1);
	fclose(f);
	unlink(name);
	free(line);
	free(text);
	free(realpath(".", NULL));
	free(getcwd(NULL, 0));
	setenv("A_NEW_NAME", "and its value", 1);
	for (size_t n = 1; n < 3000000; n *= 3)
		free(reallocarray(calloc(n, 2), n, 3));
}

static void *
use_libc_in_thread(void *arg)
{
	use_libc();
	return arg;
}

static void
break_stays(void)
{
	pid_t child;

	if (*kit_lib() == '\0')
		kit_skip("glibc itself uses the break");
	use_libc();
	kit_join(kit_thread(use_libc_in_thread, NULL));
	child = kit_fork();
	if (child == 0) {
		use_libc();
		exit(sbrk(0) == break_at_start ? 0 : 1);
	}
	kit_reap(child);
	KIT_CHECK(sbrk(0) == break_at_start);
}

/* -- a block freed twice is noticed, however many frees lie between -- */

static void
freed_twice(size_t size, size_t between)
{
	pid_t child = kit_fork();

	if (child == 0) {
		void *volatile p = malloc(size);
		void *others[64];

		KIT_CHECK(freopen("/dev/null", "w", stderr) != NULL);
		for (size_t i = 0; i < between; i++)
			others[i] = malloc(size);
		free(p);
		for (size_t i = 0; i < between; i++)
			free(others[i]);
		free(p);
		_exit(0);
	}
	if (WTERMSIG(kit_wait(child)) != SIGABRT)
		KIT_FAIL("second free of %zu bytes, %zu frees between", size,
		    between);
}

static void
freed_twice_all(void)
{
	static const size_t sizes[] = {8, 24, 200, 1000, 9000, 40000, 1 << 20};

	for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
		for (size_t between = 0; between <= 64; between += 8)
			freed_twice(sizes[i], between);
	}
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"too-large", too_large, 0, 0},
	    {"usable-to-the-last-byte", usable_to_the_last_byte, 0, 0},
	    {"every-alignment", every_alignment, 0, 0},
	    {"calloc-is-zero", calloc_is_zero, 0, 0},
	    {"failing-realloc", failing_realloc, 0, 0},
	    {"trim", trim, 0, 0},
	    {"mallinfo-counts", mallinfo_counts, 0, 0},
	    {"mallopt-accepts", mallopt_accepts, 0, 0},
	    {"obstacks", obstacks, 0, 0},
	    {"break-stays", break_stays, 0, 0},
	    {"freed-twice", freed_twice_all, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
