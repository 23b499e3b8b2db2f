/* kit_run.c -- what a case may use: words to say, time, chance, threads,
 * processes and figures of itself, all without malloc
 *
 * MODEL   The seed comes from GCMTEST_SEED or the clock.
 *         Each generator is that seed and a stream number, so threads draw
 *         from streams of their own and a seed replays them all.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

void
kit_print(const char *fmt, ...)
{
	char line[1000];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(line, sizeof(line), fmt, args);
	va_end(args);
	if (write(2, line, (size_t)n) < 0)
		return;
}

void
kit_fail(const char *file, int line, const char *fmt, ...)
{
	char text[800];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	kit_print("%s:%d: %s [errno %d]\n", file, line, text, errno);
	_exit(1);
}

void
kit_skip(const char *why)
{
	kit_print("%s\n", why);
	_exit(KIT_SKIPPED);
}

bool
kit_long(void)
{
	return getenv("GCMTEST_LONG") != NULL;
}

long
kit_scale(long brief, long full)
{
	return kit_long() ? full : brief;
}

const char *
kit_lib(void)
{
	const char *lib = getenv("GCMTEST_LIB");

	return lib != NULL ? lib : "";
}

/* A file built beside the program, libtool's hiding place included. */
bool
kit_beside(const char *name, char *path, size_t size)
{
	static const char *const places[] = {"", ".libs/", "../", "../.libs/"};
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	if (n <= 0)
		return false;
	self[n] = '\0';
	*(strrchr(self, '/') + 1) = '\0';
	for (size_t i = 0; i < KIT_COUNT(places); i++) {
		int len = snprintf(path, size, "%s%s%s", self, places[i], name);

		if (len > 0 && (size_t)len < size && access(path, R_OK) == 0)
			return true;
	}
	return false;
}

double
kit_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

void
kit_sleep(double seconds)
{
	struct timespec left;

	left.tv_sec = (time_t)seconds;
	left.tv_nsec = (long)((seconds - (double)left.tv_sec) * 1e9);
	while (nanosleep(&left, &left) != 0 && errno == EINTR)
		continue;
}

uint64_t
kit_seed(void)
{
	static uint64_t seed; /* set once, before any thread */
	const char *given = getenv("GCMTEST_SEED");

	if (seed != 0)
		return seed;
	if (given != NULL)
		seed = strtoull(given, NULL, 0);
	if (seed == 0)
		seed = (uint64_t)(kit_now() * 1e6) % 1000000000 + 1;
	return seed;
}

static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

struct kit_rng
kit_rng_new(uint64_t stream)
{
	struct kit_rng rng = {mix(kit_seed()) + mix(stream + 1)};

	return rng;
}

uint64_t
kit_rand(struct kit_rng *rng)
{
	rng->state += 0x9e3779b97f4a7c15u;
	return mix(rng->state);
}

size_t
kit_below(struct kit_rng *rng, size_t limit)
{
	return (size_t)(kit_rand(rng) % limit);
}

/* Every power of two equally likely, so small sizes dominate. */
size_t
kit_size(struct kit_rng *rng, size_t max)
{
	size_t bits = 0;

	while (max >> bits > 1)
		bits++;
	bits = kit_below(rng, bits + 1);
	return kit_below(rng, (size_t)2 << bits) % (max + 1);
}

static void
dump_core(int sig)
{
	signal(SIGQUIT, SIG_DFL);
	raise(SIGQUIT);
	_exit(sig);
}

pid_t
kit_fork(void)
{
	pid_t pid = fork();

	if (pid < 0)
		KIT_FAIL("fork");
	if (pid == 0) {
		alarm((unsigned)kit_scale(20, 60));
		if (getenv("KIT_CORE") != NULL)
			signal(SIGALRM, dump_core);
	}
	return pid;
}

int
kit_wait(pid_t pid)
{
	int status = 0;

	while (waitpid(pid, &status, 0) != pid) {
		if (errno != EINTR)
			KIT_FAIL("waitpid of %d", (int)pid);
	}
	return status;
}

void
kit_reap(pid_t pid)
{
	int status = kit_wait(pid);

	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM)
		KIT_FAIL("child %d hung", (int)pid);
	if (WIFSIGNALED(status))
		KIT_FAIL("child %d: signal %d", (int)pid, WTERMSIG(status));
	if (WEXITSTATUS(status) != 0)
		KIT_FAIL(
		    "child %d: exit status %d", (int)pid, WEXITSTATUS(status));
}

pthread_t
kit_thread_small(void *(*run)(void *), void *arg, size_t stack)
{
	pthread_attr_t attr;
	pthread_t thread;
	int error;

	pthread_attr_init(&attr);
	if (stack != 0)
		pthread_attr_setstacksize(&attr, stack);
	error = pthread_create(&thread, &attr, run, arg);
	pthread_attr_destroy(&attr);
	if (error != 0) {
		errno = error;
		KIT_FAIL("pthread_create");
	}
	return thread;
}

pthread_t
kit_thread(void *(*run)(void *), void *arg)
{
	return kit_thread_small(run, arg, 0);
}

void *
kit_join(pthread_t thread)
{
	void *value = NULL;
	int error = pthread_join(thread, &value);

	if (error != 0) {
		errno = error;
		KIT_FAIL("pthread_join");
	}
	return value;
}

long
kit_status(const char *field)
{
	char text[4096];
	const char *at = text;
	size_t len = strlen(field);
	int fd = open("/proc/self/status", O_RDONLY);
	ssize_t n = read(fd, text, sizeof(text) - 1);

	close(fd);
	text[n > 0 ? n : 0] = '\0';
	while (at != NULL && (strncmp(at, field, len) != 0 || at[len] != ':')) {
		at = strchr(at, '\n');
		at = at != NULL ? at + 1 : NULL;
	}
	return at != NULL ? strtol(at + len + 1, NULL, 10) : -1;
}

long
kit_rss(void)
{
	return kit_status("VmRSS") * 1024;
}

/* Counts what a /proc folder lists; getdents, since opendir allocates. */
static int
count_entries(const char *path)
{
	char buffer[4096];
	int fd = open(path, O_RDONLY | O_DIRECTORY), count = 0;
	long n;

	if (fd < 0)
		KIT_FAIL("%s", path);
	while ((n = syscall(SYS_getdents64, fd, buffer, sizeof(buffer))) > 0) {
		for (long at = 0; at < n;) {
			uint16_t length;

			memcpy(&length, buffer + at + 16, sizeof(length));
			count += buffer[at + 19] != '.';
			at += length;
		}
	}
	close(fd);
	return count;
}

int
kit_ntasks(void)
{
	return count_entries("/proc/self/task");
}

int
kit_nfds(void)
{
	return count_entries("/proc/self/fd") - 1;
}
