/* audit_print.c -- the audit in words: a line a cycle, all of it at exit
 *
 * MODEL   The verdict is one of:
 *         unknown   no block's grace can have ended yet
 *         zero      nothing speaks against collecting
 *         wrong     blocks were used that would have been reclaimed
 *         stopped   only such as were in their grace: collecting would have
 *                   stopped by itself, and lost nothing
 *         doubtful  pointers turned up again, or what looked like some
 *
 * LOCKS   none: figures may be a moment old.
 */
#include "core/audit.h"

#include "core/audit_state.h"
#include "core/heap.h"
#include "core/os.h"
#include "core/report.h"

enum {
	LINE_BYTES = 512,
	TEXT_BYTES = 8192,
	COLUMN = 48
};

static void
add_count(struct gcm_text *text, uint64_t n, const char *one, const char *many)
{
	gcm_text_add_unsigned(text, n);
	gcm_text_add(text, n == 1 ? one : many);
}

static void
add_blocks(struct gcm_text *text, uint64_t nblocks)
{
	add_count(text, nblocks, " block", " blocks");
}

/* A late block that was written to, too, counts twice: at most so many. */
static uint64_t
count_wrong(const struct gcm_audit_stat *stat)
{
	return stat->blocks[GCM_AUDIT_LATE] + stat->blocks[GCM_AUDIT_WRITTEN];
}

static void
add_verdict(struct gcm_text *text, const struct gcm_audit_stat *stat)
{
	uint64_t wrong = count_wrong(stat);

	gcm_text_add(text, "verdict ");
	if (wrong > 0) {
		gcm_text_add(text, "wrong: ");
		add_blocks(text, wrong);
		gcm_text_add(text, " in use would have been reclaimed");
	} else if (stat->early_blocks[GCM_AUDIT_LATE] > 0) {
		gcm_text_add(text, "stopped: collecting would have ended by "
				   "itself, at a late call within grace");
	} else if (stat->blocks[GCM_AUDIT_REACHED] > 0) {
		gcm_text_add(text, "doubtful: ");
		add_blocks(text, stat->blocks[GCM_AUDIT_REACHED]);
		gcm_text_add(text, " were reached again");
	} else if (stat->sweeps <= (uint64_t)gcm_options.GRACE) {
		gcm_text_add(
		    text, "unknown: too few collections were completed");
	} else {
		gcm_text_add(text, "zero: collecting would have been harmless "
				   "so far");
	}
	gcm_text_add(text, "\n");
}

void
gcm_audit_write_line(bool wanted)
{
	char buffer[LINE_BYTES];
	struct gcm_audit_stat stat;
	struct gcm_text text;
	uint64_t against;

	gcm_audit_get(&stat);
	against = count_wrong(&stat) + stat.blocks[GCM_AUDIT_REACHED] +
		  stat.early_blocks[GCM_AUDIT_LATE];
	if (!wanted && against == gcm_audit.told)
		return;
	gcm_audit.told = against;
	gcm_text_init(&text, buffer, sizeof(buffer));
	gcm_text_add(&text, "audit: ");
	gcm_text_add_unsigned(&text, stat.due_bytes);
	gcm_text_add(&text, " B due in ");
	add_blocks(&text, stat.due_blocks);
	gcm_text_add(&text, ", ");
	gcm_text_add_unsigned(&text, stat.blocks[GCM_AUDIT_LATE]);
	gcm_text_add(&text, " late, ");
	gcm_text_add_unsigned(&text, stat.blocks[GCM_AUDIT_WRITTEN]);
	gcm_text_add(&text, " written, ");
	gcm_text_add_unsigned(&text, stat.blocks[GCM_AUDIT_REACHED]);
	gcm_text_add(&text, " reached again; ");
	add_verdict(&text, &stat);
	(void)gcm_report_write_apart(&text);
}

/* The summary ----------------------------------------------------------------
 */

static void
begin_row(struct gcm_text *text, const char *name)
{
	gcm_text_add(text, "gcmalloc:   ");
	gcm_text_add(text, name);
	gcm_text_pad(text, COLUMN);
}

static void
add_row(
    struct gcm_text *text, const char *name, uint64_t nblocks, uint64_t bytes)
{
	begin_row(text, name);
	add_blocks(text, nblocks);
	gcm_text_add(text, ", ");
	gcm_text_add_bytes(text, bytes);
	gcm_text_add(text, "\n");
}

static void
add_kind(struct gcm_text *text, const struct gcm_audit_stat *stat,
    const char *name, enum gcm_audit_kind kind)
{
	begin_row(text, name);
	add_blocks(text, stat->blocks[kind]);
	gcm_text_add(text, ", ");
	gcm_text_add_bytes(text, stat->bytes[kind]);
	if (kind == GCM_AUDIT_WRITTEN) {
		gcm_text_add(text, "; watched now: ");
		gcm_text_add_unsigned(text, stat->watched);
	} else if (stat->early_blocks[kind] > 0) {
		gcm_text_add(text, "; more within grace: ");
		gcm_text_add_unsigned(text, stat->early_blocks[kind]);
	}
	gcm_text_add(text, "\n");
}

static void
add_class(struct gcm_text *text, uint32_t class_id)
{
	uint64_t n[GCM_AUDIT_KINDS], all = 0;

	for (unsigned int i = 0; i < GCM_AUDIT_KINDS; i++) {
		n[i] = atomic_load(&gcm_audit.classes[class_id][i]);
		all += n[i];
	}
	if (all == 0)
		return;
	gcm_text_add(text, "gcmalloc:     of ");
	if (class_id == GCM_AUDIT_LARGE)
		gcm_text_add(text, "more than 32 KiB");
	else
		add_count(text, gcm_classes[class_id].size, " B", " B");
	gcm_text_pad(text, COLUMN);
	add_count(text, n[GCM_AUDIT_LATE], " late, ", " late, ");
	add_count(text, n[GCM_AUDIT_WRITTEN], " written, ", " written, ");
	add_count(text, n[GCM_AUDIT_REACHED], " reached\n", " reached\n");
}

static void
add_calls(struct gcm_text *text)
{
	for (unsigned int i = 0; i < GCM_AUDIT_CALLS; i++) {
		const struct gcm_audit_call *late = &gcm_audit.calls[i];
		const char *call = atomic_load(&late->call);

		if (call == NULL)
			continue;
		gcm_text_add(text, "gcmalloc:   late: ");
		gcm_text_add(text, call);
		gcm_text_add(text, "() of ");
		gcm_text_add_hex(text, late->addr);
		gcm_text_add(text, ", ");
		gcm_text_add_unsigned(text, late->bytes);
		gcm_text_add(text, " B\n");
	}
}

static void
add_figures(struct gcm_text *text, const struct gcm_audit_stat *stat)
{
	add_row(text, "would have been reclaimed", stat->due_blocks,
	    stat->due_bytes);
	add_row(
	    text, "  still unreachable", stat->dead_blocks, stat->dead_bytes);
	add_kind(text, stat, "  freed, resized, asked about", GCM_AUDIT_LATE);
	add_kind(text, stat, "  written", GCM_AUDIT_WRITTEN);
	add_kind(text, stat, "  reached again", GCM_AUDIT_REACHED);
	for (uint32_t i = 0; i < GCM_AUDIT_CLASSES; i++)
		add_class(text, i);
	add_calls(text);
}

/* A child that has not needed its heap yet still has its parent's figures. */
void
gcm_audit_print(void)
{
	static char buffer[TEXT_BYTES]; /* once, at exit */
	struct gcm_audit_stat stat;
	struct gcm_text text;

	if (!gcm_heap_enter())
		return;
	gcm_audit_get(&stat);
	gcm_text_init(&text, buffer, sizeof(buffer));
	gcm_text_add(&text, "gcmalloc: audit of process ");
	gcm_text_add_unsigned(&text, (uint64_t)gcm_os_pid());
	gcm_text_add(&text, ": ");
	add_count(&text, stat.sweeps, " collection", " collections");
	gcm_text_add(&text, " completed, grace ");
	gcm_text_add_unsigned(&text, (uint64_t)gcm_options.GRACE);
	gcm_text_add(&text, "\n");
	if (stat.sweeps > 0)
		add_figures(&text, &stat);
	gcm_text_add(&text, "gcmalloc: audit ");
	add_verdict(&text, &stat);
	gcm_report_write(&text);
}
