/* unit/own.c -- memory of ours in its window */
#define _GNU_SOURCE
#include "unit.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/table.h"

enum {
	GRANULE = 64 << 10,
	BLOCKS = 64,
	ROUNDS = 4000,
	NTHREADS = 4,
	EACH = 200
};

static struct block {
	uintptr_t lo;
	size_t len;
} blocks[BLOCKS];

static void
begin(void)
{
	ck_assert_int_eq(gcm_table_init(), 0);
}

static bool
has(uintptr_t addr)
{
	uintptr_t end;

	return gcm_own_has(addr, &end);
}

static bool
in_window(const void *addr)
{
	return (uintptr_t)addr < gcm_zone.lo &&
	       (uintptr_t)addr >= gcm_zone.lo - GCM_OWN_WINDOW;
}

START_TEST(before_there_is_a_zone)
{
	char *addr = gcm_own_map(100), *second;
	uintptr_t end;

	ck_assert_ptr_nonnull(addr);
	ck_assert(rig_is_zero(addr, GRANULE));
	ck_assert(gcm_own_has((uintptr_t)addr, &end));
	ck_assert_uint_eq(end, (uintptr_t)addr + GRANULE);
	ck_assert(!gcm_own_has((uintptr_t)addr - 1, &end));
	ck_assert_uint_eq(end, (uintptr_t)addr);
	ck_assert(!has((uintptr_t)addr + GRANULE));
	ck_assert_ptr_null(gcm_own_map_shared(100));
	begin();
	second = gcm_own_map(100);
	ck_assert(in_window(second));
	ck_assert(has((uintptr_t)addr));
	ck_assert(has((uintptr_t)second));
	gcm_own_unmap(addr, 100);
	ck_assert(!has((uintptr_t)addr));
	ck_assert(!os_fake_range_has((uintptr_t)addr, (uintptr_t)addr + 4096));
}
END_TEST

START_TEST(strays_are_so_many)
{
	int n = 0;

	while (gcm_own_map(1) != NULL)
		n++;
	ck_assert_int_eq(n, 256);
	ck_assert_uint_eq(os_fake_mapped(), 256 * GRANULE);
}
END_TEST

START_TEST(tables_and_image)
{
	uintptr_t lo, hi, end;
	char image[16 << 10];

	begin();
	for (unsigned int i = 0; i < 3; i++) {
		ck_assert(gcm_table_at(i, &lo, &hi));
		ck_assert(lo < hi && os_fake_range_has(lo, hi));
		ck_assert(gcm_own_has(lo, &end) && end == hi);
		ck_assert(has(hi - 1) && !has(hi));
		ck_assert(!gcm_own_has(lo - 1, &end) && end == lo);
	}
	ck_assert(!gcm_table_at(3, &lo, &hi));
	ck_assert(!has(gcm_zone.lo));
	lo = gcm_round_up((uintptr_t)image, 4096);
	ck_assert(!has(lo));
	os_fake.image_lo = lo;
	os_fake.image_hi = lo + 8192;
	ck_assert(gcm_own_has(lo + 4096, &end) && end == lo + 8192);
	ck_assert(!has(lo - 1) && !has(lo + 8192));
}
END_TEST

static void
check_block(const struct block *block, bool ours)
{
	UNIT_CHECK(has(block->lo) == ours);
	UNIT_CHECK(has(block->lo + block->len - 1) == ours);
}

/* From 0 up: what is said to be ours is as much as there is. */
static void
check_sum(size_t len)
{
	uintptr_t at = 0, end;
	size_t sum = 0, tables = gcm_table_mapped();

	while (at != UINTPTR_MAX) {
		if (gcm_own_has(at, &end))
			sum += end - at;
		UNIT_CHECK(end > at);
		at = end;
	}
	UNIT_CHECK(sum == len + tables);
}

START_TEST(like_a_shadow)
{
	uint64_t state = rig_seed(1);
	size_t len = 0;

	begin();
	for (int i = 0; i < ROUNDS; i++) {
		struct block *block = &blocks[rig_below(&state, BLOCKS)];
		size_t want = rig_below(&state, 40) * 16384 + 1;
		void *got;

		if (block->lo != 0) {
			check_block(block, true);
			gcm_own_unmap((void *)block->lo, block->len);
			check_block(block, false);
			len -= block->len;
			block->lo = 0;
			continue;
		}
		got = rig_chance(&state, 50) ? gcm_own_map(want)
					     : gcm_own_map_sparse(want);
		UNIT_CHECK(got != NULL && in_window(got));
		UNIT_CHECK((uintptr_t)got % GRANULE == 0);
		block->lo = (uintptr_t)got;
		block->len = gcm_round_up(want, GRANULE);
		UNIT_CHECK(
		    os_fake_range_has(block->lo, block->lo + block->len));
		*(char *)got = 1;
		len += block->len;
		check_block(block, true);
		if (i % 16 == 0)
			check_sum(len);
	}
}
END_TEST

/* Each is a fifteenth of the window: round and round. */
START_TEST(the_window_is_used_again)
{
	size_t len = gcm_round_down(
	    (GCM_OWN_WINDOW - ((uintptr_t)1 << 30)) / 15, GRANULE);
	char *kept;

	begin();
	kept = gcm_own_map(GRANULE);
	*kept = 7;
	for (int i = 0; i < 100; i++) {
		char *got = gcm_own_map_sparse(len);

		ck_assert(got != NULL && in_window(got));
		ck_assert(got + len <= kept || got > kept);
		ck_assert((uintptr_t)got + len <= gcm_zone.lo - (1 << 30));
		ck_assert(has((uintptr_t)kept));
		*got = 1;
		gcm_own_unmap(got, len);
	}
	ck_assert_int_eq(*kept, 7);
	ck_assert_ptr_null(gcm_own_map_sparse(GCM_OWN_WINDOW));
	ck_assert_ptr_null(gcm_own_map_sparse(SIZE_MAX));
	ck_assert_ptr_null(gcm_own_map(0));
}
END_TEST

START_TEST(what_is_in_the_way_stays_a_root)
{
	char *first, *alien, *next;

	begin();
	first = gcm_own_map(GRANULE);
	alien = mmap(first + GRANULE, 16 * GRANULE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
	ck_assert_ptr_eq(alien, first + GRANULE);
	for (int i = 0; i < 10; i++) {
		next = gcm_own_map(2 * GRANULE);
		ck_assert(in_window(next));
		ck_assert(next >= alien + 16 * GRANULE);
	}
	ck_assert(has((uintptr_t)first));
	ck_assert(!has((uintptr_t)alien));
	ck_assert(!has((uintptr_t)alien + 16 * GRANULE - 1));
	ck_assert_int_eq(*alien, 0);
}
END_TEST

START_TEST(a_full_window)
{
	char *alien, *got;

	begin();
	alien = mmap((void *)(gcm_zone.lo - GCM_OWN_WINDOW), GCM_OWN_WINDOW,
	    PROT_NONE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE,
	    -1, 0);
	ck_assert_ptr_ne(alien, MAP_FAILED);
	got = gcm_own_map(1);
	ck_assert_ptr_nonnull(got);
	ck_assert(!in_window(got));
	ck_assert(has((uintptr_t)got) && !has((uintptr_t)alien));
	ck_assert_ptr_null(gcm_own_map_shared(1));
	gcm_own_unmap(got, 1);
	ck_assert(!has((uintptr_t)got));
}
END_TEST

START_TEST(no_memory)
{
	begin();
	os_fake_fail(OS_MAP, 0, 1, ENOMEM);
	ck_assert_ptr_null(gcm_own_map(1));
	ck_assert_ptr_nonnull(gcm_own_map(1));
	os_fake_fail(OS_MAP_AT, 0, 1, ENOMEM);
	ck_assert_ptr_null(gcm_own_map_sparse(1));
}
END_TEST

START_TEST(shared_with_children)
{
	_Atomic int *shared, *plain;
	pid_t child;

	begin();
	shared = gcm_own_map_shared(sizeof(*shared));
	plain = gcm_own_map(sizeof(*plain));
	child = fork();
	if (child == 0) {
		atomic_store(shared, 1);
		atomic_store(plain, 1);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_int_eq(atomic_load(shared), 1);
	ck_assert_int_eq(atomic_load(plain), 0);
}
END_TEST

static void *
map_some(void *arg)
{
	uint64_t state = rig_seed(1) + (uintptr_t)arg;
	char *held[8] = {NULL};

	for (int i = 0; i < EACH; i++) {
		uint64_t slot = rig_below(&state, 8);

		if (held[slot] != NULL) {
			UNIT_CHECK(held[slot][5] == (char)(uintptr_t)arg);
			UNIT_CHECK(has((uintptr_t)held[slot]));
			gcm_own_unmap(held[slot], GRANULE);
		}
		held[slot] = gcm_own_map(GRANULE);
		UNIT_CHECK(held[slot] != NULL && held[slot][5] == 0);
		held[slot][5] = (char)(uintptr_t)arg;
	}
	return NULL;
}

START_TEST(from_many_threads)
{
	pthread_t threads[NTHREADS];

	begin();
	for (uintptr_t i = 0; i < NTHREADS; i++)
		pthread_create(&threads[i], NULL, map_some, (void *)(i + 1));
	for (int i = 0; i < NTHREADS; i++)
		pthread_join(threads[i], NULL);
	check_sum(NTHREADS * 8 * GRANULE);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, before_there_is_a_zone);
	tcase_add_test(tcase, strays_are_so_many);
	tcase_add_test(tcase, tables_and_image);
	tcase_add_test(tcase, like_a_shadow);
	tcase_add_test(tcase, the_window_is_used_again);
	tcase_add_test(tcase, what_is_in_the_way_stays_a_root);
	tcase_add_test(tcase, a_full_window);
	tcase_add_test(tcase, no_memory);
	tcase_add_test(tcase, shared_with_children);
	tcase_add_test(tcase, from_many_threads);
}

UNIT_MAIN("own", add_tests)
