/* soak.h -- what the parts of the soak's program share
 *
 * cell.c has blocks with a checksum, body.c the processes and the table of
 * tasks, the other files the tasks themselves.  A task is a thread that does
 * one thing again and again until soak_goes_on says no, checks all it has,
 * and leaves nothing behind.
 */
#ifndef GCM_TESTS_SOAK_H
#define GCM_TESTS_SOAK_H

#include "tests/stress/kit.h"

/* A block that knows what is in it: links to others, then words of which none
 * looks like a pointer.  sum covers all of it, the links too.
 */
struct cell {
	uint64_t sum;
	uint64_t serial; /* no two alike */
	uint32_t nlinks, nwords;
	struct cell *links[];
};

struct cell *cell_new(struct kit_rng *rng, unsigned nlinks, size_t nwords);
struct cell *cell_any(struct kit_rng *rng); /* of any size, without links */
void cell_link(struct cell *cell, unsigned i, struct cell *to);
void cell_check(const struct cell *cell, const char *where);
void cell_free(struct cell *cell, const char *where); /* checks it first */
size_t cell_bytes(const struct cell *cell);

/* Trees: links are children, NULL for none. */
struct cell *tree_new(struct kit_rng *rng, unsigned width, unsigned depth);
size_t tree_check(const struct cell *tree, const char *where); /* cells */
void tree_free(struct cell *tree, const char *where);

/* Leaks.  Each shape has a row in lose.c; what a task loses of it, it says
 * here, and forgets the cell.  Those that are remembered are so where no
 * collector looks, and must be gone in the end.
 */
enum lost {
	LOST_LIST,
	LOST_RING,
	LOST_DOUBLY,
	LOST_TREE,
	LOST_LARGE,
	LOST_RESIZED,
	LOST_REQUEST,
	LOST_VALUE, /* of a thread that has ended */
	LOST_KEY,
	LOST_PLUGIN,
	LOST_COROUTINE,
	LOST_EPOLL,
	LOST_MAPPING,
	LOST_ADVISED,
	NLOST
};
void lost_note(enum lost shape, const struct cell *cell, size_t bytes);
void lost_judge(int report); /* all tasks have ended */

/* Tasks. */
struct task {
	const char *name;
	void (*run)(struct kit_rng *rng);
	unsigned nthreads;
	_Atomic uint64_t ndone; /* any of its threads */
};
bool soak_goes_on(void);
void soak_did(struct task *task);
void soak_nap(struct kit_rng *rng, unsigned most_us);
void soak_clear_stack(void);

extern struct task task_serve, task_check, task_blocks; /* serve.c */
extern struct task task_lose;                           /* lose.c */
extern struct task task_epoll, task_pipe, task_signal;  /* kernel.c */
extern struct task task_timer;
extern struct task task_mapping, task_coroutine; /* areas.c */
extern struct task task_threads, task_plugin;    /* lives.c */
extern struct task task_fork, task_spawn;

/* serve.c: what the server has from its start, and its requests. */
void serve_start(int sock);
bool serve_ended(void); /* the client has hung up */
void serve_check_fixed(void);
uint64_t serve_expected(uint64_t seed);

struct request {
	uint64_t id, seed;
};
struct reply {
	uint64_t id, sum;
};

#endif
