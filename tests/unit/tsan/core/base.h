/* tsan/core/base.h -- core/base.h for ThreadSanitizer: a peek is an atomic load
 *
 * On the hot paths a relaxed load is written as a plain one, so that compilers
 * make it a memory operand.  The sanitizer cannot know.
 */
#include_next "core/base.h"

#ifndef GCM_TESTS_TSAN_BASE_H
#define GCM_TESTS_TSAN_BASE_H

#undef GCM_PEEK
#define GCM_PEEK(atomic) __atomic_load_n(&(atomic), __ATOMIC_RELAXED)

#endif
