/* audit_state.h -- what the files of audit share; nobody else's */
#ifndef GCM_CORE_AUDIT_STATE_H
#define GCM_CORE_AUDIT_STATE_H

#include "core/audit.h"
#include "core/sizeclass.h"

enum {
	GCM_AUDIT_LARGE = GCM_NCLASSES, /* the class of large blocks */
	GCM_AUDIT_CLASSES,
	GCM_AUDIT_CALLS = 8 /* late calls that are remembered */
};

/* The program's late call. */
struct gcm_audit_call {
	uintptr_t addr;
	uint64_t bytes;
	const char *_Atomic call; /* stored last; NULL: not there yet */
};

struct gcm_audit_state {
	_Atomic uint64_t due_blocks, due_bytes;   /* the collector's thread */
	_Atomic uint64_t dead_blocks, dead_bytes; /* as due */
	_Atomic uint64_t sweeps, watched;         /* as due */
	_Atomic uint64_t blocks[GCM_AUDIT_KINDS]; /* all, by add; so the rest */
	_Atomic uint64_t bytes[GCM_AUDIT_KINDS];
	_Atomic uint64_t early_blocks[GCM_AUDIT_KINDS];
	_Atomic uint64_t classes[GCM_AUDIT_CLASSES][GCM_AUDIT_KINDS];
	struct gcm_audit_call calls[GCM_AUDIT_CALLS];
	_Atomic uint32_t ncalls; /* that came; more than are remembered */
	uint64_t told; /* against collecting, by the last line; as due */
};
extern GCM_HIDDEN struct gcm_audit_state gcm_audit;

#endif
