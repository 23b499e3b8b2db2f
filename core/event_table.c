/* event_table.c -- the words of event.def
 *
 * MODEL   The table that begins a process's part of a trace: what its numbers
 *         mean, made from event.def, and what the process is. And the numbers
 *         of words that the library has as words.
 */
#include <string.h>

#include "core/event_state.h"
#include "core/limit.h"
#include "core/option.h"
#include "core/os.h"
#include "core/report.h"

enum {
	PATH_BYTES = 512
};

/* The table ---------------------------------------------------------------- */

static void
add_words(struct gcm_text *text, const char *a, const char *b, uint64_t number)
{
	gcm_text_add(text, a);
	gcm_text_add(text, b);
	gcm_text_add(text, " ");
	gcm_text_add_unsigned(text, number);
	gcm_text_add(text, "\n");
}

/* A path is a line's end. */
static void
add_path(struct gcm_text *text, const char *name, const char *path)
{
	char *from;

	gcm_text_add(text, "set ");
	gcm_text_add(text, name);
	gcm_text_add(text, " ");
	from = text->at;
	gcm_text_add(text, path);
	for (; from < text->at; from++)
		if (*from == '\n')
			*from = '?';
	gcm_text_add(text, "\n");
}

static void
add_number(struct gcm_text *text, const char *name, int64_t value)
{
	gcm_text_add(text, "set option.");
	gcm_text_add(text, name);
	gcm_text_add(text, value < 0 ? " -" : " ");
	gcm_text_add_unsigned(text, (uint64_t)(value < 0 ? -value : value));
	gcm_text_add(text, "\n");
}

static void
add_events(struct gcm_text *text)
{
#define EVENT(name, fields, doc)                                               \
	gcm_text_add(text, "event ");                                          \
	gcm_text_add_unsigned(text, GCM_EVENT_##name);                         \
	gcm_text_add(text, " " #name " " fields "\n");
#define ENUM(name, number, word)                                               \
	gcm_text_add(text, "enum " #name " " #number " " word "\n");
#include "core/event.def"
#undef EVENT
#undef ENUM
}

static void
add_options(struct gcm_text *text)
{
#define OPT(name, dflt, lo, hi, unit, status, doc)                             \
	add_number(text, #name, gcm_options.name);
#define PATH(name, status, doc)                                                \
	if (gcm_options.name != NULL)                                          \
		add_path(text, "option." #name, gcm_options.name);
#define DBG(name, dflt, lo, hi, status, doc)                                   \
	add_number(text, #name, gcm_options.name);
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG
}

static void
add_process(struct gcm_text *text)
{
	char program[PATH_BYTES];
	uint64_t before = gcm_os_now_ns(), wall = gcm_os_realtime_ns();

	gcm_text_add(text, "set version " PACKAGE_VERSION "\n");
	add_words(text, "set ", "pid", gcm_event.pid);
	add_words(text, "set ", "page_size", gcm_os_page_size());
	add_words(text, "set ", "realtime_ns", wall);
	add_words(text, "set ", "monotonic_ns",
	    before + (gcm_os_now_ns() - before) / 2);
	add_words(text, "set ", "cpus", gcm_limit_cpus());
	gcm_os_program(program, sizeof(program));
	add_path(text, "exe", program);
}

size_t
gcm_event_make_table(char *room, size_t most, size_t align)
{
	struct gcm_batch *batch = (struct gcm_batch *)(void *)room;
	struct gcm_text text;
	size_t len;

	gcm_text_init(&text, room, most);
	text.at += sizeof(*batch);
	add_process(&text);
	add_events(&text);
	add_options(&text);
	len = gcm_round_up((size_t)(text.at - text.start), align);
	memset(text.at, '\n', len - (size_t)(text.at - text.start));
	*batch = (struct gcm_batch){
	    .magic = GCM_BATCH_MAGIC,
	    .kind = GCM_BATCH_TABLE,
	    .bytes = (uint32_t)len,
	    .pid = gcm_event.pid,
	};
	return len;
}

/* Phases ------------------------------------------------------------------- */

static _Atomic uint32_t phase_now; /* enum gcm_phase; the collector's thread */

void
gcm_event_enter(enum gcm_phase phase)
{
	if (atomic_exchange(&phase_now, phase) != phase)
		GCM_NOTE(phase, phase);
}

enum gcm_phase
gcm_event_phase(void)
{
	return (enum gcm_phase)atomic_load(&phase_now);
}

/* A word of event.def. */
struct word {
	const char *kind, *word;
	uint64_t number;
};

static const struct word enum_words[] = {
#define EVENT(name, fields, doc)
#define ENUM(name, number, word) {#name, word, number},
#include "core/event.def"
#undef EVENT
#undef ENUM
};

const char *
gcm_event_phase_name(enum gcm_phase phase)
{
	for (size_t i = 0; i < sizeof(enum_words) / sizeof(enum_words[0]); i++)
		if (strcmp(enum_words[i].kind, "phase") == 0 &&
		    enum_words[i].number == phase)
			return enum_words[i].word;
	return "unknown";
}

uint64_t
gcm_event_back_end(const char *name)
{
	for (size_t i = 0; i < sizeof(enum_words) / sizeof(enum_words[0]); i++)
		if (name != NULL &&
		    strcmp(enum_words[i].kind, "back_end") == 0 &&
		    strcmp(enum_words[i].word, name) == 0)
			return enum_words[i].number;
	return 0;
}
