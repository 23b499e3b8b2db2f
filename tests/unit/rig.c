/* rig.c -- what the unit, fault and fuzz programs share beside the fake */
#include "rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

bool
rig_long(void)
{
	const char *text = getenv(RIG_ENV_LONG);

	return text != NULL && *text != '\0' && *text != '0';
}

uint64_t
rig_seed(uint64_t otherwise)
{
	const char *text = getenv(RIG_ENV_SEED);
	struct timespec now;

	if (text != NULL && *text != '\0')
		return strtoull(text, NULL, 0);
	if (otherwise != 0)
		return otherwise;
	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec << 20 ^ (uint64_t)now.tv_nsec;
}

uint64_t
rig_random(uint64_t *state)
{
	uint64_t value = *state += 0x9e3779b97f4a7c15u;

	value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9u;
	value = (value ^ (value >> 27)) * 0x94d049bb133111ebu;
	return value ^ (value >> 31);
}

uint64_t
rig_below(uint64_t *state, uint64_t n)
{
	return rig_random(state) % n;
}

bool
rig_chance(uint64_t *state, unsigned int percent)
{
	return rig_below(state, 100) < percent;
}

size_t
rig_size(uint64_t *state, unsigned int log_max)
{
	unsigned int log = (unsigned int)rig_below(state, 10);

	if (rig_chance(state, 10))
		log = (unsigned int)rig_below(state, log_max);
	return (size_t)rig_below(state, (uint64_t)2 << log);
}

/* Contents, by words of eight bytes -------------------------------------------
 */

enum {
	WORD = 8,
	WHOLE = 32 << 10,
	EDGE = 256,
	STEP = 4096
};

static uint64_t
word_at(uint64_t seed, size_t i)
{
	return (seed + i) * 0x9e3779b97f4a7c15u;
}

static size_t
word_length(size_t i, size_t len)
{
	return len - i < WORD ? len - i : WORD;
}

/* The next offset after i that is looked at. */
static size_t
next_offset(size_t i, size_t len)
{
	if (len <= WHOLE || i < EDGE || i >= len - EDGE)
		return i + WORD;
	i += STEP - i % STEP;
	return i < len - EDGE ? i : (len - EDGE + WORD - 1) / WORD * WORD;
}

void
rig_fill(void *block, size_t len, uint64_t seed)
{
	unsigned char *bytes = block;

	for (size_t i = 0; i < len; i = next_offset(i, len)) {
		uint64_t word = word_at(seed, i);

		if (len - i >= WORD)
			memcpy(bytes + i, &word, WORD);
		else
			memcpy(bytes + i, &word, len - i);
	}
}

bool
rig_intact(const void *block, size_t len, size_t filled, uint64_t seed)
{
	const unsigned char *bytes = block;

	if (len > filled)
		len = filled;
	for (size_t i = 0; i < len; i = next_offset(i, filled)) {
		uint64_t word = word_at(seed, i), seen = word;

		memcpy(&seen, bytes + i, word_length(i, len));
		if (seen != word)
			return false;
	}
	return true;
}

bool
rig_is_zero(const void *block, size_t len)
{
	const unsigned char *bytes = block;

	return len == 0 ||
	       (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}
