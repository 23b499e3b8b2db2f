/* doctor_run.c -- gcmalloc doctor: the program, and what is said in it
 *
 * MODEL   The library writes its lines (GCM_DEBUG=doctor) to a log of ours, in
 *         a folder of its own; what else is in it goes where it would have
 *         gone without us.  The folder can be passed by everybody, so that the
 *         program can change its user; its name is a secret.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tools/answer.h"
#include "tools/doctor.h"

enum {
	PATH_BYTES = 4096,
	FILE_LEAST = 1 << 20 /* so long may a file be, for a log */
};

static volatile pid_t child;

/* The log ------------------------------------------------------------------ */

/* Its folder in path, of PATH_BYTES; false: there can be none. */
static bool
make_folder(char *path)
{
	const char *parent = getenv("TMPDIR");
	struct rlimit limit;
	char log[PATH_BYTES + 8];
	int fd;

	/* To write more than that would be a signal to the program. */
	if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < FILE_LEAST)
		return false;
	if (parent == NULL || parent[0] != '/')
		parent = "/tmp";
	if (snprintf(path, PATH_BYTES, "%s/gcmalloc-XXXXXX", parent) >=
		PATH_BYTES ||
	    mkdtemp(path) == NULL)
		return false;
	snprintf(log, sizeof(log), "%s/log", path);
	fd = open(log, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || fchmod(fd, 0622) != 0 || chmod(path, 0711) != 0) {
		rmdir(path);
		return false;
	}
	close(fd);
	return true;
}

static void
remove_folder(const char *path)
{
	char log[PATH_BYTES + 8];

	snprintf(log, sizeof(log), "%s/log", path);
	unlink(log);
	rmdir(path);
}

/* Where the program's own lines belong: the file that GCM_LOG names, or stderr.
 */
static FILE *
open_other_log(void)
{
	const char *pattern = getenv("GCM_LOG"), *at;
	char path[PATH_BYTES];

	if (pattern == NULL || *pattern == '\0')
		return stderr;
	at = strstr(pattern, "%p");
	if (at == NULL)
		return fopen(pattern, "ae");
	snprintf(path, sizeof(path), "%.*s%ld%s", (int)(at - pattern), pattern,
	    (long)child, at + 2);
	return fopen(path, "ae");
}

static void
read_log(const char *folder, struct answer *answer)
{
	char log[PATH_BYTES + 8], copy[8192];
	FILE *in, *other = NULL;

	snprintf(log, sizeof(log), "%s/log", folder);
	in = fopen(log, "re");
	while (in != NULL && fgets(copy, sizeof(copy), in) != NULL) {
		char line[sizeof(copy)];

		memcpy(line, copy, sizeof(line));
		if (take_answer(answer, child, line))
			continue;
		if (other == NULL)
			other = open_other_log();
		if (other != NULL)
			fputs(copy, other);
	}
	if (in != NULL)
		fclose(in);
	if (other != NULL && other != stderr)
		fclose(other);
}

/* The program -------------------------------------------------------------- */

static bool
ask_for_answer(const char *folder)
{
	const char *others = getenv("GCM_DEBUG");
	char log[PATH_BYTES + 8], *keys;

	snprintf(log, sizeof(log), "%s/log", folder);
	return asprintf(&keys, "%s%sdoctor=%ld", others != NULL ? others : "",
		   others != NULL ? "," : "", (long)getpid()) > 0 &&
	       setenv("GCM_DEBUG", keys, 1) == 0 &&
	       setenv("GCM_LOG", log, 1) == 0;
}

static void
pass_signal(int number)
{
	if (child > 0)
		kill(child, number);
}

/* Those of the terminal go to the program as well as to us. */
static void
set_signals(void)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN},
			 pass = {
			     .sa_handler = pass_signal, .sa_flags = SA_RESTART};

	sigaction(SIGINT, &ignore, NULL);
	sigaction(SIGQUIT, &ignore, NULL);
	sigaction(SIGTERM, &pass, NULL);
	sigaction(SIGHUP, &pass, NULL);
}

/* Start it: 0, or the errno.  A pipe that exec closes brings that. */
static int
start_program(char **argv, const char *folder)
{
	int ends[2], error = 0;
	ssize_t got;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return errno;
	child = fork();
	if (child < 0)
		return errno;
	if (child == 0) {
		close(ends[0]);
		if (folder == NULL || ask_for_answer(folder))
			execvp(*argv, argv);
		error = errno;
		got = write(ends[1], &error, sizeof(error));
		_exit(got == sizeof(error) ? 127 : 126);
	}
	set_signals();
	close(ends[1]);
	do
		got = read(ends[0], &error, sizeof(error));
	while (got < 0 && errno == EINTR);
	close(ends[0]);
	return error;
}

static void
tell_end(int status, struct findings *findings)
{
	if (WIFSIGNALED(status))
		add_finding(findings, SEVERITY_NOTE, "run", NULL,
		    "the program ended by signal %d, %s", WTERMSIG(status),
		    strsignal(WTERMSIG(status)));
	else
		add_finding(findings,
		    WEXITSTATUS(status) == 0 ? SEVERITY_OK : SEVERITY_NOTE,
		    "run", NULL, "the program ended with status %d",
		    WEXITSTATUS(status));
}

int
try_program(char **argv, struct findings *findings)
{
	static struct answer answer;
	char folder[PATH_BYTES];
	bool listening = make_folder(folder);
	int error, status = 0;

	error = start_program(argv, listening ? folder : NULL);
	if (child > 0)
		while (waitpid(child, &status, 0) < 0 && errno == EINTR)
			continue;
	if (listening) {
		read_log(folder, &answer);
		remove_folder(folder);
	}
	if (error != 0)
		return error;
	tell_end(status, findings);
	if (answer.heard)
		inspect_answer(&answer, findings);
	else if (listening)
		add_finding(findings, SEVERITY_FAIL, "library", NULL,
		    "was not heard of: it was not loaded, or the program ended "
		    "before it began");
	else
		add_finding(findings, SEVERITY_WARN, "library",
		    "see TMPDIR and ulimit -f",
		    "could not be listened to: no file for a log can be "
		    "written");
	return 0;
}
