/* api.h -- what the api programs share beside the kit */
#ifndef GCM_TESTS_API_H
#define GCM_TESTS_API_H

#include <errno.h>
#include <stddef.h>
#include <stdint.h>

#include "../stress/kit.h"

/* Sizes worth asking for: every one up to 2 KiB, then those around each
 * eighth of a power of two, to 4 MiB.
 */
size_t api_next_size(size_t size);

/* Any of errno's values that malloc never sets. */
#define API_ERRNO ENOTTY

/* errno is as it was before the calls. */
#define API_ERRNO_KEPT() KIT_CHECK(errno == API_ERRNO)

/* The call fails with this errno. */
#define API_FAILS(call, number)                                                \
	do {                                                                   \
		errno = API_ERRNO;                                             \
		KIT_CHECK((call) == NULL);                                     \
		KIT_CHECK(errno == (number));                                  \
	} while (0)

/* Tested on the library, not on another allocator (which may differ). */
int api_is_ours(void);

/* A function by name: those that no header has. */
void *api_find(const char *name);

#endif
