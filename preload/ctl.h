/* ctl.h -- jemalloc's mallctl: the names, and their values for ctl_print.c */
#ifndef GCM_PRELOAD_CTL_H
#define GCM_PRELOAD_CTL_H

#include "core/core.h"

enum gcm_ctl_type {
	GCM_CTL_BOOL,
	GCM_CTL_UINT32,
	GCM_CTL_UINT64,
	GCM_CTL_SIZE,
	GCM_CTL_SSIZE,
	GCM_CTL_STRING,
	GCM_CTL_VOID
};

enum gcm_ctl_access {
	GCM_CTL_READ,
	GCM_CTL_SET,
	GCM_CTL_ACT
};

/* The rows of ctl.def, in their order. */
enum gcm_ctl_key {
#define READ(key, name, type, value) GCM_CTL_##key,
#define SET(key, name, type, value) GCM_CTL_##key,
#define ACT(key, name) GCM_CTL_##key,
#include "preload/ctl.def"
#undef READ
#undef SET
#undef ACT
	GCM_CTL_NKEYS
};

/* Without pointers: nothing to relocate when a program starts. */
struct gcm_ctl_row {
	char name[38]; /* "#" for a number */
	uint8_t type;
	uint8_t access;
};
extern GCM_HIDDEN const struct gcm_ctl_row gcm_ctl_rows[GCM_CTL_NKEYS];

enum {
	GCM_CTL_NBINS = GCM_CLASS_ZERO, /* it has no memory: not a bin */
	GCM_CTL_NLARGE = 108            /* large sizes that have a name */
};

/* Before anything else of a call: there is a heap, and it has been counted
 * once.  False: no memory.
 */
bool gcm_ctl_begin(void);

/* Count the heap's figures anew: `all` of them, whatever it takes.  False:
 * there is no heap.
 */
bool gcm_ctl_refresh(bool all);

/* What the last refresh found; ctl_count.c. */
struct gcm_ctl_figures {
	_Atomic uint64_t epoch; /* refreshes; 0: none yet */
	_Atomic uint64_t allocated, large, cached, hollow;
	_Atomic uint64_t used, free_pages, dirty_pages, tables, meta;
	_Atomic uint64_t live[GCM_CTL_NBINS];  /* blocks of a class */
	_Atomic uint64_t pages[GCM_CTL_NBINS]; /* in its spans */
};
extern GCM_HIDDEN struct gcm_ctl_figures gcm_ctl_figures;

/* The value of a key as of the last refresh; index[n] is the number at place n
 * of its name.  Strings as the address, signed values sign-extended.
 */
uint64_t gcm_ctl_read(enum gcm_ctl_key key, const size_t *index);

/* Write a key that is SET, do one that is ACT.  0 or an errno value, which is
 * what mallctl returns.
 */
int gcm_ctl_store(enum gcm_ctl_key key, uint64_t value);
int gcm_ctl_act(enum gcm_ctl_key key, const size_t *index);

/* Is there an arena of that number?  A new one; 0: none is left. */
bool gcm_ctl_has_arena(size_t arena);
uint32_t gcm_ctl_create_arena(void);

#endif
