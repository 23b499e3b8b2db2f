/* real.h -- a unit test program on the real kernel: scan's modules, core/os.h
 * as it is
 */
#ifndef GCM_TESTS_REAL_H
#define GCM_TESTS_REAL_H

#include <check.h>
#include <errno.h>
#include <string.h>

#include "rig.h"

enum {
	REAL_SKIPPED = 77
};

int unit_run(const char *name, void (*add_tests)(TCase *tcase));

/* Without ck_assert's message to Check's other process: for inner loops. */
#define REAL_CHECK(cond) ((cond) ? (void)0 : ck_abort_msg("not so: %s", #cond))

size_t real_page(void);

/* Anonymous private memory; at, if that is not NULL. */
char *real_map(void *at, size_t len);

/* A file of len bytes that has no name any more, and no two equal pages. */
int real_file(size_t len);

/* Run `work` in a thread of a child whose main thread has ended; its result,
 * true for success, or false.
 */
bool real_without_leader(bool (*work)(void));

/* From now on the system call (with this second argument, if not 0) fails. */
void real_refuse(int nr, unsigned int argument, int error);

/* The ranges that a visitor was told of, by page of [lo, lo + npages). */
struct real_told {
	uintptr_t lo;
	size_t npages;
	unsigned char *told; /* one a page */
	size_t count;        /* pages told of, with those outside */
	uintptr_t last;      /* end of the last range */
	bool in_order;
};
void real_told_begin(struct real_told *told, void *lo, size_t npages);
void real_told_note(uintptr_t lo, uintptr_t hi, void *told);

#endif
