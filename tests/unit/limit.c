/* unit/limit.c -- what the system lets a process have: texts and folders */
#include "unit.h"

#include "core/limit.h"
#include "core/option.h"

#define GB (1ull << 30)
#define CGROUP "/proc/self/cgroup"
#define ROOT "/sys/fs/cgroup"

START_TEST(numbers)
{
	static const struct {
		const char *text;
		uint64_t value;
	} texts[] = {
	    {"1073741824\n", GB},
	    {"1073741824", GB},
	    {"0\n", 0},
	    {"max\n", UINT64_MAX},
	    {"-1\n", UINT64_MAX},
	    {"", UINT64_MAX},
	    {"\n", UINT64_MAX},
	    {"12x\n", UINT64_MAX},
	    {"12 \n", UINT64_MAX},
	    {"12\n\n", UINT64_MAX},
	    {" 12\n", UINT64_MAX},
	    {"9223372036854771712\n", 9223372036854771712u},
	    {"18446744073709551616\n", UINT64_MAX},
	    {"99999999999999999999999999\n", UINT64_MAX},
	};

	for (unsigned int i = 0; i < RIG_COUNT(texts); i++)
		ck_assert_uint_eq(
		    gcm_limit_number(texts[i].text), texts[i].value);
}
END_TEST

START_TEST(quotas)
{
	static const struct {
		const char *text;
		uint32_t ncpus;
	} texts[] = {
	    {"max 100000\n", UINT32_MAX},
	    {"100000 100000\n", 1},
	    {"100001 100000\n", 2},
	    {"150000 100000\n", 2},
	    {"1000 100000", 1},
	    {"400000 100000\n", 4},
	    {"0 100000\n", UINT32_MAX},
	    {"100000 0\n", UINT32_MAX},
	    {"100000\n", UINT32_MAX},
	    {"100000 \n", UINT32_MAX},
	    {"100000 max\n", UINT32_MAX},
	    {"", UINT32_MAX},
	    {"18446744073709551615 1\n", UINT32_MAX},
	    {"5000000000 1\n", UINT32_MAX},
	    {"100000 100000 3\n", UINT32_MAX},
	};

	for (unsigned int i = 0; i < RIG_COUNT(texts); i++)
		ck_assert_uint_eq(
		    gcm_limit_quota(texts[i].text), texts[i].ncpus);
}
END_TEST

START_TEST(groups)
{
	static const struct {
		const char *text, *controller, *path;
		int version;
	} texts[] = {
	    {"0::/a/b\n", "memory", "/a/b", 2},
	    {"0::/\n", "memory", "/", 2},
	    {"0::/a", "memory", "/a", 2},
	    {"0::/a:b\n", "memory", "/a:b", 2},
	    {"4:memory:/m\n1:cpu:/c\n0::/u\n", "memory", "/m", 1},
	    {"4:memory:/m\n1:cpu:/c\n0::/u\n", "cpu", "/c", 1},
	    {"0::/u\n4:memory:/m\n", "memory", "/m", 1},
	    {"4:memory:/m\n0::/u\n", "cpu", "/u", 2},
	    {"3:cpuacct,cpu:/x\n", "cpu", "/x", 1},
	    {"3:cpu,cpuacct:/x\n", "cpu", "/x", 1},
	    {"3:cpuset:/x\n2:cpuacct:/y\n", "cpu", "", 0},
	    {"9:name=memory:/x\n", "memory", "", 0},
	    {"4:memory\n:/m\n", "memory", "", 0},
	    {"4:memory:\n", "memory", "", 0},
	    {"4:memory:m\n", "memory", "", 0},
	    {"1::/x\n", "memory", "", 0},
	    {"00::/x\n", "memory", "", 0},
	    {"::\n:\n\n\n0", "memory", "", 0},
	    {"", "memory", "", 0},
	};

	for (unsigned int i = 0; i < RIG_COUNT(texts); i++) {
		char path[64] = "";
		int version = gcm_limit_group(
		    texts[i].text, texts[i].controller, path, sizeof(path));

		ck_assert_msg(version == texts[i].version, "version %d of %s",
		    version, texts[i].text);
		ck_assert_str_eq(path, texts[i].path);
	}
}
END_TEST

START_TEST(a_long_path)
{
	char path[8] = "#######";

	ck_assert_int_eq(
	    gcm_limit_group("0::/123456\n", "cpu", path, sizeof(path)), 2);
	ck_assert_str_eq(path, "/123456");
	ck_assert_int_eq(
	    gcm_limit_group("0::/1234567\n", "cpu", path, sizeof(path)), 0);
}
END_TEST

START_TEST(nothing_is_known)
{
	ck_assert_uint_eq(gcm_limit_cpus(), 2);
	ck_assert_uint_eq(gcm_limit_memory(), UINT64_MAX);
	ck_assert_uint_eq(gcm_limit_soft(), UINT64_MAX);
}
END_TEST

START_TEST(version_2)
{
	os_fake.cpus = 16;
	os_fake_put_file(CGROUP, "0::/a/b/c\n");
	os_fake_put_file(ROOT "/a/b/c/memory.max", "max\n");
	os_fake_put_file(ROOT "/a/b/memory.max", "2147483648\n");
	os_fake_put_file(ROOT "/a/memory.max", "4294967296\n");
	os_fake_put_file(ROOT "/a/b/c/cpu.max", "450000 100000\n");
	os_fake_put_file(ROOT "/a/cpu.max", "300000 100000\n");
	ck_assert_uint_eq(gcm_limit_memory(), 2 * GB);
	ck_assert_uint_eq(gcm_limit_soft(), 2 * GB / 100 * 90);
	ck_assert_uint_eq(gcm_limit_cpus(), 3);
}
END_TEST

START_TEST(version_1)
{
	os_fake.cpus = 16;
	os_fake_put_file(CGROUP,
	    "4:memory:/x/y\n3:cpu,cpuacct:/z\n1:name=systemd:/\n0::/\n");
	os_fake_put_file(
	    ROOT "/memory/x/y/memory.limit_in_bytes", "9223372036854771712\n");
	os_fake_put_file(
	    ROOT "/memory/x/memory.limit_in_bytes", "1073741824\n");
	os_fake_put_file(
	    ROOT "/memory/memory.limit_in_bytes", "9223372036854771712\n");
	os_fake_put_file(ROOT "/cpu/z/cpu.cfs_quota_us", "150000\n");
	os_fake_put_file(ROOT "/cpu/z/cpu.cfs_period_us", "100000\n");
	os_fake_put_file(ROOT "/cpu/cpu.cfs_quota_us", "-1\n");
	os_fake_put_file(ROOT "/cpu/cpu.cfs_period_us", "100000\n");
	ck_assert_uint_eq(gcm_limit_memory(), GB);
	ck_assert_uint_eq(gcm_limit_cpus(), 2);
}
END_TEST

/* A container whose groups are mounted at the root, under a host's path. */
START_TEST(a_container)
{
	os_fake.cpus = 16;
	os_fake_put_file(CGROUP, "4:memory:/docker/0123\n3:cpu:/docker/0123\n");
	os_fake_put_file(ROOT "/memory/memory.limit_in_bytes", "536870912\n");
	os_fake_put_file(ROOT "/cpu/cpu.cfs_quota_us", "50000\n");
	os_fake_put_file(ROOT "/cpu/cpu.cfs_period_us", "100000\n");
	ck_assert_uint_eq(gcm_limit_memory(), GB / 2);
	ck_assert_uint_eq(gcm_limit_cpus(), 1);
}
END_TEST

START_TEST(more_than_there_is)
{
	os_fake_put_file(CGROUP, "0::/a\n");
	os_fake_put_file(ROOT "/a/memory.max", "8589934592\n");
	os_fake_put_file(ROOT "/a/cpu.max", "1000000 100000\n");
	ck_assert_uint_eq(gcm_limit_memory(), UINT64_MAX);
	ck_assert_uint_eq(gcm_limit_cpus(), 2);
}
END_TEST

START_TEST(texts_that_make_no_sense)
{
	os_fake_put_file(CGROUP, "0::/a\n");
	os_fake_put_file(ROOT "/a/memory.max", "lots\n");
	os_fake_put_file(ROOT "/a/cpu.max", "lots\n");
	os_fake_put_file(ROOT "/memory.max", /* cut, it would be one */
	    "0000000000000000000000000000000000000000000000000000000001073741"
	    "824");
	ck_assert_uint_eq(gcm_limit_memory(), UINT64_MAX);
	ck_assert_uint_eq(gcm_limit_cpus(), 2);
}
END_TEST

START_TEST(files_cannot_be_read)
{
	os_fake_put_file(CGROUP, "0::/a\n");
	os_fake_put_file(ROOT "/a/memory.max", "1073741824\n");
	os_fake_put_file(ROOT "/a/cpu.max", "100000 100000\n");
	os_fake_fail(OS_READ_FILE, 0, UINT64_MAX, EACCES);
	ck_assert_uint_eq(gcm_limit_memory(), UINT64_MAX);
	ck_assert_uint_eq(gcm_limit_cpus(), 2);
}
END_TEST

START_TEST(limits_change)
{
	uint64_t before;

	os_fake_put_file(CGROUP, "0::/a\n");
	os_fake_put_file(ROOT "/a/memory.max", "1073741824\n");
	ck_assert_uint_eq(gcm_limit_memory(), GB);
	before = os_fake_count(OS_READ_FILE);
	os_fake_put_file(ROOT "/a/memory.max", "2147483648\n");
	ck_assert_uint_eq(gcm_limit_memory(), GB); /* not read each time */
	ck_assert_uint_eq(gcm_limit_cpus(), 2);
	ck_assert_uint_eq(os_fake_count(OS_READ_FILE), before);
	os_fake.now_ns += 60000000000;
	ck_assert_uint_eq(gcm_limit_memory(), 2 * GB);
}
END_TEST

START_TEST(what_the_option_says)
{
	os_fake_put_file(CGROUP, "0::/a\n");
	os_fake_put_file(ROOT "/a/memory.max", "1073741824\n");
	gcm_options.MEMLIMIT = GCM_OFF;
	ck_assert_uint_eq(gcm_limit_soft(), UINT64_MAX);
	gcm_options.MEMLIMIT = 5 << 20;
	ck_assert_uint_eq(gcm_limit_soft(), 5 << 20);
	ck_assert_uint_eq(os_fake_count(OS_READ_FILE), 0);
	gcm_options.MEMLIMIT = GCM_CGROUP;
	ck_assert_uint_eq(gcm_limit_soft(), GB / 100 * 90);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, numbers);
	tcase_add_test(tcase, quotas);
	tcase_add_test(tcase, groups);
	tcase_add_test(tcase, a_long_path);
	tcase_add_test(tcase, nothing_is_known);
	tcase_add_test(tcase, version_2);
	tcase_add_test(tcase, version_1);
	tcase_add_test(tcase, a_container);
	tcase_add_test(tcase, more_than_there_is);
	tcase_add_test(tcase, texts_that_make_no_sense);
	tcase_add_test(tcase, files_cannot_be_read);
	tcase_add_test(tcase, limits_change);
	tcase_add_test(tcase, what_the_option_says);
}

UNIT_MAIN("limit", add_tests)
