/* line_aarch64.c -- finding free slots with NEON */
#include <arm_neon.h>

#include "core/line.h"

uint64_t
gcm_line_find_wide(const uint8_t *states)
{
	static const uint8_t weights[16] = {
	    1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
	const uint8x16_t weight = vld1q_u8(weights);
	uint64_t mask = 0;

	for (unsigned int i = 0; i < GCM_LINE_GRANULES; i += 16) {
		uint8x16_t hit = vandq_u8(
		    vceqq_u8(vld1q_u8(states + i), vdupq_n_u8(GCM_FREE)),
		    weight);
		uint64_t low = vaddv_u8(vget_low_u8(hit));
		uint64_t high = vaddv_u8(vget_high_u8(hit));

		mask |= (low | high << 8) << i;
	}
	return mask;
}

uint64_t
gcm_line_find_widest(const uint8_t *states)
{
	return gcm_line_find_wide(states);
}

bool
gcm_line_has_wide(void)
{
	return true; /* NEON is part of the architecture */
}

bool
gcm_line_has_widest(void)
{
	return false;
}
