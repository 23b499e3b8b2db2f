/* tsan/line.c -- finding free slots for ThreadSanitizer: by atomic loads
 *
 * The finders read whole lines at once while other threads store to them; what
 * they miss is found later.  For the sanitizer each state is loaded by itself,
 * with the acquire that such a load has on every machine we run on.
 */
#include "core/line.h"

gcm_line_finder gcm_line_find_free = gcm_line_find_plain;

uint64_t
gcm_line_find_plain(const uint8_t *states)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < GCM_LINE_GRANULES; i++)
		if (__atomic_load_n(&states[i], __ATOMIC_ACQUIRE) == GCM_FREE)
			mask |= 1ull << i;
	return mask;
}

void
gcm_line_init(void)
{
}

const char *
gcm_line_name(void)
{
	return "plain";
}
