/* fuzz.h -- a program of operations on core, run against a shadow map
 *
 * An operation is a letter and numbers, so that a program can be drawn at
 * random, kept as text (tests/fuzz/corpus) or come from a coverage-guided
 * fuzzer.  Any numbers are valid: they are taken modulo what makes sense.
 */
#ifndef GCM_TESTS_FUZZ_H
#define GCM_TESTS_FUZZ_H

#include <stdint.h>

struct fuzz_op {
	char what;        /* one of FUZZ_OPS */
	uint32_t a, b, c; /* usually: block, size, more */
};

/* In the order of fuzz.c's table: more frequent ones occur more often. */
#define FUZZ_OPS "mmmmmmmmmmmmcaaffffffffffffrrrttttttnndglisSyFeCvhx"

void fuzz_step(const struct fuzz_op *op);

/* Free all blocks and verify the heap. */
void fuzz_end(void);

#endif
