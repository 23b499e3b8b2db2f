/* shortage.c -- threads that use up all memory, and threads that end beside
 * others that ask for the list of it all
 *
 * MODEL   Under a limit of the address space nine threads allocate until
 *         there is no more, each by the same call, wait for each other, and
 *         free. Nobody may crash, hang or get a block that overlaps another;
 *         afterwards as much must be there again.
 */
#define _GNU_SOURCE
#include "kit.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	NTHREADS = 8,
	AS_LIMIT = 200 << 20
};

struct link {
	struct link *next;
	const struct link *self;
};

static pthread_barrier_t start, full;
static void *(*allocate)(void);
static size_t request, alignment;
static atomic_size_t obtained;
static atomic_bool stop;

static void *
by_malloc(void)
{
	return malloc(request);
}

static void *
by_realloc(void)
{
	void *p = malloc(16), *q = p != NULL ? realloc(p, request) : NULL;

	if (q == NULL)
		free(p);
	return q;
}

static void *
by_calloc(void)
{
	unsigned char *p = calloc(1, request);

	for (size_t i = 0; p != NULL && i < request; i++)
		KIT_CHECK(p[i] == 0);
	return p;
}

static void *
by_memalign(void)
{
	return memalign(alignment, request);
}

static void *
by_aligned_alloc(void)
{
	return aligned_alloc(alignment, request);
}

static void *
by_posix_memalign(void)
{
	void *p = NULL;
	int error = posix_memalign(&p, alignment, request);

	KIT_CHECK(error == 0 || (error == ENOMEM && p == NULL));
	errno = error;
	return p;
}

static void *
by_valloc(void)
{
	return valloc(request);
}

static void *
by_pvalloc(void)
{
	return pvalloc(request);
}

static void *
use_all(void *arg)
{
	struct link *head = NULL, *link;

	pthread_barrier_wait(&start);
	while ((link = allocate()) != NULL) {
		KIT_CHECK((uintptr_t)link % alignment == 0);
		memset((char *)link + request - 8, 0xee, 8);
		link->next = head;
		link->self = link;
		head = link;
		atomic_fetch_add(
		    &obtained, request > alignment ? request : alignment);
	}
	KIT_CHECK(errno == ENOMEM);
	pthread_barrier_wait(&full);
	while (head != NULL) {
		KIT_CHECK(head->self == head);
		link = head->next;
		free(head);
		head = link;
	}
	return arg;
}

static size_t
all_threads_use_all(void)
{
	pthread_t threads[NTHREADS];

	atomic_store(&obtained, 0);
	pthread_barrier_init(&start, NULL, NTHREADS + 1);
	pthread_barrier_init(&full, NULL, NTHREADS + 1);
	for (size_t i = 0; i < NTHREADS; i++)
		threads[i] = kit_thread_small(use_all, NULL, 256 << 10);
	use_all(NULL);
	for (size_t i = 0; i < NTHREADS; i++)
		kit_join(threads[i]);
	return atomic_load(&obtained);
}

/* Twice in one process: what was freed must be there the second time, for
 * another size too.
 */
static void
exhaust(void *(*call)(void), size_t size, size_t align)
{
	pid_t child = kit_fork();

	if (child == 0) {
		struct rlimit limit = {AS_LIMIT, AS_LIMIT};
		size_t first, second;

		allocate = call;
		request = size;
		alignment = align;
		KIT_CHECK(setrlimit(RLIMIT_AS, &limit) == 0);
		first = all_threads_use_all();
		KIT_CHECK(first > 60 << 20);
		second = all_threads_use_all();
		if (second < first / 10 * 9)
			KIT_FAIL("%zu bytes in all at first, then %zu", first,
			    second);
		request = size * 3;
		second = all_threads_use_all();
		if (second < first / 2)
			KIT_FAIL("%zu bytes in all at first, %zu of thrice "
				 "the size",
			    first, second);
		_exit(0);
	}
	kit_reap(child);
}

static void
out_of_memory(void)
{
	static const size_t sizes[] = {144, 4096, 100000};
	static void *(*const plain[])(void) = {
	    by_malloc, by_realloc, by_calloc, by_valloc, by_pvalloc};
	static void *(*const aligned[])(void) = {
	    by_memalign, by_aligned_alloc, by_posix_memalign};

	for (size_t i = 0; i < KIT_COUNT(plain); i++) {
		size_t align = i < 3 ? 16 : 4096;

		exhaust(plain[i], sizes[i % 3], align);
		for (size_t j = 0; kit_long() && j < 3; j++)
			exhaust(plain[i], sizes[j], align);
	}
	for (size_t i = 0; i < KIT_COUNT(aligned); i++) {
		exhaust(aligned[i], sizes[i] * 3, (size_t)128 << i);
		for (size_t j = 0; kit_long() && j < 3; j++)
			exhaust(aligned[i], sizes[j], 4096);
	}
}

/* -- threads start and end beside threads that do the same -- */

static void *
allocate_then_wait(void *arg)
{
	void *p = malloc(32);

	KIT_CHECK(p != NULL);
	pthread_barrier_wait(arg);
	free(p);
	return NULL;
}

static void *
wait_then_allocate(void *arg)
{
	pthread_barrier_wait(arg);
	free(malloc(32));
	return NULL;
}

static void *
start_and_join(void *arg)
{
	while (!atomic_load(&stop)) {
		pthread_barrier_t barrier;
		pthread_t threads[4];

		pthread_barrier_init(&barrier, NULL, 5);
		for (int i = 0; i < 4; i++)
			threads[i] = kit_thread(i % 2 == 0 ? allocate_then_wait
							   : wait_then_allocate,
			    &barrier);
		pthread_barrier_wait(&barrier);
		for (int i = 0; i < 4; i++)
			kit_join(threads[i]);
		pthread_barrier_destroy(&barrier);
	}
	return arg;
}

static void
thread_exit(void)
{
	pthread_t threads[3];

	KIT_CHECK(mallopt(M_ARENA_MAX, 8) == 1);
	for (size_t i = 0; i < 3; i++)
		threads[i] = kit_thread(start_and_join, NULL);
	kit_sleep((double)kit_scale(2, 60));
	atomic_store(&stop, true);
	for (size_t i = 0; i < 3; i++)
		kit_join(threads[i]);
}

/* -- malloc_info: well-formed, and its figures cover what is there -- */

/* Every element closed in the order it was opened; depth at most 8. */
static void
check_xml(const char *text)
{
	const char *open[8];
	size_t depth = 0;

	for (const char *at = strchr(text, '<'); at != NULL;
	     at = strchr(at + 1, '<')) {
		const char *end = strchr(at, '>');

		KIT_CHECK(end != NULL);
		if (at[1] == '/') {
			KIT_CHECK(depth-- > 0);
			KIT_CHECK(strncmp(open[depth] + 1, at + 2,
				      (size_t)(end - at - 2)) == 0);
		} else if (end[-1] != '/') {
			KIT_CHECK(depth < KIT_COUNT(open));
			open[depth++] = at;
		}
	}
	KIT_CHECK(depth == 0);
	KIT_CHECK(strncmp(text, "<malloc version=\"1\">", 20) == 0);
}

/* The last <system type="current" size="N"/> is the whole process's. */
static size_t
system_bytes(void)
{
	static const char key[] = "<system type=\"current\" size=\"";
	char *text = NULL;
	const char *at, *last = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);

	KIT_CHECK(f != NULL && malloc_info(0, f) == 0 && fclose(f) == 0);
	check_xml(text);
	for (at = strstr(text, key); at != NULL; at = strstr(at + 1, key))
		last = at;
	KIT_CHECK(last != NULL);
	size = strtoul(last + sizeof(key) - 1, NULL, 10);
	free(text);
	return size;
}

static void *
hold_much(void *arg)
{
	struct link *head = NULL;
	size_t total = (size_t)kit_scale(16, 128) << 20;

	for (size_t held = 0; held < total; held += 40) {
		struct link *link = malloc(40);

		link->next = head;
		head = link;
	}
	pthread_barrier_wait(&full);
	pthread_barrier_wait(&start);
	while (head != NULL) {
		struct link *next = head->next;

		free(head);
		head = next;
	}
	return arg;
}

static void
info_of_threads(void)
{
	pthread_t threads[4];

	pthread_barrier_init(&start, NULL, 5);
	pthread_barrier_init(&full, NULL, 5);
	for (size_t i = 0; i < 4; i++)
		threads[i] = kit_thread(hold_much, NULL);
	pthread_barrier_wait(&full);
	KIT_CHECK(system_bytes() >= (size_t)kit_scale(64, 512) << 20);
	pthread_barrier_wait(&start);
	for (size_t i = 0; i < 4; i++)
		kit_join(threads[i]);
	system_bytes();
	KIT_CHECK(malloc_info(1, stderr) != 0);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"out-of-memory", out_of_memory, 0, 100},
	    {"thread-exit", thread_exit, 0, 0},
	    {"info-of-threads", info_of_threads, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
