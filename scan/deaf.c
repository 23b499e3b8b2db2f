/* deaf.c -- threads that block our signal behind our back
 *
 * MODEL   libc's helpers for timers, aio and getaddrinfo_a begin with all
 *         signals blocked, by libc's own instruction, and keep them so; any
 *         program can do the same.  While such a thread lives no stop can
 *         succeed, and each in vain costs the program the time until its
 *         deadline.  So those that did not answer are remembered, and before
 *         the next stop the kernel is asked whether they still have the
 *         signal blocked: if so nobody is stopped.
 *
 *         One that is in a blocked-safe call is stopped without a signal, deaf
 *         or not.  One that is no more deaf, or gone, is forgotten; so is the
 *         eldest when there are too many: the next stop finds it again.
 *
 * LOCKS   none; the collector's thread.
 *
 * FORK    what is remembered is of no thread of the child's, and forgotten with
 *         the first look.
 */
#include "scan/deaf.h"

#include "scan/task.h"
#include "scan/thread.h"

enum {
	NDEAF = 16
};

static uint32_t deaf[NDEAF]; /* tids, 0: none */
static uint32_t eldest;      /* the next to be forgotten */

void
gcm_deaf_note(uint32_t tid)
{
	for (unsigned int i = 0; i < NDEAF; i++)
		if (deaf[i] == tid)
			return;
	deaf[eldest++ % NDEAF] = tid;
}

static bool
blocks_signal(const struct gcm_task_status *status, int signal)
{
	return signal > 0 && (status->blocked >> (signal - 1) & 1) != 0;
}

static bool
is_in_safe_call(uint32_t tid)
{
	const struct gcm_thread *thread = gcm_thread_find(tid);

	return thread != NULL && atomic_load(&thread->blocked) != 0;
}

bool
gcm_deaf_is_there(int signal)
{
	bool found = false;

	for (unsigned int i = 0; i < NDEAF; i++) {
		struct gcm_task_status status;

		if (deaf[i] == 0)
			continue;
		if (!gcm_task_read_status(deaf[i], &status) ||
		    !blocks_signal(&status, signal))
			deaf[i] = 0;
		else if (!is_in_safe_call(deaf[i]))
			found = true;
	}
	return found;
}

bool
gcm_deaf_sleeps(uint32_t tid, int signal)
{
	struct gcm_task_status status;

	return gcm_task_read_status(tid, &status) && status.state == 'S' &&
	       blocks_signal(&status, signal);
}
