/* ops.c -- random programs of operations on core, and those kept as text
 *
 * Each program runs in a process of its own.  One that fails is named by its
 * seed, or its file: RIG_ENV_SEED=N runs the same again.  With RIG_ENV_TRACE
 * its operations are printed, to be shortened and kept in tests/fuzz/corpus;
 * `ops FILE` runs such a file.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz.h"
#include "tests/unit/rig.h"

enum {
	STEPS = 8000,
	PROGRAMS = 24,
	LONG_PROGRAMS = 4000
};

static void
run_random(uint64_t seed)
{
	bool trace = getenv(RIG_ENV_TRACE) != NULL;

	if (trace)
		setvbuf(stdout, NULL, _IOLBF, 0);
	os_fake.random = seed;
	os_fake.page_size = seed % 4 == 0 ? 65536 : 4096;
	for (int i = 0; i < STEPS; i++) {
		uint64_t draw = rig_random(&seed), more = rig_random(&seed);
		struct fuzz_op op = {FUZZ_OPS[draw % (sizeof(FUZZ_OPS) - 1)],
		    (uint32_t)(draw >> 32), (uint32_t)more,
		    (uint32_t)(more >> 32)};

		if (trace)
			printf("%c %u %u %u\n", op.what, op.a, op.b, op.c);
		fuzz_step(&op);
	}
	fuzz_end();
}

static void
run_file(const char *path)
{
	FILE *file = fopen(path, "r");
	struct fuzz_op op = {0, 0, 0, 0};
	char line[256];

	RIG_CHECK(file != NULL);
	while (fgets(line, sizeof(line), file) != NULL)
		if (line[0] != '#' && sscanf(line, "%c %u %u %u", &op.what,
					  &op.a, &op.b, &op.c) >= 1)
			fuzz_step(&op);
	fclose(file);
	fuzz_end();
}

/* Run one program in a child; false when it failed. */
static bool
try_program(const char *path, uint64_t seed)
{
	int status = 0;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		if (path != NULL)
			run_file(path);
		else
			run_random(seed);
		fflush(NULL);
		_exit(0);
	}
	if (child < 0 || waitpid(child, &status, 0) != child)
		return false;
	if (status == 0)
		return true;
	if (WIFSIGNALED(status))
		fprintf(stderr, "fuzz: signal %d\n", WTERMSIG(status));
	if (path != NULL)
		fprintf(stderr, "fuzz: failed: %s\n", path);
	else
		fprintf(stderr, "fuzz: failed: %s=%" PRIu64 "\n", RIG_ENV_SEED,
		    seed);
	return false;
}

static bool
try_corpus(void)
{
	const char *top = getenv(RIG_ENV_SRCDIR);
	bool good = true;
	struct dirent *entry;
	char path[4096];
	DIR *folder;

	if (top == NULL)
		return true;
	snprintf(path, sizeof(path), "%s/tests/fuzz/corpus", top);
	folder = opendir(path);
	if (folder == NULL)
		return true;
	while ((entry = readdir(folder)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s", top,
		    entry->d_name);
		good = try_program(path, 0) && good;
	}
	closedir(folder);
	return good;
}

int
main(int argc, char **argv)
{
	unsigned int nprograms = rig_long() ? LONG_PROGRAMS : PROGRAMS;
	uint64_t seed = rig_seed(0);
	bool good = true;

	if (argc > 1)
		return try_program(argv[1], 0) ? EXIT_SUCCESS : EXIT_FAILURE;
	if (getenv(RIG_ENV_SEED) != NULL)
		return try_program(NULL, seed) ? EXIT_SUCCESS : EXIT_FAILURE;
	good = try_corpus();
	for (unsigned int i = 0; i < nprograms && good; i++)
		good = try_program(NULL, rig_random(&seed));
	return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
