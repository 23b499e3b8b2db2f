/* system.c -- what of the system could restrict the library in a process
 *
 * MODEL   Limits and settings that shrink the heap, slow the collector or
 *         take its means are told as they are; whether they did any harm the
 *         library itself says (answer.c).  Ordinary values are not told.
 */
#include "tools/system.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	TEXT_BYTES = 8192,
	PATH_BYTES = 4600,
	MAPPINGS_USUAL = 65530,
	KERNEL_LEAST = 509,   /* close_range */
	KERNEL_WITHOUT = 511, /* userfaultfd without rights for our own use */
	PAGE_USUAL = 4096
};

long
read_text(const char *path, char *text, size_t len)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t done = 0;
	ssize_t got;
	int error;

	text[0] = '\0';
	if (fd < 0)
		return -errno;
	while (
	    done + 1 < len && (got = read(fd, text + done, len - 1 - done)) > 0)
		done += (size_t)got;
	error = done == 0 ? errno : 0;
	close(fd);
	text[done] = '\0';
	return error != 0 ? -error : (long)done;
}

/* The number in a file, or -1. */
static int64_t
read_number(const char *path)
{
	char text[64], *end;
	int64_t value;

	if (read_text(path, text, sizeof(text)) <= 0)
		return -1;
	value = strtoll(text, &end, 10);
	return end == text ? -1 : value;
}

static void
print_bytes(char *text, size_t len, uint64_t bytes)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double value = (double)bytes;
	int unit = 0;

	for (; value >= 1024 && unit < 4; unit++)
		value /= 1024;
	snprintf(text, len, "%.4g %s", value, units[unit]);
}

static int
kernel_version(void)
{
	struct utsname name;
	int major, minor;

	if (uname(&name) != 0 ||
	    sscanf(name.release, "%d.%d", &major, &minor) != 2)
		return 0;
	return major * 100 + minor;
}

/* Tracking ----------------------------------------------------------------- */

/* In a child, as a filter may kill who calls. */
static int
try_in_child(int (*call)(void))
{
	pid_t child = fork();
	int status;

	if (child < 0)
		return errno;
	if (child == 0) {
		(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
		_exit(call());
	}
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return errno;
	return WIFEXITED(status) ? WEXITSTATUS(status) : KILLED;
}

static int
ask_for_tracking(void)
{
	struct uffdio_api api = {UFFD_API, 1 << 13 | 1 << 15, 0};
	struct { /* struct pm_scan_arg, Linux 6.7 */
		uint64_t size, flags, start, end, walk_end, vec, vec_len,
		    max_pages, inverted, mask, anyof, returned;
	} scan = {.size = sizeof(scan), .returned = 1};
	long uffd = syscall(SYS_userfaultfd, O_CLOEXEC | 1);
	int error = 0, fd;

	if (uffd < 0)
		return errno;
	if (ioctl((int)uffd, UFFDIO_API, &api) != 0)
		error = errno;
	close((int)uffd);
	fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	/* An empty range. */
	if (error == 0 && ioctl(fd, _IOWR('f', 16, scan), &scan) < 0)
		error = errno;
	close(fd);
	return error;
}

int
probe_tracking(void)
{
	return try_in_child(ask_for_tracking);
}

const char *
advise_tracking(int error)
{
	if (error == KILLED)
		return "have the filter refuse unknown calls by an error";
	if (error == EPERM && kernel_version() < KERNEL_WITHOUT)
		return "set vm.unprivileged_userfaultfd=1";
	if (error == EPERM || error == EACCES ||
	    (error == ENOSYS && kernel_version() >= KERNEL_WITHOUT))
		return "allow userfaultfd in the filter of the container or "
		       "service";
	if (error == EINVAL || error == ENOTTY || error == ENOSYS)
		return "use Linux 6.7 or later";
	return NULL;
}

/* Kernel ------------------------------------------------------------------- */

static void
check_kernel(struct findings *findings)
{
	struct utsname name;
	char page[32];
	long size = sysconf(_SC_PAGESIZE);

	if (uname(&name) != 0)
		return;
	print_bytes(page, sizeof(page), (uint64_t)size);
	if (kernel_version() < KERNEL_LEAST)
		add_finding(findings, SEVERITY_WARN, "kernel",
		    "use Linux 5.9 or later, for anything to be collected",
		    "%s %s", name.sysname, name.release);
	else
		add_finding(findings,
		    size == PAGE_USUAL ? SEVERITY_OK : SEVERITY_NOTE, "kernel",
		    NULL, "%s %s, %s, pages of %s", name.sysname, name.release,
		    name.machine, page);
}

static void
check_settings(struct findings *findings)
{
	int64_t value = read_number("/proc/sys/vm/overcommit_memory");

	if (value == 2)
		add_finding(findings, SEVERITY_NOTE, "overcommit",
		    "the fork back end wants room for the heap twice",
		    "vm.overcommit_memory is 2: memory is promised strictly");
	value = read_number("/proc/sys/vm/max_map_count");
	if (value >= 0 && value < MAPPINGS_USUAL)
		add_finding(findings, SEVERITY_NOTE, "mappings",
		    "raise it if allocations fail",
		    "vm.max_map_count is %" PRId64, value);
	value = read_number("/proc/sys/vm/unprivileged_userfaultfd");
	if (value == 0 && geteuid() != 0 && kernel_version() < KERNEL_WITHOUT)
		add_finding(findings, SEVERITY_NOTE, "userfaultfd",
		    "set it to 1", "vm.unprivileged_userfaultfd is 0");
}

static int
read_oneself(void)
{
	uint64_t word = 1, copy;
	struct iovec to = {&copy, sizeof(copy)}, from = {&word, sizeof(word)};

	return process_vm_readv(getpid(), &to, 1, &from, 1, 0) < 0 ? errno : 0;
}

/* How the collector reads: the process's own lists and memory. */
static void
check_proc(struct findings *findings)
{
	static char mounts[TEXT_BYTES * 4];
	int error = try_in_child(read_oneself);
	char *at, *rest;

	if (access("/proc/self/maps", R_OK) != 0)
		add_finding(findings, SEVERITY_WARN, "proc", "mount it",
		    "there is no /proc: nothing can be collected");
	if (error != 0)
		add_finding(findings, SEVERITY_WARN, "memory",
		    "allow process_vm_readv in the filter",
		    "a process may not read itself: %s",
		    error == KILLED ? "it is killed" : strerror(error));
	(void)read_text("/proc/self/mounts", mounts, sizeof(mounts));
	for (at = strtok_r(mounts, "\n", &rest); at != NULL;
	     at = strtok_r(NULL, "\n", &rest)) {
		const char *hide = strstr(at, "hidepid=");

		if (strstr(at, " /proc proc ") != NULL && hide != NULL &&
		    hide[8] != '0')
			add_finding(findings, SEVERITY_NOTE, "proc", NULL,
			    "hidepid is set: other users' processes cannot be "
			    "looked at");
	}
}

/* Of the process ----------------------------------------------------------- */

static void
check_filter(const char *process, struct findings *findings)
{
	char path[64], text[TEXT_BYTES];
	const char *at;

	snprintf(path, sizeof(path), "/proc/%s/status", process);
	(void)read_text(path, text, sizeof(text));
	at = strstr(text, "\nSeccomp:\t");
	if (at != NULL && at[10] == '2')
		add_finding(findings, SEVERITY_NOTE, "seccomp", NULL,
		    "a filter on system calls is in force");
}

/* The soft limit in the text of /proc/PID/limits; false: unlimited. */
static int
find_limit(const char *text, const char *name, uint64_t *value)
{
	const char *at = strstr(text, name);
	char *end;

	if (at == NULL)
		return 0;
	at += strlen(name);
	*value = strtoull(at, &end, 10);
	return end != at;
}

static void
check_limits(const char *process, struct findings *findings)
{
	char path[64], text[TEXT_BYTES], bytes[32];
	uint64_t value;

	snprintf(path, sizeof(path), "/proc/%s/limits", process);
	(void)read_text(path, text, sizeof(text));
	if (find_limit(text, "Max address space", &value)) {
		print_bytes(bytes, sizeof(bytes), value);
		add_finding(findings, SEVERITY_WARN, "limits",
		    "raise it (ulimit -v), the tables need 1/16 of the heap",
		    "RLIMIT_AS is %s", bytes);
	}
	if (find_limit(text, "Max data size", &value)) {
		print_bytes(bytes, sizeof(bytes), value);
		add_finding(findings, SEVERITY_NOTE, "limits",
		    "raise it if allocations fail (ulimit -d)",
		    "RLIMIT_DATA is %s", bytes);
	}
}

/* Control groups ----------------------------------------------------------- */

/* Is `word` one of "a,b,c"? */
static int
has_word(const char *list, const char *word)
{
	size_t len = strlen(word);

	for (;;) {
		size_t n = strcspn(list, ",");

		if (n == len && memcmp(list, word, n) == 0)
			return 1;
		if (list[n] == '\0')
			return 0;
		list += n + 1;
	}
}

/* The folder of the process's group for a controller, with that controller's
 * mount in it; false when there is none.  *base is the mount's length.
 */
static int
find_group(const char *process, const char *controller, char *path,
    size_t *base, int *version)
{
	char name[64], text[TEXT_BYTES], *line, *rest;

	snprintf(name, sizeof(name), "/proc/%s/cgroup", process);
	(void)read_text(name, text, sizeof(text));
	*version = 0;
	for (line = strtok_r(text, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *list = strchr(line, ':'), *group;

		group = list != NULL ? strchr(list + 1, ':') : NULL;
		if (group == NULL)
			continue;
		*group++ = '\0';
		if (list[1] != '\0' && !has_word(list + 1, controller))
			continue;
		if (list[1] == '\0' && *version == 1)
			continue;
		*version = list[1] == '\0' ? 2 : 1;
		*base = (size_t)snprintf(path, PATH_BYTES, "/sys/fs/cgroup%s%s",
		    *version == 1 ? "/" : "", *version == 1 ? controller : "");
		snprintf(path + *base, PATH_BYTES - *base, "%s", group);
	}
	return *version != 0;
}

/* The least of a number in the group's folder and those above; "max" is none.
 */
static uint64_t
find_least(const char *path, size_t base, const char *file)
{
	char folder[PATH_BYTES], name[PATH_BYTES + 64];
	uint64_t least = UINT64_MAX;

	snprintf(folder, sizeof(folder), "%s", path);
	for (;;) {
		char *slash;
		int64_t value;

		snprintf(name, sizeof(name), "%s/%s", folder, file);
		value = read_number(name);
		if (value >= 0 && (uint64_t)value < least)
			least = (uint64_t)value;
		slash = strrchr(folder, '/');
		if (slash == NULL || (size_t)(slash - folder) < base)
			return least;
		*slash = '\0';
	}
}

static void
check_groups(const char *process, struct findings *findings)
{
	char path[PATH_BYTES], bytes[32];
	size_t base;
	int version;
	uint64_t value;

	if (find_group(process, "memory", path, &base, &version)) {
		value = find_least(path, base,
		    version == 2 ? "memory.max" : "memory.limit_in_bytes");
		print_bytes(bytes, sizeof(bytes), value);
		if (value < UINT64_C(1) << 60)
			add_finding(findings, SEVERITY_NOTE, "cgroup", NULL,
			    "memory is limited to %s: GCM_MEMLIMIT=cgroup aims "
			    "at 90 %%",
			    bytes);
	}
	if (find_group(process, "cpu", path, &base, &version)) {
		value = find_least(
		    path, base, version == 2 ? "cpu.max" : "cpu.cfs_quota_us");
		if (value < UINT64_MAX)
			add_finding(findings, SEVERITY_NOTE, "cgroup", NULL,
			    "the time of CPUs is limited to %" PRIu64
			    " us a period; marking takes of it",
			    value);
	}
}

void
inspect_system(const char *process, struct findings *findings)
{
	check_kernel(findings);
	check_settings(findings);
	check_proc(findings);
	check_filter(process, findings);
	check_limits(process, findings);
	check_groups(process, findings);
}
