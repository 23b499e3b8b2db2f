/* misuse.c -- runs each case in a process of its own, preloaded
 *
 * MODEL   misuse --case NAME SIZE is the case: its expectation goes to
 *         stdout, what the library says to stderr, both files in memory.  It
 *         must be killed by SIGABRT and both must be equal.
 *
 *     misuse [NAME...]     only these, with GCMTEST_LIB set
 */
#define _GNU_SOURCE
#include "misuse.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	DEFAULT_SIZE = 64,
	TEXT_BYTES = 4096,
	SECONDS = 30
};

static const struct misuse *const tables[] = {
    free_cases, invalid_cases, other_cases};
enum {
	NTABLES = sizeof(tables) / sizeof(tables[0])
};

const size_t every_size[] = {1, 7, 8, 16, 24, 100, 128, 1000, 1024, 4096, 32768,
    32769, 100000, 1 << 20, 64 << 20, 0};
const size_t wide_sizes[] = {
    32, 48, 128, 1024, 4096, 32768, 32769, 100000, 1 << 20, 64 << 20, 0};
const size_t slot_sizes[] = {16, 32, 128, 1024, 4096, 0};

void
expect(const char *what, const volatile void *block)
{
	char line[200];
	int n = snprintf(line, sizeof(line), "gcmalloc: %s 0x%lx\n", what,
	    (unsigned long)(uintptr_t)block);

	if (write(1, line, (size_t)n) != n)
		_exit(3);
}

static int
run_case(const char *name, const char *size)
{
	for (int t = 0; t < NTABLES; t++) {
		for (const struct misuse *c = tables[t]; c->name != NULL; c++) {
			if (strcmp(c->name, name) != 0)
				continue;
			c->run(strtoul(size, NULL, 10));
			expect("and survived", NULL);
			return 0;
		}
	}
	return 2;
}

static int
new_file(void)
{
	int fd = memfd_create("misuse", MFD_CLOEXEC);

	if (fd < 0) {
		perror("memfd_create");
		exit(99);
	}
	return fd;
}

static void
become_case(const char *name, const char *size, int out, int err)
{
	static char self[] = "/proc/self/exe";
	struct rlimit no_core = {0, 0};

	setrlimit(RLIMIT_CORE, &no_core);
	dup2(open("/dev/null", O_RDONLY), 0);
	dup2(out, 1);
	dup2(err, 2);
	setenv("LD_PRELOAD", getenv("GCMTEST_LIB"), 1);
	unsetenv("GCMTEST_LIB");
	unsetenv("GCMTEST_SRCDIR");
	unsetenv("GCMTEST_BUILDDIR");
	unsetenv("GCMTEST_LONG");
	unsetenv("GCM_TEST_SECONDS");
	alarm(SECONDS);
	execl(self, self, "--case", name, size, (char *)NULL);
	_exit(127);
}

static void
read_all(int fd, char *text)
{
	ssize_t n = pread(fd, text, TEXT_BYTES - 1, 0);

	text[n > 0 ? n : 0] = '\0';
	close(fd);
}

static bool
passes(const char *name, size_t size)
{
	char wanted[TEXT_BYTES], said[TEXT_BYTES], number[32];
	int out = new_file(), err = new_file(), status;
	pid_t pid;

	snprintf(number, sizeof(number), "%zu", size);
	pid = fork();
	if (pid == 0)
		become_case(name, number, out, err);
	if (pid < 0 || waitpid(pid, &status, 0) != pid) {
		perror("misuse");
		exit(99);
	}
	read_all(out, wanted);
	read_all(err, said);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT &&
	    strcmp(wanted, said) == 0)
		return true;
	printf("misuse: %s %zu: %s %d\n  expected: %s%s  and got:  %s%s", name,
	    size, WIFSIGNALED(status) ? "signal" : "exit status",
	    WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
	    wanted, *wanted == '\0' ? "nothing\n" : "", said,
	    *said == '\0' ? "nothing\n" : "");
	return false;
}

static bool
is_wanted(int argc, char **argv, const char *name)
{
	bool wanted = argc < 2;

	for (int i = 1; i < argc; i++)
		wanted |= strcmp(argv[i], name) == 0;
	return wanted;
}

int
main(int argc, char **argv)
{
	static const size_t once[] = {DEFAULT_SIZE, 0};
	int nfailed = 0;

	if (argc == 4 && strcmp(argv[1], "--case") == 0)
		return run_case(argv[2], argv[3]);
	if (getenv("GCMTEST_LIB") == NULL) {
		fprintf(stderr, "misuse: GCMTEST_LIB must name the library\n");
		return 99;
	}
	for (int t = 0; t < NTABLES; t++) {
		for (const struct misuse *c = tables[t]; c->name != NULL; c++) {
			const size_t *size = c->sizes;

			if (!is_wanted(argc, argv, c->name))
				continue;
			for (size = size != NULL ? size : once; *size != 0;
			     size++)
				nfailed += !passes(c->name, *size);
		}
	}
	return nfailed == 0 ? 0 : 1;
}
