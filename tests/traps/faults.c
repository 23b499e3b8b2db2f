/* faults.c -- a program with a userfaultfd of its own
 *
 * MODEL   A range is registered with one userfaultfd.  The collector's, which
 *         has all of the program's by the time, must not be in the way; what
 *         the program asks to be told of is the program's alone.
 *
 *         Pages that only the program can fill, in a block of its heap, are
 *         there to be waited for by whoever reads them.  Two requests are made
 *         as no library makes them: by a number that went through an int, with
 *         a structure that is shorter than its name says.
 *
 * RED     B24: with gcm_faults_expect empty: registers: "register: Device or
 *         resource busy"; where only the first thread to register waits for
 *         our thread to end (expect_register): at-once: the same; with all 64
 *         bits of a request compared: by-int: the same; with a look at the
 *         first word of a structure only (look_at): short-structure: killed by
 *         signal 11; with EVENT_FORK noted though it was refused: refused: "0
 *         cycles, 3822 given up"; not noted: serves-forks, serves-few,
 *         hears-of-no-child: "still running at the deadline"; without
 *         may_wait_for_page (scan/scanner.c), and no snapshots: serves-few: the
 *         same; serves-minor: "81 cycles, 0 given up".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/stress/kit.h"

enum {
	LENGTH = 4 << 20,
	SHORT = 8 << 12, /* of a span with others */
	PAGE = 4096,
	THREADS = 8
};

static void
let_cycles_happen(double seconds)
{
	double until = kit_now() + seconds;

	while (kit_now() < until) {
		*(volatile char *)malloc(20000) = 1;
		kit_sleep(0.001);
	}
}

static int
open_faults(uint64_t features)
{
	struct uffdio_api api = {UFFD_API, features, 0};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | 1);

	if (fd < 0 && (errno == EPERM || errno == ENOSYS))
		kit_skip("no userfaultfd");
	KIT_CHECK(fd >= 0);
	if (ioctl(fd, UFFDIO_API, &api) != 0)
		kit_skip("no such userfaultfd");
	return fd;
}

static void
register_range(int fd, void *addr, size_t len, bool by_number)
{
	struct uffdio_register order = {
	    {(uintptr_t)addr, len}, UFFDIO_REGISTER_MODE_MISSING, 0};
	int result = by_number
			 ? (int)syscall(SYS_ioctl, fd, UFFDIO_REGISTER, &order)
			 : ioctl(fd, UFFDIO_REGISTER, &order);

	if (result != 0)
		KIT_FAIL("register: %s", strerror(errno));
}

static void
fill_page(int fd, unsigned char *addr, unsigned char byte)
{
	static unsigned char page[PAGE];
	struct uffdio_copy copy = {
	    (uintptr_t)addr, (uintptr_t)page, PAGE, 0, 0};

	memset(page, byte, PAGE);
	KIT_CHECK(ioctl(fd, UFFDIO_COPY, &copy) == 0);
}

static void
registers(void)
{
	unsigned char *area = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned char *block = aligned_alloc(PAGE, LENGTH);
	int fd;

	KIT_CHECK(area != MAP_FAILED && block != NULL);
	area[0] = 1;
	memset(block, 2, LENGTH);
	let_cycles_happen(0.2);
	fd = open_faults(0);
	register_range(fd, area, LENGTH, false);
	register_range(fd, block, LENGTH, true);
	fill_page(fd, area + PAGE, 3);
	let_cycles_happen(0.2);
	KIT_CHECK(area[0] == 1 && area[PAGE] == 3 && area[2 * PAGE - 1] == 3);
	for (size_t i = 0; i < LENGTH; i += PAGE)
		KIT_CHECK(block[i] == 2);
	close(fd);
	let_cycles_happen(0.1);
	free(block);
}

static void
hears_of_no_child(void)
{
	struct pollfd wait = {-1, POLLIN, 0};
	unsigned char *area = mmap(NULL, LENGTH, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	let_cycles_happen(0.1);
	wait.fd = open_faults(UFFD_FEATURE_EVENT_FORK);
	register_range(wait.fd, area, LENGTH, false);
	for (int i = 0; i < 50; i++) {
		let_cycles_happen(0.005);
		if (poll(&wait, 1, 0) != 0)
			KIT_FAIL("told of a child");
	}
}

/* Requests as they come
 * ---------------------------------------------------- */

/* A mapping whose neighbours are others. */
static unsigned char *
map_range(void)
{
	unsigned char *area = mmap(NULL, LENGTH + PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	KIT_CHECK(area != MAP_FAILED);
	KIT_CHECK(mprotect(area + LENGTH, PAGE, PROT_NONE) == 0);
	area[0] = 1;
	return area;
}

/* Enough that marking takes a while: the collector has ranges to give back. */
static void
keep_many(void)
{
	static void *kept;

	for (int i = 0; i < 200000; i++) {
		void **block = malloc(64);

		*block = kept;
		kept = block;
	}
}

static pthread_barrier_t together;

static void *
register_one(void *area)
{
	int fd = open_faults(0);

	pthread_barrier_wait(&together);
	register_range(fd, area, LENGTH, false);
	return NULL;
}

/* The first to ask has the collector stop; none goes on before it has. */
static void
at_once(void)
{
	unsigned char *areas[THREADS];
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		areas[i] = map_range();
	pthread_barrier_init(&together, NULL, THREADS);
	keep_many();
	let_cycles_happen(0.3);
	for (int i = 0; i < THREADS; i++)
		threads[i] = kit_thread(register_one, areas[i]);
	for (int i = 0; i < THREADS; i++)
		kit_join(threads[i]);
}

/* The kernel looks at 32 bits; of this number the highest of those is set. */
static void
by_int(void)
{
	unsigned char *area = map_range();
	struct uffdio_register order = {
	    {(uintptr_t)area, LENGTH}, UFFDIO_REGISTER_MODE_MISSING, 0};
	int request = (int)UFFDIO_REGISTER, fd;

	let_cycles_happen(0.2);
	fd = open_faults(0);
	KIT_CHECK(request < 0);
	if (ioctl(fd, (unsigned long)request, &order) != 0)
		KIT_FAIL("register: %s", strerror(errno));
}

/* The kernel reads what is there, and says what it thinks of it. */
static void
short_structure(void)
{
	unsigned char *page = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t *words = (void *)(page + PAGE - sizeof(*words));
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1);

	if (fd < 0)
		kit_skip("no userfaultfd");
	KIT_CHECK(page != MAP_FAILED && munmap(page + PAGE, PAGE) == 0);
	*words = UFFD_API;
	errno = 0;
	KIT_CHECK(ioctl(fd, UFFDIO_API, words) == -1 && errno == EFAULT);
	errno = 0;
	KIT_CHECK(ioctl(fd, UFFDIO_REGISTER, words) == -1);
}

static struct gcm_stats
read_stats(void)
{
	struct gcm_stats stats;

	KIT_CHECK(gcm_stats(&stats, sizeof(stats)) == 0);
	return stats;
}

/* Who was refused to be told of children is told of none. */
static void
refused(void)
{
	struct uffdio_api api = {
	    UFFD_API, UFFD_FEATURE_EVENT_FORK | 1ull << 60, 0};
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | 1);
	struct gcm_stats before, now;
	double until = kit_now() + 20;

	if (fd < 0)
		kit_skip("no userfaultfd");
	KIT_CHECK(ioctl(fd, UFFDIO_API, &api) == -1);
	before = read_stats();
	do {
		let_cycles_happen(0.01);
		now = read_stats();
		if (kit_now() > until)
			KIT_FAIL("%d cycles, %d given up",
			    (int)(now.cycles - before.cycles),
			    (int)(now.abandoned - before.abandoned));
	} while (now.cycles < before.cycles + 3);
}

/* Pages that the program fills
 * --------------------------------------------- */

struct served {
	uint64_t features;
	size_t bytes;
	bool minor;     /* its pages are there, and not yet mapped */
	bool collected; /* from a snapshot, which has none of its faults */
};

static _Atomic int nasked;

/* Fills what is asked for.  It waits as threads do that have nothing else. */
static void *
serve(void *arg)
{
	static unsigned char page[PAGE] __attribute__((aligned(PAGE)));
	struct pollfd wait = {*(int *)arg, POLLIN, 0};

	for (;;) {
		struct uffdio_copy copy = {0, (uintptr_t)page, PAGE, 0, 0};
		struct uffdio_continue go_on = {{0, PAGE}, 0, 0};
		struct uffd_msg message;

		poll(&wait, 1, -1);
		if (read(wait.fd, &message, sizeof(message)) !=
			sizeof(message) ||
		    message.event != UFFD_EVENT_PAGEFAULT)
			continue;
		nasked++;
		copy.dst = message.arg.pagefault.address & ~(PAGE - 1ull);
		go_on.range.start = copy.dst;
		if ((message.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_MINOR) !=
		    0)
			ioctl(wait.fd, UFFDIO_CONTINUE, &go_on);
		else
			ioctl(wait.fd, UFFDIO_COPY, &copy);
	}
	return NULL;
}

static unsigned char *
map_minor(size_t bytes)
{
	int memory = memfd_create("served", MFD_CLOEXEC);
	unsigned char *first;

	KIT_CHECK(memory >= 0 && ftruncate(memory, (off_t)bytes) == 0);
	first =
	    mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
	memset(first, 7, bytes);
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
}

static unsigned char *
make_range(const struct served *how)
{
	unsigned char *range = how->minor ? map_minor(how->bytes)
					  : aligned_alloc(PAGE, how->bytes);

	KIT_CHECK(range != NULL && range != MAP_FAILED);
	if (!how->minor)
		KIT_CHECK(madvise(range, how->bytes, MADV_DONTNEED) == 0);
	return range;
}

/* Nobody but the program may touch its pages; and nobody waits for them with
 * the world stopped, which would be for ever.
 */
static void
serve_own(const struct served *how)
{
	static unsigned char **root;
	static int fd;
	struct uffdio_register order = {{0, how->bytes},
	    how->minor ? UFFDIO_REGISTER_MODE_MINOR
		       : UFFDIO_REGISTER_MODE_MISSING,
	    0};
	struct gcm_stats before, after;

	let_cycles_happen(0.1);
	fd = open_faults(how->features);
	root = malloc(sizeof(*root));
	*root = make_range(how);
	order.range.start = (uintptr_t)*root;
	if (ioctl(fd, UFFDIO_REGISTER, &order) != 0)
		KIT_FAIL("register: %s", strerror(errno));
	kit_thread(serve, &fd);
	let_cycles_happen(0.05); /* one that is under way ends */
	before = read_stats();
	let_cycles_happen(0.8);
	after = read_stats();
	if (nasked != 0)
		KIT_FAIL("asked for %d pages", nasked);
	if (how->collected == (after.cycles == before.cycles))
		KIT_FAIL("%d cycles, %d given up",
		    (int)(after.cycles - before.cycles),
		    (int)(after.abandoned - before.abandoned));
	for (size_t i = 0; i < how->bytes; i += PAGE)
		KIT_CHECK((*root)[i] == (how->minor ? 7 : 0));
	KIT_CHECK(nasked == (int)(how->bytes / PAGE));
}

#define SERVES(name, ...)                                                      \
	static void name(void)                                                 \
	{                                                                      \
		static const struct served how = {__VA_ARGS__};                \
                                                                               \
		serve_own(&how);                                               \
	}
SERVES(serves_missing, 0, LENGTH, false, true)
SERVES(serves_forks, UFFD_FEATURE_EVENT_FORK, LENGTH, false, false)
SERVES(serves_few, UFFD_FEATURE_EVENT_FORK, SHORT, false, false)
SERVES(serves_minor, UFFD_FEATURE_MINOR_SHMEM, LENGTH, true, false)
SERVES(serves_all, UFFD_FEATURE_MINOR_SHMEM | UFFD_FEATURE_EVENT_FORK, LENGTH,
    true, false)

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"registers", registers, 0, 0},
	    {"hears-of-no-child", hears_of_no_child, 0, 0},
	    {"at-once", at_once, 0, 0},
	    {"by-int", by_int, 0, 0},
	    {"short-structure", short_structure, 0, 0},
	    {"refused", refused, 0, 0},
	    {"serves-missing", serves_missing, 0, 20},
	    {"serves-forks", serves_forks, 0, 20},
	    {"serves-few", serves_few, 0, 20},
	    {"serves-minor", serves_minor, 0, 20},
	    {"serves-all", serves_all, 0, 20},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_INTERVAL", "5ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	setenv("GCM_GRACE", "0", 1);
	return kit_main(argc, argv, cases);
}
