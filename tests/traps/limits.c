/* limits.c -- little memory, one processor, no new thread, priorities
 *
 * RED     B14: with extents of 64 MiB at least (core/table.c) "address-space"
 *         printed "0 KiB of 16-byte blocks within 64 MiB" and "start-within"
 *         "no start within 64 MiB".
 *         B23: without wait_for_marker and pay_tax of core/cycle_count.c
 *         "loss-at-high-priority" printed "418 MiB of 400 MB lost are there".
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <sched.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "tests/stress/kit.h"

static atomic_bool stop;

static void
limit(int resource, size_t value)
{
	struct rlimit both = {value, value};

	if (setrlimit((__rlimit_resource_t)resource, &both) != 0)
		KIT_FAIL("setrlimit %d", resource);
}

/* Blocks of a size until there are no more; returns what they sum to. */
static size_t
fill(size_t size)
{
	struct link {
		struct link *next;
	} *head = NULL, *link;
	size_t total = 0;

	while ((link = malloc(size)) != NULL) {
		link->next = head;
		head = link;
		((char *)link)[size - 1] = 1;
		total += size;
	}
	KIT_CHECK(errno == ENOMEM);
	while ((link = head) != NULL) {
		head = link->next;
		free(link);
	}
	return total;
}

static void
fill_within(int resource)
{
	static const size_t sizes[] = {16, 700, 9000, 100000, 16};

	limit(resource, 64 << 20);
	for (size_t i = 0; i < KIT_COUNT(sizes); i++) {
		size_t total = fill(sizes[i]);

		if (total < 30 << 20)
			KIT_FAIL("%zu KiB of %zu-byte blocks within 64 MiB",
			    total >> 10, sizes[i]);
	}
	KIT_CHECK(fill(700) > 30 << 20);
	KIT_CHECK(malloc(64 << 20) == NULL && errno == ENOMEM);
}

static void
address_space(void)
{
	fill_within(RLIMIT_AS);
}

static void
data_segment(void)
{
	fill_within(RLIMIT_DATA);
}

/* Threads that are there before memory is short. */
static void *
fill_in_thread(void *arg)
{
	for (size_t i = 1; i < 6; i++)
		fill(i * 500);
	return arg;
}

static void
threads_in_little(void)
{
	pthread_t threads[4];

	limit(RLIMIT_AS, 64 << 20);
	for (size_t i = 0; i < 4; i++)
		threads[i] = kit_thread_small(fill_in_thread, NULL, 65536);
	for (size_t i = 0; i < 4; i++)
		kit_join(threads[i]);
	KIT_CHECK(fill(700) > 30 << 20);
}

/* Addresses are what is short here: the heap, empty again, may not keep them
 * all from others, a stack at least.
 */
static void
room_for_others(void)
{
	limit(RLIMIT_AS, 64 << 20);
	KIT_CHECK(fill(700) > 30 << 20);
	malloc_trim(0);
	for (int i = 0; i < 20; i++)
		kit_join(kit_thread_small(fill_in_thread, NULL, 65536));
}

/* Does a program start at all with so little? */
static void
start_within(void)
{
	static const size_t limits[] = {64, 32, 16, 12};
	char name[] = "sh", option[] = "-c", command[] = "exit 5";
	char *argv[] = {name, option, command, NULL};

	for (size_t i = 0; i < KIT_COUNT(limits); i++) {
		pid_t child = kit_fork();

		if (child == 0) {
			limit(RLIMIT_AS, limits[i] << 20);
			execv("/bin/sh", argv);
			_exit(1);
		}
		if (kit_wait(child) != 5 << 8)
			KIT_FAIL("no start within %zu MiB", limits[i]);
	}
}

/* -- nobody may have another thread -- */

static void
use_and_idle(void)
{
	static void *many[100000];

	for (int round = 0; round < 2; round++) {
		for (size_t i = 0; i < KIT_COUNT(many); i++)
			many[i] = memset(malloc(2000), 1, 2000);
		for (size_t i = 0; i < KIT_COUNT(many); i++)
			free(many[i]);
		kit_sleep(2.5);
	}
}

static void
no_more_threads(void)
{
	if (geteuid() != 0)
		kit_skip("only root can become a user without processes");
	limit(RLIMIT_NPROC, 1);
	KIT_CHECK(setresgid(65531, 65531, 65531) == 0);
	KIT_CHECK(setresuid(65531, 65531, 65531) == 0);
	use_and_idle();
}

/* -- one processor -- */

static void *
play(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg);
	struct kit_block blocks[100] = {{NULL, 0, 0}};
	long left = arg != NULL ? (long)kit_scale(100000, 2000000) : 1L << 60;

	while (left-- > 0 && !atomic_load(&stop)) {
		struct kit_block *b = &blocks[kit_below(&rng, 100)];

		if (b->p == NULL)
			kit_block_new(b, &rng, kit_size(&rng, 50000), 1);
		else
			kit_block_free(b);
	}
	for (size_t i = 0; i < 100; i++) {
		if (blocks[i].p != NULL)
			kit_block_free(&blocks[i]);
	}
	return NULL;
}

static void
stay_on_one(void)
{
	cpu_set_t allowed, one;

	CPU_ZERO(&one);
	KIT_CHECK(sched_getaffinity(0, sizeof(allowed), &allowed) == 0);
	for (unsigned cpu = 0; CPU_COUNT(&one) == 0; cpu++) {
		if (CPU_ISSET(cpu, &allowed))
			CPU_SET(cpu, &one);
	}
	KIT_CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
}

static void
one_processor(void)
{
	pthread_t threads[8];

	stay_on_one();
	for (uintptr_t i = 0; i < 8; i++)
		threads[i] = kit_thread(play, (void *)(i + 1));
	for (size_t i = 0; i < 8; i++)
		kit_join(threads[i]);
}

/* A thread that may not be preempted meets, on the one processor, threads
 * that were preempted inside malloc: who spins on a lock of theirs spins
 * until the kernel's emergency brake, a second each time.
 */
static void *
burst(void *arg)
{
	struct sched_param param = {.sched_priority = 10};
	double longest = 0;

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) != 0)
		return arg;
	for (int i = 0; i < 400; i++) {
		void *blocks[200];
		double begun = kit_now();

		for (size_t j = 0; j < 200; j++)
			blocks[j] = malloc(j * j + 1);
		for (size_t j = 0; j < 200; j++)
			free(blocks[j]);
		if (kit_now() - begun > longest)
			longest = kit_now() - begun;
		kit_sleep(0.002);
	}
	if (longest > 0.5)
		KIT_FAIL("200 blocks took %.2f s", longest);
	return NULL;
}

static void
high_priority(void)
{
	pthread_t threads[3];
	void *result;

	stay_on_one();
	for (size_t i = 0; i < 3; i++)
		threads[i] = kit_thread(play, NULL);
	result = kit_join(kit_thread(burst, threads));
	atomic_store(&stop, true);
	for (size_t i = 0; i < 3; i++)
		kit_join(threads[i]);
	if (result != NULL)
		kit_skip("no right to priorities");
}

/* It loses memory and leaves the one processor to nobody: the collector must
 * be let in all the same.
 */
static void *
lose_first(void *arg)
{
	struct sched_param param = {.sched_priority = 10};
	long most = 0;

	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &param) != 0)
		return arg;
	for (int i = 0; i < 400; i++) {
		for (int j = 0; j < 1000; j++)
			memset(malloc(1000), 1, 1000);
		if (kit_rss() > most)
			most = kit_rss();
	}
	if (most > 200 << 20)
		KIT_FAIL("%ld MiB of 400 MB lost are there", most >> 20);
	return NULL;
}

static void
loss_at_high_priority(void)
{
	static char no_right;

	stay_on_one();
	if (kit_join(kit_thread(lose_first, &no_right)) != NULL)
		kit_skip("no right to priorities");
}

/* -- strict accounting: the setting is the whole machine's -- */

static char old_setting[16];

static void
write_setting(const char *text)
{
	int fd = open("/proc/sys/vm/overcommit_memory", O_RDWR);

	if (fd < 0)
		kit_skip("no right to the setting");
	if (pread(fd, old_setting, sizeof(old_setting) - 1, 0) < 1 ||
	    write(fd, text, 1) != 1)
		kit_skip("no right to the setting");
	close(fd);
}

static void
strict_accounting(void)
{
	pid_t child;
	int status;

	if (getenv("KIT_SYSCTL") == NULL)
		kit_skip("KIT_SYSCTL=1 allows changes of the whole machine");
	write_setting("2");
	child = kit_fork();
	if (child == 0) {
		use_and_idle();
		play((void *)1);
		_exit(0);
	}
	status = kit_wait(child);
	write_setting(old_setting);
	KIT_CHECK(status == 0);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"address-space", address_space, 0, 0},
	    {"data-segment", data_segment, 0, 0},
	    {"threads-in-little", threads_in_little, 0, 0},
	    {"room-for-others", room_for_others, 0, 0},
	    {"start-within", start_within, 0, 0},
	    {"no-more-threads", no_more_threads, KIT_PARALLEL, 0},
	    {"one-processor", one_processor, 0, 0},
	    {"high-priority", high_priority, 0, 0},
	    {"loss-at-high-priority", loss_at_high_priority, 0, 0},
	    {"strict-accounting", strict_accounting, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
