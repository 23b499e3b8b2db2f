#!/usr/bin/env python3
"""What the execution trace costs, in instructions: a program that allocates
and collects and does some work of its own (tests/collect/event_body busy),
without GCM_TRACE and with it, counted by callgrind.

Counts are steady where time is not. But how often the collector runs while the
program does depends on the scheduler, so the program runs with collections by
request only, and a share is of the whole: the median of several runs. What is
off costs what the functions that make notes take there: nothing but their
test, which is not a call; they must not appear."""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile

MOST = 1.0      # percent
OURS = re.compile(r"gcm_(event|tick|schedtrace)_\w+|"
                  r"gcm_os_(append|map_ring|thread_name)|gcm_stop_note_answers")


def count(program, library, trace):
    """(all instructions, those of notes) of one run."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith("GCM")}
    env.update(LD_PRELOAD=library)
    with tempfile.TemporaryDirectory() as scratch:
        if trace:
            env["GCM_TRACE"] = os.path.join(scratch, "trace")
        out = os.path.join(scratch, "callgrind")
        subprocess.run(["valgrind", "--tool=callgrind", "--trace-children=no",
                        "--soname-synonyms=somalloc=nouserintercepts",
                        "--callgrind-out-file=" + out, program, "busy"],
                       env=env, check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        return sum_up(out)


def sum_up(path):
    """Inclusive instructions of functions of ours called by others."""
    names, function, total, notes, callee = {}, "", 0, 0, None

    def name_of(text):
        found = re.match(r"\((\d+)\)(?: (.*))?", text)
        if found.group(2):
            names[found.group(1)] = found.group(2)
        return names[found.group(1)]

    with open(path) as file:
        for line in file:
            if line.startswith("fn="):
                function = name_of(line[3:].strip())
            elif line.startswith("cfn="):
                callee = name_of(line[4:].strip())
            elif line.startswith("calls="):
                cost = int(next(file).split()[1])
                if OURS.match(callee) and not OURS.match(function):
                    notes += cost
            elif line[:1] in "0123456789+-*" and line.strip():
                total += int(line.split()[1])
    return total, notes


def main():
    """Exit status 1 when it costs too much."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--lib", required=True)
    parser.add_argument("--program", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    failed = False
    for trace in (False, True):
        shares = []
        for _ in range(args.rounds):
            total, notes = count(args.program, os.path.abspath(args.lib),
                                 trace)
            shares.append(100 * notes / total)
        share = statistics.median(shares)
        print("%-12s %12d instructions, %.4f %% of them for the trace" %
              ("with trace" if trace else "without", total, share))
        failed |= share > (MOST if trace else 0.01)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
