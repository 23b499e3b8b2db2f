/* option.h -- options from the environment, read once */
#ifndef GCM_CORE_OPTION_H
#define GCM_CORE_OPTION_H

#include "core/base.h"
#include "core/option_format.h"

enum gcm_mode { /* values of MODE */
	GCM_MODE_COLLECT,
	GCM_MODE_REPORT,
	GCM_MODE_QUARANTINE, /* never: not there yet, OFF instead */
	GCM_MODE_OFF
};

enum gcm_channel { /* values of CHANNEL */
	GCM_CHANNEL_AUTO,
	GCM_CHANNEL_OFF,
	GCM_CHANNEL_ALWAYS
};

struct gcm_options {
#define OPT(name, dflt, lo, hi, unit, status, doc) int64_t name;
#define PATH(name, status, doc) const char *name;
#define DBG(name, dflt, lo, hi, status, doc) int64_t name;
#include "core/option.def"
#undef OPT
#undef PATH
#undef DBG
};

/* const once gcm_option_read has run; the defaults before */
extern struct gcm_options gcm_options;

/* Read GCM_* from an environment (an array of "NAME=value" ending in NULL; the
 * strings must stay).  Unknown names and bad values get one line on stderr and
 * leave the default.
 */
void gcm_option_read(char *const *environ_list);

/* Change an option of live.def: NULL, or why it cannot be.  The letters' case
 * does not matter.  The collector's thread.
 */
const char *gcm_option_set(
    const char *name, size_t name_len, const char *text, size_t len);

#endif
