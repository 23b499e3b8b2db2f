/* taken.c -- the program takes the number of our signal while we sleep
 *
 * MODEL   The collector's thread, when it waits for sockets, lets in one
 *         signal.  A program that installs handlers for all real-time signals
 *         and blocks them must find them pending, and no handler run in a
 *         thread that is not its own; and its call must not take a second.
 *
 * RED     B4: with gcm_serve_rouse silent once the number had moved: "sigaction
 *         took 1.00 s", and the handler ran in our thread.
 */
#define _GNU_SOURCE
#include "tests/stress/kit.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

enum {
	FIRST = 34,
	LAST = 64,
	NBLOCKS = 3000,
	BYTES = 10000
};

static volatile sig_atomic_t nheard;

static void
hear(int number)
{
	(void)number;
	nheard++;
}

static void
take_all(void)
{
	struct sigaction action = {.sa_handler = hear};

	for (int number = FIRST; number <= LAST; number++)
		KIT_CHECK(sigaction(number, &action, NULL) == 0);
}

static void
taken_while_asleep(void)
{
	sigset_t all, pending;
	double began;

	for (int i = 0; i < NBLOCKS; i++) /* a collection, and then rest */
		free(malloc(BYTES));
	for (int i = 0; i < NBLOCKS; i++)
		if (malloc(BYTES) == NULL)
			KIT_FAIL("malloc failed");
	kit_sleep(0.5);
	sigemptyset(&all);
	for (int number = FIRST; number <= LAST; number++)
		sigaddset(&all, number);
	KIT_CHECK(sigprocmask(SIG_BLOCK, &all, NULL) == 0);
	began = kit_now();
	take_all();
	if (kit_now() - began > 0.8)
		KIT_FAIL("sigaction took %.2f s", kit_now() - began);
	for (int number = FIRST; number <= LAST; number++)
		KIT_CHECK(kill(getpid(), number) == 0);
	kit_sleep(0.2);
	KIT_CHECK(nheard == 0);
	sigpending(&pending);
	for (int number = FIRST; number <= LAST; number++)
		KIT_CHECK(sigismember(&pending, number) == 1);
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	KIT_CHECK(nheard == LAST - FIRST + 1);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"while-asleep", taken_while_asleep, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
