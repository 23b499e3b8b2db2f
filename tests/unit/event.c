/* unit/event.c -- notes in memory, and how they reach the file
 *
 * RED     With the CAS of put_back made a plain store "nested" lost the record
 *         of the handler.  Without the generation in a buffer's word "fork
 *         inside a note" found two owners of a buffer.  With full counted in
 *         take_fresh only, "scarce" wrote nothing.
 */
#define _GNU_SOURCE
#include "unit.h"

#include <stdio.h>

#include "core/event.h"
#include "core/event_state.h"
#include "core/option.h"
#include "core/pageheap.h"

enum {
	HEAD = sizeof(struct gcm_batch),
	ROUNDS = 100000
};

/* What the file has: batches, records by event, errors in its form. */
struct found {
	unsigned int tables, batches, records[GCM_EVENTS];
	uint64_t lost, last_number;
};

static void
read_records(struct found *found, const unsigned char *at, size_t len)
{
	uint64_t word;

	for (; len >= 16; len -= (word >> 8 & 255) * 8) {
		memcpy(&word, at, 8);
		if (word == 0)
			return;
		ck_assert_uint_lt(word & 255, GCM_EVENTS);
		ck_assert_uint_ge(word >> 8 & 255, 2);
		ck_assert_uint_le((word >> 8 & 255) * 8, len);
		found->records[word & 255]++;
		at += (word >> 8 & 255) * 8;
	}
	ck_assert_uint_eq(len, 0);
}

static void
read_bytes(struct found *found, const unsigned char *at, size_t len)
{
	while (len > 0) {
		struct gcm_batch batch;

		ck_assert_uint_ge(len, HEAD);
		memcpy(&batch, at, HEAD);
		ck_assert_uint_eq(batch.magic, GCM_BATCH_MAGIC);
		ck_assert_uint_le(batch.bytes, len);
		ck_assert_uint_eq(batch.bytes % 8, 0);
		ck_assert_uint_eq(batch.pid, (uint32_t)os_fake.pid);
		if (batch.kind == GCM_BATCH_TABLE) {
			found->tables++;
		} else {
			ck_assert_uint_eq(batch.kind, GCM_BATCH_EVENTS);
			found->batches += batch.number != 0;
			if (batch.number > found->last_number)
				found->last_number = batch.number;
			if (batch.lost > found->lost)
				found->lost = batch.lost;
			read_records(found, at + HEAD, batch.bytes - HEAD);
		}
		at += batch.bytes;
		len -= batch.bytes;
	}
}

static void
read_trace(struct found *found)
{
	size_t len;
	const unsigned char *bytes = os_fake_trace(&len);

	memset(found, 0, sizeof(*found));
	read_bytes(found, bytes, len);
}

static void
begin(int64_t flight)
{
	os_fake.tid = os_fake.pid;
	gcm_options.TRACE = "trace.%p";
	gcm_options.flight = flight;
	gcm_event_begin();
	ck_assert(gcm_event_is_on());
}

START_TEST(off)
{
	GCM_NOTE(assist, 1);
	gcm_event_thread("x");
	gcm_event_end();
	ck_assert_int_eq(gcm_event_flush(true), 0);
	ck_assert_int_eq(gcm_event_keep(".dump"), -ENOENT);
	ck_assert_uint_eq(os_fake_count(OS_ANY), 0);
	gcm_event_begin();
	ck_assert(!gcm_event_is_on());
	ck_assert_uint_eq(os_fake_count(OS_ANY), 0);
}
END_TEST

START_TEST(whole)
{
	struct found found;

	begin(0);
	ck_assert_str_eq(os_fake_trace_path(), "/fake/trace.4711");
	read_trace(&found);
	ck_assert_uint_eq(found.tables, 1);
	for (uint64_t i = 0; i < ROUNDS; i++)
		GCM_NOTE(assist, i);
	gcm_event_end();
	read_trace(&found);
	ck_assert_uint_eq(found.tables, 1);
	ck_assert_uint_eq(found.records[GCM_EVENT_assist], ROUNDS);
	ck_assert_uint_eq(found.records[GCM_EVENT_process_begin], 1);
	ck_assert_uint_eq(found.records[GCM_EVENT_process_end], 1);
	ck_assert_uint_eq(found.lost, 0);
	ck_assert_uint_eq(found.last_number, found.batches);
}
END_TEST

/* Two threads with places of their own: both in the file after a flush. */
START_TEST(stolen)
{
	struct found found;

	begin(0);
	for (int i = 0; i < 100; i++) {
		os_fake.tid = 5000 + i;
		GCM_NOTE(fork, (uint64_t)i);
	}
	ck_assert_int_eq(gcm_event_flush(false), 0);
	read_trace(&found);
	ck_assert_uint_eq(found.batches, 0);
	ck_assert_int_eq(gcm_event_flush(true), 0);
	read_trace(&found);
	ck_assert_uint_eq(found.records[GCM_EVENT_fork], 100);
}
END_TEST

/* A file that cannot be written ends it, with a line. */
START_TEST(unwritable)
{
	os_fake_fail(OS_APPEND, 0, UINT64_MAX, EACCES);
	gcm_report_note();
	gcm_options.TRACE = "/no/where";
	gcm_event_begin();
	ck_assert(!gcm_event_is_on());
	ck_assert_str_eq(os_fake_stderr(),
	    "gcmalloc: the execution trace cannot be written, error 13: "
	    "/no/where\n");
	GCM_NOTE(assist, 1);
	gcm_event_end();
}
END_TEST

START_TEST(full_disk)
{
	begin(0);
	gcm_report_note();
	os_fake_fail(OS_APPEND, 0, UINT64_MAX, ENOSPC);
	for (uint64_t i = 0; i < ROUNDS; i++)
		GCM_NOTE(assist, i);
	ck_assert(!gcm_event_is_on());
	ck_assert_ptr_nonnull(strstr(os_fake_stderr(), "error 28"));
	ck_assert_uint_eq(os_fake_count(OS_APPEND), 2);
}
END_TEST

/* No descriptor is free for a while: events wait, then are lost and counted,
 * and it goes on.
 */
START_TEST(scarce)
{
	struct found found;
	unsigned int sum;

	begin(0);
	os_fake_fail(OS_APPEND, 0, UINT64_MAX, EMFILE);
	for (uint64_t i = 0; i < ROUNDS; i++)
		GCM_NOTE(assist, i);
	ck_assert(gcm_event_is_on());
	os_fake_fail(OS_APPEND, 0, 0, 0);
	GCM_NOTE(assist, 1);
	gcm_event_end();
	read_trace(&found);
	sum = found.records[GCM_EVENT_assist] + (unsigned int)found.lost;
	ck_assert_uint_gt(found.lost, 0);
	ck_assert_uint_ge(sum, ROUNDS);
	ck_assert_uint_le(sum, ROUNDS + 2);
	ck_assert_uint_eq(found.records[GCM_EVENT_process_end], 1);
}
END_TEST

/* Nobody writes who keeps others from allocating; the next one does. */
START_TEST(under_the_lock)
{
	struct found found;

	begin(0);
	gcm_lock_acquire(&gcm_pageheap.lock);
	for (uint64_t i = 0; i < 1000; i++)
		GCM_NOTE(grow, i);
	read_trace(&found);
	ck_assert_uint_eq(found.records[GCM_EVENT_grow], 0);
	gcm_lock_release(&gcm_pageheap.lock);
	GCM_NOTE(assist, 1);
	read_trace(&found);
	ck_assert_uint_gt(found.records[GCM_EVENT_grow], 800);
	ck_assert_uint_eq(found.lost, 0);
}
END_TEST

/* The ring has the last ones, and the table. */
START_TEST(ring)
{
	struct found found = {0};

	begin(1 << 16);
	ck_assert_str_eq(os_fake_trace_path(), "/fake/trace.4711");
	for (uint64_t i = 0; i < ROUNDS; i++)
		GCM_NOTE(assist, i);
	read_bytes(&found, (unsigned char *)gcm_event.base, 1 << 16);
	ck_assert_uint_eq(found.tables, 1);
	ck_assert_uint_ge(found.records[GCM_EVENT_assist], 10 * 4000 / 24);
	ck_assert_uint_gt(found.last_number, 500);
	ck_assert_uint_eq(os_fake_count(OS_APPEND), 0);
	ck_assert_int_eq(gcm_event_keep(".dump"), 0);
	ck_assert_str_eq(os_fake_trace_path(), "/fake/trace.4711.dump");
	read_trace(&found);
	ck_assert_uint_eq(found.tables, 1);
	ck_assert_uint_ge(found.records[GCM_EVENT_assist], 10 * 4000 / 24);
}
END_TEST

START_TEST(ring_fails)
{
	os_fake_fail(OS_MAP_RING, 0, 1, ENOSPC);
	gcm_report_note();
	gcm_options.TRACE = "/r";
	gcm_options.flight = 1 << 16;
	gcm_event_begin();
	ck_assert(!gcm_event_is_on());
	ck_assert_ptr_nonnull(strstr(os_fake_stderr(), "error 28: /r"));
}
END_TEST

START_TEST(pauses)
{
	size_t len;

	gcm_options.flightpause = 10;
	begin(1 << 16);
	gcm_event_judge_pause(10000);
	(void)os_fake_trace(&len);
	ck_assert_uint_eq(len, 0);
	gcm_event_judge_pause(10001);
	(void)os_fake_trace(&len);
	ck_assert_uint_eq(len, 1 << 16);
	ck_assert_str_eq(os_fake_trace_path(), "/fake/trace.4711.pause");
	os_fake_forget_trace();
	gcm_event_judge_pause(10001); /* no longer than the last */
	(void)os_fake_trace(&len);
	ck_assert_uint_eq(len, 0);
}
END_TEST

/* A child has its own, from its first note on. */
static void
become_child(void)
{
	os_fake_wipe();
	os_fake.pid++;
	os_fake.tid = os_fake.pid;
	os_fake_forget_trace();
}

START_TEST(child)
{
	struct found found;
	size_t len;

	begin(0);
	for (uint64_t i = 0; i < 50; i++)
		GCM_NOTE(assist, i);
	for (unsigned int i = 0; i < 4; i++) {
		become_child();
		gcm_event_forked();
		gcm_event_before_exec();
		(void)os_fake_trace(&len);
		ck_assert_uint_eq(len, 0);
		GCM_NOTE(fork, 1);
		gcm_event_end();
		read_trace(&found);
		ck_assert_uint_eq(found.tables, 1);
		ck_assert_uint_eq(found.records[GCM_EVENT_assist], 0);
		ck_assert_uint_eq(found.records[GCM_EVENT_fork], 1);
		ck_assert_uint_eq(found.records[GCM_EVENT_process_begin], 1);
		ck_assert_uint_le(found.last_number, 2);
	}
}
END_TEST

START_TEST(child_of_ring)
{
	struct found found = {0};

	begin(1 << 16);
	become_child();
	gcm_event_forked();
	GCM_NOTE(fork, 1);
	ck_assert(gcm_event_is_on());
	ck_assert_str_eq(os_fake_trace_path(), "/fake/trace.4712");
	read_bytes(&found, (unsigned char *)gcm_event.base, 1 << 16);
	ck_assert_uint_eq(found.records[GCM_EVENT_fork], 1);
}
END_TEST

START_TEST(child_without_name)
{
	gcm_options.TRACE = "trace";
	gcm_options.flight = 1 << 16;
	gcm_event_begin();
	become_child();
	GCM_NOTE(fork, 1); /* nobody told: a raw clone */
	ck_assert(!gcm_event_is_on());
}
END_TEST

/* A handler in the middle of a note: in the wait for its time, say. */
static unsigned int depth, nested;
static bool forks;

static void
interrupt(void)
{
	if (depth >= 3)
		return;
	depth++;
	nested++;
	GCM_NOTE(fork, depth);
	if (forks && depth == 3) {
		forks = false;
		become_child();
		gcm_event_forked();
		GCM_NOTE(late_free, 1);
	}
	depth--;
}

START_TEST(nests)
{
	struct found found;

	begin(0);
	os_fake.on_clock = interrupt;
	for (uint64_t i = 0; i < 1000; i++)
		GCM_NOTE(assist, i);
	os_fake.on_clock = NULL;
	gcm_event_end();
	read_trace(&found);
	ck_assert_uint_gt(nested, 2000);
	ck_assert_uint_eq(found.records[GCM_EVENT_assist], 1000);
	ck_assert_uint_eq(found.records[GCM_EVENT_fork] + found.lost, nested);
	ck_assert_uint_eq(found.lost, 0);
}
END_TEST

/* Buffers in places are different ones. */
static void
check_owners(void)
{
	bool seen[GCM_EVENT_BUFFERS] = {false};

	for (unsigned int i = 0; i < GCM_EVENT_PLACES; i++) {
		uint32_t at = atomic_load(&gcm_event.places[i]) & 0xffff;

		if (at == 0)
			continue;
		ck_assert(!seen[at - 1]);
		seen[at - 1] = true;
	}
}

START_TEST(forks_inside)
{
	struct found found;

	begin(0);
	for (uint64_t i = 0; i < 20; i++) {
		os_fake.on_clock = interrupt;
		forks = true;
		GCM_NOTE(assist, i);
		os_fake.on_clock = NULL;
		check_owners();
		for (uint64_t j = 0; j < 300; j++) {
			os_fake.tid++;
			GCM_NOTE(user, 1, 2, 3, 4);
		}
		check_owners();
		gcm_event_end();
		read_trace(&found);
		ck_assert_uint_eq(found.records[GCM_EVENT_assist], 0);
		ck_assert_uint_eq(found.records[GCM_EVENT_late_free], 1);
		ck_assert_uint_eq(found.records[GCM_EVENT_user], 300);
	}
}
END_TEST

START_TEST(text_is_cut)
{
	size_t len;
	const unsigned char *bytes;

	begin(0);
	gcm_event_add_text(
	    GCM_EVENT_user, "0123456789abcdef0123456789abcdefXYZ");
	ck_assert_int_eq(gcm_event_flush(true), 0);
	bytes = os_fake_trace(&len);
	ck_assert_ptr_nonnull(
	    memmem(bytes, len, "0123456789abcdef0123456789abcdef", 32));
	ck_assert_ptr_null(memmem(bytes, len, "XYZ", 3));
	ck_assert_ptr_nonnull(memmem(bytes, len, "exe /bin/fake?file\n", 19));
}
END_TEST

/* A filter comes: what there is goes to the file, and no more. */
START_TEST(silenced)
{
	struct found found;

	begin(0);
	GCM_NOTE(assist, 1);
	gcm_event_silence(true);
	GCM_NOTE(assist, 1);
	gcm_event_end();
	read_trace(&found);
	ck_assert_uint_eq(found.records[GCM_EVENT_assist], 1);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, off);
	tcase_add_test(tcase, whole);
	tcase_add_test(tcase, stolen);
	tcase_add_test(tcase, unwritable);
	tcase_add_test(tcase, full_disk);
	tcase_add_test(tcase, scarce);
	tcase_add_test(tcase, under_the_lock);
	tcase_add_test(tcase, ring);
	tcase_add_test(tcase, ring_fails);
	tcase_add_test(tcase, pauses);
	tcase_add_test(tcase, child);
	tcase_add_test(tcase, child_of_ring);
	tcase_add_test(tcase, child_without_name);
	tcase_add_test(tcase, nests);
	tcase_add_test(tcase, forks_inside);
	tcase_add_test(tcase, text_is_cut);
	tcase_add_test(tcase, silenced);
}

UNIT_MAIN("event", add_tests)
