/* unit.h -- a unit test program: Check in fork mode, silent on success
 *
 * Each test runs in a process of its own, so core's variables are as new.
 */
#ifndef GCM_TESTS_UNIT_H
#define GCM_TESTS_UNIT_H

#include <check.h>
#include <errno.h>
#include <string.h>

#include "rig.h"

#define UNIT_MAIN(name, add_tests)                                             \
	int main(void)                                                         \
	{                                                                      \
		return unit_run(name, add_tests);                              \
	}

int unit_run(const char *name, void (*add_tests)(TCase *tcase));

/* Without ck_assert's message to Check's other process: for inner loops. */
#define UNIT_CHECK(cond) ((cond) ? (void)0 : ck_abort_msg("not so: %s", #cond))

/* The statement breaks an invariant that GCM_AVER sees; the line must have
 * `part` in it.
 */
#define UNIT_DIES(statement, part)                                             \
	do {                                                                   \
		OS_FAKE_RUN(statement);                                        \
		ck_assert_int_eq(os_fake_ended, OS_TRAPPED);                   \
		ck_assert_msg(strstr(os_fake_stderr(), part) != NULL,          \
		    "no \"%s\" in: %s", part, os_fake_stderr());               \
	} while (0)

/* The statement is a misuse, reported by "gcmalloc: CALL(): WHAT ADDR". */
#define UNIT_MISUSES(statement, call, what, addr)                              \
	do {                                                                   \
		OS_FAKE_RUN(statement);                                        \
		unit_check_misuse(call, what, addr);                           \
	} while (0)

void unit_check_misuse(const char *call, const char *what, const void *addr);

/* Verify the heap; a fault is printed and fails the test. */
void unit_verify(void);

/* End the scavenger, a real thread: for one whose time runs faster a second,
 * the most that it is waited for, is soon over.
 */
void unit_stop_scavenger(void);

#endif
