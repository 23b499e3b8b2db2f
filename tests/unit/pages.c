/* unit/pages.c -- which pages are there, and reading them, on the real kernel
 */
#define _GNU_SOURCE
#include "real.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scan/pagemap.h"

enum {
	PAGES = 3000,
	ROUNDS = 60,
	LIST_PAGES = 0xc0606610 /* PAGEMAP_SCAN */
};

static struct real_told told;

static void
begin(void)
{
	ck_assert_int_eq(gcm_pages_open(), 0);
}

static void
list_pages(char *at, size_t npages, bool changed_only)
{
	real_told_begin(&told, at, npages);
	ck_assert_int_eq(gcm_pages_resident((uintptr_t)at,
			     (uintptr_t)at + npages * real_page(), changed_only,
			     real_told_note, &told),
	    0);
	ck_assert(told.in_order);
}

/* Ways for the system to say no; the rest must do. */
enum refusal {
	NOTHING,
	NO_SCAN,
	NO_READV,
	NO_MEM,
	NO_SCAN_NO_READV,
	NREFUSALS
};

static void
refuse(int how)
{
	struct rlimit files = {4, 4}; /* descriptors 0 to 3: the first only */
	int next = dup(0);

	close(next);
	if (how == NO_SCAN || how == NO_SCAN_NO_READV)
		real_refuse(SYS_ioctl, LIST_PAGES, ENOTTY);
	if (how == NO_READV || how == NO_SCAN_NO_READV)
		real_refuse(SYS_process_vm_readv, 0, EPERM);
	if (how == NO_MEM) {
		files.rlim_cur = (rlim_t)next + 1;
		files.rlim_max = files.rlim_cur;
		ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &files), 0);
	}
}

/* Touched pages, in runs of all lengths. */
START_TEST(pages_that_are_there)
{
	uint64_t state = rig_seed(1);
	size_t page = real_page();
	char *at = real_map(NULL, PAGES * page);
	static bool touched[PAGES];

	madvise(at, PAGES * page, MADV_NOHUGEPAGE);
	refuse(_i);
	begin();
	for (int round = 0; round < ROUNDS; round++) {
		size_t from = rig_below(&state, PAGES), n = rig_size(&state, 9);
		bool on = rig_chance(&state, 70);

		if (from + n > PAGES)
			n = PAGES - from;
		for (size_t i = from; i < from + n;
		     i += 1 + (size_t)round % 3) {
			at[i * page] = 1;
			touched[i] = true;
		}
		if (!on && n > 0) {
			madvise(at + from * page, n * page, MADV_DONTNEED);
			memset(touched + from, 0, n);
		}
		list_pages(at, PAGES, false);
		for (size_t i = 0; i < PAGES; i++)
			REAL_CHECK(told.told[i] == touched[i]);
		list_pages(at + from * page, n, false);
		for (size_t i = 0; i < n; i++)
			REAL_CHECK(told.told[i] == touched[from + i]);
	}
}
END_TEST

/* Every second one: more regions than any vector holds. */
START_TEST(many_ranges)
{
	size_t page = real_page(), npages = 20000;
	char *at = real_map(NULL, npages * page);

	madvise(at, npages * page, MADV_NOHUGEPAGE);
	refuse(_i);
	begin();
	for (size_t i = 0; i < npages; i += 2)
		at[i * page] = 1;
	list_pages(at, npages, false);
	ck_assert_uint_eq(told.count, npages / 2);
	for (size_t i = 0; i < npages; i++)
		REAL_CHECK(told.told[i] == (i % 2 == 0));
	for (size_t i = 0; i < npages; i++)
		at[i * page] = 1;
	list_pages(at, npages, false);
	ck_assert_uint_eq(told.count, npages);
}
END_TEST

/* All vectors are in use: a short one has to do. */
START_TEST(many_scans_at_a_time)
{
	size_t page = real_page();
	char *at = real_map(NULL, PAGES * page);
	uint64_t *words[4];

	madvise(at, PAGES * page, MADV_NOHUGEPAGE);
	refuse(_i);
	begin();
	for (size_t i = 0; i < PAGES; i += 3)
		at[i * page] = 1;
	for (int i = 0; i < 4; i++) {
		words[i] = gcm_pagemap_borrow();
		ck_assert_ptr_nonnull(words[i]);
	}
	ck_assert_ptr_null(gcm_pagemap_borrow());
	list_pages(at, PAGES, false);
	ck_assert_uint_eq(told.count, PAGES / 3);
	gcm_pagemap_return(words[2]);
	ck_assert_ptr_eq(gcm_pagemap_borrow(), words[2]);
}
END_TEST

START_TEST(only_what_differs_from_the_file)
{
	enum {
		FILE_PAGES = 64
	};
	size_t page = real_page();
	int fd = real_file(FILE_PAGES * page);
	char *at = mmap(NULL, FILE_PAGES * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE, fd, 0);
	unsigned int sum = 0;

	refuse(_i);
	begin();
	for (size_t i = 0; i < FILE_PAGES; i++)
		sum += (unsigned char)at[i * page];
	ck_assert_uint_gt(sum, 0);
	list_pages(at, FILE_PAGES, false);
	ck_assert_uint_eq(told.count, FILE_PAGES);
	list_pages(at, FILE_PAGES, true);
	ck_assert_uint_eq(told.count, 0);
	for (size_t i = 0; i < FILE_PAGES; i += 7)
		at[i * page] = 1;
	list_pages(at, FILE_PAGES, true);
	for (size_t i = 0; i < FILE_PAGES; i++)
		REAL_CHECK(told.told[i] == (i % 7 == 0));
}
END_TEST

START_TEST(what_holds_nothing)
{
	size_t page = real_page();
	char *at = real_map(NULL, 16 * page);
	int sum = 0;

	madvise(at, 16 * page, MADV_NOHUGEPAGE);
	begin();
	for (int i = 0; i < 16; i++) /* the page of zeros */
		sum += at[(size_t)i * page];
	ck_assert_int_eq(sum, 0);
	list_pages(at, 16, false);
	ck_assert_uint_eq(told.count, 0);
	at[3 * page] = 1;
	munmap(at + 5 * page, 3 * page);
	at[9 * page] = 1;
	mprotect(at + 9 * page, page, PROT_NONE);
	list_pages(at, 16, false);
	ck_assert_uint_eq(told.count, 2);
	ck_assert(told.told[3] && told.told[9]);
}
END_TEST

START_TEST(a_sparse_terabyte)
{
	enum {
		TOUCHED = 100
	};
	size_t page = real_page(), len = (size_t)1 << 40;
	char *at = real_map(NULL, len);
	uint64_t began;

	madvise(at, len, MADV_NOHUGEPAGE);
	begin();
	for (size_t i = 0; i < TOUCHED; i++)
		at[i * (len / TOUCHED / page) * page] = 1;
	began = gcm_os_thread_cpu_ns();
	list_pages(at, len / page, false);
	ck_assert_uint_eq(told.count, TOUCHED);
	ck_assert_uint_lt(gcm_os_thread_cpu_ns() - began, 300 * 1000 * 1000);
}
END_TEST

START_TEST(huge_pages)
{
	size_t huge = 2 << 20, page = real_page();
	char *room = real_map(NULL, 4 * huge);
	char *at = (char *)gcm_round_up((uintptr_t)room, huge);

	madvise(at, 2 * huge, MADV_HUGEPAGE);
	begin();
	at[huge + 5] = 1;
	list_pages(at, 2 * huge / page, false);
	ck_assert(told.told[huge / page]);
	ck_assert(!told.told[0]);
}
END_TEST

/* Reading --------------------------------------------------------------------
 */

static char copy[PAGES * 4096];

START_TEST(reading_what_is_there)
{
	uint64_t state = rig_seed(1);
	size_t len = 200 * real_page();
	char *at = real_map(NULL, len);

	for (size_t i = 0; i < len; i++)
		at[i] = (char)rig_random(&state);
	refuse(_i);
	begin();
	for (int round = 0; round < 300; round++) {
		size_t from = rig_below(&state, len),
		       n = rig_below(&state, len - from + 1);

		memset(copy, 0, n + 1);
		ck_assert_uint_eq(
		    gcm_pages_read(copy, (uintptr_t)at + from, n), n);
		REAL_CHECK(memcmp(copy, at + from, n) == 0 && copy[n] == 0);
	}
}
END_TEST

/* Pages 0-9 there, 10-19 hidden, 20-29 there, 30-39 gone, 40-49 there. */
START_TEST(reading_what_is_not)
{
	size_t page = real_page();
	char *at = real_map(NULL, 50 * page);
	uintptr_t lo = (uintptr_t)at;

	for (size_t i = 0; i < 50; i++)
		at[i * page] = (char)(i + 1);
	ck_assert_int_eq(mprotect(at + 10 * page, 10 * page, PROT_NONE), 0);
	ck_assert_int_eq(munmap(at + 30 * page, 10 * page), 0);
	refuse(_i);
	begin();
	if (_i == NO_MEM) {
		ck_assert_uint_eq(
		    gcm_pages_read(copy, lo, 50 * page), 10 * page);
		ck_assert_uint_eq(
		    gcm_pages_read(copy, lo + 20 * page, page), page);
	} else {
		ck_assert_uint_eq(
		    gcm_pages_read(copy, lo, 50 * page), 30 * page);
		for (size_t i = 0; i < 30; i++)
			ck_assert_int_eq(copy[i * page], (char)(i + 1));
		ck_assert_uint_eq(
		    gcm_pages_read(copy, lo + 15 * page + 8, page), page);
	}
	ck_assert_uint_eq(gcm_pages_read(copy, lo + 30 * page, page), 0);
	ck_assert_uint_eq(
	    gcm_pages_read(copy, lo + 29 * page + 100, page), page - 100);
	ck_assert_uint_eq(gcm_pages_read(copy, lo + 45 * page, page), page);
	ck_assert_uint_eq(gcm_pages_read(copy, 0, 8), 0);
	ck_assert_uint_eq(gcm_pages_read(copy, UINTPTR_MAX - 7, 8), 0);
	ck_assert_int_eq(mprotect(at, page, PROT_READ), 0);
}
END_TEST

START_TEST(everything_refused)
{
	refuse(NO_READV);
	refuse(NO_MEM);
	ck_assert_int_lt(gcm_pages_open(), 0);
	ck_assert_uint_eq(gcm_pages_read(copy, (uintptr_t)&told, 8), 0);
}
END_TEST

static _Atomic bool stop;

static void *
remap(void *arg)
{
	char *at = arg;

	while (!atomic_load(&stop)) {
		munmap(at, 4 * real_page());
		real_map(at, 4 * real_page());
		memset(at, 1, 4 * real_page());
	}
	return NULL;
}

START_TEST(reading_what_vanishes)
{
	char *at = real_map(NULL, 4 * real_page());
	pthread_t thread;

	begin();
	pthread_create(&thread, NULL, remap, at);
	for (int i = 0; i < 20000; i++)
		REAL_CHECK(gcm_pages_read(copy, (uintptr_t)at,
			       4 * real_page()) <= 4 * real_page());
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}
END_TEST

static bool
look_alone(void)
{
	static uint64_t word = 42;
	uintptr_t lo = gcm_round_down((uintptr_t)&word, real_page());
	uint64_t got = 0;

	if (gcm_pages_open() != 0)
		return false;
	real_told_begin(&told, (void *)lo, 1);
	return gcm_pages_resident(
		   lo, lo + real_page(), false, real_told_note, &told) == 0 &&
	       told.count == 1 &&
	       gcm_pages_read(&got, (uintptr_t)&word, 8) == 8 && got == 42;
}

START_TEST(the_main_thread_is_gone)
{
	ck_assert(real_without_leader(look_alone));
}
END_TEST

START_TEST(a_child_closes_nothing)
{
	int fd, status = -1;
	pid_t child;

	begin();
	child = fork();
	if (child == 0) {
		/* Its descriptors are others: here, by the same numbers. */
		fd = dup(0);
		gcm_pages_close();
		_exit(dup(0) == fd + 1 ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	fd = dup(0);
	ck_assert_int_ge(fd, 5);
	gcm_pages_close();
	close(fd);
	ck_assert_int_lt(dup(0), fd);
	ck_assert_int_lt(
	    gcm_pages_resident(0, real_page(), false, real_told_note, &told),
	    0);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, pages_that_are_there, 0, NREFUSALS);
	tcase_add_loop_test(tcase, many_ranges, 0, 2);
	tcase_add_loop_test(tcase, many_scans_at_a_time, 0, 2);
	tcase_add_loop_test(tcase, only_what_differs_from_the_file, 0, 2);
	tcase_add_test(tcase, what_holds_nothing);
	tcase_add_test(tcase, a_sparse_terabyte);
	tcase_add_test(tcase, huge_pages);
	tcase_add_loop_test(tcase, reading_what_is_there, 0, NREFUSALS);
	tcase_add_loop_test(tcase, reading_what_is_not, 0, NREFUSALS);
	tcase_add_test(tcase, everything_refused);
	tcase_add_test(tcase, reading_what_vanishes);
	tcase_add_test(tcase, the_main_thread_is_gone);
	tcase_add_test(tcase, a_child_closes_nothing);
}

int
main(void)
{
	return unit_run("pages", add_tests);
}
