/* misuse_other.c -- realloc and malloc_usable_size of what is no block; the
 * places and states of a process in which a misuse must still be reported
 */
#define _GNU_SOURCE
#include "misuse.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* -- realloc -- */

static void
realloc_freed(size_t size)
{
	char *p = malloc(size);

	free(p);
	expect(REALLOC_FREED, p);
	free(realloc(p, 2 * size));
}

static void
realloc_freed_same(size_t size)
{
	char *p = malloc(size);

	free(p);
	expect(REALLOC_FREED, p);
	free(realloc(p, size));
}

static void
realloc_freed_to_nothing(size_t size)
{
	char *p = malloc(size);

	free(p);
	expect(REALLOC_FREED, p);
	free(realloc(p, 0));
}

static void
realloc_freed_empty(size_t size)
{
	char *p = malloc(0);

	free(p);
	expect(REALLOC_FREED, p);
	free(realloc(p, size));
}

static void
realloc_old_place(size_t size)
{
	char *p = malloc(size), *fence = malloc(size);
	char *q = realloc(p, 100 * size + 200000);

	if (q == p)
		free(q);
	expect(REALLOC_FREED, p);
	free(realloc(p, size + 1));
	free(fence);
}

static void
reallocarray_freed(size_t size)
{
	char *p = malloc(size);

	free(p);
	expect(REALLOC_FREED, p);
	free(reallocarray(p, 2, size));
}

static void
realloc_interior(size_t size)
{
	char *p = malloc(size);

	expect(REALLOC_INTERIOR, p + 16);
	free(realloc(p + 16, size));
}

static void
realloc_unaligned(size_t size)
{
	char *p = malloc(size);

	expect(REALLOC_UNALIGNED, p + 1);
	free(realloc(p + 1, size));
}

static void
realloc_stack(size_t size)
{
	_Alignas(16) volatile char array[64];
	char *p = malloc(size);

	array[0] = 0;
	expect(REALLOC_INVALID, array);
	free(realloc((void *)(uintptr_t)array, size));
	free(p);
}

static void
realloc_number(size_t size)
{
	(void)size;
	expect(REALLOC_INVALID, (void *)(uintptr_t)4096);
	free(realloc((void *)(uintptr_t)4096, 10));
}

static void
realloc_stack_to_nothing(size_t size)
{
	_Alignas(16) volatile char array[64];

	array[0] = 0;
	expect(REALLOC_INVALID, array);
	free(realloc((void *)(uintptr_t)array, 0));
	(void)size;
}

/* -- malloc_usable_size -- */

static void
usable_freed(size_t size)
{
	char *p = malloc(size);

	free(p);
	expect(USABLE_FREED, p);
	malloc_usable_size(p);
}

static void
usable_interior(size_t size)
{
	char *p = malloc(size);

	expect(USABLE_INTERIOR, p + 16);
	malloc_usable_size(p + 16);
}

static void
usable_unaligned(size_t size)
{
	char *p = malloc(size);

	expect(USABLE_UNALIGNED, p + 8);
	malloc_usable_size(p + 8);
}

static void
usable_stack(size_t size)
{
	_Alignas(16) volatile char array[64];

	array[0] = (char)size;
	expect(USABLE_INVALID, array);
	malloc_usable_size((void *)(uintptr_t)array);
}

/* -- anywhere -- */

static void
free_twice(void)
{
	char *p = malloc(100);

	free(p);
	expect(FREE_TWICE, p);
	free(p);
}

static void *
free_twice_here(void *arg)
{
	free_twice();
	return arg;
}

static void
free_twice_of_key(void *arg)
{
	(void)arg;
	free_twice();
}

static void
free_twice_at_signal(int signo)
{
	(void)signo;
	free_twice();
}

static void
in_thread(size_t size)
{
	pthread_t thread;

	(void)size;
	if (pthread_create(&thread, NULL, free_twice_here, NULL) == 0)
		pthread_join(thread, NULL);
}

/* The thread's cache may be gone by then. */
static void *
set_key(void *arg)
{
	static pthread_key_t key;

	free(malloc(10));
	if (pthread_key_create(&key, free_twice_of_key) == 0)
		pthread_setspecific(key, &key);
	return arg;
}

static void
in_key_destructor(size_t size)
{
	pthread_t thread;

	(void)size;
	if (pthread_create(&thread, NULL, set_key, NULL) == 0)
		pthread_join(thread, NULL);
}

static void
at_exit(size_t size)
{
	(void)size;
	atexit(free_twice);
	exit(0);
}

static void
in_signal_handler(size_t size)
{
	(void)size;
	signal(SIGUSR1, free_twice_at_signal);
	raise(SIGUSR1);
}

static void
small_signal_stack(size_t size)
{
	static char stack[16384];
	stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction act;

	(void)size;
	memset(&act, 0, sizeof(act));
	act.sa_handler = free_twice_at_signal;
	act.sa_flags = SA_ONSTACK;
	sigaltstack(&alt, NULL);
	sigaction(SIGUSR1, &act, NULL);
	raise(SIGUSR1);
}

/* -- abort is abort -- */

static void
do_nothing(int signo)
{
	(void)signo;
}

static void
abort_handled(size_t size)
{
	(void)size;
	signal(SIGABRT, do_nothing);
	free_twice();
}

static void
abort_ignored(size_t size)
{
	(void)size;
	signal(SIGABRT, SIG_IGN);
	free_twice();
}

static void
abort_blocked(size_t size)
{
	sigset_t all;

	(void)size;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	free_twice();
}

static void
handle_abort(int signo)
{
	/* glibc's abort allows this; the heap must not be locked. */
	for (int i = 1; i < 1000; i++)
		free(malloc((size_t)i * 100));
	(void)signo;
}

static void
abort_handler_allocates(size_t size)
{
	char *p = malloc(size);

	signal(SIGABRT, handle_abort);
	free(p);
	expect(FREE_TWICE, p);
	free(p);
}

/* Nothing to write to: dies all the same, silently. */
static void
stderr_closed(size_t size)
{
	char *p = malloc(size);

	close(2);
	free(p);
	free(p);
}

const struct misuse other_cases[] = {
    {"realloc-freed", realloc_freed, every_size},
    {"realloc-freed-same", realloc_freed_same, every_size},
    {"realloc-freed-to-nothing", realloc_freed_to_nothing, every_size},
    {"realloc-freed-empty", realloc_freed_empty, NULL},
    {"realloc-old-place", realloc_old_place, every_size},
    {"reallocarray-freed", reallocarray_freed, every_size},
    {"realloc-interior", realloc_interior, wide_sizes},
    {"realloc-unaligned", realloc_unaligned, every_size},
    {"realloc-stack", realloc_stack, NULL},
    {"realloc-stack-to-nothing", realloc_stack_to_nothing, NULL},
    {"realloc-number", realloc_number, NULL},
    {"usable-freed", usable_freed, every_size},
    {"usable-interior", usable_interior, wide_sizes},
    {"usable-unaligned", usable_unaligned, every_size},
    {"usable-stack", usable_stack, NULL},
    {"in-thread", in_thread, NULL},
    {"in-key-destructor", in_key_destructor, NULL},
    {"at-exit", at_exit, NULL},
    {"in-signal-handler", in_signal_handler, NULL},
    {"small-signal-stack", small_signal_stack, NULL},
    {"abort-handled", abort_handled, NULL},
    {"abort-ignored", abort_ignored, NULL},
    {"abort-blocked", abort_blocked, NULL},
    {"abort-handler-allocates", abort_handler_allocates, every_size},
    {"stderr-closed", stderr_closed, NULL},
    {NULL, NULL, NULL},
};
