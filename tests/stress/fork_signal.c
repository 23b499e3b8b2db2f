/* fork_signal.c -- fork where it hurts: in signal handlers, beside stdio,
 * by vfork and posix_spawn
 *
 * MODEL   A sender process interrupts a loop of malloc and free as often as
 *         it can; the handler forks and the child leaves at once by _exit.
 *         The fork handlers of the library thus run in the middle of its own
 *         malloc.  Beside stdio the order of two locks is at stake: fork
 *         takes stdio's list lock, a thread in getline holds a stream and
 *         asks for memory, fflush(NULL) wants the list and every stream.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <errno.h>
#include <malloc.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	SLOTS = 1009,
	MAX_SIZE = 70000
};

static pid_t (*fork_in_handler)(void);
static atomic_int *nhandled; /* shared with the sender */
static atomic_int nhits;
static volatile sig_atomic_t in_heap, handler_failed;
static atomic_bool stop;

/* Async-signal-safe: no KIT_FAIL here, it would end only the handler. */
static void
fork_now(int sig)
{
	int saved = errno, status = 0;
	pid_t child = fork_in_handler();

	(void)sig;
	if (child == 0)
		_exit(0);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (child < 0 || status != 0)
		handler_failed = 1;
	if (in_heap)
		atomic_fetch_add(&nhits, 1);
	if (nhandled != NULL)
		atomic_fetch_add(nhandled, 1);
	errno = saved;
}

/* Each signal comes a while after the last one's handler: one that takes longer
 * than the while would else be all that runs.
 */
static pid_t
start_sender(void)
{
	pid_t target = getpid(), sender;

	nhandled = mmap(NULL, sizeof(*nhandled), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	KIT_CHECK(nhandled != MAP_FAILED);
	sender = fork();

	if (sender != 0)
		return sender;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int sent = 1; kill(target, SIGUSR1) == 0; sent++) {
		while (atomic_load(nhandled) < sent)
			usleep(50);
		usleep(150);
	}
	_exit(0);
}

static void
play_under_fire(int hits)
{
	static struct kit_block blocks[SLOTS];
	struct kit_rng rng = kit_rng_new(1);
	struct sigaction action = {.sa_handler = fork_now};
	pid_t sender;

	sigaction(SIGUSR1, &action, NULL);
	sender = start_sender();
	while (atomic_load(&nhits) < hits && !handler_failed) {
		struct kit_block *b = &blocks[kit_below(&rng, SLOTS)];
		size_t size = kit_below(&rng, MAX_SIZE);

		if (b->p != NULL)
			kit_block_check(b);
		in_heap = 1;
		if (kit_below(&rng, 4) == 0) {
			b->p = realloc(b->p, size + 1);
		} else {
			free(b->p);
			b->p = malloc(size + 1);
		}
		in_heap = 0;
		KIT_CHECK(b->p != NULL);
		kit_block_adopt(b, b->p, size, 1);
	}
	signal(SIGUSR1, SIG_IGN);
	kill(sender, SIGKILL);
	kit_wait(sender);
	KIT_CHECK(!handler_failed);
	for (size_t i = 0; i < SLOTS; i++) {
		if (blocks[i].p != NULL)
			kit_block_free(&blocks[i]);
	}
}

static void
in_handler(void)
{
	fork_in_handler = fork;
	play_under_fire((int)kit_scale(500, 20000));
}

static void *
allocate_until_stopped(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg + 50);
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
	while (!atomic_load(&stop)) {
		struct kit_block b;

		kit_block_new(&b, &rng, kit_size(&rng, MAX_SIZE), 2);
		kit_block_free(&b);
	}
	return NULL;
}

/* _Fork runs no handlers and may be called anywhere, threads or not. */
static void
in_handler_with_threads(void)
{
	pthread_t threads[3];

	fork_in_handler = _Fork;
	for (uintptr_t i = 0; i < 3; i++)
		threads[i] = kit_thread(allocate_until_stopped, (void *)i);
	play_under_fire((int)kit_scale(200, 5000));
	atomic_store(&stop, true);
	for (size_t i = 0; i < 3; i++)
		kit_join(threads[i]);
}

/* A signal right after fork, sent by the child, whose handler forks. */
static void
signal_from_child(void)
{
	static struct sigaction action = {.sa_handler = fork_now};

	fork_in_handler = fork;
	sigaction(SIGALRM, &action, NULL);
	free(malloc(4));
	for (long i = 0; i < kit_scale(200, 5000); i++) {
		pid_t parent = getpid(), child = fork();

		if (child == 0) {
			kill(parent, SIGALRM);
			exit(0);
		}
		KIT_CHECK(kit_wait(child) == 0);
	}
	KIT_CHECK(!handler_failed);
}

/* -- stdio -- */

static void *
fork_until_stopped(void *arg)
{
	while (!atomic_load(&stop)) {
		pid_t child = kit_fork();

		if (child == 0)
			_exit(17);
		if (WEXITSTATUS(kit_wait(child)) != 17)
			KIT_FAIL("child of a fork beside stdio");
	}
	return arg;
}

static void *
read_lines(void *arg)
{
	const char *path = arg;
	FILE *f = fopen(path, "r");

	KIT_CHECK(f != NULL);
	while (!atomic_load(&stop)) {
		char *line = NULL;
		size_t size = 0;

		rewind(f);
		KIT_CHECK(getline(&line, &size, f) > 50000);
		free(line);
	}
	fclose(f);
	return NULL;
}

static void *
open_and_close(void *arg)
{
	const char *path = arg;

	while (!atomic_load(&stop)) {
		FILE *f = fopen(path, "r");
		char *text = NULL;

		KIT_CHECK(f != NULL && fgetc(f) == 'x');
		KIT_CHECK(asprintf(&text, "%0*d", 3000, 5) == 3000);
		free(text);
		fclose(f);
	}
	return NULL;
}

static void *
flush_all(void *arg)
{
	while (!atomic_load(&stop))
		KIT_CHECK(fflush(NULL) == 0);
	return arg;
}

static void
beside_stdio(void)
{
	char path[] = "lineXXXXXX";
	pthread_t threads[15];
	size_t n = 0;
	FILE *f = fdopen(mkstemp(path), "w");

	KIT_CHECK(f != NULL);
	for (int i = 0; i < 50000; i++)
		fputc('x', f);
	fputc('\n', f);
	fclose(f);
	while (n < 4)
		threads[n++] = kit_thread(fork_until_stopped, NULL);
	while (n < 12)
		threads[n++] = kit_thread(read_lines, path);
	threads[n++] = kit_thread(open_and_close, path);
	threads[n++] = kit_thread(flush_all, NULL);
	kit_sleep((double)kit_scale(3, 60));
	atomic_store(&stop, true);
	while (n > 0)
		kit_join(threads[--n]);
	unlink(path);
}

/* -- vfork, posix_spawn, system, popen while others allocate -- */

static void
spawn_by_vfork(void)
{
	char name[] = "true";
	char *argv[] = {name, NULL};
	pid_t child = vfork();

	if (child == 0) {
		execve("/bin/true", argv, environ);
		_exit(127);
	}
	KIT_CHECK(child > 0);
	kit_reap(child);
}

static void
spawn_by_posix(void)
{
	char name[] = "true";
	char *argv[] = {name, NULL};
	pid_t child;

	KIT_CHECK(
	    posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ) == 0);
	kit_reap(child);
}

static void
spawn_by_popen(void)
{
	char line[100];
	FILE *f = popen("echo word", "r");

	KIT_CHECK(f != NULL);
	KIT_CHECK(fgets(line, sizeof(line), f) != NULL);
	KIT_CHECK(strcmp(line, "word\n") == 0);
	KIT_CHECK(pclose(f) == 0);
}

static void
spawning(void)
{
	pthread_t threads[3];

	for (uintptr_t i = 0; i < 3; i++)
		threads[i] = kit_thread(allocate_until_stopped, (void *)i);
	for (long i = 0; i < kit_scale(40, 2000); i++) {
		spawn_by_vfork();
		spawn_by_posix();
		spawn_by_popen();
		KIT_CHECK(system("exit 3") == 3 << 8);
	}
	atomic_store(&stop, true);
	for (size_t i = 0; i < 3; i++)
		kit_join(threads[i]);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"in-handler", in_handler, 0, 40},
	    {"in-handler-with-threads", in_handler_with_threads, 0, 40},
	    {"signal-from-child", signal_from_child, 0, 20},
	    {"beside-stdio", beside_stdio, 0, 30},
	    {"spawning", spawning, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
