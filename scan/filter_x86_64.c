/* filter_x86_64.c -- which words can be addresses: AVX2 and AVX-512
 *
 * MODEL   AVX2 compares signed only: with 2^63 added to both sides the order is
 *         the unsigned one, and the addition goes into lo.  Hits are moved to
 *         the front of a vector, which is stored whole at the end of out; the
 *         next store overwrites what is too much of it.  (vpcompressq straight
 *         to memory is microcode on some processors: 100 cycles and more.)
 */
#include <immintrin.h>

#include "scan/filter.h"

#define SIGN (1ull << 63)

/* The compiler must not load a vector a second time: filter.c. */
#define LOADED_ONCE(vector) __asm__("" : "+x"(vector))

/* For each mask of four words: which halves of words to take, in order. */
#define AT(word) 2 * (word), 2 * (word) + 1
static const uint32_t compress[16][8] __attribute__((aligned(32))) = {
    {0},
    {AT(0)},
    {AT(1)},
    {AT(0), AT(1)},
    {AT(2)},
    {AT(0), AT(2)},
    {AT(1), AT(2)},
    {AT(0), AT(1), AT(2)},
    {AT(3)},
    {AT(0), AT(3)},
    {AT(1), AT(3)},
    {AT(0), AT(1), AT(3)},
    {AT(2), AT(3)},
    {AT(0), AT(2), AT(3)},
    {AT(1), AT(2), AT(3)},
    {AT(0), AT(1), AT(2), AT(3)},
};

__attribute__((target("avx2,popcnt"))) static inline __m256i
load_four(const uint64_t *words)
{
	__m256i vector =
	    _mm256_loadu_si256((const __m256i *)(const void *)words);

	LOADED_ONCE(vector);
	return vector;
}

/* Store the hits among four words; how many. */
__attribute__((target("avx2,popcnt"))) static inline size_t
keep_four(__m256i four, __m256i hits, uint64_t *out)
{
	unsigned int mask =
	    (unsigned int)_mm256_movemask_pd(_mm256_castsi256_pd(hits));
	__m256i order =
	    _mm256_load_si256((const __m256i *)(const void *)compress[mask]);

	_mm256_storeu_si256(
	    (__m256i *)(void *)out, _mm256_permutevar8x32_epi32(four, order));
	return (size_t)__builtin_popcount(mask);
}

__attribute__((target("avx2,popcnt"))) size_t
gcm_filter_wide(const uint64_t *words, size_t nwords, uint64_t lo, uint64_t len,
    uint64_t *out)
{
	const __m256i base = _mm256_set1_epi64x((long long)(lo ^ SIGN));
	const __m256i limit = _mm256_set1_epi64x((long long)(len ^ SIGN));
	size_t n = 0, i = 0;

	for (; i + 8 <= nwords; i += 8) {
		__m256i a = load_four(words + i);
		__m256i b = load_four(words + i + 4);
		__m256i hits_a =
		    _mm256_cmpgt_epi64(limit, _mm256_sub_epi64(a, base));
		__m256i hits_b =
		    _mm256_cmpgt_epi64(limit, _mm256_sub_epi64(b, base));
		n += keep_four(a, hits_a, out + n);
		n += keep_four(b, hits_b, out + n);
	}
	return n + gcm_filter_plain(words + i, nwords - i, lo, len, out + n);
}

__attribute__((target("avx512f,popcnt"))) static inline size_t
keep_eight(__m512i eight, __mmask8 hits, uint64_t *out)
{
	_mm512_storeu_si512(out, _mm512_maskz_compress_epi64(hits, eight));
	return (size_t)__builtin_popcount(hits);
}

__attribute__((target("avx512f,popcnt"))) size_t
gcm_filter_widest(const uint64_t *words, size_t nwords, uint64_t lo,
    uint64_t len, uint64_t *out)
{
	const __m512i base = _mm512_set1_epi64((long long)lo);
	const __m512i limit = _mm512_set1_epi64((long long)len);
	size_t n = 0, i = 0;

	for (; i + 8 <= nwords; i += 8) {
		__m512i eight = _mm512_loadu_si512(words + i);
		__mmask8 hits;

		LOADED_ONCE(eight);
		hits = _mm512_cmplt_epu64_mask(
		    _mm512_sub_epi64(eight, base), limit);
		n += keep_eight(eight, hits, out + n);
	}
	if (i < nwords) {
		__mmask8 rest = (__mmask8)((1u << (nwords - i)) - 1);
		__m512i eight = _mm512_maskz_loadu_epi64(rest, words + i);
		__mmask8 hits;

		LOADED_ONCE(eight);
		hits = _mm512_mask_cmplt_epu64_mask(
		    rest, _mm512_sub_epi64(eight, base), limit);
		n += keep_eight(eight, hits, out + n);
	}
	return n;
}

bool
gcm_filter_has_wide(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx2") &&
	       __builtin_cpu_supports("popcnt");
}

bool
gcm_filter_has_widest(void)
{
	__builtin_cpu_init();
	return __builtin_cpu_supports("avx512f") &&
	       __builtin_cpu_supports("popcnt");
}
