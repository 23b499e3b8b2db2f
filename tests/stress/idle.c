/* idle.c -- memory goes back while the program sleeps, and nobody notices
 *
 * MODEL   A case fills some hundred MiB, frees them (here or in another
 *         thread, small or large) and then sits in one blocking call for six
 *         seconds without a single call to malloc.  After it little may be
 *         resident.  On the way: no descriptor appears, no SIGCHLD, no call
 *         returns EINTR; and some seconds later no foreign thread is left.
 *
 *         The tables of what was allocated lie in a mapping that is given
 *         back before the sleep, so the resident set is the heap's.
 *
 * C3: without gcm_scavenge_tell in core/scavenge.c: small-by-owner: "261 MiB
 * resident after 6 idle seconds".
 */
#define _GNU_SOURCE
#include "kit.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define MIB ((size_t)1 << 20)

enum {
	SOON = 6,
	LATER = 12,
	RESIDENT = 60
};

struct load {
	void **blocks;
	size_t n, mapped;
};

static atomic_int nchildren_heard;

static void
hear_child(int sig)
{
	(void)sig;
	atomic_fetch_add(&nchildren_heard, 1);
}

static size_t
volume(void)
{
	return (size_t)kit_scale(220, 500) * MIB;
}

/* Blocks of min..max bytes, every page of them written. */
static struct load
load_up(size_t min, size_t max)
{
	struct kit_rng rng = kit_rng_new(1);
	struct load load = {NULL, 0, volume() / min * sizeof(void *)};
	void *table = mmap(NULL, load.mapped, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	KIT_CHECK(table != MAP_FAILED);
	load.blocks = table;
	for (size_t made = 0; made + max < volume();) {
		size_t size = min + kit_below(&rng, max - min);

		load.blocks[load.n] = malloc(size);
		KIT_CHECK(load.blocks[load.n] != NULL);
		memset(load.blocks[load.n], 0x5a, size);
		load.n++;
		made += size;
	}
	return load;
}

static void *
unload(void *arg)
{
	struct load *load = arg;

	for (size_t i = 0; i < load->n; i++)
		free(load->blocks[i]);
	munmap(load->blocks, load->mapped);
	return NULL;
}

static void
sleep_unbroken(long seconds)
{
	struct timespec rest = {seconds, 0};

	if (nanosleep(&rest, NULL) != 0)
		KIT_FAIL("nanosleep");
}

static void
check_returned(int tasks, int fds)
{
	double start = kit_now();

	sleep_unbroken(SOON);
	if (kit_rss() > (long)(RESIDENT * MIB))
		KIT_FAIL("%ld MiB resident after %d idle seconds",
		    kit_rss() >> 20, SOON);
	KIT_CHECK(kit_nfds() == fds);
	while (kit_ntasks() > tasks && kit_now() < start + LATER)
		sleep_unbroken(1);
	if (kit_ntasks() > tasks)
		KIT_FAIL("%d threads after %d idle seconds, %d before",
		    kit_ntasks(), LATER, tasks);
	KIT_CHECK(kit_nfds() == fds);
	KIT_CHECK(atomic_load(&nchildren_heard) == 0);
}

static void
idle_after(size_t min, size_t max, bool remote)
{
	int fds = kit_nfds();
	struct load load;

	signal(SIGCHLD, hear_child);
	load = load_up(min, max);
	KIT_CHECK(kit_rss() > (long)(volume() / 4 * 3));
	KIT_CHECK(kit_nfds() == fds);
	if (remote)
		kit_join(kit_thread(unload, &load));
	else
		unload(&load);
	check_returned(1, fds);
}

static void
small_by_owner(void)
{
	idle_after(16, 1000, false);
}

static void
small_by_another(void)
{
	idle_after(16, 1000, true);
}

static void
large_by_owner(void)
{
	idle_after(40000, 3 * MIB, false);
}

static void
large_by_another(void)
{
	idle_after(40000, 3 * MIB, true);
}

/* The thread that held it all has ended: its cache is nobody's. */
static void *
load_and_unload(void *arg)
{
	struct load load = load_up(50, 5000);

	unload(&load);
	return arg;
}

static void
by_the_dead(void)
{
	int fds = kit_nfds();

	kit_join(kit_thread(load_and_unload, NULL));
	check_returned(1, fds);
}

/* The owner lives but blocks for good; another thread freed its blocks. */
static struct load lent;
static sem_t lent_ready, let_go;

static void *
lend(void *arg)
{
	lent = load_up(30, 600);
	sem_post(&lent_ready);
	while (sem_wait(&let_go) != 0)
		KIT_FAIL("sem_wait");
	return arg;
}

static void
owner_blocked(void)
{
	int fds = kit_nfds();
	pthread_t owner;

	sem_init(&lent_ready, 0, 0);
	sem_init(&let_go, 0, 0);
	owner = kit_thread(lend, NULL);
	while (sem_wait(&lent_ready) != 0)
		KIT_FAIL("sem_wait");
	unload(&lent);
	check_returned(3, fds); /* where there are two, the collector's stays */
	sem_post(&let_go);
	kit_join(owner);
}

/* What stays must stay as it was, what comes anew must be sound. */
static void
survivors(void)
{
	enum {
		KEPT = 600
	};
	static struct kit_block kept[KEPT];
	struct kit_rng rng = kit_rng_new(2);
	size_t step = volume() / KEPT;
	struct load load;

	for (size_t i = 0; i < KEPT; i++) {
		struct kit_block *b = &kept[i];
		void *filler[32];

		for (size_t j = 0; j < KIT_COUNT(filler); j++) {
			filler[j] = malloc(step / KIT_COUNT(filler));
			memset(filler[j], 1, step / KIT_COUNT(filler));
		}
		kit_block_new(b, &rng, 1 + kit_size(&rng, 3000), 1);
		for (size_t j = 0; j < KIT_COUNT(filler); j++)
			free(filler[j]);
	}
	load = load_up(16, 500);
	unload(&load);
	sleep_unbroken(SOON);
	if (kit_rss() > (long)(RESIDENT * MIB))
		KIT_FAIL("%ld MiB resident", kit_rss() >> 20);
	for (size_t i = 0; i < KEPT; i++)
		kit_block_check(&kept[i]);
	for (long i = 0; i < 50000; i++) {
		struct kit_block *b = &kept[kit_below(&rng, KEPT)];

		kit_block_free(b);
		kit_block_new(b, &rng, 1 + kit_size(&rng, 20000), 2);
	}
	for (size_t i = 0; i < KEPT; i++)
		kit_block_free(&kept[i]);
}

/* A forked child that frees what it inherited is a program like others. */
static void
in_a_child(void)
{
	struct load load = load_up(50, 3000);
	pid_t child = kit_fork();

	if (child == 0) {
		int fds = kit_nfds();

		unload(&load);
		check_returned(1, fds);
		_exit(0);
	}
	kit_reap(child);
	unload(&load);
}

/* -- no blocking call may return early -- */

static int pipe_ends[2];

static void *
in_poll(void *arg)
{
	if (poll(NULL, 0, SOON * 1000) != 0)
		KIT_FAIL("poll");
	return arg;
}

static void *
in_epoll(void *arg)
{
	struct epoll_event event;
	int fd = epoll_create1(0);

	if (epoll_wait(fd, &event, 1, SOON * 1000) != 0)
		KIT_FAIL("epoll_wait");
	close(fd);
	return arg;
}

static void *
in_select(void *arg)
{
	struct timeval rest = {SOON, 0};

	if (select(0, NULL, NULL, NULL, &rest) != 0)
		KIT_FAIL("select");
	return arg;
}

static void *
in_read(void *arg)
{
	char byte;

	if (read(pipe_ends[0], &byte, 1) != 1)
		KIT_FAIL("read");
	return arg;
}

static void *
in_sigtimedwait(void *arg)
{
	struct timespec rest = {SOON, 0};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	if (sigtimedwait(&set, NULL, &rest) != -1 || errno != EAGAIN)
		KIT_FAIL("sigtimedwait");
	return arg;
}

static void *
in_sem_timedwait(void *arg)
{
	struct timespec until;
	sem_t sem;

	sem_init(&sem, 0, 0);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += SOON;
	if (sem_timedwait(&sem, &until) != -1 || errno != ETIMEDOUT)
		KIT_FAIL("sem_timedwait");
	return arg;
}

static void
no_eintr(void)
{
	static void *(*const calls[])(void *) = {in_poll, in_epoll, in_select,
	    in_read, in_sigtimedwait, in_sem_timedwait};
	pthread_t threads[KIT_COUNT(calls)];
	struct load load = load_up(16, 1000);

	KIT_CHECK(pipe(pipe_ends) == 0);
	signal(SIGCHLD, hear_child);
	unload(&load);
	for (size_t i = 0; i < KIT_COUNT(calls); i++)
		threads[i] = kit_thread(calls[i], NULL);
	sleep_unbroken(SOON);
	KIT_CHECK(write(pipe_ends[1], "x", 1) == 1);
	for (size_t i = 0; i < KIT_COUNT(calls); i++)
		kit_join(threads[i]);
	KIT_CHECK(atomic_load(&nchildren_heard) == 0);
}

int
main(int argc, char **argv)
{
	enum {
		P = KIT_PARALLEL
	};
	static const struct kit_case cases[] = {
	    {"small-by-owner", small_by_owner, P, 0},
	    {"small-by-another", small_by_another, P, 0},
	    {"large-by-owner", large_by_owner, P, 0},
	    {"large-by-another", large_by_another, P, 0},
	    {"by-the-dead", by_the_dead, P, 0},
	    {"owner-blocked", owner_blocked, P, 0},
	    {"survivors", survivors, P, 0},
	    {"in-a-child", in_a_child, P, 0},
	    {"no-eintr", no_eintr, P, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
