/* mallctl.c -- jemalloc's figures by name, and malloc_stats_print
 *
 * They pass on libjemalloc.so.2 too.
 */
#define _GNU_SOURCE
#include "jemalloc.h"

#include "api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	MIB = 1024 * 1024
};

static size_t
size_of(const char *name)
{
	size_t value = 0, len = sizeof(value);
	int error = je()->mallctl(name, &value, &len, NULL, 0);

	if (error != 0 || len != sizeof(value))
		KIT_FAIL("%s: error %d, %zu bytes", name, error, len);
	return value;
}

static unsigned
unsigned_of(const char *name)
{
	unsigned value = 0;
	size_t len = sizeof(value);
	int error = je()->mallctl(name, &value, &len, NULL, 0);

	if (error != 0 || len != sizeof(value))
		KIT_FAIL("%s: error %d, %zu bytes", name, error, len);
	return value;
}

/* Figures stand still until the epoch is written. */
static uint64_t
refresh(void)
{
	uint64_t epoch = 1, before = 0;
	size_t len = sizeof(epoch);

	KIT_CHECK(je()->mallctl("epoch", &before, &len, NULL, 0) == 0);
	KIT_CHECK(
	    je()->mallctl("epoch", &epoch, &len, &epoch, sizeof(epoch)) == 0);
	KIT_CHECK(len == sizeof(epoch) && epoch > before);
	return epoch;
}

static void
expect_within(const char *what, size_t got, size_t lo, size_t hi)
{
	if (got < lo || got > hi)
		KIT_FAIL("%s is %zu, not %zu to %zu", what, got, lo, hi);
}

static void
stats_follow(void)
{
	static void *blocks[1000];
	size_t before, with, after, active, resident;

	refresh();
	before = size_of("stats.allocated");
	for (size_t i = 0; i < KIT_COUNT(blocks); i++) {
		blocks[i] = malloc(20000);
		memset(blocks[i], 1, 20000);
	}
	KIT_CHECK(size_of("stats.allocated") == before); /* epoch */
	refresh();
	with = size_of("stats.allocated");
	active = size_of("stats.active");
	resident = size_of("stats.resident");
	expect_within("allocated", with - before, 20000000, 25000000);
	KIT_CHECK(active >= with);
	KIT_CHECK(size_of("stats.mapped") >= 20000000);
	KIT_CHECK(size_of("stats.metadata") > 0);
	(void)size_of("stats.retained");
	expect_within("resident", resident, 20000000, 64 * MIB);
	for (size_t i = 0; i < KIT_COUNT(blocks); i++)
		free(blocks[i]);
	refresh();
	after = size_of("stats.allocated");
	expect_within("allocated", after, 0, before + 3 * MIB);
}

static void
arenas(void)
{
	unsigned narenas = unsigned_of("arenas.narenas"), nbins;
	size_t last = 0;

	KIT_CHECK(narenas >= 1);
	KIT_CHECK(size_of("arenas.quantum") == 16);
	KIT_CHECK(size_of("arenas.page") % 4096 == 0);
	nbins = unsigned_of("arenas.nbins");
	KIT_CHECK(nbins > 10);
	KIT_CHECK(unsigned_of("arenas.nhbins") >= nbins);
	KIT_CHECK(size_of("arenas.tcache_max") >= 16384);
	for (unsigned i = 0; i < nbins; i++) {
		char name[64];
		size_t size;

		snprintf(name, sizeof(name), "arenas.bin.%u.size", i);
		size = size_of(name);
		KIT_CHECK(size > last || i == 1);
		if (size > 128) /* smaller slots have a byte more */
			KIT_CHECK(je()->nallocx(size, 0) == size);
		last = size;
		snprintf(name, sizeof(name), "arenas.bin.%u.nregs", i);
		KIT_CHECK(unsigned_of(name) > 0);
		snprintf(name, sizeof(name), "arenas.bin.%u.slab_size", i);
		KIT_CHECK(size_of(name) >= size);
	}
	KIT_CHECK(unsigned_of("arenas.nlextents") > 0);
	KIT_CHECK(size_of("arenas.lextent.0.size") > last);
}

/* The same by numbers, the last of them counted through. */
static void
by_mib(void)
{
	size_t mib[8], miblen = 4, last = 0, len;
	unsigned nbins = unsigned_of("arenas.nbins");

	KIT_CHECK(
	    je()->mallctlnametomib("arenas.bin.0.size", mib, &miblen) == 0);
	KIT_CHECK(miblen == 4);
	for (mib[2] = 0; mib[2] < nbins; mib[2]++) {
		size_t size = 0;
		char name[64];

		len = sizeof(size);
		KIT_CHECK(
		    je()->mallctlbymib(mib, miblen, &size, &len, NULL, 0) == 0);
		snprintf(name, sizeof(name), "arenas.bin.%zu.size", mib[2]);
		KIT_CHECK(size == size_of(name));
		KIT_CHECK(size > last || mib[2] == 1);
		last = size;
	}
	mib[2] = nbins + 1; /* jemalloc itself has one too many */
	KIT_CHECK(
	    je()->mallctlbymib(mib, miblen, &last, &len, NULL, 0) == ENOENT);
	miblen = 2; /* shorter than the name: its beginning */
	KIT_CHECK(
	    je()->mallctlnametomib("arenas.bin.0.size", mib, &miblen) == 0);
	KIT_CHECK(miblen == 2);
	miblen = 8;
	KIT_CHECK(
	    je()->mallctlnametomib("no.such.name", mib, &miblen) == ENOENT);
}

static void
errors(void)
{
	size_t value = 7, len = sizeof(value);
	uint32_t half = 0;

	KIT_CHECK(
	    je()->mallctl("no.such.name", &value, &len, NULL, 0) == ENOENT);
	KIT_CHECK(je()->mallctl("stats", &value, &len, NULL, 0) == ENOENT);
	KIT_CHECK(je()->mallctl("", &value, &len, NULL, 0) == ENOENT);
	KIT_CHECK(
	    je()->mallctl("stats.allocatedx", &value, &len, NULL, 0) == ENOENT);
	KIT_CHECK(je()->mallctl("stats.allocated.x", &value, &len, NULL, 0) ==
		  ENOENT);
	KIT_CHECK(je()->mallctl(
		      "arenas.bin.9999.size", &value, &len, NULL, 0) == ENOENT);
	KIT_CHECK(value == 7);
	KIT_CHECK(je()->mallctl("stats.allocated", NULL, NULL, &value,
		      sizeof(value)) == EPERM);
	KIT_CHECK(je()->mallctl("arenas.page", NULL, NULL, &value,
		      sizeof(value)) == EPERM);
	len = sizeof(half);
	KIT_CHECK(
	    je()->mallctl("stats.allocated", &half, &len, NULL, 0) == EINVAL);
	KIT_CHECK(len == sizeof(half));
	len = 0;
	KIT_CHECK(
	    je()->mallctl("epoch", NULL, NULL, &half, sizeof(half)) == EINVAL);
	/* Nothing wanted, nothing given: is there such a name? */
	KIT_CHECK(je()->mallctl("stats.allocated", NULL, NULL, NULL, 0) == 0);
}

static void
version(void)
{
	const char *text = NULL;
	size_t len = sizeof(text);

	KIT_CHECK(je()->mallctl("version", &text, &len, NULL, 0) == 0);
	KIT_CHECK(text != NULL && text[0] >= '4' && text[0] <= '9');
}

/* -- malloc_stats_print -- */

struct page {
	char text[1 << 20];
	size_t len;
};

static void
collect(void *opaque, const char *text)
{
	struct page *page = opaque;
	size_t n = strlen(text);

	free(malloc(n)); /* allowed here */
	KIT_CHECK(page->len + n < sizeof(page->text));
	memcpy(page->text + page->len, text, n + 1);
	page->len += n;
}

static const char *
printed(const char *options)
{
	static struct page page;

	page.len = 0;
	page.text[0] = '\0';
	je()->malloc_stats_print(collect, &page, options);
	KIT_CHECK(page.len > 0);
	return page.text;
}

static void
print_text(void)
{
	void *p = malloc(5 * MIB);
	const char *text = printed(NULL), *at;

	KIT_CHECK(
	    strncmp(text, "___ Begin jemalloc statistics ___\n", 34) == 0);
	at = strstr(text, "Allocated: ");
	KIT_CHECK(at != NULL && strtoul(at + 11, NULL, 10) >= 5 * MIB);
	KIT_CHECK(strstr(text, ", active: ") != NULL);
	KIT_CHECK(strstr(text, "resident: ") != NULL);
	KIT_CHECK(strstr(text, "--- End jemalloc statistics ---\n") != NULL);
	KIT_CHECK(strlen(printed("gmdablxeh")) < strlen(printed("")));
	free(p);
}

/* Brackets pair, and outside of strings nothing is odd. */
static void
check_json(const char *at)
{
	char open[32];
	size_t depth = 0;

	for (char last = ','; *at != '\0'; last = *at++) {
		switch (*at) {
		case '"':
			at = strchr(at + 1, '"');
			KIT_CHECK(at != NULL);
			break;
		case '{':
		case '[':
			KIT_CHECK(depth < sizeof(open));
			open[depth++] = *at == '{' ? '}' : ']';
			break;
		case '}':
		case ']':
			KIT_CHECK(last != ',' && last != ':');
			KIT_CHECK(depth > 0 && open[--depth] == *at);
			break;
		case ',':
			KIT_CHECK(strchr(",:{[", last) == NULL);
			break;
		default:
			break;
		}
		while (at[1] == ' ' || at[1] == '\t' || at[1] == '\n')
			at++;
	}
	KIT_CHECK(depth == 0);
}

static void
print_json(void)
{
	const char *text = printed("J"), *at;

	KIT_CHECK(text[strspn(text, " \t\n")] == '{');
	check_json(text);
	KIT_CHECK(strstr(text, "\"jemalloc\":") != NULL);
	at = strstr(text, "\"stats\":");
	KIT_CHECK(at != NULL && strstr(at, "\"allocated\":") != NULL);
	KIT_CHECK(strstr(text, "\"resident\":") != NULL);
	KIT_CHECK(strstr(text, "\"narenas\":") != NULL);
	check_json(printed("Jgmdabl"));
}

static void
print_to_stderr(void)
{
	int old = dup(2), file = fileno(tmpfile());
	char text[64] = "";

	KIT_CHECK(dup2(file, 2) == 2);
	je()->malloc_stats_print(NULL, NULL, NULL);
	KIT_CHECK(dup2(old, 2) == 2);
	KIT_CHECK(pread(file, text, sizeof(text) - 1, 0) > 0);
	KIT_CHECK(strncmp(text, "___ Begin jemalloc", 18) == 0);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"stats-follow", stats_follow, 0, 0},
	    {"arenas", arenas, 0, 0},
	    {"by-mib", by_mib, 0, 0},
	    {"errors", errors, 0, 0},
	    {"version", version, 0, 0},
	    {"print-text", print_text, 0, 0},
	    {"print-json", print_json, 0, 0},
	    {"print-to-stderr", print_to_stderr, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
