/* child.c -- see child.h
 *
 * MODEL   The trace goes to a file, which both the case and its body read: a
 *         body waits for lines in it.  No line, no collection.
 */
#define _GNU_SOURCE
#include "tests/collect/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	LINE = 1024,
	ENTRIES = 200,
	PATIENCE_S = 30,
	CANARIES = 16,
	CANARY_WORDS = 8
};

#define CANARY 0xca9a7ca9a7ca9a70u

/* Trace
 * ------------------------------------------------------------------------ */

struct trace {
	off_t at; /* of the file; whole lines before it are counted */
	unsigned completed, abandoned;
	uint64_t reclaimed;
	char reason[256];
};

static void
count_line(struct trace *trace, const char *line)
{
	const char *mark = strstr(line, " B reclaimed in ");

	if (strncmp(line, "gc ", 3) != 0 || mark == NULL)
		return;
	if (strstr(line, "(abandoned") != NULL) {
		trace->abandoned++;
		snprintf(trace->reason, sizeof(trace->reason), "%.250s", line);
		return;
	}
	trace->completed++;
	while (mark > line && mark[-1] >= '0' && mark[-1] <= '9')
		mark--;
	trace->reclaimed += strtoull(mark, NULL, 10);
}

/* The lines that came since the last look. */
static void
read_trace(struct trace *trace, const char *path)
{
	char line[LINE];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return;
	while ((n = pread(fd, line, sizeof(line) - 1, trace->at)) > 0) {
		char *end;

		line[n] = '\0';
		end = strchr(line, '\n');
		if (end == NULL)
			break;
		*end = '\0';
		trace->at += end + 1 - line;
		count_line(trace, line);
	}
	close(fd);
}

/* The case's side
 * -------------------------------------------------------------- */

static char *environment[ENTRIES];

static bool
is_set(const char *name, size_t len, const char *const *options)
{
	for (; options != NULL && *options != NULL; options++) {
		if (strncmp(*options, name, len) == 0 && (*options)[len] == '=')
			return true;
	}
	return false;
}

static void
make_environment(const struct child *child, const char *const *options)
{
	static char preload[4200], log[100], debug[] = "GCM_DEBUG=gctrace=1";
	size_t n = 0;

	for (char **e = environ; *e != NULL && n < ENTRIES - 20; e++) {
		if (strncmp(*e, "GCM_", 4) != 0 &&
		    strncmp(*e, "LD_PRELOAD=", 11) != 0)
			environment[n++] = *e;
	}
	snprintf(preload, sizeof(preload), "LD_PRELOAD=%s", kit_lib());
	snprintf(log, sizeof(log), "GCM_LOG=%s", child->log);
	environment[n++] = preload;
	if (!child->plain && !is_set("GCM_LOG", 7, options))
		environment[n++] = log;
	if (!child->plain && !is_set("GCM_DEBUG", 9, options))
		environment[n++] = debug;
	for (size_t i = 0; options != NULL && options[i] != NULL; i++)
		environment[n++] = strdup(options[i]);
	environment[n] = NULL;
}

static void
become_body(enum child_stderr kind, const char *body, int out)
{
	char flag[] = "--body", self[] = "/proc/self/exe";
	char *argv[] = {self, flag, strdup(body), NULL};

	dup2(out, 1);
	if (kind == CHILD_CLOSED)
		close(2);
	else
		dup2(out, 2);
	close(out);
	execve(self, argv, environment);
	_exit(127);
}

static void
await_end(struct child *child, pid_t pid)
{
	unsigned seconds = child->seconds != 0 ? child->seconds : 20;
	double began = kit_now();
	struct rusage usage;

	if (kit_long())
		seconds *= 10;
	while (wait4(pid, &child->status, WNOHANG, &usage) == 0) {
		if (kit_now() > began + seconds) {
			if (getenv("KIT_GDB") != NULL)
				pause();
			kill(pid, SIGKILL);
			KIT_FAIL("hung: not ended in %u s", seconds);
		}
		kit_sleep(0.003);
	}
	child->took = kit_now() - began;
	child->max_rss = (size_t)usage.ru_maxrss * 1024;
}

void
child_run(struct child *child, const char *body, const char *const *options)
{
	static unsigned serial;
	struct trace trace = {0};
	int out[2] = {-1, -1};
	ssize_t n = 0;
	pid_t pid;

	snprintf(child->log, sizeof(child->log), "trace.%d.%u", (int)getpid(),
	    serial++);
	make_environment(child, options);
	if (child->stderr_kind == CHILD_SOCKET)
		KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, out) == 0);
	else
		out[0] = out[1] = memfd_create("out", 0);
	pid = fork();
	if (pid == 0)
		become_body(child->stderr_kind, body, out[1]);
	await_end(child, pid);
	if (child->stderr_kind == CHILD_SOCKET)
		n = recv(
		    out[0], child->out, sizeof(child->out) - 1, MSG_DONTWAIT);
	else
		n = pread(out[0], child->out, sizeof(child->out) - 1, 0);
	child->out[n > 0 ? n : 0] = '\0';
	close(out[0]);
	if (out[1] != out[0])
		close(out[1]);
	read_trace(&trace, child->log);
	child->completed = trace.completed;
	child->abandoned = trace.abandoned;
	child->reclaimed = trace.reclaimed;
	memcpy(child->reason, trace.reason, sizeof(child->reason));
	if (getenv("CHILD_SHOW") != NULL)
		kit_print("%s: %.1f s, %zu MB, %u cycles, %u given up, %zu MB "
			  "reclaimed\n",
		    body, child->took, child->max_rss >> 20, child->completed,
		    child->abandoned, (size_t)child->reclaimed >> 20);
}

void
child_is_good(const struct child *child, unsigned completed)
{
	if (WIFSIGNALED(child->status))
		KIT_FAIL("signal %d; it wrote:\n%.600s",
		    WTERMSIG(child->status), child->out);
	if (WEXITSTATUS(child->status) == KIT_SKIPPED)
		kit_skip(child->out);
	if (WEXITSTATUS(child->status) != 0)
		KIT_FAIL("exit status %d; it wrote:\n%.600s",
		    WEXITSTATUS(child->status), child->out);
	if (child->out[0] != '\0')
		KIT_FAIL("it wrote:\n%.600s", child->out);
	if (child->completed < completed)
		KIT_FAIL("%u collections completed, %u given up, the last: %s",
		    child->completed, child->abandoned, child->reason);
}

int
child_main(int argc, char **argv, const struct kit_case *cases,
    const struct child_body *bodies)
{
	if (argc == 3 && strcmp(argv[1], "--body") == 0) {
		for (; bodies->name != NULL; bodies++) {
			if (strcmp(bodies->name, argv[2]) == 0)
				return bodies->run();
		}
		return 126;
	}
	return kit_main(argc, argv, cases);
}

/* The body's side
 * -------------------------------------------------------------- */

static struct trace own;

static void
look(void)
{
	const char *path = getenv("GCM_LOG");

	if (path == NULL)
		KIT_FAIL("no GCM_LOG");
	read_trace(&own, path);
}

unsigned
body_cycles(void)
{
	look();
	return own.completed;
}

uint64_t
body_reclaimed(void)
{
	look();
	return own.reclaimed;
}

void
body_await(unsigned ncycles)
{
	/* One may be running now. */
	unsigned until = body_cycles() + ncycles + 1;
	double patience = kit_now() + (double)kit_scale(PATIENCE_S, 300);

	while (body_cycles() < until) {
		if (kit_now() > patience)
			KIT_FAIL("no %u collections: %u completed, %u given "
				 "up: %s",
			    ncycles, own.completed, own.abandoned, own.reason);
		kit_sleep(0.005);
	}
}

__attribute__((noinline)) void
body_clear_stack(void)
{
	volatile char room[32 << 10];

	for (size_t i = 0; i < sizeof(room); i++)
		room[i] = 0;
}

static __attribute__((noinline)) void
drop_canaries(uintptr_t *hidden)
{
	for (size_t i = 0; i < CANARIES; i++) {
		uint64_t *canary = malloc(CANARY_WORDS * 8 + 32 * (i % 3));

		for (size_t j = 0; j < CANARY_WORDS; j++)
			canary[j] = CANARY;
		hidden[i] = ~(uintptr_t)canary;
	}
}

static __attribute__((noinline)) bool
one_is_gone(const uintptr_t *hidden)
{
	for (size_t i = 0; i < CANARIES; i++) {
		uint64_t word = 0;
		struct iovec here = {&word, sizeof(word)};
		struct iovec there = {(void *)~hidden[i], sizeof(word)};

		if (process_vm_readv(getpid(), &here, 1, &there, 1, 0) !=
		    (ssize_t)sizeof(word)) {
			if (errno != EFAULT)
				kit_skip("own memory may not be read here");
			return true;
		}
		if (word != CANARY)
			return true;
	}
	return false;
}

void
body_await_poison(double seconds)
{
	double until = kit_now() + seconds;
	uintptr_t hidden[CANARIES];

	drop_canaries(hidden);
	body_clear_stack();
	while (!one_is_gone(hidden)) {
		if (kit_now() > until)
			KIT_FAIL("no collection in %.0f s", seconds);
		/* A child's collector starts by growth alone. */
		for (size_t i = 0; i < 400; i++)
			*(volatile char *)malloc(8 + i * 8) = 1;
		kit_sleep(0.002);
	}
}
