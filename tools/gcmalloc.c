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
#include "tools/options.h"
#include "tools/verb.h"

static const struct verb_option doctor_options[] = {
    {"-n", NULL, "Do not run the program.", WORD_NONE},
    {"-o", "FILE", "Write the lines there.", WORD_FILE},
    {NULL, NULL, NULL, WORD_NONE},
};

static const struct verb_option stat_options[] = {
    {"--all", NULL, "Of all processes with the library.", WORD_NONE},
    {"--json", NULL, "An object for each process.", WORD_NONE},
    {"--prometheus", NULL, "As node_exporter reads it from a file.", WORD_NONE},
    {NULL, NULL, NULL, WORD_NONE},
};

const struct verb verbs[] = {
    {"run", "[OPTION...] [--] PROGRAM [ARGUMENT...]",
	"Run PROGRAM with " LIBRARY " in place of its malloc.", run_program,
	.word = WORD_PROGRAM, .library_options = true,
	.more =
	    "The library is put first in LD_PRELOAD, before what is there "
	    "already.  It is\nthe one in the build tree of this command, if it "
	    "lies in one, else the\ninstalled one, else one beside the "
	    "command or in ../lib of it.  Where it can\nhave no effect that is "
	    "said in one line, and the program is run all the same.\n"
	    "\n"
	    "Each of the library's options can be given: GCM_PERCENT=50 is "
	    "--percent 50 or\n--percent=50, a key of GCM_DEBUG likewise, and "
	    "those keys that are switches\nneed no value: --gctrace.  Hyphens "
	    "within do not count: --min-heap is\nGCM_MINHEAP.  Options win "
	    "over the environment, keys are added to the list.\nA bad value is "
	    "refused before the program starts."},
    {"doctor", "[-n] [-o FILE] [--] PROGRAM [ARGUMENT...] | PID",
	"Say whether that works for PROGRAM here, or in a running process.",
	consult_doctor, .word = WORD_PROGRAM_OR_PROCESS,
	.options = doctor_options,
	.more =
	    "It looks at the program's file, at what is preloaded and at the "
	    "system, runs\nthe program with the library and has the library "
	    "say what it decided.  Where\nthe library would not be active the "
	    "program is not run.  The program keeps its\ninput and output and "
	    "the meaning of its arguments; its own exit status is one\nof the "
	    "lines.  They come when it has ended, on standard error.\n"
	    "\n"
	    "Of a running process, given by its number, nothing is run, and "
	    "the lines are\non standard output; what the library decided is "
	    "read from its memory, which\ntakes the right to trace it.\n"
	    "\n"
	    "What a script starts, and children, are not looked at: only the "
	    "process itself."},
    {"stat", "PID | --all [--json | --prometheus]",
	"Show a running process's figures, and where its memory went.",
	show_figures, .word = WORD_PROCESS, .options = stat_options},
    {"gc", "PID", "Ask a running process for a collection.", ask_collector,
	.word = WORD_PROCESS,
	.more =
	    "It fails if the process has no collector now, because its heap is "
	    "small or it\nhas been quiet and was collected."},
    {"set", "PID NAME=VALUE...", "Change options of a running process.",
	set_options, .word = WORD_SETTING},
    {"dump", "PID", "Have a running process write its flight recorder.",
	dump_trace, .word = WORD_PROCESS},
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
