#!/usr/bin/env python3
"""Time programs under several malloc libraries, side by side.

Every round runs every program once under each allocator, one after the
other, so that a slow spell of the machine hits all alike; the table shows
medians as ratios to glibc's. See docs/benchmarks.md."""

import argparse
import fnmatch
import hashlib
import json
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True

import report                                       # noqa: E402
import rows                                         # noqa: E402


def answers(path):
    """Whether somebody listens on the socket (bound is not enough)."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(path) == 0


class Runner:
    """Runs one row under one allocator and says what it took."""

    def __init__(self, programs, work, timeout):
        self.measure = os.path.join(programs, "measure")
        self.work = work
        self.timeout = timeout

    def start(self, row, library, stdout):
        """The measured process, and the file its figures will be in."""
        figures = os.path.join(self.work, "figures")
        if os.path.exists(figures):
            os.unlink(figures)
        stdin = open(row.stdin or os.devnull, "rb")
        with stdin:
            process = subprocess.Popen(
                [self.measure, figures, library or "-"] + row.command,
                stdin=stdin, stdout=stdout, stderr=subprocess.DEVNULL,
                env=rows.environment(**row.env),
                start_new_session=True)
        return process, figures

    def drive(self, server, process):
        """Load the server, then stop it; the seconds its clients took."""
        quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        give_up = time.monotonic() + 10
        while not answers(server.socket):
            if process.poll() is not None or time.monotonic() > give_up:
                return None
            time.sleep(0.01)
        start = time.monotonic()
        done = subprocess.run(server.load, timeout=self.timeout, check=False,
                              **quiet)
        seconds = time.monotonic() - start
        subprocess.run(server.stop, timeout=self.timeout, check=False,
                       **quiet)
        return seconds if done.returncode == 0 else None

    def run(self, row, library):
        """A dict of figures, or one with the single key `failed`."""
        seconds = None
        with tempfile.TemporaryFile(dir=self.work) as stdout:
            process, figures = self.start(row, library, stdout)
            try:
                if row.server:
                    seconds = self.drive(row.server, process)
                process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                return {"failed": "time"}
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            stdout.seek(0)
            output = stdout.read()
        if process.returncode != 0 or not os.path.exists(figures):
            return {"failed": "measure"}
        return self.collect(row, figures, output, seconds)

    @staticmethod
    def collect(row, figures, output, seconds):
        """What the figures' file and the output say."""
        with open(figures) as text:
            wall, user, system, rss, status = map(int, text.read().split())
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            return {"failed": name.replace("SIG", "")}
        if status != 0:
            return {"failed": "exit %d" % os.WEXITSTATUS(status)}
        if row.server and seconds is None:
            return {"failed": "load"}
        lines = output.splitlines(keepends=True)
        plain = b"".join(x for x in lines if not x.startswith(b"metric "))
        return {
            "wall": seconds if seconds else wall / 1e9,
            "cpu": (user + system) / 1e9,
            "rss": rss / 1024,
            "output": hashlib.sha256(plain).hexdigest(),
            "metrics": {x.split()[1].decode(): float(x.split()[2])
                        for x in lines if x.startswith(b"metric ")},
        }


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("programs", nargs="*", metavar="ROW",
                        help="rows or groups to run, * allowed; default all")
    parser.add_argument("--lib", default=os.environ.get("GCMTEST_LIB"),
                        help="our library (default $GCMTEST_LIB)")
    parser.add_argument("--bin", default=rows.HERE,
                        help="folder of the built programs")
    parser.add_argument("--work", help="folder for inputs, kept "
                        "(default: a temporary one)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--allocators", help="comma list, glibc always first")
    parser.add_argument("--peer", action="append", default=[],
                        metavar="NAME=LIBRARY", help="one more to compare")
    parser.add_argument("--timeout", type=float, default=120,
                        help="seconds for one run")
    parser.add_argument("--show", default="wall,cpu,rss",
                        help="comma list of wall, cpu, rss")
    parser.add_argument("--minimum", action="store_true",
                        help="minima instead of medians, for a machine that "
                        "others use too")
    parser.add_argument("--json", help="file for all figures")
    parser.add_argument("--list", action="store_true",
                        help="name the rows and stop")
    return parser.parse_args()


def chosen(row, patterns):
    """Whether the row's name or group was asked for."""
    return not patterns or any(fnmatch.fnmatch(row.name, p) or
                               row.group == p for p in patterns)


def measure_all(runner, found, allocators, rounds):
    """samples[row][allocator]: the list of each round's figures."""
    samples = {row.name: {name: [] for name in allocators} for row in found}
    names = list(allocators)
    for number in range(rounds):
        for row in found:
            if sys.stderr.isatty():
                sys.stderr.write("\r\033[Kround %d of %d: %s"
                                 % (number + 1, rounds, row.name))
            shift = number % len(names)
            for name in names[shift:] + names[:shift]:
                samples[row.name][name].append(
                    runner.run(row, allocators[name]))
    if sys.stderr.isatty():
        sys.stderr.write("\r\033[K")
    return samples


def bench(args, work):
    """Run what was asked for in the folder `work` and print the tables."""
    found = [row for row in rows.find_rows(args.bin, work)
             if chosen(row, args.programs)]
    if args.list:
        for row in found:
            print("%-8s %-16s %s" % (row.group, row.name,
                                     " ".join(row.command)))
        return 0
    allocators = rows.find_allocators(args.lib, args.peer)
    if args.allocators:
        wanted = ["glibc"] + args.allocators.split(",")
        allocators = {n: p for n, p in allocators.items() if n in wanted}
    runner = Runner(args.bin, work, args.timeout)
    samples = measure_all(runner, found, allocators, args.rounds)
    groups = {row.name: row.group for row in found}
    if args.json:
        with open(args.json, "w") as out:
            json.dump({"allocators": allocators, "groups": groups,
                       "samples": samples}, out, indent=1)
    return report.tell(samples, groups, list(allocators),
                       args.show.split(","),
                       min if args.minimum else statistics.median)


def main():
    """Exit status 1 when a row failed or printed something else."""
    args = options()
    work = args.work or tempfile.mkdtemp(prefix="gcm-bench-")
    os.makedirs(work, exist_ok=True)
    try:
        return bench(args, work)
    finally:
        if not args.work:
            shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
