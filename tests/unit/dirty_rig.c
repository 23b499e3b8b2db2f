/* dirty_rig.c -- what the tests of write tracking share */
#define _GNU_SOURCE
#include "dirty_rig.h"

#include <sys/mman.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct real_told told;
size_t page;

void
dirty_begin(void)
{
	page = real_page();
	ck_assert_int_eq(gcm_pages_open(), 0);
	ck_assert_int_eq(gcm_dirty_open(), 0);
}

void
dirty_take(char *at, size_t npages, bool again)
{
	real_told_begin(&told, at, npages);
	ck_assert_int_eq(
	    gcm_dirty_take((uintptr_t)at, (uintptr_t)at + npages * page, again,
		real_told_note, &told),
	    0);
}

int
dirty_watch(char *at, size_t npages)
{
	return gcm_dirty_watch((uintptr_t)at, (uintptr_t)at + npages * page);
}

int
dirty_arm(char *at, size_t npages)
{
	return gcm_dirty_arm((uintptr_t)at, (uintptr_t)at + npages * page);
}

char *
dirty_map(size_t npages)
{
	char *at = real_map(NULL, npages * page);

	madvise(at, npages * page, MADV_NOHUGEPAGE);
	for (size_t i = 0; i < npages; i++)
		at[i * page] = 1;
	ck_assert_int_eq(dirty_watch(at, npages), 0);
	ck_assert_int_eq(dirty_arm(at, npages), 0);
	return at;
}

void
dirty_write_vm(char *to, const void *from, size_t len)
{
	struct iovec local = {(void *)(uintptr_t)from, len}, remote = {to, len};

	REAL_CHECK(process_vm_writev(getpid(), &local, 1, &remote, 1, 0) ==
		   (ssize_t)len);
}

void
dirty_write_read(char *to, const void *from, size_t len)
{
	int ends[2];

	REAL_CHECK(pipe(ends) == 0);
	REAL_CHECK(write(ends[1], from, len) == (ssize_t)len);
	REAL_CHECK(read(ends[0], to, len) == (ssize_t)len);
	close(ends[0]);
	close(ends[1]);
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
dirty_run(const char *name, void (*add_tests)(TCase *tcase))
{
	return can_track() ? unit_run(name, add_tests) : REAL_SKIPPED;
}
