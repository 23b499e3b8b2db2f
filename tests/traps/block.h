/* block.h -- blocks whose only address is where a test puts it
 *
 * On top of the kit of tests/stress.  A test makes blocks, leaves their
 * addresses in the one place that it is about, has collections, takes the
 * addresses back and counts what was lost.
 */
#ifndef GCM_TESTS_TRAPS_BLOCK_H
#define GCM_TESTS_TRAPS_BLOCK_H

#include "tests/stress/kit.h"

enum {
	BLOCK_BYTES = 64,
	BLOCK_FILL = 7, /* what they are full of */
	BLOCK_MANY = 64 /* blocks of most tests */
};

/* kit_main with the options that the rest counts on: no grace, freed blocks
 * are overwritten, and a cycle every few milliseconds.
 */
int block_main(int argc, char **argv, const struct kit_case *cases);

/* Start this case anew with the option, unless it has it. */
void block_want(const char *option, const char *value, const char *name);

/* A block that is full of one byte: BLOCK_BYTES, or any size.  Its address is
 * in the result alone, once the caller has called block_clear_stack.
 */
void *block_new(void);
void *block_new_of(size_t size);
bool block_is_whole(const void *block);
bool block_is_whole_of(const void *block, size_t size);

/* Make a new block's address the word at this place, or clear it, so that the
 * compiler keeps no copy.
 */
void block_into(void *volatile *place);
void block_forget(void *place);

/* Clear what calls have left on the stack and in registers. */
void block_clear_stack(void);

/* Make garbage, which may begin a collection. */
void block_drop(void);

/* Collections that end one after the other while the caller sleeps; one that
 * is over when it returns.  Each fails where nothing dropped was reclaimed.
 */
void block_await_cycles(void);
void block_collect(void);

/* Fails with "lost: 3 of 64 blocks" unless all are whole. */
void block_check(void *const *blocks, size_t count);

/* The same, of addresses that the caller sees one by one. */
struct block_count {
	unsigned lost, all;
};
void block_count(struct block_count *count, const void *block, size_t size);
void block_judge(const struct block_count *count);

#endif
