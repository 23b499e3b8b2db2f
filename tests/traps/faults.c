/* faults.c -- a program with a userfaultfd of its own
 *
 * MODEL   A range is registered with one userfaultfd.  The collector's, which
 *         has all of the program's by the time, must not be in the way; what
 *         the program asks to be told of is the program's alone.
 *
 *         With gcm_faults_expect empty: "register: Device or resource busy";
 *         without its look at EVENT_FORK: "still running at the deadline".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tests/stress/kit.h"

enum {
	LENGTH = 4 << 20,
	PAGE = 4096
};

static void
let_cycles_happen(double seconds)
{
	double until = kit_now() + seconds;

	while (kit_now() < until) {
		free(malloc(70000));
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

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"registers", registers, 0, 0},
	    {"hears-of-no-child", hears_of_no_child, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_INTERVAL", "5ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	setenv("GCM_GRACE", "0", 1);
	return kit_main(argc, argv, cases);
}
