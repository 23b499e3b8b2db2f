/* descriptors.c -- the table of descriptors is the program's alone
 *
 * MODEL   A program that closes everything and counts from 3 finds 3 free at
 *         any time; one that closes 2 and opens a socket gets that number,
 *         and nothing of ours may be written there, a fatal line least of
 *         all.  Checked while memory is allocated, freed, collected and given
 *         back.
 *
 * RED     B7: without close_range in scan/scanner.c "three-is-free" printed
 *         "open gave 4, not 3".
 *         B8: with lines written to 2 whatever it is (core/report.c)
 *         "two-is-a-file" printed "48 bytes in the file", "two-is-a-socket"
 *         "the socket got: gcmalloc: free(): double free of 0x678673004000".
 *         B12: with gcm_task_close in gcm_stop_reset "child-keeps-all" printed
 *         "child 1: status 0x100".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/stress/kit.h"

static atomic_bool stop;

static void
close_all(void)
{
	for (int fd = 3; fd < 1024; fd++)
		close(fd);
}

static void
check_three_is_free(void)
{
	int fd = open("/dev/null", O_RDONLY);

	if (fd != 3)
		KIT_FAIL("open gave %d, not 3", fd);
	close(fd);
}

static void *
play(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	struct kit_block blocks[100] = {{NULL, 0, 0}};

	while (!atomic_load(&stop)) {
		struct kit_block *b = &blocks[kit_below(&rng, 100)];

		if (b->p == NULL)
			kit_block_new(b, &rng, kit_size(&rng, 900000), 1);
		else
			kit_block_free(b);
	}
	for (size_t i = 0; i < 100; i++) {
		if (blocks[i].p != NULL)
			kit_block_free(&blocks[i]);
	}
	return NULL;
}

/* Uses memory, gives it back, sleeps; each time 3 is the next number. */
static void
three_is_free(void)
{
	static void *many[60000];
	pthread_t threads[2];

	close_all();
	check_three_is_free();
	for (uintptr_t i = 0; i < 2; i++)
		threads[i] = kit_thread(play, (void *)i);
	for (size_t i = 0; i < KIT_COUNT(many); i++) {
		many[i] = memset(malloc(2000), 1, 2000);
		if (i % 100 == 0)
			check_three_is_free();
	}
	for (size_t i = 0; i < KIT_COUNT(many); i++)
		free(many[i]);
	atomic_store(&stop, true);
	for (size_t i = 0; i < 2; i++)
		kit_join(threads[i]);
	for (double end = kit_now() + 4; kit_now() < end; kit_sleep(0.005))
		check_three_is_free();
	malloc_trim(0);
	check_three_is_free();
}

/* Closed in the middle of everything, from 0 on, over and over. */
static void
closed_under_our_feet(void)
{
	pthread_t threads[2];
	static void *many[60000];

	for (uintptr_t i = 0; i < 2; i++)
		threads[i] = kit_thread(play, (void *)i);
	for (size_t i = 0; i < KIT_COUNT(many); i++) {
		many[i] = memset(malloc(2000), 1, 2000);
		if (i % 1000 == 0) {
			close_all();
			closefrom(3);
		}
	}
	for (size_t i = 0; i < KIT_COUNT(many); i++)
		free(many[i]);
	for (double end = kit_now() + 3; kit_now() < end; kit_sleep(0.01))
		close_all();
	atomic_store(&stop, true);
	for (size_t i = 0; i < 2; i++)
		kit_join(threads[i]);
}

static void
no_more_descriptors(void)
{
	struct rlimit none = {0, 0};
	static void *many[60000];

	KIT_CHECK(setrlimit(RLIMIT_NOFILE, &none) == 0);
	for (int round = 0; round < 3; round++) {
		for (size_t i = 0; i < KIT_COUNT(many); i++)
			many[i] = memset(malloc(2000), 1, 2000);
		for (size_t i = 0; i < KIT_COUNT(many); i++)
			free(many[i]);
		malloc_trim(0);
		kit_sleep(0.5);
	}
	free(realloc(malloc(1 << 20), 1 << 24));
}

/* -- number 2 is somebody else's -- */

static void
free_twice(void)
{
	void *volatile p = malloc(100);

	free(p);
	free(p);
}

static void
free_the_middle(void)
{
	char *volatile p = malloc(100);

	free(p + 16);
}

/* Runs the misuse with fd 2 as one end of a socket; what comes out? */
static void
expect_silence(void (*misuse)(void), bool file_first)
{
	char text[500] = "";
	int ends[2], status;
	pid_t child;
	ssize_t n;

	KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	child = kit_fork();
	if (child == 0) {
		free(malloc(10));
		close(2);
		if (file_first)
			close(open("/dev/null", O_WRONLY));
		KIT_CHECK(dup(ends[1]) == 2);
		closefrom(3);
		misuse();
		_exit(0);
	}
	close(ends[1]);
	status = kit_wait(child);
	n = read(ends[0], text, sizeof(text) - 1);
	close(ends[0]);
	if (n > 0)
		KIT_FAIL("the socket got: %s", text);
	KIT_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

static void
two_is_a_socket(void)
{
	if (*kit_lib() == '\0')
		kit_skip("glibc itself writes there");
	expect_silence(free_twice, false);
	expect_silence(free_the_middle, true);
}

/* A file of the program's own that got the number. */
static void
two_is_a_file(void)
{
	void (*const misuses[])(void) = {free_twice, free_the_middle};

	if (*kit_lib() == '\0')
		kit_skip("glibc itself writes there");
	for (size_t i = 0; i < KIT_COUNT(misuses); i++) {
		int file = memfd_create("data", 0), status;
		pid_t child = kit_fork();

		if (child == 0) {
			close(2);
			KIT_CHECK(dup(file) == 2);
			misuses[i]();
			_exit(0);
		}
		status = kit_wait(child);
		if (lseek(file, 0, SEEK_END) != 0)
			KIT_FAIL("%ld bytes in the file",
			    (long)lseek(file, 0, SEEK_END));
		KIT_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		close(file);
	}
}

static void
two_is_closed(void)
{
	pid_t child = kit_fork();
	int status;

	if (child == 0) {
		close(2);
		free_twice();
		_exit(0);
	}
	status = kit_wait(child);
	KIT_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* Nobody reads it any more: the line may not end the program by SIGPIPE
 * instead of SIGABRT, nor wait for a pipe that is full.
 */
static void
two_is_a_full_pipe(void)
{
	int ends[2], status;
	char page[4096] = "";
	pid_t child;

	KIT_CHECK(pipe(ends) == 0);
	fcntl(ends[1], F_SETFL, O_NONBLOCK);
	while (write(ends[1], page, sizeof(page)) > 0)
		continue;
	child = kit_fork();
	if (child == 0) {
		dup2(ends[1], 2);
		free_twice();
		_exit(0);
	}
	status = kit_wait(child);
	KIT_CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}

/* A child has all that its parent had, if that was in a collection too: the
 * collector's own numbers are those of other descriptors in the child.
 */
static void *
collect_on(void *arg)
{
	for (;;)
		(void)gcm_collect();
	return arg;
}

static void
child_keeps_all(void)
{
	kit_thread(collect_on, NULL);
	for (int i = 0; i < 200; i++) {
		pid_t child = kit_fork();
		int status;

		if (child == 0) {
			int lost = 0;

			(void)gcm_collect();
			for (int fd = 0; fd < 3; fd++)
				lost |= (fcntl(fd, F_GETFD) < 0) << fd;
			_exit(lost);
		}
		status = kit_wait(child);
		if (status != 0)
			KIT_FAIL("child %d: status %#x", i, status);
	}
}

int
main(int argc, char **argv)
{
	enum {
		P = KIT_PARALLEL
	};
	static const struct kit_case cases[] = {
	    {"three-is-free", three_is_free, P, 0},
	    {"closed-under-our-feet", closed_under_our_feet, P, 0},
	    {"no-more-descriptors", no_more_descriptors, P, 0},
	    {"two-is-a-socket", two_is_a_socket, 0, 0},
	    {"two-is-a-file", two_is_a_file, 0, 0},
	    {"child-keeps-all", child_keeps_all, P, 0},
	    {"two-is-closed", two_is_closed, 0, 0},
	    {"two-is-a-full-pipe", two_is_a_full_pipe, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	setenv("GCM_INTERVAL", "5ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	return kit_main(argc, argv, cases);
}
