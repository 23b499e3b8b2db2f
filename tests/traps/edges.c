/* edges.c -- moments in which the library is less there than elsewhere
 *
 * What a thread does while it ends, a handler on a stack with hardly any room,
 * and calls that few programs make: beside the collector and without it.
 *
 * RED     B1: without SECOND_ROUND in preload/thread.c "ending" printed
 *         "interrupted: 0; with the library: interrupted: 40".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "tests/traps/both.h"

/* Threads that end --------------------------------------------------------- */

enum {
	ENDING = 20,
	WAIT_MS = 60
};

static pthread_key_t key;
static _Atomic int interrupted, ran;

static void
wait_a_little(void *arg)
{
	struct timespec wanted = {0, WAIT_MS * 1000000L};

	(void)arg;
	ran++;
	if (nanosleep(&wanted, NULL) != 0)
		interrupted++;
	if (poll(NULL, 0, WAIT_MS) != 0)
		interrupted++;
}

static void *
end_at_once(void *arg)
{
	free(malloc(100));
	pthread_setspecific(key, &key);
	return arg;
}

static void *
be_cancelled(void *arg)
{
	end_at_once(NULL);
	for (;;)
		pause();
	return arg;
}

static int
end_threads(void)
{
	pthread_t threads[ENDING];

	pthread_key_create(&key, wait_a_little);
	both_begin();
	for (int i = 0; i < ENDING; i++)
		threads[i] =
		    kit_thread(i % 2 == 0 ? end_at_once : be_cancelled, NULL);
	kit_sleep(0.05);
	for (int i = 1; i < ENDING; i += 2)
		KIT_CHECK(pthread_cancel(threads[i]) == 0);
	for (int i = 0; i < ENDING; i++)
		pthread_join(threads[i], NULL);
	both_say("destructors: %d", ran);
	both_say("interrupted: %d", interrupted);
	return 0;
}

/* Cases ------------------------------------------------------------------- */

#define SAME(name, body)                                                       \
	static void name(void)                                                 \
	{                                                                      \
		both_same(body, 2, 0);                                         \
	}
SAME(ending, "ending")

int
main(int argc, char **argv)
{
	enum {
		P = KIT_PLAIN | KIT_PARALLEL
	};
	static const struct kit_case cases[] = {
	    {"ending", ending, P, 0},
	    {NULL, NULL, 0, 0},
	};
	static const struct both_body bodies[] = {
	    {"ending", end_threads},
	    {NULL, NULL},
	};

	return both_main(argc, argv, cases, bodies);
}
