/* scenario.c -- what programs do, to be done again while calls fail
 *
 * Blocks are checked as in every test; NULL is right only once a call was made
 * to fail.  Threads are played by one: gcm_cache_self() says who runs.
 */
#include "scenario.h"

#include <stddef.h>
#include <string.h>

#include "core/alter.h"
#include "core/meta.h"
#include "core/table.h"
#include "tests/unit/rig.h"

enum {
	NBLOCKS = 400,
	MIB = 1 << 20
};

static struct rig_block blocks[NBLOCKS];

static void
free_all(void)
{
	for (unsigned int i = 0; i < NBLOCKS; i++)
		rig_free(&blocks[i]);
}

static void
run_small(void)
{
	for (unsigned int i = 0; i < NBLOCKS; i++)
		rig_malloc(&blocks[i], i * 41 % 2000, i);
	for (unsigned int i = 0; i < NBLOCKS; i += 2)
		rig_free(&blocks[i]);
	for (unsigned int i = 0; i < NBLOCKS; i += 2)
		rig_calloc(&blocks[i], i * 83 % 20000, i);
	for (unsigned int i = 0; i < NBLOCKS; i++)
		if (blocks[i].at != NULL)
			rig_realloc(&blocks[i], i * 59 % 3000 + 1, i);
}

static void
run_large(void)
{
	for (unsigned int i = 0; i < 6; i++)
		rig_malloc(&blocks[i], (i % 3 + 1) * (MIB / 4), i);
	for (unsigned int i = 0; i < 6; i += 3)
		rig_free(&blocks[i]);
	for (unsigned int i = 0; i < 6; i++)
		if (blocks[i].at != NULL)
			rig_realloc(&blocks[i], (i % 3 + 1) * (MIB / 2), i);
	for (unsigned int i = 6; i < 8; i++)
		rig_calloc(&blocks[i], MIB + i * 10000, i);
	for (unsigned int i = 6; i < 8; i++)
		if (blocks[i].at != NULL)
			rig_realloc(&blocks[i], 300000 * i, i);
}

static void
run_aligned(void)
{
	for (unsigned int i = 0; i < 100; i++)
		rig_aligned(&blocks[i], i * 97 % 5000, 16u << i % 15, i);
	for (unsigned int i = 0; i < 100; i += 2)
		rig_free(&blocks[i]);
	for (unsigned int i = 100; i < 110; i++)
		rig_aligned(&blocks[i], i * 3000, 1u << (i - 92), i);
}

static void
run_empty(void)
{
	for (unsigned int i = 0; i < NBLOCKS; i++)
		rig_malloc(&blocks[i], 0, i);
	free_all();
	if (gcm_cache_self()->status == GCM_CACHE_USED)
		gcm_cache_flush_all(gcm_cache_self());
	(void)gcm_scavenge_now(0);
}

static void
end_thread(void)
{
	if (gcm_cache_self()->status == GCM_CACHE_USED)
		gcm_cache_detach(gcm_cache_self());
}

/* Threads come, hand over blocks and go; some work after their end. */
static void
run_threads(void)
{
	for (unsigned int thread = 0; thread < 8; thread++) {
		gcm_cache_become(&gcm_cache_none);
		for (unsigned int i = thread; i < NBLOCKS; i += 4) {
			rig_free(&blocks[i]);
			rig_malloc(&blocks[i], i * 7 % 1500, i);
		}
		end_thread();
		for (unsigned int i = thread; i < NBLOCKS; i += 16) {
			rig_free(&blocks[i]);
			rig_malloc(&blocks[i], i * 11 % 1500, i);
		}
	}
	gcm_cache_become(&gcm_cache_none);
}

static void
run_scavenger(void)
{
	for (unsigned int round = 0; round < 2; round++) {
		for (unsigned int i = 0; i < 12; i++)
			rig_malloc(&blocks[i], MIB / 2, i);
		free_all();
		if (os_fake_has_thread() && round == 0)
			os_fake_run_thread();
		RIG_CHECK(gcm_scavenge_stop());
	}
	(void)gcm_scavenge_now(MIB);
	(void)gcm_scavenge_now(0);
}

static void
run_fork(void)
{
	uint64_t state = 1;

	run_small();
	if (!gcm_heap_enter())
		return;
	gcm_cache_note_stranger();
	rig_tear_heap(&state, gcm_cache_self()->status == GCM_CACHE_USED
				  ? gcm_cache_self()
				  : NULL);
	rig_fork();
	for (unsigned int i = 0; i < NBLOCKS; i += 3) {
		rig_free(&blocks[i]);
		rig_malloc(&blocks[i], i * 131 % 3000, i);
	}
	run_large();
}

static void
run_report(void)
{
	gcm_report_open(NULL);
	gcm_stat_print();
	gcm_report_open("/tmp/%p");
	gcm_stat_print();
	gcm_report_warn("a ", "b");
	RIG_CHECK(os_fake_logs_open() == 0);
}

static void
run_altered(void)
{
	for (unsigned int i = 0; i < 30; i++)
		rig_aligned(&blocks[i], 8192 * (i % 6 + 1), 8192, i);
	for (unsigned int i = 0; i < 30; i++)
		if (blocks[i].at != NULL)
			gcm_alter_note((uintptr_t)blocks[i].at, 1);
	for (unsigned int i = 0; i < 30; i += 2)
		if (blocks[i].at != NULL)
			rig_realloc(&blocks[i], 50000 + i * 1000, i);
	for (unsigned int i = 0; i < 30; i++)
		rig_free(&blocks[i]);
}

const struct scenario scenarios[] = {
    {"small", run_small},
    {"large", run_large},
    {"aligned", run_aligned},
    {"empty", run_empty},
    {"threads", run_threads},
    {"scavenger", run_scavenger},
    {"fork", run_fork},
    {"report", run_report},
    {"altered", run_altered},
    {NULL, NULL},
};

static void
take(struct rig_block *block, void *at, size_t size)
{
	RIG_CHECK(at != NULL);
	rig_block_take(block, at, size, 1, size);
}

void
scenario_recover(void)
{
	for (unsigned int i = 0; i < NBLOCKS; i++)
		rig_block_check(&blocks[i]);
	gcm_verify_heap();
	free_all();
	for (unsigned int i = 0; i < NBLOCKS; i++)
		take(&blocks[i], rig_raw_malloc(i * 20), i * 20);
	free_all();
	take(&blocks[0], gcm_heap_alloc_zeroed(MIB), MIB);
	RIG_CHECK(gcm_heap_realloc(blocks[0].at, 2 * MIB) != NULL);
	gcm_verify_heap();
	RIG_CHECK(gcm_scavenge_stop());
}
