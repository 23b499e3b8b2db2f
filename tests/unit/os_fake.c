/* os_fake.c -- core/os.h for tests: a kernel that does as it is told
 *
 * MODEL   Each call that may fail asks os_fake_must_fail first, so that a
 * failed call changes nothing.  Memory comes from libc's mmap (sanitizers want
 * to see it).  The list of ranges that are ours is kept merged; a call on a
 * range outside is a broken contract, and fatal.
 */
#define _GNU_SOURCE
#include "os_fake.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "os_fake_parts.h"

enum {
	NWIPED = 4
};

struct os_fake os_fake = {
    .page_size = 4096,
    .random = 1,
    .dev = 1,
    .ino = 2,
    .pid = 4711,
    .user = 1000,
    .cpus = 2,
    .memory = 8ull << 30,
    .now_ns = 1000000000,
    .cpu_ns = 1000,
    .faster = 1000,
};

_Thread_local enum os_fake_end os_fake_ended;
_Thread_local bool os_fake_armed;
_Thread_local sigjmp_buf os_fake_point;

struct plan {
	_Atomic uint64_t ncalls;
	uint64_t from, to; /* numbers of calls that fail */
	int error;
};

static struct plan plans[OS_NCALLS];
static _Atomic uint64_t nfailures;
static size_t limit = SIZE_MAX;
static void *wiped[NWIPED];

void
os_fake_break(const char *what)
{
	fprintf(stderr, "os_fake: %s\n", what);
	abort();
}

/* Failures -------------------------------------------------------------------
 */

int
os_fake_count_call(enum os_fake_call call)
{
	struct plan *plan = &plans[call];
	uint64_t number = atomic_fetch_add(&plan->ncalls, 1);

	if (os_fake.on_call != NULL && call != OS_ANY)
		os_fake.on_call(call);
	return number >= plan->from && number < plan->to ? -plan->error : 0;
}

int
os_fake_must_fail(enum os_fake_call call)
{
	int any = os_fake_count_call(OS_ANY), error = os_fake_count_call(call);

	if (error == 0)
		error = any;
	if (error != 0)
		atomic_fetch_add(&nfailures, 1);
	return error;
}

void
os_fake_fail(enum os_fake_call call, uint64_t nth, uint64_t ntimes, int error)
{
	struct plan *plan = &plans[call];

	plan->from = atomic_load(&plan->ncalls) + nth;
	plan->to =
	    ntimes > UINT64_MAX - plan->from ? UINT64_MAX : plan->from + ntimes;
	plan->error = error;
}

uint64_t
os_fake_count(enum os_fake_call call)
{
	return atomic_load(&plans[call].ncalls);
}

uint64_t
os_fake_failures(void)
{
	return atomic_load(&nfailures);
}

void
os_fake_reset(void)
{
	memset(plans, 0, sizeof(plans));
	os_fake_forget_texts();
	nfailures = 0;
	limit = SIZE_MAX;
}

/* Memory ---------------------------------------------------------------------
 */

static void
check_range(void *addr, size_t len)
{
	if (len == 0 || len % os_fake.page_size != 0 ||
	    (uintptr_t)addr % os_fake.page_size != 0)
		os_fake_break("not whole pages of the kernel");
}

static void
check_ours(void *addr, size_t len)
{
	check_range(addr, len);
	if (!os_fake_range_has((uintptr_t)addr, (uintptr_t)addr + len))
		os_fake_break("memory that is not ours");
}

size_t
os_fake_mapped(void)
{
	return os_fake_range_sum();
}

void
os_fake_limit(size_t bytes)
{
	limit = bytes;
}

static int
map_range(void **out, void *addr, size_t len, int flags)
{
	void *got;

	check_range(addr, len);
	if (len > limit || os_fake_mapped() > limit - len)
		return -ENOMEM;
	got = mmap(
	    addr, len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | flags, -1, 0);
	if (got == MAP_FAILED)
		return -errno;
	os_fake_range_add((uintptr_t)got, (uintptr_t)got + len);
	*out = got;
	return 0;
}

size_t
gcm_os_page_size(void)
{
	return os_fake.page_size;
}

uint64_t
gcm_os_random(void)
{
#ifdef OS_FAKE_RANDOM /* a sanitizer leaves one place only */
	return OS_FAKE_RANDOM;
#else
	uint64_t value = os_fake.random += 0x9e3779b97f4a7c15u;

	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return value ^ (value >> 31);
#endif
}

int
gcm_os_map_at(void *addr, size_t len, bool table)
{
	int error = os_fake_must_fail(OS_MAP_AT);
	void *got;

	if (error != 0)
		return error;
	return map_range(&got, addr, len,
	    MAP_PRIVATE | MAP_FIXED_NOREPLACE | (table ? MAP_NORESERVE : 0));
}

int
gcm_os_map_own(void *addr, size_t len, bool shared)
{
	int error = os_fake_must_fail(OS_MAP);
	void *got;

	if (error != 0)
		return error;
	return map_range(&got, addr, len,
	    MAP_FIXED_NOREPLACE | (shared ? MAP_SHARED : MAP_PRIVATE));
}

bool
gcm_os_image(uintptr_t *lo, uintptr_t *hi)
{
	*lo = os_fake.image_lo;
	*hi = os_fake.image_hi;
	return *lo < *hi;
}

int
gcm_os_map(void **out, size_t len)
{
	int error = os_fake_must_fail(OS_MAP);

	len = gcm_round_up(len, os_fake.page_size); /* as the kernel does */
	return error != 0 ? error : map_range(out, NULL, len, MAP_PRIVATE);
}

int
gcm_os_map_wiped(void **out)
{
	int error = os_fake_must_fail(OS_MAP_WIPED);

	if (error == 0)
		error = map_range(out, NULL, os_fake.page_size, MAP_PRIVATE);
	for (int i = 0; error == 0; i++) {
		if (i == NWIPED)
			os_fake_break("too many wiped pages");
		if (wiped[i] == NULL) {
			wiped[i] = *out;
			break;
		}
	}
	return error;
}

void
os_fake_wipe(void)
{
	for (int i = 0; i < NWIPED; i++)
		if (wiped[i] != NULL)
			memset(wiped[i], 0, os_fake.page_size);
	os_fake_forget_thread();
}

void
gcm_os_unmap(void *addr, size_t len)
{
	(void)os_fake_count_call(OS_UNMAP);
	check_range(addr, len); /* a child undoes what was not done yet, too */
	os_fake_range_drop((uintptr_t)addr, (uintptr_t)addr + len);
	munmap(addr, len);
}

void
gcm_os_confine(void)
{
	os_fake.confined = true;
}

int
gcm_os_release(void *addr, size_t len)
{
	int error = os_fake_must_fail(OS_RELEASE);

	check_ours(addr, len);
	if (os_fake.confined)
		return -EPERM;
	if (error == 0 && madvise(addr, len, MADV_DONTNEED) != 0)
		error = -errno;
	return error;
}

int
gcm_os_collapse(void *addr, size_t len)
{
	check_range(addr, len);
	return os_fake.confined ? -EPERM : 0;
}

int
gcm_os_renew(void *addr, size_t len)
{
	int error = os_fake_must_fail(OS_RENEW);

	check_ours(addr, len);
	if (error == 0 &&
	    mmap(addr, len, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		error = -errno;
	return error;
}

int
gcm_os_move(void *from, void *to, size_t len)
{
	int error = os_fake_must_fail(OS_MOVE);

	check_ours(from, len);
	check_ours(to, len);
	if ((uintptr_t)from < (uintptr_t)to + len &&
	    (uintptr_t)to < (uintptr_t)from + len)
		os_fake_break("a move onto itself");
	if (error == 0 && mremap(from, len, len,
			      MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP,
			      to) == MAP_FAILED)
		error = -errno;
	return error;
}

static int
protect_range(void *addr, size_t len, bool hidden)
{
	return mprotect(
		   addr, len, hidden ? PROT_NONE : PROT_READ | PROT_WRITE) == 0
		   ? 0
		   : -errno;
}

int
gcm_os_protect(void *addr, size_t len, bool hidden)
{
	int error = os_fake_must_fail(OS_PROTECT);

	check_ours(addr, len);
	return error != 0 ? error : protect_range(addr, len, hidden);
}

/* Any kernel can do it this way, at the cost of mappings.  A guard is always
 * removed: Linux needs no memory for that.
 */
int
gcm_os_guard(void *addr, size_t len, bool on)
{
	int error = on ? os_fake_must_fail(OS_GUARD) : 0;

	check_ours(addr, len);
	if (error == 0 && on && os_fake.confined)
		error = -EPERM;
	if (error == 0 && on && madvise(addr, len, MADV_DONTNEED) != 0)
		error = -errno;
	return error != 0 ? error : protect_range(addr, len, on);
}

void
gcm_os_name(void *addr, size_t len, const char *name)
{
	(void)os_fake_count_call(OS_NAME);
	check_ours(addr, len);
	if (strlen(name) > 79)
		os_fake_break("a name that the kernel refuses");
}

/* The kernel reads the set before it refuses what to do with it. */
bool
gcm_os_can_read(const void *addr)
{
	return syscall(SYS_rt_sigprocmask, ~0, addr, NULL, (size_t)8) == 0 ||
	       errno != EFAULT;
}

size_t
gcm_os_resident(void)
{
	return 5 << 20;
}

uint32_t
gcm_os_cpus(void)
{
	return os_fake.cpus;
}

uint64_t
gcm_os_memory(void)
{
	return os_fake.memory;
}

int
gcm_os_pid(void)
{
	return os_fake.pid;
}

/* The end --------------------------------------------------------------------
 */

static _Noreturn void
end_run(enum os_fake_end end)
{
	if (os_fake_armed) {
		os_fake_ended = end;
		siglongjmp(os_fake_point, 1);
	}
	fputs(os_fake_stderr(), stderr);
	abort();
}

void
gcm_os_abort(void)
{
	end_run(OS_ABORTED);
}

void
gcm_os_trap(void)
{
	end_run(OS_TRAPPED);
}
