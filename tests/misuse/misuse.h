/* misuse.h -- tiny programs that misuse malloc, and what they must end with
 *
 * A case says what it expects and then does it.  It must die by SIGABRT with
 * exactly that on stderr.
 */
#ifndef GCM_TESTS_MISUSE_H
#define GCM_TESTS_MISUSE_H

#include <stddef.h>

struct misuse {
	const char *name;
	void (*run)(size_t size);
	const size_t *sizes; /* ends with 0; NULL: once, with 64 */
};

/* What free, realloc and malloc_usable_size say, without the address. */
#define FREE_TWICE "free(): double free of"
#define FREE_INVALID "free(): invalid pointer"
#define FREE_INTERIOR "free(): interior pointer"
#define FREE_UNALIGNED "free(): unaligned pointer"
#define REALLOC_FREED "realloc(): freed pointer"
#define REALLOC_INVALID "realloc(): invalid pointer"
#define REALLOC_INTERIOR "realloc(): interior pointer"
#define REALLOC_UNALIGNED "realloc(): unaligned pointer"
#define USABLE_FREED "malloc_usable_size(): freed pointer"
#define USABLE_INVALID "malloc_usable_size(): invalid pointer"
#define USABLE_INTERIOR "malloc_usable_size(): interior pointer"
#define USABLE_UNALIGNED "malloc_usable_size(): unaligned pointer"

/* Writes the expected line to stdout, without malloc. */
void expect(const char *what, const volatile void *block);

/* Smallest and largest of each kind of block; those with an inside; exact
 * sizes of slots.
 */
extern const size_t every_size[];
extern const size_t wide_sizes[];
extern const size_t slot_sizes[];

/* Tables; each ends with a row without a name. */
extern const struct misuse free_cases[];
extern const struct misuse invalid_cases[];
extern const struct misuse other_cases[];

#endif
