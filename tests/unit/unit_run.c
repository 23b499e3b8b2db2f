/* unit_run.c -- Check in fork mode, silent on success */
#include <check.h>
#include <stdlib.h>

#include "real.h"

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
