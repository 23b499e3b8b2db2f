/* suite.h -- small wrong programs: what suite_main.c runs from a table
 * that suite.c or suite_cxx.cc has
 *
 * suite CASE SIZE runs one of them in a fresh process and prints "missed" if
 * the program came to its end as if nothing were wrong.  However else it ends,
 * by a signal or by a plain exit without that word: caught.  The C++ programs
 * are a binary of their own, since libstdc++ allocates before main.
 */
#ifndef GCM_TESTS_SUITE_H
#define GCM_TESTS_SUITE_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct wrong {
	const char *name;
	void (*run)(size_t size, ptrdiff_t how);
	ptrdiff_t how; /* what a function with several rows is to do */
};

/* The word goes through stdio, which allocates its buffer only now: an
 * allocator that looks at what it hands out has its last chance then.
 */
void missed(void);

/* Ends with a row without a name. */
extern const struct wrong wrongs[];

#ifdef __cplusplus
}
#endif
#endif
