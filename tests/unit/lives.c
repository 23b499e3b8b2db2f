/* lives.c -- a process with threads and blocks that forks, and its child */
#include "lives.h"

struct lives lives;

struct gcm_cache *
lives_thread(void)
{
	gcm_cache_become(&gcm_cache_none);
	ck_assert_ptr_nonnull(gcm_heap_alloc(8)); /* leaked */
	return gcm_cache_self();
}

void
lives_step(struct gcm_cache *thread, size_t log_max)
{
	struct rig_block *block =
	    &lives.blocks[rig_below(&lives.state, LIVES_BLOCKS)];
	size_t size = rig_size(&lives.state, (unsigned int)log_max);

	gcm_cache_become(thread);
	if (block->at == NULL)
		rig_malloc(block, size, rig_random(&lives.state));
	else if (rig_chance(&lives.state, 20))
		rig_realloc(block, size + 1, rig_random(&lives.state));
	else
		rig_free(block);
}

void
lives_parent(void)
{
	struct gcm_cache *ended;

	for (unsigned int i = 0; i < LIVES_THREADS; i++)
		lives.threads[i] = lives_thread();
	ended = lives_thread();
	for (int i = 0; i < LIVES_STEPS; i++) {
		lives_step(
		    lives.threads[rig_below(&lives.state, LIVES_THREADS)], 19);
		if (i < LIVES_STEPS / 2)
			lives_step(ended, 15);
	}
	gcm_cache_become(ended);
	gcm_cache_detach(ended);
}

void
lives_check(void)
{
	for (unsigned int i = 0; i < LIVES_BLOCKS; i++)
		rig_block_check(&lives.blocks[i]);
}

void
lives_child(struct gcm_cache *self)
{
	lives_check();
	gcm_cache_become(self);
	ck_assert_ptr_nonnull(gcm_heap_alloc(100000)); /* a slow path */
	unit_verify();
	lives_check();
	for (int i = 0; i < LIVES_STEPS / 4; i++)
		lives_step(self, 19);
	unit_verify();
	lives.threads[0] = self;
	if (self == &gcm_cache_none || self == &gcm_cache_late)
		lives.threads[0] = lives_thread();
	for (unsigned int i = 1; i < LIVES_THREADS; i++)
		lives.threads[i] = lives_thread();
	for (int i = 0; i < LIVES_STEPS; i++)
		lives_step(
		    lives.threads[rig_below(&lives.state, LIVES_THREADS)], 19);
	lives_check();
	unit_verify();
}

void
lives_end(void)
{
	for (unsigned int i = 0; i < LIVES_BLOCKS; i++)
		rig_free(&lives.blocks[i]);
	unit_verify();
	gcm_cache_trim(NULL);
	unit_verify();
}
