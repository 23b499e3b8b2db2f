/* report.c -- lines of text without stdio
 *
 * MODEL   By the time we write, the program may have made descriptor 2 its
 *         own socket or file.  So its device and inode are noted
 *         when a report is first asked for by an option, and compared before
 *         each write; on a difference the line is dropped.  A log file is
 *         opened for each write and closed again: no descriptor is kept.
 *
 *         The collector's thread has an empty table of descriptors.  For each
 *         line it fetches the program's 2, and lets go of it.  If nobody reads
 *         what the program writes, that thread must not hang: it would stop
 *         answering those who want it gone.
 */
#include "core/report.h"

#include "core/os.h"

enum {
	LINE_BYTES = 256,
	PATH_BYTES = 512,
	STDERR = 2,
	READER_NS = 20 * 1000 * 1000 /* for one who reads slowly */
};

static struct {
	uint64_t dev, ino;     /* of stderr; const once opened */
	bool known;            /* as dev */
	bool noted;            /* as dev: it is known, or was closed */
	char path[PATH_BYTES]; /* const once opened; empty: stderr */
} log_target;

void
gcm_text_init(struct gcm_text *text, char *buffer, size_t len)
{
	text->start = buffer;
	text->at = buffer;
	text->end = buffer + len;
}

void
gcm_text_add(struct gcm_text *text, const char *string)
{
	while (*string != '\0' && text->at < text->end)
		*text->at++ = *string++;
}

static void
add_digits(struct gcm_text *text, uint64_t value, unsigned int base)
{
	char digits[24];
	unsigned int n = sizeof(digits);

	digits[--n] = '\0';
	do {
		digits[--n] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value != 0);
	gcm_text_add(text, digits + n);
}

void
gcm_text_add_unsigned(struct gcm_text *text, uint64_t value)
{
	add_digits(text, value, 10);
}

void
gcm_text_add_hex(struct gcm_text *text, uint64_t value)
{
	gcm_text_add(text, "0x");
	add_digits(text, value, 16);
}

void
gcm_text_add_decimal(
    struct gcm_text *text, uint64_t value, unsigned int ndecimals)
{
	uint64_t unit = 1;

	for (unsigned int i = 0; i < ndecimals; i++)
		unit *= 10;
	add_digits(text, value / unit, 10);
	if (ndecimals > 0)
		gcm_text_add(text, ".");
	value %= unit;
	for (unsigned int i = 0; i < ndecimals; i++) {
		value *= 10;
		add_digits(text, value / unit, 10);
		value %= unit;
	}
}

void
gcm_text_add_bytes(struct gcm_text *text, uint64_t bytes)
{
	static const char *const units[] = {
	    " B", " KiB", " MiB", " GiB", " TiB"};
	unsigned int unit = 0;
	uint64_t tenths = bytes * 10;

	while (tenths >= 10240 && unit < 4) {
		tenths = (tenths + 512) / 1024;
		unit++;
	}
	add_digits(text, tenths / 10, 10);
	if (unit > 0) {
		gcm_text_add(text, ".");
		add_digits(text, tenths % 10, 10);
	}
	gcm_text_add(text, units[unit]);
}

void
gcm_text_pad(struct gcm_text *text, size_t column)
{
	char *line = text->at;

	while (line > text->start && line[-1] != '\n')
		line--;
	while ((size_t)(text->at - line) < column && text->at < text->end)
		*text->at++ = ' ';
}

static void
expand_path(const char *pattern)
{
	struct gcm_text text;

	gcm_text_init(&text, log_target.path, sizeof(log_target.path) - 1);
	for (; *pattern != '\0'; pattern++) {
		char one[2] = {*pattern, '\0'};

		if (pattern[0] == '%' && pattern[1] == 'p') {
			gcm_text_add_unsigned(&text, (uint64_t)gcm_os_pid());
			pattern++;
		} else {
			gcm_text_add(&text, one);
		}
	}
	*text.at = '\0';
}

void
gcm_report_note(void)
{
	log_target.noted = true;
	log_target.known =
	    gcm_os_identity(STDERR, &log_target.dev, &log_target.ino) == 0;
}

void
gcm_report_open(const char *path)
{
	gcm_report_note();
	if (path != NULL && *path != '\0')
		expand_path(path);
}

/* Is fd what stderr was at the start? */
static bool
is_stderr(int fd)
{
	uint64_t dev, ino;

	return log_target.known && gcm_os_identity(fd, &dev, &ino) == 0 &&
	       dev == log_target.dev && ino == log_target.ino;
}

/* A line that nobody asked for.  What became 2 since the start is not for us,
 * except for last words where a daemon keeps its own.
 */
static void
write_unasked(const struct gcm_text *text, bool last)
{
	if (!log_target.noted || is_stderr(STDERR) ||
	    (last && gcm_os_is_for_lines(STDERR)))
		(void)gcm_os_write(
		    STDERR, text->start, (size_t)(text->at - text->start));
}

void
gcm_report_write(const struct gcm_text *text)
{
	size_t len = (size_t)(text->at - text->start);
	int fd;

	if (log_target.path[0] == '\0') {
		if (is_stderr(STDERR))
			(void)gcm_os_write(STDERR, text->start, len);
		return;
	}
	fd = gcm_os_open_log(log_target.path);
	if (fd < 0)
		return;
	(void)gcm_os_write(fd, text->start, len);
	gcm_os_close(fd);
}

bool
gcm_report_write_apart(const struct gcm_text *text)
{
	size_t len = (size_t)(text->at - text->start);
	bool to_log = log_target.path[0] != '\0', done = false;
	int fd;

	if (!to_log && !log_target.known)
		return false;
	fd = to_log ? gcm_os_open_log(log_target.path)
		    : gcm_os_open_program(STDERR);
	if (fd < 0)
		return false;
	if ((to_log || is_stderr(fd)) && gcm_os_await_write(fd, READER_NS))
		done = gcm_os_write(fd, text->start, len) == 0;
	gcm_os_close(fd);
	return done;
}

void
gcm_report_warn(const char *a, const char *b)
{
	char buffer[LINE_BYTES];
	struct gcm_text text;

	gcm_text_init(&text, buffer, sizeof(buffer) - 1);
	gcm_text_add(&text, "gcmalloc: ");
	gcm_text_add(&text, a);
	gcm_text_add(&text, b);
	*text.at++ = '\n';
	write_unasked(&text, false);
}

void
gcm_misuse(const char *call, const char *what, const void *addr)
{
	char buffer[LINE_BYTES];
	struct gcm_text text;

	gcm_text_init(&text, buffer, sizeof(buffer));
	gcm_text_add(&text, "gcmalloc: ");
	gcm_text_add(&text, call);
	gcm_text_add(&text, "(): ");
	gcm_text_add(&text, what);
	gcm_text_add(&text, " ");
	gcm_text_add_hex(&text, (uintptr_t)addr);
	gcm_text_add(&text, "\n");
	write_unasked(&text, true);
	gcm_os_abort();
}

void
gcm_die(const char *what)
{
	gcm_report_warn("internal error: ", what);
	gcm_os_trap();
}
