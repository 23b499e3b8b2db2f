/* thread.c -- threads give up their cache and their record when they end
 *
 * MODEL   A key of pthreads: its destructor runs after C++'s thread_local
 *         objects.  It is one of the first keys, and other keys' destructors
 *         may wait in calls that are blocked-safe: so the first time it only
 *         asks to be called in the next round.  What is freed after that are
 *         plain byte stores that need no cache; what is allocated comes from
 *         the shared cache (core/cache.c).
 */
#include <pthread.h>

#include "core/core.h"
#include "preload/preload.h"
#include "scan/scan.h"

static pthread_key_t key;
static _Atomic bool has_key;

#define SECOND_ROUND                                                           \
	((uintptr_t)1) /* in the key's value, an aligned address               \
			*/

/* The cache may be gcm_cache_none: a thread that has a record only. */
static void
end_thread(void *value)
{
	struct gcm_cache *cache =
	    (struct gcm_cache *)((uintptr_t)value & ~SECOND_ROUND);

	struct gcm_thread *self = gcm_thread_self();

	if (self != NULL) /* no cancellation ends its calls any more */
		atomic_store(&self->steadfast, true);
	if (value == cache &&
	    pthread_setspecific(
		key, (void *)((uintptr_t)value | SECOND_ROUND)) == 0)
		return;
	if (cache != &gcm_cache_none && gcm_cache_self() == cache)
		gcm_cache_detach(cache);
	gcm_thread_end();
	GCM_NOTE(thread_end);
}

static void
watch_thread(struct gcm_cache *cache)
{
	if (atomic_load(&has_key))
		(void)pthread_setspecific(key, cache);
}

/* A thread is noted by what it has first, a record or a cache. */
static void
watch_record(void)
{
	watch_thread(gcm_cache_self());
	if (gcm_cache_self() == &gcm_cache_none)
		gcm_event_thread(NULL);
}

/* A record early, so that whoever cancels the thread finds it. */
static void
watch_cache(struct gcm_cache *cache)
{
	watch_thread(cache);
	if (gcm_thread_self() == NULL)
		gcm_event_thread(NULL);
	if (gcm_stop_signal() != 0)
		(void)gcm_thread_make();
}

void
gcm_thread_init(void)
{
	gcm_cache_on_attach = watch_cache;
	atomic_store(&gcm_thread_on_make, watch_record);
	atomic_store(&has_key, pthread_key_create(&key, end_thread) == 0);
	/* A cache from before this constructor is the main thread's. */
	if (gcm_cache_self() != &gcm_cache_none)
		watch_thread(gcm_cache_self());
}
