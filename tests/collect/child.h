/* child.h -- a program run with options of its own, judged by its trace
 *
 * On top of the kit of tests/stress: a case, which is not preloaded, starts its
 * own program again with a body's name, the library and options, and looks at
 * what it wrote, how it ended, what memory it took, which collections it had.
 */
#ifndef GCM_TESTS_COLLECT_CHILD_H
#define GCM_TESTS_COLLECT_CHILD_H

#include "tests/stress/kit.h"

struct child_body {
	const char *name;
	int (*run)(void); /* exit status */
};

enum child_stderr {
	CHILD_FILE, /* collected in .out */
	CHILD_CLOSED,
	CHILD_SOCKET /* what arrives is collected in .out */
};

struct child {
	/* Set before, or 0. */
	enum child_stderr stderr_kind;
	unsigned seconds; /* most; 0: 20, ten times that with GCMTEST_LONG=1 */
	bool plain;       /* without GCM_LOG and GCM_DEBUG=gctrace=1 */
	/* Found. */
	int status;
	size_t max_rss;
	double took;
	char out[4096];
	char log[64]; /* path */
	unsigned completed, abandoned;
	uint64_t reclaimed; /* bytes */
	char reason[256];   /* a line of one that was given up */
};

/* Options are "NAME=VALUE", the last NULL, or there are none. */
void child_run(
    struct child *child, const char *body, const char *const *options);

/* Fails unless it exited with 0, wrote nothing, completed so many. */
void child_is_good(const struct child *child, unsigned completed);

/* The table of bodies ends with a row whose name is NULL. */
int child_main(int argc, char **argv, const struct kit_case *cases,
    const struct child_body *bodies);

/* Inside a body, one thread only: collections completed until now; wait for so
 * many more, which all began after the call; bytes reclaimed until now.
 */
unsigned body_cycles(void);
void body_await(unsigned ncycles);
uint64_t body_reclaimed(void);

/* Overwrite what calls left below on the stack. */
void body_clear_stack(void);

/* Inside a body with GCM_DEBUG=poison=1: drop blocks and wait until one has
 * been reclaimed.
 */
void body_await_poison(double seconds);

#endif
