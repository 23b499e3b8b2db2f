/* unit/dirty.c -- which pages were written, on the real kernel
 *
 * Skipped where the system cannot track (before Linux 6.7, userfaultfd
 * refused).
 */
#define _GNU_SOURCE
#include "real.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scan/dirty.h"

enum {
	PAGES = 1200,
	ROUNDS = 400
};

static struct real_told told;
static size_t page;

static void
begin(void)
{
	page = real_page();
	ck_assert_int_eq(gcm_pages_open(), 0);
	ck_assert_int_eq(gcm_dirty_open(), 0);
}

static void
take(char *at, size_t npages, bool again)
{
	real_told_begin(&told, at, npages);
	ck_assert_int_eq(
	    gcm_dirty_take((uintptr_t)at, (uintptr_t)at + npages * page, again,
		real_told_note, &told),
	    0);
}

static int
watch(char *at, size_t npages)
{
	return gcm_dirty_watch((uintptr_t)at, (uintptr_t)at + npages * page);
}

static int
arm(char *at, size_t npages)
{
	return gcm_dirty_arm((uintptr_t)at, (uintptr_t)at + npages * page);
}

static char *
map_armed(size_t npages)
{
	char *at = real_map(NULL, npages * page);

	madvise(at, npages * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < npages; i++)
		at[i * page] = 1;
	ck_assert_int_eq(watch(at, npages), 0);
	ck_assert_int_eq(arm(at, npages), 0);
	return at;
}

/* Write to memory as the kernel does for somebody. */
static void
write_by_vm(char *to, const void *from, size_t len)
{
	struct iovec local = {(void *)(uintptr_t)from, len}, remote = {to, len};

	REAL_CHECK(process_vm_writev(getpid(), &local, 1, &remote, 1, 0) ==
		   (ssize_t)len);
}

static void
write_by_read(char *to, const void *from, size_t len)
{
	int ends[2];

	REAL_CHECK(pipe(ends) == 0);
	REAL_CHECK(write(ends[1], from, len) == (ssize_t)len);
	REAL_CHECK(read(ends[0], to, len) == (ssize_t)len);
	close(ends[0]);
	close(ends[1]);
}

START_TEST(each_kind_of_write)
{
	char *at, word[8] = "changed";

	begin();
	at = map_armed(PAGES);
	take(at, PAGES, false);
	ck_assert_uint_eq(told.count, 0);
	at[5 * page] = 2;
	write_by_read(at + 7 * page, word, 8);
	write_by_vm(at + 9 * page, word, 8);
	for (int i = 0; i < 2; i++) {
		take(at, PAGES, i == 1);
		ck_assert_uint_eq(told.count, 3);
		ck_assert(told.told[5] && told.told[7] && told.told[9]);
	}
	take(at, PAGES, true);
	ck_assert_uint_eq(told.count, 0);
	at[11 * page + 8] = at[11 * page]; /* the same again */
	ck_assert_int_eq(arm(at, PAGES), 0);
	take(at, PAGES, false);
	ck_assert_uint_eq(told.count, 0);
}
END_TEST

START_TEST(pages_that_come_and_go)
{
	char *at;

	begin();
	at = map_armed(PAGES);
	ck_assert_int_eq(madvise(at, 300 * page, MADV_DONTNEED), 0);
	at[20 * page] = 3;
	take(at, PAGES, true);
	ck_assert(told.told[20]);
	for (size_t i = 300; i < PAGES; i++)
		REAL_CHECK(!told.told[i]);
	at[21 * page] = 3; /* was not there */
	take(at, PAGES, false);
	ck_assert(told.told[21]);
	at = real_map(NULL, PAGES * page); /* nothing there when armed */
	ck_assert_int_eq(watch(at, PAGES), 0);
	ck_assert_int_eq(arm(at, PAGES), 0);
	at[30 * page] = 1;
	take(at, PAGES, true);
	ck_assert(told.told[30]);
	at[30 * page] = 1;
	at[31 * page] = 1;
	take(at, PAGES, true);
	ck_assert(told.told[30] && told.told[31]);
}
END_TEST

START_TEST(parts_that_are_not_tracked)
{
	char *at, *other;

	begin();
	at = map_armed(PAGES);
	real_map(at + 100 * page, 50 * page); /* over it */
	at[120 * page] = 1;
	munmap(at + 200 * page, 50 * page); /* a hole */
	other = real_map(NULL, 50 * page);
	memset(other, 5, 50 * page);
	ck_assert_ptr_eq(mremap(other, 50 * page, 50 * page,
			     MREMAP_MAYMOVE | MREMAP_FIXED, at + 300 * page),
	    at + 300 * page);
	at[400 * page] = 2;
	ck_assert_int_eq(arm(at + 300 * page, 10), -EPERM);
	for (int again = 0; again < 2; again++) {
		take(at, PAGES, again != 0);
		ck_assert(told.told[120] && told.told[400]);
		for (size_t i = 300; i < 350; i++)
			REAL_CHECK(told.told[i]);
		ck_assert_uint_eq(told.count, 52);
	}
	take(at, PAGES, true);
	ck_assert_uint_eq(told.count, 51); /* not the one armed anew */
	/* Moved away, the pages are as if written. */
	other = real_map(NULL, 20 * page);
	ck_assert_ptr_eq(mremap(at + 500 * page, 20 * page, 20 * page,
			     MREMAP_MAYMOVE | MREMAP_FIXED, other),
	    other);
	take(other, 20, false);
	ck_assert_uint_eq(told.count, 20);
	ck_assert_int_eq(watch(at, 200), 0);
	ck_assert_int_eq(arm(at, 200), 0);
	take(at, 200, false);
	ck_assert_uint_eq(told.count, 0);
}
END_TEST

START_TEST(growing)
{
	char *at;

	begin();
	at = map_armed(10);
	munmap(at + 5 * page, 5 * page);
	if (mremap(at, 5 * page, 10 * page, 0) != at)
		return;
	at[7 * page] = 1;
	take(at, 10, false);
	ck_assert(told.told[7]);
	for (int i = 0; i < 5; i++)
		ck_assert(!told.told[i]);
}
END_TEST

/* Data, bss, a private file and the stack of the main thread. */
static char bss[8 << 12];

static void __attribute__((noinline)) use_stack(size_t len)
{
	volatile char deep[4096];

	deep[0] = 1;
	if (len > sizeof(deep))
		use_stack(len - sizeof(deep));
	deep[1] = 1;
}

START_TEST(mappings_of_other_kinds)
{
	size_t len = 64 * real_page();
	int fd = real_file(len);
	char *file =
	    mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	char *data, *stack;

	begin();
	bss[5] = 1;
	data = (char *)gcm_round_down((uintptr_t)bss, page);
	ck_assert_int_eq(watch(data, 8), 0);
	ck_assert_int_eq(arm(data, 8), 0);
	bss[5] = 2;
	take(data, 8, true);
	ck_assert(told.told[0]);
	ck_assert_int_eq(watch(file, 64), 0);
	file[page] = 1;
	ck_assert_int_eq(arm(file, 64), 0);
	take(file, 64, false);
	ck_assert(!told.told[1]);
	file[page] = 2;
	file[9 * page] = 2;
	ck_assert(file[12 * page] != file[13 * page + 1] || file[0] != 0);
	take(file, 64, false);
	ck_assert(told.told[1] && told.told[9]);
	use_stack(64 * page);
	stack = (char *)gcm_round_down((uintptr_t)&stack, page) - 32 * page;
	ck_assert_int_eq(watch(stack, 32), 0);
	ck_assert_int_eq(arm(stack, 32), 0);
	use_stack(300 * page); /* and beyond its end */
	take(stack, 32, false);
	ck_assert_uint_ge(told.count, 30);
}
END_TEST

START_TEST(huge_pages)
{
	size_t huge = 2 << 20;
	char *room = real_map(NULL, 4 * huge);
	char *at = (char *)gcm_round_up((uintptr_t)room, huge);

	madvise(at, 2 * huge, MADV_HUGEPAGE);
	begin();
	memset(at, 1, 2 * huge);
	ck_assert_int_eq(watch(at, 2 * huge / page), 0);
	ck_assert_int_eq(arm(at, 2 * huge / page), 0);
	take(at, 2 * huge / page, false);
	ck_assert_uint_eq(told.count, 0);
	at[huge + 3 * page] = 2;
	take(at, 2 * huge / page, true);
	ck_assert(told.told[huge / page + 3]);
	ck_assert(!told.told[0]);
	at[5 * page] = 2;
	take(at, 8, true); /* a part */
	ck_assert(told.told[5]);
	at[huge + 4 * page] = 2;
	take(at, 2 * huge / page, false);
	ck_assert(told.told[huge / page + 4]);
}
END_TEST

START_TEST(hugetlb)
{
	size_t huge = 2 << 20, npages = 2 * huge / real_page();
	char *at = mmap(NULL, 2 * huge, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);

	if (at == MAP_FAILED)
		return; /* none set aside */
	begin();
	memset(at, 1, 2 * huge);
	ck_assert_int_eq(watch(at, npages), 0);
	ck_assert_int_eq(arm(at, npages), 0);
	at[huge] = 2;
	take(at, npages, true);
	ck_assert(told.told[npages / 2] && !told.told[0]);
	at[0] = 2;
	take(at, 5, true);
	ck_assert(told.told[0]);
}
END_TEST

START_TEST(a_sparse_terabyte)
{
	size_t len = (size_t)1 << 40;
	char *at = real_map(NULL, len);
	uint64_t began;

	begin();
	madvise(at, len, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < 10; i++)
		at[i << 36] = 1;
	began = gcm_os_thread_cpu_ns();
	ck_assert_int_eq(watch(at, len / page), 0);
	ck_assert_int_eq(arm(at, len / page), 0);
	at[(size_t)3 << 36] = 2;
	at[(size_t)9 << 35] = 2;
	told.npages = 0;
	real_told_begin(&told, at, 1);
	ck_assert_int_eq(gcm_dirty_take((uintptr_t)at, (uintptr_t)at + len,
			     _i == 1, real_told_note, &told),
	    0);
	ck_assert_uint_eq(told.count, 2);
	ck_assert_uint_lt(gcm_os_thread_cpu_ns() - began, 300 * 1000 * 1000);
	ck_assert_uint_lt(gcm_os_resident(), 200 << 20);
}
END_TEST

/* Somebody else's userfaultfd ------------------------------------------------
 */

static int
open_other(uint64_t features, char *at, size_t npages)
{
	struct uffdio_api api = {UFFD_API, features, 0};
	struct uffdio_register order = {
	    {(uintptr_t)at, npages * page}, UFFDIO_REGISTER_MODE_WP, 0};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ioctl(fd, UFFDIO_API, &api), 0);
	ck_assert_int_eq(ioctl(fd, UFFDIO_REGISTER, &order), 0);
	return fd;
}

static void
protect_by_other(int fd, char *at, size_t npages)
{
	struct uffdio_writeprotect order = {
	    {(uintptr_t)at, npages * page}, UFFDIO_WRITEPROTECT_MODE_WP};

	ck_assert_int_eq(ioctl(fd, UFFDIO_WRITEPROTECT, &order), 0);
}

/* Bit 57 of the pagemap: write-protected by userfaultfd. */
static bool
is_protected(const char *at)
{
	int fd = open("/proc/self/pagemap", O_RDONLY);
	uint64_t word = 0;

	REAL_CHECK(pread(fd, &word, 8, (off_t)((uintptr_t)at / page * 8)) == 8);
	close(fd);
	return (word >> 57 & 1) != 0;
}

START_TEST(somebody_else_watches)
{
	uint64_t features = _i == 0 ? 0 : 1 << 15 | 1 << 13;
	char *at;
	int fd;

	begin();
	at = real_map(NULL, 30 * page);
	madvise(at, 30 * page, MADV_NOHUGEPAGE);
	memset(at, 1, 30 * page);
	ck_assert_int_eq(watch(at, 10), 0);
	ck_assert_int_eq(watch(at + 20 * page, 10), 0);
	fd = open_other(features, at + 10 * page, 10);
	protect_by_other(fd, at + 10 * page, 5);
	ck_assert_int_eq(watch(at + 10 * page, 10), -EBUSY);
	ck_assert_int_eq(arm(at, 10), 0);
	ck_assert_int_eq(arm(at + 20 * page, 10), 0);
	at[25 * page] = 2;
	for (int again = 0; again < 2; again++) {
		take(at, 30, again != 0);
		ck_assert(told.in_order);
		for (size_t i = 0; i < 30; i++)
			REAL_CHECK(
			    told.told[i] == ((i >= 10 && i < 20) || i == 25));
	}
	for (size_t i = 10; i < 20; i++)
		ck_assert(is_protected(at + i * page) == (i < 15));
	take(at + 12 * page, 10, false);
	for (size_t i = 0; i < 10; i++)
		ck_assert(told.told[i] == (i < 8));
	gcm_dirty_close();
	for (size_t i = 0; i < 30; i++)
		ck_assert(is_protected(at + i * page) == (i >= 10 && i < 15));
	close(fd);
}
END_TEST

START_TEST(closing)
{
	size_t npages = 100000; /* several pieces */
	char *at, *second;

	begin();
	at = map_armed(npages);
	second = map_armed(10);
	real_map(at + 50000 * page, 10 * page); /* not tracked any more */
	at[50000 * page] = 1;
	gcm_dirty_close();
	for (size_t i = 0; i < npages; i += 100)
		REAL_CHECK(!is_protected(at + i * page));
	ck_assert(!is_protected(second));
	ck_assert_int_lt(watch(at, 1), 0);
	ck_assert_int_eq(gcm_dirty_open(), 0);
	ck_assert_int_eq(watch(at, npages), 0);
	ck_assert_int_eq(arm(at, npages), 0);
	ck_assert(is_protected(at));
	at[7 * page] = 3;
	take(at, npages, true);
	ck_assert_uint_eq(told.count, 1);
	gcm_dirty_close();
	gcm_pages_close();
}
END_TEST

START_TEST(a_child_closes_nothing)
{
	int status = -1;
	char *at;
	pid_t child;

	begin();
	at = map_armed(10);
	child = fork();
	if (child == 0) {
		int fd = dup(0); /* above ours */

		gcm_dirty_close();
		gcm_pages_close();
		at[3 * page] = 2;
		_exit(dup(0) == fd + 1 && !is_protected(at) ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	take(at, 10, false);
	ck_assert_uint_eq(told.count, 0);
	at[4 * page] = 2; /* copied from what the child had */
	take(at, 10, false);
	ck_assert_uint_eq(told.count, 1);
	ck_assert(told.told[4]);
}
END_TEST

static bool
track_alone(void)
{
	begin();
	return true;
}

START_TEST(the_main_thread_is_gone)
{
	ck_assert(real_without_leader(track_alone));
}
END_TEST

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
			write_by_read(to, &word, 8);
		else
			write_by_vm(to, &word, 8);
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

	take(field.at, PAGES, again);
	check_told(what);
	if (again)
		for (size_t i = 0; i < PAGES; i++)
			if (told.told[i])
				note_shadow(i);
	if (rig_chance(&field.state, 20)) {
		(void)watch(field.at, PAGES);
		REAL_CHECK(arm(field.at, PAGES) == 0);
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
	begin();
	field.fd = _i == 0 ? -1 : real_file(PAGES * page);
	field.at = real_map(NULL, PAGES * page);
	map_part(0, PAGES);
	ck_assert_int_eq(watch(field.at, PAGES), 0);
	ck_assert_int_eq(arm(field.at, PAGES), 0);
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

	begin();
	field.at = map_armed(PAGES);
	for (size_t i = 0; i < PAGES; i++)
		note_shadow(i);
	for (uintptr_t i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, write_all_over, (void *)i);
	for (int round = 0; round < 500; round++) {
		take(field.at, PAGES, true);
		copy_told();
	}
	atomic_store(&stop, true);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	take(field.at, PAGES, false);
	copy_told();
	for (size_t i = 0; i < PAGES; i++)
		REAL_CHECK(
		    memcmp(field.at + i * page, field.shadow[i], 64) == 0);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, each_kind_of_write);
	tcase_add_test(tcase, pages_that_come_and_go);
	tcase_add_test(tcase, parts_that_are_not_tracked);
	tcase_add_test(tcase, growing);
	tcase_add_test(tcase, mappings_of_other_kinds);
	tcase_add_test(tcase, huge_pages);
	tcase_add_test(tcase, hugetlb);
	tcase_add_loop_test(tcase, a_sparse_terabyte, 0, 2);
	tcase_add_loop_test(tcase, somebody_else_watches, 0, 2);
	tcase_add_test(tcase, closing);
	tcase_add_test(tcase, a_child_closes_nothing);
	tcase_add_test(tcase, the_main_thread_is_gone);
	tcase_add_loop_test(tcase, like_a_shadow, 0, 2);
	tcase_add_test(tcase, while_threads_write);
}

/* Does the system track at all?  Apart, for tests begin with nothing open. */
static bool
can_track(void)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(gcm_pages_open() == 0 && gcm_dirty_open() == 0 ? 0 : 1);
	return waitpid(child, &status, 0) == child && status == 0;
}

int
main(void)
{
	return can_track() ? unit_run("dirty", add_tests) : REAL_SKIPPED;
}
