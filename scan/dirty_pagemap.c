/* dirty_pagemap.c -- which pages the program wrote: tracking by the kernel
 *
 * MODEL   A mapping is tracked once it is registered with our userfaultfd for
 *         asynchronous write protection.  To arm a page is to set a bit in its
 *         page table entry that makes it read-only; the kernel resolves the
 *         fault of a write by itself, clears the bit and wakes nobody.
 *         PAGEMAP_SCAN tells the pages whose bit is clear ("written"), and can
 *         set it in the same step.
 *
 *         Only pages that are there are armed, and only such are told: others
 *         would need page tables, 2 GiB of them for a sparse terabyte.  A page
 *         that comes later comes with its bit clear.
 *
 *         Arming and taking anew go by pieces, for each holds the lock of the
 *         address space as long as it lasts.
 *
 *         Why no page is missed: a page whose words changed since it was armed
 *         is told, because
 *         - a write, the kernel's own included (read, process_vm_writev),
 *           faults on an armed entry and clears the bit before it happens;
 *         - a page that was not there has no bit: first touched, or dropped by
 *           MADV_DONTNEED, munmap or truncation and touched again (in a
 *           private mapping of a file a dropped page may leave its bit behind:
 *           it reads as the file does until it is written);
 *         - swap and migration keep the bit in the entry that takes the page's
 *           place; a huge page has one bit, which its parts inherit;
 *         - a fork leaves the parent's bits alone; a page that is copied later
 *           comes by a write, as above;
 *         - the page of zeros is neither told nor armed: it holds nothing, and
 *           a write puts another page, whose bit is clear, in its place;
 *         - a mapping made or moved over a tracked one (MAP_FIXED, mremap,
 *           munmap and mmap) is not tracked, and what is not tracked is told
 *           as a whole.  A tracked one that grows gets pages that were not
 *           there;
 *         - pages are told and armed in one step, under the page table's lock.
 *
 * INVARIANTS
 *   .inv.foreign  where somebody else's userfaultfd was seen, we never set a
 *         bit, for it would change what he sees, and never trust one.
 *   .assume.foreign-late  nobody else begins, during a cycle, to track by
 *         WP_ASYNC a mapping he made where a tracked one was.
 *   .assume.pinned  what a device writes into pages that were pinned before
 *         they were armed (O_DIRECT reads under way, registered buffers of
 *         io_uring, RDMA) is not seen.  Nor are writes to shared memory
 *         through another mapping: shared mappings are not for us.
 *
 * FORK    a child has no descriptor of ours, but other ones by the same
 *         numbers: gcm_dirty_close closes nothing there.
 *
 * PAPERS  Linux, Documentation/admin-guide/mm/pagemap.rst and userfaultfd.rst
 */
#include "scan/dirty.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>

#include "scan/pagemap.h"

#ifndef UFFD_USER_MODE_ONLY
#define UFFD_USER_MODE_ONLY 1
#endif

#define SYSCALL(nr, a, b, c, d, e, f)                                          \
	gcm_arch_syscall((nr), (long)(a), (long)(b), (long)(c), (long)(d),     \
	    (long)(e), (long)(f))

enum {
	WP_UNPOPULATED = 1 << 13, /* UFFD_FEATURE_..., Linux 6.4 */
	WP_ASYNC = 1 << 15,       /* 6.7 */
	ARM_PIECE = 64 << 20,
	UNDO_PIECE = 32 << 20,
	UNDO_LEAST = 1 << 20,
	LONG_PAGES = 16, /* a range worth a second look */
	FIRST_RANGES = 4096
};

struct range {
	uintptr_t lo, hi;
};

struct ranges {
	struct range *list; /* by address, none touch */
	size_t count, room;
};

/* The collector's thread. */
static struct {
	int owner; /* process that opened; 0: closed */
	int uffd;
	struct ranges ours;    /* registered by us, at some time */
	struct ranges foreign; /* by somebody else, at some time */
} dirty = {.uffd = -EBADF};

/* What is registered ---------------------------------------------------------
 */

/* Room for one more. */
static int
grow_ranges(struct ranges *ranges)
{
	size_t room = ranges->room == 0 ? FIRST_RANGES : ranges->room * 2;
	struct range *list;

	if (ranges->count < ranges->room)
		return 0;
	list = gcm_own_map(room * sizeof(*list));
	if (list == NULL)
		return -ENOMEM;
	if (ranges->list != NULL) {
		memcpy(list, ranges->list, ranges->count * sizeof(*list));
		gcm_own_unmap(ranges->list, ranges->room * sizeof(*list));
	}
	ranges->list = list;
	ranges->room = room;
	return 0;
}

static void
drop_ranges(struct ranges *ranges)
{
	if (ranges->list != NULL)
		gcm_own_unmap(
		    ranges->list, ranges->room * sizeof(*ranges->list));
	memset(ranges, 0, sizeof(*ranges));
}

/* The first range that ends at or behind addr. */
static size_t
find_range(const struct ranges *ranges, uintptr_t addr)
{
	size_t lo = 0, hi = ranges->count;

	while (lo < hi) {
		size_t middle = lo + (hi - lo) / 2;

		if (ranges->list[middle].hi < addr)
			lo = middle + 1;
		else
			hi = middle;
	}
	return lo;
}

/* Note [lo, hi), merged with what it meets.  There is room. */
static void
note_range(struct ranges *ranges, uintptr_t lo, uintptr_t hi)
{
	size_t first = find_range(ranges, lo), next = first;

	for (; next < ranges->count && ranges->list[next].lo <= hi; next++) {
		if (ranges->list[next].lo < lo)
			lo = ranges->list[next].lo;
		if (ranges->list[next].hi > hi)
			hi = ranges->list[next].hi;
	}
	memmove(&ranges->list[first + 1], &ranges->list[next],
	    (ranges->count - next) * sizeof(*ranges->list));
	ranges->count = ranges->count - (next - first) + 1;
	ranges->list[first].lo = lo;
	ranges->list[first].hi = hi;
}

int
gcm_dirty_watch(uintptr_t lo, uintptr_t hi)
{
	struct uffdio_register order = {
	    {lo, hi - lo}, UFFDIO_REGISTER_MODE_WP, 0};
	int error;

	if (dirty.uffd < 0)
		return dirty.uffd;
	if (grow_ranges(&dirty.ours) != 0 || grow_ranges(&dirty.foreign) != 0)
		return -ENOMEM;
	error = (int)SYSCALL(
	    SYS_ioctl, dirty.uffd, UFFDIO_REGISTER, &order, 0, 0, 0);
	if (error == 0)
		note_range(&dirty.ours, lo, hi);
	else if (error == -EBUSY) /* .inv.foreign */
		note_range(&dirty.foreign, lo, hi);
	return error;
}

/* Arming ---------------------------------------------------------------------
 */

/* Written pages of mappings that are tracked: others are passed over by the
 * kernel as a whole, so that this fails at none, half done.
 */
static struct gcm_pagemap_want
want_written(bool again)
{
	struct gcm_pagemap_want want = {
	    .flags = again ? GCM_PM_PROTECT : 0,
	    .all = GCM_PAGE_WPALLOWED | GCM_PAGE_WRITTEN,
	    .none = GCM_PAGE_PFNZERO,
	    .any = GCM_PAGE_PRESENT | GCM_PAGE_SWAPPED,
	};

	return want;
}

static uintptr_t
piece_end(uintptr_t lo, uintptr_t hi)
{
	return hi - lo > ARM_PIECE ? lo + ARM_PIECE : hi;
}

/* A scan for what no tracked mapping has, that says -EPERM at one that is not
 * tracked.
 */
static int
check_tracked(uintptr_t lo, uintptr_t hi)
{
	struct gcm_pagemap_want want = {
	    .flags = GCM_PM_CHECK,
	    .none = GCM_PAGE_WPALLOWED,
	};

	return gcm_pagemap_scan(lo, hi, &want, NULL, NULL);
}

int
gcm_dirty_arm(uintptr_t lo, uintptr_t hi)
{
	struct gcm_pagemap_want want = want_written(true);
	bool whole = true;

	for (uintptr_t at = lo, end; at < hi; at = end) {
		int error;

		end = piece_end(at, hi);
		error = gcm_pagemap_scan(at, end, &want, NULL, NULL);
		if (error == -ENXIO) /* part of a huge page: not armed */
			whole = false;
		else if (error != 0)
			return error;
	}
	return whole ? check_tracked(lo, hi) : -EPERM;
}

/* Taking ---------------------------------------------------------------------
 */

struct taker {
	gcm_range_visitor visit;
	void *arg;
	size_t long_range; /* bytes */
	int error;
};

static int
take_untracked(uintptr_t lo, uintptr_t hi, gcm_range_visitor visit, void *arg)
{
	struct gcm_pagemap_want want = {
	    .none = GCM_PAGE_WPALLOWED | GCM_PAGE_PFNZERO,
	    .any = GCM_PAGE_PRESENT | GCM_PAGE_SWAPPED,
	};

	return gcm_pagemap_scan(lo, hi, &want, visit, arg);
}

/* Written pages, then those of what is not tracked: in this order, for what is
 * tracked can stop being so in between.
 */
static int
take_piece(
    uintptr_t lo, uintptr_t hi, bool again, gcm_range_visitor visit, void *arg)
{
	struct gcm_pagemap_want want = want_written(again);
	int error = gcm_pagemap_scan(lo, hi, &want, visit, arg);

	if (error == -ENXIO) /* part of a huge page: written, we say */
		return gcm_pages_resident(lo, hi, false, visit, arg);
	return error != 0 ? error : take_untracked(lo, hi, visit, arg);
}

/* The quick look takes what is not there for written, with all of a hole. */
static void
look_twice(uintptr_t lo, uintptr_t hi, void *arg)
{
	struct taker *taker = arg;

	if (hi - lo < taker->long_range) {
		taker->visit(lo, hi, taker->arg);
	} else {
		int error = take_piece(lo, hi, false, taker->visit, taker->arg);

		if (error != 0)
			taker->error = error;
	}
}

/* The kernel has a short path for this question and no other. */
static int
take_quickly(uintptr_t lo, uintptr_t hi, gcm_range_visitor visit, void *arg)
{
	struct gcm_pagemap_want want = {
	    .flags = GCM_PM_CHECK,
	    .all = GCM_PAGE_WRITTEN,
	    .report = GCM_PAGE_WRITTEN,
	};
	struct taker taker = {visit, arg, LONG_PAGES * gcm_os_page_size(), 0};
	int error = gcm_pagemap_scan(lo, hi, &want, look_twice, &taker);

	return error != 0 ? error : taker.error;
}

static int
take_ours(
    uintptr_t lo, uintptr_t hi, bool again, gcm_range_visitor visit, void *arg)
{
	int error = 0;

	if (!again) {
		error = take_quickly(lo, hi, visit, arg);
		if (error == -EPERM) /* nothing was changed: once more */
			error = take_piece(lo, hi, false, visit, arg);
		return error;
	}
	for (uintptr_t at = lo, end; at < hi && error == 0; at = end) {
		end = piece_end(at, hi);
		error = take_piece(at, end, true, visit, arg);
	}
	return error;
}

static uintptr_t
clip(uintptr_t addr, uintptr_t lo, uintptr_t hi)
{
	return addr < lo ? lo : addr > hi ? hi : addr;
}

int
gcm_dirty_take(
    uintptr_t lo, uintptr_t hi, bool again, gcm_range_visitor visit, void *arg)
{
	size_t i = find_range(&dirty.foreign, lo);
	int error = 0;

	while (lo < hi && error == 0) {
		struct range next = {hi, hi};

		if (i < dirty.foreign.count)
			next = dirty.foreign.list[i++];
		next.lo = clip(next.lo, lo, hi);
		next.hi = clip(next.hi, lo, hi);
		if (lo < next.lo)
			error = take_ours(lo, next.lo, again, visit, arg);
		if (error == 0 && next.lo < next.hi) /* .inv.foreign */
			error = gcm_pages_resident(
			    next.lo, next.hi, false, visit, arg);
		lo = next.hi;
	}
	return error;
}

static void
note_written(uintptr_t lo, uintptr_t hi, void *arg)
{
	if (lo < hi)
		*(bool *)arg = true;
}

/* A huge page that was armed is split by the first write to it.  One that is
 * whole came later, and who wrote to it cannot be told.
 */
bool
gcm_dirty_is_written(uintptr_t lo, uintptr_t hi)
{
	struct gcm_pagemap_want want = want_written(false);
	size_t i = find_range(&dirty.foreign, lo);
	bool written = false;

	lo = gcm_round_up(lo, gcm_os_page_size());
	hi = gcm_round_down(hi, gcm_os_page_size());
	if (lo >= hi || dirty.uffd < 0 || /* .inv.foreign */
	    (i < dirty.foreign.count && dirty.foreign.list[i].lo < hi))
		return false;
	want.none |= GCM_PAGE_HUGE;
	return gcm_pagemap_scan(lo, hi, &want, note_written, &written) == 0 &&
	       written;
}

/* Opening --------------------------------------------------------------------
 */

enum {
	BY_US,     /* pages of the probe */
	BY_KERNEL, /* copied to by a system call */
	BY_OTHERS, /* as by ptrace and process_vm_writev */
	BY_NOBODY,
	NPROBES
};

struct probe {
	uintptr_t lo;
	size_t page;
	unsigned int seen; /* bit i: page i */
};

static void
note_probe(uintptr_t lo, uintptr_t hi, void *arg)
{
	struct probe *probe = arg;

	for (unsigned int i = 0; i < NPROBES; i++)
		if (lo <= probe->lo + i * probe->page &&
		    probe->lo + i * probe->page < hi)
			probe->seen |= 1u << i;
}

static void *
probe_page(const struct probe *probe, unsigned int i)
{
	return (void *)(probe->lo + i * probe->page);
}

static void
write_page(const struct probe *probe, unsigned int i)
{
	volatile uint64_t *word = probe_page(probe, i);

	*word = 1;
}

/* Write to three of the pages; bits of those written. */
static unsigned int
write_probe(const struct probe *probe)
{
	uint64_t word = 2;
	struct iovec local = {&word, sizeof(word)},
		     remote = {probe_page(probe, BY_OTHERS), sizeof(word)};
	long tid = SYSCALL(SYS_gettid, 0, 0, 0, 0, 0, 0);
	unsigned int written = 1u << BY_US;

	write_page(probe, BY_US);
	if (SYSCALL(SYS_clock_gettime, CLOCK_MONOTONIC,
		probe_page(probe, BY_KERNEL), 0, 0, 0, 0) == 0)
		written |= 1u << BY_KERNEL;
	if (SYSCALL(SYS_process_vm_writev, tid, &local, 1, &remote, 1, 0) ==
	    sizeof(word)) /* may be refused: no matter */
		written |= 1u << BY_OTHERS;
	return written;
}

static int
take_probe(struct probe *probe, bool again, unsigned int wanted)
{
	int error;

	probe->seen = 0;
	error = gcm_dirty_take(probe->lo, probe->lo + NPROBES * probe->page,
	    again, note_probe, probe);
	return error != 0 ? error : probe->seen == wanted ? 0 : -ENOSYS;
}

static int
probe_tracking(struct probe *probe)
{
	uintptr_t hi = probe->lo + NPROBES * probe->page;
	unsigned int written;
	int error;

	for (unsigned int i = 0; i < NPROBES; i++)
		write_page(probe, i);
	error = gcm_dirty_watch(probe->lo, hi);
	if (error == 0)
		error = gcm_dirty_arm(probe->lo, hi);
	if (error == 0)
		error = take_probe(probe, false, 0);
	if (error != 0)
		return error;
	written = write_probe(probe);
	error = take_probe(probe, false, written);
	if (error == 0)
		error = take_probe(probe, true, written);
	if (error == 0)
		error = take_probe(probe, false, 0);
	if (error != 0)
		return error;
	written = write_probe(probe);
	return take_probe(probe, true, written);
}

static int
open_uffd(void)
{
	struct uffdio_api api = {UFFD_API, WP_ASYNC | WP_UNPOPULATED, 0};
	long fd = SYSCALL(
	    SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY, 0, 0, 0, 0, 0);
	long error;

	if (fd < 0)
		return (int)fd;
	error = SYSCALL(SYS_ioctl, fd, UFFDIO_API, &api, 0, 0, 0);
	if (error < 0) {
		gcm_os_close((int)fd);
		return (int)error;
	}
	return (int)fd;
}

int
gcm_dirty_open(void)
{
	struct probe probe = {.page = gcm_os_page_size()};
	void *pages;
	int error;

	dirty.ours.count = dirty.foreign.count = 0;
	dirty.uffd = open_uffd();
	if (dirty.uffd < 0)
		return dirty.uffd;
	dirty.owner = gcm_os_pid();
	pages = gcm_own_map(NPROBES * probe.page);
	if (pages == NULL) {
		gcm_dirty_close();
		return -ENOMEM;
	}
	probe.lo = (uintptr_t)pages;
	error = probe_tracking(&probe);
	gcm_own_unmap(pages, NPROBES * probe.page);
	if (error != 0)
		gcm_dirty_close();
	return error;
}

/* Older kernels let us undo somebody else's registration: a piece with anything
 * in it that is not tracked is taken in smaller ones, and the smallest left to
 * the closing of the descriptor.
 */
static void
unwatch_range(uintptr_t lo, uintptr_t hi)
{
	size_t step = UNDO_PIECE;

	while (lo < hi) {
		uintptr_t end = hi - lo > step ? lo + step : hi;
		struct uffdio_range piece = {lo, end - lo};

		if (check_tracked(lo, end) == 0) {
			(void)SYSCALL(SYS_ioctl, dirty.uffd, UFFDIO_UNREGISTER,
			    &piece, 0, 0, 0);
		} else if (step == UNDO_PIECE) {
			step = UNDO_LEAST;
			continue;
		}
		lo = end;
		if (lo % UNDO_PIECE == 0)
			step = UNDO_PIECE;
	}
}

void
gcm_dirty_close(void)
{
	if (dirty.uffd >= 0 && dirty.owner == gcm_os_pid()) {
		for (size_t i = 0; i < dirty.ours.count; i++)
			unwatch_range(
			    dirty.ours.list[i].lo, dirty.ours.list[i].hi);
		gcm_os_close(dirty.uffd);
	}
	drop_ranges(&dirty.ours);
	drop_ranges(&dirty.foreign);
	dirty.owner = 0;
	dirty.uffd = -EBADF;
}
