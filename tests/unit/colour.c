/* unit/colour.c -- malloc against a collector that changes the colour
 *
 * The fast path reads the cache's colour, stores it in the slot's state, and
 * reads it again.  Here each of these reads is a place where the test may play
 * collector: GCM_PEEK is what the fast path reads with.
 */
#include "core/base.h"

static void peeked(const volatile void *where);

#undef GCM_PEEK
#define GCM_PEEK(atomic)                                                       \
	(__extension__({                                                       \
		__auto_type seen_ =                                            \
		    atomic_load_explicit(&(atomic), memory_order_relaxed);     \
		peeked(&(atomic));                                             \
		seen_;                                                         \
	}))

#include "unit.h"

enum {
	SIZE = 100,
	OLD = GCM_ALLOC | 1,
	NOW = GCM_ALLOC | 2
};

static void (*on_first)(uintptr_t slot); /* after the first read */
static void (*on_raced)(uintptr_t slot); /* after the second one */
static unsigned int npeeks;
static uintptr_t next_slot;

static void
peeked(const volatile void *where)
{
	if (where != &gcm_cache_self()->colour)
		return;
	npeeks++;
	if (npeeks == 1 && on_first != NULL)
		on_first(next_slot);
	if (npeeks == 2 && on_raced != NULL)
		on_raced(next_slot);
}

static void
begin_cycle(uintptr_t slot)
{
	(void)slot;
	atomic_store(&gcm_cache_none.colour, NOW);
	atomic_store(&gcm_cache_self()->colour, NOW);
}

static void
begin_four_cycles(uintptr_t slot)
{
	(void)slot;
	for (uint8_t i = 2; i <= 5; i++)
		gcm_cache_set_colour(GCM_ALLOC | (i & GCM_COLOUR));
}

static void
sweep_slot(uintptr_t slot)
{
	ck_assert_uint_eq(gcm_slot_get(slot), OLD);
	gcm_slot_set(slot, GCM_FREE);
	gcm_hint_set(slot);
}

static void
keep_slot_in_limbo(uintptr_t slot)
{
	ck_assert_uint_eq(gcm_slot_get(slot), OLD);
	gcm_slot_set(slot, GCM_LIMBO | 1);
}

static void
mark_slot(uintptr_t slot)
{
	gcm_slot_set(slot, NOW);
}

static unsigned int nslow;

static void *
alloc_slowly(size_t size)
{
	ck_assert_uint_eq(size, SIZE);
	nslow++;
	return gcm_heap_alloc(size);
}

/* A cache with a filled bin, in the old colour. */
static void
begin(void)
{
	ck_assert_ptr_nonnull(gcm_heap_alloc(SIZE));
	atomic_store(&gcm_cache_none.colour, OLD);
	atomic_store(&gcm_cache_self()->colour, OLD);
	next_slot = (uintptr_t)*gcm_cache_self()->top[gcm_class_of_size(SIZE)];
	ck_assert_uint_eq(gcm_slot_get(next_slot), GCM_CACHED);
}

static uintptr_t
alloc(void)
{
	npeeks = 0;
	return (uintptr_t)gcm_cache_alloc_hot(
	    gcm_cache_self(), gcm_class_of_size(SIZE), SIZE, alloc_slowly);
}

START_TEST(no_race)
{
	ck_assert_uint_eq(alloc(), next_slot);
	ck_assert_uint_eq(npeeks, 2);
	ck_assert_uint_eq(gcm_slot_get(next_slot), OLD);
	ck_assert_uint_eq(nslow, 0);
}
END_TEST

START_TEST(a_cycle_begins_between_read_and_store)
{
	uintptr_t got;

	on_first = begin_cycle;
	got = alloc();
	ck_assert_uint_eq(nslow, 1);
	ck_assert_uint_ne(got, next_slot); /* dropped, white */
	ck_assert_uint_eq(gcm_slot_get(next_slot), OLD);
	ck_assert_uint_eq(gcm_slot_get(got), NOW); /* .inv.colour */
	unit_verify();
}
END_TEST

/* Whatever the slot became meanwhile stays as it is. */
START_TEST(others_were_faster)
{
	static void (*const others[])(uintptr_t) = {
	    mark_slot, sweep_slot, keep_slot_in_limbo};
	static const uint8_t states[] = {NOW, GCM_FREE, GCM_LIMBO | 1};
	uintptr_t got;

	on_first = begin_cycle;
	on_raced = others[_i];
	got = alloc();
	ck_assert_uint_eq(nslow, 1);
	ck_assert_uint_ne(got, next_slot);
	ck_assert_uint_eq(gcm_slot_get(got), NOW);
	ck_assert_uint_eq(gcm_slot_get(next_slot), states[_i]);
	if (_i == 1)
		unit_verify();
}
END_TEST

/* Four cycles later the colour is the same, and the slot long free. */
START_TEST(a_thread_slept_through_four_cycles)
{
	uintptr_t got;

	on_first = begin_four_cycles;
	got = alloc();
	ck_assert_uint_eq(nslow, 1);
	ck_assert_uint_ne(got, next_slot);
}
END_TEST

START_TEST(new_caches_have_the_colour)
{
	uintptr_t slot;

	begin_cycle(0);
	gcm_cache_become(&gcm_cache_none);
	slot = (uintptr_t)gcm_heap_alloc(SIZE);
	ck_assert_uint_eq(gcm_slot_get(slot), NOW);
	ck_assert_uint_eq(gcm_cache_self()->colour, NOW);
	gcm_cache_detach(gcm_cache_self());
	slot = (uintptr_t)gcm_heap_alloc(SIZE); /* the shared one */
	ck_assert_uint_eq(gcm_slot_get(slot), NOW);
}
END_TEST

/* free knows every colour, and leaves none. */
START_TEST(frees_of_any_colour)
{
	for (uint8_t colour = 0; colour < 4; colour++) {
		uintptr_t slot = alloc();

		gcm_slot_set(slot, GCM_ALLOC | colour);
		ck_assert(gcm_cache_free_hot(gcm_cache_self(), (void *)slot));
		ck_assert_uint_eq(gcm_slot_get(slot), GCM_CACHED);
		slot = alloc();
		gcm_slot_set(slot, GCM_SAMPLED | colour);
		ck_assert(!gcm_cache_free_hot(gcm_cache_self(), (void *)slot));
	}
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_checked_fixture(tcase, begin, NULL);
	tcase_add_test(tcase, no_race);
	tcase_add_test(tcase, a_cycle_begins_between_read_and_store);
	tcase_add_loop_test(tcase, others_were_faster, 0, 3);
	tcase_add_test(tcase, a_thread_slept_through_four_cycles);
	tcase_add_test(tcase, new_caches_have_the_colour);
	tcase_add_test(tcase, frees_of_any_colour);
}

UNIT_MAIN("colour", add_tests)
