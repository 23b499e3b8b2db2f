/* base.h -- what every file of the library may use: attributes and checks
 *
 * GCM_AVER is the cheap check that ships; GCM_AVER_HOT exists only in full
 * builds (--enable-checks=full).  A failed check is a broken invariant of
 * ours: one line, then a trap.
 */
#ifndef GCM_CORE_BASE_H
#define GCM_CORE_BASE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifndef GCM_CHECKS
#define GCM_CHECKS 1 /* 0 none, 1 cheap (shipped), 2 full */
#endif

#define GCM_LIKELY(x) __builtin_expect(!!(x), 1)
#define GCM_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define GCM_COLD __attribute__((cold, noinline))
/* A relaxed load that may become a memory operand; compilers keep atomic loads
 * apart.  Only for aligned words of at most eight bytes on the hot paths.
 */
#define GCM_PEEK(atomic)                                                       \
	(*(const __typeof__(_Generic((atomic), _Atomic uint8_t                 \
				     : (uint8_t)0, uint8_t                     \
				     : (uint8_t)0, _Atomic uint32_t            \
				     : (uint32_t)0, uint32_t                   \
				     : (uint32_t)0, default                    \
				     : (uint64_t)0)) *)(uintptr_t) &           \
	    (atomic))

#define GCM_NOINLINE __attribute__((noinline))
#define GCM_ALWAYS_INLINE inline __attribute__((always_inline))
/* For variables of hot paths: the compiler need not go through the GOT. */
#define GCM_HIDDEN __attribute__((visibility("hidden")))
#define GCM_EXPORT __attribute__((visibility("default")))
#define GCM_CACHE_LINE 64

#define GCM_STRING_(x) #x
#define GCM_STRING(x) GCM_STRING_(x)

#if GCM_CHECKS >= 1
#define GCM_AVER(cond)                                                         \
	do {                                                                   \
		if (GCM_UNLIKELY(!(cond)))                                     \
			gcm_die(__FILE__ ":" GCM_STRING(__LINE__) ": " #cond); \
	} while (0)
#else
#define GCM_AVER(cond) ((void)sizeof(cond))
#endif

#if GCM_CHECKS >= 2
#define GCM_AVER_HOT(cond) GCM_AVER(cond)
#else
#define GCM_AVER_HOT(cond) ((void)sizeof(cond))
#endif

/* gcm_die -- a broken invariant of ours: "gcmalloc: internal error: WHAT" by
 * one write, then a trap.  Any thread, any state.
 */
_Noreturn void gcm_die(const char *what);

/* gcm_misuse -- the program misused us: "gcmalloc: CALL(): WHAT 0xADDR" by
 * one write to stderr, then abort, as glibc does.
 */
_Noreturn void gcm_misuse(const char *call, const char *what, const void *addr);

static inline uintptr_t
gcm_round_up(uintptr_t value, uintptr_t align)
{
	return (value + align - 1) & ~(align - 1);
}

static inline uintptr_t
gcm_round_down(uintptr_t value, uintptr_t align)
{
	return value & ~(align - 1);
}

#endif
