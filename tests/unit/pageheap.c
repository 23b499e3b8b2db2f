/* unit/pageheap.c -- free runs of pages against a shadow map
 *
 * The shadow says of each page who has it, and whether the test ever wrote to
 * it.  From it follows what best fit by size, then address, must choose.
 */
#include "unit.h"

#include "core/pageheap.h"

enum {
	NPAGES = 1 << 15,
	NSPANS = 200,
	STEPS = 4000
};

static struct {
	uint16_t owner[NPAGES]; /* 0: free, else span number + 1 */
	bool dirty[NPAGES];     /* ever written to since it was zero */
	uint32_t first[NSPANS], n[NSPANS];
} shadow;

static void
begin(void)
{
	ck_assert(gcm_heap_enter());
	gcm_lock_acquire(&gcm_pageheap.lock);
	gcm_pageheap_check_locked();
}

static uint32_t
run_length(uint32_t first)
{
	uint32_t n = 0;

	while (first + n < gcm_zone_pages() && shadow.owner[first + n] == 0)
		n++;
	return n;
}

/* Where a request must go, by the rule; GCM_NO_PAGE: nothing fits. */
static uint32_t
expect_fit(uint32_t npages, uint32_t align)
{
	uint32_t best = GCM_NO_PAGE, best_n = UINT32_MAX;

	for (uint32_t i = 0; i < gcm_zone_pages();) {
		uint32_t n = run_length(i);

		if (n >= npages + align - 1 && n < best_n) {
			best = i;
			best_n = n;
		}
		i += n > 0 ? n : 1;
	}
	while (best != GCM_NO_PAGE &&
	       (gcm_page_addr(best) >> GCM_PAGE_SHIFT) % align != 0)
		best++;
	return best;
}

static bool
reads_zero(uint32_t first, uint32_t n)
{
	return rig_is_zero(
	    (void *)gcm_page_addr(first), (size_t)n << GCM_PAGE_SHIFT);
}

/* Pages have come to us: records say nothing, clean means zero. */
static void
own_pages(unsigned int span, uint32_t first, uint32_t n, bool clean)
{
	bool dirty = false;

	for (uint32_t i = first; i < first + n; i++) {
		UNIT_CHECK(shadow.owner[i] == 0);
		UNIT_CHECK(gcm_page_tag(gcm_page(i)) == 0);
		UNIT_CHECK(gcm_page_kind(gcm_page(i)) != GCM_KIND_SMALL);
		UNIT_CHECK(gcm_page_kind(gcm_page(i)) != GCM_KIND_LARGE);
		UNIT_CHECK(gcm_page_kind(gcm_page(i)) != GCM_KIND_RUN);
		shadow.owner[i] = (uint16_t)(span + 1);
		dirty = dirty || shadow.dirty[i];
	}
	UNIT_CHECK(!clean || reads_zero(first, n));
	UNIT_CHECK(clean || dirty); /* nothing is forgotten either */
}

static void
commit_span(unsigned int span, uint32_t first, uint32_t n)
{
	struct gcm_page *page = gcm_page(first);

	page->n = n;
	atomic_store(&page->kind, GCM_KIND_LARGE);
	shadow.first[span] = first;
	shadow.n[span] = n;
}

static void
take_span(uint64_t *state, unsigned int span)
{
	uint32_t n = (uint32_t)rig_size(state, 9) / 8 + 1;
	uint32_t align = rig_chance(state, 20) ? 1u << rig_below(state, 7) : 1;
	uint32_t expected = expect_fit(n, align), total = gcm_zone_pages();
	bool grow = rig_chance(state, 50), clean;
	uint32_t first = gcm_pageheap_take_locked(n, align, grow, &clean);

	if (expected != GCM_NO_PAGE) {
		UNIT_CHECK(first == expected);
		UNIT_CHECK(gcm_zone_pages() == total);
	} else if (!grow) {
		UNIT_CHECK(first == GCM_NO_PAGE);
		return;
	} else {
		UNIT_CHECK(gcm_zone_pages() > total);
		UNIT_CHECK(first == expect_fit(n, align));
	}
	own_pages(span, first, n, clean);
	commit_span(span, first, n);
}

static void
give_span(unsigned int span, uint32_t keep)
{
	uint32_t first = shadow.first[span] + keep, n = shadow.n[span] - keep;
	bool dirty = false;

	for (uint32_t i = first; i < first + n; i++) {
		shadow.owner[i] = 0;
		dirty = dirty || shadow.dirty[i];
	}
	if (keep > 0)
		gcm_page(shadow.first[span])->n = keep;
	shadow.n[span] = keep;
	gcm_pageheap_give_locked(first, n, !dirty);
	/* Pages that were given with a dirty one are not known any more. */
	for (uint32_t i = first; dirty && i < first + n; i++)
		shadow.dirty[i] = true;
}

static void
extend_span(uint64_t *state, unsigned int span)
{
	uint32_t first = shadow.first[span], n = shadow.n[span];
	uint32_t want = n + (uint32_t)rig_size(state, 6) / 8 + 1;
	uint32_t room = run_length(first + n);
	bool at_end = first + n + room == gcm_zone_pages(), clean;

	if (!gcm_pageheap_extend_locked(first, n, want, &clean)) {
		UNIT_CHECK(room < want - n && !at_end);
		return;
	}
	UNIT_CHECK(room >= want - n || at_end);
	own_pages(span, first + n, want - n, clean);
	commit_span(span, first, want);
}

static void
write_pages(uint64_t *state, unsigned int span)
{
	uint32_t i =
	    shadow.first[span] + (uint32_t)rig_below(state, shadow.n[span]);

	((char *)gcm_page_addr(i))[rig_below(state, GCM_PAGE_SIZE)] = 1;
	shadow.dirty[i] = true;
}

/* The clean table against the memory itself. */
static void
check_clean(void)
{
	for (uint32_t i = 0; i < gcm_zone_pages(); i++)
		if (shadow.owner[i] == 0 &&
		    gcm_bits_count_locked(GCM_CLEAN, gcm_page_addr(i),
			gcm_page_addr(i + 1)) == 1) {
			UNIT_CHECK(reads_zero(i, 1));
			shadow.dirty[i] = false; /* released */
		}
}

static void
release_pages(uint64_t *state)
{
	uint32_t dirty = gcm_pageheap.dirty;
	uint32_t asked = (uint32_t)rig_size(state, 12);
	uint32_t released = gcm_pageheap_release_locked(asked);

	UNIT_CHECK(gcm_pageheap.dirty == dirty - released);
	UNIT_CHECK(gcm_pageheap.dirty_low <= gcm_pageheap.dirty);
	if (os_fake.page_size <= GCM_PAGE_SIZE)
		UNIT_CHECK(released >= (asked < dirty ? asked : dirty));
	check_clean();
}

static void
step(uint64_t *state)
{
	unsigned int span = (unsigned int)rig_below(state, NSPANS);
	uint64_t what = rig_below(state, 100);

	if (what < 2)
		release_pages(state);
	else if (shadow.n[span] == 0)
		take_span(state, span);
	else if (what < 25)
		extend_span(state, span);
	else if (what < 50)
		write_pages(state, span);
	else if (what < 60)
		give_span(span, (uint32_t)rig_below(state, shadow.n[span]));
	else
		give_span(span, 0);
	gcm_pageheap_check_locked();
}

START_TEST(random_steps)
{
	uint64_t state = rig_seed((uint64_t)_i + 1);

	os_fake.page_size = _i % 2 == 0 ? 4096 : 65536;
	begin();
	for (int i = 0; i < STEPS && gcm_zone_pages() < NPAGES - 8192; i++)
		step(&state);
	for (unsigned int i = 0; i < NSPANS; i++)
		if (shadow.n[i] != 0)
			give_span(i, 0);
	gcm_pageheap_check_locked();
	ck_assert_uint_eq(gcm_page(0)->n, gcm_zone_pages()); /* one run */
	ck_assert_uint_eq(gcm_pageheap.used, 0);
	while (gcm_pageheap_release_locked(NPAGES) > 0)
		;
	ck_assert_uint_eq(gcm_pageheap.dirty, 0);
	check_clean();
}
END_TEST

/* Five spans in a row; gives those named in any order. */
static uint32_t
make_row(void)
{
	uint32_t first = 0;
	bool clean;

	for (unsigned int i = 0; i < 5; i++) {
		uint32_t at = gcm_pageheap_take_locked(i + 1, 1, true, &clean);

		if (i == 0)
			first = at;
		own_pages(i, at, i + 1, clean);
		commit_span(i, at, i + 1);
	}
	return first;
}

START_TEST(neighbours_join)
{
	static const unsigned char orders[][3] = {
	    {1, 2, 3}, {1, 3, 2}, {2, 1, 3}, {2, 3, 1}, {3, 1, 2}, {3, 2, 1}};
	uint32_t first;

	begin();
	first = make_row();
	for (unsigned int i = 0; i < 3; i++) {
		give_span(orders[_i][i], 0);
		gcm_pageheap_check_locked();
	}
	ck_assert_uint_eq(gcm_page_kind(gcm_page(first + 1)), GCM_KIND_RUN);
	ck_assert_uint_eq(gcm_page(first + 1)->n, 2 + 3 + 4);
	give_span(0, 0);
	give_span(4, 0);
	gcm_pageheap_check_locked();
	ck_assert_uint_eq(gcm_page(0)->n, gcm_zone_pages());
}
END_TEST

START_TEST(clean_pages_stay_known)
{
	uint32_t first, again;
	bool clean;

	begin();
	first = gcm_pageheap_take_locked(8, 1, true, &clean);
	ck_assert(clean);
	gcm_pageheap_give_locked(first, 8, true);
	again = gcm_pageheap_take_locked(8, 1, true, &clean);
	ck_assert_uint_eq(again, first);
	ck_assert(clean);
	gcm_pageheap_give_locked(first, 8, false);
	ck_assert_uint_eq(gcm_pageheap.dirty, 8);
	(void)gcm_pageheap_take_locked(4, 1, true, &clean);
	ck_assert(!clean);
	(void)gcm_pageheap_take_locked(8, 1, true, &clean); /* half of them */
	ck_assert(!clean);
	(void)gcm_pageheap_take_locked(4, 1, true, &clean);
	ck_assert(clean);
}
END_TEST

START_TEST(a_failed_release_is_no_release)
{
	uint32_t first;
	bool clean;

	begin();
	first = gcm_pageheap_take_locked(8, 1, true, &clean);
	memset((void *)gcm_page_addr(first), 1, 8 * GCM_PAGE_SIZE);
	gcm_pageheap_give_locked(first, 8, false);
	os_fake_fail(OS_RELEASE, 0, UINT64_MAX, EINVAL);
	ck_assert_uint_eq(gcm_pageheap_release_locked(100), 0);
	ck_assert_uint_eq(gcm_pageheap.dirty, 8);
	gcm_pageheap_check_locked();
	ck_assert(!reads_zero(first, 1));
	os_fake_fail(OS_RELEASE, 0, 0, 0);
	ck_assert_uint_eq(gcm_pageheap_release_locked(100), 8);
	ck_assert(reads_zero(first, 8));
}
END_TEST

START_TEST(the_check_sees_faults)
{
	struct gcm_page *run;

	begin();
	make_row();
	give_span(1, 0);
	give_span(3, 0);
	run = gcm_page(shadow.first[1]);
	switch (_i) {
	case 0:
		run->n = 1;
		break;
	case 1:
		gcm_pageheap.root = 0;
		break;
	case 2:
		gcm_pageheap.free_pages++;
		break;
	case 3:
		gcm_pageheap.dirty++;
		break;
	case 4:
		gcm_pageheap.used--;
		break;
	case 5:
		atomic_store(&run[run->n - 1].kind, GCM_KIND_NONE);
		break;
	default:
		gcm_bits_mark_locked(GCM_CLEAN, gcm_page_addr(shadow.first[3]),
		    gcm_page_addr(shadow.first[3] + 1), false);
		break;
	}
	UNIT_DIES(gcm_pageheap_check_locked(), "internal error: ");
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, random_steps, 0, 6);
	tcase_add_loop_test(tcase, neighbours_join, 0, 6);
	tcase_add_test(tcase, clean_pages_stay_known);
	tcase_add_test(tcase, a_failed_release_is_no_release);
	tcase_add_loop_test(tcase, the_check_sees_faults, 0, 7);
}

UNIT_MAIN("pageheap", add_tests)
