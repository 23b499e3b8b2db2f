/* line_x86_64.c -- finding free slots with AVX2 and AVX-512BW */
#include <immintrin.h>

#include "core/line.h"

__attribute__((target("avx2"))) uint64_t
gcm_line_find_wide(const uint8_t *states)
{
	const __m256i want = _mm256_set1_epi8(GCM_FREE);
	__m256i low = _mm256_load_si256((const __m256i *)(const void *)states);
	__m256i high =
	    _mm256_load_si256((const __m256i *)(const void *)(states + 32));
	uint32_t low_mask =
	    (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(low, want));
	uint32_t high_mask =
	    (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(high, want));

	return low_mask | (uint64_t)high_mask << 32;
}

__attribute__((target("avx512f,avx512bw"))) uint64_t
gcm_line_find_widest(const uint8_t *states)
{
	__m512i line = _mm512_load_si512((const void *)states);

	return _mm512_cmpeq_epi8_mask(line, _mm512_set1_epi8(GCM_FREE));
}

bool
gcm_line_has_wide(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2");
}

bool
gcm_line_has_widest(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512bw");
}
