/* about_format.h -- what the library says of itself, as `gcmalloc doctor` reads
 *
 * In a line of text:
 *   gcmalloc doctor <tab> pid=N <tab> event=WORD [<tab> NAME=VALUE]...
 * <newline> with a pair for each row of about.def, of which a reader takes
 * those it knows.
 *
 * In the memory of a running process: the struct lies in the library's data,
 * which the mappings show, and is found by its head.
 */
#ifndef GCM_CORE_ABOUT_FORMAT_H
#define GCM_CORE_ABOUT_FORMAT_H

#include <stdint.h>

#define GCM_ABOUT_CHANNEL "gcmalloc" /* begins the channel's name */
#define GCM_ABOUT_LINE "gcmalloc doctor"
#define GCM_ABOUT_HEAD "gcmalloc about 2" /* another struct: another number */

enum {
	GCM_ABOUT_HEAD_BYTES = sizeof(GCM_ABOUT_HEAD) - 1,
	GCM_ABOUT_ALIGN = 16
};

/* Figures of the last collection (core/figure.c). */
struct gcm_kept {
#define KEPT(name, type, unit, doc) _Atomic uint64_t name;
#define ASKED(name, type, unit, doc)
#define WORDS(name, doc)
#define SPLIT(name, unit, doc)
#include "core/figure.def"
#undef KEPT
#undef ASKED
#undef WORDS
#undef SPLIT
};

/* Each field is written by whoever finds it out, and read by all. */
struct gcm_about {
	char head[GCM_ABOUT_HEAD_BYTES]; /* const */
	uint64_t size;                   /* const: of the struct */
#define COUNT(name, doc) _Atomic uint64_t name;
#define TEXT(name, doc) const char *_Atomic name;
#include "core/about.def"
#undef COUNT
#undef TEXT
	struct gcm_kept kept;
} __attribute__((aligned(GCM_ABOUT_ALIGN)));

#endif
