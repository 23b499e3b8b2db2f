/* unit/rouse.c -- no wish is lost on its way to a thread that waits for sockets
 *
 * A thread blocks all signals and sleeps as the collector's does.  Others set
 * its word and rouse it, at every moment of its way into the wait and out of
 * it.  It is never told twice, so a wish that is lost would take the whole of a
 * sleep.  The signal must reach no other thread.
 *
 * C3: without the second look at the word in gcm_serve_sleep: "a wish was
 * lost"; with a plain poll and the signal let in around it: the same.
 */
#include "real.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/cycle_state.h"
#include "core/serve.h"

enum {
	NUMBER = 61,
	NWISHERS = 2,
	WISHES = 10000
};
#define SLEEP_NS 20000000000u
#define ENOUGH_NS 6000000000u /* on a busy machine */

static _Atomic uint32_t word, nslept, ready;
static _Atomic int nstrange;
static _Atomic uint32_t sleeper;

static void
handle(int number)
{
	(void)number;
	if ((uint32_t)syscall(SYS_gettid) != atomic_load(&sleeper))
		atomic_fetch_add(&nstrange, 1);
}

static int
rouser(void)
{
	return NUMBER;
}

static const struct gcm_scanner scanner = {.rouser = rouser};

static void *
sleep_often(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	atomic_store(&sleeper, (uint32_t)syscall(SYS_gettid));
	atomic_store(&gcm_cycle.alive, atomic_load(&sleeper));
	gcm_cycle.scanner = &scanner;
	gcm_serve_open(&scanner);
	*(bool *)arg = gcm_serve_is_open();
	atomic_store(&ready, 1);
	while (*(bool *)arg && atomic_load(&ready) == 1) {
		gcm_serve_sleep(&word, SLEEP_NS);
		atomic_store(&word, 0);
		atomic_fetch_add(&nslept, 1);
	}
	gcm_serve_close();
	return NULL;
}

static bool
wish(void)
{
	uint32_t before = atomic_load(&nslept);
	uint64_t began = gcm_os_now_ns();

	atomic_store(&word, 1);
	gcm_serve_rouse();
	/* The other one's wish may have been taken together with this one. */
	while (atomic_load(&nslept) == before && atomic_load(&word) != 0)
		if (gcm_os_now_ns() - began > SLEEP_NS / 2)
			return false;
	return true;
}

static void *
wish_often(void *arg)
{
	uint64_t state = *(uint64_t *)arg;

	uint64_t began = gcm_os_now_ns();

	for (int i = 0;
	     i < WISHES / NWISHERS && gcm_os_now_ns() - began < ENOUGH_NS;
	     i++) {
		if (!wish())
			return arg;
		for (uint64_t n = rig_below(
			 &state, (uint64_t)16 << rig_below(&state, 11));
		     n > 0; n--)
			__asm__ volatile("");
		if (rig_chance(&state, 5))
			usleep(100);
	}
	return NULL;
}

START_TEST(none_is_lost)
{
	pthread_t thread, wishers[NWISHERS];
	uint64_t seeds[NWISHERS];
	bool open;
	void *lost;

	signal(NUMBER, handle);
	ck_assert_int_eq(pthread_create(&thread, NULL, sleep_often, &open), 0);
	while (atomic_load(&ready) == 0)
		usleep(1000);
	ck_assert_msg(open, "%s", gcm_about.channel);
	for (int i = 0; i < NWISHERS; i++) {
		seeds[i] = rig_seed(1) + (uint64_t)i;
		pthread_create(&wishers[i], NULL, wish_often, &seeds[i]);
	}
	for (int i = 0; i < NWISHERS; i++) {
		pthread_join(wishers[i], &lost);
		ck_assert_msg(lost == NULL, "a wish was lost");
	}
	atomic_store(&ready, 2);
	(void)wish();
	pthread_join(thread, NULL);
	ck_assert_int_eq(atomic_load(&nstrange), 0);
	gcm_serve_rouse(); /* nobody is there */
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, none_is_lost);
}

int
main(void)
{
	return unit_run("rouse", add_tests);
}
