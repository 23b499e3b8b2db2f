/* answer.c -- what the library says of itself in a process
 *
 * MODEL   core/about_format.h: lines of text, or a struct in memory.  In the
 *         struct, texts are addresses in the process.
 */
#include "tools/answer.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/about_format.h"
#include "tools/launch.h"
#include "tools/system.h"

enum {
	LINE_BYTES = 4600,
	DATA_MOST = 16 << 20, /* of the library, in one mapping */
	IN_VAIN = 3           /* collections given up in a row: no accident */
};

enum { /* values of GCM_MODE */
	MODE_REPORT = 1
};

static void
take_pair(struct answer *answer, const char *name, const char *value)
{
#define COUNT(field, doc)                                                      \
	if (strcmp(name, #field) == 0)                                         \
		answer->field = strtoul(value, NULL, 10);
#define TEXT(field, doc)                                                       \
	if (strcmp(name, #field) == 0)                                         \
		snprintf(answer->field, sizeof(answer->field), "%s", value);
#include "core/about.def"
#undef COUNT
#undef TEXT
}

bool
take_answer(struct answer *answer, long process, char *line)
{
	char *pair, *rest;
	bool ours = false;

	line[strcspn(line, "\n")] = '\0';
	pair = strtok_r(line, "\t", &rest);
	if (pair == NULL || strcmp(pair, GCM_ABOUT_LINE) != 0)
		return false;
	while ((pair = strtok_r(NULL, "\t", &rest)) != NULL) {
		char *value = strchr(pair, '=');

		if (value == NULL)
			continue;
		*value++ = '\0';
		if (strcmp(pair, "pid") == 0)
			ours = strtol(value, NULL, 10) == process;
		else if (ours)
			take_pair(answer, pair, value);
	}
	answer->heard |= ours;
	return true;
}

/* From memory -------------------------------------------------------------- */

/* `at` is an address in the process. */
static void
read_words(int memory, uint64_t at, char *text)
{
	ssize_t got = pread(memory, text, ANSWER_BYTES - 1, (off_t)at);

	text[got > 0 ? got : 0] = '\0';
}

static void
read_fields(struct answer *answer, int memory, const struct gcm_about *about)
{
#define COUNT(name, doc) answer->name = about->name;
#define TEXT(name, doc) read_words(memory, (uint64_t)about->name, answer->name);
#include "core/about.def"
#undef COUNT
#undef TEXT
#define KEPT(name, type, unit, doc) answer->kept_##name = about->kept.name;
#define ASKED(name, type, unit, doc)
#define WORDS(name, doc)
#define SPLIT(name, unit, doc)
#include "core/figure.def"
#undef KEPT
#undef ASKED
#undef WORDS
#undef SPLIT
	answer->heard = true;
}

void
write_answer(FILE *out, long process, const struct answer *answer)
{
	static const char *const modes[] = {"collect", "report", "off", "off"};

	fprintf(out, "pid %ld\nmode %s\n", process,
	    modes[answer->mode < 4 ? answer->mode : 3]);
	/* Before the first collection ends only counters can be told of. */
#define KEPT(name, type, unit, doc)                                            \
	if (answer->kept_ended_ns != 0 || answer->kept_##name != 0 ||          \
	    #type[0] == 'c')                                                   \
		fprintf(out, #name " %lu\n", answer->kept_##name);
#define ASKED(name, type, unit, doc)
#define WORDS(name, doc) fprintf(out, #name " %s\n", answer->name);
#define SPLIT(name, unit, doc)
#include "core/figure.def"
#undef KEPT
#undef ASKED
#undef WORDS
#undef SPLIT
}

static int
search_mapping(struct answer *answer, int memory, uint64_t lo, uint64_t hi)
{
	size_t len = (size_t)(hi - lo);
	char *bytes;
	int error = ENOENT;
	ssize_t got;

	if (hi <= lo || hi - lo > DATA_MOST)
		return ENOENT;
	bytes = aligned_alloc(4096, (len + 4095) & ~(size_t)4095);
	if (bytes == NULL)
		return ENOMEM;
	got = pread(memory, bytes, len, (off_t)lo);
	if (got < 0)
		error = errno;
	for (size_t at = 0;
	     got > 0 && at + sizeof(struct gcm_about) <= (size_t)got;
	     at += GCM_ABOUT_ALIGN) {
		const struct gcm_about *about = (const void *)(bytes + at);

		if (memcmp(about->head, GCM_ABOUT_HEAD, GCM_ABOUT_HEAD_BYTES) ==
			0 &&
		    about->size == sizeof(*about)) {
			read_fields(answer, memory, about);
			error = 0;
			break;
		}
	}
	free(bytes);
	return error;
}

int
find_mapped(long process, char *path)
{
	char name[64], line[PATH_MAX + 128];
	int error = ENOENT;
	FILE *maps;

	snprintf(name, sizeof(name), "/proc/%ld/maps", process);
	maps = fopen(name, "re");
	if (maps == NULL)
		return errno == ENOENT ? ESRCH : errno;
	errno = 0;
	while (error != 0 && fgets(line, sizeof(line), maps) != NULL) {
		const char *at = strchr(line, '/');

		line[strcspn(line, "\n")] = '\0';
		if (at == NULL || strstr(at, "/" LIBRARY) == NULL)
			continue;
		snprintf(path, PATH_MAX, "%s", at);
		error = 0;
	}
	if (error != 0 && errno != 0)
		error = errno;
	fclose(maps);
	return error;
}

int
read_answer(struct answer *answer, long process, const char *path)
{
	char line[LINE_BYTES];
	int memory, error = ENOENT;
	FILE *maps;

	memset(answer, 0, sizeof(*answer));
	snprintf(line, sizeof(line), "/proc/%ld/mem", process);
	memory = open(line, O_RDONLY | O_CLOEXEC);
	if (memory < 0)
		return errno;
	snprintf(line, sizeof(line), "/proc/%ld/maps", process);
	maps = fopen(line, "re");
	while (maps != NULL && !answer->heard &&
	       fgets(line, sizeof(line), maps) != NULL) {
		uint64_t lo, hi;
		char rights[5];

		if (strstr(line, path) == NULL ||
		    sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s", &lo, &hi,
			rights) != 3 ||
		    rights[1] != 'w')
			continue;
		error = search_mapping(answer, memory, lo, hi);
	}
	if (maps != NULL)
		fclose(maps);
	close(memory);
	return error;
}

/* Conclusions -------------------------------------------------------------- */

/* The words are the library's own. */
static bool
says_option(const char *why)
{
	return strstr(why, "an option") != NULL;
}

static void
check_back_end(const struct answer *answer, struct findings *findings)
{
	int error = (int)answer->error;
	const char *advice = error != 0 ? advise_tracking(error)
			     : says_option(answer->instead)
				 ? "unset GCM_CONCURRENT"
				 : NULL;

	if (strcmp(answer->back_end, "pagemap") == 0)
		add_finding(findings, SEVERITY_OK, "back end", NULL,
		    "pagemap: marking goes on beside the program");
	else if (strcmp(answer->back_end, "none") == 0)
		add_finding(findings, SEVERITY_WARN, "back end", NULL,
		    "none: %s%s%s", answer->instead, error != 0 ? ": " : "",
		    error != 0 ? strerror(error) : "");
	else
		add_finding(findings, SEVERITY_WARN, "back end", advice,
		    "%s: %s%s%s", answer->back_end, answer->instead,
		    error != 0 ? ": " : "", error != 0 ? strerror(error) : "");
}

/* The words are core/gctrace.c's. */
static const char *
advise_giving_up(const char *why)
{
	static const struct {
		const char *word;
		const char *advice;
	} advices[] = {
	    {"hides", "nothing is ever collected with that library"},
	    {"filter", "allow the calls in the filter, or have it refuse them "
		       "by an error"},
	    {"another process", "a child by vfork or a raw clone lives on"},
	    {"signal handler", "look at what handlers the program installs"},
	    {"did not stop", "a thread blocks all signals, or waits in the "
			     "kernel"},
	    {"no thread", "raise the limit of processes (ulimit -u, pids.max)"},
	    {"faster", "raise GCM_PERCENT or GCM_PAUSE"},
	};

	for (size_t i = 0; i < sizeof(advices) / sizeof(advices[0]); i++)
		if (strstr(why, advices[i].word) != NULL)
			return advices[i].advice;
	return NULL;
}

static void
check_collections(const struct answer *answer, struct findings *findings)
{
	bool vain = answer->cycles == 0 || answer->in_vain >= IN_VAIN;

	if (answer->why[0] != '\0' && vain)
		add_finding(findings, SEVERITY_WARN, "collector",
		    advise_giving_up(answer->why),
		    "gives up: %s (%lu came to an end, %lu were given up)",
		    answer->why, answer->cycles, answer->abandoned);
	else if (answer->cycles > 0)
		add_finding(findings, SEVERITY_OK, "collector", NULL,
		    "works: %lu collections, %lu given up, %lu bytes reclaimed",
		    answer->cycles, answer->abandoned, answer->reclaimed);
	if (answer->alarmed != 0)
		add_finding(findings, SEVERITY_WARN, "collector",
		    "pointers are hidden: see GCM_PTRMASK, GCM_ALIGN",
		    "reclaims nothing any more: a block was freed that had "
		    "seemed lost");
	if (answer->mode == MODE_REPORT)
		add_finding(findings, SEVERITY_WARN, "collector",
		    "unset GCM_MODE", "reclaims nothing: GCM_MODE is report");
}

void
inspect_answer(const struct answer *answer, struct findings *findings)
{
	if (strcmp(answer->malloc, "other") == 0) {
		add_finding(findings, SEVERITY_FAIL, "malloc", NULL,
		    "the program's malloc is another's");
		return;
	}
	if (answer->off[0] != '\0') {
		add_finding(findings, SEVERITY_WARN, "collector",
		    says_option(answer->off) ? "unset GCM_MODE" : NULL,
		    "off: %s", answer->off);
		return;
	}
	if (answer->back_end[0] != '\0')
		check_back_end(answer, findings);
	else if (answer->why[0] == '\0')
		add_finding(findings, SEVERITY_NOTE, "collector", NULL,
		    "has not begun: the heap was too small to be worth it");
	check_collections(answer, findings);
	if (answer->channel[0] != '\0')
		add_finding(findings, SEVERITY_NOTE, "channel",
		    says_option(answer->channel) ? "unset GCM_CHANNEL" : NULL,
		    "gcmalloc stat cannot ask it: %s", answer->channel);
}
