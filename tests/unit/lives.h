/* lives.h -- a process with threads and blocks that forks, and its child
 *
 * The threads are played by one: who runs is who gcm_cache_self says.
 */
#ifndef GCM_TESTS_LIVES_H
#define GCM_TESTS_LIVES_H

#include "unit.h"

enum {
	LIVES_THREADS = 3,
	LIVES_BLOCKS = 600,
	LIVES_STEPS = 4000
};

extern struct lives {
	struct rig_block blocks[LIVES_BLOCKS];
	struct gcm_cache *threads[LIVES_THREADS];
	uint64_t state; /* of random numbers */
} lives;

/* Begin a thread and become it. */
struct gcm_cache *lives_thread(void);

/* One operation on a random block, as that thread. */
void lives_step(struct gcm_cache *thread, size_t log_max);

/* A parent with a past: threads that work, and one that has ended. */
void lives_parent(void);

/* The child works on, alone at first, then with new threads. */
void lives_child(struct gcm_cache *self);

/* All blocks are what they were. */
void lives_check(void);

/* Free all blocks. */
void lives_end(void);

#endif
