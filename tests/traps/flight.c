/* flight.c -- addresses in flight: sent, and not yet received
 *
 * Seen red:
 * A8, A9, A10: without gcm_flight_mark in scan/kernel.c: every case but the
 *     last two: "not so: block_is_whole(word)".
 * A10: without gcm_flight_arrive_word in scan/flight.c: received:
 *     "4408 blocks of 20000".
 * A10: with a place for each time that a word is sent: crowd fails.
 * A10: with a look at what was sent after the call: gone, gone-parts:
 * signal 11. A10: without see_border in preload/flight.c: split: "lost: 64 of
 * 64 blocks".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <mqueue.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/msg.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/traps/block.h"

enum {
	MANY = 20000,
	CROWD = 4000,
	LENT = 20000 /* messages */
};

/* Pipes and sockets
 * ------------------------------------------------------------ */

struct packed {
	char kind;
	void *block;
	short end;
} __attribute__((packed));

__attribute__((noinline)) static void
send_word(int fd)
{
	void *word = block_new();

	KIT_CHECK(write(fd, &word, sizeof(word)) == sizeof(word));
	block_forget(&word);
}

static void
by_pipe(void)
{
	int ends[2];
	void *word;

	KIT_CHECK(pipe(ends) == 0);
	send_word(ends[1]);
	block_await_cycles();
	KIT_CHECK(read(ends[0], &word, sizeof(word)) == sizeof(word));
	KIT_CHECK(block_is_whole(word));
}

/* The longest that is looked at; in an array that is cleared. */
__attribute__((noinline)) static void
send_long(int fd)
{
	static void *volatile words[1024 / sizeof(void *)];

	for (size_t i = 3; i < KIT_COUNT(words); i += 25)
		block_into(&words[i]);
	KIT_CHECK(write(fd, (const void *)(uintptr_t)words, sizeof(words)) ==
		  sizeof(words));
	for (size_t i = 0; i < KIT_COUNT(words); i++)
		words[i] = NULL;
	block_clear_stack();
}

static void
by_long(void)
{
	static void *words[1024 / sizeof(void *)];
	int ends[2];

	KIT_CHECK(pipe(ends) == 0);
	send_long(ends[1]);
	block_await_cycles();
	KIT_CHECK(read(ends[0], words, sizeof(words)) == sizeof(words));
	for (size_t i = 3; i < KIT_COUNT(words); i += 25)
		KIT_CHECK(block_is_whole(words[i]));
}

/* From static memory, unaligned. */
__attribute__((noinline)) static void
send_packed(int fd)
{
	static struct packed packed;

	packed = (struct packed){1, block_new(), 2};
	KIT_CHECK(send(fd, &packed, sizeof(packed), 0) == sizeof(packed));
	packed.block = NULL;
}

static void
by_socket(void)
{
	int ends[2];
	struct packed packed;

	KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	send_packed(ends[1]);
	block_await_cycles();
	KIT_CHECK(recv(ends[0], &packed, sizeof(packed), 0) == sizeof(packed));
	KIT_CHECK(block_is_whole(packed.block));
}

/* From the heap, by parts. */
__attribute__((noinline)) static void
send_parts(int fd)
{
	void **words = malloc(2 * sizeof(*words));
	struct iovec parts[2] = {
	    {&words[0], sizeof(*words)}, {&words[1], sizeof(*words)}};

	words[0] = block_new();
	words[1] = block_new();
	KIT_CHECK(writev(fd, parts, 2) == 2 * sizeof(*words));
	memset(words, 0, 2 * sizeof(*words));
	free(words);
}

static void
by_parts(void)
{
	int ends[2];
	void *words[2];

	KIT_CHECK(pipe(ends) == 0);
	send_parts(ends[1]);
	block_await_cycles();
	KIT_CHECK(read(ends[0], words, sizeof(words)) == sizeof(words));
	KIT_CHECK(block_is_whole(words[0]) && block_is_whole(words[1]));
}

__attribute__((noinline)) static void
send_message(int fd)
{
	void *word = block_new();
	struct iovec part = {&word, sizeof(word)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	KIT_CHECK(sendmsg(fd, &message, 0) == sizeof(word));
	block_forget(&word);
}

static void
by_message(void)
{
	int ends[2];
	void *word = NULL;
	struct iovec part = {&word, sizeof(word)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};

	KIT_CHECK(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
	send_message(ends[1]);
	block_await_cycles();
	KIT_CHECK(recvmsg(ends[0], &message, 0) == sizeof(word));
	KIT_CHECK(block_is_whole(word));
}

/* A pipe and a signal, by number. */
__attribute__((noinline)) static void
send_by_number(int fd)
{
	siginfo_t info = {.si_code = SI_QUEUE};
	void *word = block_new();

	info.si_ptr = block_new();
	KIT_CHECK(syscall(SYS_write, fd, &word, sizeof(word)) == sizeof(word));
	KIT_CHECK(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info) == 0);
	block_forget(&word);
	block_forget(&info.si_ptr);
}

static void
by_number(void)
{
	struct block_count seen = {0, 0};
	siginfo_t info;
	sigset_t set;
	int ends[2];
	void *word;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	KIT_CHECK(pipe(ends) == 0);
	send_by_number(ends[1]);
	block_await_cycles();
	KIT_CHECK(
	    syscall(SYS_read, ends[0], &word, sizeof(word)) == sizeof(word));
	KIT_CHECK(sigwaitinfo(&set, &info) == SIGUSR1);
	block_count(&seen, word, BLOCK_BYTES);
	block_count(&seen, info.si_value.sival_ptr, BLOCK_BYTES);
	block_judge(&seen);
}

/* A word of which one part has the beginning and another one the end. */
__attribute__((noinline)) static void
send_split(int fd)
{
	for (int i = 0; i < BLOCK_MANY; i++) {
		void *word = block_new();
		struct iovec parts[3] = {
		    {&word, 3}, {(char *)&word + 3, 2}, {(char *)&word + 5, 3}};

		KIT_CHECK(writev(fd, parts, 3) == sizeof(word));
		block_forget(&word);
	}
}

static void
by_split(void)
{
	struct block_count count = {0, 0};
	int ends[2];
	void *word;

	KIT_CHECK(pipe(ends) == 0);
	send_split(ends[1]);
	block_await_cycles();
	for (int i = 0; i < BLOCK_MANY; i++) {
		KIT_CHECK(read(ends[0], &word, sizeof(word)) == sizeof(word));
		block_count(&count, word, BLOCK_BYTES);
	}
	block_judge(&count);
}

/* A message lies in memory that its receiver unmaps at once. */
struct lent {
	struct lent *self;
	struct iovec part;
};

static void *
unmap_all(void *arg)
{
	struct lent lent;

	while (read(*(int *)arg, &lent, sizeof(lent)) == sizeof(lent))
		KIT_CHECK(munmap(lent.self, sizeof(lent)) == 0);
	return NULL;
}

static void
lend_all(bool in_parts)
{
	pthread_t thread;
	int ends[2];

	KIT_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
	thread = kit_thread(unmap_all, &ends[0]);
	for (int i = 0; i < LENT; i++) {
		struct lent *lent = mmap(NULL, sizeof(*lent),
		    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		KIT_CHECK(lent != MAP_FAILED);
		lent->self = lent;
		lent->part = (struct iovec){lent, sizeof(*lent)};
		if (in_parts)
			KIT_CHECK(
			    writev(ends[1], &lent->part, 1) == sizeof(*lent));
		else
			KIT_CHECK(write(ends[1], lent, sizeof(*lent)) ==
				  sizeof(*lent));
	}
	close(ends[1]);
	kit_join(thread);
}

static void
gone(void)
{
	lend_all(false);
}

static void
gone_parts(void)
{
	lend_all(true);
}

/* Queues
 * ----------------------------------------------------------------------- */

__attribute__((noinline)) static void
send_posix(mqd_t queue)
{
	void *word = block_new();

	KIT_CHECK(mq_send(queue, (char *)&word, sizeof(word), 0) == 0);
	block_forget(&word);
}

static void
by_posix_queue(void)
{
	struct mq_attr attr = {.mq_maxmsg = 2, .mq_msgsize = sizeof(void *)};
	char name[32];
	mqd_t queue;
	void *word;

	snprintf(name, sizeof(name), "/gcm-flight-%d", (int)getpid());
	queue = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &attr);
	if (queue == (mqd_t)-1)
		exit(KIT_SKIPPED);
	mq_unlink(name);
	send_posix(queue);
	block_await_cycles();
	KIT_CHECK(mq_receive(queue, (char *)&word, sizeof(word), NULL) ==
		  sizeof(word));
	KIT_CHECK(block_is_whole(word));
}

struct sysv {
	long type;
	void *block;
};

__attribute__((noinline)) static void
send_sysv(int queue)
{
	struct sysv sysv = {1, block_new()};

	KIT_CHECK(msgsnd(queue, &sysv, sizeof(sysv.block), 0) == 0);
	block_forget(&sysv.block);
}

static void
by_sysv_queue(void)
{
	int queue = msgget(IPC_PRIVATE, 0600);
	struct sysv sysv;
	ssize_t got;

	if (queue < 0)
		exit(KIT_SKIPPED);
	send_sysv(queue);
	block_await_cycles();
	got = msgrcv(queue, &sysv, sizeof(sysv.block), 0, 0);
	msgctl(queue, IPC_RMID, NULL);
	KIT_CHECK(got == sizeof(sysv.block) && block_is_whole(sysv.block));
}

/* Signals, and work that the kernel has
 * -------------------------------------------- */

__attribute__((noinline)) static void
send_signal(void)
{
	union sigval value = {.sival_ptr = block_new()};

	KIT_CHECK(sigqueue(getpid(), SIGUSR1, value) == 0);
	block_forget(&value.sival_ptr);
}

static void
by_signal(void)
{
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	send_signal();
	block_await_cycles();
	KIT_CHECK(sigwaitinfo(&set, &info) == SIGUSR1);
	KIT_CHECK(block_is_whole(info.si_value.sival_ptr));
}

/* The order itself is only known to the kernel. */
__attribute__((noinline)) static void
submit(aio_context_t context, int fd)
{
	struct iocb *order = calloc(1, sizeof(*order)), *orders[1] = {order};

	order->aio_fildes = (uint32_t)fd;
	order->aio_lio_opcode = IOCB_CMD_POLL;
	order->aio_buf = 1; /* POLLIN */
	order->aio_data = (uintptr_t)block_new();
	KIT_CHECK(syscall(SYS_io_submit, context, 1, orders) == 1);
	block_forget(orders);
}

static void
by_order(void)
{
	aio_context_t context = 0;
	struct io_event event = {0};
	int ends[2];

	KIT_CHECK(pipe(ends) == 0);
	if (syscall(SYS_io_setup, 4, &context) != 0)
		exit(KIT_SKIPPED);
	submit(context, ends[0]);
	block_await_cycles();
	KIT_CHECK(write(ends[1], "x", 1) == 1);
	KIT_CHECK(syscall(SYS_io_getevents, context, 1, 1, &event, NULL) == 1);
	KIT_CHECK(block_is_whole((void *)(uintptr_t)event.data));
	KIT_CHECK(
	    ((struct iocb *)(uintptr_t)event.obj)->aio_data == event.data);
}

/* An address that the kernel refuses, right above a stack. */
static void *
send_bad(void *arg)
{
	int fd = *(int *)arg;
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	pthread_attr_t attr;
	size_t size;
	void *lo;

	KIT_CHECK(pthread_getattr_np(pthread_self(), &attr) == 0);
	KIT_CHECK(pthread_attr_getstack(&attr, &lo, &size) == 0);
	pthread_attr_destroy(&attr);
	errno = 0;
	KIT_CHECK(write(fd, (char *)lo + size, 8) == -1 && errno == EFAULT);
	KIT_CHECK(send(fd, (char *)lo + size + page / 2, 64, 0) == -1);
	return NULL;
}

/* Good at first. */
static void
send_unmapped(int fd)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	KIT_CHECK(map != MAP_FAILED && write(fd, map, 64) == 64);
	KIT_CHECK(write(fd, map + page, 64) == 64);
	KIT_CHECK(munmap(map, page) == 0);
	KIT_CHECK(mprotect(map + page, page, PROT_NONE) == 0);
	errno = 0;
	KIT_CHECK(write(fd, map, 64) == -1 && errno == EFAULT);
	errno = 0;
	KIT_CHECK(write(fd, map + page, 64) == -1 && errno == EFAULT);
}

static void
bad_address(void)
{
	enum {
		STACK = 256 << 10
	};
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, STACK + page, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int ends[2];
	pthread_attr_t attr;
	pthread_t thread;

	KIT_CHECK(map != MAP_FAILED);
	KIT_CHECK(mprotect(map + STACK, page, PROT_NONE) == 0);
	KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	send_unmapped(ends[1]);
	pthread_attr_init(&attr);
	KIT_CHECK(pthread_attr_setstack(&attr, map, STACK) == 0);
	KIT_CHECK(pthread_create(&thread, &attr, send_bad, &ends[1]) == 0);
	kit_join(thread);
	pthread_attr_destroy(&attr);
}

/* What has been received and dropped is garbage. */
static void
then_dropped(void)
{
	int ends[2];
	struct gcm_stats before, after;

	KIT_CHECK(pipe(ends) == 0);
	KIT_CHECK(gcm_collect() >= 0);
	KIT_CHECK(gcm_stats(&before, sizeof(before)) == 0);
	for (int i = 0; i < MANY; i++) {
		void *word;

		send_word(ends[1]);
		KIT_CHECK(read(ends[0], &word, sizeof(word)) == sizeof(word));
		KIT_CHECK(block_is_whole(word));
	}
	block_clear_stack();
	KIT_CHECK(gcm_collect() >= 0 && gcm_collect() >= 0);
	KIT_CHECK(gcm_stats(&after, sizeof(after)) == 0);
	if (after.reclaimed_blocks - before.reclaimed_blocks < MANY / 100 * 99)
		KIT_FAIL("%d blocks of %d",
		    (int)(after.reclaimed_blocks - before.reclaimed_blocks),
		    MANY);
}

/* What never arrives, and is sent again and again, drives nothing out. */
static void
crowd(void)
{
	int ends[2], nowhere = open("/dev/null", O_WRONLY);
	void **lost = calloc(CROWD, sizeof(*lost)), *word;

	KIT_CHECK(pipe(ends) == 0 && nowhere >= 0 && lost != NULL);
	for (int i = 0; i < 8; i++)
		send_word(ends[1]);
	for (int i = 0; i < CROWD; i++) {
		lost[i] = malloc(3 * BLOCK_BYTES); /* of another class */
		for (int k = 0; k < 40; k++)
			KIT_CHECK(write(nowhere, &lost[i], sizeof(word)) ==
				  sizeof(word));
	}
	block_await_cycles();
	for (int i = 0; i < 8; i++) {
		KIT_CHECK(read(ends[0], &word, sizeof(word)) == sizeof(word));
		KIT_CHECK(block_is_whole(word));
	}
	for (int i = 0; i < CROWD; i++)
		free(lost[i]);
	free(lost);
}

/* As then_dropped, and freed: places of what is free are taken back, however
 * little of it arrives.
 */
static void
freed_unread(void)
{
	int ends[2], nowhere = open("/dev/null", O_WRONLY);
	void *word;

	KIT_CHECK(pipe(ends) == 0 && nowhere >= 0);
	send_word(ends[1]);
	for (int round = 0; round < 12; round++) {
		void **blocks = calloc(CROWD, sizeof(*blocks));

		for (int i = 0; i < CROWD; i++) {
			blocks[i] = malloc(BLOCK_BYTES + 16 * (size_t)round);
			KIT_CHECK(write(nowhere, &blocks[i], sizeof(word)) ==
				  sizeof(word));
		}
		for (int i = 0; i < CROWD; i++)
			free(blocks[i]);
		free(blocks);
		KIT_CHECK(gcm_collect() >= 0);
	}
	block_await_cycles();
	KIT_CHECK(read(ends[0], &word, sizeof(word)) == sizeof(word));
	KIT_CHECK(block_is_whole(word));
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"pipe", by_pipe, 0, 0},
	    {"long", by_long, 0, 0},
	    {"socket", by_socket, 0, 0},
	    {"parts", by_parts, 0, 0},
	    {"message", by_message, 0, 0},
	    {"posix-queue", by_posix_queue, 0, 0},
	    {"sysv-queue", by_sysv_queue, 0, 0},
	    {"signal", by_signal, 0, 0},
	    {"order", by_order, 0, 0},
	    {"bad-address", bad_address, 0, 0},
	    {"received", then_dropped, 0, 0},
	    {"crowd", crowd, 0, 0},
	    {"freed-unread", freed_unread, 0, 0},
	    {"number", by_number, 0, 0},
	    {"split", by_split, 0, 0},
	    {"gone", gone, 0, 0},
	    {"gone-parts", gone_parts, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return block_main(argc, argv, cases);
}
