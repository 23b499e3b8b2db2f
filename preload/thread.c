/* thread.c -- threads give up their cache when they end
 *
 * MODEL   A key of pthreads: its destructor runs after C++'s thread_local
 *         objects.  What other destructors and libc itself free after it are
 *         plain byte stores that need no cache; what they allocate comes from
 *         the shared cache (core/cache.c).
 */
#include <pthread.h>

#include "core/core.h"
#include "preload/preload.h"

static pthread_key_t key;
static _Atomic int key_state; /* 0 none yet, 1 being made, 2 there */

static void
end_thread(void *cache)
{
	if (gcm_cache_self == cache)
		gcm_cache_detach(cache);
}

static void
watch_thread(struct gcm_cache *cache)
{
	int none = 0;

	if (atomic_compare_exchange_strong(&key_state, &none, 1))
		atomic_store(&key_state,
		    pthread_key_create(&key, end_thread) == 0 ? 2 : 0);
	if (atomic_load(&key_state) == 2)
		(void)pthread_setspecific(key, cache);
}

void
gcm_thread_init(void)
{
	gcm_cache_on_attach = watch_thread;
	/* A cache from before this constructor is the main thread's. */
	if (gcm_cache_self != &gcm_cache_none)
		watch_thread(gcm_cache_self);
}
