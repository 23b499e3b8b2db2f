/* forks.c -- children of a program that is being collected
 *
 * MODEL   Threads of the parent allocate without pause, so that a fork finds
 *         them and the collector anywhere.  A child has what was there before:
 *         blocks that nobody changes meanwhile and blocks of the thread that
 *         forked.  It goes on allocating, has collections of its own (a block
 *         it dropped was poisoned) and still has them.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/collect/child.h"

enum {
	FROZEN = 2000,
	MOVING = 150,
	CHILD_S = 15
};

struct moving {
	struct kit_block blocks[MOVING];
	struct kit_rng rng;
};

static atomic_bool stop;
static atomic_uint nforks;
static volatile sig_atomic_t am_child, handled; /* in_handler */
static struct kit_block *frozen;                /* a heap block itself */

static void
freeze(void)
{
	struct kit_rng rng = kit_rng_new(100);

	frozen = malloc(FROZEN * sizeof(*frozen));
	for (size_t i = 0; i < FROZEN; i++)
		kit_block_new(&frozen[i], &rng, kit_size(&rng, 20000), 100);
	for (size_t i = 0; i < 10000; i++)
		*(volatile char *)malloc(1000) = 1;
}

static void
check_frozen(void)
{
	for (size_t i = 0; i < FROZEN; i++)
		kit_block_check(&frozen[i]);
}

static void
fill(struct moving *moving, unsigned stream)
{
	moving->rng = kit_rng_new(stream);
	for (size_t i = 0; i < MOVING; i++)
		kit_block_new(&moving->blocks[i], &moving->rng,
		    kit_size(&moving->rng, 3000), stream);
}

/* Change some: freed, lost, resized. */
static void
move(struct moving *moving, size_t n)
{
	while (n-- > 0) {
		struct kit_block *block =
		    &moving->blocks[kit_below(&moving->rng, MOVING)];
		size_t size = kit_size(&moving->rng, 5000);

		switch (kit_below(&moving->rng, 3)) {
		case 0:
			kit_block_free(block);
			kit_block_new(block, &moving->rng, size, 1);
			break;
		case 1:
			kit_block_check(block);
			kit_block_new(block, &moving->rng, size, 1);
			break;
		default:
			kit_block_resize(block, &moving->rng, size);
		}
	}
}

static void
check(const struct moving *moving)
{
	for (size_t i = 0; i < MOVING; i++)
		kit_block_check(&moving->blocks[i]);
}

/* What a child does. */
static void
live_as_child(struct moving *moving, bool collect)
{
	check(moving);
	check_frozen();
	move(moving, 300);
	if (collect) {
		body_await_poison(CHILD_S);
		move(moving, 300);
		body_await_poison(CHILD_S);
	}
	check(moving);
	check_frozen();
	for (size_t i = 0; i < FROZEN; i++)
		kit_block_free(&frozen[i]);
}

static void
end_as_child(struct moving *moving)
{
	live_as_child(moving, kit_below(&moving->rng, 4) == 0);
	_exit(0);
}

static void *
allocate(void *arg)
{
	struct moving moving;

	fill(&moving, (unsigned)(uintptr_t)arg);
	while (!stop) {
		move(&moving, 50);
		if (am_child)
			end_as_child(&moving);
	}
	check(&moving);
	return NULL;
}

static void *
fork_often(void *arg)
{
	struct moving moving;

	fill(&moving, (unsigned)(uintptr_t)arg);
	while (!stop) {
		bool collect = kit_below(&moving.rng, 3) == 0;
		pid_t pid;

		move(&moving, kit_below(&moving.rng, 500));
		pid = kit_fork();
		if (pid == 0) {
			live_as_child(&moving, collect);
			_exit(0);
		}
		move(&moving, 50);
		kit_reap(pid);
		nforks++;
	}
	check(&moving);
	return NULL;
}

static int
run_threads(void *(*run)(void *), size_t nrunners, size_t nothers)
{
	pthread_t threads[16];
	size_t n = nrunners + nothers;
	unsigned before;

	freeze();
	for (size_t i = 0; i < n; i++)
		threads[i] =
		    kit_thread(i < nrunners ? run : allocate, (void *)(i + 1));
	kit_sleep((double)kit_scale(1200, 60000) / 1000);
	stop = true;
	for (size_t i = 0; i < n; i++)
		kit_join(threads[i]);
	check_frozen();
	KIT_CHECK(nforks > 0);
	before = body_cycles();
	body_await(1); /* the parent has collections still */
	return before > 0 ? 0 : 1;
}

static int
from_threads(void)
{
	return run_threads(fork_often, 3, 2);
}

/* A child that is threaded again, and forks again. */
static void *
fork_in_child(void *arg)
{
	struct moving moving;

	fill(&moving, (unsigned)(uintptr_t)arg);
	while (!stop) {
		pid_t pid;

		move(&moving, kit_below(&moving.rng, 500));
		pid = kit_fork();
		if (pid == 0) {
			pthread_t thread = kit_thread(allocate, (void *)50);
			pid_t grandchild;

			move(&moving, 200);
			grandchild = kit_fork();
			if (grandchild == 0) {
				live_as_child(&moving, true);
				_exit(0);
			}
			live_as_child(&moving, true);
			kit_reap(grandchild);
			stop = true;
			kit_join(thread);
			_exit(0);
		}
		kit_reap(pid);
		nforks++;
	}
	check(&moving);
	return NULL;
}

static int
grandchildren(void)
{
	return run_threads(fork_in_child, 2, 1);
}

/* In a signal handler, anywhere in malloc, and back into it.  Not beside
 * another thread: the child goes on waiting for a lock whose holder is not
 * there, and POSIX leaves it nothing but exec.
 * ------------------------------------------------ */

static void
fork_now(int sig)
{
	int saved = errno, status = 0;
	pid_t pid;

	(void)sig;
	if (am_child)
		return;
	pid = fork();
	if (pid == 0) {
		am_child = 1; /* goes on where the signal came */
		alarm(30);
		errno = saved;
		return;
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (pid < 0 || status != 0) {
		kit_print("fork in a handler: %d, status %x, errno %d\n",
		    (int)pid, (unsigned)status, errno);
		_exit(9);
	}
	handled++;
	errno = saved;
}

static int
in_handler(size_t nothers)
{
	struct itimerval every = {{0, 7000}, {0, 7000}},
			 never = {{0, 0}, {0, 0}};
	struct sigaction action = {.sa_handler = fork_now};
	static struct moving moving;
	int wanted = (int)kit_scale(60, 3000);
	pthread_t other = 0;

	freeze();
	fill(&moving, 1);
	if (nothers > 0)
		other = kit_thread(allocate, (void *)2);
	action.sa_flags = SA_RESTART;
	sigaction(SIGUSR1, &action, NULL);
	sigaction(SIGPROF, &action, NULL);
	setitimer(ITIMER_PROF, &every, NULL);
	while (handled < wanted) {
		move(&moving, 20);
		if (am_child)
			end_as_child(&moving);
	}
	setitimer(ITIMER_PROF, &never, NULL);
	if (am_child)
		_exit(0);
	stop = true;
	if (nothers > 0)
		kit_join(other);
	if (am_child)
		_exit(0);
	check(&moving);
	check_frozen();
	return 0;
}

static int
alone_in_handler(void)
{
	return in_handler(0);
}

/* Other ways to make a process
 * ----------------------------------------------------------- */

static void *
spawn_often(void *arg)
{
	struct moving moving;
	char program[] = "/bin/true", *argv[] = {program, NULL};

	fill(&moving, (unsigned)(uintptr_t)arg);
	while (!stop) {
		pid_t pid = 0;

		move(&moving, kit_below(&moving.rng, 100));
		if (kit_below(&moving.rng, 2) == 0) {
			int error = posix_spawn(
			    &pid, program, NULL, NULL, argv, environ);

			if (error != 0)
				KIT_FAIL("posix_spawn: %d", error);
		} else {
			pid = vfork();
			if (pid == 0) {
				execve(program, argv, environ);
				_exit(127);
			}
		}
		move(&moving, 20);
		kit_reap(pid);
		nforks++;
	}
	check(&moving);
	return NULL;
}

static int
spawns(void)
{
	return run_threads(spawn_often, 2, 2);
}

static void *
shell_often(void *arg)
{
	struct moving moving;

	fill(&moving, (unsigned)(uintptr_t)arg);
	while (!stop) {
		char text[20] = "";
		FILE *pipe;

		KIT_CHECK(system("exit 3") == 3 << 8);
		move(&moving, kit_below(&moving.rng, 100));
		pipe = popen("echo words", "r");
		if (pipe == NULL || fgets(text, sizeof(text), pipe) == NULL ||
		    strcmp(text, "words\n") != 0)
			KIT_FAIL("popen: %s", text);
		KIT_CHECK(pclose(pipe) == 0);
		nforks++;
	}
	check(&moving);
	return NULL;
}

static int
shells(void)
{
	return run_threads(shell_often, 1, 2);
}

/* The fork may find the collector's thread about to install its handler, which
 * the child then lacks: here it is taken away instead.
 */
static void *
run_bare(void *arg)
{
	while (!stop)
		nforks++;
	return arg;
}

static int
without_handler(void)
{
	struct moving moving;
	pid_t pid;

	freeze();
	fill(&moving, 1);
	body_await(2);
	pid = kit_fork();
	if (pid == 0) {
		uint64_t action[4] = {0}; /* the kernel's, SIG_DFL */
		pthread_t thread;

		for (long sig = 35; sig <= 64; sig++)
			KIT_CHECK(syscall(SYS_rt_sigaction, sig, action, NULL,
				      sizeof(uint64_t)) == 0);
		thread = kit_thread(run_bare, NULL);
		live_as_child(&moving, true);
		stop = true;
		kit_join(thread);
		_exit(0);
	}
	kit_reap(pid);
	return 0;
}

/* A child that is born while blocks are read, or while its parent is stopped,
 * waits for nobody: neither before it changes the pages of a block, nor in a
 * handler.
 */
static void
ignore(int sig)
{
	(void)sig;
}

static void *
lose_often(void *arg)
{
	while (!stop)
		for (size_t i = 0; i < 100; i++)
			memset(malloc(1000), 1, 100);
	return arg;
}

static void
raise_in_child(void)
{
	raise(SIGUSR1);
}

static int
born_inside(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	pthread_t thread = kit_thread(lose_often, NULL);
	void *block = NULL, **chain = NULL;

	signal(SIGUSR1, ignore);
	KIT_CHECK(posix_memalign(&block, page, 2 * page) == 0);
	memset(block, 1, 2 * page);
	for (size_t i = 0; i < 200000; i++) { /* to read for a while */
		void **next = malloc(100);

		*next = chain;
		chain = next;
	}
	pthread_atfork(NULL, NULL, raise_in_child);
	for (long i = 0; i < kit_scale(200, 5000); i++) {
		pid_t pid = i % 2 == 0 ? fork() : _Fork();

		if (pid == 0) {
			signal(SIGALRM, SIG_DFL);
			alarm(5);
			raise(SIGUSR1);
			mprotect(block, page, PROT_READ);
			_exit(0);
		}
		KIT_CHECK(pid > 0);
		kit_reap(pid);
	}
	stop = true;
	kit_join(thread);
	return *(unsigned char *)block == 1 && chain != NULL ? 0 : 1;
}

/* The parent writes what the child takes for addresses of its own garbage, into
 * memory that both have: GCM_DEBUG=verify=1 must not take that for a miss.
 */
static int
verify_shared(void)
{
	void **words = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	static void *garbage[64];
	pid_t pid;

	KIT_CHECK(words != MAP_FAILED);
	for (size_t i = 0; i < KIT_COUNT(garbage); i++)
		garbage[i] = calloc(1, 200);
	pid = kit_fork();
	if (pid == 0) {
		memset(garbage, 0, sizeof(garbage));
		for (size_t i = 0; i < 400; i++)
			(void)gcm_collect();
		_exit(0);
	}
	while (true) {
		siginfo_t info = {.si_pid = 0};

		for (size_t i = 0; i < KIT_COUNT(garbage); i++)
			words[i * 64] = garbage[i];
		memset(words, 0, 1 << 16);
		waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT);
		if (info.si_pid != 0)
			break;
	}
	kit_reap(pid);
	return 0;
}

static const struct child_body bodies[] = {
    {"threads", from_threads},
    {"grandchildren", grandchildren},
    {"handler", alone_in_handler},
    {"spawns", spawns},
    {"shells", shells},
    {"bare", without_handler},
    {"born", born_inside},
    {"verify-shared", verify_shared},
    {NULL, NULL},
};

static void
with_each_back_end(const char *body)
{
#define OPTIONS                                                                \
	"GCM_INTERVAL=5ms", "GCM_MINHEAP=0", "GCM_DEBUG=gctrace=1,poison=1"
	static const char *const options[][5] = {
	    {OPTIONS, "GCM_CONCURRENT=pagemap", NULL},
	    {OPTIONS, "GCM_CONCURRENT=fork", NULL},
	    {OPTIONS, "GCM_CONCURRENT=off", NULL},
	};

	for (size_t i = 0; i < KIT_COUNT(options); i++) {
		struct child child = {.seconds = 40};

		child_run(&child, body, options[i]);
		if (child.status != 0)
			kit_print("%s:\n", options[i][3]);
		child_is_good(&child, 2);
	}
}

static void
shared(void)
{
	static const char *const options[] = {"GCM_INTERVAL=2ms",
	    "GCM_MINHEAP=0", "GCM_DEBUG=gctrace=1,verify=1", "GCM_MODE=report",
	    NULL};
	struct child child = {.seconds = 40};

	child_run(&child, "verify-shared", options);
	child_is_good(&child, 100);
}

#define CASE(name, body)                                                       \
	static void name(void)                                                 \
	{                                                                      \
		with_each_back_end(body);                                      \
	}
CASE(threads, "threads")
CASE(generations, "grandchildren")
CASE(handler, "handler")
CASE(spawned, "spawns")
CASE(of_shells, "shells")
CASE(bare, "bare")
CASE(born, "born")

static const struct kit_case cases[] = {
    {"threads", threads, KIT_PLAIN, 130},
    {"generations", generations, KIT_PLAIN, 130},
    {"handler", handler, KIT_PLAIN, 130},
    {"spawn", spawned, KIT_PLAIN, 130},
    {"shell", of_shells, KIT_PLAIN, 130},
    {"born-inside", born, KIT_PLAIN, 130},
    {"handler-missing", bare, KIT_PLAIN, 130},
    {"verify-shared", shared, KIT_PLAIN, 60},
    {NULL, NULL, 0, 0},
};

int
main(int argc, char **argv)
{
	return child_main(argc, argv, cases, bodies);
}
