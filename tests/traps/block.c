/* block.c -- blocks whose only address is where a test puts it
 *
 * MODEL   A test that nothing is lost is worth something only if collections
 *         took place and reclaim what is dropped: so each wait drops blocks,
 *         too, and sees most of them go.
 */
#define _GNU_SOURCE
#include "tests/traps/block.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "include/gcmalloc.h"

enum {
	CYCLES = 6,
	GARBAGE = 500,
	TRIES = 40,
	PATIENCE_S = 30
};

int
block_main(int argc, char **argv, const struct kit_case *cases)
{
	if (argc == 3) /* the case itself, which may want others */
		return kit_main(argc, argv, cases);
	setenv("GCM_INTERVAL", "5ms", 1);
	setenv("GCM_MINHEAP", "0", 1);
	setenv("GCM_GRACE", "0", 1);
	setenv("GCM_DEBUG", "poison=1", 1);
	return kit_main(argc, argv, cases);
}

void
block_want(const char *option, const char *value, const char *name)
{
	const char *now = getenv(option);

	if (now != NULL && strcmp(now, value) == 0)
		return;
	setenv(option, value, 1);
	execl("/proc/self/exe", "block", "--case", name, (char *)NULL);
	KIT_FAIL("execl");
}

__attribute__((noinline)) void *
block_new_of(size_t size)
{
	return memset(malloc(size), BLOCK_FILL, size);
}

__attribute__((noinline)) void *
block_new(void)
{
	return block_new_of(BLOCK_BYTES);
}

bool
block_is_whole_of(const void *block, size_t size)
{
	const unsigned char *bytes = block;

	for (size_t i = 0; i < size; i++)
		if (bytes[i] != BLOCK_FILL)
			return false;
	return true;
}

bool
block_is_whole(const void *block)
{
	return block_is_whole_of(block, BLOCK_BYTES);
}

__attribute__((noinline)) void
block_into(void *volatile *place)
{
	void *block = block_new();

	*place = block;
	block_forget(&block);
}

void
block_forget(void *place)
{
	memset(place, 0, sizeof(void *));
	__asm__ volatile("" : : "r"(place) : "memory");
}

/* A signal's frame has all registers. */
static void
clear_registers(void)
{
	syscall(SYS_getppid, 0L, 0L, 0L, 0L, 0L, 0L);
#ifdef __x86_64__
	__asm__ volatile(".irp n, 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15\n\t"
			 "pxor %%xmm\\n, %%xmm\\n\n\t"
			 ".endr"
			 :
			 :
			 : "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5",
			 "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11",
			 "xmm12", "xmm13", "xmm14", "xmm15");
#endif
}

__attribute__((noinline)) void
block_clear_stack(void)
{
	volatile char area[32768];

	for (size_t i = 0; i < sizeof(area); i++)
		area[i] = 0;
	clear_registers();
}

static struct gcm_stats
read_stats(void)
{
	struct gcm_stats stats;

	KIT_CHECK(gcm_stats(&stats, sizeof(stats)) == 0);
	return stats;
}

__attribute__((noinline)) void
block_drop(void)
{
	for (int i = 0; i < GARBAGE; i++) {
		volatile char *block = malloc(100);

		block[0] = 1;
	}
}

void
block_await_cycles(void)
{
	struct gcm_stats before = read_stats(), now;
	double until = kit_now() + PATIENCE_S;

	block_clear_stack();
	do {
		block_drop();
		kit_sleep(0.002);
		now = read_stats();
		if (kit_now() > until)
			KIT_FAIL("%d cycles, %d given up, %d blocks back",
			    (int)(now.cycles - before.cycles),
			    (int)(now.abandoned - before.abandoned),
			    (int)(now.reclaimed_blocks -
				  before.reclaimed_blocks));
	} while (now.cycles < before.cycles + CYCLES ||
		 now.reclaimed_blocks < before.reclaimed_blocks + GARBAGE);
}

/* Cycles are given up now and then: a loaded machine, a fork. */
void
block_collect(void)
{
	struct gcm_stats before = read_stats(), now;

	block_clear_stack();
	for (int i = 0; i < TRIES; i++) {
		block_drop();
		if (gcm_collect() < 0)
			kit_sleep(0.005);
		now = read_stats();
		if (now.cycles > before.cycles &&
		    now.reclaimed_blocks >
			before.reclaimed_blocks + GARBAGE / 2)
			return;
	}
	KIT_FAIL("nothing is collected");
}

void
block_count(struct block_count *count, const void *block, size_t size)
{
	count->all++;
	if (!block_is_whole_of(block, size))
		count->lost++;
}

void
block_judge(const struct block_count *count)
{
	if (count->lost > 0)
		KIT_FAIL("lost: %u of %u blocks", count->lost, count->all);
}

void
block_check(void *const *blocks, size_t count)
{
	struct block_count seen = {0, 0};

	for (size_t i = 0; i < count; i++)
		block_count(&seen, blocks[i], BLOCK_BYTES);
	block_judge(&seen);
}
