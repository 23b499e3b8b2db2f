#!/usr/bin/env python3
"""How many of the misuse suite's 116 small wrong programs are caught.

    suite.py [NAME=]LIB...     a table, one column an allocator, and the sums;
                               the C library's own always comes first
    suite.py -v [NAME=]LIB...  and how each program ended
    suite.py -l LIB            what is caught, in the form of suite.caught
    suite.py                   with GCMTEST_LIB set, as in make check: what
                               suite.caught lists must be caught

A C program runs with blocks of 8 bytes (S), 4 KiB (M) and 256 KiB (L), a C++
one with 4096 elements (C++).  Caught is what does not print "missed".  The
programs are those in $GCMTEST_BUILDDIR, or in the current folder's tests/misuse.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
BIN = os.path.join(os.environ.get("GCMTEST_BUILDDIR", os.getcwd()), "tests/misuse")
KINDS = (
    ("suite", (("S", 8), ("M", 4096), ("L", 256 * 1024))),
    ("suite_cxx", (("C++", 4096),)),
)
# Writes 1 GiB: only when asked for.  What a new block holds depends on whether
# the scavenger had the time.
GREEDY = ("new-holds-data", "L")
TRIES = 5


def programs():
    """(case, [(letter, command)...]) of all that were built."""
    for name, sizes in KINDS:
        binary = os.path.join(BIN, name)
        if not os.path.exists(binary):
            continue
        listing = subprocess.run([binary], stdout=subprocess.PIPE, check=True)
        for case in listing.stdout.decode().split():
            yield case, [(s[0], [binary, case, str(s[1])]) for s in sizes]


def run(lib, command):
    """(caught, how it ended)"""
    env = {k: v for k, v in os.environ.items() if not k.startswith("GCM_")}
    env.pop("LD_PRELOAD", None)
    if lib:
        env["LD_PRELOAD"] = lib
    try:
        done = subprocess.run(
            command,
            env=env,
            timeout=60,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    except subprocess.TimeoutExpired:
        return False, "hangs"
    how = "exit %d" % done.returncode
    if done.returncode < 0:
        how = "signal %d" % -done.returncode
    said = done.stderr.decode(errors="replace").strip().splitlines()
    return b"missed" not in done.stdout, " ".join([how] + said[:1])


def table(libs, verbose):
    sums = [0] * len(libs)
    total = 0
    print("%-26s" % "" + "".join("%12s" % name for name, _ in libs))
    for case, variants in programs():
        for letter, command in variants:
            total += 1
            ends = [run(lib, command) for _, lib in libs]
            sums = [n + caught for n, (caught, _) in zip(sums, ends)]
            print("%-26s" % (case + " " + letter)
                  + "".join("%12s" % ("caught" if c else ".") for c, _ in ends))
            if verbose:
                for (name, _), (_, how) in zip(libs, ends):
                    print("    %s: %s" % (name, how))
            sys.stdout.flush()
    print("%-26s" % ("of %d" % total) + "".join("%12d" % n for n in sums))


def listing(lib):
    for case, variants in programs():
        caught = [le for le, command in variants if run(lib, command)[0]]
        if caught:
            print(" ".join([case] + caught))


def check(lib):
    """Prints and counts what suite.caught lists and is not caught."""
    wanted = {}
    with open(os.path.join(HERE, "suite.caught")) as lines:
        for line in lines:
            words = line.split("#")[0].split()
            if words:
                wanted[words[0]] = words[1:]
    bad = 0
    for case, variants in programs():
        for letter, command in variants:
            if letter not in wanted.get(case, ()):
                continue
            if (case, letter) == GREEDY and "GCMTEST_LONG" not in os.environ:
                continue
            tries = TRIES if (case, letter) == GREEDY else 1
            while tries > 0:
                caught, how = run(lib, command)
                tries = 0 if caught else tries - 1
            if not caught:
                print("suite: not caught: %s %s (%s)" % (case, letter, how))
                bad += 1
    return bad


def main():
    flags = [a for a in sys.argv[1:] if a.startswith("-")]
    args = [a.rpartition("=") for a in sys.argv[1:] if not a.startswith("-")]
    libs = [(name or os.path.basename(lib)[3:].split(".")[0],
             os.path.abspath(lib)) for name, _, lib in args]
    if not any(True for _ in programs()):
        sys.exit("suite: no programs in " + BIN)
    if "-l" in flags and libs:
        listing(libs[0][1])
    elif not libs and not flags and os.environ.get("GCMTEST_LIB"):
        sys.exit(1 if check(os.environ["GCMTEST_LIB"]) else 0)
    elif flags in ([], ["-v"]):
        table([("libc", None)] + libs, "-v" in flags)
    else:
        sys.exit(__doc__)


main()
