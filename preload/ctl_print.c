/* ctl_print.c -- malloc_stats_print: everything ctl.def knows, as text or JSON
 *
 * MODEL   Layout and JSON keys are jemalloc's, for those who read them; what
 *         we do not count is left out.  As there, the figures are refreshed
 *         first.  Nothing is held while the program's function is called: it
 *         may allocate.
 */
#include <string.h>

#include "core/core.h"
#include "preload/ctl.h"

enum {
	PIECE_BYTES = 512, /* a line is shorter */
	STDERR = 2
};

typedef void write_function(void *opaque, const char *text);

GCM_EXPORT void malloc_stats_print(
    write_function *write, void *opaque, const char *options);

struct printer {
	write_function *write;
	void *opaque;
	struct gcm_text text;
	bool json;
	bool comma; /* JSON: something precedes in this object */
	char buffer[PIECE_BYTES];
};

static void
write_stderr(void *opaque, const char *text)
{
	(void)opaque;
	(void)gcm_os_write(STDERR, text, strlen(text));
}

static void
flush_text(struct printer *printer)
{
	*printer->text.at = '\0';
	if (printer->buffer[0] != '\0')
		printer->write(printer->opaque, printer->buffer);
	gcm_text_init(&printer->text, printer->buffer, PIECE_BYTES - 1);
	printer->buffer[0] = '\0';
}

static void
add(struct printer *printer, const char *string)
{
	gcm_text_add(&printer->text, string);
}

/* JSON --------------------------------------------------------------------- */

static void
add_name(struct printer *printer, const char *name)
{
	if (printer->comma)
		add(printer, ",");
	if (printer->text.at - printer->text.start > PIECE_BYTES / 2)
		flush_text(printer);
	printer->comma = true;
	if (*name == '\0')
		return;
	add(printer, "\"");
	add(printer, name);
	add(printer, "\":");
}

static void
open_object(struct printer *printer, const char *name, const char *bracket)
{
	add_name(printer, name);
	add(printer, bracket);
	printer->comma = false;
}

static void
close_object(struct printer *printer, const char *bracket)
{
	add(printer, bracket);
	printer->comma = true;
}

/* Values ------------------------------------------------------------------- */

static void
add_value(struct printer *printer, enum gcm_ctl_key key, const size_t *index)
{
	uint64_t value = gcm_ctl_read(key, index);

	switch ((enum gcm_ctl_type)gcm_ctl_rows[key].type) {
	case GCM_CTL_BOOL:
		add(printer, value != 0 ? "true" : "false");
		break;
	case GCM_CTL_STRING:
		add(printer, "\"");
		add(printer, (const char *)(uintptr_t)value);
		add(printer, "\"");
		break;
	case GCM_CTL_SSIZE:
		if ((int64_t)value < 0) {
			add(printer, "-");
			value = -value;
		}
		gcm_text_add_unsigned(&printer->text, value);
		break;
	case GCM_CTL_UINT32:
	case GCM_CTL_UINT64:
	case GCM_CTL_SIZE:
	case GCM_CTL_VOID:
		gcm_text_add_unsigned(&printer->text, value);
		break;
	}
}

/* One value of the arena (and bin) that index names. */
static void
print_value(struct printer *printer, const char *json, const char *label,
    enum gcm_ctl_key key, const size_t *index)
{
	if (printer->json)
		add_name(printer, json);
	else
		add(printer, label);
	add_value(printer, key, index);
}

/* A line of its own. */
static void
print_line(struct printer *printer, const char *json, const char *label,
    enum gcm_ctl_key key, const size_t *index)
{
	print_value(printer, json, label, key, index);
	if (printer->json)
		return;
	add(printer, "\n");
	flush_text(printer);
}

/* All keys of one group of names: "config.", "opt.". */
static void
print_group(struct printer *printer, const char *group, const char *title)
{
	size_t len = strlen(group), index[1] = {0};

	if (printer->json)
		open_object(printer, group, "{");
	else
		add(printer, title);
	for (unsigned int i = 0; i < GCM_CTL_NKEYS; i++) {
		const char *name = gcm_ctl_rows[i].name;

		if (strncmp(name, group, len) != 0 || name[len] != '.')
			continue;
		if (!printer->json) {
			add(printer, "  ");
			add(printer, name);
		}
		print_line(
		    printer, name + len + 1, ": ", (enum gcm_ctl_key)i, index);
	}
	if (printer->json)
		close_object(printer, "}");
}

/* Sections ----------------------------------------------------------------- */

static void
print_classes(struct printer *printer)
{
	size_t index[3] = {0};

	open_object(printer, "bin", "[");
	for (index[2] = 0; index[2] < GCM_CTL_NBINS; index[2]++) {
		open_object(printer, "", "{");
		print_value(printer, "size", "", GCM_CTL_N_BIN_SIZE, index);
		print_value(printer, "nregs", "", GCM_CTL_N_BIN_NREGS, index);
		print_value(
		    printer, "slab_size", "", GCM_CTL_N_BIN_SLAB, index);
		print_value(
		    printer, "nshards", "", GCM_CTL_N_BIN_SHARDS, index);
		close_object(printer, "}");
	}
	close_object(printer, "]");
	print_value(printer, "nlextents", "", GCM_CTL_N_LARGE, index);
	open_object(printer, "lextent", "[");
	for (index[2] = 0; index[2] < GCM_CTL_NLARGE; index[2]++) {
		open_object(printer, "", "{");
		print_value(printer, "size", "", GCM_CTL_N_LARGE_SIZE, index);
		close_object(printer, "}");
	}
	close_object(printer, "]");
}

static void
print_general(struct printer *printer)
{
	static const struct {
		char json[16], label[48];
		uint8_t key;
	} lines[] = {
	    {"narenas", "Arenas: ", GCM_CTL_N_ARENAS},
	    {"dirty_decay_ms", "Dirty decay time in ms: ", GCM_CTL_N_DIRTY},
	    {"muzzy_decay_ms", "Muzzy decay time in ms: ", GCM_CTL_N_MUZZY},
	    {"quantum", "Quantum size: ", GCM_CTL_N_QUANTUM},
	    {"page", "Page size: ", GCM_CTL_N_PAGE},
	    {"tcache_max",
		"Maximum thread-cached size class: ", GCM_CTL_N_TCACHE_MAX},
	    {"nbins", "Number of bin size classes: ", GCM_CTL_N_BINS},
	    {"nhbins",
		"Number of thread-cache bin size classes: ", GCM_CTL_N_HBINS},
	};
	size_t index[1] = {0};

	print_line(printer, "version", "Version: ", GCM_CTL_VERSION, index);
	print_group(printer, "config", "Build-time option settings\n");
	print_group(printer, "opt", "Run-time option settings\n");
	if (printer->json)
		open_object(printer, "arenas", "{");
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		print_line(printer, lines[i].json, lines[i].label,
		    (enum gcm_ctl_key)lines[i].key, index);
	if (!printer->json)
		return;
	print_classes(printer);
	close_object(printer, "}");
}

static void
print_totals(struct printer *printer)
{
	size_t index[1] = {0};

	if (printer->json)
		open_object(printer, "stats", "{");
	print_value(
	    printer, "allocated", "Allocated: ", GCM_CTL_S_ALLOCATED, index);
	print_value(printer, "active", ", active: ", GCM_CTL_S_ACTIVE, index);
	print_value(
	    printer, "metadata", ", metadata: ", GCM_CTL_S_METADATA, index);
	print_value(
	    printer, "metadata_thp", " (n_thp ", GCM_CTL_S_METADATA_THP, index);
	print_value(
	    printer, "resident", "), resident: ", GCM_CTL_S_RESIDENT, index);
	print_value(printer, "mapped", ", mapped: ", GCM_CTL_S_MAPPED, index);
	print_value(
	    printer, "retained", ", retained: ", GCM_CTL_S_RETAINED, index);
	if (printer->json)
		close_object(printer, "}");
	else
		add(printer, "\n");
	flush_text(printer);
}

static void
print_bins(struct printer *printer)
{
	size_t index[5] = {0};

	if (printer->json)
		open_object(printer, "bins", "[");
	else
		add(printer,
		    "bins:      size       ind   curregs  curslabs  regs\n");
	for (size_t i = 0; i < GCM_CTL_NBINS; i++) {
		size_t class_index[3] = {0, 0, i};

		index[4] = i;
		if (printer->json) {
			open_object(printer, "", "{");
		} else {
			if (gcm_ctl_read(GCM_CTL_H_BIN_SLABS, index) == 0)
				continue;
			gcm_text_pad(&printer->text, 11);
			add_value(printer, GCM_CTL_N_BIN_SIZE, class_index);
			gcm_text_pad(&printer->text, 22);
			gcm_text_add_unsigned(&printer->text, i);
			gcm_text_pad(&printer->text, 28);
		}
		print_value(printer, "curregs", "", GCM_CTL_H_BIN_REGS, index);
		gcm_text_pad(&printer->text, printer->json ? 0 : 38);
		print_value(
		    printer, "curslabs", "", GCM_CTL_H_BIN_SLABS, index);
		if (printer->json) {
			close_object(printer, "}");
			continue;
		}
		gcm_text_pad(&printer->text, 48);
		add_value(printer, GCM_CTL_N_BIN_NREGS, class_index);
		add(printer, "\n");
		flush_text(printer);
	}
	if (printer->json)
		close_object(printer, "]");
}

static void
print_arena_lines(struct printer *printer)
{
	static const struct {
		char json[16], label[16];
		uint8_t key;
	} lines[] = {
	    {"pactive", "pactive: ", GCM_CTL_H_PACTIVE},
	    {"pdirty", "pdirty: ", GCM_CTL_H_PDIRTY},
	    {"pmuzzy", "pmuzzy: ", GCM_CTL_H_PMUZZY},
	    {"mapped", "mapped: ", GCM_CTL_H_MAPPED},
	    {"retained", "retained: ", GCM_CTL_H_RETAINED},
	    {"base", "base: ", GCM_CTL_H_BASE},
	    {"internal", "internal: ", GCM_CTL_H_INTERNAL},
	    {"metadata_thp", "metadata_thp: ", GCM_CTL_H_METADATA_THP},
	    {"tcache_bytes", "tcache_bytes: ", GCM_CTL_H_TCACHE},
	    {"resident", "resident: ", GCM_CTL_H_RESIDENT},
	};
	size_t index[3] = {0};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		print_line(printer, lines[i].json, lines[i].label,
		    (enum gcm_ctl_key)lines[i].key, index);
	if (printer->json)
		open_object(printer, "small", "{");
	print_line(printer, "allocated", "small: ", GCM_CTL_H_SMALL, index);
	if (printer->json) {
		close_object(printer, "}");
		open_object(printer, "large", "{");
	}
	print_line(printer, "allocated", "large: ", GCM_CTL_H_LARGE, index);
	if (printer->json)
		close_object(printer, "}");
}

static void
print_arena(
    struct printer *printer, const char *name, const char *title, bool bins)
{
	if (printer->json)
		open_object(printer, name, "{");
	else
		add(printer, title);
	print_arena_lines(printer);
	if (bins)
		print_bins(printer);
	if (printer->json)
		close_object(printer, "}");
}

static bool
has_option(const char *options, char wanted)
{
	return options != NULL && strchr(options, wanted) != NULL;
}

/* As in jemalloc the sum of the arenas is printed when there are several. */
static void
print_arenas(struct printer *printer, const char *options)
{
	bool bins = !has_option(options, 'b');

	if (printer->json) {
		open_object(printer, "stats.arenas", "{");
		if (!has_option(options, 'm'))
			print_arena(printer, "merged", "", bins);
	}
	if (!has_option(options, 'a'))
		print_arena(printer, "0", "arenas[0]:\n", bins);
	if (printer->json)
		close_object(printer, "}");
}

GCM_EXPORT void
malloc_stats_print(write_function *write, void *opaque, const char *options)
{
	struct printer printer;

	if (!gcm_ctl_refresh(true))
		return;
	printer.write = write != NULL ? write : write_stderr;
	printer.opaque = opaque;
	printer.json = has_option(options, 'J');
	printer.comma = false;
	printer.buffer[0] = '\0';
	gcm_text_init(&printer.text, printer.buffer, PIECE_BYTES - 1);
	if (printer.json)
		add(&printer, "{\"jemalloc\":{");
	else
		add(&printer, "___ Begin jemalloc statistics ___\n");
	if (!has_option(options, 'g'))
		print_general(&printer);
	print_totals(&printer);
	print_arenas(&printer, options);
	add(&printer,
	    printer.json ? "}}\n" : "--- End jemalloc statistics ---\n");
	flush_text(&printer);
}
