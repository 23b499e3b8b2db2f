/* info.c -- mallopt, mallinfo, mallinfo2, malloc_stats, malloc_info,
 * malloc_trim: forms as glibc's, figures true and equal to one another
 */
#define _GNU_SOURCE
#include "api.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xml.h"

enum {
	KIB = 1024,
	MIB = 1024 * KIB,
	NSMALL = 20000
};

static void *small_blocks[NSMALL];
static void *large_blocks[8];

static void
allocate(size_t size)
{
	for (size_t i = 0; i < NSMALL; i++)
		small_blocks[i] = malloc(size);
	for (size_t i = 0; i < KIT_COUNT(large_blocks); i++)
		large_blocks[i] = malloc(2 * MIB + i * 100000);
}

static void
release(void)
{
	for (size_t i = 0; i < NSMALL; i++)
		free(small_blocks[i]);
	for (size_t i = 0; i < KIT_COUNT(large_blocks); i++)
		free(large_blocks[i]);
}

/* Sum of usable sizes: what the program has, to the byte. */
static size_t
bytes_of(void *const *blocks, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += malloc_usable_size(blocks[i]);
	return sum;
}

static size_t
in_use(const struct mallinfo2 *info)
{
	return info->uordblks + info->hblkhd;
}

static void
expect_near(const char *what, size_t got, size_t wanted)
{
	if (got < wanted || got > wanted + wanted / 8 + 64 * KIB)
		KIT_FAIL("%s is %zu, should be about %zu", what, got, wanted);
}

static void
mallinfo2_is_true(void)
{
	struct mallinfo2 before = mallinfo2(), with, after;
	size_t small, large;

	allocate(500);
	small = bytes_of(small_blocks, NSMALL);
	large = bytes_of(large_blocks, KIT_COUNT(large_blocks));
	with = mallinfo2();
	expect_near("in use", in_use(&with) - in_use(&before), small + large);
	expect_near("mapped", with.hblkhd - before.hblkhd, large);
	KIT_CHECK(with.hblks - before.hblks == KIT_COUNT(large_blocks));
	release();
	after = mallinfo2();
	KIT_CHECK(after.hblks == before.hblks);
	KIT_CHECK(after.hblkhd == before.hblkhd);
	if (in_use(&after) > in_use(&before) + 64 * KIB)
		KIT_FAIL(
		    "%zu in use, %zu before", in_use(&after), in_use(&before));
	KIT_CHECK(before.uordblks + before.fordblks == before.arena);
	KIT_CHECK(with.uordblks + with.fordblks == with.arena);
	KIT_CHECK(after.uordblks + after.fordblks == after.arena);
	KIT_CHECK(after.fsmblks <= after.fordblks);
	KIT_CHECK(after.keepcost <= after.fordblks);
	KIT_CHECK(with.usmblks == 0);
}

/* The old form says the same, cut to 32 bits. */
static void
mallinfo_is_short(void)
{
	struct mallinfo2 wide;
	struct mallinfo info;

	allocate(100);
	wide = mallinfo2();
	info = mallinfo();
	KIT_CHECK(info.arena == (int)wide.arena);
	KIT_CHECK(info.ordblks == (int)wide.ordblks);
	KIT_CHECK(info.smblks == (int)wide.smblks);
	KIT_CHECK(info.hblks == (int)wide.hblks);
	KIT_CHECK(info.hblkhd == (int)wide.hblkhd);
	KIT_CHECK(info.fsmblks == (int)wide.fsmblks);
	KIT_CHECK(info.uordblks == (int)wide.uordblks);
	KIT_CHECK(info.fordblks == (int)wide.fordblks);
	KIT_CHECK(info.keepcost == (int)wide.keepcost);
	release();
}

static void
mallopt_answers(void)
{
	static const int accepted[][2] = {{M_MXFAST, 0}, {M_MXFAST, 80},
	    {M_MXFAST, 160}, {M_TRIM_THRESHOLD, 0}, {M_TRIM_THRESHOLD, -1},
	    {M_TOP_PAD, 1 << 20}, {M_MMAP_THRESHOLD, 4096},
	    {M_MMAP_THRESHOLD, 1 << 20}, {M_MMAP_MAX, 0}, {M_MMAP_MAX, 65536},
	    {M_CHECK_ACTION, 3}, {M_PERTURB, 0}, {M_ARENA_TEST, 1},
	    {M_ARENA_MAX, 1}, {M_NLBLKS, 1}, {M_GRAIN, 1}, {M_KEEP, 1}};

	for (size_t i = 0; i < KIT_COUNT(accepted); i++) {
		errno = API_ERRNO;
		if (mallopt(accepted[i][0], accepted[i][1]) != 1)
			KIT_FAIL(
			    "mallopt(%d, %d)", accepted[i][0], accepted[i][1]);
		API_ERRNO_KEPT();
	}
	KIT_CHECK(mallopt(M_MXFAST, 161) == 0);
	KIT_CHECK(mallopt(M_MXFAST, -1) == 0);
	allocate(300);
	release();
}

/* -- malloc_stats -- */

/* What f writes to stderr. */
static size_t
capture(void (*f)(void), char *text, size_t size)
{
	int old = dup(2), file = fileno(tmpfile());
	ssize_t n;

	KIT_CHECK(dup2(file, 2) == 2);
	f();
	KIT_CHECK(dup2(old, 2) == 2);
	close(old);
	n = pread(file, text, size - 1, 0);
	KIT_CHECK(n >= 0);
	text[n] = '\0';
	return (size_t)n;
}

/* The last number that stands after the label. */
static size_t
figure(const char *text, const char *label)
{
	const char *at = NULL;

	while ((text = strstr(text, label)) != NULL) {
		text += strlen(label);
		at = text;
	}
	if (at == NULL)
		KIT_FAIL("no %s", label);
	at += strspn(at, " ");
	KIT_CHECK(*at == '=');
	return strtoul(at + 1, NULL, 10);
}

static void
stats_are_true(void)
{
	char text[4096];
	struct mallinfo2 info;
	size_t used, held;

	allocate(700);
	errno = API_ERRNO;
	capture(malloc_stats, text, sizeof(text));
	info = mallinfo2();
	held = figure(text, "system bytes");
	used = figure(text, "in use bytes");
	KIT_CHECK(strncmp(text, "Arena 0:\n", 9) == 0);
	KIT_CHECK(strstr(text, "Total (incl. mmap):\n") != NULL);
	KIT_CHECK(used <= held);
	expect_near(
	    "in use by malloc_stats", used + 4 * KIB, in_use(&info) - 64 * KIB);
	KIT_CHECK(figure(text, "mmap regions") == info.hblks);
	KIT_CHECK(figure(text, "mmap bytes") == info.hblkhd);
	release();
}

/* -- malloc_info -- */

static void
expect_sums(const struct xml *xml, const char *path)
{
	char name[100];
	size_t rows, totals;

	snprintf(name, sizeof(name), "%s/sizes/size", path);
	rows = xml_sum(xml, name, NULL, NULL, "total");
	snprintf(name, sizeof(name), "%s/sizes/unsorted", path);
	rows += xml_sum(xml, name, NULL, NULL, "total");
	snprintf(name, sizeof(name), "%s/total", path);
	totals = xml_sum(xml, name, "type", "fast", "size") +
		 xml_sum(xml, name, "type", "rest", "size");
	if (api_is_ours() && rows != totals)
		KIT_FAIL("%s: rows %zu, totals %zu", path, rows, totals);
}

static void
read_info(struct xml *xml, char *text, size_t size)
{
	FILE *file = tmpfile();
	size_t n;

	KIT_CHECK(file != NULL && malloc_info(0, file) == 0);
	rewind(file);
	n = fread(text, 1, size - 1, file);
	fclose(file);
	text[n] = '\0';
	xml_parse(xml, text);
}

static void
info_is_true(void)
{
	static char text[200000];
	static struct xml xml;
	struct mallinfo2 info;
	size_t free_bytes, held;

	allocate(800);
	for (size_t i = 0; i < NSMALL; i += 3) {
		free(small_blocks[i]);
		small_blocks[i] = NULL;
	}
	read_info(&xml, text, sizeof(text));
	info = mallinfo2();
	KIT_CHECK(strcmp(xml_value(&xml, "malloc", "version"), "1") == 0);
	KIT_CHECK(strcmp(xml_value(&xml, "malloc/heap", "nr"), "0") == 0);
	expect_sums(&xml, "malloc/heap");
	KIT_CHECK(xml_sum(&xml, "malloc/total", "type", "mmap", "size") ==
		  info.hblkhd);
	KIT_CHECK(xml_sum(&xml, "malloc/total", "type", "mmap", "count") ==
		  info.hblks);
	held = xml_sum(&xml, "malloc/system", "type", "current", "size");
	free_bytes = xml_sum(&xml, "malloc/total", "type", "fast", "size") +
		     xml_sum(&xml, "malloc/total", "type", "rest", "size");
	KIT_CHECK(held == xml_sum(&xml, "malloc/heap/system", "type", "current",
			      "size"));
	KIT_CHECK(
	    held <= xml_sum(&xml, "malloc/system", "type", "max", "size"));
	expect_near("held", held + 64 * KIB, info.arena);
	expect_near("free", free_bytes + 64 * KIB, info.fordblks);
	KIT_CHECK(free_bytes >= (size_t)NSMALL / 3 * 800);
	KIT_CHECK(xml_count(&xml, "malloc/aspace") == 2);
	KIT_CHECK(xml_count(&xml, "malloc/heap/aspace") >= 2);
	release();
}

static void
info_refuses(void)
{
	FILE *file = tmpfile();

	KIT_CHECK(malloc_info(1, file) == EINVAL);
	KIT_CHECK(malloc_info(-1, file) == EINVAL);
	KIT_CHECK(ftell(file) == 0);
	fclose(file);
}

/* To a stream without a buffer yet, and to one that fails. */
static void
info_to_any_stream(void)
{
	char *text = NULL;
	size_t size = 0;
	FILE *file = open_memstream(&text, &size), *full;

	KIT_CHECK(malloc_info(0, file) == 0 && fclose(file) == 0);
	KIT_CHECK(size > 100 && strstr(text, "</malloc>\n") != NULL);
	free(text);
	full = fopen("/dev/full", "w");
	if (full != NULL) {
		(void)malloc_info(0, full);
		fclose(full);
	}
}

/* -- malloc_trim -- */

static void
trim_gives_back(void)
{
	long full, trimmed;

	for (int round = 0; round < 3; round++) {
		allocate(4000);
		for (size_t i = 0; i < NSMALL; i++)
			memset(small_blocks[i], 1, 4000);
		full = kit_rss();
		KIT_CHECK(full > (long)NSMALL * 3900);
		release();
		errno = API_ERRNO;
		KIT_CHECK(malloc_trim(0) == 1);
		API_ERRNO_KEPT();
		trimmed = kit_rss();
		if (trimmed > full / 10)
			KIT_FAIL("%ld resident, %ld before", trimmed, full);
	}
	if (api_is_ours()) {
		struct mallinfo2 info = mallinfo2();

		KIT_CHECK(malloc_trim(0) == 0); /* nothing more to give */
		if (info.keepcost != 0)
			KIT_FAIL("keepcost is %zu", info.keepcost);
	}
}

/* pad bytes may stay. */
static void
trim_pad(void)
{
	allocate(4000);
	for (size_t i = 0; i < NSMALL; i++)
		memset(small_blocks[i], 1, 4000);
	release();
	KIT_CHECK(malloc_trim(SIZE_MAX / 2) == 0 || !api_is_ours());
	malloc_trim(16 * MIB);
	if (kit_rss() > 40 * MIB)
		KIT_FAIL("%ld resident", kit_rss());
	KIT_CHECK(malloc_trim(0) == 1 || !api_is_ours());
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"mallinfo2-is-true", mallinfo2_is_true, 0, 0},
	    {"mallinfo-is-short", mallinfo_is_short, 0, 0},
	    {"mallopt-answers", mallopt_answers, 0, 0},
	    {"stats-are-true", stats_are_true, 0, 0},
	    {"info-is-true", info_is_true, 0, 0},
	    {"info-refuses", info_refuses, 0, 0},
	    {"info-to-any-stream", info_to_any_stream, 0, 0},
	    {"trim-gives-back", trim_gives_back, 0, 0},
	    {"trim-pad", trim_pad, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
