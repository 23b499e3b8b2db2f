/* event_format.h -- the execution trace, as GCM_TRACE writes it and
 * `gcmalloc trace` reads it
 *
 * A file is a sequence of batches, each a multiple of eight bytes long, in the
 * machine's byte order.  Batches of several processes may follow each other in
 * one file (children of fork without "%p" in the name).  A reader looks at the
 * head's magic and length, skips kinds it does not know, and ends at the first
 * batch that is cut short.
 *
 * GCM_BATCH_TABLE   text, padded with newlines, the first batch of a process:
 *   what the numbers mean (made from event.def, so that a reader needs no copy
 *   of it), and what the process is.  A line each, words separated by blanks:
 *     event ID NAME FIELD:KIND...   KIND: ns bytes count tid addr bool text or
 *                                   an enum's name
 *     enum NAME NUMBER WORD         a value of it
 *     set NAME VALUE                of the process: version, pid, page_size,
 *                                   realtime_ns and monotonic_ns (read
 *                                   together), cpus, exe, option.NAME; the
 *                                   value reaches to the end of the line
 *
 * GCM_BATCH_EVENTS  records, each of 64-bit words:
 *     word 0   bits 0-7 the event's ID, 8-15 how many words the record has,
 *              32-63 the thread's id
 *     word 1   CLOCK_MONOTONIC in ns
 *     word 2.. the fields in their order, a word each; a text is
 *              GCM_EVENT_TEXT_WORDS words, ended or filled up by zeros.
 *   A word 0 of zero ends the batch's records: it was being written when the
 *   process ended, or the rest is unused.  Records of a batch are by one or a
 *   few threads and nearly in order of time; the reader sorts.
 *
 * GCM_TRACE with GCM_DEBUG=flight=BYTES makes the file a ring that is mapped by
 * the process: as long as all its batches, of GCM_BATCH_BYTES each; the oldest
 * is overwritten.  `number` then says the order.  It is there after any death.
 */
#ifndef GCM_CORE_EVENT_FORMAT_H
#define GCM_CORE_EVENT_FORMAT_H

#include <stdint.h>

#define GCM_BATCH_MAGIC 0x3154434d47ULL /* "GMCT1", little-endian */

enum {
	GCM_BATCH_TABLE = 1,
	GCM_BATCH_EVENTS = 2
};

enum {
	GCM_BATCH_BYTES = 4096, /* of those with events */
	GCM_EVENT_TEXT_WORDS = 4,
	GCM_EVENT_HEAD_WORDS = 2,
	GCM_EVENT_WORDS_MAX = 32
};

struct gcm_batch {
	uint64_t magic;
	uint32_t kind;
	uint32_t bytes;  /* of the batch, this head included */
	uint32_t pid;    /* in the process's own namespace */
	uint32_t unused; /* 0 */
	uint64_t
	    number;    /* 1, 2... in a process, in the order they were begun */
	uint64_t lost; /* events of the process that had no room until then */
};

/* The events' numbers, from event.def. */
enum gcm_event_id {
	GCM_EVENT_NONE,
#define EVENT(name, fields, doc) GCM_EVENT_##name,
#define ENUM(name, number, word)
#include "core/event.def"
#undef EVENT
#undef ENUM
	GCM_EVENTS
};

#endif
