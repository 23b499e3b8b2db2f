/* pages.c -- what a program may do to the pages of its blocks
 *
 * MODEL   A block of whole pages belongs to the program: it may protect it,
 *         drop its contents, lock it, make it executable, map something else
 *         over it and put memory back before it frees it.  Allocations,
 *         trimming, forks and the scavenger go on meanwhile and may neither
 *         fault on it nor believe that they know what is in it.
 *
 * RED     Without scan_slot's look at the page's class (scan/mark.c)
 *         "cut-anew" was killed by signal 11, in the marker.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/stress/kit.h"

enum {
	PAGE = 4096,
	NBLOCKS = 24
};

static struct kit_block blocks[NBLOCKS];

/* Blocks of one page to 60, of every origin that whole pages come from. */
static void
make_blocks(struct kit_rng *rng)
{
	for (size_t i = 0; i < NBLOCKS; i++) {
		size_t size = (i % 6 == 5 ? 60 : i % 6 + 1) * PAGE;
		void *p = i % 3 == 0   ? memalign(PAGE, size)
			  : i % 3 == 1 ? valloc(size)
				       : aligned_alloc(4 * PAGE, 4 * size);

		KIT_CHECK(p != NULL && (uintptr_t)p % PAGE == 0);
		kit_block_adopt(&blocks[i], p, size, 1);
	}
	(void)rng;
}

/* Everything that the heap does by itself or is asked to do. */
static void
go_on(struct kit_rng *rng)
{
	struct kit_block others[200] = {{NULL, 0, 0}};
	pid_t child;

	for (int i = 0; i < 4000; i++) {
		struct kit_block *b = &others[kit_below(rng, 200)];

		if (b->p == NULL)
			kit_block_new(b, rng, 1 + kit_size(rng, 300000), 2);
		else if (i % 3 == 0)
			kit_block_resize(b, rng, 1 + kit_size(rng, 300000));
		else
			kit_block_free(b);
	}
	malloc_trim(0);
	mallinfo2();
	child = kit_fork();
	for (size_t i = 0; i < 200; i++) {
		if (others[i].p != NULL)
			kit_block_free(&others[i]);
	}
	if (child == 0)
		_exit(0);
	kit_reap(child);
}

static void
free_blocks(void)
{
	for (size_t i = 0; i < NBLOCKS; i++)
		kit_block_free(&blocks[i]);
}

static void
protect_all(int prot)
{
	for (size_t i = 0; i < NBLOCKS; i++)
		KIT_CHECK(mprotect(blocks[i].p, blocks[i].size, prot) == 0);
}

static void
protected_for_a_while(void)
{
	static const int prots[] = {
	    PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE | PROT_EXEC};
	struct kit_rng rng = kit_rng_new(1);

	for (long round = 0; round < kit_scale(3, 100); round++) {
		make_blocks(&rng);
		for (size_t i = 0; i < KIT_COUNT(prots); i++) {
			protect_all(prots[i]);
			go_on(&rng);
			for (size_t j = 0; j < NBLOCKS; j++)
				KIT_CHECK(malloc_usable_size(blocks[j].p) >=
					  blocks[j].size);
			protect_all(PROT_READ | PROT_WRITE);
			for (size_t j = 0; j < NBLOCKS; j++)
				kit_block_check(&blocks[j]);
		}
		free_blocks();
		go_on(&rng);
	}
}

/* The pages of a free block that was once dropped, or never was, both come
 * back as zero from calloc.
 */
static void
dropped(void)
{
	struct kit_rng rng = kit_rng_new(2);

	for (long round = 0; round < kit_scale(10, 300); round++) {
		make_blocks(&rng);
		for (size_t i = 0; i < NBLOCKS; i++) {
			struct kit_block *b = &blocks[i];

			KIT_CHECK(madvise(b->p, b->size, MADV_DONTNEED) == 0);
			KIT_CHECK(b->p[0] == 0 && b->p[b->size - 1] == 0);
			memset(b->p + b->size / 2, 1, b->size / 2);
			kit_block_adopt(b, b->p, b->size, 1);
		}
		free_blocks();
		for (size_t i = 0; i < NBLOCKS; i++) {
			size_t size = (i + 1) * 3 * PAGE;
			unsigned char *p = calloc(1, size);

			KIT_CHECK(p[0] == 0 && memcmp(p, p + 1, size - 1) == 0);
			memset(p, 0xff, size);
			free(p);
		}
	}
}

/* madvise(MADV_DONTNEED) fails on locked memory: what it did not drop is not
 * zero.  Sizes: small, large, and long enough to be dropped instead of cleared.
 */
static size_t
locked_size(size_t i)
{
	return i % 400 == 0 ? 3 << 20 : i % 40 == 0 ? 300000 : i;
}

static void
locked(void)
{
	if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
		kit_skip("memory cannot be locked");
	for (long round = 0; round < kit_scale(4, 50); round++) {
		static unsigned char *many[2000];

		for (size_t i = 0; i < KIT_COUNT(many); i++) {
			size_t size = locked_size(i);

			many[i] = malloc(size);
			KIT_CHECK(many[i] != NULL);
			memset(many[i], 0xff, size);
		}
		for (size_t i = 0; i < KIT_COUNT(many); i++)
			free(many[i]);
		malloc_trim(0);
		if (round == 0)
			kit_sleep(3);
		for (size_t i = 0; i < KIT_COUNT(many); i++) {
			size_t size = locked_size(i);

			many[i] = calloc(1, size + 1);
			KIT_CHECK(many[i][0] == 0);
			KIT_CHECK(memcmp(many[i], many[i] + 1, size) == 0);
		}
		for (size_t i = 0; i < KIT_COUNT(many); i++)
			free(many[i]);
	}
}

/* No memory may be locked any more: mmap fails, malloc says so. */
static void
lock_limit(void)
{
	struct rlimit limit = {40 << 20, 40 << 20};
	void *p;

	if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
		kit_skip("root may lock as much as it likes");
	setrlimit(RLIMIT_MEMLOCK, &limit);
	if (mlockall(MCL_FUTURE) != 0)
		kit_skip("memory cannot be locked");
	while ((p = malloc(100000)) != NULL)
		*(void *volatile *)p = p;
	KIT_CHECK(errno == ENOMEM);
	while (malloc(100) != NULL)
		continue;
	KIT_CHECK(errno == ENOMEM);
	KIT_CHECK(munlockall() == 0);
	p = calloc(1, 1 << 20);
	KIT_CHECK(p != NULL);
	free(p);
}

static void
advised(void)
{
	static const int advices[] = {MADV_HUGEPAGE, MADV_NOHUGEPAGE,
	    MADV_DONTDUMP, MADV_DODUMP, MADV_SEQUENTIAL, MADV_WILLNEED,
	    MADV_DONTFORK, MADV_DOFORK, MADV_COLD, MADV_FREE};
	struct kit_rng rng = kit_rng_new(3);

	for (size_t i = 0; i < KIT_COUNT(advices); i++) {
		make_blocks(&rng);
		for (size_t j = 0; j < NBLOCKS; j++)
			madvise(blocks[j].p, blocks[j].size, advices[i]);
		go_on(&rng);
		if (advices[i] != MADV_FREE) {
			free_blocks();
			continue;
		}
		for (size_t j = 0; j < NBLOCKS; j++)
			free(blocks[j].p);
	}
}

#ifdef __x86_64__
static void
executable(void)
{
	static const unsigned char code[] = {0x8d, 0x47, 0x05, 0xc3};
	int (*add_five)(int);
	void *p = aligned_alloc(PAGE, PAGE);

	memcpy(p, code, sizeof(code));
	KIT_CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	memcpy(&add_five, &p, sizeof(p));
	KIT_CHECK(add_five(37) == 42);
	KIT_CHECK(mprotect(p, PAGE, PROT_READ | PROT_WRITE) == 0);
	memset(p, 0, PAGE);
	free(p);
}
#endif

/* -- other mappings in the place of a block -- */

static void
map_over(void *p, size_t size, int prot, int flags, int fd)
{
	KIT_CHECK(mmap(p, size, prot, MAP_FIXED | flags, fd, 0) == p);
}

static void
replaced(void)
{
	struct kit_rng rng = kit_rng_new(4);
	char name[] = "mapXXXXXX";
	int fd = mkstemp(name);

	KIT_CHECK(fd >= 0 && ftruncate(fd, 300 * PAGE) == 0);
	for (long round = 0; round < kit_scale(4, 100); round++) {
		make_blocks(&rng);
		for (size_t i = 0; i < NBLOCKS; i++) {
			struct kit_block *b = &blocks[i];

			map_over(b->p, b->size, PROT_READ,
			    i % 2 == 0 ? MAP_SHARED : MAP_PRIVATE, fd);
		}
		go_on(&rng);
		for (size_t i = 0; i < NBLOCKS; i++) {
			struct kit_block *b = &blocks[i];

			KIT_CHECK(b->p[0] == 0);
			map_over(b->p, b->size, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1);
			kit_block_adopt(b, b->p, b->size, 1);
		}
		go_on(&rng);
		free_blocks();
		go_on(&rng);
	}
	close(fd);
	unlink(name);
}

/* Unmapped and never freed: the heap loses the block, no more.  What the
 * program or the loader maps later may lie there.
 */
static void
unmapped(void)
{
	struct kit_rng rng = kit_rng_new(5);
	unsigned char *mapped[NBLOCKS];

	for (long round = 0; round < kit_scale(4, 100); round++) {
		make_blocks(&rng);
		for (size_t i = 0; i < NBLOCKS; i++)
			KIT_CHECK(munmap(blocks[i].p, blocks[i].size) == 0);
		for (size_t i = 0; i < NBLOCKS; i++) {
			mapped[i] = mmap(blocks[i].p, blocks[i].size,
			    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);
			KIT_CHECK(mapped[i] != MAP_FAILED);
			memset(mapped[i], 7, blocks[i].size);
		}
		go_on(&rng);
		kit_sleep(round == 0 ? 2.5 : 0);
		go_on(&rng);
		for (size_t i = 0; i < NBLOCKS; i++) {
			for (size_t at = 0; at < blocks[i].size; at++)
				KIT_CHECK(mapped[i][at] == 7);
		}
	}
}

/* -- no mapping can be made or split any more -- */

static void
use_all_mappings(int fd)
{
	for (int i = 0; i < 1 << 20; i++) {
		if (mmap(NULL, PAGE, i % 2 == 0 ? PROT_READ : PROT_NONE,
			MAP_PRIVATE, fd, 0) == MAP_FAILED)
			return;
	}
}

static void
no_mapping_left(void)
{
	enum {
		LARGE = 1 << 24
	};
	struct kit_rng rng = kit_rng_new(6);
	unsigned char *large = malloc(LARGE - 256), *keep = malloc(LARGE);
	uintptr_t first =
	    ((uintptr_t)large + PAGE - 1) & ~(uintptr_t)(PAGE - 1);
	size_t inside = (LARGE - 512 - PAGE) & ~(size_t)(PAGE - 1);
	int fd = open("/bin/true", O_RDONLY);

	KIT_CHECK(large != NULL && keep != NULL && fd >= 0);
	memset(keep, 3, LARGE);
	map_over((void *)first, inside, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1);
	make_blocks(&rng);
	use_all_mappings(fd);
	errno = 1789;
	free(large);
	KIT_CHECK(errno == 1789);
	free_blocks();
	KIT_CHECK(errno == 1789);
	for (size_t size = 1; size < (size_t)1 << 26; size *= 2) {
		void *p = calloc(1, size);

		if (p == NULL)
			KIT_CHECK(errno == ENOMEM);
		free(p);
		p = memalign(PAGE, size);
		free(p);
	}
	malloc_trim(0);
	for (size_t at = 0; at < LARGE; at++)
		KIT_CHECK(keep[at] == 3);
	free(keep);
}

/* Blocks of other sizes where some were that are still to be read, a moment
 * before they are protected.
 */
enum {
	NLARGE = 3000,
	LARGE = 32768,
	NSMALL = 24000,
	NHIDDEN = 1500
};

static char *large[NLARGE], *small[NSMALL];

/* All that is free becomes one piece again. */
static void
forget_sizes(void)
{
	free(malloc((size_t)200 << 20));
}

static void
protect_some(int prot)
{
	int n = 0;

	for (int i = 0; i < NSMALL && n < NHIDDEN; i += 13)
		if (((uintptr_t)small[i] & (2 * PAGE - 1)) != 0) {
			KIT_CHECK(mprotect(small[i], PAGE, prot) == 0);
			n++;
		}
}

static void
cut_anew(void)
{
	struct kit_rng rng = kit_rng_new(1);
	double until = kit_now() + (double)kit_scale(4, 60);

	while (kit_now() < until) {
		for (int i = 0; i < NLARGE; i++) {
			large[i] = malloc(LARGE);
			large[i][0] = large[i][2 * PAGE] = 1;
		}
		kit_sleep((double)kit_below(&rng, 50) / 1000);
		for (int i = 0; i < NLARGE; i++)
			free(large[i]);
		forget_sizes();
		for (int i = 0; i < NSMALL; i++)
			small[i] = aligned_alloc(PAGE, PAGE);
		protect_some(PROT_NONE);
		kit_sleep((double)kit_below(&rng, 50) / 1000);
		protect_some(PROT_READ | PROT_WRITE);
		for (int i = 0; i < NSMALL; i++)
			free(small[i]);
		forget_sizes();
	}
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"protected-for-a-while", protected_for_a_while, 0, 0},
	    {"dropped", dropped, 0, 0},
	    {"locked", locked, KIT_PARALLEL, 0},
	    {"lock-limit", lock_limit, 0, 0},
	    {"advised", advised, 0, 0},
#ifdef __x86_64__
	    {"executable", executable, 0, 0},
#endif
	    {"replaced", replaced, 0, 0},
	    {"unmapped", unmapped, KIT_PARALLEL, 0},
	    {"no-mapping-left", no_mapping_left, 0, 0},
	    {"cut-anew", cut_anew, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
