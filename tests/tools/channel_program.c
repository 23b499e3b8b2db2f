/* channel_program.c -- what channel.py asks
 *
 *   channel_program THREADS MIB SECONDS [fork|busy|sparse|takes|takes-raw]
 * ends when its input does, or after that time.  Has that many threads and MiB
 * of a linked list; half as much again was lost. Prints "ready", its counter of
 * work done each 100 ms with `busy`, and that it saw EINTR or another
 * descriptor, or `takes` a signal that then came, if it did.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/arch.h"

enum {
	BLOCK = 1000,
	PAGE = 4096,
	SPARSE = 16 << 20
};

struct node {
	struct node *next;
	char room[BLOCK - sizeof(struct node *)];
};

static struct node *list;
static atomic_ulong work;
static atomic_int ninterrupted, nsignals;

static void *
wait_quietly(void *arg)
{
	for (;;)
		if (poll(NULL, 0, 1000) < 0 && errno == EINTR)
			atomic_fetch_add(&ninterrupted, 1);
	return arg;
}

static void *
work_hard(void *arg)
{
	for (;;) {
		free(malloc(100));
		atomic_fetch_add_explicit(&work, 1, memory_order_relaxed);
	}
	return arg;
}

static void
fill(size_t mib)
{
	for (size_t i = 0; i < mib * (1 << 20) / BLOCK; i++) {
		struct node *node = malloc(sizeof(*node));

		memset(node, 1, sizeof(*node));
		node->next = list;
		list = node;
		if (i % 2 == 0)
			*(char *)malloc(BLOCK) = 1;
	}
}

/* Blocks that are there in part: every second page, a huge page if there are
 * any, none; and one of which only the page of zeros is there.
 */
static void
fill_sparsely(void)
{
	static char *blocks[4];
	volatile char sum = 0;

	for (int i = 0; i < 4; i++)
		blocks[i] = calloc(1, SPARSE);
	for (size_t at = 0; at < SPARSE; at += (size_t)2 * PAGE) {
		blocks[0][at] = 1;
		sum += ((volatile char *)blocks[3])[at];
	}
	if (madvise(blocks[1], SPARSE, MADV_HUGEPAGE) == 0)
		blocks[1][SPARSE / 2] = 1;
}

static void
note_signal(int number)
{
	(void)number;
	atomic_fetch_add(&nsignals, 1);
}

/* The library's signal; `raw`: behind its back, to ignore it. */
static void
take_signal(bool raw)
{
	struct {
		void (*handler)(int);
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} action = {SIG_IGN, 0, NULL, 0};

	if (!raw)
		signal(62, note_signal);
	else if (gcm_arch_syscall(
		     SYS_rt_sigaction, 62, (long)&action, 0, 8, 0, 0) != 0)
		printf("no signal\n");
}

static int
count_descriptors(void)
{
	DIR *all = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(all) != NULL)
		n++;
	closedir(all);
	return n;
}

int
main(int argc, char **argv)
{
	int nthreads = atoi(argv[1]), ndescriptors = count_descriptors();
	const char *what = argc > 4 ? argv[4] : "";
	double seconds = atof(argv[3]);
	pthread_t thread;

	for (int i = 1; i < nthreads; i++)
		pthread_create(&thread, NULL,
		    strcmp(what, "busy") == 0 && i == 1 ? work_hard
							: wait_quietly,
		    NULL);
	fill((size_t)atoi(argv[2]));
	if (strcmp(what, "sparse") == 0)
		fill_sparsely();
	if (strcmp(what, "fork") == 0 && fork() == 0) {
		fill(8);
		sleep((unsigned int)seconds);
		_exit(0);
	}
	printf("ready\n");
	fflush(stdout);
	for (int i = 0; i < (int)(seconds * 10); i++) {
		struct pollfd input = {0, POLLIN, 0};
		int ready = poll(&input, 1, 100);

		if (ready < 0)
			atomic_fetch_add(&ninterrupted, 1);
		if (ready > 0)
			break;
		if (i == 30 && strncmp(what, "takes", 5) == 0) {
			take_signal(strcmp(what, "takes-raw") == 0);
			fill(30); /* the collector's thread is wanted */
			printf("taken\n");
			fflush(stdout);
		}
		if (strcmp(what, "busy") == 0) {
			printf("%lu\n", atomic_load(&work));
			fflush(stdout);
		}
		if (count_descriptors() != ndescriptors)
			printf("descriptors\n");
	}
	if (atomic_load(&nsignals) != 0)
		printf("a signal\n");
	if (atomic_load(&ninterrupted) != 0)
		printf("interrupted\n");
	return list == NULL;
}
