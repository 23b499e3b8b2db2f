/* filter.c -- scaffold */
#include "scan/filter.h"
gcm_filter gcm_filter_words = gcm_filter_plain;
void
gcm_filter_init(void)
{
}
size_t
gcm_filter_plain(
    const uint64_t *words, size_t n, uint64_t lo, uint64_t len, uint64_t *out)
{
	size_t k = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t w = words[i];
		if (w - lo < len)
			out[k++] = w;
	}
	return k;
}
