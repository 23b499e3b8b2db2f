/* ctl_value.c -- what the names of ctl.def are worth
 *
 * MODEL   Figures come from ctl_count.c.
 *
 *         There is one heap.  It is arena 0, and "all arenas" (4096, and the
 *         old way to say so, the number of arenas).  "arenas.create" gives
 *         out numbers, because programs refuse to run without (BIND); such an
 *         arena holds nothing, and destroying it frees nothing: what the
 *         program did not free by itself is garbage like any other.
 *
 *         Settings that only tune (background_thread, decay times) are taken
 *         and told again; free memory goes back by core/scavenge.c in any
 *         case.  Two have an effect: no background thread ends ours, a dirty
 *         decay of 0 releases at once.
 */
#include <errno.h>
#include <malloc.h>

#include "preload/ctl.h"

enum {
	ARENAS_ALL = 4096,
	ARENAS_DESTROYED = 4097,
	ARENAS_MAX = 4094, /* MALLOCX_ARENA has no room for more */
	DECAY_MS = 1000,   /* two looks of the scavenger */
	DECAY_UNSET = -2
};

static struct {
	_Atomic bool background;
	_Atomic int64_t dirty_ms, muzzy_ms;
} settings = {.dirty_ms = DECAY_UNSET};

static _Atomic uint64_t arena_map[ARENAS_ALL / 64]; /* bit: created */

#define LOAD(word) atomic_load_explicit(&(word), memory_order_relaxed)
#define SEEN(name) LOAD(gcm_ctl_figures.name)

bool
gcm_ctl_begin(void)
{
	return SEEN(epoch) != 0 ? gcm_heap_enter() : gcm_ctl_refresh(true);
}

/* Arenas ------------------------------------------------------------------- */

static uint64_t
arena_bit(size_t arena)
{
	return (uint64_t)1 << arena % 64;
}

static size_t
count_arenas(void)
{
	for (size_t i = ARENAS_ALL / 64; i-- > 0;) {
		uint64_t map = LOAD(arena_map[i]);

		if (map != 0)
			return i * 64 + 64 - (size_t)__builtin_clzll(map);
	}
	return 1;
}

uint32_t
gcm_ctl_create_arena(void)
{
	for (uint32_t i = 1; i <= ARENAS_MAX; i++)
		if ((LOAD(arena_map[i / 64]) & arena_bit(i)) == 0 &&
		    (atomic_fetch_or(&arena_map[i / 64], arena_bit(i)) &
			arena_bit(i)) == 0)
			return i;
	return 0;
}

static int
destroy_arena(size_t arena)
{
	uint64_t bit = arena_bit(arena);

	if (arena == 0 || arena > ARENAS_MAX ||
	    (atomic_fetch_and(&arena_map[arena / 64], ~bit) & bit) == 0)
		return EFAULT;
	return 0;
}

static bool
is_ours(size_t arena)
{
	return arena == 0 || arena == ARENAS_ALL || arena == count_arenas();
}

bool
gcm_ctl_has_arena(size_t arena)
{
	if (arena <= ARENAS_MAX &&
	    (LOAD(arena_map[arena / 64]) & arena_bit(arena)) != 0)
		return true;
	return arena == ARENAS_DESTROYED || is_ours(arena);
}

/* Values ------------------------------------------------------------------- */

static uint64_t
active_bytes(void)
{
	uint64_t used = SEEN(used), hollow = SEEN(hollow);

	return used > hollow ? used - hollow : 0;
}

/* The count of blocks may be older than that of pages. */
static uint64_t
allocated_bytes(void)
{
	uint64_t all = SEEN(allocated), most = active_bytes();

	return all < most ? all : most;
}

static uint64_t
metadata_bytes(void)
{
	return SEEN(meta) + SEEN(tables);
}

static uint64_t
resident_bytes(void)
{
	return active_bytes() + SEEN(dirty_pages) + metadata_bytes();
}

static uint64_t
retained_bytes(void)
{
	uint64_t all = SEEN(free_pages), dirty = SEEN(dirty_pages);

	return all > dirty ? all - dirty : 0;
}

static uint64_t
small_bytes(void)
{
	uint64_t all = allocated_bytes(), large = SEEN(large);

	return all > large ? all - large : 0;
}

/* Spans of a class differ in length: told in units of the shortest. */
static uint64_t
bytes_of_bin(size_t bin)
{
	return (uint64_t)gcm_classes[bin].pages_min << GCM_PAGE_SHIFT;
}

static uint64_t
slots_of_bin(size_t bin)
{
	return bytes_of_bin(bin) / gcm_classes[bin].size;
}

static uint64_t
slabs_of_bin(size_t bin)
{
	return SEEN(pages[bin]) / gcm_classes[bin].pages_min;
}

/* Any number of pages is a size; named are four a doubling. */
static uint64_t
size_of_large(size_t large)
{
	return (uint64_t)(5 + large % 4) << (GCM_PAGE_SHIFT + large / 4);
}

static int64_t
default_decay_ms(void)
{
	return gcm_options.SCAVENGE != 0 ? -1 : DECAY_MS;
}

static int64_t
dirty_decay_ms(void)
{
	int64_t set = LOAD(settings.dirty_ms);

	return set != DECAY_UNSET ? set : default_decay_ms();
}

#define PAGE GCM_PAGE_SIZE
#define OURS(value) (is_ours(index[2]) ? (uint64_t)(value) : 0)
#define WORD_BOOL(value) (value)
#define WORD_UINT32(value) (value)
#define WORD_UINT64(value) (value)
#define WORD_SIZE(value) (value)
#define WORD_SSIZE(value) ((uint64_t)(value))
#define WORD_STRING(value) ((uintptr_t)(value))

uint64_t
gcm_ctl_read(enum gcm_ctl_key key, const size_t *index)
{
	switch (key) {
#define READ(id, name, type, value)                                            \
	case GCM_CTL_##id:                                                     \
		return WORD_##type(value);
#define SET(id, name, type, value) READ(id, name, type, value)
#define ACT(id, name) case GCM_CTL_##id:
#include "preload/ctl.def"
#undef READ
#undef SET
#undef ACT
	case GCM_CTL_NKEYS:
		break;
	}
	return 0;
}

/* Writing and doing -------------------------------------------------------- */

static int
store_decay(_Atomic int64_t *setting, int64_t ms)
{
	if (ms < -1)
		return EFAULT;
	atomic_store(setting, ms);
	if (setting == &settings.dirty_ms && ms == 0)
		(void)malloc_trim(0);
	return 0;
}

int
gcm_ctl_store(enum gcm_ctl_key key, uint64_t value)
{
	switch ((unsigned int)key) {
	case GCM_CTL_EPOCH:
		return gcm_ctl_refresh(false) ? 0 : EAGAIN;
	case GCM_CTL_BACKGROUND:
		atomic_store(&settings.background, value != 0);
		if (value == 0)
			(void)gcm_scavenge_stop();
		return 0;
	case GCM_CTL_T_ARENA:
		return gcm_ctl_has_arena(value) ? 0 : EFAULT;
	case GCM_CTL_T_TCACHE:
		if (value == 0)
			gcm_cache_flush_all(gcm_cache_self());
		return 0;
	case GCM_CTL_A_DIRTY:
	case GCM_CTL_N_DIRTY:
		return store_decay(&settings.dirty_ms, (int64_t)value);
	default:
		return store_decay(&settings.muzzy_ms, (int64_t)value);
	}
}

int
gcm_ctl_act(enum gcm_ctl_key key, const size_t *index)
{
	switch ((unsigned int)key) {
	case GCM_CTL_A_DESTROY:
		return destroy_arena(index[1]);
	case GCM_CTL_A_DECAY:
	case GCM_CTL_A_PURGE:
		if (is_ours(index[1]))
			(void)malloc_trim(0);
		return 0;
	default: /* the thread's cache */
		gcm_cache_flush_all(gcm_cache_self());
		return 0;
	}
}
