/* doctor.c -- gcmalloc doctor: does the library work, in a program and here?
 *
 * MODEL   First what can be seen from outside: the program's file, what is
 *         preloaded, the system.  Where that says that the library would not be
 *         active the program is not run.  Else it is run, or the process is
 *         looked at, and the library itself says what it decided.
 *
 *         The program keeps its standard input, output and error.  What was
 *         found comes at the end: on standard error, as output is the
 *         program's; of a process on standard output.
 */
#include "tools/doctor.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tools/answer.h"
#include "tools/collect.h"
#include "tools/launch.h"
#include "tools/program.h"
#include "tools/system.h"
#include "tools/verb.h"

enum {
	EXIT_RESTRICTED = 1,
	EXIT_INACTIVE = 3,
	TEXT_BYTES = 1 << 16
};

struct request {
	bool look_only;
	const char *file; /* for what was found, or NULL */
	bool literal;     /* "--": a number is a program */
};

static int
conclude(
    FILE *out, const char *name, bool guessed, const struct findings *findings)
{
	static const struct {
		const char *text;
		int status;
	} verdicts[] = {
	    {"active and collecting", EXIT_SUCCESS},
	    {"active and collecting", EXIT_SUCCESS},
	    {"active, with restrictions", EXIT_RESTRICTED},
	    {"not active", EXIT_INACTIVE},
	};
	enum severity worst = worst_finding(findings);

	fprintf(out, "gcmalloc doctor: %s: %s%s\n", name,
	    guessed ? "would be " : "", verdicts[worst].text);
	print_findings(out, findings);
	if (fflush(out) != 0)
		return refuse(EXIT_CANNOT_RUN, "%s", strerror(errno));
	return verdicts[worst].status;
}

/* Before or instead of running: how writes would be tracked. */
static void
guess_back_end(struct findings *findings)
{
	int error = probe_tracking();

	if (error == 0)
		add_finding(findings, SEVERITY_OK, "back end", NULL,
		    "pagemap would work: the kernel tracks writes");
	else if (error == KILLED)
		add_finding(findings, SEVERITY_WARN, "back end",
		    advise_tracking(error),
		    "none: a filter kills who asks for one");
	else
		add_finding(findings, SEVERITY_WARN, "back end",
		    advise_tracking(error),
		    "fork: the kernel does not track writes: %s",
		    strerror(error));
}

/* Did the library say nothing of it, though it has a collector? */
static bool
is_back_end_open(const struct findings *findings)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct finding *finding = &findings->list[i];

		if (finding->severity == SEVERITY_FAIL ||
		    strcmp(finding->subject, "back end") == 0 ||
		    (strcmp(finding->subject, "collector") == 0 &&
			finding->severity == SEVERITY_WARN))
			return false;
	}
	return true;
}

/* It cannot be run at all. */
static int
refuse_as_found(const char *name, int error, const struct findings *findings)
{
	const struct finding *grave = first_finding(findings, SEVERITY_FAIL);

	return refuse_program(grave != NULL ? grave->text : name, error);
}

static int
examine_program(FILE *out, const struct request *request, char **argv,
    struct findings *findings)
{
	char path[PATH_MAX], library[PATH_MAX];
	int error = find_program(*argv, path);
	bool guessed;

	if (error != 0)
		return refuse_program(*argv, error);
	if (find_library(library) != 0)
		return refuse(EXIT_CANNOT_RUN, LIBRARY " is not installed");
	add_finding(findings, SEVERITY_OK, "library", NULL, "%s", library);
	if (preload_library(library) != 0)
		return refuse(EXIT_CANNOT_RUN, "%s", strerror(errno));
	error = inspect_program(path, 0, findings);
	if (error != 0)
		return refuse_as_found(*argv, error, findings);
	inspect_preloads(getenv("LD_PRELOAD"), findings);
	inspect_system("self", findings);
	guessed =
	    request->look_only || worst_finding(findings) == SEVERITY_FAIL;
	if (guessed)
		add_finding(findings, SEVERITY_NOTE, "run", NULL, "not run");
	else
		error = try_program(argv, findings);
	if (error != 0)
		return refuse_program(*argv, error);
	if (is_back_end_open(findings))
		guess_back_end(findings);
	return conclude(out, *argv, guessed, findings);
}

/* A process ---------------------------------------------------------------- */

/* The value of a variable in the process's first environment, or NULL. */
static const char *
find_variable(const char *text, long len, const char *name)
{
	size_t n = strlen(name);

	for (const char *at = text; at < text + len; at += strlen(at) + 1)
		if (strncmp(at, name, n) == 0 && at[n] == '=')
			return at + n + 1;
	return NULL;
}

static void
examine_start(long process, bool mapped, struct findings *findings)
{
	static char text[TEXT_BYTES];
	const char *preload;
	char path[64];
	long len;

	snprintf(path, sizeof(path), "/proc/%ld/environ", process);
	len = read_text(path, text, sizeof(text));
	preload = len > 0 ? find_variable(text, len, "LD_PRELOAD") : NULL;
	inspect_preloads(preload, findings);
	if (mapped)
		return;
	if (preload != NULL && strstr(preload, LIBRARY) != NULL)
		add_finding(findings, SEVERITY_FAIL, "library", NULL,
		    "was to be preloaded, but is not there: the loader did not "
		    "find it, or the program gained rights");
	else
		add_finding(findings, SEVERITY_FAIL, "library",
		    "start it by gcmalloc run", "is not in this process");
}

/* What the library says, or what can be seen where we may not ask. */
static void
ask_process(long process, const char *path, struct findings *findings)
{
	static struct answer answer;
	int error = read_answer(&answer, process, path);

	if (error == 0)
		inspect_answer(&answer, findings);
	else
		add_finding(findings, SEVERITY_NOTE, "library",
		    error == ENOENT ? "use the command of its version"
				    : "ask as root; see kernel.yama.ptrace_"
				      "scope",
		    "may not or cannot be asked what it decided: %s",
		    strerror(error));
	if (find_collector(process) != 0)
		add_finding(findings, SEVERITY_OK, "thread", NULL,
		    "the collector has a thread at the moment");
}

static int
examine_process(FILE *out, long process, struct findings *findings)
{
	char path[PATH_MAX], exe[64], number[32];
	int error = find_mapped(process, path);

	snprintf(number, sizeof(number), "%ld", process);
	snprintf(exe, sizeof(exe), "/proc/%ld/exe", process);
	if (error != 0 && error != ENOENT)
		return refuse(error == ESRCH ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN,
		    "process %ld: %s", process, strerror(error));
	if (error == 0)
		add_finding(findings, SEVERITY_OK, "library", NULL, "%s", path);
	(void)inspect_program(exe, 1, findings);
	examine_start(process, error == 0, findings);
	inspect_system(number, findings);
	if (error == 0)
		ask_process(process, path, findings);
	return conclude(out, number, false, findings);
}

/* The command line --------------------------------------------------------- */

/* What is left of it, or NULL: said what was wrong. */
static char **
parse_request(char **argv, struct request *request)
{
	for (; *argv != NULL && (*argv)[0] == '-'; argv++) {
		if (strcmp(*argv, "--") == 0) {
			request->literal = true;
			argv++;
			break;
		}
		if (strcmp(*argv, "-n") == 0) {
			request->look_only = true;
		} else if (strcmp(*argv, "-o") == 0 && argv[1] != NULL) {
			request->file = *++argv;
		} else {
			(void)refuse(0,
			    strcmp(*argv, "-o") == 0
				? "doctor: %s: which file?"
				: "doctor: no such option: %s",
			    *argv);
			return NULL;
		}
	}
	if (*argv == NULL)
		(void)refuse(0, "doctor: which program, or process?");
	return *argv == NULL ? NULL : argv;
}

int
consult_doctor(char **argv)
{
	static struct findings findings;
	struct request request = {false, NULL, false};
	long process;
	FILE *out;

	argv = parse_request(argv, &request);
	if (argv == NULL)
		return EXIT_USAGE;
	process = request.literal || argv[1] != NULL ? 0 : parse_process(*argv);
	out = process != 0 ? stdout : stderr;
	if (request.file != NULL) {
		out = fopen(request.file, "we");
		if (out == NULL)
			return refuse(EXIT_CANNOT_RUN, "%s: %s", request.file,
			    strerror(errno));
	}
	return process != 0 ? examine_process(out, process, &findings)
			    : examine_program(out, &request, argv, &findings);
}
