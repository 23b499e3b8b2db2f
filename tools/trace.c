/* trace.c -- gcmalloc trace: what an execution trace or gctrace text says
 *
 * MODEL   The file is read once for each event in order of time; each goes to
 *         the model of its process, or is written at once.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tools/trace_show.h"
#include "tools/trace_source.h"
#include "tools/verb.h"

enum form {
	FORM_SUMMARY,
	FORM_EVENTS,
	FORM_PAGE,
	FORM_JSON
};

struct wish {
	enum form form;
	const char *path;
	const char *output;
	long pid; /* 0: all */
};

static const struct {
	const char *name;
	enum form form;
} forms[] = {{"--events", FORM_EVENTS}, {"--html", FORM_PAGE},
    {"--perfetto", FORM_JSON}, {"--json", FORM_JSON}};

static bool
take_form(struct wish *wish, const char *word)
{
	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (strcmp(word, forms[i].name) == 0) {
			wish->form = forms[i].form;
			return true;
		}
	return false;
}

/* 0, or an exit status. */
static int
parse_wish(struct wish *wish, char **argv)
{
	bool options = true;

	*wish = (struct wish){0};
	for (; *argv != NULL; argv++) {
		if (!options || **argv != '-' || strcmp(*argv, "-") == 0) {
			if (wish->path != NULL)
				return refuse(EXIT_USAGE, "trace: one file");
			wish->path = *argv;
		} else if (strcmp(*argv, "--") == 0) {
			options = false;
		} else if (strcmp(*argv, "-o") == 0) {
			wish->output = *++argv;
			if (*argv == NULL)
				return refuse(
				    EXIT_USAGE, "trace: -o: which file?");
		} else if (strcmp(*argv, "--pid") == 0) {
			wish->pid =
			    argv[1] == NULL ? 0 : parse_process(*++argv);
			if (wish->pid == 0)
				return refuse(
				    EXIT_USAGE, "trace: --pid: which process?");
		} else if (!take_form(wish, *argv)) {
			return refuse(
			    EXIT_USAGE, "trace: no such option: %s", *argv);
		}
	}
	if (wish->path == NULL)
		return refuse(EXIT_USAGE, "trace: which file?");
	return 0;
}

static bool
next_wished(
    struct trace *trace, const struct wish *wish, struct trace_event *event)
{
	while (next_event(trace, event))
		if (wish->pid == 0 ||
		    event->process->pid == (uint32_t)wish->pid)
			return true;
	return false;
}

/* Events as they come; how many there were. */
static uint64_t
write_stream(FILE *file, struct trace *trace, const struct wish *wish)
{
	struct trace_event event;
	struct trace_json *json = NULL;
	uint64_t count = 0;

	if (wish->form == FORM_JSON)
		json = begin_json(file, trace);
	for (; next_wished(trace, wish, &event); count++)
		if (json != NULL)
			write_json_event(json, &event);
		else
			write_event_line(file, &event);
	if (json != NULL)
		end_json(json);
	return count;
}

static uint64_t
write_models(FILE *file, struct trace *trace, const struct wish *wish)
{
	struct trace_models models = {0};
	struct trace_event event;
	uint64_t count = 0;

	for (; next_wished(trace, wish, &event); count++)
		take_model_event(&models, &event);
	settle_models(&models);
	if (count != 0 && wish->form == FORM_PAGE)
		write_page(file, trace, &models);
	else if (count != 0)
		write_summary(file, trace, &models);
	free_models(&models);
	return count;
}

/* Is there any event?  Else a line says that there is none. */
static int
check_trace(const struct trace *trace, const struct wish *wish, uint64_t count)
{
	if (count != 0)
		return EXIT_SUCCESS;
	if (trace->nevents != 0)
		return refuse(EXIT_FAILURE, "%s: nothing of process %ld",
		    trace->path, wish->pid);
	if (trace->batches != NULL)
		return refuse(EXIT_FAILURE,
		    "%s: an execution trace without any event", trace->path);
	return refuse(EXIT_FAILURE,
	    "%s: neither an execution trace nor gctrace lines", trace->path);
}

static int
write_wish(FILE *file, struct trace *trace, const struct wish *wish)
{
	uint64_t count = wish->form == FORM_EVENTS || wish->form == FORM_JSON
			     ? write_stream(file, trace, wish)
			     : write_models(file, trace, wish);

	return check_trace(trace, wish, count);
}

/* A file that the command line names: only a whole one is left there. */
static void
drop_file(const char *path)
{
	struct stat about;

	if (stat(path, &about) == 0 && S_ISREG(about.st_mode))
		(void)unlink(path);
}

static int
write_file(struct trace *trace, const struct wish *wish)
{
	FILE *file = fopen(wish->output, "we");
	int status, error = 0;

	if (file == NULL)
		return refuse(
		    EXIT_FAILURE, "%s: %s", wish->output, strerror(errno));
	status = write_wish(file, trace, wish);
	if (ferror(file) || fflush(file) != 0)
		error = errno != 0 ? errno : EIO;
	if (fclose(file) != 0 && error == 0)
		error = errno;
	if (error != 0)
		status = refuse(
		    EXIT_FAILURE, "%s: %s", wish->output, strerror(error));
	if (status != 0)
		drop_file(wish->output);
	return status;
}

int
show_trace(char **argv)
{
	struct trace *trace;
	struct wish wish;
	int status = parse_wish(&wish, argv);

	if (status != 0)
		return status;
	trace = open_trace(wish.path);
	if (trace == NULL)
		return EXIT_FAILURE;
	if (wish.output != NULL && strcmp(wish.output, "-") != 0) {
		status = write_file(trace, &wish);
	} else {
		status = write_wish(stdout, trace, &wish);
		if (fflush(stdout) != 0 || ferror(stdout))
			status = refuse(EXIT_FAILURE, "standard output: %s",
			    strerror(errno));
	}
	close_trace(trace);
	return status;
}
