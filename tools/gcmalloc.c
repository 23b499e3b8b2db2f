/* gcmalloc.c -- the command
 *
 * MODEL   A table of verbs, which makes the help; each has a file of its own.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tools/ask.h"
#include "tools/collect.h"
#include "tools/complete.h"
#include "tools/doctor.h"
#include "tools/figures.h"
#include "tools/help.h"
#include "tools/launch.h"
#include "tools/manual.h"
#include "tools/options.h"
#include "tools/top.h"
#include "tools/trace_show.h"
#include "tools/verb.h"

static const struct verb_option doctor_options[] = {
    {"-n", NULL, "Do not run the program.", WORD_NONE},
    {"-o", "FILE", "Write the lines there.", WORD_FILE},
    {NULL, NULL, NULL, WORD_NONE},
};

static const struct verb_option top_options[] = {
    {"-b", NULL, "Plain text, for files and pipes; also --batch.", WORD_NONE},
    {"-d", "SECONDS", "Look again after so long (default 2).", WORD_NONE},
    {"-n", "COUNT", "Look so often, then end.", WORD_NONE},
    {"--sort", "COLUMN", "Begin with the largest there (default heap).",
	WORD_NONE},
    {"--list", NULL, "Numbers and names of the processes only.", WORD_NONE},
    {NULL, NULL, NULL, WORD_NONE},
};

static const struct verb_option stat_options[] = {
    {"--all", NULL, "Of all processes with the library.", WORD_NONE},
    {"--json", NULL, "An object for each process.", WORD_NONE},
    {"--prometheus", NULL, "As node_exporter reads it from a file.", WORD_NONE},
    {NULL, NULL, NULL, WORD_NONE},
};

static const struct verb_option trace_options[] = {
    {"--html", NULL, "A page for a browser, that needs no network.", WORD_NONE},
    {"--perfetto", NULL, "Chrome's trace events, for ui.perfetto.dev.",
	WORD_NONE},
    {"--json", NULL, "The same.", WORD_NONE},
    {"--events", NULL, "All events, one a line.", WORD_NONE},
    {"--pid", "PID", "Of that process only.", WORD_NONE},
    {"-o", "FILE", "The output, instead of standard output.", WORD_FILE},
    {NULL, NULL, NULL, WORD_NONE},
};

const struct verb verbs[] = {
    {"run", "[OPTION...] [--] PROGRAM [ARGUMENT...]",
	"Run PROGRAM with " LIBRARY " in place of its malloc.", run_program,
	.word = WORD_PROGRAM, .library_options = true, .more = run_manual},
    {"doctor", "[-n] [-o FILE] [--] PROGRAM [ARGUMENT...] | PID",
	"Say whether that works for PROGRAM here, or in a running process.",
	consult_doctor, .word = WORD_PROGRAM_OR_PROCESS,
	.options = doctor_options, .more = doctor_manual},
    {"top", "[-b] [-d SECONDS] [-n COUNT] [--sort COLUMN] [PID...]",
	"Watch all processes with the library, or these.", watch_processes,
	.word = WORD_PROCESS, .options = top_options, .more = top_manual},
    {"stat", "PID | --all [--json | --prometheus]",
	"Show a running process's figures, and where its memory went.",
	show_figures, .word = WORD_PROCESS, .options = stat_options,
	.more = stat_manual},
    {"gc", "PID", "Ask a running process for a collection.", ask_collector,
	.word = WORD_PROCESS, .more = gc_manual},
    {"set", "PID NAME=VALUE...", "Change options of a running process.",
	set_options, .word = WORD_SETTING, .more = set_manual},
    {"dump", "PID", "Have a running process write its flight recorder.",
	dump_trace, .word = WORD_PROCESS, .more = dump_manual},
    {"trace", "[--html | --perfetto | --events] [--pid PID] [-o FILE] FILE",
	"Show an execution trace, or the gctrace lines of any program.",
	show_trace, .word = WORD_FILE, .options = trace_options,
	.more = trace_manual},
};
const size_t nverbs = sizeof(verbs) / sizeof(verbs[0]);

struct flag {
	const char *name;
	void (*print)(void);
};

static void
print_version(void)
{
	puts(PACKAGE_STRING);
}

static const struct flag flags[] = {
    {"--help", print_help},
    {"--version", print_version},
    {"--options-md", print_option_markdown},
    {"--options-man", print_option_manual},
    {"--figures-md", print_figure_markdown},
    {"--synopsis-man", print_synopsis_manual},
    {"--commands-man", print_command_manual},
    {"--completion-bash", print_bash_completion},
    {"--completion-zsh", print_zsh_completion},
};

int
refuse(int status, const char *format, ...)
{
	va_list list;

	fputs("gcmalloc: ", stderr);
	va_start(list, format);
	(void)vfprintf(stderr, format, list);
	va_end(list);
	fputc('\n', stderr);
	return status;
}

long
parse_process(const char *text)
{
	char *end;
	long process = strtol(text, &end, 10);

	return *text >= '0' && *text <= '9' && *end == '\0' && process > 0 &&
		       process <= 1 << 30
		   ? process
		   : 0;
}

static int
status_of_output(void)
{
	return fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
run_verb(const struct verb *verb, char **argv)
{
	if (*argv == NULL || strcmp(*argv, "--help") != 0)
		return verb->run(argv);
	print_verb_help(verb);
	return status_of_output();
}

int
main(int argc, char **argv)
{
	const char *word = argc > 1 ? argv[1] : NULL;

	if (word == NULL)
		return refuse(EXIT_USAGE, "what to do? (gcmalloc --help)");
	for (size_t i = 0; i < nverbs; i++)
		if (strcmp(word, verbs[i].name) == 0)
			return run_verb(&verbs[i], argv + 2);
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strcmp(word, flags[i].name) == 0 && argc == 2) {
			flags[i].print();
			return status_of_output();
		}
	return refuse(
	    EXIT_USAGE, "no such command: %s (gcmalloc --help)", word);
}
