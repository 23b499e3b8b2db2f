/* bench.h -- what every benchmark program shares
 *
 * A program does an amount of work fixed by its arguments, prints one
 * checksum that must not depend on the allocator (run.py compares them) and,
 * where time is not the point, `metric NAME NUMBER` lines.  The random
 * numbers are a function of the seed alone, so every allocator is asked for
 * the same blocks.  The inline bodies are here because they would otherwise
 * show in the profile next to malloc.
 */
#ifndef GCM_TESTS_BENCH_BENCH_H
#define GCM_TESTS_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* One stream of splitmix64; its thread's alone. */
struct gcm_bench_rng {
	uint64_t state;
};

static inline uint64_t
gcm_bench_next(struct gcm_bench_rng *rng)
{
	uint64_t z = (rng->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

/* A number in [0, n). */
static inline uint32_t
gcm_bench_below(struct gcm_bench_rng *rng, uint32_t n)
{
	return (uint32_t)(((gcm_bench_next(rng) >> 32) * n) >> 32);
}

/* A size in [lo, hi], every doubling as likely as the next. */
static inline size_t
gcm_bench_size(struct gcm_bench_rng *rng, uint32_t lo, uint32_t hi)
{
	uint32_t ndoublings = (uint32_t)(__builtin_clz(lo) - __builtin_clz(hi));
	uint32_t base = lo << gcm_bench_below(rng, ndoublings + 1);
	uint32_t size = base + gcm_bench_below(rng, base);

	return size < hi ? size : hi;
}

/* The block as a program uses it: first and last bytes written. */
static inline void
gcm_bench_touch(void *block, size_t size)
{
	volatile unsigned char *bytes = (volatile unsigned char *)block;

	bytes[0] = (unsigned char)size;
	bytes[size - 1] = (unsigned char)size;
}

/* argv[index] as a number of at least lo; dflt when it is not there. */
uint32_t gcm_bench_arg(
    int argc, char **argv, int index, uint32_t dflt, uint32_t lo);

/* The block, or exit status 2: no benchmark goes on without memory. */
void *gcm_bench_need(void *block) __attribute__((returns_nonnull));

/* malloc that cannot fail, with both ends of the block written. */
void *gcm_bench_block(size_t size) __attribute__((returns_nonnull));

/* One byte written in every 4096 and the last. */
void gcm_bench_touch_pages(void *block, size_t size);

/* Run body(arg) for nthreads array elements of `stride` bytes, each in a
 * thread of its own; return when all have ended. */
void gcm_bench_threads(
    unsigned nthreads, void *(*body)(void *), void *args, size_t stride);

/* Resident memory of this process now, in KiB. */
long gcm_bench_rss_kib(void);

void gcm_bench_metric(const char *name, long value);

/* Print the checksum; the value main returns. */
int gcm_bench_done(uint64_t checksum);

#ifdef __cplusplus
}
#endif

#endif
