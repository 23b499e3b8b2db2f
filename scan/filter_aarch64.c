/* filter_aarch64.c -- which words can be addresses: NEON */
#include <arm_neon.h>

#include "scan/filter.h"

/* The compiler must not load a vector a second time: filter.c. */
#define LOADED_ONCE(vector) __asm__("" : "+w"(vector))

static inline uint64x2_t
load_two(const uint64_t *words)
{
	uint64x2_t vector = vld1q_u64(words);

	LOADED_ONCE(vector);
	return vector;
}

/* Store the hits among two words; how many. */
static inline size_t
keep_two(uint64x2_t two, uint64x2_t hits, uint64_t *out)
{
	size_t first = vgetq_lane_u64(hits, 0) & 1;

	out[0] = vgetq_lane_u64(two, 0);
	out[first] = vgetq_lane_u64(two, 1);
	return first + (vgetq_lane_u64(hits, 1) & 1);
}

size_t
gcm_filter_wide(const uint64_t *words, size_t nwords, uint64_t lo, uint64_t len,
    uint64_t *out)
{
	const uint64x2_t base = vdupq_n_u64(lo), limit = vdupq_n_u64(len);
	size_t n = 0, i = 0;

	for (; i + 8 <= nwords; i += 8) {
		uint64x2_t a = load_two(words + i);
		uint64x2_t b = load_two(words + i + 2);
		uint64x2_t c = load_two(words + i + 4);
		uint64x2_t d = load_two(words + i + 6);
		uint64x2_t hits_a = vcltq_u64(vsubq_u64(a, base), limit);
		uint64x2_t hits_b = vcltq_u64(vsubq_u64(b, base), limit);
		uint64x2_t hits_c = vcltq_u64(vsubq_u64(c, base), limit);
		uint64x2_t hits_d = vcltq_u64(vsubq_u64(d, base), limit);
		uint64x2_t any = vorrq_u64(
		    vorrq_u64(hits_a, hits_b), vorrq_u64(hits_c, hits_d));

		if (GCM_LIKELY(vmaxvq_u32(vreinterpretq_u32_u64(any)) == 0))
			continue;
		n += keep_two(a, hits_a, out + n);
		n += keep_two(b, hits_b, out + n);
		n += keep_two(c, hits_c, out + n);
		n += keep_two(d, hits_d, out + n);
	}
	return n + gcm_filter_plain(words + i, nwords - i, lo, len, out + n);
}

size_t
gcm_filter_widest(const uint64_t *words, size_t nwords, uint64_t lo,
    uint64_t len, uint64_t *out)
{
	return gcm_filter_wide(words, nwords, lo, len, out);
}

bool
gcm_filter_has_wide(void)
{
	return true; /* NEON is part of the architecture */
}

bool
gcm_filter_has_widest(void)
{
	return false;
}
