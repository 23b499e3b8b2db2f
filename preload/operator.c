/* operator.c -- C++'s operators new and delete
 *
 * MODEL   libstdc++'s own operators call malloc and free through two more
 *         jumps and a loop; these six are the fast path itself, which is worth
 *         some 10 % to programs that do little else (tests/bench, stl-*).
 *
 *         The others (nothrow, aligned) stay with libstdc++.  What calls what
 *         is as there: arrays call the single forms, sized delete the
 *         unsized, always through the symbol.  So a program that replaces some
 *         of them meets its own in the rest, exactly as without us.  When
 *         memory runs out libstdc++'s operator is called, which knows how to
 *         call the new-handler and to throw.  Calls here must go through the
 *         dynamic symbols: no -fno-semantic-interposition, no -Bsymbolic.
 */
#include <dlfcn.h>
#include <stdlib.h>

#include "core/core.h"
#include "preload/preload.h"

GCM_EXPORT void *_Znwm(size_t size);
GCM_EXPORT void *_Znam(size_t size);
extern GCM_HIDDEN __typeof__(_Znwm) own_new __attribute__((alias("_Znwm")));
GCM_EXPORT void _ZdlPv(void *block);
GCM_EXPORT void _ZdaPv(void *block);
GCM_EXPORT void _ZdlPvm(void *block, size_t size);
GCM_EXPORT void _ZdaPvm(void *block, size_t size);

enum {
	COOKIE = 16 /* bytes before an array of the most aligned type */
};

/* No memory: the program's handler runs, or std::bad_alloc is thrown. */
GCM_COLD static void *
fail_new(size_t size)
{
	void *(*next)(size_t);

	*(void **)&next = dlsym(RTLD_NEXT, "_Znwm");
	if (next == NULL)
		abort(); /* a caller of operator new without libstdc++ */
	return next(size);
}

/* A thread gets its first slots here.  Where the program brings its own
 * malloc, new means that one, and the fast path never has a slot.
 */
GCM_NOINLINE static void *
new_slow(size_t size)
{
	void *block =
	    malloc == gcm_own_malloc ? gcm_heap_alloc(size) : malloc(size);

	return GCM_LIKELY(block != NULL) ? block : fail_new(size);
}

GCM_NOINLINE static void *
new_middle(size_t size)
{
	if (size > GCM_SMALL_MAX)
		return new_slow(size);
	return gcm_cache_alloc_hot(
	    gcm_cache_self(), gcm_class_of_large(size), size, new_slow);
}

/* operator new(size_t) */
void *
_Znwm(size_t size)
{
	if (GCM_UNLIKELY(size > GCM_BYTE_MAX))
		return new_middle(size);
	return gcm_cache_alloc_hot(
	    gcm_cache_self(), gcm_class_of_byte[size], size, new_slow);
}

/* operator delete(void *) */
void
_ZdlPv(void *block)
{
	if (GCM_UNLIKELY(!gcm_cache_free_hot(gcm_cache_self(), block)))
		free(block);
}

/* operator new[](size_t)
 *
 * `new T[0]` asks for its cookie alone and keeps the address behind it: 8 bytes
 * of a slot of 16, or, of types that are aligned so, all 16.
 */
void *
_Znam(size_t size)
{
	if (GCM_UNLIKELY(size == COOKIE) && _Znwm == own_new)
		size++;
	return _Znwm(size);
}

/* operator delete[](void *) */
void
_ZdaPv(void *block)
{
	_ZdlPv(block);
}

/* operator delete(void *, size_t) */
void
_ZdlPvm(void *block, size_t size)
{
	(void)size;
	_ZdlPv(block);
}

/* operator delete[](void *, size_t) */
void
_ZdaPvm(void *block, size_t size)
{
	(void)size;
	_ZdaPv(block);
}
