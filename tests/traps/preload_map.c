/* preload_map.c -- programs that change the mapping of their own blocks
 *
 * A block is unmapped, replaced, protected, moved away, kept from children,
 * and then freed.  Afterwards every size is allocated in plenty and written:
 * nobody may meet what the program did.
 *
 * RED     B20: without gcm_alter_note in preload/map.c "protected" and
 *         "unmapped" were killed by signal 11, "kept-from-children" printed
 *         "child 737: signal 11".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "tests/stress/kit.h"

enum {
	PAGE = 4096,
	BLOCKS = 12,
	ROUNDS = 2
};

static const size_t sizes[] = {
    PAGE, 2 * PAGE, 5 * PAGE, 8 * PAGE, 9 * PAGE, 64 * PAGE, 200 * PAGE};

static void *
page_block(size_t size)
{
	void *block;

	KIT_CHECK(posix_memalign(&block, PAGE, size) == 0);
	memset(block, 'x', size);
	return block;
}

/* Take much of every size near, write it, give it back. */
static void
use_heap(void)
{
	static char *blocks[KIT_COUNT(sizes)][2 * BLOCKS];

	for (size_t i = 0; i < KIT_COUNT(sizes); i++)
		for (size_t k = 0; k < 2 * BLOCKS; k++) {
			size_t size = sizes[i] - (k % 2 ? 100 : 0);

			blocks[i][k] =
			    k % 4 == 3 ? calloc(1, size) : malloc(size);
			KIT_CHECK(blocks[i][k] != NULL);
			for (size_t at = 0; k % 4 == 3 && at < size; at += 64)
				KIT_CHECK(blocks[i][k][at] == 0);
			memset(blocks[i][k], (int)k, size);
		}
	for (size_t i = 0; i < KIT_COUNT(sizes); i++)
		for (size_t k = 0; k < 2 * BLOCKS; k++) {
			KIT_CHECK(blocks[i][k][0] == (char)k);
			KIT_CHECK(blocks[i][k][sizes[i] - 101] == (char)k);
			free(blocks[i][k]);
		}
}

/* Do `change` to blocks of each size, free them, use the heap. */
static void
run_change(void (*change)(char *block, size_t size))
{
	static char *blocks[BLOCKS];

	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
			for (size_t k = 0; k < BLOCKS; k++)
				blocks[k] = page_block(sizes[i]);
			for (size_t k = 0; k < BLOCKS; k += 2)
				change(blocks[k], sizes[i]);
			for (size_t k = 1; k < BLOCKS; k += 2)
				KIT_CHECK(blocks[k][sizes[i] - 1] == 'x' &&
					  blocks[k][0] == 'x');
			for (size_t k = 0; k < BLOCKS; k++)
				free(blocks[k]);
			use_heap();
		}
}

static void
unmap(char *block, size_t size)
{
	KIT_CHECK(munmap(block, size) == 0);
	KIT_CHECK(msync(block, PAGE, MS_ASYNC) == -1 && errno == ENOMEM);
}

static void
unmap_end(char *block, size_t size)
{
	KIT_CHECK(munmap(block + size - PAGE, 1) == 0);
}

static void
protect(char *block, size_t size)
{
	KIT_CHECK(mprotect(block, size, PROT_NONE) == 0);
}

static void
protect_read(char *block, size_t size)
{
	(void)size;
	KIT_CHECK(mprotect(block, PAGE, PROT_READ) == 0);
	KIT_CHECK(block[0] == 'x');
}

static void
make_code(char *block, size_t size)
{
	if (mprotect(block, size, PROT_READ | PROT_EXEC) == 0)
		KIT_CHECK(block[0] == 'x');
}

static void
replace_shared(char *block, size_t size)
{
	KIT_CHECK(mmap(block, size, PROT_READ,
		      MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == block);
}

static void
move_away(char *block, size_t size)
{
	char *away = mremap(block, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
	    mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));

	KIT_CHECK(away != MAP_FAILED && away != block && away[0] == 'x' &&
		  away[size - 1] == 'x');
	KIT_CHECK(munmap(away, size) == 0);
}

static void
move_onto(char *block, size_t size)
{
	char *other =
	    mmap(NULL, size, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	KIT_CHECK(mremap(other, size, size, MREMAP_MAYMOVE | MREMAP_FIXED,
		      block) == block);
}

static void
unmapped(void)
{
	run_change(unmap);
	run_change(unmap_end);
}

static void protected(void)
{
	run_change(protect);
	run_change(protect_read);
	run_change(make_code);
}

static void
replaced(void)
{
	run_change(replace_shared);
}

static void
moved(void)
{
	run_change(move_away);
	run_change(move_onto);
}

/* A file mapped over a block is not written by who gets the block next. */
static void
file_is_left_alone(void)
{
	size_t size = 64 * PAGE;
	int fd = memfd_create("file", 0);
	char *block, text[8] = "";

	KIT_CHECK(ftruncate(fd, (off_t)size) == 0);
	KIT_CHECK(pwrite(fd, "of old", 6, 100) == 6);
	for (int i = 0; i < 10; i++) {
		block = page_block(size);
		KIT_CHECK(mmap(block, size, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, fd, 0) == block);
		KIT_CHECK(memcmp(block + 100, "of old", 6) == 0);
		free(block);
		use_heap();
		KIT_CHECK(pread(fd, text, 6, 100) == 6);
		KIT_CHECK(strcmp(text, "of old") == 0);
	}
}

/* realloc of such blocks, and a guard page that nobody takes away. */
static void
resized(void)
{
	for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
		size_t size = sizes[i];
		char *block = page_block(size + PAGE);

		KIT_CHECK(mprotect(block + size, PAGE, PROT_NONE) == 0);
		block = realloc(block, size); /* no longer has the guard */
		KIT_CHECK(block[0] == 'x' && block[size - 1] == 'x');
		use_heap();
		block = realloc(block, size / 2);
		KIT_CHECK(block[size / 2 - 1] == 'x');
		free(block);
		use_heap();

		block = page_block(size);
		KIT_CHECK(mprotect(block, size, PROT_READ) == 0);
		block = realloc(block, 2 * size);
		KIT_CHECK(block[0] == 'x' && block[size - 1] == 'x');
		KIT_CHECK(mprotect(block, size, PROT_READ | PROT_WRITE) == 0);
		memset(block, 'y', 2 * size);
		free(block);
		use_heap();
	}
}

/* The child of a child misses what the program kept from its children. */
static void
kept_from_children(void)
{
	for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
		char *block = page_block(sizes[i]), *other;
		pid_t pid;

		KIT_CHECK(madvise(block, sizes[i], MADV_DONTFORK) == 0);
		pid = kit_fork();
		if (pid == 0) {
			free(block);
			use_heap();
			_exit(0);
		}
		kit_reap(pid);
		free(block);
		other = page_block(sizes[i]);
		pid = kit_fork();
		if (pid == 0) {
			KIT_CHECK(
			    other[0] == 'x' && other[sizes[i] - 1] == 'x');
			free(other);
			use_heap();
			_exit(0);
		}
		kit_reap(pid);
		free(other);
	}
}

static void
freed_in_child(void)
{
	for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
		char *first = page_block(sizes[i]), *second;
		pid_t pid;

		unmap(first, sizes[i]);
		second = page_block(sizes[i]);
		protect(second, sizes[i]);
		pid = kit_fork();
		if (pid == 0) {
			free(first);
			use_heap();
			free(second);
			use_heap();
			_exit(0);
		}
		kit_reap(pid);
		free(second);
		free(first);
		use_heap();
	}
}

static void *
free_it(void *block)
{
	free(block);
	return NULL;
}

static void
freed_by_others(void)
{
	for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
		char *block = page_block(sizes[i]);

		protect(block, sizes[i]);
		kit_join(kit_thread(free_it, block));
		use_heap();
	}
}

static volatile sig_atomic_t nhandled;
static char *guarded;

static void
handle(int number)
{
	(void)number;
	if (mprotect(guarded, 16 * PAGE, PROT_NONE) != 0 ||
	    mprotect(guarded, 16 * PAGE, PROT_READ | PROT_WRITE) != 0)
		_exit(9);
	nhandled++;
}

static void
in_handlers(void)
{
	struct itimerval every = {{0, 200}, {0, 200}}, never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = handle};

	guarded = page_block(16 * PAGE);
	action.sa_flags = SA_RESTART;
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &every, NULL);
	while (nhandled < 500)
		use_heap();
	setitimer(ITIMER_REAL, &never, NULL);
	free(guarded);
	use_heap();
}

/* What the kernel says is what the program hears. */
static void
answers(void)
{
	char *block = page_block(8 * PAGE);

	errno = 77;
	KIT_CHECK(munmap(block + 1, PAGE) == -1 && errno == EINVAL);
	KIT_CHECK(munmap(block, 0) == -1 && errno == EINVAL);
	KIT_CHECK(munmap(block, SIZE_MAX) == -1 && errno == EINVAL);
	KIT_CHECK(mprotect(block + 8, 8, PROT_NONE) == -1 && errno == EINVAL);
	KIT_CHECK(mprotect(block, SIZE_MAX, PROT_NONE) == -1);
	KIT_CHECK(mmap(block, PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, -1,
		      0) == MAP_FAILED &&
		  errno == EBADF);
	KIT_CHECK(mmap(block, PAGE, PROT_READ,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1,
		      0) == MAP_FAILED &&
		  errno == EEXIST);
	KIT_CHECK(
	    mremap(block, PAGE, PAGE, 99) == MAP_FAILED && errno == EINVAL);
	KIT_CHECK(madvise(block, PAGE, 9999) == -1 && errno == EINVAL);
	KIT_CHECK(block[0] == 'x' && block[8 * PAGE - 1] == 'x');
	errno = 77;
	KIT_CHECK(mprotect(block, PAGE, PROT_READ) == 0 && errno == 77);
	free(block);
	KIT_CHECK(errno == 77);
	use_heap();
}

/* The number of mappings does not grow. */
static size_t
count_maps(void)
{
	FILE *maps = fopen("/proc/self/maps", "r");
	size_t lines = 0;
	int c;

	while ((c = getc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

static void
mappings_are_few(void)
{
	size_t before, after;

	use_heap();
	before = count_maps();
	for (int i = 0; i < 1000; i++) {
		size_t size = sizes[(size_t)i % KIT_COUNT(sizes)];
		char *block = page_block(size);

		if (i % 2 == 0)
			unmap(block, size);
		else
			protect(block, size);
		free(block);
	}
	after = count_maps();
	if (after > before + 40)
		KIT_FAIL("%zu mappings, then %zu", before, after);
}

static const struct kit_case cases[] = {
    {"unmapped", unmapped, 0, 0},
    {"protected", protected, 0, 0},
    {"replaced", replaced, 0, 0},
    {"moved", moved, 0, 0},
    {"file-is-left-alone", file_is_left_alone, 0, 0},
    {"resized", resized, 0, 0},
    {"kept-from-children", kept_from_children, 0, 0},
    {"freed-in-child", freed_in_child, 0, 0},
    {"freed-by-others", freed_by_others, 0, 0},
    {"in-handlers", in_handlers, 0, 0},
    {"answers", answers, 0, 0},
    {"mappings-are-few", mappings_are_few, 0, 0},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return kit_main(argc, argv, cases);
}
