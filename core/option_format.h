/* option_format.h -- the value of an option, from text */
#ifndef GCM_CORE_OPTION_FORMAT_H
#define GCM_CORE_OPTION_FORMAT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	GCM_OFF = -1,
	GCM_CGROUP = -2,
	GCM_ALL = -3
};

/* What option.def says of it. */
struct gcm_option_form {
	const char *unit;
	int64_t lo, hi;
};

/* Is text[0..len) a value of that form?  Any thread; touches nothing else. */
bool gcm_option_parse(const struct gcm_option_form *form, const char *text,
    size_t len, int64_t *out);

#endif
