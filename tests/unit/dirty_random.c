/* unit/dirty_random.c -- no written page is missed: against a shadow */
#define _GNU_SOURCE
#include "dirty_rig.h"

#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PAGES = 1200,
	ROUNDS = 400
};

/* Random operations against a shadow ------------------------------------------
 */

struct field {
	uint64_t state;
	int fd; /* of a private mapping; -1: anonymous */
	char *at;
	char shadow[PAGES][64]; /* the first bytes of each page, as told */
};

static struct field field;

static void
note_shadow(size_t i)
{
	memcpy(field.shadow[i], field.at + i * page, sizeof(field.shadow[i]));
}

/* As it would read had it never been written: zeros, or a page of the file
 * (which one depends on where it was moved from).
 */
static bool
is_fresh(size_t i)
{
	uint64_t words[8], sum = 0;

	memcpy(words, field.at + i * page, sizeof(words));
	for (size_t k = 0; k < 8; k++)
		sum |= words[k];
	if (sum == 0 || field.fd < 0)
		return sum == 0;
	for (size_t k = 1; k < 8; k++)
		if (words[k] != words[0] + 8 * k)
			return false;
	return (words[0] - 1) % page == 0;
}

static void
check_told(const char *what)
{
	for (size_t i = 0; i < PAGES; i++)
		if (!told.told[i] && !is_fresh(i) &&
		    memcmp(field.at + i * page, field.shadow[i], 64) != 0)
			ck_abort_msg(
			    "page %zu was not told after: %s", i, what);
}

static void
map_part(size_t i, size_t n)
{
	if (field.fd < 0)
		real_map(field.at + i * page, n * page);
	else
		REAL_CHECK(mmap(field.at + i * page, n * page,
			       PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED,
			       field.fd, (off_t)(i * page)) != MAP_FAILED);
}

/* Pages [i, i + n) go over [j, j + n), and fresh ones take their place. */
static void
move_part(size_t i, size_t j, size_t n)
{
	if ((i < j + n && j < i + n) || i + n > PAGES || j + n > PAGES)
		return;
	/* More than one mapping is moved in part, or not, and the target gone.
	 */
	if (mremap(field.at + i * page, n * page, n * page,
		MREMAP_MAYMOVE | MREMAP_FIXED,
		field.at + j * page) == MAP_FAILED)
		map_part(j, n);
	map_part(i, n);
}

static void
fork_and_write(size_t i, size_t n)
{
	pid_t child = fork();

	if (child == 0) {
		for (size_t k = i; k < i + n; k++)
			field.at[k * page] ^= 77;
		_exit(0);
	}
	if (rig_chance(&field.state, 50)) /* before the child is done, maybe */
		for (size_t k = i; k < i + n; k += 2)
			field.at[k * page] ^= 2;
	REAL_CHECK(waitpid(child, NULL, 0) == child);
}

enum op {
	WRITE,
	WRITE_READ,
	WRITE_VM,
	DROP,
	REPLACE,
	MOVE,
	FORK,
	PROTECT,
	PAGE_OUT,
	HUGE,
	COLLAPSE,
	LOOK,
	NOPS
};

static const char *const op_names[NOPS] = {"a write", "read()",
    "process_vm_writev", "MADV_DONTNEED", "MAP_FIXED", "mremap", "fork",
    "mprotect", "MADV_PAGEOUT", "MADV_HUGEPAGE", "MADV_COLLAPSE", "a look"};

static void
write_part(size_t i, size_t n, enum op op)
{
	for (size_t k = i; k < i + n; k++) {
		uint64_t word = rig_random(&field.state);
		char *to = field.at + k * page + rig_below(&field.state, 7) * 8;

		if (op == WRITE)
			memcpy(to, &word, 8);
		else if (op == WRITE_READ)
			dirty_write_read(to, &word, 8);
		else
			dirty_write_vm(to, &word, 8);
	}
}

static void
do_op(enum op op, size_t i, size_t n)
{
	char *at = field.at + i * page;
	volatile char sum = 0;

	switch (op) {
	case DROP:
		madvise(at, n * page, MADV_DONTNEED);
		break;
	case REPLACE:
		map_part(i, n);
		break;
	case MOVE:
		move_part(i, rig_below(&field.state, PAGES), n);
		break;
	case FORK:
		fork_and_write(i, n);
		break;
	case PROTECT:
		mprotect(at, n * page, PROT_READ);
		mprotect(at, n * page, PROT_READ | PROT_WRITE);
		break;
	case PAGE_OUT:
		madvise(at, n * page, 21 /* MADV_PAGEOUT */);
		break;
	case HUGE:
		madvise(at, n * page, MADV_HUGEPAGE);
		break;
	case COLLAPSE:
		madvise(at, n * page, 25 /* MADV_COLLAPSE */);
		break;
	case LOOK:
		for (size_t k = 0; k < n; k++)
			sum = (char)(sum + at[k * page]);
		break;
	case WRITE:
	case WRITE_READ:
	case WRITE_VM:
	case NOPS:
		write_part(i, n < 20 ? n : 20, op);
		break;
	}
	if (op != LOOK && rig_chance(&field.state, 50))
		at[0] ^= 1;
}

static void
look_at_field(const char *what)
{
	bool again = rig_chance(&field.state, 50);

	dirty_take(field.at, PAGES, again);
	check_told(what);
	if (again)
		for (size_t i = 0; i < PAGES; i++)
			if (told.told[i])
				note_shadow(i);
	if (rig_chance(&field.state, 20)) {
		(void)dirty_watch(field.at, PAGES);
		REAL_CHECK(dirty_arm(field.at, PAGES) == 0);
		for (size_t i = 0; i < PAGES; i++)
			note_shadow(i);
	}
}

START_TEST(like_a_shadow)
{
	uint64_t seed = rig_seed(0);
	int rounds = rig_long() ? 20 * ROUNDS : ROUNDS;

	fprintf(stderr, "seed %llu\n", (unsigned long long)seed);
	field.state = seed;
	dirty_begin();
	field.fd = _i == 0 ? -1 : real_file(PAGES * page);
	field.at = real_map(NULL, PAGES * page);
	map_part(0, PAGES);
	ck_assert_int_eq(dirty_watch(field.at, PAGES), 0);
	ck_assert_int_eq(dirty_arm(field.at, PAGES), 0);
	for (size_t i = 0; i < PAGES; i++)
		note_shadow(i);
	for (int round = 0; round < rounds; round++) {
		enum op op = (enum op)rig_below(&field.state, NOPS);
		size_t i = rig_below(&field.state, PAGES - 1);
		size_t n = rig_below(&field.state, 600) + 1;

		if (rig_chance(&field.state, 70))
			n = n % 8 + 1;
		do_op(op, i, i + n > PAGES ? PAGES - i : n);
		if (rig_chance(&field.state, 40))
			look_at_field(op_names[op]);
	}
}
END_TEST

/* Told and armed in one step --------------------------------------------------
 */

static _Atomic bool stop;

static void *
write_all_over(void *arg)
{
	uint64_t state = (uintptr_t)arg;

	while (!atomic_load(&stop)) {
		_Atomic uint64_t *word =
		    (_Atomic uint64_t *)(uintptr_t)(field.at +
						    rig_below(&state, PAGES) *
							page);

		atomic_fetch_add(word, 1);
	}
	return NULL;
}

static void
copy_told(void)
{
	for (size_t i = 0; i < PAGES; i++)
		if (told.told[i])
			note_shadow(i);
}

START_TEST(while_threads_write)
{
	pthread_t threads[2];

	dirty_begin();
	field.at = dirty_map(PAGES);
	for (size_t i = 0; i < PAGES; i++)
		note_shadow(i);
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_all_over, (void *)i);
	for (int round = 0; round < 500; round++) {
		dirty_take(field.at, PAGES, true);
		copy_told();
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	dirty_take(field.at, PAGES, false);
	copy_told();
	for (size_t i = 0; i < PAGES; i++)
		REAL_CHECK(
		    memcmp(field.at + i * page, field.shadow[i], 64) == 0);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, like_a_shadow, 0, 2);
	tcase_add_test(tcase, while_threads_write);
}

int
main(void)
{
	return dirty_run("dirty_random", add_tests);
}
