/* ring.c -- blocks that the kernel works on: orders in a ring, pages in a pipe
 *
 * Seen red:
 * A9: without gcm_ring_before_enter in preload/flight.c: orders: "lost: 6 of 6
 *     blocks"; without gcm_ring_after_enter: done: "5290 blocks of 20000".
 * A9: without shared mappings (read_range in scan/root.c): entries: "lost: 6 of
 * 6 blocks". A18: without vmsplice in preload/blocking.def: pipe-of-pages:
 * "lost: 12 of 12 blocks". A18: without gcm_flight_lent in
 * preload/blocking.def: sent-pages: "3526656 bytes are others".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/traps/block.h"

#ifndef SO_ZEROCOPY
#define SO_ZEROCOPY 60
#endif
#ifndef MSG_ZEROCOPY
#define MSG_ZEROCOPY 0x4000000
#endif

enum {
	ORDERS = 6,
	ENTRIES = 8,
	WRAPS = 200,
	MANY = 20000
};

/* A ring by hand
 * --------------------------------------------------------------- */

static struct {
	int fd;
	char *queue;
	struct io_uring_sqe *entries;
	struct io_uring_params params;
} ring;

/* As a library with system calls of its own does it. */
static bool by_instruction;

static long
enter(unsigned handed, unsigned wanted, unsigned flags)
{
#ifdef __x86_64__
	if (by_instruction) {
		register long r10 __asm__("r10") = flags;
		register long r8 __asm__("r8") = 0;
		register long r9 __asm__("r9") = 0;
		long result = SYS_io_uring_enter;

		__asm__ volatile("syscall"
				 : "+a"(result)
				 : "D"((long)ring.fd), "S"((long)handed),
				 "d"((long)wanted), "r"(r10), "r"(r8), "r"(r9)
				 : "rcx", "r11", "memory");
		return result;
	}
#endif
	return syscall(
	    SYS_io_uring_enter, ring.fd, handed, wanted, flags, NULL, 0);
}

static unsigned *
at(unsigned offset)
{
	return (unsigned *)(void *)(ring.queue + offset);
}

static void
open_ring(void)
{
	struct io_uring_params *p = &ring.params;
	const int access = PROT_READ | PROT_WRITE;
	const int how = MAP_SHARED | MAP_POPULATE;
	size_t size;

	ring.fd = (int)syscall(SYS_io_uring_setup, ENTRIES, p);
	if (ring.fd < 0 || (p->features & IORING_FEAT_SINGLE_MMAP) == 0)
		kit_skip("no io_uring here");
	size = p->cq_off.cqes + p->cq_entries * sizeof(struct io_uring_cqe);
	if (size < p->sq_off.array + p->sq_entries * sizeof(unsigned))
		size = p->sq_off.array + p->sq_entries * sizeof(unsigned);
	ring.queue = mmap(NULL, size, access, how, ring.fd, IORING_OFF_SQ_RING);
	ring.entries = mmap(NULL, p->sq_entries * sizeof(*ring.entries), access,
	    how, ring.fd, IORING_OFF_SQES);
	KIT_CHECK(ring.queue != MAP_FAILED && ring.entries != MAP_FAILED);
}

static __attribute__((noinline)) void
submit(unsigned char op, int fd, void *block)
{
	unsigned tail = *at(ring.params.sq_off.tail);
	unsigned i = tail & *at(ring.params.sq_off.ring_mask);
	struct io_uring_sqe *entry = &ring.entries[i];

	memset(entry, 0, sizeof(*entry));
	entry->opcode = op;
	entry->fd = fd;
	if (op == IORING_OP_POLL_ADD)
		entry->poll32_events = POLLIN;
	entry->user_data = (uintptr_t)block;
	at(ring.params.sq_off.array)[i] = i;
	__atomic_store_n(
	    at(ring.params.sq_off.tail), tail + 1, __ATOMIC_RELEASE);
	KIT_CHECK(enter(1, 0, 0) == 1);
}

static void *
reap(void)
{
	unsigned head = *at(ring.params.cq_off.head), i;
	const struct io_uring_cqe *all =
	    (const struct io_uring_cqe *)(void *)at(ring.params.cq_off.cqes);
	void *block;

	while (__atomic_load_n(at(ring.params.cq_off.tail), __ATOMIC_ACQUIRE) ==
	       head)
		KIT_CHECK(enter(0, 1, IORING_ENTER_GETEVENTS) == 0);
	i = head & *at(ring.params.cq_off.ring_mask);
	block = (void *)(uintptr_t)all[i].user_data;
	__atomic_store_n(
	    at(ring.params.cq_off.head), head + 1, __ATOMIC_RELEASE);
	return block;
}

static __attribute__((noinline)) void
order_all(int fd)
{
	for (int i = 0; i < ORDERS; i++)
		submit(IORING_OP_POLL_ADD, fd, block_new());
}

static void
pass_time(bool wrap)
{
	for (int i = 0; wrap && i < WRAPS; i++) {
		submit(IORING_OP_NOP, -1, NULL);
		KIT_CHECK(reap() == NULL);
	}
	block_await_cycles();
}

static void
check_orders(bool wrap)
{
	struct block_count count = {0, 0};
	int ends[2];

	KIT_CHECK(pipe(ends) == 0);
	open_ring();
	order_all(ends[0]);
	pass_time(wrap);
	KIT_CHECK(write(ends[1], "", 1) == 1);
	for (int i = 0; i < ORDERS; i++)
		block_count(&count, reap(), BLOCK_BYTES);
	block_judge(&count);
}

/* The entries are still there. */
static void
entries(void)
{
	by_instruction = true;
	check_orders(false);
}

/* Others took their places. */
static void
orders(void)
{
	check_orders(true);
}

/* Orders that are done keep nothing. */
static void
done(void)
{
	struct gcm_stats before, after;
	uint64_t back;

	open_ring();
	block_collect();
	KIT_CHECK(gcm_stats(&before, sizeof(before)) == 0);
	for (int i = 0; i < MANY; i++) {
		submit(IORING_OP_NOP, -1, block_new());
		KIT_CHECK(block_is_whole(reap()));
	}
	block_collect();
	KIT_CHECK(gcm_stats(&after, sizeof(after)) == 0);
	back = after.reclaimed_blocks - before.reclaimed_blocks;
	if (back < MANY / 100 * 99)
		KIT_FAIL("%d blocks of %d", (int)back, MANY);
}

/* Pages
 * ------------------------------------------------------------------------ */

enum {
	PAGE = 4096,
	PIPED = 12,
	SENT = 100,
	LENGTH = 16 * PAGE
};

static __attribute__((noinline)) void
lay_into_pipe(int fd)
{
	for (int i = 0; i < PIPED; i++) {
		void *page = aligned_alloc(PAGE, PAGE);
		struct iovec part = {page, PAGE};

		memset(page, BLOCK_FILL, PAGE);
		KIT_CHECK(vmsplice(fd, &part, 1, 0) == PAGE);
		block_forget(&part.iov_base);
		block_forget(&page);
	}
}

/* The pipe has the pages themselves. */
static void
pipe_of_pages(void)
{
	struct block_count count = {0, 0};
	static char page[PAGE];
	int ends[2];

	KIT_CHECK(pipe(ends) == 0);
	lay_into_pipe(ends[1]);
	block_await_cycles();
	for (int i = 0; i < PIPED; i++) {
		KIT_CHECK(read(ends[0], page, PAGE) == PAGE);
		block_count(&count, page, PAGE);
	}
	block_judge(&count);
}

static void
connect_pair(int *ends)
{
	struct sockaddr_in address = {.sin_family = AF_INET};
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ends[1] = socket(AF_INET, SOCK_STREAM, 0);
	if (listener < 0 ||
	    bind(listener, (struct sockaddr *)&address, size) != 0 ||
	    getsockname(listener, (struct sockaddr *)&address, &size) != 0 ||
	    listen(listener, 1) != 0 ||
	    connect(ends[1], (struct sockaddr *)&address, size) != 0)
		kit_skip("no network here");
	ends[0] = accept(listener, NULL, NULL);
	KIT_CHECK(ends[0] >= 0);
}

static __attribute__((noinline)) size_t
send_pages(int fd)
{
	size_t sum = 0;

	for (int i = 0; i < SENT; i++) {
		void *data = block_new_of(LENGTH);
		ssize_t got =
		    send(fd, data, LENGTH, MSG_ZEROCOPY | MSG_DONTWAIT);

		block_forget(&data);
		if (got < 0)
			break;
		sum += (size_t)got;
	}
	return sum;
}

/* What waits to be sent is not copied. */
static void
sent_pages(void)
{
	static char data[LENGTH];
	int ends[2], one = 1;
	size_t left, bad = 0;

	connect_pair(ends);
	if (setsockopt(ends[1], SOL_SOCKET, SO_ZEROCOPY, &one, sizeof(one)) !=
	    0)
		kit_skip("no MSG_ZEROCOPY here");
	left = send_pages(ends[1]);
	block_await_cycles();
	while (left > 0) {
		ssize_t got = recv(ends[0], data, sizeof(data), 0);

		KIT_CHECK(got > 0);
		for (ssize_t i = 0; i < got; i++)
			bad += data[i] != BLOCK_FILL;
		left -= (size_t)got;
	}
	if (bad > 0)
		KIT_FAIL("%zu bytes are others", bad);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"entries", entries, 0, 0},
	    {"orders", orders, 0, 0},
	    {"done", done, 0, 0},
	    {"pipe-of-pages", pipe_of_pages, 0, 0},
	    {"sent-pages", sent_pages, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return block_main(argc, argv, cases);
}
