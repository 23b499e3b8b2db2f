/* exec.c -- execl and its kin, made blocked-safe
 *
 * MODEL   blocking.def has those whose arguments can be passed on as they are,
 *         and why they are there.  These make an array of theirs, as libc does,
 *         and call the next of the functions that take one.
 *
 *         Our thread ends before any exec: the snapshot that it may have made
 *         (scan/trace_fork.c) is a process, which would die with it and stay
 *         behind as a child that the new program does not know.
 *
 * FORK    a child of vfork may call them: what they map for very long lists it
 *         leaves to its parent.
 */
#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <unistd.h>

#include "preload/exec.h"
#include "preload/next.h"
#include "preload/preload.h"
#include "scan/scan.h"

enum {
	ROOM = 64 /* arguments without a mapping */
};

typedef int execute_fn(const char *, char *const[], char *const[]);

/* An array of the arguments from `arg` on, in `room` if they fit; `list` is
 * behind the NULL that ends them.
 */
static char **
take_arguments(char **room, const char *arg, va_list *list)
{
	char **argv = room;
	size_t count = 0;
	va_list ahead;

	va_copy(ahead, *list);
	for (const char *a = arg; a != NULL; a = va_arg(ahead, char *))
		count++;
	va_end(ahead);
	if (count >= ROOM)
		argv = gcm_own_map((count + 1) * sizeof(*argv));
	if (argv == NULL)
		return NULL;
	argv[0] = (char *)(uintptr_t)arg;
	for (size_t i = 0; i < count; i++)
		argv[i + 1] = va_arg(*list, char *);
	return argv;
}

static void
drop_arguments(char **room, char **argv)
{
	size_t count = 0;

	if (argv == room || argv == NULL)
		return;
	while (argv[count] != NULL)
		count++;
	gcm_own_unmap(argv, (count + 1) * sizeof(*argv));
}

bool
gcm_exec_begin(void)
{
	struct gcm_thread *self = gcm_thread_self();

	/* A child of vfork has our memory, and not our thread. */
	if (self == NULL || atomic_load(&self->lent) == 0)
		(void)gcm_heap_stop_threads_for_fork();
	if (self == NULL || atomic_load(&self->lent) == 0)
		gcm_event_before_exec();
	return true;
}

static __attribute__((noinline)) int
run_blocked(execute_fn *next, const char *path, char **argv, char *const envp[])
{
	const volatile void *volatile kept[] = {path, argv, envp};
	struct gcm_thread *self;
	int result;

	if (next == NULL || argv == NULL) {
		errno = next == NULL ? ENOSYS : ENOMEM;
		return -1;
	}
	(void)kept;
	(void)gcm_exec_begin();
	__builtin_unwind_init();
	self = gcm_blocked_enter();
	result = next(path, argv, envp);
	gcm_blocked_leave(self);
	return result;
}

GCM_EXPORT int
execl(const char *path, const char *arg, ...)
{
	char *room[ROOM], **argv;
	va_list list;
	int result;

	va_start(list, arg);
	argv = take_arguments(room, arg, &list);
	va_end(list);
	result = run_blocked(GCM_NEXT(execve), path, argv, environ);
	drop_arguments(room, argv);
	return result;
}

GCM_EXPORT int
execlp(const char *file, const char *arg, ...)
{
	char *room[ROOM], **argv;
	va_list list;
	int result;

	va_start(list, arg);
	argv = take_arguments(room, arg, &list);
	va_end(list);
	result = run_blocked(GCM_NEXT(execvpe), file, argv, environ);
	drop_arguments(room, argv);
	return result;
}

GCM_EXPORT int
execle(const char *path, const char *arg, ...)
{
	char *room[ROOM], **argv, **envp;
	va_list list;
	int result;

	va_start(list, arg);
	argv = take_arguments(room, arg, &list);
	envp = va_arg(list, char **);
	va_end(list);
	result = run_blocked(GCM_NEXT(execve), path, argv, envp);
	drop_arguments(room, argv);
	return result;
}
