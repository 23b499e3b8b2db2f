/* program.c -- can the library be active in a program?
 *
 * MODEL   The loader must be glibc's, of our architecture, and willing: it
 *         ignores LD_PRELOAD where the program gains rights.  Then the first
 *         definition of malloc must be ours: only the executable comes before
 *         what is preloaded.  Of a script all that is asked of its interpreter.
 */
#include "tools/program.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "tools/elf.h"
#include "tools/launch.h"
#include "tools/system.h"

enum {
	SCRIPTS_MOST = 5, /* as the kernel follows them */
	LINE_BYTES = 256, /* as the kernel reads them */
	LIST_BYTES = 1 << 16
};

static const char *
base_of_path(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

static int
begins_with_one(const char *path, const char *const *names)
{
	const char *base = base_of_path(path);

	for (; *names != NULL; names++)
		if (strncmp(base, *names, strlen(*names)) == 0)
			return 1;
	return 0;
}

int
is_allocator(const char *path)
{
	static const char *const names[] = {"libjemalloc", "libtcmalloc",
	    "libmimalloc", "libsnmalloc", "librpmalloc", "libhoard", "libscudo",
	    "libhardened_malloc", "libltalloc", "libnedmalloc",
	    "libsupermalloc", "libmesh", "libefence", "libduma", "libdieharder",
	    "libumem", "libtbbmalloc_proxy", "libc_malloc_debug", NULL};

	return begins_with_one(path, names);
}

int
is_sanitizer(const char *path)
{
	static const char *const names[] = {"libasan", "libtsan", "liblsan",
	    "libmsan", "libhwasan", "libclang_rt.asan", "libclang_rt.tsan",
	    "libclang_rt.lsan", "libclang_rt.msan", "libclang_rt.hwasan", NULL};

	return begins_with_one(path, names);
}

/* 0, or why execve would refuse it. */
static int
check_file(const char *path)
{
	struct stat stat_;

	if (stat(path, &stat_) != 0)
		return errno;
	if (S_ISDIR(stat_.st_mode))
		return EISDIR;
	if (!S_ISREG(stat_.st_mode) || access(path, X_OK) != 0)
		return EACCES;
	return 0;
}

int
find_program(const char *name, char *path)
{
	const char *list = getenv("PATH");
	int error = ENOENT;

	if (strchr(name, '/') != NULL || *name == '\0') {
		if (snprintf(path, PATH_MAX, "%s", name) >= PATH_MAX)
			return ENAMETOOLONG;
		return *name == '\0' ? ENOENT : check_file(name);
	}
	for (list = list != NULL ? list : "/bin:/usr/bin";; list++) {
		int len = (int)strcspn(list, ":");

		if (snprintf(path, PATH_MAX, "%.*s%s%s", len, list,
			len > 0 ? "/" : "", name) < PATH_MAX) {
			int found = check_file(path);

			if (found == 0)
				return 0;
			if (found == EACCES)
				error = EACCES;
		}
		list += len;
		if (*list == '\0')
			return error;
	}
}

/* Rights ------------------------------------------------------------------- */

static void
check_rights(const char *path, struct findings *findings)
{
	static const char advice[] = "only /etc/ld.so.preload reaches it";
	struct stat file;
	struct statvfs mount;
	char caps[64];

	if (stat(path, &file) != 0 || statvfs(path, &mount) != 0 ||
	    (mount.f_flag & ST_NOSUID) != 0 ||
	    prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return;
	if ((file.st_mode & S_ISUID) != 0 && file.st_uid != getuid())
		add_finding(findings, SEVERITY_FAIL, "rights", advice,
		    "%s is setuid: the loader ignores LD_PRELOAD", path);
	else if ((file.st_mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP) &&
		 file.st_gid != getgid())
		add_finding(findings, SEVERITY_FAIL, "rights", advice,
		    "%s is setgid: the loader ignores LD_PRELOAD", path);
	else if (getuid() != 0 &&
		 getxattr(path, "security.capability", caps, sizeof(caps)) > 0)
		add_finding(findings, SEVERITY_FAIL, "rights", advice,
		    "%s has capabilities: the loader ignores LD_PRELOAD", path);
}

/* Files of the right kind -------------------------------------------------- */

/* 0 or an errno of execve. */
static int
check_loader(const char *path, const struct elf *elf, struct findings *findings)
{
	const char *loader = elf->interpreter, *base = base_of_path(loader);
	struct elf self;

	if (access(loader, X_OK) != 0) {
		add_finding(findings, SEVERITY_FAIL, "loader", NULL,
		    "%s wants %s, which is not there", path, loader);
		return ENOENT;
	}
	if (strncmp(base, "ld-musl", 7) == 0) {
		add_finding(findings, SEVERITY_FAIL, "loader",
		    "build it for glibc", "%s is linked with musl", path);
		return 0;
	}
	if (strncmp(base, "ld-linux", 8) != 0) {
		add_finding(findings, SEVERITY_WARN, "loader", NULL,
		    "%s has a loader that is not known: %s", path, loader);
		return 0;
	}
	if (read_elf("/proc/self/exe", &self) != 0)
		return 0;
	if (strcmp(self.interpreter, loader) != 0)
		add_finding(findings, SEVERITY_NOTE, "loader",
		    "it may be too old for the library",
		    "%s has a glibc of its own, %s", path, loader);
	drop_elf(&self);
	return 0;
}

static void
check_malloc(const char *path, const struct elf *elf, struct findings *findings)
{
	static const char *const sanitizers[] = {"__asan_init", "__tsan_init",
	    "__msan_init", "__lsan_init", "__hwasan_init"};
	const char *name;

	for (size_t i = 0; i < sizeof(sanitizers) / sizeof(sanitizers[0]); i++)
		if (defined_by_elf(elf, sanitizers[i])) {
			add_finding(findings, SEVERITY_FAIL, "malloc",
			    "build it without the sanitizer",
			    "%s has a sanitizer's malloc linked in", path);
			return;
		}
	if (defined_by_elf(elf, "malloc"))
		add_finding(findings, SEVERITY_FAIL, "malloc",
		    "build it without that",
		    "%s has a malloc of its own linked in", path);
	for (size_t i = 0; (name = needed_by_elf(elf, i)) != NULL; i++) {
		if (is_sanitizer(name))
			add_finding(findings, SEVERITY_FAIL, "malloc",
			    "build it without the sanitizer",
			    "%s is linked with %s, which must come first", path,
			    name);
		else if (is_allocator(name))
			add_finding(findings, SEVERITY_NOTE, "malloc", NULL,
			    "%s is linked with %s, which the library comes "
			    "before",
			    path, name);
	}
}

/* 0 or an errno of execve. */
static int
check_elf(const char *path, const struct elf *elf, int running,
    struct findings *findings)
{
	const char *base = base_of_path(path);
	size_t before = findings->count;
	int error;

	if (elf->class_id == ELFCLASS32) {
		add_finding(findings, SEVERITY_FAIL, "program", NULL,
		    "%s is a 32-bit program", path);
		return 0;
	}
	if (elf->machine != machine_of_ours() || elf->data != ELFDATA2LSB) {
		add_finding(findings, SEVERITY_FAIL, "program", NULL,
		    "%s is a program for %s", path,
		    name_of_machine(elf->machine));
		return 0;
	}
	if (elf->type != ET_EXEC && elf->type != ET_DYN)
		return ENOEXEC;
	if (elf->interpreter[0] == '\0') {
		if (strncmp(base, "ld-linux", 8) == 0)
			add_finding(findings, SEVERITY_NOTE, "program",
			    "look at the program itself",
			    "%s is a loader: what it loads is not known", path);
		else
			add_finding(findings, SEVERITY_FAIL, "program",
			    "link it dynamically", "%s is statically linked",
			    path);
		return 0;
	}
	error = check_loader(path, elf, findings);
	if (!running)
		check_rights(path, findings);
	check_malloc(path, elf, findings);
	if (findings->count == before)
		add_finding(findings, SEVERITY_OK, "program", NULL,
		    "%s is dynamically linked, for %s", path,
		    name_of_machine(elf->machine));
	return error;
}

/* Scripts ------------------------------------------------------------------ */

/* "#! INTERPRETER [ARGUMENT]" of a file, in `line`; false when it is none. */
static int
read_first_line(
    const char *path, char *line, const char **program, const char **argument)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	ssize_t got = fd < 0 ? -1 : read(fd, line, LINE_BYTES - 1);
	char *rest;

	if (fd >= 0)
		close(fd);
	if (got < 2 || line[0] != '#' || line[1] != '!')
		return 0;
	line[got] = '\0';
	line[strcspn(line, "\n")] = '\0';
	*program = strtok_r(line + 2, " \t\r", &rest);
	*argument = rest + strspn(rest, " \t");
	return *program != NULL;
}

/* The program that "env [-S] [NAME=VALUE] PROGRAM ..." runs, in a buffer of
 * PATH_MAX; false when it cannot be told.
 */
static int
follow_env(const char *argument, char *path)
{
	char words[LINE_BYTES], *rest, *word;

	snprintf(words, sizeof(words), "%s", argument);
	for (word = strtok_r(words, " \t\r", &rest); word != NULL;
	     word = strtok_r(NULL, " \t\r", &rest))
		if (word[0] != '-' && strchr(word, '=') == NULL)
			return find_program(word, path) == 0;
	return 0;
}

/* What runs the file `path`, instead of it in `path`: 0, or the errno. */
static int
follow_script(char *path, const char *program, const char *argument)
{
	char next[PATH_MAX];
	int error = check_file(program);

	if (error != 0)
		return error;
	snprintf(next, sizeof(next), "%s", program);
	if (strcmp(base_of_path(program), "env") == 0 &&
	    !follow_env(argument, next))
		snprintf(next, sizeof(next), "%s", program);
	strcpy(path, next);
	return 0;
}

int
inspect_program(const char *path, int running, struct findings *findings)
{
	char at[PATH_MAX], line[LINE_BYTES];
	const char *program, *argument;
	struct elf elf;
	int error = check_file(path);

	snprintf(at, sizeof(at), "%s", path);
	for (int i = 0; error == 0 && i < SCRIPTS_MOST; i++) {
		int kind = read_elf(at, &elf);

		if (kind == 0) {
			error = check_elf(at, &elf, running, findings);
			drop_elf(&elf);
			return error;
		}
		if (kind < 0) {
			add_finding(findings, SEVERITY_NOTE, "program",
			    "look as its owner", "%s cannot be read: %s", at,
			    strerror(-kind));
			if (!running)
				check_rights(at, findings);
			return 0;
		}
		/* What is neither, execvp gives to the shell. */
		if (!read_first_line(at, line, &program, &argument)) {
			if (i > 0)
				return ENOEXEC;
			program = "/bin/sh";
			argument = "";
		}
		error = follow_script(at, program, argument);
		if (error != 0)
			add_finding(findings, SEVERITY_FAIL, "program", NULL,
			    "%s is a script for %s", path, program);
		else
			add_finding(findings, SEVERITY_OK, "program", NULL,
			    "%s is a script, run by %s", path, at);
	}
	return error != 0 ? error : ELOOP;
}

/* Preloaded ---------------------------------------------------------------- */

/* The library comes before it (1), after it (0), or is not in the lists (-1).
 */
static void
check_preload(
    const char *source, const char *name, int order, struct findings *findings)
{
	if (is_sanitizer(name))
		add_finding(findings, SEVERITY_FAIL, "preload", "take it out",
		    "%s has %s, which must come first", source, name);
	else if (is_allocator(name) && order == 0)
		add_finding(findings, SEVERITY_FAIL, "preload", "take it out",
		    "%s has %s before the library", source, name);
	else if (is_allocator(name))
		add_finding(findings, SEVERITY_NOTE, "preload", "take it out",
		    order == 1 ? "%s has %s, after the library" : "%s has %s",
		    source, name);
}

void
inspect_preloads(const char *list, struct findings *findings)
{
	static const char *const sources[] = {
	    "LD_PRELOAD", "/etc/ld.so.preload"};
	static char texts[2][LIST_BYTES];
	int order;

	snprintf(texts[0], LIST_BYTES, "%s", list != NULL ? list : "");
	(void)read_text(sources[1], texts[1], LIST_BYTES);
	order = strstr(texts[0], LIBRARY) != NULL ||
			strstr(texts[1], LIBRARY) != NULL
		    ? 0
		    : -1;
	for (int i = 0; i < 2; i++) {
		char *rest, *word = strtok_r(texts[i], ": \t\n", &rest);

		for (; word != NULL; word = strtok_r(NULL, ": \t\n", &rest)) {
			if (strcmp(base_of_path(word), LIBRARY) == 0)
				order = 1;
			check_preload(sources[i], word, order, findings);
		}
	}
}
