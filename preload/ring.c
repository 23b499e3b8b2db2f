/* ring.c -- orders that the program puts into a ring
 *
 * MODEL   An order is 64 bytes, eight words, in memory that the program shares
 *         with the kernel, which is a root: while it lies there it is seen.
 *         But the next orders take its place while the kernel is still busy
 *         with it, for hours if it waits.  So before a call that hands orders
 *         over, their words are put among those in flight (scan/flight.c); the
 *         word that comes back with the answer is taken out again when the
 *         answer is in the ring, which is a root, too.  The others (buffers)
 *         stay until their places are wanted.
 *
 *         Answers that were overwritten before we looked keep a block too much.
 *
 * LIMITS  Orders that a thread of the kernel fetches by itself (SQPOLL), and
 *         those of a program or library that makes system calls by its own
 *         instructions (liburing does), are seen as long as they lie there.
 *
 * LOCKS   none.  A record is claimed by its descriptor; a ring that two
 *         threads enter at once has its answers taken once: `seen`.
 *
 * FORK    a child has no ring; where it has the descriptor, no mapping may be
 *         there, and what cannot be read is left alone.
 */
#include "preload/ring.h"

#include <linux/io_uring.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "preload/preload.h"
#include "scan/scan.h"

#ifndef IORING_SETUP_SQE128
#define IORING_SETUP_SQE128 (1U << 10)
#endif
#ifndef IORING_SETUP_CQE32
#define IORING_SETUP_CQE32 (1U << 11)
#endif
#ifndef IORING_SETUP_NO_SQARRAY
#define IORING_SETUP_NO_SQARRAY (1U << 16)
#endif
#ifndef IORING_ENTER_REGISTERED_RING
#define IORING_ENTER_REGISTERED_RING (1U << 4)
#endif
#ifndef IORING_CQE_F_MORE
#define IORING_CQE_F_MORE (1U << 1)
#endif

enum {
	RINGS = 64, /* more are not known */
	WORDS = 8   /* of an order */
};

GCM_HIDDEN _Atomic bool gcm_ring_used;

/* All of it is set up before the program can have mapped it. */
static struct ring {
	_Atomic int fd_1; /* descriptor + 1; 0: none */
	struct io_sqring_offsets orders;
	struct io_cqring_offsets answers;
	uint32_t flags;
	_Atomic uintptr_t order_queue, answer_queue, entries; /* mappings */
	_Atomic uint32_t seen; /* answers; counts */
} rings[RINGS];

static struct ring *
find_ring(int fd_1)
{
	for (unsigned int i = 0; i < RINGS; i++)
		if (atomic_load_explicit(
			&rings[i].fd_1, memory_order_acquire) == fd_1)
			return &rings[i];
	return NULL;
}

void
gcm_ring_note_setup(long fd, const struct io_uring_params *params)
{
	struct ring *ring;

	if (fd < 0 || gcm_stop_signal() == 0)
		return;
	ring = find_ring((int)fd + 1);
	if (ring == NULL)
		ring = find_ring(0);
	if (ring == NULL)
		return;
	atomic_store(&ring->fd_1, 0);
	atomic_store(&ring->order_queue, 0);
	atomic_store(&ring->answer_queue, 0);
	atomic_store(&ring->entries, 0);
	atomic_store(&ring->seen, 0);
	ring->orders = params->sq_off;
	ring->answers = params->cq_off;
	ring->flags = params->flags;
	atomic_store(&ring->fd_1, (int)fd + 1);
	atomic_store(&gcm_ring_used, true);
}

void
gcm_ring_note_map(int fd, uint64_t offset, void *at)
{
	struct ring *ring = fd >= 0 ? find_ring(fd + 1) : NULL;

	if (ring == NULL || at == MAP_FAILED)
		return;
	if (offset == IORING_OFF_SQ_RING) {
		atomic_store(&ring->order_queue, (uintptr_t)at);
		if (atomic_load(&ring->answer_queue) == 0) /* often one */
			atomic_store(&ring->answer_queue, (uintptr_t)at);
	} else if (offset == IORING_OFF_CQ_RING) {
		atomic_store(&ring->answer_queue, (uintptr_t)at);
	} else if (offset == IORING_OFF_SQES) {
		atomic_store(&ring->entries, (uintptr_t)at);
	}
}

void
gcm_ring_note_unmap(const void *addr, size_t len)
{
	uintptr_t lo = (uintptr_t)addr;

	for (unsigned int i = 0; i < RINGS; i++)
		if (atomic_load(&rings[i].order_queue) - lo < len ||
		    atomic_load(&rings[i].answer_queue) - lo < len ||
		    atomic_load(&rings[i].entries) - lo < len)
			atomic_store(&rings[i].fd_1, 0);
}

static uint32_t
load_at(uintptr_t base, uint32_t offset)
{
	return __atomic_load_n(
	    (const uint32_t *)(base + offset), __ATOMIC_ACQUIRE);
}

static bool
is_there(const struct ring *ring)
{
	uintptr_t queue = atomic_load(&ring->order_queue);

	return queue != 0 && atomic_load(&ring->entries) != 0 &&
	       gcm_os_can_read((const void *)queue);
}

/* One copy of each word, however often it is handed over. */
static void
leave_order(const uint64_t *words)
{
	for (unsigned int i = 0; i < WORDS; i++) {
		gcm_flight_arrive_word(words[i]);
		gcm_flight_leave_word(words[i]);
	}
}

static void
leave_orders(const struct ring *ring)
{
	uintptr_t queue = atomic_load(&ring->order_queue);
	uintptr_t entries = atomic_load(&ring->entries);
	uint32_t mask = load_at(queue, ring->orders.ring_mask);
	uint32_t tail = load_at(queue, ring->orders.tail);
	uint32_t head = load_at(queue, ring->orders.head);
	unsigned int shift = (ring->flags & IORING_SETUP_SQE128) != 0 ? 7 : 6;

	if (tail - head > mask + 1) /* not for us to judge */
		head = tail - mask - 1;
	for (; head != tail; head++) {
		uint32_t at = head & mask;

		if ((ring->flags & IORING_SETUP_NO_SQARRAY) == 0)
			at = load_at(queue,
			    ring->orders.array + at * (uint32_t)sizeof(at));
		if (at <= mask)
			leave_order((
			    const uint64_t *)(entries + ((size_t)at << shift)));
	}
}

static void
take_answers(struct ring *ring)
{
	uintptr_t queue = atomic_load(&ring->answer_queue);
	uint32_t mask = load_at(queue, ring->answers.ring_mask);
	uint32_t tail = load_at(queue, ring->answers.tail);
	uint32_t seen = atomic_exchange(&ring->seen, tail);
	unsigned int shift = (ring->flags & IORING_SETUP_CQE32) != 0 ? 5 : 4;

	if (tail - seen > mask + 1)
		seen = tail - mask - 1;
	for (; seen != tail; seen++) {
		const struct io_uring_cqe *answer =
		    (const struct io_uring_cqe *)(queue + ring->answers.cqes +
						  ((size_t)(seen & mask)
						      << shift));

		if ((answer->flags & IORING_CQE_F_MORE) == 0)
			gcm_flight_arrive_word(answer->user_data);
	}
}

/* A descriptor that is a number of the kernel's own table is any ring's. */
static void
each_ring(const long *arg, void (*act)(struct ring *ring))
{
	bool all = ((unsigned long)arg[3] & IORING_ENTER_REGISTERED_RING) != 0;

	for (unsigned int i = 0; i < RINGS; i++) {
		int fd_1 =
		    atomic_load_explicit(&rings[i].fd_1, memory_order_acquire);

		if (fd_1 != 0 && (all || fd_1 == (int)arg[0] + 1) &&
		    is_there(&rings[i]))
			act(&rings[i]);
	}
}

static void
leave_ring(struct ring *ring)
{
	leave_orders(ring);
}

void
gcm_ring_before_enter(const long *arg)
{
	if (arg[1] != 0)
		each_ring(arg, leave_ring);
}

void
gcm_ring_after_enter(const long *arg)
{
	if (gcm_flight_is_used())
		each_ring(arg, take_answers);
}
