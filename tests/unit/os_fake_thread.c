/* os_fake_thread.c -- time, waits and threads of the fake kernel
 *
 * MODEL   A wait without a timeout is a real one: some real thread will wake
 *         us.  A wait with one lets a scripted thread run first, if there is
 *         any; else the clock moves by the timeout and nothing has happened.
 *         With real threads the clock is the real one, faster.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "os_fake_parts.h"

struct start {
	void (*entry)(void *arg);
	void *arg;
	_Atomic uint32_t *alive;
};

static enum os_fake_threads how;
static struct start pending; /* of scripted and mute threads */
static bool running;         /* the pending one runs in a frame below */
static uint64_t began;       /* on the real clock */

static uint64_t
read_clock(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void
os_fake_threads(enum os_fake_threads wanted)
{
	began = read_clock(CLOCK_MONOTONIC);
	how = wanted;
}

uint64_t
gcm_os_now_ns(void)
{
	if (os_fake.on_clock != NULL)
		os_fake.on_clock();
	if (how != OS_THREADS_REAL)
		return os_fake.now_ns;
	return os_fake.now_ns +
	       (read_clock(CLOCK_MONOTONIC) - began) * os_fake.faster;
}

uint64_t
gcm_os_thread_cpu_ns(void)
{
	static uint64_t used;

	return how == OS_THREADS_REAL ? read_clock(CLOCK_THREAD_CPUTIME_ID)
				      : (used += os_fake.cpu_ns);
}

static void
wait_really(_Atomic uint32_t *word, uint32_t seen, uint64_t ns)
{
	struct timespec span = {
	    (time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
	int saved = errno;

	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen,
	    ns == 0 ? NULL : &span, NULL, 0);
	errno = saved;
}

void
gcm_os_wait(_Atomic uint32_t *word, uint32_t seen, uint64_t timeout_ns)
{
	(void)os_fake_count_call(OS_WAIT);
	if (atomic_load(word) != seen)
		return;
	if (timeout_ns == 0) {
		wait_really(word, seen, 0);
	} else if (how == OS_THREADS_REAL) {
		wait_really(word, seen, timeout_ns / os_fake.faster + 1);
	} else if (how == OS_THREADS_SCRIPTED && os_fake_has_thread() &&
		   !running) {
		os_fake_run_thread();
	} else {
		if (os_fake.on_wait != NULL)
			os_fake.on_wait(word, timeout_ns);
		os_fake.now_ns += timeout_ns;
	}
}

void
gcm_os_wake(_Atomic uint32_t *word, uint32_t nwaiters)
{
	int saved = errno;

	(void)os_fake_count_call(OS_WAKE);
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, nwaiters, NULL, NULL, 0);
	errno = saved;
}

/* Threads --------------------------------------------------------------------
 */

bool
os_fake_has_thread(void)
{
	return pending.entry != NULL;
}

void
os_fake_end_thread(void)
{
	struct start start = pending;

	pending.entry = NULL;
	atomic_store(start.alive, 0);
	gcm_os_wake(start.alive, UINT32_MAX >> 1);
}

void
os_fake_forget_thread(void)
{
	pending.entry = NULL;
}

void
os_fake_run_thread(void)
{
	running = true;
	pending.entry(pending.arg);
	running = false;
	os_fake_end_thread();
}

static void *
run_really(void *arg)
{
	struct start start = *(struct start *)arg;

	free(arg);
	start.entry(start.arg);
	atomic_store(start.alive, 0);
	gcm_os_wake(start.alive, UINT32_MAX >> 1);
	return NULL;
}

static int
start_really(const struct start *start)
{
	struct start *copy = malloc(sizeof(*copy));
	pthread_t thread;
	int error;

	*copy = *start;
	error = pthread_create(&thread, NULL, run_really, copy);
	if (error != 0)
		free(copy);
	else
		pthread_detach(thread);
	return -error;
}

int
gcm_os_thread_start(void (*entry)(void *), void *arg, void *stack, size_t len,
    _Atomic uint32_t *alive)
{
	int error = os_fake_must_fail(OS_THREAD);
	struct start start = {entry, arg, alive};

	if (!os_fake_range_has((uintptr_t)stack, (uintptr_t)stack + len))
		os_fake_break("a stack that is not ours");
	if (error != 0)
		return error;
	if (os_fake_has_thread())
		os_fake_break("a second thread on one stack");
	atomic_store(alive, 1);
	if (how != OS_THREADS_REAL) {
		pending = start;
		return 0;
	}
	error = start_really(&start);
	if (error != 0)
		atomic_store(alive, 0);
	return error;
}
