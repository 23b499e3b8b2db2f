/* ask.c -- gcmalloc stat, set and dump: what a running process answers */
#include "tools/ask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "tools/figures.h"
#include "tools/verb.h"

enum {
	SPLIT_MS = 10000 /* a large heap is walked for that */
};

struct subjects {
	struct subject **list;
	size_t count;
};

/* Where nobody answers the time is the reader's: it is the same clock. */
static void
add_time(struct subject *subject)
{
	static char text[32];
	struct reply *stat = &subject->stat;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	snprintf(text, sizeof(text), "%lld",
	    (long long)now.tv_sec * 1000000000 + now.tv_nsec);
	stat->pairs[stat->npairs].name = "now_ns";
	stat->pairs[stat->npairs++].value = text;
}

/* Ask; NULL: no memory, or the reason was put into *error (REPLY_WORDS). */
static struct subject *
find_subject(long process, char *error)
{
	struct subject *subject = calloc(1, sizeof(*subject));

	*error = '\0';
	if (subject == NULL)
		return NULL;
	subject->process = process;
	read_comm(process, subject->comm, sizeof(subject->comm));
	if (read_figures(process, &subject->stat, CLIENT_MS) != 0) {
		snprintf(error, REPLY_WORDS, "%s", subject->stat.error);
		free(subject);
		return NULL;
	}
	if (subject->stat.source == SOURCE_MEMORY)
		add_time(subject);
	else if (ask_process(process, "rss", &subject->rss, SPLIT_MS) != 0)
		subject->rss.npairs = 0;
	return subject;
}

static int
add_subject(long process, const char *comm, void *arg)
{
	struct subjects *all = arg;
	char error[REPLY_WORDS];
	struct subject *subject = find_subject(process, error), **list;

	(void)comm;
	if (subject == NULL) /* gone, or not ours to ask */
		return 0;
	list = realloc(all->list, (all->count + 1) * sizeof(list[0]));
	if (list == NULL) {
		free(subject);
		return ENOMEM;
	}
	all->list = list;
	all->list[all->count++] = subject;
	return 0;
}

struct request {
	bool all, json, prometheus;
	long process;
};

static int
parse_request(char **argv, struct request *request)
{
	for (; *argv != NULL; argv++) {
		if (strcmp(*argv, "--json") == 0)
			request->json = true;
		else if (strcmp(*argv, "--prometheus") == 0)
			request->prometheus = true;
		else if (strcmp(*argv, "--all") == 0)
			request->all = true;
		else if ((*argv)[0] == '-')
			return refuse(
			    EXIT_USAGE, "stat: no such option: %s", *argv);
		else if (request->process != 0)
			return refuse(
			    EXIT_USAGE, "stat: one process, or --all");
		else if ((request->process = parse_process(*argv)) == 0)
			return refuse(EXIT_USAGE, "no process id: %s", *argv);
	}
	if (request->all == (request->process != 0) ||
	    (request->json && request->prometheus))
		return refuse(EXIT_USAGE, request->json && request->prometheus
					      ? "stat: one form, please"
					  : request->all
					      ? "stat: one process, or --all"
					      : "stat: which process?");
	return 0;
}

static void
print_subjects(const struct request *request, const struct subjects *all)
{
	if (request->prometheus) {
		print_prometheus(all->list, all->count);
		return;
	}
	for (size_t i = 0; i < all->count; i++) {
		if (request->json)
			print_json(all->list[i]);
		else
			print_table(all->list[i]);
		if (!request->json && i + 1 < all->count)
			putchar('\n');
	}
}

static int
finish_output(void)
{
	return fflush(stdout) == 0 ? EXIT_SUCCESS
				   : refuse(EXIT_FAILURE, "standard output: %s",
					 strerror(errno));
}

int
show_figures(char **argv)
{
	struct request request = {0};
	struct subjects all = {0};
	char error[REPLY_WORDS] = "no memory";
	int status = parse_request(argv, &request);

	if (status != 0)
		return status;
	if (request.all) {
		(void)visit_processes(add_subject, &all);
	} else {
		struct subject *one = find_subject(request.process, error);

		if (one == NULL)
			return refuse(EXIT_FAILURE, "process %ld: %s",
			    request.process, error);
		all.list = &one;
		all.count = 1;
		print_subjects(&request, &all);
		return finish_output();
	}
	print_subjects(&request, &all);
	return finish_output();
}

/* The other verbs -----------------------------------------------------------
 */

static int
ask_or_refuse(long process, const char *request, struct reply *reply)
{
	int error = ask_process(process, request, reply, CLIENT_MS);

	return error == 0 ? EXIT_SUCCESS
			  : refuse(EXIT_FAILURE, "process %ld: %s: %s", process,
				request, reply->error);
}

int
set_options(char **argv)
{
	static struct reply reply;
	char request[REPLY_WORDS];
	long process;
	int status = EXIT_SUCCESS;

	if (argv[0] == NULL || argv[1] == NULL)
		return refuse(
		    EXIT_USAGE, "set: which process, and which NAME=VALUE?");
	process = parse_process(argv[0]);
	if (process == 0)
		return refuse(EXIT_USAGE, "no process id: %s", argv[0]);
	for (char **pair = argv + 1; *pair != NULL; pair++)
		if (strchr(*pair, '=') == NULL ||
		    strlen(*pair) > sizeof(request) - sizeof("set "))
			return refuse(
			    EXIT_USAGE, "set: no NAME=VALUE: %s", *pair);
	for (char **pair = argv + 1; *pair != NULL; pair++) {
		snprintf(request, sizeof(request), "set %s", *pair);
		if (ask_or_refuse(process, request, &reply) != EXIT_SUCCESS)
			status = EXIT_FAILURE;
	}
	return status;
}

int
dump_trace(char **argv)
{
	static struct reply reply;
	const char *file;
	long process;
	int status;

	if (argv[0] == NULL || argv[1] != NULL)
		return refuse(EXIT_USAGE, "dump: which process?");
	process = parse_process(argv[0]);
	if (process == 0)
		return refuse(EXIT_USAGE, "no process id: %s", argv[0]);
	status = ask_or_refuse(process, "dump", &reply);
	file = find_value(&reply, "file");
	if (status == EXIT_SUCCESS && file != NULL)
		puts(file);
	return status;
}
