/* both.h -- a body run on plain glibc and with the library, and compared
 *
 * On top of the kit of tests/stress: a case, which is not preloaded, starts its
 * own program twice with a body's name.  A body says lines on standard output:
 * both runs must say the same and end the same way.  A line "# NAME NUMBER" is
 * a measure: with the library it may be larger by so much and no more.
 */
#ifndef GCM_TESTS_BOTH_H
#define GCM_TESTS_BOTH_H

#include "tests/stress/kit.h"

struct both_body {
	const char *name;
	int (*run)(void); /* exit status */
};

/* Fails with the first difference.  A run that the machine disturbed differs
 * by itself: up to `tries` are made until the two agree, each three times as
 * slow and as patient as the one before it (both_scale).  Exit status 77 in
 * the plain run skips the case.
 */
void both_same(const char *body, int tries, double more);

/* The table of bodies ends with a row whose name is NULL. */
int both_main(int argc, char **argv, const struct kit_case *cases,
    const struct both_body *bodies);

/* In a body: the collector runs until it ends, if there is one. */
void both_begin(void);

/* In a body: how many times longer than it might it should wait. */
double both_scale(void);

/* In a body: one line. */
void both_say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
