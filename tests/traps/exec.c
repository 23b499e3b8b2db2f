/* exec.c -- a program that another one is executed in is not killed by a signal
 * that was meant for the first, and every way of exec passes its arguments
 *
 * A thread makes garbage meanwhile, and the collector runs all the time; the
 * environment is long, so that the kernel takes its time.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/stress/kit.h"

enum {
	TIMES = 60, /* of each way */
	NLONG = 16,
	LONG = 100 * 1000
};

static char *long_environ[NLONG + 1];
static char sh[] = "/bin/sh", option[] = "-c";
static char command[] = "test \"$0$1$#$V15\" = ab2x";
static char a[] = "a", b[] = "b", c[] = "c";
static char *const args[] = {sh, option, command, a, b, c, NULL};

static void
by_execve(void)
{
	execve(sh, args, long_environ);
}

static void
by_execv(void)
{
	environ = long_environ;
	execv(sh, args);
}

static void
by_execvp(void)
{
	environ = long_environ;
	execvp("sh", args);
}

static void
by_execvpe(void)
{
	execvpe("sh", args, long_environ);
}

static void
by_fexecve(void)
{
	fexecve(open(sh, O_RDONLY | O_CLOEXEC), args, long_environ);
}

static void
by_execl(void)
{
	environ = long_environ;
	execl(sh, sh, option, command, a, b, c, (char *)NULL);
}

static void
by_execlp(void)
{
	environ = long_environ;
	execlp("sh", sh, option, command, a, b, c, (char *)NULL);
}

static void
by_execle(void)
{
	execle(sh, sh, option, command, a, b, c, (char *)NULL, long_environ);
}

static void
by_number(void)
{
	syscall(SYS_execve, sh, args, long_environ);
}

static const struct {
	const char *name;
	void (*run)(void);
} ways[] = {
    {"execve", by_execve},
    {"execv", by_execv},
    {"execvp", by_execvp},
    {"execvpe", by_execvpe},
    {"fexecve", by_fexecve},
    {"execl", by_execl},
    {"execlp", by_execlp},
    {"execle", by_execle},
    {"number", by_number},
};

static void
make_environ(void)
{
	for (size_t i = 0; i < NLONG; i++) {
		char *s = malloc(LONG);

		KIT_CHECK(s != NULL);
		memset(s, 'x', LONG);
		/* The last is what the command looks at. */
		s[snprintf(s, LONG, "V%zu=", i)] = 'x';
		s[i + 1 < NLONG ? LONG - 1 : 5] = '\0';
		long_environ[i] = s;
	}
}

static void *
make_garbage(void *arg)
{
	for (;;) {
		void *volatile lost = malloc(5000);

		lost = NULL;
		(void)lost;
		kit_sleep(0.0001);
	}
	return arg;
}

static void
not_killed(void)
{
	make_environ();
	for (size_t i = 0; i < KIT_COUNT(ways); i++)
		for (int n = 0; n < TIMES; n++) {
			pid_t child = kit_fork();
			int status;

			if (child == 0) {
				kit_thread(make_garbage, NULL);
				kit_sleep(0.003 + n * 0.0001);
				ways[i].run();
				_exit(99);
			}
			status = kit_wait(child);
			if (status != 0)
				KIT_FAIL("%s, time %d: status %#x",
				    ways[i].name, n, (unsigned int)status);
		}
}

/* What fails is reported as ever, and the thread goes on. */
static void
failing(void)
{
	static char *const none[] = {a, NULL};

	for (int n = 0; n < 200; n++) {
		errno = 0;
		KIT_CHECK(execv("/nowhere", none) == -1 && errno == ENOENT);
		errno = 0;
		KIT_CHECK(execl("/nowhere", a, (char *)NULL) == -1);
		KIT_CHECK(errno == ENOENT);
		errno = 0;
		KIT_CHECK(execlp("/", a, b, (char *)NULL) == -1);
		KIT_CHECK(errno == EACCES);
		free(malloc(10000));
	}
}

/* More arguments than there is room for on the stack. */
static void
many(void)
{
#define TEN a, b, c, a, b, c, a, b, c, a
#define FIFTY TEN, TEN, TEN, TEN, TEN
	static char count[] = "exit $#";

	KIT_CHECK(execl("/", a, FIFTY, FIFTY, (char *)NULL) == -1);
	for (int n = 0; n < 2; n++) {
		pid_t child = n == 0 ? fork() : vfork();

		if (child == 0) {
			execl(
			    sh, sh, option, count, FIFTY, FIFTY, (char *)NULL);
			_exit(1);
		}
		KIT_CHECK(kit_wait(child) == 99 << 8);
	}
}

/* The collector's snapshot is a process: the new program has no such child. */
static void
no_child(void)
{
	static char self[] = "/proc/self/exe", busy[] = "busy";
	char *const again[] = {self, busy, NULL};

	setenv("GCM_CONCURRENT", "fork", 1);
	for (int n = 0; n < 10; n++) {
		pid_t child = kit_fork();

		if (child == 0) {
			execv(self, again);
			_exit(99);
		}
		KIT_CHECK(kit_wait(child) == 0);
	}
}

static void
be_busy(void)
{
	static void *kept[20000];
	static char look[] = "read list < /proc/$$/task/$$/children; "
			     "test -z \"$list\"";

	kit_thread(make_garbage, NULL);
	for (size_t i = 0; i < KIT_COUNT(kept); i++)
		kept[i] = memset(malloc(1000), 1, 1000);
	kit_sleep(0.02);
	execle(sh, sh, option, look, (char *)NULL, long_environ);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"not-killed", not_killed, KIT_PARALLEL, 0},
	    {"failing", failing, KIT_PARALLEL, 0},
	    {"many", many, KIT_PARALLEL, 0},
	    {"no-child", no_child, KIT_PARALLEL, 0},
	    {NULL, NULL, 0, 0},
	};

	if (argc == 2 && strcmp(argv[1], "busy") == 0)
		be_busy();
	setenv("GCM_INTERVAL", "1ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	return kit_main(argc, argv, cases);
}
