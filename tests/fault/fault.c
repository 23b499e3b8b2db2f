/* fault.c -- every scenario, with every call to the system failing in turn
 *
 * A scenario runs in a process of its own with its N-th call made to fail,
 * then with the N-th and those after it, for N = 0, 1, 2... until it ran
 * without a failure.  After each run the heap verifies, and everything works
 * once no call fails any more.  (SQLite tests itself so.)
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenario.h"
#include "tests/unit/rig.h"

enum {
	CLEAN = 0,
	FAILED = 10,
	NMAX = 5000
};

struct plan {
	const char *name;
	enum os_fake_call call;
	uint64_t ntimes;
	int error;
};

static const struct plan plans[] = {
    {"one call", OS_ANY, 1, ENOMEM},
    {"three calls", OS_ANY, 3, EAGAIN},
    {"all calls", OS_ANY, UINT64_MAX, ENOMEM},
    {"one mapping at a place", OS_MAP_AT, 1, EEXIST},
    {"all mappings at a place", OS_MAP_AT, UINT64_MAX, ENOMEM},
    {"all mappings", OS_MAP, UINT64_MAX, ENOMEM},
};

static int
run_one(const struct scenario *scenario, const struct plan *plan, uint64_t nth)
{
	os_fake_fail(plan->call, nth, plan->ntimes, plan->error);
	scenario->run();
	os_fake_fail(plan->call, 0, 0, 0);
	scenario_recover();
	return os_fake_failures() == 0 ? CLEAN : FAILED;
}

/* One run in a child: its exit status, or -1. */
static int
run_apart(
    const struct scenario *scenario, const struct plan *plan, uint64_t nth)
{
	int status = -1;
	pid_t child = fork();

	if (child == 0)
		_exit(run_one(scenario, plan, nth));
	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static bool
run_all(const struct scenario *scenario, const struct plan *plan)
{
	for (uint64_t nth = 0; nth < NMAX; nth++) {
		int status = run_apart(scenario, plan, nth);

		if (status == CLEAN)
			return true;
		if (status == FAILED)
			continue;
		fprintf(stderr, "fault: %s: %s from call %llu on\n",
		    scenario->name, plan->name, (unsigned long long)nth);
		return false;
	}
	fprintf(stderr, "fault: %s: never ends\n", scenario->name);
	return false;
}

/* Without arguments: everything; or SCENARIO PLAN NTH. */
int
main(int argc, char **argv)
{
	bool good = true;

	for (const struct scenario *at = scenarios; at->name != NULL; at++)
		for (unsigned int i = 0; i < RIG_COUNT(plans); i++)
			if (argc < 4)
				good = run_all(at, &plans[i]) && good;
			else if (at - scenarios == atoi(argv[1]) &&
				 (int)i == atoi(argv[2]))
				return run_one(
				    at, &plans[i], strtoull(argv[3], NULL, 10));
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
