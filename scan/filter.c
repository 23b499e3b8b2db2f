/* filter.c -- which words can be addresses in the heap: portable, and the
 * choice
 *
 * MODEL   word - lo < len, unsigned, is one subtraction and one comparison.
 *         Every word is stored at the end of out, which moves on only past
 *         hits: no branch depends on the data.  A branch over steps without a
 *         hit gains nothing on memory outside the caches, and one word in ten
 *         being an address costs it two thirds of its speed.
 *
 *         The program may write while we read: every word is loaded once, and
 *         what was compared is what is copied, or an address could be handed on
 *         that was never compared.
 */
#include "scan/filter.h"

gcm_filter gcm_filter_words = gcm_filter_plain;

static inline uint64_t
load_word(const uint64_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

size_t
gcm_filter_plain(const uint64_t *words, size_t nwords, uint64_t lo,
    uint64_t len, uint64_t *out)
{
	size_t n = 0;

	for (size_t i = 0; i < nwords; i++) {
		uint64_t word = load_word(words + i);

		out[n] = word;
		n += word - lo < len;
	}
	return n;
}

void
gcm_filter_init(void)
{
	if (gcm_filter_has_widest())
		gcm_filter_words = gcm_filter_widest;
	else if (gcm_filter_has_wide())
		gcm_filter_words = gcm_filter_wide;
}

const char *
gcm_filter_name(void)
{
	if (gcm_filter_words == gcm_filter_widest)
		return "widest";
	return gcm_filter_words == gcm_filter_wide ? "wide" : "plain";
}
