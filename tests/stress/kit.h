/* kit.h -- what the stress and trap programs share
 *
 * A program is a table of cases.  kit_main runs each case in a process of
 * its own, in its own session, with the library preloaded: that process
 * must end with status 0 in time and print nothing.  Everything here works
 * without malloc, so that a broken heap can still report.
 */
#ifndef GCM_TESTS_KIT_H
#define GCM_TESTS_KIT_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#define noreturn [[noreturn]]
#endif

enum {
	KIT_SKIPPED = 77
}; /* exit status */

enum kit_flag {
	KIT_LONG = 1,     /* only with GCMTEST_LONG=1 */
	KIT_PARALLEL = 2, /* mostly asleep: run beside the others */
	KIT_PLAIN = 4,    /* the case loads the library itself, or not */
};

struct kit_case {
	const char *name;
	void (*run)(void);
	unsigned flags;
	unsigned seconds; /* 0: 60; ten times that with GCMTEST_LONG=1 */
};

/* The table ends with a row whose name is NULL. */
int kit_main(int argc, char **argv, const struct kit_case *cases);

/* Inside a case. */
noreturn void kit_fail(const char *file, int line, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
noreturn void kit_skip(const char *why);
void kit_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
bool kit_long(void);
long kit_scale(long brief, long full);
const char *kit_lib(void); /* "" when the test runs on plain glibc */
bool kit_beside(const char *name, char *path, size_t size);
double kit_now(void);
void kit_sleep(double seconds);

#define KIT_FAIL(...) kit_fail(__FILE__, __LINE__, __VA_ARGS__)
#define KIT_CHECK(cond)                                                        \
	((cond) ? (void)0 : kit_fail(__FILE__, __LINE__, "not so: %s", #cond))
#define KIT_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* Random numbers: one generator a thread, all from the case's one seed. */
struct kit_rng {
	uint64_t state;
};
uint64_t kit_seed(void);
struct kit_rng kit_rng_new(uint64_t stream);
uint64_t kit_rand(struct kit_rng *rng);
size_t kit_below(struct kit_rng *rng, size_t limit);
size_t kit_size(struct kit_rng *rng, size_t max); /* log-uniform */

/* Processes and threads. */
pid_t kit_fork(void);     /* the child dies by SIGALRM if it hangs */
void kit_reap(pid_t pid); /* must have exited with 0 */
int kit_wait(pid_t pid);  /* status, whatever it is */
pthread_t kit_thread(void *(*run)(void *), void *arg);
pthread_t kit_thread_small(void *(*run)(void *), void *arg, size_t stack);
void *kit_join(pthread_t thread);
long kit_status(const char *field); /* of /proc/self/status; KiB or count */
long kit_rss(void);                 /* bytes */
int kit_ntasks(void);
int kit_nfds(void);

/* Blocks that know what is in them.  key comes from address, owner and a
 * serial number, so a block handed out twice shows in both.
 */
struct kit_block {
	unsigned char *p;
	size_t size;
	uint64_t key;
};
void kit_block_new(
    struct kit_block *b, struct kit_rng *rng, size_t size, unsigned owner);
void kit_block_adopt(struct kit_block *b, void *p, size_t size, unsigned owner);
void kit_block_check(const struct kit_block *b);
void kit_block_resize(struct kit_block *b, struct kit_rng *rng, size_t size);
void kit_block_free(struct kit_block *b);

#ifdef __cplusplus
}
#undef noreturn
#endif
#endif
