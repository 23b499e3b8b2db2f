/* edges.c -- moments in which the library is less there than elsewhere
 *
 * What a thread does while it ends, a handler on a stack with hardly any room,
 * and calls that few programs make: beside the collector and without it.
 *
 * RED     B1: without SECOND_ROUND in preload/thread.c "ending" printed
 *         "interrupted: 0; with the library: interrupted: 40".
 *         A6: without our signal in the sa_masks of preload/signal.c
 *         "small-stack" printed "status 0; with the library: status b".
 *         B3: without show_own there "small-mask" printed "in the handler: 0;
 *         with the library: in the handler: 1".
 *         B4: with note_before left out of change_mask "waiting" printed "in a
 *         handler that waited: 0; with the library: in a handler that waited:
 *         1"; without set_hides in run_handler there "after one that blocked
 *         all: 0; with the library: after one that blocked all: 1".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
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

/* Handlers with little room ------------------------------------------------ */

static void
use_small_stack(size_t room)
{
	size_t size = (size_t)sysconf(_SC_MINSIGSTKSZ) + room;
	char *map = mmap(NULL, 2 * size, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t stack = {.ss_sp = map, .ss_size = size};

	KIT_CHECK(map != MAP_FAILED && sigaltstack(&stack, NULL) == 0);
}

static volatile sig_atomic_t nhandled;

static void
count(int sig)
{
	(void)sig;
	nhandled++;
}

/* Our signal and another one come at the same moment. */
static int
handle_many(void)
{
	struct sigaction action = {
	    .sa_handler = count, .sa_flags = SA_ONSTACK | SA_RESTART};
	struct itimerval often = {{0, 200}, {0, 200}};
	sigset_t set;
	double until;

	sigemptyset(&set);
	sigaddset(&set, SIGALRM);
	use_small_stack(768);
	KIT_CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	both_begin();
	pthread_sigmask(SIG_UNBLOCK, &set, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	until = kit_now() + 4;
	while (kit_now() < until)
		*(volatile char *)malloc(100) = 1;
	both_say("handled: %s", nhandled > 100 ? "many" : "few");
	return 0;
}

static sigjmp_buf back;
static sigset_t inside;

static void
look_and_leave(int sig)
{
	(void)sig;
	pthread_sigmask(SIG_BLOCK, NULL, &inside);
	siglongjmp(back, 1);
}

static int
count_blocked(const sigset_t *set)
{
	int n = 0;

	for (int sig = 1; sig <= SIGRTMAX; sig++)
		n += sigismember(set, sig) == 1;
	return n;
}

static int
look_at_masks(void)
{
	struct sigaction action = {
	    .sa_handler = look_and_leave, .sa_flags = SA_ONSTACK | SA_NODEFER};
	struct sigaction old;
	sigset_t after;

	use_small_stack(6000); /* binding a symbol takes 3000 */
	KIT_CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	if (sigsetjmp(back, 0) == 0)
		raise(SIGUSR1);
	KIT_CHECK(sigprocmask(SIG_BLOCK, NULL, &after) == 0);
	KIT_CHECK(sigaction(SIGUSR1, NULL, &old) == 0);
	both_say("in the handler: %d", count_blocked(&inside));
	both_say("after it: %d", count_blocked(&after));
	both_say("its own: %d, flags %x", count_blocked(&old.sa_mask),
	    (unsigned)old.sa_flags);
	return 0;
}

/* Masks -------------------------------------------------------------------- */

static volatile sig_atomic_t seen_blocked;

/* It returns with all signals blocked, which its end undoes. */
static void
block_all(int sig)
{
	sigset_t all, old;

	(void)sig;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	if (count_blocked(&old) > 1) /* but for this signal */
		seen_blocked = 1;
}

/* A signal comes while all are blocked, and is handled when that ends. */
static int
let_wait(void)
{
	struct sigaction action = {.sa_handler = block_all};
	sigset_t all, old, after;

	sigfillset(&all);
	KIT_CHECK(sigaction(SIGUSR1, &action, NULL) == 0);
	for (int i = 0; i < 40; i++) {
		KIT_CHECK(sigprocmask(SIG_BLOCK, &all, &old) == 0);
		raise(SIGUSR1);
		KIT_CHECK(sigprocmask(SIG_SETMASK, &old, NULL) == 0);
	}
	raise(SIGUSR1);
	KIT_CHECK(sigprocmask(SIG_BLOCK, NULL, &after) == 0);
	both_say("in a handler that waited: %d", (int)seen_blocked);
	both_say("after one that blocked all: %d", count_blocked(&after));
	return 0;
}

/* Cases ------------------------------------------------------------------- */

#define SAME(name, body)                                                       \
	static void name(void)                                                 \
	{                                                                      \
		both_same(body, 2, 0);                                         \
	}
SAME(ending, "ending")
SAME(small_stack, "small-stack")
SAME(small_mask, "small-mask")
SAME(waiting, "waiting")

int
main(int argc, char **argv)
{
	enum {
		P = KIT_PLAIN | KIT_PARALLEL
	};
	static const struct kit_case cases[] = {
	    {"ending", ending, P, 0},
	    {"small-stack", small_stack, P, 0},
	    {"small-mask", small_mask, P, 0},
	    {"waiting", waiting, P, 0},
	    {NULL, NULL, 0, 0},
	};
	static const struct both_body bodies[] = {
	    {"ending", end_threads},
	    {"small-stack", handle_many},
	    {"small-mask", look_at_masks},
	    {"waiting", let_wait},
	    {NULL, NULL},
	};

	return both_main(argc, argv, cases, bodies);
}
