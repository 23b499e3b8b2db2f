/* hold.h -- places that C cannot name: one register, the red zone
 *
 * Each takes the pointer out of *slot, which becomes NULL, so that the place is
 * the only one that has it; waits; and puts it back.
 */
#ifndef GCM_TESTS_COLLECT_HOLD_H
#define GCM_TESTS_COLLECT_HOLD_H

#include <stdbool.h>

struct hold {
	const char *name; /* NULL: end of the table */
	void (*run)(void **slot, const volatile int *go);
	const char *needs; /* of the processor, or NULL */
};
extern const struct hold holds[];
bool hold_has(const char *feature);

/* In a callee-saved register over a call. */
void hold_call(void **slot, void (*wait)(void *), void *arg);

/* In a jmp_buf alone; false: not written for this processor. */
bool hold_setjmp(void **slot, void *buf, void (*wait)(void *), void *arg);

#endif
