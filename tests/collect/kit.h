/* kit.h -- what programs need that test the collector
 *
 * On top of the kit of tests/stress: the same cases again for each back end, a
 * mill that makes garbage and counts collections by what becomes of it, and
 * blocks with cookies.
 */
#ifndef GCM_TESTS_COLLECT_KIT_H
#define GCM_TESTS_COLLECT_KIT_H

#include "tests/stress/kit.h"

/* Runs all cases with each set of options in turn. */
int collect_main(int argc, char **argv, const struct kit_case *cases);

/* Start the process anew with this option unless it has it already. */
void collect_want(const char *option, const char *value);

/* A thread that drops blocks.  A collection is counted when one of them has
 * been reclaimed that was dropped after the last one counted.
 */
void mill_start(void);
void mill_stop(void);
unsigned mill_cycles(void);

/* Sleep until at least one whole collection has been done since the call. */
void mill_wait(void);

/* Should a case go on that began at `began`?  Until there were enough
 * collections; fails when there are none any more.
 */
bool collect_more(unsigned began);

/* mill_wait without a call: *go becomes 1 then.  One at a time. */
void mill_arm(volatile int *go);

/* Memory of this process, whether or not it is there; false: it is not. */
bool collect_peek(uintptr_t addr, void *to, size_t size);

/* Blocks full of words that follow from the serial number, none of which looks
 * like a pointer.  The address returned is the only copy.
 */
void *token_new(uint32_t serial, size_t size);
void token_check(const void *token, uint32_t serial, const char *where);
void token_into(void **slot, uint32_t serial, size_t size, size_t offset);
void token_check_all(void *const *slots, size_t n, const char *where);
uint32_t token_serial(const void *token);
void token_free(void *token, uint32_t serial, const char *where);

#endif
