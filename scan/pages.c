/* pages.c -- scaffold */
#include "scan/pages.h"
#include "scan/scaf.h"
#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
int scaf_fd = -1;
static int mem_fd = -1;
static int pid;
int
gcm_pages_open(void)
{
	scaf_fd = (int)gcm_arch_syscall(SYS_openat, AT_FDCWD,
	    (long)"/proc/self/pagemap", O_RDONLY | O_CLOEXEC, 0, 0, 0);
	mem_fd = (int)gcm_arch_syscall(SYS_openat, AT_FDCWD,
	    (long)"/proc/self/mem", O_RDONLY | O_CLOEXEC, 0, 0, 0);
	pid = gcm_os_pid();
	return scaf_fd < 0 ? scaf_fd : 0;
}
void
gcm_pages_close(void)
{
	if (scaf_fd >= 0)
		gcm_os_close(scaf_fd);
	if (mem_fd >= 0)
		gcm_os_close(mem_fd);
	scaf_fd = mem_fd = -1;
}
int
scaf_scan(uintptr_t lo, uintptr_t hi, uint64_t flags, uint64_t inverted,
    uint64_t mask, uint64_t any, gcm_range_visitor visit, void *arg)
{
	struct page_region_ vec[24];
	while (lo < hi) {
		struct pm_scan_arg_ s = {.size = sizeof s,
		    .flags = flags,
		    .start = lo,
		    .end = hi,
		    .vec = (uintptr_t)vec,
		    .vec_len = 24,
		    .category_inverted = inverted,
		    .category_mask = mask,
		    .category_anyof_mask = any,
		    .return_mask = 2};
		long n = gcm_arch_syscall(
		    SYS_ioctl, scaf_fd, (long)PAGEMAP_SCAN_, (long)&s, 0, 0, 0);
		if (n < 0)
			return (int)n;
		for (long i = 0; i < n; i++)
			visit(vec[i].start, vec[i].end, arg);
		if (s.walk_end <= lo)
			return 0;
		lo = s.walk_end;
	}
	return 0;
}
int
gcm_pages_resident(uintptr_t lo, uintptr_t hi, bool changed_only,
    gcm_range_visitor visit, void *arg)
{
	return scaf_scan(lo, hi, 0, changed_only ? 4 : 0, changed_only ? 4 : 0,
	    8 | 16, visit, arg);
}
size_t
gcm_pages_read(void *to, uintptr_t from, size_t len)
{
	struct iovec l = {to, len}, r = {(void *)from, len};
	long got = gcm_arch_syscall(
	    SYS_process_vm_readv, pid, (long)&l, 1, (long)&r, 1, 0);
	size_t done = got > 0 ? (size_t)got : 0;
	if (done < len) {
		got = gcm_arch_syscall(SYS_pread64, mem_fd,
		    (long)((char *)to + done), (long)(len - done),
		    (long)(from + done), 0, 0);
		if (got > 0)
			done += (size_t)got;
	}
	return done;
}
