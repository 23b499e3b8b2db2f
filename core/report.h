/* report.h -- lines of text without stdio
 *
 * A line is built in a buffer of the caller and written by one write(2).
 */
#ifndef GCM_CORE_REPORT_H
#define GCM_CORE_REPORT_H

#include "core/base.h"

struct gcm_text {
	char *at, *end; /* the next byte and the byte after the last */
	char *start;
};

void gcm_text_init(struct gcm_text *text, char *buffer, size_t len);
void gcm_text_add(struct gcm_text *text, const char *string);
void gcm_text_add_unsigned(struct gcm_text *text, uint64_t value);
void gcm_text_add_hex(struct gcm_text *text, uint64_t value);

/* value / 10^ndecimals, all decimals. */
void gcm_text_add_decimal(
    struct gcm_text *text, uint64_t value, unsigned int ndecimals);

/* A size with one decimal and unit: "3.5 MiB". */
void gcm_text_add_bytes(struct gcm_text *text, uint64_t bytes);

/* Append spaces until `column` characters of the current line are used. */
void gcm_text_pad(struct gcm_text *text, size_t column);

/* Where lines that were asked for go: GCM_LOG's file, else stderr if it is
 * still what it was when the library began.  `path` may be NULL; "%p" in it is
 * the process id.
 */
void gcm_report_open(const char *path);

/* The library begins: this is stderr.  Lines that nobody asked for go there
 * only while it is the same.
 */
void gcm_report_note(void);

/* Write a text to the log. */
void gcm_report_write(const struct gcm_text *text);

/* The same by a thread that has a table of descriptors of its own.  Waits at
 * most a moment for a reader; false when the line was dropped.
 */
bool gcm_report_write_apart(const struct gcm_text *text);

/* One warning line to stderr: "gcmalloc: A B". */
void gcm_report_warn(const char *a, const char *b);

#endif
