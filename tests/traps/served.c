/* served.c -- files of a file system that a process serves
 *
 * MODEL   A signal interrupts a request to such a file system (FUSE); its
 *         server is told, and may answer EINTR, which no SA_RESTART keeps from
 *         the caller.  This server does, and takes its time for each open, read
 *         and write.  Threads make those beside the collector: none may fail.
 *
 *         Only where the test may mount something for itself.
 *
 * RED     B1: without the calls with a position, creat and the names of
 *         fortified opens in preload/blocking.def "undisturbed" printed "pread:
 *         Interrupted system call", and so for each but read.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/stress/kit.h"

int __open_2(const char *, int);
int __open64_2(const char *, int);
int __openat_2(int, const char *, int);
int __openat64_2(int, const char *, int);
ssize_t __pread_chk(int, void *, size_t, off_t, size_t);
ssize_t __pread64_chk(int, void *, size_t, off64_t, size_t);
ssize_t __pread64(int, void *, size_t, off64_t);
ssize_t __pwrite64(int, const void *, size_t, off64_t);

/* The server
 * --------------------------------------------------------------- */

enum {
	PENDING = 64,
	DELAY_MS = 25,
	FILE_BYTES = 4096,
	ROOM = 64 << 10
};

struct request {
	struct fuse_in_header head;
	char rest[ROOM];
};

static struct {
	int fd;
	struct pending {
		uint64_t unique; /* 0: none */
		uint32_t opcode, size;
		double due;
	} pending[PENDING];
} server;

static void
answer(uint64_t unique, int error, const void *data, size_t size)
{
	struct fuse_out_header head = {
	    (uint32_t)(sizeof(head) + size), error, unique};
	struct iovec parts[2] = {
	    {&head, sizeof(head)}, {(void *)(uintptr_t)data, size}};

	if (writev(server.fd, parts, 2) < 0)
		return; /* the request is gone */
}

static void
fill_attr(struct fuse_attr *attr, uint64_t node)
{
	memset(attr, 0, sizeof(*attr));
	attr->ino = node;
	attr->size = FILE_BYTES;
	attr->mode = node == FUSE_ROOT_ID ? S_IFDIR | 0755 : S_IFREG | 0644;
	attr->nlink = 1;
}

static void
answer_late(const struct pending *late)
{
	static char bytes[FILE_BYTES];
	struct fuse_open_out opened = {.open_flags = FOPEN_DIRECT_IO};
	struct fuse_write_out wrote = {.size = late->size};

	if (late->opcode == FUSE_OPEN)
		answer(late->unique, 0, &opened, sizeof(opened));
	else if (late->opcode == FUSE_READ)
		answer(late->unique, 0, bytes, late->size);
	else
		answer(late->unique, 0, &wrote, sizeof(wrote));
}

static void
postpone(const struct request *request, uint32_t size)
{
	for (int i = 0; i < PENDING; i++)
		if (server.pending[i].unique == 0) {
			server.pending[i] = (struct pending){
			    request->head.unique, request->head.opcode, size,
			    kit_now() + DELAY_MS / 1e3};
			return;
		}
	_exit(1);
}

static void
interrupt(uint64_t unique)
{
	for (int i = 0; i < PENDING; i++)
		if (server.pending[i].unique == unique) {
			answer(unique, -EINTR, NULL, 0);
			server.pending[i].unique = 0;
		}
}

static void
answer_attr(const struct request *request)
{
	struct fuse_attr_out out = {0, 0, 0, {0}};

	fill_attr(&out.attr, request->head.nodeid);
	answer(request->head.unique, 0, &out, sizeof(out));
}

static void
answer_entry(const struct request *request)
{
	struct fuse_entry_out out = {.nodeid = 2};

	fill_attr(&out.attr, 2);
	answer(request->head.unique, 0, &out, sizeof(out));
}

static void
answer_init(const struct request *request)
{
	struct fuse_init_out out = {
	    .major = FUSE_KERNEL_VERSION, .minor = 31, .max_write = FILE_BYTES};

	answer(request->head.unique, 0, &out, sizeof(out));
}

static void
serve(const struct request *request)
{
	const void *in = request->rest;

	switch (request->head.opcode) {
	case FUSE_INIT:
		answer_init(request);
		break;
	case FUSE_LOOKUP:
		answer_entry(request);
		break;
	case FUSE_GETATTR:
	case FUSE_SETATTR:
		answer_attr(request);
		break;
	case FUSE_OPEN:
		postpone(request, 0);
		break;
	case FUSE_READ:
		postpone(request, ((const struct fuse_read_in *)in)->size);
		break;
	case FUSE_WRITE:
		postpone(request, ((const struct fuse_write_in *)in)->size);
		break;
	case FUSE_INTERRUPT:
		interrupt(((const struct fuse_interrupt_in *)in)->unique);
		break;
	case FUSE_FORGET:
	case FUSE_BATCH_FORGET:
		break;
	case FUSE_RELEASE:
		answer(request->head.unique, 0, NULL, 0);
		break;
	default:
		answer(request->head.unique, -ENOSYS, NULL, 0);
	}
}

static void
run_server(void)
{
	static struct request request;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		struct pollfd wait = {server.fd, POLLIN, 0};

		if (poll(&wait, 1, 2) > 0) {
			if (read(server.fd, &request, sizeof(request)) < 0)
				_exit(0);
			serve(&request);
		}
		for (int i = 0; i < PENDING; i++) {
			struct pending *late = &server.pending[i];

			if (late->unique != 0 && late->due <= kit_now()) {
				answer_late(late);
				late->unique = 0;
			}
		}
	}
}

/* Of a mount namespace of our own, which goes with us. */
static void
start_server(const char *where)
{
	char options[80];

	server.fd = open("/dev/fuse", O_RDWR);
	if (server.fd < 0 || unshare(CLONE_NEWNS) != 0 ||
	    mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		kit_skip("nothing may be mounted here");
	snprintf(options, sizeof(options),
	    "fd=%d,rootmode=40000,user_id=0,group_id=0", server.fd);
	KIT_CHECK(mkdir(where, 0700) == 0);
	if (mount("served", where, "fuse", MS_NOSUID | MS_NODEV, options) != 0)
		kit_skip("nothing may be mounted here");
	if (kit_fork() == 0)
		run_server();
	close(server.fd);
}

/* The calls
 * ---------------------------------------------------------------- */

#define PATH "served/file"

static int fd;

static bool
closed(int opened)
{
	return opened >= 0 && close(opened) == 0;
}

#define CALL(name, done)                                                       \
	static bool by_##name(void)                                            \
	{                                                                      \
		char byte[1] = {0};                                            \
		struct iovec part __attribute__((unused)) = {byte, 1};         \
                                                                               \
		return done;                                                   \
	}
CALL(read, read(fd, byte, 1) == 1)
CALL(pread, pread(fd, byte, 1, 0) == 1)
CALL(pread64, pread64(fd, byte, 1, 0) == 1)
CALL(pread_chk, __pread_chk(fd, byte, 1, 0, 1) == 1)
CALL(pread64_chk, __pread64_chk(fd, byte, 1, 0, 1) == 1)
CALL(pread_old, __pread64(fd, byte, 1, 0) == 1)
CALL(preadv, preadv(fd, &part, 1, 0) == 1)
CALL(preadv64, preadv64(fd, &part, 1, 0) == 1)
CALL(pwrite, pwrite(fd, byte, 1, 0) == 1)
CALL(pwrite64, pwrite64(fd, byte, 1, 0) == 1)
CALL(pwrite_old, __pwrite64(fd, byte, 1, 0) == 1)
CALL(pwritev, pwritev(fd, &part, 1, 0) == 1)
CALL(pwritev64, pwritev64(fd, &part, 1, 0) == 1)
CALL(open_2, closed(__open_2(PATH, O_RDONLY)))
CALL(open64_2, closed(__open64_2(PATH, O_RDONLY)))
CALL(openat_2, closed(__openat_2(AT_FDCWD, PATH, O_RDONLY)))
CALL(openat64_2, closed(__openat64_2(AT_FDCWD, PATH, O_RDONLY)))
CALL(creat, closed(creat(PATH, 0600)))
CALL(creat64, closed(creat64(PATH, 0600)))

static const struct call {
	const char *name;
	bool (*run)(void);
} calls[] = {
#define R(name)                                                                \
	{                                                                      \
#name, by_##name                                               \
	}
    R(read),
    R(pread),
    R(pread64),
    R(pread_chk),
    R(pread64_chk),
    R(pread_old),
    R(preadv),
    R(preadv64),
    R(pwrite),
    R(pwrite64),
    R(pwrite_old),
    R(pwritev),
    R(pwritev64),
    R(open_2),
    R(open64_2),
    R(openat_2),
    R(openat64_2),
    R(creat),
    R(creat64),
#undef R
};

static _Atomic bool done;
static _Atomic int errors[KIT_COUNT(calls)];

static void *
call_often(void *arg)
{
	const struct call *call = arg;

	while (!done)
		if (!call->run()) {
			errors[call - calls] = errno;
			break;
		}
	return NULL;
}

static void
undisturbed(void)
{
	pthread_t threads[KIT_COUNT(calls)];
	struct gcm_stats before, after;
	double until;

	start_server("served");
	fd = open(PATH, O_RDWR);
	KIT_CHECK(fd >= 0);
	for (size_t i = 0; i < KIT_COUNT(calls); i++)
		threads[i] =
		    kit_thread(call_often, (void *)(uintptr_t)&calls[i]);
	KIT_CHECK(gcm_stats(&before, sizeof(before)) == 0);
	until = kit_now() + 10;
	do {
		for (int i = 0; i < 10; i++)
			*(volatile char *)malloc(2000) = 1;
		kit_sleep(0.002);
		KIT_CHECK(gcm_stats(&after, sizeof(after)) == 0);
	} while (after.cycles < before.cycles + 100 && kit_now() < until);
	done = true;
	for (size_t i = 0; i < KIT_COUNT(calls); i++)
		kit_join(threads[i]);
	KIT_CHECK(after.cycles > before.cycles + 5);
	for (size_t i = 0; i < KIT_COUNT(calls); i++)
		if (errors[i] != 0)
			KIT_FAIL("%s: %s", calls[i].name, strerror(errors[i]));
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"undisturbed", undisturbed, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_INTERVAL", "5ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	return kit_main(argc, argv, cases);
}
