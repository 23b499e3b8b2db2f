/* manual.c -- what there is to say of a verb beyond a line */
#include "tools/manual.h"

const char run_manual[] =
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
    "refused before the program starts.";

const char doctor_manual[] =
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
    "process itself.";

const char gc_manual[] =
    "It fails if the process has no collector now, because its heap is "
    "small or it\nhas been quiet and was collected.";

const char top_manual[] =
    "A row for each process of yours that runs with the library, or of all "
    "users "
    "for\nroot: heap and the goal it may grow to, resident memory, what was "
    "live "
    "after\nthe last collection, collections, the longest pause of the last "
    "one "
    "and of all,\nwhat was reclaimed, is in limbo, was given back to the "
    "system; "
    "threads of the\nprogram. State is idle, collecting, quiet (no collector "
    "now: the figures are of\nthe last collection), report (nothing is "
    "reclaimed), "
    "late free (nothing any\nmore), no access, busy or stopped (no answer: "
    "as quiet), or gone.\n"
    "\n"
    "On a terminal the arrows choose a process, and Enter shows one alone: "
    "where "
    "its\nresident memory went, and heap and goal over time. < and > choose "
    "the "
    "column to\nsort by, r turns the order, + and - change the interval, q "
    "quits. "
    "Where output is\nno terminal it is text, once.";

const char stat_manual[] =
    "The figures come from the process itself or, where nobody answers there, "
    "as of\nthe last collection from its memory; that is said.  With --all: of "
    "all processes\nwith the library that we may ask.";

const char set_manual[] =
    "NAME is percent, minheap, memlimit, interval, pause, mode (collect or "
    "report),\ngctrace or scavtrace; VALUE as in libgcmalloc(7).";

const char dump_manual[] = "The name of the file is printed.";

const char trace_manual[] = "FILE is what GCM_TRACE names, or text with the "
			    "lines of GCM_DEBUG=gctrace=1,\n"
			    "also of Go programs (GODEBUG=gctrace=1), whatever "
			    "lies between them; - is\n"
			    "standard input.  Without an option there is a "
			    "summary: cycles, why they began\n"
			    "or were given up, pauses, the least utilization, "
			    "threads that were slow to\n"
			    "stop, assists, the heap, what was reclaimed.\n"
			    "\n"
			    "Status 1, and one line, if nothing can be read.  "
			    "What is damaged or cut short\n"
			    "is read as far as it goes, which is said.";
