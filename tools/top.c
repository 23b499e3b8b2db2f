/* top.c -- gcmalloc top: watch the processes that run with the library
 *
 * MODEL   sample.c looks at them; top_screen.c draws on a terminal, here is
 *         plain text, for all that is none: pipes, files, terminals that can
 *         only print.
 */
#include "tools/top.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "tools/sample.h"
#include "tools/verb.h"

enum {
	INTERVAL_MS = 2000,
	INTERVAL_LEAST_MS = 100,
	INTERVAL_MOST_MS = 3600 * 1000
};

struct request {
	struct sample sample;
	struct watch watch;
	bool batch, list;
};

static void
print_row(const struct process *process)
{
	char text[CELL_BYTES];

	for (int id = 0; id < NCOLUMNS; id++) {
		const char *end = id + 1 < NCOLUMNS ? " " : "\n";

		if (process == NULL)
			snprintf(
			    text, sizeof(text), "%s", sample_columns[id].title);
		else
			format_cell(process, id, text);
		if (id + 1 == NCOLUMNS)
			printf("%s%s", text, end);
		else
			printf("%*s%s",
			    sample_columns[id].kind == WORDS
				? -sample_columns[id].width
				: sample_columns[id].width,
			    text, end);
	}
}

static int
watch_as_text(struct request *request)
{
	const struct timespec pause = {request->watch.interval_ms / 1000,
	    (long)(request->watch.interval_ms % 1000) * 1000000};

	for (unsigned long i = 1;; i++) {
		refresh_sample(&request->sample);
		print_row(NULL);
		for (size_t at = 0; at < request->sample.count; at++)
			print_row(request->sample.list[at]);
		if (i != request->watch.count)
			putchar('\n');
		if (fflush(stdout) != 0)
			return EXIT_FAILURE;
		if (i == request->watch.count)
			return EXIT_SUCCESS;
		nanosleep(&pause, NULL);
	}
}

static int
print_name(long process, const char *comm, void *arg)
{
	(void)arg;
	printf("%ld\t", process);
	for (; *comm != '\0'; comm++)
		putchar(*comm < ' ' || *comm == 0x7f ? '?' : *comm);
	putchar('\n');
	return 0;
}

/* The command line --------------------------------------------------------- */

static int
parse_interval(const char *text, struct watch *watch)
{
	char *end;
	double seconds = strtod(text, &end);
	double ms = seconds * 1000;

	if (end == text || *end != '\0' ||
	    !(ms >= INTERVAL_LEAST_MS && ms <= INTERVAL_MOST_MS))
		return refuse(EXIT_USAGE,
		    "top: -d: not %s (it takes seconds: 0.1 to 3600)", text);
	watch->interval_ms = (unsigned int)ms;
	return 0;
}

static int
parse_count(const char *text, struct watch *watch)
{
	long count = parse_process(text);

	if (count == 0)
		return refuse(EXIT_USAGE, "top: -n: not %s", text);
	watch->count = (unsigned long)count;
	return 0;
}

static int
parse_column(const char *text, struct sample *sample)
{
	for (int id = 0; id < NCOLUMNS; id++)
		if (strcasecmp(text, sample_columns[id].title) == 0) {
			sample->by = id;
			return 0;
		}
	return refuse(EXIT_USAGE, "top: no such column: %s", text);
}

/* An option that has a value. */
static int
parse_value(struct request *request, const char *name, const char *value)
{
	if (strcmp(name, "-d") != 0 && strcmp(name, "-n") != 0 &&
	    strcmp(name, "--sort") != 0)
		return refuse(EXIT_USAGE, "top: no such option: %s", name);
	if (value == NULL)
		return refuse(EXIT_USAGE, "top: %s: no value", name);
	if (strcmp(name, "-d") == 0)
		return parse_interval(value, &request->watch);
	if (strcmp(name, "-n") == 0)
		return parse_count(value, &request->watch);
	return parse_column(value, &request->sample);
}

/* The option's name; its value, if that is in the same word: "-n5", "-bn5", as
 * many are used to.
 */
static const char *
split_word(struct request *request, const char *word, const char **value)
{
	const char *letter = word + (word[1] == 'b' && word[2] != '\0' ? 2 : 1);

	*value = NULL;
	if (*letter != 'n' && *letter != 'd')
		return word;
	request->batch |= letter == word + 2;
	if (letter[1] != '\0')
		*value = letter + 1;
	return *letter == 'n' ? "-n" : "-d";
}

static int
parse_request(struct request *request, char **argv)
{
	int status = 0;

	for (; *argv != NULL && status == 0; argv++) {
		long process = parse_process(*argv);

		if (strcmp(*argv, "-b") == 0 || strcmp(*argv, "--batch") == 0) {
			request->batch = true;
		} else if (strcmp(*argv, "--list") == 0) {
			request->list = true;
		} else if ((*argv)[0] == '-') {
			const char *value;
			const char *name = split_word(request, *argv, &value);

			status = parse_value(
			    request, name, value != NULL ? value : argv[1]);
			argv += status == 0 && value == NULL;
		} else if (process == 0) {
			status = refuse(EXIT_USAGE, "no process id: %s", *argv);
		} else if (add_process(&request->sample, process, true) != 0) {
			status = refuse(EXIT_FAILURE, "%s", strerror(ENOMEM));
		}
	}
	request->sample.chosen = request->sample.count != 0;
	return status;
}

int
watch_processes(char **argv)
{
	static struct request request = {
	    .sample = {.by = COLUMN_HEAP}, .watch = {INTERVAL_MS, 0}};
	int status = parse_request(&request, argv);

	if (status != 0)
		return status;
	if (request.list) {
		(void)visit_processes(print_name, NULL);
		return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	if (!request.batch && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) &&
	    watch_on_screen(&request.sample, &request.watch) == 0)
		return EXIT_SUCCESS;
	if (!request.batch && !isatty(STDOUT_FILENO) &&
	    request.watch.count == 0)
		request.watch.count = 1;
	return watch_as_text(&request);
}
