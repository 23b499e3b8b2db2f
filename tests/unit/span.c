/* unit/span.c -- carving, harvesting, hints, repair */
#include "unit.h"

#include "core/pageheap.h"
#include "core/span.h"

enum {
	OWNER = 77,
	MOST = GCM_SPAN_PAGES_MAX * GCM_PAGE_SIZE / GCM_GRANULE
};

static void *stack[MOST];
static void **const top = stack + MOST;

static void
begin(void)
{
	ck_assert(gcm_heap_enter());
}

static uint32_t
make_span(uint32_t class_id, uint32_t npages)
{
	uint32_t index = gcm_span_new(class_id, OWNER, npages, true);

	ck_assert_uint_ne(index, GCM_NO_PAGE);
	return index;
}

static uintptr_t
slot_addr(uint32_t index, uint32_t slot)
{
	return gcm_page_addr(index) +
	       (uintptr_t)slot *
		   gcm_classes[gcm_page_class(gcm_page(index))].size;
}

/* Every granule: a carved slot has `want` (or any state if that is 0), all
 * else is INTERIOR.  .inv.start
 */
static void
check_states(uint32_t index, uint8_t want)
{
	struct gcm_page *page = gcm_page(index);
	uint32_t next = 0;

	for (uintptr_t at = gcm_page_addr(index);
	     at < gcm_page_addr(index + page->n); at += GCM_GRANULE) {
		if (next < page->carved && at == slot_addr(index, next)) {
			UNIT_CHECK(gcm_slot_get(at) != GCM_INTERIOR);
			UNIT_CHECK(want == 0 || gcm_slot_get(at) == want);
			next++;
		} else {
			UNIT_CHECK(gcm_slot_get(at) == GCM_INTERIOR);
		}
	}
	UNIT_CHECK(next == page->carved);
}

static void
free_slot(uintptr_t addr)
{
	gcm_slot_set(addr, GCM_FREE);
	gcm_hint_set(addr);
}

/* As the old life of the pages may have left them. */
static void
soil_states(uint32_t index, uint32_t npages, uint64_t *state)
{
	for (uintptr_t at = gcm_page_addr(index);
	     at < gcm_page_addr(index + npages); at += GCM_GRANULE)
		gcm_slot_set(at, (uint8_t)rig_random(state));
}

START_TEST(a_new_span_is_bare)
{
	uint64_t state = rig_seed(1);

	begin();
	for (uint32_t i = 0; i < GCM_NCLASSES; i++) {
		uint32_t npages = gcm_classes[i].pages_min;
		uint32_t index = make_span(i, npages);

		for (uint32_t p = 0; p < npages; p++) {
			struct gcm_page *page = gcm_page(index + p);

			ck_assert_uint_eq(gcm_page_tag(page),
			    OWNER << GCM_TAG_OWNER_SHIFT | i);
			ck_assert_uint_eq(gcm_page_kind(page),
			    p == 0 ? GCM_KIND_SMALL : GCM_KIND_BODY);
			ck_assert_uint_eq(page->n, p == 0 ? npages : p);
			ck_assert_uint_eq(page->hints, 0);
		}
		check_states(index, 0);
		ck_assert(gcm_span_is_empty(index));
		ck_assert(gcm_span_may_be_empty(index));
		gcm_span_release(index);
		soil_states(index, npages, &state); /* for the next one */
	}
	unit_verify();
}
END_TEST

START_TEST(carving_gives_each_slot_once)
{
	uint32_t class_id = (uint32_t)_i, size, slots, got = 0;
	uint32_t index;

	begin();
	index = make_span(class_id, gcm_classes[class_id].pages_max);
	size = gcm_classes[class_id].size;
	slots = gcm_span_slots(gcm_page(index));
	ck_assert_uint_eq(slots, gcm_page(index)->n * GCM_PAGE_SIZE / size);
	while (got < slots) {
		uint32_t want = got % 7 + 1;
		uint32_t n = gcm_span_carve(index, top, want);

		UNIT_CHECK(n == (want < slots - got ? want : slots - got));
		for (uint32_t i = 0; i < n; i++)
			UNIT_CHECK(top[-1 - (int)i] ==
				   (void *)slot_addr(index, got + i));
		got += n;
		UNIT_CHECK(gcm_page(index)->carved == got);
		check_states(index, GCM_CACHED);
	}
	ck_assert_uint_eq(gcm_span_carve(index, top, 5), 0);
	ck_assert(slot_addr(index, slots) <=
		  gcm_page_addr(index + gcm_page(index)->n));
}
END_TEST

/* Free some slots, harvest in steps: all of them come, once, and no other. */
START_TEST(harvest_finds_what_was_freed)
{
	uint64_t state = rig_seed((uint64_t)_i + 1);
	uint32_t class_id = (uint32_t)_i, index, slots;
	bool freed[MOST] = {false};

	begin();
	index = make_span(class_id, gcm_classes[class_id].pages_max);
	slots = gcm_span_carve(index, top, MOST);
	ck_assert_uint_eq(gcm_span_harvest(index, top, MOST), 0);
	for (int round = 0; round < 20; round++) {
		uint32_t nfreed = 0, got = 0, n;

		for (uint32_t i = 0; i < slots; i++) {
			freed[i] = rig_chance(&state, 5 * (unsigned int)round);
			if (freed[i])
				free_slot(slot_addr(index, i));
			nfreed += freed[i];
		}
		do {
			n = gcm_span_harvest(
			    index, top, (uint32_t)rig_below(&state, 40) + 1);
			for (uint32_t i = 0; i < n; i++) {
				uintptr_t addr = (uintptr_t)top[-1 - (int)i];
				uint32_t slot = gcm_class_index(class_id,
				    (uint32_t)(addr - gcm_page_addr(index)));

				UNIT_CHECK(addr == slot_addr(index, slot));
				UNIT_CHECK(freed[slot]);
				UNIT_CHECK(gcm_slot_get(addr) == GCM_CACHED);
				freed[slot] = false;
			}
			got += n;
		} while (n > 0);
		UNIT_CHECK(got == nfreed);
		check_states(index, GCM_CACHED);
	}
}
END_TEST

START_TEST(harvest_leaves_a_hint_for_the_rest)
{
	uint32_t index;

	begin();
	index = make_span(1, 1);
	(void)gcm_span_carve(index, top, MOST);
	for (uint32_t i = 0; i < 512; i++)
		free_slot(slot_addr(index, i));
	for (uint32_t got = 0; got < 512; got++)
		UNIT_CHECK(gcm_span_harvest(index, top, 1) == 1);
	ck_assert_uint_eq(gcm_span_harvest(index, top, 1), 0);
	ck_assert_uint_eq(gcm_page(index)->hints, 0);
}
END_TEST

START_TEST(emptiness_is_exact)
{
	uint32_t class_id = (uint32_t)_i, index, slots;

	begin();
	index = make_span(class_id, gcm_classes[class_id].pages_max);
	slots = gcm_span_slots(gcm_page(index));
	for (uint32_t want = 1; want <= slots; want += want / 2 + 1) {
		(void)gcm_span_carve(
		    index, top, want - gcm_page(index)->carved);
		for (uint32_t i = 0; i < want; i++)
			free_slot(slot_addr(index, i));
		UNIT_CHECK(gcm_span_may_be_empty(index));
		UNIT_CHECK(gcm_span_is_empty(index));
		for (uint32_t i = 0; i < want; i += want / 5 + 1) {
			gcm_slot_set(slot_addr(index, i), GCM_ALLOC);
			UNIT_CHECK(!gcm_span_is_empty(index));
			gcm_slot_set(slot_addr(index, i), GCM_CACHED);
			UNIT_CHECK(!gcm_span_is_empty(index));
			gcm_slot_set(slot_addr(index, i), GCM_FREE);
		}
		gcm_slot_set(slot_addr(index, want - 1), GCM_SAMPLED);
		UNIT_CHECK(!gcm_span_is_empty(index));
		gcm_slot_set(slot_addr(index, want - 1), GCM_FREE);
	}
}
END_TEST

START_TEST(an_owner_is_on_every_page)
{
	uint32_t index;

	begin();
	index = make_span(20, 8);
	gcm_span_assign(index, GCM_OWNER_ORPHAN);
	for (uint32_t i = 0; i < 8; i++) {
		ck_assert_uint_eq(
		    gcm_page_owner(gcm_page(index + i)), GCM_OWNER_ORPHAN);
		ck_assert_uint_eq(gcm_page_class(gcm_page(index + i)), 20);
	}
	gcm_span_release(index);
	for (uint32_t i = 0; i < 8; i++)
		ck_assert_uint_eq(gcm_page_tag(gcm_page(index + i)), 0);
	unit_verify();
}
END_TEST

/* Lists: a ring against an array. */
START_TEST(lists_are_rings)
{
	struct gcm_span_list list = {0, 0};
	uint64_t state = rig_seed(1);
	uint32_t spans[50];
	bool in[50] = {false};
	uint32_t count = 0;

	begin();
	for (int i = 0; i < 50; i++)
		spans[i] = make_span(1, 1);
	for (int round = 0; round < 5000; round++) {
		unsigned int i = (unsigned int)rig_below(&state, 50), n = 0;
		uint32_t link;

		if (in[i])
			gcm_span_unlink(&list, spans[i]);
		else
			gcm_span_push(&list, spans[i]);
		in[i] = !in[i];
		count += in[i] ? 1 : (uint32_t)-1;
		UNIT_CHECK(list.count == count);
		UNIT_CHECK(!in[i] || list.head == spans[i] + 1);
		link = list.head;
		for (; n < count; n++, link = gcm_page(link - 1)->next)
			UNIT_CHECK(
			    gcm_page(gcm_page(link - 1)->next - 1)->prev ==
			    link);
		UNIT_CHECK(link == list.head);
		UNIT_CHECK((count == 0) == (link == 0));
	}
}
END_TEST

/* A span torn by a fork: any state anywhere but where the program has blocks,
 * any hints, any count of carved slots.  Its blocks stay, in limbo as well,
 * what is lost stays lost, all else is free.
 */
static uint8_t
choose_state(uint64_t *state, uint32_t slot)
{
	static const uint8_t torn[] = {GCM_INTERIOR, GCM_FREE, GCM_CACHED,
	    GCM_CACHED, GCM_LIMBO, GCM_LIMBO | 3, GCM_QUAR, GCM_QUAR | 1};

	if (rig_chance(state, 40))
		return (
		    uint8_t)((rig_chance(state, 10) ? GCM_SAMPLED : GCM_ALLOC) |
			     (slot & GCM_COLOUR));
	if (rig_chance(state, 2))
		return GCM_LOST;
	return torn[rig_below(state, RIG_COUNT(torn))];
}

static bool
is_kept(uint8_t slot)
{
	return (slot & (GCM_ALLOC | GCM_SAMPLED)) != 0 || slot == GCM_LOST ||
	       gcm_state_is_limbo(slot);
}

START_TEST(repair_keeps_blocks_only)
{
	uint64_t state = rig_seed((uint64_t)_i + 1);
	uint32_t class_id = (uint32_t)_i, index, slots, nkept = 0;
	uint8_t states[MOST];

	begin();
	index = make_span(class_id, gcm_classes[class_id].pages_max);
	slots = gcm_span_slots(gcm_page(index));
	soil_states(index, gcm_page(index)->n, &state);
	for (uint32_t i = 0; i < slots; i++) {
		states[i] = choose_state(&state, i);
		nkept += is_kept(states[i]);
		gcm_slot_set(slot_addr(index, i), states[i]);
	}
	for (uint32_t i = 0; i < gcm_page(index)->n; i++)
		gcm_page(index + i)->hints = rig_random(&state);
	gcm_page(index)->carved = (uint32_t)rig_below(&state, slots + 1);
	gcm_page(index)->flags |= GCM_PAGE_TORN;
	gcm_span_repair(index);
	ck_assert_uint_eq(gcm_page(index)->flags & GCM_PAGE_TORN, 0);
	check_states(index, 0);
	ck_assert_uint_eq(gcm_span_harvest(index, top, MOST), slots - nkept);
	for (uint32_t i = 0; i < slots; i++)
		UNIT_CHECK(gcm_slot_get(slot_addr(index, i)) ==
			   (is_kept(states[i]) ? states[i] : GCM_CACHED));
	ck_assert_uint_eq(gcm_span_carve(index, top, MOST), 0);
}
END_TEST

START_TEST(no_memory)
{
	begin();
	os_fake_fail(OS_MAP_AT, 0, UINT64_MAX, ENOMEM);
	while (gcm_span_new(1, OWNER, 16, true) != GCM_NO_PAGE)
		;
	ck_assert_uint_eq(gcm_span_new(1, OWNER, 16, true), GCM_NO_PAGE);
	gcm_lock_acquire(&gcm_pageheap.lock);
	gcm_pageheap_check_locked();
	ck_assert_uint_lt(gcm_pageheap.free_pages, 16);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, a_new_span_is_bare);
	tcase_add_loop_test(
	    tcase, carving_gives_each_slot_once, 0, GCM_NCLASSES);
	tcase_add_loop_test(
	    tcase, harvest_finds_what_was_freed, 0, GCM_NCLASSES);
	tcase_add_test(tcase, harvest_leaves_a_hint_for_the_rest);
	tcase_add_loop_test(tcase, emptiness_is_exact, 0, GCM_NCLASSES);
	tcase_add_test(tcase, an_owner_is_on_every_page);
	tcase_add_test(tcase, lists_are_rings);
	tcase_add_loop_test(tcase, repair_keeps_blocks_only, 0, GCM_NCLASSES);
	tcase_add_test(tcase, no_memory);
}

UNIT_MAIN("span", add_tests)
