/* unit.c -- what unit tests on the fake kernel ask of it */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>

#include "core/scavenge.h"

void
unit_check_misuse(const char *call, const char *what, const void *addr)
{
	char line[256];

	snprintf(line, sizeof(line), "gcmalloc: %s(): %s 0x%" PRIxPTR "\n",
	    call, what, (uintptr_t)addr);
	ck_assert_int_eq(os_fake_ended, OS_ABORTED);
	ck_assert_str_eq(os_fake_stderr(), line);
}

void
unit_verify(void)
{
	OS_FAKE_RUN(gcm_verify_heap());
	ck_assert_msg(os_fake_ended == OS_RETURNED, "%s", os_fake_stderr());
}

void
unit_stop_scavenger(void)
{
	for (int i = 0; i < 5000; i++)
		if (gcm_scavenge_stop())
			return;
	ck_abort_msg("the scavenger does not end");
}
