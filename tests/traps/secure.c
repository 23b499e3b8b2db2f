/* secure.c -- a program with more rights than its user
 *
 * MODEL   Environment variables of the library write files and lines; in a
 *         setuid program they must do nothing.  A setuid copy of this
 *         program, run by another user, opens the library and uses it; the
 *         same copy without the bit shows that the variables work at all.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/stress/kit.h"

enum {
	NOT_SECURE = 40,
	NO_LIBRARY = 41
};

/* The copy's whole life.  It prints nothing itself. */
static int
use_library(const char *lib, bool secure)
{
	void *(*lib_malloc)(size_t);
	void (*lib_free)(void *);
	void *handle;

	if (secure && getauxval(AT_SECURE) == 0)
		return NOT_SECURE;
	handle = dlopen(lib, RTLD_NOW);
	if (handle == NULL)
		return NO_LIBRARY;
	*(void **)&lib_malloc = dlsym(handle, "malloc");
	*(void **)&lib_free = dlsym(handle, "free");
	for (size_t i = 1; i < 3000; i++)
		lib_free(lib_malloc(i * 10));
	return 0;
}

static void
copy_self(const char *name, mode_t mode)
{
	int from = open("/proc/self/exe", O_RDONLY);
	int to = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0755);
	struct stat st;

	KIT_CHECK(from >= 0 && to >= 0 && fstat(from, &st) == 0);
	while (sendfile(to, from, NULL, (size_t)st.st_size) > 0)
		continue;
	KIT_CHECK(fchmod(to, mode) == 0);
	close(from);
	close(to);
}

/* Runs the copy as another user; returns its status, counts what it wrote. */
static int
run_copy(const char *program, const char *mode, long *nwritten)
{
	static char library[PATH_MAX];
	char name[] = "copy", log[] = "GCM_LOG=log", options[64], how[16];
	char *argv[] = {name, how, library, NULL};
	char *envp[] = {options, log, NULL};
	struct stat st;
	int output = open("output", O_RDWR | O_CREAT | O_TRUNC, 0666), status;
	pid_t child;

	snprintf(options, sizeof(options), "GCM_DEBUG=stats=1");
	snprintf(how, sizeof(how), "%s", mode);
	snprintf(library, sizeof(library), "%s", kit_lib());
	child = kit_fork();
	if (child == 0) {
		dup2(output, 2);
		if (setresgid(65534, 65534, 65534) != 0 ||
		    setresuid(65534, 65534, 65534) != 0)
			_exit(1);
		execve(program, argv, envp);
		_exit(NO_LIBRARY);
	}
	status = kit_wait(child);
	KIT_CHECK(fstat(output, &st) == 0);
	*nwritten = st.st_size;
	close(output);
	if (stat("log", &st) == 0) {
		*nwritten += st.st_size + 1;
		unlink("log");
	}
	return status >> 8;
}

static void
variables_are_ignored(void)
{
	char folder[] = "/tmp/gcm-secureXXXXXX";
	long plain, secure;
	int status, status_secure;

	if (*kit_lib() == '\0' || geteuid() != 0)
		kit_skip("only root can give its rights away");
	KIT_CHECK(mkdtemp(folder) != NULL && chdir(folder) == 0);
	KIT_CHECK(chmod(folder, 0777) == 0);
	copy_self("plain", 0755);
	copy_self("secure", 04755);
	status = run_copy("./plain", "--plain", &plain);
	status_secure = run_copy("./secure", "--secure", &secure);
	unlink("plain");
	unlink("secure");
	unlink("output");
	rmdir(folder);
	if (status == NO_LIBRARY || status_secure == NOT_SECURE)
		kit_skip("no setuid programs here");
	KIT_CHECK(status == 0 && status_secure == 0);
	KIT_CHECK(plain > 0);
	if (secure != 0)
		KIT_FAIL("%ld bytes written in a setuid program", secure);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"variables-are-ignored", variables_are_ignored, KIT_PLAIN, 0},
	    {NULL, NULL, 0, 0},
	};

	if (argc == 3 && strcmp(argv[1], "--plain") == 0)
		return use_library(argv[2], false);
	if (argc == 3 && strcmp(argv[1], "--secure") == 0)
		return use_library(argv[2], true);
	return kit_main(argc, argv, cases);
}
