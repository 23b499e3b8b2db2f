/* dirty_pagemap.c -- scaffold */
#include "scan/dirty.h"
#include "scan/scaf.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/syscall.h>
static int uffd = -1;
int
gcm_dirty_open(void)
{
	struct uffdio_api api = {
	    .api = UFFD_API, .features = 1 << 15 | 1 << 13};
	uffd = (int)gcm_arch_syscall(
	    SYS_userfaultfd, O_CLOEXEC | 1, 0, 0, 0, 0, 0);
	if (uffd < 0)
		return uffd;
	return (int)gcm_arch_syscall(
	    SYS_ioctl, uffd, (long)UFFDIO_API, (long)&api, 0, 0, 0);
}
void
gcm_dirty_close(void)
{
	if (uffd >= 0)
		gcm_os_close(uffd);
	uffd = -1;
}
int
gcm_dirty_watch(uintptr_t lo, uintptr_t hi)
{
	struct uffdio_register r = {
	    .range = {lo, hi - lo}, .mode = UFFDIO_REGISTER_MODE_WP};
	return (int)gcm_arch_syscall(
	    SYS_ioctl, uffd, (long)UFFDIO_REGISTER, (long)&r, 0, 0, 0);
}
static void
nothing(uintptr_t lo, uintptr_t hi, void *arg)
{
	(void)lo;
	(void)hi;
	(void)arg;
}
int
gcm_dirty_arm(uintptr_t lo, uintptr_t hi)
{
	return scaf_scan(lo, hi, 3, 0, 2, 0, nothing, 0);
}
int
gcm_dirty_take(
    uintptr_t lo, uintptr_t hi, bool again, gcm_range_visitor visit, void *arg)
{
	int e = scaf_scan(lo, hi, again ? 3 : 2, 0, 2, 0, visit, arg);
	if (e == -EPERM)
		return scaf_scan(lo, hi, 0, 0, 0, 8 | 16, visit, arg);
	return e;
}
