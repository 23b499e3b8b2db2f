/* os_fake_range.c -- ranges of memory that the code under test has mapped */
#include <pthread.h>
#include <string.h>

#include "os_fake_parts.h"

enum {
	NRANGES = 4096
};

static struct range {
	uintptr_t lo, hi;
} ranges[NRANGES]; /* no two overlap or touch; lock */
static unsigned int nranges;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void
drop_range(unsigned int i)
{
	ranges[i] = ranges[--nranges];
}

static void
push_range(uintptr_t lo, uintptr_t hi)
{
	if (nranges == NRANGES)
		os_fake_break("too many ranges");
	ranges[nranges].lo = lo;
	ranges[nranges++].hi = hi;
}

void
os_fake_range_add(uintptr_t lo, uintptr_t hi)
{
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < nranges;) {
		struct range at = ranges[i];

		if (lo < at.hi && at.lo < hi)
			os_fake_break("mapped over what is there");
		if (at.hi != lo && at.lo != hi) {
			i++;
			continue;
		}
		lo = at.lo < lo ? at.lo : lo;
		hi = at.hi > hi ? at.hi : hi;
		drop_range(i);
	}
	push_range(lo, hi);
	pthread_mutex_unlock(&lock);
}

void
os_fake_range_drop(uintptr_t lo, uintptr_t hi)
{
	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < nranges;) {
		struct range at = ranges[i];

		if (hi <= at.lo || at.hi <= lo) {
			i++;
			continue;
		}
		drop_range(i);
		if (at.lo < lo)
			push_range(at.lo, lo);
		if (hi < at.hi)
			push_range(hi, at.hi);
		i = 0;
	}
	pthread_mutex_unlock(&lock);
}

bool
os_fake_range_has(uintptr_t lo, uintptr_t hi)
{
	bool has = false;

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < nranges && !has; i++)
		has = ranges[i].lo <= lo && hi <= ranges[i].hi;
	pthread_mutex_unlock(&lock);
	return has;
}

size_t
os_fake_range_sum(void)
{
	size_t sum = 0;

	pthread_mutex_lock(&lock);
	for (unsigned int i = 0; i < nranges; i++)
		sum += ranges[i].hi - ranges[i].lo;
	pthread_mutex_unlock(&lock);
	return sum;
}
