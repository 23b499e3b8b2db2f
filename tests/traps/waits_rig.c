/* waits_rig.c -- what the calls wait for: see waits.h
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/traps/waits.h"

enum {
	MESSAGE = 8
};

static void
open_pipe(struct rig *r, bool full)
{
	struct epoll_event event = {.events = EPOLLIN};
	static char page[4096];
	int more[2];

	KIT_CHECK(pipe(r->ends) == 0 && pipe(more) == 0);
	r->other = more[1];
	r->epoll = epoll_create1(0);
	KIT_CHECK(epoll_ctl(r->epoll, EPOLL_CTL_ADD, r->ends[0], &event) == 0);
	if (!full)
		return;
	fcntl(r->ends[1], F_SETFL, O_NONBLOCK);
	while (write(r->ends[1], page, sizeof(page)) > 0)
		continue;
	fcntl(r->ends[1], F_SETFL, 0);
}

static void
set_timeout(int fd, int option, int ms)
{
	struct timeval t = {ms / 1000, ms % 1000 * 1000};

	KIT_CHECK(setsockopt(fd, SOL_SOCKET, option, &t, sizeof(t)) == 0);
}

static void
open_pair(struct rig *r, bool full, int ms)
{
	static char page[4096];

	KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, r->ends) == 0);
	set_timeout(r->ends[0], SO_RCVTIMEO, ms);
	set_timeout(r->ends[1], SO_SNDTIMEO, ms);
	r->other = open("/proc/self/exe", O_RDONLY);
	while (full && send(r->ends[1], page, sizeof(page), MSG_DONTWAIT) > 0)
		continue;
	while (full && send(r->ends[1], page, 1, MSG_DONTWAIT) > 0)
		continue;
}

/* One that nobody connects to, and one whose queue is full. */
static void
open_listener(struct rig *r, int ms)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX};
	socklen_t len = sizeof(name);
	int full = socket(AF_UNIX, SOCK_STREAM, 0), first;

	r->ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
	KIT_CHECK(bind(r->ends[0], (void *)&name, sizeof(sa_family_t)) == 0);
	KIT_CHECK(listen(r->ends[0], 1) == 0);
	set_timeout(r->ends[0], SO_RCVTIMEO, ms);
	KIT_CHECK(bind(full, (void *)&name, sizeof(sa_family_t)) == 0);
	KIT_CHECK(listen(full, 0) == 0);
	KIT_CHECK(getsockname(full, (void *)&name, &len) == 0);
	first = socket(AF_UNIX, SOCK_STREAM, 0);
	KIT_CHECK(connect(first, (void *)&name, len) == 0);
	r->other = socket(AF_UNIX, SOCK_STREAM, 0);
	set_timeout(r->other, SO_SNDTIMEO, ms);
	r->ends[1] = full;
}

/* Data that the other side does not read: close waits for it a second. */
static void
open_lingering(struct rig *r)
{
	struct sockaddr_in name = {.sin_family = AF_INET};
	struct linger linger = {1, 1};
	socklen_t len = sizeof(name);
	static char page[65536];

	name.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	r->other = socket(AF_INET, SOCK_STREAM, 0);
	KIT_CHECK(bind(r->other, (void *)&name, len) == 0);
	KIT_CHECK(listen(r->other, 1) == 0);
	KIT_CHECK(getsockname(r->other, (void *)&name, &len) == 0);
	r->ends[0] = socket(AF_INET, SOCK_STREAM, 0);
	KIT_CHECK(connect(r->ends[0], (void *)&name, len) == 0);
	r->ends[1] = accept(r->other, NULL, NULL);
	KIT_CHECK(setsockopt(r->ends[0], SOL_SOCKET, SO_LINGER, &linger,
		      sizeof(linger)) == 0);
	while (send(r->ends[0], page, sizeof(page), MSG_DONTWAIT) > 0)
		continue;
}

static bool
open_sysv(struct rig *r)
{
	char data[16 + MESSAGE] = {1};
	struct msqid_ds about;

	r->queue = msgget(IPC_PRIVATE, 0600);
	r->full = msgget(IPC_PRIVATE, 0600);
	r->set = semget(IPC_PRIVATE, 1, 0600);
	if (r->queue < 0 || r->full < 0 || r->set < 0)
		return false;
	KIT_CHECK(msgctl(r->full, IPC_STAT, &about) == 0);
	about.msg_qbytes = MESSAGE;
	KIT_CHECK(msgctl(r->full, IPC_SET, &about) == 0);
	KIT_CHECK(msgsnd(r->full, data, MESSAGE, 0) == 0);
	return true;
}

static bool
open_queue(struct rig *r, bool full)
{
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = MESSAGE};
	char name[60];

	snprintf(
	    name, sizeof(name), "/gcm-test-%d-%p", (int)getpid(), (void *)r);
	r->mq = mq_open(name, O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (r->mq == (mqd_t)-1)
		return false;
	mq_unlink(name);
	if (full)
		KIT_CHECK(mq_send(r->mq, name, MESSAGE, 0) == 0);
	return true;
}

static void *
sleep_for_good(void *arg)
{
	kit_sleep(1000);
	return arg;
}

static void
open_child(struct rig *r)
{
	r->child = fork();
	if (r->child == 0)
		for (;;)
			pause();
	r->sleeper = kit_thread(sleep_for_good, NULL);
}

static void
open_lock(struct rig *r)
{
	char path[] = "lock.XXXXXX";
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	r->ends[0] = mkostemp(path, 0);
	r->other = open(path, O_RDWR);
	KIT_CHECK(r->ends[0] >= 0 && r->other >= 0 && unlink(path) == 0);
	KIT_CHECK(flock(r->other, LOCK_EX) == 0);
	KIT_CHECK(fcntl(r->other, F_OFD_SETLK, &lock) == 0);
}

static void
open_fifo(struct rig *r)
{
	char path[] = "fifo.XXXXXX";

	KIT_CHECK(mkdtemp(path) != NULL);
	r->other = open(path, O_DIRECTORY | O_RDONLY);
	KIT_CHECK(mkfifoat(r->other, "fifo", 0600) == 0);
}

bool
rig_open(struct rig *r, enum wait_kind kind, int ms)
{
	memset(r, 0, sizeof(*r));
	r->kind = kind;
	sem_init(&r->sem, 0, 0);
	pthread_mutex_init(&r->mutex, NULL);
	pthread_cond_init(&r->cond, NULL);
	if (kind == PIPE || kind == FULL_PIPE)
		open_pipe(r, kind == FULL_PIPE);
	else if (kind == PAIR || kind == FULL_PAIR)
		open_pair(r, kind == FULL_PAIR, ms);
	else if (kind == LISTENER)
		open_listener(r, ms);
	else if (kind == LINGERING)
		open_lingering(r);
	else if (kind == SYSV)
		return open_sysv(r);
	else if (kind == QUEUE || kind == FULL_QUEUE)
		return open_queue(r, kind == FULL_QUEUE);
	else if (kind == CHILD)
		open_child(r);
	else if (kind == LOCK)
		open_lock(r);
	else if (kind == FIFO)
		open_fifo(r);
	else if (kind == FUTEX)
		return syscall(SYS_io_setup, 1, &r->ring) == 0;
	return true;
}

static void
release_sysv(struct rig *r)
{
	struct sembuf op = {0, 1, 0};
	char data[16 + MESSAGE] = {2};

	(void)msgsnd(r->queue, data, 1, IPC_NOWAIT);
	(void)msgrcv(r->full, data, MESSAGE, 0, IPC_NOWAIT);
	(void)semop(r->set, &op, 1);
}

static void
release_lock(struct rig *r)
{
	struct flock lock = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	flock(r->other, LOCK_UN);
	fcntl(r->other, F_OFD_SETLK, &lock);
}

/* A reader that waits is seen by who opens it for a moment. */
static void
release_fifo(struct rig *r)
{
	int fd = openat(r->other, "fifo", O_WRONLY | O_NONBLOCK);

	if (fd >= 0)
		close(fd);
	else
		both_say("fifo: errno %d", errno);
}

/* What waits without a time limit ends now. */
void
rig_release(struct rig *r, pthread_t waiter)
{
	char data[4096];

	r->released = true;
	if (r->kind == NOTHING)
		pthread_kill(waiter, SIGUSR2);
	else if (r->kind == PIPE)
		KIT_CHECK(write(r->ends[1], data, 1) == 1);
	else if (r->kind == FULL_PIPE)
		KIT_CHECK(read(r->ends[0], data, sizeof(data)) > 0);
	else if (r->kind == SEMAPHORE)
		sem_post(&r->sem);
	else if (r->kind == SYSV)
		release_sysv(r);
	else if (r->kind == QUEUE)
		mq_send(r->mq, data, MESSAGE, 0);
	else if (r->kind == FULL_QUEUE)
		mq_receive(r->mq, data, MESSAGE, NULL);
	else if (r->kind == CHILD)
		kill(r->child, SIGKILL);
	else if (r->kind == LOCK)
		release_lock(r);
	else if (r->kind == FIFO)
		release_fifo(r);
}

void
rig_close(struct rig *r)
{
	int fds[] = {r->ends[0], r->ends[1], r->epoll, r->other};

	for (size_t i = 0; i < KIT_COUNT(fds); i++)
		if (fds[i] > 2)
			close(fds[i]);
	if (r->kind == SYSV) {
		msgctl(r->queue, IPC_RMID, NULL);
		msgctl(r->full, IPC_RMID, NULL);
		semctl(r->set, 0, IPC_RMID);
	}
	if (r->child > 0) {
		kill(r->child, SIGKILL);
		waitpid(r->child, NULL, 0);
	}
}
