/* process.c -- calls that a second thread hurts: ours ends before them
 *
 * MODEL   Credentials, capabilities and namespaces belong to threads.  glibc
 *         changes the credentials of all threads that it knows, which ours is
 *         not; the kernel refuses some changes to a process of several
 *         threads.  So our thread ends before such a call.  Another thread of
 *         the program may free enough meanwhile to start it again: it is
 *         ended once more afterwards, so that on return no thread of ours has
 *         what the program has given up.
 *
 *         While there is no thread of ours, a wrapper costs two loads.
 *
 * FORK    a child of a process with one thread is spared the repair of the
 *         heap (core/heap.c), and CPython's warning about threads.
 */
#include <errno.h>
#include <grp.h>
#include <linux/close_range.h>
#include <sched.h>
#include <unistd.h>

#include "core/core.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "scan/scan.h"

enum {
	TRIES = 100,        /* of unshare and setns while our thread leaves */
	TRY_NS = 100 * 1000 /* between two */
};

/* Since glibc 2.32; false is never wrong. */
extern char __libc_single_threaded __attribute__((weak));

static bool
is_single(void)
{
	return &__libc_single_threaded != NULL && __libc_single_threaded != 0;
}

GCM_EXPORT pid_t
fork(void)
{
	pid_t (*next)(void) = GCM_NEXT(fork);
	pid_t child;
	int saved;

	if (next == NULL) {
		errno = ENOSYS;
		return -1;
	}
	/* A child of several threads repairs the heap anyway. */
	if (is_single())
		(void)gcm_heap_stop_threads_for_fork();
	/* A thread may be about to use the heap for the first time, with the
	 * child seeing one half of it: this store it sees.
	 */
	if (!is_single())
		gcm_cache_note_stranger();
	child = next();
	if (child == 0) {
		gcm_event_forked();
		gcm_heap_forked();
		gcm_thread_forked();
	} else {
		GCM_NOTE(fork, child > 0 ? (uint64_t)child : 0);
		gcm_tick_start();
	}
	saved = errno;
	gcm_cycle_serve();
	errno = saved;
	return child;
}

/* What each thread has of its own ----------------------------------------- */

/* capability.h is not glibc's */
GCM_EXPORT int capset(void *header, const void *data);

#define WITHOUT_THREAD(name, params, args)                                     \
	GCM_EXPORT int name params                                             \
	{                                                                      \
		__typeof__(&(name)) next = GCM_NEXT(name);                     \
		int result;                                                    \
                                                                               \
		if (next == NULL) {                                            \
			errno = ENOSYS;                                        \
			return -1;                                             \
		}                                                              \
		(void)gcm_heap_stop_threads();                                 \
		result = next args;                                            \
		(void)gcm_heap_stop_threads();                                 \
		return result;                                                 \
	}

WITHOUT_THREAD(setuid, (uid_t id), (id))
WITHOUT_THREAD(setgid, (gid_t id), (id))
WITHOUT_THREAD(seteuid, (uid_t effective), (effective))
WITHOUT_THREAD(setegid, (gid_t effective), (effective))
WITHOUT_THREAD(setreuid, (uid_t real, uid_t effective), (real, effective))
WITHOUT_THREAD(setregid, (gid_t real, gid_t effective), (real, effective))
WITHOUT_THREAD(setresuid, (uid_t real, uid_t effective, uid_t saved),
    (real, effective, saved))
WITHOUT_THREAD(setresgid, (gid_t real, gid_t effective, gid_t saved),
    (real, effective, saved))
WITHOUT_THREAD(setgroups, (size_t count, const gid_t *list), (count, list))
WITHOUT_THREAD(initgroups, (const char *user, gid_t group), (user, group))
WITHOUT_THREAD(capset, (void *header, const void *data), (header, data))

/* What the process shares ------------------------------------------------- */

/* Our thread has said farewell, and the kernel still counts it for some
 * microseconds: those calls fail with EINVAL then.  True to try again.
 */
static bool
is_leaving(int result, bool was_there, unsigned int *tries)
{
	static _Atomic uint32_t never;

	if (result == 0 || errno != EINVAL || !was_there || ++*tries > TRIES)
		return false;
	gcm_os_wait(&never, 0, TRY_NS); /* no point of cancellation */
	return true;
}

GCM_EXPORT int
unshare(int flags)
{
	__typeof__(&unshare) next = GCM_NEXT(unshare);
	bool was_there = gcm_heap_has_threads();
	unsigned int tries = 0;
	int saved = errno, result;

	(void)gcm_heap_stop_threads();
	do {
		errno = saved;
		result = next(flags);
	} while (is_leaving(result, was_there, &tries));
	return result;
}

GCM_EXPORT int
setns(int fd, int type)
{
	__typeof__(&setns) next = GCM_NEXT(setns);
	bool was_there = gcm_heap_has_threads();
	unsigned int tries = 0;
	int saved = errno, result;

	(void)gcm_heap_stop_threads();
	do {
		errno = saved;
		result = next(fd, type);
	} while (is_leaving(result, was_there, &tries));
	return result;
}

/* The calling thread gets a table of its own: ours would keep the old one, and
 * with it every pipe open.
 */
GCM_EXPORT int
close_range(unsigned int first, unsigned int last, int flags)
{
	__typeof__(&close_range) next = GCM_NEXT(close_range);

	if (next == NULL) {
		errno = ENOSYS;
		return -1;
	}
	if ((flags & (int)CLOSE_RANGE_UNSHARE) != 0)
		(void)gcm_heap_stop_threads();
	return next(first, last, flags);
}
