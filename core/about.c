/* about.c -- what the library says of itself in a process
 *
 * MODEL   Where something is decided (the back end, that there will be no
 *         collector) it is noted in one struct.  `gcmalloc doctor` reads that
 *         from a running process; of a program that it runs itself it gets
 *         lines, in the log.
 *
 *         Most programs end before their heap is worth a collection.  What one
 *         would meet is known only when one has been tried: in a process that
 *         was asked for these lines that is done at its end.
 *
 * LOCKS   none: words, each complete in itself.
 *
 * FORK    a child says what its parent was, until it knows better.  It writes
 *         no lines where one process was asked for.
 */
#include "core/about.h"

#include "core/cycle.h"
#include "core/event.h"
#include "core/option.h"
#include "core/os.h"
#include "core/report.h"

enum {
	LINE_BYTES = 768,
	ANY_PROCESS = 1
};

static _Atomic bool silent; /* a filter may kill who opens a file; sticky */
#define COLLECT_NS 2000000000u

struct gcm_about gcm_about = {
    .head = GCM_ABOUT_HEAD,
    .size = sizeof(struct gcm_about),
#define COUNT(name, doc)
#define TEXT(name, doc) .name = "",
#include "core/about.def"
#undef COUNT
#undef TEXT
};

static bool
is_asked_for(void)
{
	return gcm_options.doctor == ANY_PROCESS ||
	       (gcm_options.doctor != 0 && gcm_options.doctor == gcm_os_pid());
}

static void
add_fields(struct gcm_text *text)
{
#define COUNT(name, doc)                                                       \
	gcm_text_add(text, "\t" #name "=");                                    \
	gcm_text_add_unsigned(text, atomic_load(&gcm_about.name));
#define TEXT(name, doc)                                                        \
	gcm_text_add(text, "\t" #name "=");                                    \
	gcm_text_add(text, atomic_load(&gcm_about.name));
#include "core/about.def"
#undef COUNT
#undef TEXT
}

static void
write_line(const char *event, bool apart)
{
	char buffer[LINE_BYTES];
	struct gcm_text text;

	gcm_text_init(&text, buffer, sizeof(buffer) - 1);
	gcm_text_add(&text, GCM_ABOUT_LINE "\tpid=");
	gcm_text_add_unsigned(&text, (uint64_t)gcm_os_pid());
	gcm_text_add(&text, "\tevent=");
	gcm_text_add(&text, event);
	add_fields(&text);
	*text.at++ = '\n';
	if (apart)
		(void)gcm_report_write_apart(&text);
	else
		gcm_report_write(&text);
}

void
gcm_about_begin(bool (*is_ours)(void))
{
	bool ours = true, asked = is_asked_for();

	atomic_store(&gcm_about.version, PACKAGE_VERSION);
	atomic_store(&gcm_about.mode, (uint64_t)gcm_options.MODE);
	atomic_store(&gcm_about.concurrent, (uint64_t)gcm_options.CONCURRENT);
	if (asked) {
		ours = is_ours();
		atomic_store(&gcm_about.malloc, ours ? "ours" : "other");
	}
	if (gcm_options.MODE == GCM_MODE_OFF)
		atomic_store(&gcm_about.off, "an option says so");
	else if (!ours)
		atomic_store(&gcm_about.off, "the heap is not in use");
	if (asked)
		write_line("begin", false);
}

void
gcm_about_collector(const char *back_end, const char *instead, int error)
{
	atomic_store(&gcm_about.back_end, back_end != NULL ? back_end : "none");
	atomic_store(&gcm_about.instead, instead);
	atomic_store(&gcm_about.error, (uint64_t)(error < 0 ? -error : error));
	GCM_NOTE(collector_begin, gcm_event_back_end(back_end),
	    (uint64_t)(error < 0 ? -error : error));
}

void
gcm_about_cycle(
    const struct gcm_cycle_stat *stat, const char *why, uint32_t in_vain)
{
	static const char *told = "nothing";       /* the collector's thread */
	static uint64_t told_alarm, told_complete; /* likewise */
	uint64_t alarmed = atomic_load(&gcm_about.alarmed);
	uint64_t complete = stat->cycles != 0;

	atomic_store(&gcm_about.cycles, stat->cycles);
	atomic_store(&gcm_about.abandoned, stat->abandoned);
	atomic_store(&gcm_about.reclaimed, stat->reclaimed_bytes);
	atomic_store(&gcm_about.in_vain, in_vain);
	atomic_store(&gcm_about.why, why != NULL ? why : "");
	if ((told == why && told_alarm == alarmed &&
		told_complete == complete) ||
	    !is_asked_for())
		return;
	told = why;
	told_alarm = alarmed;
	told_complete = complete;
	write_line("cycle", true);
}

void
gcm_about_disable(const char *why)
{
	atomic_store(&gcm_about.off, why);
	if (!atomic_exchange(&silent, true) && is_asked_for())
		write_line("off", false);
}

void
gcm_about_end(void)
{
	if (!is_asked_for() || atomic_load(&silent))
		return;
	if (atomic_load(&gcm_about.cycles) == 0 &&
	    *atomic_load(&gcm_about.off) == '\0')
		(void)gcm_cycle_collect(COLLECT_NS);
	write_line("exit", false);
}
