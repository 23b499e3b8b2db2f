/* unit.c -- a unit test program: Check in fork mode, silent on success */
#include "unit.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	SECONDS = 60
};

int
unit_run(const char *name, void (*add_tests)(TCase *tcase))
{
	Suite *suite = suite_create(name);
	TCase *tcase = tcase_create(name);
	SRunner *runner;
	int nfailed;

	tcase_set_timeout(tcase, SECONDS);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_SILENT);
	nfailed = srunner_ntests_failed(runner);
	if (nfailed > 0)
		srunner_print(runner, CK_NORMAL);
	srunner_free(runner);
	return nfailed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

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
