/* cancel.c -- threads that are cancelled, programs that abort
 *
 * MODEL   No call of the malloc family is a cancellation point, but for
 *         malloc_stats and malloc_info, which write: a thread with a cancel
 *         pending passes through all of them alive, and one that dies in
 *         malloc_stats leaves no lock behind.  The SIGABRT of a misuse
 *         reaches the program's handler with no lock held either, so that
 *         the handler may unwind and allocate.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <execinfo.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static atomic_int nended;

static void
use_heap(void)
{
	struct kit_rng rng = kit_rng_new(77);

	for (int i = 0; i < 300; i++) {
		struct kit_block b;

		kit_block_new(&b, &rng, kit_size(&rng, 60000), 1);
		kit_block_resize(&b, &rng, kit_size(&rng, 60000));
		kit_block_free(&b);
	}
}

static void *
pending_cancel(void *arg)
{
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	pthread_cancel(pthread_self());
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	/* None of these is a cancellation point: */
	for (size_t size = 1; size < 9000000; size = size * 3 / 2 + 1) {
		void *p = NULL;

		free(calloc(2, size));
		free(realloc(malloc(size), size * 2));
		if (posix_memalign(&p, 4096, size) == 0)
			free(p);
		malloc_trim(0);
		mallinfo2();
	}
	atomic_fetch_add(&nended, 1);
	pthread_testcancel();
	return arg;
}

static void
not_cancelled_inside(void)
{
	int n = (int)kit_scale(10, 200);

	for (int i = 0; i < n; i++)
		KIT_CHECK(kit_join(kit_thread(pending_cancel, NULL)) ==
			  PTHREAD_CANCELED);
	KIT_CHECK(atomic_load(&nended) == n);
}

/* malloc_stats writes: a cancelled thread may not keep a lock of ours. */
static void *
print_stats(void *arg)
{
	int old;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	pthread_cancel(pthread_self());
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	malloc_stats();
	return arg;
}

static void
cancelled_in_stats(void)
{
	FILE *null = freopen("/dev/null", "w", stderr);

	KIT_CHECK(null != NULL);
	for (int i = 0; i < 20; i++) {
		kit_join(kit_thread(print_stats, NULL));
		use_heap();
		malloc_stats();
	}
}

static void
hold(void *p)
{
	free(p);
}

static void *
cancel_me(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);

	for (;;) {
		void *p = malloc(kit_size(&rng, 50000));

		pthread_cleanup_push(hold, p);
		pthread_testcancel();
		pthread_cleanup_pop(1);
	}
	return NULL;
}

static void
cancelled_between(void)
{
	for (uintptr_t i = 0; i < (uintptr_t)kit_scale(300, 10000); i++) {
		pthread_t threads[4];

		for (size_t j = 0; j < 4; j++)
			threads[j] = kit_thread(cancel_me, (void *)(i + j));
		for (size_t j = 0; j < 4; j++)
			pthread_cancel(threads[j]);
		for (size_t j = 0; j < 4; j++)
			KIT_CHECK(kit_join(threads[j]) == PTHREAD_CANCELED);
	}
}

/* -- abort: the handler may use the heap, unwinding included -- */

static void
on_abort(int sig)
{
	void *frames[20];
	char **names;
	int n = backtrace(frames, 20);

	(void)sig;
	names = backtrace_symbols(frames, n);
	free(names);
	free(malloc(1000));
	_exit(n > 0 ? 55 : 1);
}

static void
abort_after_misuse(void)
{
	pid_t child = kit_fork();

	if (child == 0) {
		void *volatile p = malloc(4096);
		struct sigaction action = {.sa_handler = on_abort};

		KIT_CHECK(freopen("/dev/null", "w", stderr) != NULL);
		sigaction(SIGABRT, &action, NULL);
		free(p);
		free(malloc(100));
		free(p);
		_exit(2);
	}
	KIT_CHECK(WEXITSTATUS(kit_wait(child)) == 55);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"not-cancelled-inside", not_cancelled_inside, 0, 0},
	    {"cancelled-in-stats", cancelled_in_stats, 0, 0},
	    {"cancelled-between", cancelled_between, 0, 0},
	    {"abort-after-misuse", abort_after_misuse, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
