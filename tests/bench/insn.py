#!/usr/bin/env python3
"""Instructions per malloc and per free, by size, for each allocator.

Runs the single-stepper (insn.c) once for each library. See
docs/benchmarks.md."""

import argparse
import os
import statistics
import subprocess
import sys

sys.dont_write_bytecode = True

import rows                                         # noqa: E402

SMALL = range(16, 1001)     # the sizes whose median is the headline


def step(program, library):
    """{(op, size): (single, batch)} as the stepper prints it."""
    done = subprocess.run([program, library or "-"], stdout=subprocess.PIPE,
                          universal_newlines=True, check=False,
                          env=rows.environment())
    figures = {}
    for line in done.stdout.splitlines():
        op, size, single, batch = line.split()
        figures[op, int(size)] = float(single), float(batch)
    return figures


def table(figures, names, form):
    """Print malloc/free for each size; form 0 is single, 1 is batch."""
    sizes = sorted({size for by_key in figures.values() for _, size in by_key})
    print("%9s" % "bytes" + "".join("%15s" % name for name in names))

    def pair(name, pick):
        known = figures[name]
        return "/".join("%.0f" % pick([known[op, size][form]
                                       for op, size in known if op == wanted])
                        for wanted in ("malloc", "free"))

    for size in sizes:
        print("%9d" % size + "".join("%15s" % "/".join(
            "%.0f" % figures[name][op, size][form]
            for op in ("malloc", "free")) for name in names))
    small = {name: {key: value for key, value in figures[name].items()
                    if key[1] in SMALL} for name in names}
    figures = small
    print("%9s" % "16-1000" + "".join(
        "%15s" % pair(name, statistics.median) for name in names))


def main():
    """Exit status 1 when a library could not be stepped."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--lib", default=os.environ.get("GCMTEST_LIB"),
                        help="our library (default $GCMTEST_LIB)")
    parser.add_argument("--bin", default=rows.HERE,
                        help="folder of the built programs")
    parser.add_argument("--allocators", help="comma list; default all")
    parser.add_argument("--peer", action="append", default=[],
                        metavar="NAME=LIBRARY", help="one more to compare")
    args = parser.parse_args()
    allocators = rows.find_allocators(args.lib, args.peer)
    if args.allocators:
        allocators = {name: allocators[name]
                      for name in args.allocators.split(",")}
    program = os.path.join(args.bin, "insn")
    figures = {name: step(program, library)
               for name, library in allocators.items()}
    failed = [name for name in figures if not figures[name]]
    names = [name for name in figures if figures[name]]
    print("one call, steady state, median (malloc/free, with about 7 of "
          "harness)")
    table(figures, names, 0)
    print("\nbatches: refills and flushes have their share, mean")
    table(figures, names, 1)
    for name in failed:
        print("%s: could not be stepped" % name)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
