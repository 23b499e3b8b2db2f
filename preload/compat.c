/* compat.c -- glibc's calls that tune and describe malloc
 *
 * MODEL   Figures are counted from the heap's tables when somebody asks
 *         (core/stat.c).  They are told in glibc's words:
 *
 *         arena, system    spans of slots, and free pages that may still be
 *                          resident: what we hold.  Free pages that were never
 *                          touched, or were given back, are nobody's memory.
 *         hblkhd, mmap     large blocks, each a span of its own
 *         fordblks, rest   free slots and those free pages
 *         fsmblks, fast    of these, slots in thread caches
 *         keepcost         what malloc_trim could give back at once
 *
 *         uordblks + fordblks == arena.  glibc keeps the greatest value some
 *         of its figures ever had; we do not: the `max` of malloc_info is the
 *         heap's address space, which never shrinks and bounds it, and
 *         malloc_stats says how things are now.
 *
 *         mallopt takes every value that glibc takes, and nothing follows from
 *         it: there are no arenas, no mmap threshold, no top to trim.  The old
 *         hooks (__malloc_hook...) are not exported: glibc itself calls them
 *         no more since 2.34.
 *
 *         No lock is held while text goes out, so that stdio may allocate.
 */
#include <errno.h>
#include <malloc.h>
#include <stdio.h>
#include <sys/resource.h>

#include "core/core.h"
#include "preload/preload.h"

enum {
	MXFAST_MAX = 160, /* glibc takes no more for M_MXFAST */
	SHEET_BYTES = 512,
	STDERR = 2
};

GCM_EXPORT int
mallopt(int parameter, int value)
{
	return parameter != M_MXFAST || (value >= 0 && value <= MXFAST_MAX);
}

/* Does the program want the addresses back, too? */
static bool
are_addresses_limited(void)
{
	struct rlimit space = {0}, data = {0};

	return getrlimit(RLIMIT_AS, &space) == 0 &&
	       getrlimit(RLIMIT_DATA, &data) == 0 &&
	       (space.rlim_cur != RLIM_INFINITY ||
		   data.rlim_cur != RLIM_INFINITY);
}

GCM_EXPORT int
malloc_trim(size_t pad)
{
	/* As in stat.c: this thread may hold locks while another forks. */
	if (gcm_cache_self() == &gcm_cache_none)
		gcm_cache_note_stranger();
	if (!gcm_heap_enter())
		return 0;
	gcm_cache_flush_all(gcm_cache_self());
	/* While a cycle reads pages none of them is unmapped. */
	if (pad == 0 && gcm_pin_is_on() && are_addresses_limited())
		(void)gcm_cycle_stop();
	return gcm_scavenge_now(pad);
}

/* Figures ------------------------------------------------------------------ */

GCM_EXPORT struct mallinfo2
mallinfo2(void)
{
	struct gcm_stat stat;
	struct mallinfo2 info = {0};

	gcm_stat_collect(&stat, NULL);
	info.arena = gcm_stat_held(&stat);
	info.ordblks = stat.free_blocks + stat.dirty_runs;
	info.smblks = stat.cached_blocks;
	info.hblks = stat.large_blocks;
	info.hblkhd = stat.large;
	info.fsmblks = stat.cached;
	info.fordblks = gcm_stat_spare(&stat);
	info.uordblks = info.arena - info.fordblks;
	info.keepcost = stat.dirty_pages;
	return info;
}

/* As in glibc, figures that do not fit an int are cut off. */
GCM_EXPORT struct mallinfo
mallinfo(void)
{
	struct mallinfo2 wide = mallinfo2();
	struct mallinfo info = {
	    .arena = (int)wide.arena,
	    .ordblks = (int)wide.ordblks,
	    .smblks = (int)wide.smblks,
	    .hblks = (int)wide.hblks,
	    .hblkhd = (int)wide.hblkhd,
	    .fsmblks = (int)wide.fsmblks,
	    .uordblks = (int)wide.uordblks,
	    .fordblks = (int)wide.fordblks,
	    .keepcost = (int)wide.keepcost,
	};

	return info;
}

static void
add_figure(struct gcm_text *text, const char *name, uint64_t value)
{
	uint64_t limit = 10;

	gcm_text_add(text, name);
	for (int width = 1; width < 10; width++, limit *= 10)
		if (value < limit)
			gcm_text_add(text, " ");
	gcm_text_add_unsigned(text, value);
	gcm_text_add(text, "\n");
}

/* Written straight to descriptor 2: glibc promises that this is no point of
 * cancellation, and it may be called where stdio's lock is held.
 */
GCM_EXPORT void
malloc_stats(void)
{
	char buffer[SHEET_BYTES];
	struct gcm_text text;
	struct gcm_stat stat;
	uint64_t held, used;

	gcm_stat_collect(&stat, NULL);
	held = gcm_stat_held(&stat);
	used = held - gcm_stat_spare(&stat);
	gcm_text_init(&text, buffer, sizeof(buffer));
	gcm_text_add(&text, "Arena 0:\n");
	add_figure(&text, "system bytes     = ", held);
	add_figure(&text, "in use bytes     = ", used);
	gcm_text_add(&text, "Total (incl. mmap):\n");
	add_figure(&text, "system bytes     = ", held + stat.large);
	add_figure(&text, "in use bytes     = ", used + stat.large);
	add_figure(&text, "mmap regions     = ", stat.large_blocks);
	add_figure(&text, "mmap bytes       = ", stat.large);
	(void)gcm_os_write(STDERR, text.start, (size_t)(text.at - text.start));
}

/* malloc_info -------------------------------------------------------------- */

struct sheet {
	FILE *file;
	struct gcm_text text;
	char buffer[SHEET_BYTES];
};

static void
begin_sheet(struct sheet *sheet)
{
	gcm_text_init(&sheet->text, sheet->buffer, sizeof(sheet->buffer) - 1);
}

static void
end_sheet(struct sheet *sheet)
{
	*sheet->text.at = '\0';
	(void)fputs(sheet->buffer, sheet->file);
	begin_sheet(sheet);
}

static void
add_attribute(struct sheet *sheet, const char *before, uint64_t value)
{
	gcm_text_add(&sheet->text, before);
	gcm_text_add_unsigned(&sheet->text, value);
	gcm_text_add(&sheet->text, "\"");
}

static void
add_size(struct sheet *sheet, const char *before, uint64_t from, uint64_t to,
    uint64_t total, uint64_t count)
{
	add_attribute(sheet, before, from);
	add_attribute(sheet, " to=\"", to);
	add_attribute(sheet, " total=\"", total);
	add_attribute(sheet, " count=\"", count);
	gcm_text_add(&sheet->text, "/>\n");
	end_sheet(sheet);
}

static void
add_class(struct sheet *sheet, uint32_t class_id, uint64_t from,
    const struct gcm_class_stat *classes)
{
	const struct gcm_class *class = &gcm_classes[class_id];
	uint64_t count = classes[class_id].cached + classes[class_id].free;
	uint64_t size = class->usable > 0 ? class->size : 0;

	if (count > 0)
		add_size(sheet, "  <size from=\"", from, class->usable,
		    count * size, count);
}

/* Free slots by the requests they can serve, then free pages. */
static void
add_sizes(struct sheet *sheet, const struct gcm_stat *stat,
    const struct gcm_class_stat *classes)
{
	uint32_t from = 1;

	gcm_text_add(&sheet->text, "<sizes>\n");
	if (classes != NULL)
		add_class(sheet, GCM_CLASS_ZERO, 0, classes);
	for (uint32_t i = 0; i < GCM_CLASS_ZERO && classes != NULL; i++) {
		add_class(sheet, i, from, classes);
		from = gcm_classes[i].usable + 1;
	}
	if (stat->dirty_runs > 0)
		add_size(sheet, "  <unsorted from=\"", stat->dirty_run_min,
		    stat->dirty_run_max, stat->dirty_pages, stat->dirty_runs);
	gcm_text_add(&sheet->text, "</sizes>\n");
}

static void
add_total(
    struct sheet *sheet, const char *before, uint64_t count, uint64_t bytes)
{
	add_attribute(sheet, before, count);
	add_attribute(sheet, " size=\"", bytes);
	gcm_text_add(&sheet->text, "/>\n");
}

static void
add_row(struct sheet *sheet, const char *before, uint64_t bytes)
{
	add_attribute(sheet, before, bytes);
	gcm_text_add(&sheet->text, "/>\n");
}

static void
add_totals(struct sheet *sheet, const struct gcm_stat *stat, bool all)
{
	add_total(sheet, "<total type=\"fast\" count=\"", stat->cached_blocks,
	    stat->cached);
	add_total(sheet, "<total type=\"rest\" count=\"",
	    stat->free_blocks + stat->dirty_runs,
	    gcm_stat_spare(stat) - stat->cached);
	if (all)
		add_total(sheet, "<total type=\"mmap\" count=\"",
		    stat->large_blocks, stat->large);
	end_sheet(sheet);
	add_row(sheet, "<system type=\"current\" size=\"", gcm_stat_held(stat));
	add_row(sheet, "<system type=\"max\" size=\"", stat->zone);
	add_row(sheet, "<aspace type=\"total\" size=\"", stat->zone);
	add_row(sheet, "<aspace type=\"mprotect\" size=\"", stat->zone);
	end_sheet(sheet);
}

/* Without memory for the classes' figures their rows are missing; the totals
 * are always right.
 */
GCM_EXPORT int
malloc_info(int options, FILE *file)
{
	struct gcm_class_stat *classes;
	struct gcm_stat stat;
	struct sheet sheet;

	if (options != 0)
		return EINVAL;
	classes = gcm_stat_room();
	gcm_stat_collect(&stat, classes);
	sheet.file = file;
	begin_sheet(&sheet);
	gcm_text_add(&sheet.text, "<malloc version=\"1\">\n<heap nr=\"0\">\n");
	add_sizes(&sheet, &stat, classes);
	gcm_stat_drop(classes);
	add_totals(&sheet, &stat, false);
	gcm_text_add(&sheet.text, "</heap>\n");
	add_totals(&sheet, &stat, true);
	gcm_text_add(&sheet.text, "</malloc>\n");
	end_sheet(&sheet);
	return 0;
}

/* The names glibc exports for these two. */
#define ALIAS(type, name, arguments, target)                                   \
	GCM_EXPORT extern type name arguments __THROW                          \
	    __attribute__((alias(#target)))

ALIAS(int, __libc_mallopt, (int parameter, int value), mallopt);
ALIAS(struct mallinfo, __libc_mallinfo, (void), mallinfo);
