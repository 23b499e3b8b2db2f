/* line.c -- finding free slots: the portable finder, and the choice
 *
 * MODEL   Eight states are compared in one word: xor leaves zero bytes where
 *         the state is FREE, and since no state but the program's own has
 *         the sign bit, (x | x + 0x7f..) shows them (Knuth 7.1.3, exact form).
 */
#include "core/line.h"

#include <string.h>

gcm_line_finder gcm_line_find_free = gcm_line_find_plain;

static uint64_t
find_word(const uint8_t *states)
{
	const uint64_t low = 0x7f7f7f7f7f7f7f7fu;
	uint64_t word, zero;

	memcpy(&word, states, sizeof(word));
	word ^= 0x0101010101010101u * GCM_FREE;
	zero = ~(((word & low) + low) | word | low);
	return (zero >> 7) * 0x0102040810204080u >> 56;
}

uint64_t
gcm_line_find_plain(const uint8_t *states)
{
	uint64_t mask = 0;

	for (unsigned int i = 0; i < GCM_LINE_GRANULES; i += 8)
		mask |= find_word(states + i) << i;
	return mask;
}

void
gcm_line_init(void)
{
	if (gcm_line_has_widest())
		gcm_line_find_free = gcm_line_find_widest;
	else if (gcm_line_has_wide())
		gcm_line_find_free = gcm_line_find_wide;
}

const char *
gcm_line_name(void)
{
	if (gcm_line_find_free == gcm_line_find_widest)
		return "widest";
	return gcm_line_find_free == gcm_line_find_wide ? "wide" : "plain";
}
