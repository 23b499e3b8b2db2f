/* bench.c -- arguments, threads and figures of the benchmark programs
 *
 * MODEL   Nothing here allocates from the heap under test while a program
 *         works, but for what pthread_create does itself.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MAX_THREADS = 256
};

static void
fail(const char *what)
{
	fprintf(stderr, "bench: %s\n", what);
	exit(2);
}

uint32_t
gcm_bench_arg(int argc, char **argv, int index, uint32_t dflt, uint32_t lo)
{
	char *end;
	unsigned long value;

	if (index >= argc)
		return dflt;
	errno = 0;
	value = strtoul(argv[index], &end, 10);
	if (errno != 0 || *end != '\0' || value < lo || value > UINT32_MAX)
		fail("bad argument");
	return (uint32_t)value;
}

void *
gcm_bench_need(void *block)
{
	if (block == NULL)
		fail("out of memory");
	return block;
}

void *
gcm_bench_block(size_t size)
{
	void *block = gcm_bench_need(malloc(size));

	gcm_bench_touch(block, size);
	return block;
}

void
gcm_bench_touch_pages(void *block, size_t size)
{
	volatile unsigned char *bytes = block;

	for (size_t at = 0; at < size; at += 4096)
		bytes[at] = 1;
	bytes[size - 1] = 1;
}

void
gcm_bench_threads(
    unsigned nthreads, void *(*body)(void *), void *args, size_t stride)
{
	pthread_t threads[MAX_THREADS];

	if (nthreads > MAX_THREADS)
		fail("too many threads");
	for (unsigned i = 0; i < nthreads; i++) {
		void *arg = (char *)args + i * stride;

		if (pthread_create(&threads[i], NULL, body, arg) != 0)
			fail("no thread");
	}
	for (unsigned i = 0; i < nthreads; i++)
		pthread_join(threads[i], NULL);
}

/* smaps_rollup is exact; statm lags by a batch of pages per CPU. */
long
gcm_bench_rss_kib(void)
{
	char text[1024];
	const char *line;
	int fd = open("/proc/self/smaps_rollup", O_RDONLY | O_CLOEXEC);
	ssize_t length;

	if (fd < 0)
		fail("no /proc/self/smaps_rollup");
	length = read(fd, text, sizeof(text) - 1);
	close(fd);
	text[length > 0 ? length : 0] = '\0';
	line = strstr(text, "\nRss:");
	return line != NULL ? strtol(line + 5, NULL, 10) : -1;
}

void
gcm_bench_metric(const char *name, long value)
{
	printf("metric %s %ld\n", name, value);
}

int
gcm_bench_done(uint64_t checksum)
{
	printf("checksum %016" PRIx64 "\n", checksum);
	return fflush(stdout) == 0 ? 0 : 2;
}
