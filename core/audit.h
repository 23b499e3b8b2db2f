/* audit.h -- GCM_MODE=report: what collecting would have done, and whether the
 * program would have noticed
 *
 * With GCM_DEBUG=audit=1.  In other modes, and without it, nothing is counted,
 * and nobody but gcm_audit_is_on need be called.
 */
#ifndef GCM_CORE_AUDIT_H
#define GCM_CORE_AUDIT_H

#include "core/option.h"
#include "core/table.h"

struct gcm_scanner;

/* What the program did with a block that would have been reclaimed. */
enum gcm_audit_kind {
	GCM_AUDIT_LATE,    /* freed, resized or asked about it */
	GCM_AUDIT_WRITTEN, /* wrote to it */
	GCM_AUDIT_REACHED, /* a later cycle found a pointer to it */
	GCM_AUDIT_KINDS
};

/* Figures since the process began. */
struct gcm_audit_stat {
	uint64_t due_blocks, due_bytes;   /* would have been reclaimed */
	uint64_t dead_blocks, dead_bytes; /* of all such, still unreachable at
					     the last sweep */
	uint64_t sweeps;                  /* collections completed */
	uint64_t watched; /* of dead_blocks: whose contents are compared */
	/* Of the due ones. */
	uint64_t blocks[GCM_AUDIT_KINDS], bytes[GCM_AUDIT_KINDS];
	/* While their grace lasted: nothing would have been lost. */
	uint64_t early_blocks[GCM_AUDIT_KINDS];
};

static inline bool
gcm_audit_is_on(void)
{
	return GCM_UNLIKELY(gcm_options.audit != 0) &&
	       gcm_options.MODE == GCM_MODE_REPORT;
}

void gcm_audit_get(struct gcm_audit_stat *stat);
uint64_t gcm_audit_dead_bytes(void);

/* Events.  Any thread -------------------------------------------------------
 */

/* The program passed the address of a LIMBO block, whose state was `state`, to
 * a call.  The block is the program's again.
 */
void gcm_audit_note_late(uintptr_t addr, uint8_t state, const char *call);

/* A trace reached a LIMBO block, whose state was `state`. */
void gcm_audit_note_reached(uintptr_t addr, uint8_t state);

/* The collector's thread ----------------------------------------------------
 */

/* Before a trace: have blocks been written since the last one?  The pages are
 * not armed anew yet.
 */
void gcm_audit_look(const struct gcm_scanner *scanner);

/* A sweep begins; for each block that is due after it, `fresh` if it became so
 * now; it ends.  Page-heap lock for the second.
 */
void gcm_audit_sweep_begin(void);
void gcm_audit_sweep_due(uintptr_t addr, uint64_t bytes, bool fresh);
void gcm_audit_sweep_end(const struct gcm_scanner *scanner);

/* One line after a cycle: if it is `wanted`, or something new speaks against
 * collecting.
 */
void gcm_audit_write_line(bool wanted);

/* At exit --------------------------------------------------------------------
 */

/* All of it, to the log. */
void gcm_audit_print(void);

/* In a forked child: its own figures begin.  Blocks that are due stay so. */
void gcm_audit_reset(void);

/* A span that came torn from a fork is whole again.  Any thread. */
void gcm_audit_note_repaired(void);

#endif
