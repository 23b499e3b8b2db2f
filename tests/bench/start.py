#!/usr/bin/env python3
"""What preloading adds to /bin/true: system calls and memory.

Medians over a few runs of start.c. See docs/benchmarks.md."""

import argparse
import os
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True

import rows                                         # noqa: E402


def figures(program, library, command, rounds):
    """Medians of calls, loader's calls, resident and private KiB."""
    runs = []
    for _ in range(rounds):
        done = subprocess.run([program, library or "-"] + command,
                              stdout=subprocess.PIPE,
                              universal_newlines=True, check=False,
                              env=rows.environment())
        last = (done.stdout.splitlines() or [""])[-1]
        if done.returncode != 0 or len(last.split()) != 4:
            return None
        runs.append([int(word) for word in last.split()])
    return [statistics.median(column) for column in zip(*runs)]


def main():
    """Exit status 1 when a library could not be started."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--lib", default=os.environ.get("GCMTEST_LIB"),
                        help="our library (default $GCMTEST_LIB)")
    parser.add_argument("--bin", default=rows.HERE,
                        help="folder of the built programs")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--peer", action="append", default=[],
                        metavar="NAME=LIBRARY", help="one more to compare")
    parser.add_argument("command", nargs="*", default=["/bin/true"])
    args = parser.parse_args()
    allocators = rows.find_allocators(args.lib, args.peer)
    program = os.path.join(args.bin, "start")
    plain = figures(program, None, args.command, args.rounds)
    if plain is None:
        sys.exit("start.py: cannot trace " + " ".join(args.command))
    status = 0
    print("%-10s%12s%12s%12s%14s%14s" % ("", "calls", "extra", "of loader",
                                         "extra RSS KB", "private KB"))
    for name, library in allocators.items():
        found = figures(program, library, args.command, args.rounds)
        if found is None:
            print("%-10s failed" % name)
            status = 1
            continue
        extra = [a - b for a, b in zip(found, plain)]
        print("%-10s%12d%12d%12d%14d%14d" % (name, found[0], *extra))
    return status


if __name__ == "__main__":
    sys.exit(main())
