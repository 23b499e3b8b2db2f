/* lives.c -- threads, plugins and processes that come and go
 *
 * MODEL   An address is handed to a thread as its argument, comes back as its
 *         value or dies with it in a destructor.  A plugin is closed with what
 *         it has, or without.  A child checks what never changes, which it
 *         has from us, and works for a while, with collections of its own.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <spawn.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "include/gcmalloc.h"
#include "tests/soak/soak.h"

enum {
	THREADS = 4,
	PLACES = 12 /* of a plugin: four of each kind */
};

/* Threads
 * ---------------------------------------------------------------------- */

static pthread_key_t freed_key, lost_key;
static pthread_once_t keys_once = PTHREAD_ONCE_INIT;
static __thread struct cell *volatile local;
static _Atomic unsigned ndetached;

static void
end_value(void *value)
{
	cell_free(value, "destructor of a key");
}

static void
make_keys(void)
{
	KIT_CHECK(pthread_key_create(&freed_key, end_value) == 0);
	KIT_CHECK(pthread_key_create(&lost_key, NULL) == 0);
}

static __attribute__((noinline)) void
set_keys(struct kit_rng *rng)
{
	struct cell *lost = cell_any(rng);

	pthread_setspecific(freed_key, cell_any(rng));
	pthread_setspecific(lost_key, lost);
	lost_note(LOST_KEY, lost, cell_bytes(lost));
	local = cell_any(rng);
}

/* Its argument's serial number is its seed. */
static void *
live_briefly(void *arg)
{
	struct cell *volatile given = arg;
	struct kit_rng rng = kit_rng_new(given->serial);

	set_keys(&rng);
	soak_nap(&rng, 3000);
	cell_check(given, "argument of a thread");
	cell_check(pthread_getspecific(freed_key), "key");
	cell_free(local, "thread's own");
	local = NULL;
	cell_free(given, "argument of a thread");
	return cell_any(&rng);
}

static void *
live_alone(void *arg)
{
	cell_free(live_briefly(arg), "detached thread");
	atomic_fetch_sub(&ndetached, 1);
	return NULL;
}

static __attribute__((noinline)) pthread_t
begin_life(struct kit_rng *rng, void *(*run)(void *))
{
	size_t stack = kit_below(rng, 2) == 0 ? (size_t)64 << 10 : 0;

	return kit_thread_small(run, cell_any(rng), stack);
}

static __attribute__((noinline)) void
end_life(pthread_t thread, struct kit_rng *rng)
{
	struct cell *value = kit_join(thread);

	if (kit_below(rng, 4) == 0)
		lost_note(LOST_VALUE, value, cell_bytes(value));
	else
		cell_free(value, "value of a thread");
}

static void
run_threads(struct kit_rng *rng)
{
	pthread_once(&keys_once, make_keys);
	while (soak_goes_on()) {
		pthread_t threads[THREADS];

		for (size_t i = 0; i < THREADS; i++)
			threads[i] = begin_life(rng, live_briefly);
		if (atomic_load(&ndetached) < 8) {
			atomic_fetch_add(&ndetached, 1);
			pthread_detach(begin_life(rng, live_alone));
		}
		soak_nap(rng, 5000); /* values wait */
		for (size_t i = 0; i < THREADS; i++)
			end_life(threads[i], rng);
		soak_did(&task_threads);
	}
	while (atomic_load(&ndetached) > 0)
		kit_sleep(0.001);
}
struct task task_threads = {"threads", run_threads, 1, 0};

/* Plugins
 * ---------------------------------------------------------------------- */

static __attribute__((noinline)) void
use_plugin(void *handle, struct kit_rng *rng)
{
	void (*keep)(unsigned, void *);
	void *(*take)(unsigned);

	*(void **)&keep = dlsym(handle, "plugin_keep");
	*(void **)&take = dlsym(handle, "plugin_take");
	KIT_CHECK(keep != NULL && take != NULL);
	for (unsigned i = 0; i < PLACES; i++)
		keep(i, cell_any(rng));
	for (size_t n = kit_below(rng, 4); n > 0; n--) {
		unsigned place = (unsigned)kit_below(rng, PLACES);

		soak_nap(rng, 8000);
		cell_free(take(place), "plugin");
		keep(place, cell_any(rng));
	}
	for (unsigned i = 0; i < PLACES; i++) {
		struct cell *cell = take(i);

		if (kit_below(rng, 16) != 0) {
			cell_free(cell, "end of plugin");
			continue;
		}
		keep(i, cell); /* closed with it */
		lost_note(LOST_PLUGIN, cell, cell_bytes(cell));
	}
}

static void
run_plugin(struct kit_rng *rng)
{
	char path[PATH_MAX];

	if (!kit_beside("plugin.so", path, sizeof(path)))
		KIT_FAIL("no plugin.so beside the program");
	while (soak_goes_on()) {
		void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

		if (handle == NULL)
			KIT_FAIL("dlopen");
		use_plugin(handle, rng);
		KIT_CHECK(dlclose(handle) == 0);
		soak_nap(rng, 2000);
		soak_did(&task_plugin);
	}
}
struct task task_plugin = {"plugin", run_plugin, 1, 0};

/* Processes
 * -------------------------------------------------------------------- */

static void *
work_in_child(void *arg)
{
	struct kit_rng rng = kit_rng_new((uintptr_t)arg + (uintptr_t)getpid());
	struct cell *tree = tree_new(&rng, 3, 5);

	for (size_t n = kit_below(&rng, 300); n > 0; n--) {
		tree_check(tree, "tree of a child");
		for (size_t i = 0; i < 40; i++)
			cell_any(&rng); /* lost at once */
		if (n % 4 == 0)
			soak_nap(&rng, 300);
	}
	tree_free(tree, "tree of a child");
	return NULL;
}

static void
be_child(struct cell *own)
{
	struct gcm_stats stats;
	pthread_t thread;

	serve_check_fixed();
	tree_check(own, "tree from the parent");
	thread = kit_thread(work_in_child, (void *)1);
	work_in_child(NULL);
	kit_join(thread);
	serve_check_fixed();
	tree_free(own, "tree from the parent");
	gcm_stats(&stats, sizeof(stats));
	if (stats.late_frees != 0)
		KIT_FAIL("late free in a child");
	/* Not exit: libc's own lock of exit handlers may have been taken by the
	 * thread that closes plugins.
	 */
	_exit(0);
}

static void
run_fork(struct kit_rng *rng)
{
	while (soak_goes_on()) {
		struct cell *own = tree_new(rng, 4, 4);
		pid_t pid = kit_fork();

		if (pid == 0)
			be_child(own);
		tree_free(own, "tree of the forking thread");
		kit_reap(pid);
		soak_nap(rng, 100000);
		soak_did(&task_fork);
	}
}
struct task task_fork = {"fork", run_fork, 1, 0};

static void
run_spawn(struct kit_rng *rng)
{
	while (soak_goes_on()) {
		char name[] = "true";
		char *argv[] = {name, NULL};
		pid_t pid;

		if (kit_below(rng, 2) == 0) {
			KIT_CHECK(posix_spawnp(&pid, name, NULL, NULL, argv,
				      environ) == 0);
		} else {
			pid = vfork();
			if (pid == 0) {
				execvp(name, argv);
				_exit(127);
			}
		}
		KIT_CHECK(pid > 0);
		kit_reap(pid);
		soak_nap(rng, 200000);
		soak_did(&task_spawn);
	}
}
struct task task_spawn = {"spawn", run_spawn, 1, 0};
