/* rig.h -- what the unit, fault and fuzz programs share beside the fake */
#ifndef GCM_TESTS_RIG_H
#define GCM_TESTS_RIG_H

#include "core/core.h"
#include "os_fake.h"

/* Of the test harness, see tests/local.mk. */
#define RIG_ENV_LONG "GCMTEST_LONG"
#define RIG_ENV_SEED "GCMTEST_SEED"
#define RIG_ENV_TRACE "GCM_FUZZ_TRACE"
#define RIG_ENV_SRCDIR "GCMTEST_SRCDIR"

#define RIG_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Is this `make check-long`? */
bool rig_long(void);

/* The seed asked for, else `otherwise`; from the clock if that is 0. */
uint64_t rig_seed(uint64_t otherwise);

/* Random numbers (splitmix64): the state is the seed at first. */
uint64_t rig_random(uint64_t *state);
uint64_t rig_below(uint64_t *state, uint64_t n); /* 0..n-1 */
bool rig_chance(uint64_t *state, unsigned int percent);

/* A size as programs ask for: mostly small, at times up to 2^log_max. */
size_t rig_size(uint64_t *state, unsigned int log_max);

/* Contents that belong to a block: fill it, and see later whether its first len
 * bytes are as they were filled.  Of long blocks both ends and a word in each
 * 12 KiB are used.
 */
void rig_fill(void *block, size_t len, uint64_t seed);
bool rig_intact(const void *block, size_t len, size_t filled, uint64_t seed);
bool rig_is_zero(const void *block, size_t len);

/* A block of the heap under test, and what the test knows of it. */
struct rig_block {
	unsigned char *at; /* NULL: none */
	size_t size;       /* asked for */
	size_t usable;     /* and filled */
	uint64_t seed;     /* of its contents */
};

/* A block has come: aligned, long enough, in nobody else's memory.  Fill it.
 * NULL may come only when system calls were made to fail.
 */
void rig_block_take(struct rig_block *block, void *at, size_t size,
    size_t align, uint64_t seed);

/* Its contents are what they were. */
void rig_block_check(const struct rig_block *block);

/* The same, and it is about to be freed or resized. */
void rig_block_drop(struct rig_block *block);

/* Operations as a program would do them, checked. */
void rig_malloc(struct rig_block *block, size_t size, uint64_t seed);
void rig_calloc(struct rig_block *block, size_t size, uint64_t seed);
void rig_aligned(
    struct rig_block *block, size_t size, size_t align, uint64_t seed);
void rig_realloc(struct rig_block *block, size_t size, uint64_t seed);
void rig_free(struct rig_block *block);

/* malloc and free as preload/ does them, fast path first. */
void *rig_raw_malloc(size_t size);
void rig_raw_free(void *block);

/* What a fork while other threads run may do to the child's memory: garbage
 * wherever no block of the program depends on it (locks, lists, links,
 * counters, free pages, other threads' bins).  `survivor` is the forking
 * thread's cache, or NULL.
 */
void rig_tear_heap(uint64_t *state, const struct gcm_cache *survivor);

/* A fork as the child sees it; the caller is the thread that forked. */
void rig_fork(void);

/* The test has found a fault: say where, and abort. */
_Noreturn void rig_fail(const char *file, int line, const char *what);

#define RIG_CHECK(cond) ((cond) ? (void)0 : rig_fail(__FILE__, __LINE__, #cond))

#endif
