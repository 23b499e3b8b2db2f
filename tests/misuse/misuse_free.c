/* misuse_free.c -- blocks freed twice */
#define _GNU_SOURCE
#include "misuse.h"

#include <dlfcn.h>
#include <malloc.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	MANY = 1000
};

static void
free_again(void *p)
{
	expect(FREE_TWICE, p);
	free(p);
}

/* -- freed twice -- */

static void
twice(size_t size)
{
	char *p = malloc(size);

	free(p);
	free_again(p);
}

static void
twice_zeroed(size_t size)
{
	char *p = calloc(1, size);

	free(p);
	free_again(p);
}

static void
twice_aligned(size_t size)
{
	char *p = memalign(4096, size);

	free(p);
	free_again(p);
}

static void
twice_empty(size_t size)
{
	char *p = malloc(0), *q = malloc(0);

	(void)size;
	free(p);
	free_again(p);
	free(q);
}

static void
twice_others_between(size_t size)
{
	char *p = malloc(size), *q = malloc(size);

	free(p);
	free(q);
	free_again(p);
}

static void
twice_much_between(size_t size)
{
	char *p = malloc(size);

	free(p);
	for (int i = 0; i < MANY; i++)
		free(malloc(size));
	free_again(p);
}

/* The block lies in the middle of many free ones, cache long overflown. */
static void
twice_among_many(size_t size)
{
	static char *blocks[MANY];

	for (int i = 0; i < MANY; i++)
		blocks[i] = malloc(size);
	for (int i = 0; i < MANY; i++)
		free(blocks[i]);
	free_again(blocks[MANY / 2]);
}

static void
twice_by_realloc(size_t size)
{
	char *p = malloc(size);

	if (realloc(p, 0) == NULL)
		free_again(p);
}

/* Another block keeps the first from growing where it is. */
static void
old_place(size_t size)
{
	char *p = malloc(size), *fence = malloc(size);
	char *q = realloc(p, 100 * size + 200000);

	if (q == p) /* it could all the same */
		free(q);
	free_again(p);
	free(fence);
}

/* -- by other threads, processes and names -- */

static void *
free_here(void *p)
{
	free(p);
	return NULL;
}

static void *
malloc_here(void *size)
{
	return malloc((size_t)(uintptr_t)size);
}

static void *
in_thread(void *(*run)(void *), void *arg)
{
	pthread_t thread;
	void *value;

	if (pthread_create(&thread, NULL, run, arg) != 0 ||
	    pthread_join(thread, &value) != 0)
		_exit(3);
	return value;
}

static void
twice_remote_first(size_t size)
{
	char *p = malloc(size);

	in_thread(free_here, p);
	free_again(p);
}

static sem_t freed;

static void *
free_after_main(void *p)
{
	while (sem_wait(&freed) != 0)
		continue;
	free_again(p);
	return NULL;
}

/* The thread is there before, lest its own blocks take the place. */
static void
twice_remote_second(size_t size)
{
	char *p = malloc(size);
	pthread_t thread;

	sem_init(&freed, 0, 0);
	if (pthread_create(&thread, NULL, free_after_main, p) != 0)
		_exit(3);
	free(p);
	sem_post(&freed);
	pthread_join(thread, NULL);
}

static void
twice_of_the_dead(size_t size)
{
	char *p = in_thread(malloc_here, (void *)(uintptr_t)size);

	free(p);
	free_again(p);
}

static void
twice_in_child(size_t size)
{
	char *p = malloc(size);
	int status = 0;
	pid_t pid;

	free(p);
	pid = fork();
	if (pid == 0)
		free_again(p);
	waitpid(pid, &status, 0);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT)
		abort();
}

static void
twice_in_both(size_t size)
{
	char *p = malloc(size);
	pid_t pid = fork();

	free(p); /* once in each process: right */
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	free_again(p);
}

static void
by_name(const char *name, void *p)
{
	void (*call)(void *);

	*(void **)&call = dlsym(RTLD_DEFAULT, name);
	if (call == NULL)
		_exit(3);
	free(p);
	expect(FREE_TWICE, p);
	call(p);
}

static void
twice_cfree(size_t size)
{
	by_name("cfree", malloc(size));
}

static void
twice_libc_free(size_t size)
{
	by_name("__libc_free", malloc(size));
}

static void
twice_free_sized(size_t size)
{
	void (*call)(void *, size_t);
	char *p = malloc(size);

	*(void **)&call = dlsym(RTLD_DEFAULT, "free_sized");
	if (call == NULL)
		_exit(3);
	free(p);
	expect(FREE_TWICE, p);
	call(p, size);
}

const struct misuse free_cases[] = {
    {"twice", twice, every_size},
    {"twice-zeroed", twice_zeroed, every_size},
    {"twice-aligned", twice_aligned, every_size},
    {"twice-empty", twice_empty, NULL},
    {"twice-others-between", twice_others_between, every_size},
    {"twice-much-between", twice_much_between, every_size},
    {"twice-among-many", twice_among_many, slot_sizes},
    {"twice-by-realloc", twice_by_realloc, every_size},
    {"old-place", old_place, every_size},
    {"twice-remote-first", twice_remote_first, every_size},
    {"twice-remote-second", twice_remote_second, every_size},
    {"twice-of-the-dead", twice_of_the_dead, every_size},
    {"twice-in-child", twice_in_child, every_size},
    {"twice-in-both", twice_in_both, every_size},
    {"twice-cfree", twice_cfree, NULL},
    {"twice-libc-free", twice_libc_free, NULL},
    {"twice-free-sized", twice_free_sized, NULL},
    {NULL, NULL, NULL},
};
