/* unit/serve.c -- the channel's connections: whom it hears, for how long
 *
 * The clients are those of the fake kernel; time moves when nothing is ready.
 */
#include "unit.h"

#include <stdio.h>

#include "core/cycle_state.h"
#include "core/resident.h"
#include "core/serve.h"

enum {
	SECOND = 1000000000,
	MINUTE_S = 60,
	MOST = 8
};

static const char version_body[] = "\nversion " PACKAGE_VERSION "\n";
static _Atomic uint32_t word;

static int
rouser(void)
{
	return 62;
}

static void
count(struct gcm_crowd *crowd)
{
	*crowd = (struct gcm_crowd){.threads = 3};
}

static int
visit_none(uintptr_t lo, uintptr_t hi,
    void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg)
{
	(void)lo;
	(void)hi;
	(void)visit;
	(void)arg;
	return 0;
}

static int
visit_no_stacks(void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg)
{
	(void)visit;
	(void)arg;
	return 0;
}

static const struct gcm_scanner scanner = {
    .rouser = rouser,
    .count = count,
    .present = visit_none,
    .stacks = visit_no_stacks,
};

static void
begin(void)
{
	gcm_cycle.scanner = &scanner;
	gcm_serve_open(&scanner);
}

static void
serve_for(uint64_t ns)
{
	uint64_t before = os_fake.now_ns;

	gcm_serve_sleep(&word, ns);
	ck_assert_uint_ge(os_fake.now_ns, before + ns);
}

static bool
is_answered(int client)
{
	return strncmp(os_fake_told(client), "ok ", 3) == 0;
}

START_TEST(the_name)
{
	begin();
	ck_assert(gcm_serve_is_open());
	ck_assert_str_eq(os_fake_channel(), "gcmalloc-77-4711");
	ck_assert_str_eq(gcm_about.channel, "");
	gcm_serve_close();
	ck_assert(!os_fake_is_listening());
}
END_TEST

START_TEST(no_channel)
{
	struct gcm_scanner mute = scanner;

	os_fake_fail(OS_LISTEN, 0, 1, EADDRINUSE);
	begin();
	ck_assert(!gcm_serve_is_open());
	ck_assert_str_eq(gcm_about.channel, "another process has the name");
	gcm_options.CHANNEL = GCM_CHANNEL_OFF;
	begin();
	ck_assert_str_eq(gcm_about.channel, "an option says so");
	gcm_options.CHANNEL = GCM_CHANNEL_AUTO;
	mute.rouser = NULL;
	gcm_serve_open(&mute);
	ck_assert(!os_fake_is_listening());
	ck_assert_str_eq(os_fake_stderr(), "");
}
END_TEST

START_TEST(answers)
{
	int a, b;

	begin();
	a = os_fake_connect(1000);
	b = os_fake_connect(0);
	os_fake_say(a, "stat\nversion\nno");
	os_fake_say(b, "version\n");
	serve_for(SECOND / 4);
	ck_assert(is_answered(a));
	ck_assert_ptr_nonnull(strstr(os_fake_told(a), "\nthreads 3\n"));
	ck_assert_ptr_nonnull(strstr(os_fake_told(a), version_body));
	ck_assert(is_answered(b));
	os_fake_say(a, "nsense\n");
	serve_for(SECOND / 4);
	ck_assert_ptr_nonnull(strstr(os_fake_told(a), "error no such request"));
	ck_assert(!os_fake_dropped(a));
	gcm_serve_close();
	ck_assert(os_fake_dropped(a) && os_fake_dropped(b));
}
END_TEST

START_TEST(strangers)
{
	int stranger[4], friend;

	begin();
	for (int i = 0; i < 4; i++) {
		stranger[i] = os_fake_connect(1001 + (uint32_t)i);
		os_fake_say(stranger[i], "stat\n");
	}
	friend = os_fake_connect(1000);
	os_fake_say(friend, "stat\n");
	serve_for(SECOND);
	for (int i = 0; i < 4; i++) {
		ck_assert(os_fake_dropped(stranger[i]));
		ck_assert_str_eq(os_fake_told(stranger[i]), "");
	}
	ck_assert(is_answered(friend));
	os_fake.user = 65534; /* whom a user namespace does not know */
	friend = os_fake_connect(65534);
	serve_for(SECOND);
	ck_assert(os_fake_dropped(friend));
}
END_TEST

START_TEST(silence)
{
	int mute, slow, deaf;

	begin();
	mute = os_fake_connect(1000);
	slow = os_fake_connect(1000);
	deaf = os_fake_connect(1000);
	os_fake_room(deaf, 10);
	os_fake_say(slow, "st");
	os_fake_say(deaf, "stat\n");
	serve_for(SECOND / 2);
	ck_assert(!os_fake_dropped(slow) && !os_fake_dropped(deaf));
	os_fake_say(slow, "a");
	serve_for(SECOND);
	ck_assert(os_fake_dropped(slow)); /* however it comes, a second */
	ck_assert(os_fake_dropped(deaf));
	serve_for((uint64_t)SECOND * MINUTE_S);
	ck_assert(!os_fake_dropped(mute)); /* nothing begun, nobody waits */
	os_fake_say(mute, "version\n");
	serve_for(SECOND);
	ck_assert(is_answered(mute));
	os_fake_hang_up(mute);
	serve_for(SECOND);
	ck_assert(os_fake_dropped(mute));
}
END_TEST

START_TEST(in_pieces)
{
	const char *told;
	int client;

	begin();
	client = os_fake_connect(1000);
	os_fake_room(client, 10);
	os_fake_say(client, "stat\nversion\n");
	serve_for(SECOND / 8);
	ck_assert_uint_eq(strlen(os_fake_told(client)), 10);
	for (int i = 0; i < 400; i++) {
		os_fake_room(client, 10);
		serve_for(SECOND / 1000);
	}
	told = os_fake_told(client);
	ck_assert_str_eq(
	    told + strlen(told) - strlen(version_body), version_body);
	ck_assert(!os_fake_dropped(client));
}
END_TEST

START_TEST(too_long)
{
	char line[GCM_CHANNEL_LINE + 40];
	int client, edge;

	begin();
	client = os_fake_connect(1000);
	edge = os_fake_connect(1000);
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	os_fake_say(client, line);
	line[GCM_CHANNEL_LINE - 1] = '\n';
	line[GCM_CHANNEL_LINE] = '\0';
	os_fake_say(edge, line);
	serve_for(SECOND / 4);
	ck_assert_str_eq(os_fake_told(client), "error too long a request\n");
	ck_assert(os_fake_dropped(client));
	ck_assert_str_eq(os_fake_told(edge), "error no such request\n");
	ck_assert(!os_fake_dropped(edge));
}
END_TEST

START_TEST(many)
{
	int client[3 * MOST], nwaiting = 0, nanswered = 0;

	begin();
	for (int i = 0; i < 3 * MOST; i++)
		client[i] = os_fake_connect(1000);
	serve_for(SECOND / 20);
	for (int i = 0; i < 3 * MOST; i++)
		nwaiting += os_fake_waiting(client[i]);
	ck_assert_int_eq(nwaiting, 2 * MOST); /* no more at a time */
	serve_for(SECOND);
	for (int i = 0; i < 3 * MOST; i++) { /* the silent have given way */
		ck_assert(!os_fake_waiting(client[i]));
		nanswered += !os_fake_dropped(client[i]);
	}
	ck_assert_int_eq(nanswered, MOST);
}
END_TEST

START_TEST(during_a_collection)
{
	int stat, set;

	begin();
	serve_for(SECOND);
	stat = os_fake_connect(1000);
	set = os_fake_connect(1000);
	os_fake_say(stat, "stat\n");
	os_fake_say(set, "set percent=33\nversion\n");
	for (int i = 0; i < 100; i++) {
		os_fake.now_ns += GCM_SERVE_NS;
		gcm_serve_meanwhile();
	}
	ck_assert(is_answered(stat));
	ck_assert_str_eq(os_fake_told(set), "");
	ck_assert_int_eq(gcm_options.PERCENT, 100);
	serve_for(SECOND / 10);
	ck_assert_int_eq(gcm_options.PERCENT, 33);
	ck_assert_int_eq(strncmp(os_fake_told(set), "ok 0\nok ", 8), 0);
}
END_TEST

/* As a pipe into a socket does: all is asked, and then the end. */
START_TEST(half_closed)
{
	int client;

	begin();
	serve_for(SECOND);
	client = os_fake_connect(1000);
	os_fake_say(client, "set percent=33\nversion\n");
	os_fake_say_no_more(client);
	for (int i = 0; i < 100; i++) {
		os_fake.now_ns += GCM_SERVE_NS;
		gcm_serve_meanwhile();
	}
	ck_assert(!os_fake_dropped(client));
	serve_for(SECOND / 10);
	ck_assert_int_eq(strncmp(os_fake_told(client), "ok 0\nok ", 8), 0);
	ck_assert(os_fake_dropped(client));
}
END_TEST

START_TEST(wishes)
{
	int client;

	begin();
	client = os_fake_connect(1000);
	os_fake_say(client, "gc\n");
	gcm_serve_sleep(&gcm_cycle.wish, (uint64_t)SECOND * MINUTE_S);
	ck_assert_uint_eq(gcm_cycle.wish, GCM_WISH_FORCED | GCM_WISH_ASKED);
	ck_assert_uint_lt(os_fake.now_ns, 2ull * SECOND);
	gcm_serve_sleep(&gcm_cycle.wish, (uint64_t)SECOND * MINUTE_S);
	ck_assert_uint_lt(os_fake.now_ns, 2ull * SECOND);
}
END_TEST

static void
set(const char *pair)
{
	char line[64];
	int client = os_fake_connect(1000);

	snprintf(line, sizeof(line), "set %s\n", pair);
	os_fake_say(client, line);
	serve_for(SECOND);
	ck_assert_str_eq(os_fake_told(client), "ok 0\n");
}

START_TEST(settings)
{
	int client;

	begin();
	gcm_pace_first(&gcm_cycle.pace, 100, 4 << 20, UINT64_MAX);
	set("percent=25");
	ck_assert_int_eq(gcm_options.PERCENT, 25);
	set("MinHeap=1GiB");
	ck_assert_uint_ge(gcm_cycle.trigger, 1 << 30);
	set("mode=report");
	ck_assert_int_eq(gcm_options.MODE, GCM_MODE_REPORT);
	set("gctrace=1");
	ck_assert_int_eq(gcm_options.gctrace, 1);
	client = os_fake_connect(1000);
	os_fake_say(client,
	    "set mode=off\nset grace=1\nset percent=0\nset x=1\nset align=4\n");
	serve_for(SECOND);
	ck_assert_str_eq(os_fake_told(client),
	    "error only collect and report can be changed to\n"
	    "error that option is read at the start only\n"
	    "error no such value, or out of range\n"
	    "error no such option\n"
	    "error that option is read at the start only\n");
	ck_assert_int_eq(gcm_options.PERCENT, 25);
}
END_TEST

/* Few descriptors: nobody turns in circles, and later all is well. */
START_TEST(poor)
{
	uint64_t before;
	int client;

	begin();
	client = os_fake_connect(1000);
	os_fake_say(client, "version\n");
	os_fake_fail(OS_ACCEPT, 0, 8, EMFILE);
	serve_for(SECOND); /* at most six tries */
	ck_assert(!is_answered(client));
	serve_for(SECOND);
	ck_assert(is_answered(client));
	before = os_fake_count(OS_POLL);
	os_fake_fail(OS_POLL, 0, 1000, EINVAL);
	serve_for(SECOND);
	ck_assert_uint_le(os_fake_count(OS_POLL) - before, 6);
	ck_assert(!os_fake_dropped(client));
}
END_TEST

/* A fork that waits for the thread does not wait for its clients. */
START_TEST(wanted_gone)
{
	int client;

	begin();
	client = os_fake_connect(1000);
	os_fake_say(client, "version\nversion\nversion\n");
	atomic_store(&gcm_cycle.wish, GCM_WISH_STOP);
	gcm_serve_sleep(&gcm_cycle.wish, SECOND);
	ck_assert(!is_answered(client));
	gcm_serve_close();
	ck_assert(os_fake_dropped(client));
}
END_TEST

/* A thread that does not end in time still ends, but for a fork. */
START_TEST(late_to_leave)
{
	begin();
	atomic_store(&gcm_cycle.state, GCM_CYCLE_ON);
	atomic_store(&gcm_cycle.alive, 5);
	ck_assert(!gcm_cycle_stop_for_fork());
	ck_assert(!gcm_cycle_is_asked());
	ck_assert(!gcm_cycle_stop());
	ck_assert(gcm_cycle_is_asked());
}
END_TEST

START_TEST(no_figures_for_who_leaves)
{
	struct gcm_resident resident;

	begin();
	ck_assert_int_eq(gcm_resident_count(&scanner, &resident), 0);
	atomic_store(&gcm_cycle.wish, GCM_WISH_STOP);
	ck_assert_int_ne(gcm_resident_count(&scanner, &resident), 0);
}
END_TEST

START_TEST(a_child_has_none)
{
	int client;

	begin();
	client = os_fake_connect(1000);
	gcm_serve_reset();
	ck_assert(!gcm_serve_is_open());
	gcm_serve_meanwhile();
	gcm_serve_rouse();
	gcm_serve_close(); /* closes nothing: they are the parent's */
	ck_assert(os_fake_is_listening());
	ck_assert(os_fake_waiting(client));
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, the_name);
	tcase_add_test(tcase, no_channel);
	tcase_add_test(tcase, answers);
	tcase_add_test(tcase, strangers);
	tcase_add_test(tcase, silence);
	tcase_add_test(tcase, in_pieces);
	tcase_add_test(tcase, too_long);
	tcase_add_test(tcase, many);
	tcase_add_test(tcase, during_a_collection);
	tcase_add_test(tcase, half_closed);
	tcase_add_test(tcase, wishes);
	tcase_add_test(tcase, settings);
	tcase_add_test(tcase, poor);
	tcase_add_test(tcase, wanted_gone);
	tcase_add_test(tcase, late_to_leave);
	tcase_add_test(tcase, no_figures_for_who_leaves);
	tcase_add_test(tcase, a_child_has_none);
}

UNIT_MAIN("serve", add_tests)
