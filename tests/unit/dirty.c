/* unit/dirty.c -- which pages were written, on the real kernel */
#define _GNU_SOURCE
#include "dirty_rig.h"

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PAGES = 1200
};

START_TEST(each_kind_of_write)
{
	char *at, word[8] = "changed";

	dirty_begin();
	at = dirty_map(PAGES);
	dirty_take(at, PAGES, false);
	ck_assert_uint_eq(told.count, 0);
	at[5 * page] = 2;
	dirty_write_read(at + 7 * page, word, 8);
	dirty_write_vm(at + 9 * page, word, 8);
	for (int i = 0; i < 2; i++) {
		dirty_take(at, PAGES, i == 1);
		ck_assert_uint_eq(told.count, 3);
		ck_assert(told.told[5] && told.told[7] && told.told[9]);
	}
	dirty_take(at, PAGES, true);
	ck_assert_uint_eq(told.count, 0);
	at[11 * page + 8] = at[11 * page]; /* the same again */
	ck_assert_int_eq(dirty_arm(at, PAGES), 0);
	dirty_take(at, PAGES, false);
	ck_assert_uint_eq(told.count, 0);
}
END_TEST

START_TEST(pages_that_come_and_go)
{
	char *at;

	dirty_begin();
	at = dirty_map(PAGES);
	ck_assert_int_eq(madvise(at, 300 * page, MADV_DONTNEED), 0);
	at[20 * page] = 3;
	dirty_take(at, PAGES, true);
	ck_assert(told.told[20]);
	for (size_t i = 300; i < PAGES; i++)
		REAL_CHECK(!told.told[i]);
	at[21 * page] = 3; /* was not there */
	dirty_take(at, PAGES, false);
	ck_assert(told.told[21]);
	at = real_map(NULL, PAGES * page); /* nothing there when armed */
	ck_assert_int_eq(dirty_watch(at, PAGES), 0);
	ck_assert_int_eq(dirty_arm(at, PAGES), 0);
	at[30 * page] = 1;
	dirty_take(at, PAGES, true);
	ck_assert(told.told[30]);
	at[30 * page] = 1;
	at[31 * page] = 1;
	dirty_take(at, PAGES, true);
	ck_assert(told.told[30] && told.told[31]);
}
END_TEST

START_TEST(parts_that_are_not_tracked)
{
	char *at, *other;

	dirty_begin();
	at = dirty_map(PAGES);
	real_map(at + 100 * page, 50 * page); /* over it */
	at[120 * page] = 1;
	munmap(at + 200 * page, 50 * page); /* a hole */
	other = real_map(NULL, 50 * page);
	memset(other, 5, 50 * page);
	ck_assert_ptr_eq(mremap(other, 50 * page, 50 * page,
			     MREMAP_MAYMOVE | MREMAP_FIXED, at + 300 * page),
	    at + 300 * page);
	at[400 * page] = 2;
	ck_assert_int_eq(dirty_arm(at + 300 * page, 10), -EPERM);
	for (int again = 0; again < 2; again++) {
		dirty_take(at, PAGES, again != 0);
		ck_assert(told.told[120] && told.told[400]);
		for (size_t i = 300; i < 350; i++)
			REAL_CHECK(told.told[i]);
		ck_assert_uint_eq(told.count, 52);
	}
	dirty_take(at, PAGES, true);
	ck_assert_uint_eq(told.count, 51); /* not the one armed anew */
	/* Moved away, the pages are as if written. */
	other = real_map(NULL, 20 * page);
	ck_assert_ptr_eq(mremap(at + 500 * page, 20 * page, 20 * page,
			     MREMAP_MAYMOVE | MREMAP_FIXED, other),
	    other);
	dirty_take(other, 20, false);
	ck_assert_uint_eq(told.count, 20);
	ck_assert_int_eq(dirty_watch(at, 200), 0);
	ck_assert_int_eq(dirty_arm(at, 200), 0);
	dirty_take(at, 200, false);
	ck_assert_uint_eq(told.count, 0);
}
END_TEST

START_TEST(growing)
{
	char *at;

	dirty_begin();
	at = dirty_map(10);
	munmap(at + 5 * page, 5 * page);
	if (mremap(at, 5 * page, 10 * page, 0) != at)
		return;
	at[7 * page] = 1;
	dirty_take(at, 10, false);
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

	dirty_begin();
	bss[5] = 1;
	data = (char *)gcm_round_down((uintptr_t)bss, page);
	ck_assert_int_eq(dirty_watch(data, 8), 0);
	ck_assert_int_eq(dirty_arm(data, 8), 0);
	bss[5] = 2;
	dirty_take(data, 8, true);
	ck_assert(told.told[0]);
	ck_assert_int_eq(dirty_watch(file, 64), 0);
	file[page] = 1;
	ck_assert_int_eq(dirty_arm(file, 64), 0);
	dirty_take(file, 64, false);
	ck_assert(!told.told[1]);
	file[page] = 2;
	file[9 * page] = 2;
	ck_assert(file[12 * page] != file[13 * page + 1] || file[0] != 0);
	dirty_take(file, 64, false);
	ck_assert(told.told[1] && told.told[9]);
	use_stack(64 * page);
	stack = (char *)gcm_round_down((uintptr_t)&stack, page) - 32 * page;
	ck_assert_int_eq(dirty_watch(stack, 32), 0);
	ck_assert_int_eq(dirty_arm(stack, 32), 0);
	use_stack(300 * page); /* and beyond its end */
	dirty_take(stack, 32, false);
	ck_assert_uint_ge(told.count, 30);
}
END_TEST

START_TEST(huge_pages)
{
	size_t huge = 2 << 20;
	char *room = real_map(NULL, 4 * huge);
	char *at = (char *)gcm_round_up((uintptr_t)room, huge);

	madvise(at, 2 * huge, MADV_HUGEPAGE);
	dirty_begin();
	memset(at, 1, 2 * huge);
	ck_assert_int_eq(dirty_watch(at, 2 * huge / page), 0);
	ck_assert_int_eq(dirty_arm(at, 2 * huge / page), 0);
	dirty_take(at, 2 * huge / page, false);
	ck_assert_uint_eq(told.count, 0);
	at[huge + 3 * page] = 2;
	dirty_take(at, 2 * huge / page, true);
	ck_assert(told.told[huge / page + 3]);
	ck_assert(!told.told[0]);
	at[5 * page] = 2;
	dirty_take(at, 8, true); /* a part */
	ck_assert(told.told[5]);
	at[huge + 4 * page] = 2;
	dirty_take(at, 2 * huge / page, false);
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
	dirty_begin();
	memset(at, 1, 2 * huge);
	ck_assert_int_eq(dirty_watch(at, npages), 0);
	ck_assert_int_eq(dirty_arm(at, npages), 0);
	at[huge] = 2;
	dirty_take(at, npages, true);
	ck_assert(told.told[npages / 2] && !told.told[0]);
	at[0] = 2;
	dirty_take(at, 5, true);
	ck_assert(told.told[0]);
}
END_TEST

START_TEST(a_sparse_terabyte)
{
	size_t len = (size_t)1 << 40;
	char *at = real_map(NULL, len);
	uint64_t began;

	dirty_begin();
	madvise(at, len, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < 10; i++)
		at[i << 36] = 1;
	began = gcm_os_thread_cpu_ns();
	ck_assert_int_eq(dirty_watch(at, len / page), 0);
	ck_assert_int_eq(dirty_arm(at, len / page), 0);
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

	dirty_begin();
	at = real_map(NULL, 30 * page);
	madvise(at, 30 * page, MADV_NOHUGEPAGE);
	memset(at, 1, 30 * page);
	ck_assert_int_eq(dirty_watch(at, 10), 0);
	ck_assert_int_eq(dirty_watch(at + 20 * page, 10), 0);
	fd = open_other(features, at + 10 * page, 10);
	protect_by_other(fd, at + 10 * page, 5);
	ck_assert_int_eq(dirty_watch(at + 10 * page, 10), -EBUSY);
	ck_assert_int_eq(dirty_arm(at, 10), 0);
	ck_assert_int_eq(dirty_arm(at + 20 * page, 10), 0);
	at[25 * page] = 2;
	for (int again = 0; again < 2; again++) {
		dirty_take(at, 30, again != 0);
		ck_assert(told.in_order);
		for (size_t i = 0; i < 30; i++)
			REAL_CHECK(
			    told.told[i] == ((i >= 10 && i < 20) || i == 25));
	}
	for (size_t i = 10; i < 20; i++)
		ck_assert(is_protected(at + i * page) == (i < 15));
	dirty_take(at + 12 * page, 10, false);
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

	dirty_begin();
	at = dirty_map(npages);
	second = dirty_map(10);
	real_map(at + 50000 * page, 10 * page); /* not tracked any more */
	at[50000 * page] = 1;
	gcm_dirty_close();
	for (size_t i = 0; i < npages; i += 100)
		REAL_CHECK(!is_protected(at + i * page));
	ck_assert(!is_protected(second));
	ck_assert_int_lt(dirty_watch(at, 1), 0);
	ck_assert_int_eq(gcm_dirty_open(), 0);
	ck_assert_int_eq(dirty_watch(at, npages), 0);
	ck_assert_int_eq(dirty_arm(at, npages), 0);
	ck_assert(is_protected(at));
	at[7 * page] = 3;
	dirty_take(at, npages, true);
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

	dirty_begin();
	at = dirty_map(10);
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
	dirty_take(at, 10, false);
	ck_assert_uint_eq(told.count, 0);
	at[4 * page] = 2; /* copied from what the child had */
	dirty_take(at, 10, false);
	ck_assert_uint_eq(told.count, 1);
	ck_assert(told.told[4]);
}
END_TEST

static bool
track_alone(void)
{
	dirty_begin();
	return true;
}

START_TEST(the_main_thread_is_gone)
{
	ck_assert(real_without_leader(track_alone));
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
}

int
main(void)
{
	return dirty_run("dirty", add_tests);
}
