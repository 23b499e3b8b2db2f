#!/usr/bin/env python3
"""Run everything at once, in rounds, for as long as one likes.

A round is body (body.c) for some seconds, with options of the library that
change from round to round: each way to track writes, frees ignored, grace,
how often a cycle begins, a memory limit, markers. The options and the seed of
a round follow from its number and the first seed. A round fails when
  - body or one of its processes fails, hangs or prints anything: a block that
    the program has was reclaimed, a request was answered wrongly...
  - a task did nothing (something hangs), or too few cycles were completed
  - what was lost was not found, of any shape
  - memory grew beyond its bound
  - the program freed a block that was thought lost (late frees)

20 seconds by default, an hour with GCMTEST_LONG; SOAK_SECONDS says otherwise.
Silent when all is well; with GCMTEST_LONG or SOAK_SHOW=1 a table in the end.

  SOAK_STATE=FILE   go on where a run that was interrupted ended: a line of
                    JSON for each round that is done
  GCMTEST_SEED=N    the first seed
  SOAK_ROUND=N      that round alone, of that seed
  SOAK_TASKS=A,B    those tasks alone, to narrow something down
  SOAK_GDB=1        stacks of all threads when something hangs
"""

import collections
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time

LONG = bool(os.environ.get("GCMTEST_LONG"))
SECONDS = float(os.environ.get("SOAK_SECONDS") or (3600 if LONG else 20))
ROUND_S = 60 if SECONDS > 600 else 12 if SECONDS > 60 else 4
WAIT_S = 60 + ROUND_S       # for its end, on a machine that others use too
LIBRARY = os.environ.get("GCMTEST_LIB", "")
BODY = os.path.join(os.environ.get("GCMTEST_BUILDDIR", "."), "tests/soak/body")
TASKS = os.environ.get("SOAK_TASKS", "")
MIB = 1 << 20

NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
LINE = re.compile(
    r"gc \d+ @N.s \d+%: N\+N\+N ms clock, .*? (\d+) B reclaimed in \d+ blocks"
    .replace("N.s", NUMBER[1:-1] + "s").replace("N", NUMBER))
REASON = re.compile(r"\(abandoned: ([^)]*)\)")

# The least there must be in a short round, per worker; SOAK_TASKS apart.
MINIMUM = 1
REMEMBERED_HELD = 0.25      # of what is remembered, held by chance
EPOLL_RING = 1024           # values of epoll_ctl that are kept anyway
EPOLL_LOST = 4              # of so many of them one is lost


class Failed(Exception):
    """What was not as it should be."""


def options_of(number, seed):
    """The library's options in a round: a fixed order for the first ones, so
    that a short run has met each way; chance after that."""
    rng = random.Random("%d/%d" % (seed, number))
    ways = ("pagemap", "fork", "off", "pagemap")
    options = {"GCM_CONCURRENT": ways[number % len(ways)]}
    debug = "gctrace=1,poison=1"
    if number % 4 == 3:
        options["GCM_FREE"] = "ignore"
    if number >= 4:
        options.update(rng.choice(
            [{}, {"GCM_GRACE": "0"}, {"GCM_GRACE": "2"}]))
        options.update(rng.choice(
            [{}, {"GCM_MARKERS": "3"}, {"GCM_PERCENT": "30"},
             {"GCM_MEMLIMIT": "%dMiB" % rng.choice((48, 96, 256))},
             {"GCM_PAUSE": "100us"}, {"GCM_SCAVENGE": "off"}]))
        if rng.random() < 0.25:
            options["GCM_FREE"] = "ignore"
        if rng.random() < 0.2:
            debug += ",verify=1"
    if number % 2 == 0:     # body's: nothing that makes the collector read
        options["SOAK_STILL"] = "1"     # stacks whole, or not track writes
    options["GCM_MINHEAP"] = rng.choice(("0", "0", "4MiB"))
    options["GCM_INTERVAL"] = rng.choice(("2ms", "20ms", "20ms", "200ms"))
    options["GCM_DEBUG"] = debug
    return options


def environment(options, seed):
    """Ours without the test suite's own names and other options."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith(("GCM_", "GCMTEST_", "SOAK_", "LD_PRELOAD"))}
    return dict(kept, LD_PRELOAD=LIBRARY, GCM_LOG="trace",
                GCMTEST_SEED=str(seed), **options)


def show_hang(group):
    """Where every thread of the round's processes is."""
    text = ""
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.getpgid(int(pid)) != group:
                continue
            for tid in os.listdir("/proc/%s/task" % pid):
                text += "  process %s thread %s" % (pid, tid)
                for name in ("comm", "wchan", "syscall"):
                    with open("/proc/%s/task/%s/%s" % (pid, tid, name),
                              encoding="utf-8") as file:
                        text += " %s=%s" % (name, file.readline().strip())
                text += "\n"
        except OSError:
            continue
        if os.environ.get("SOAK_GDB") and shutil.which("gdb"):
            text += subprocess.run(
                ["gdb", "-batch", "-p", pid, "-ex", "thread apply all bt"],
                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                universal_newlines=True, check=False).stdout
    return text


class Round:
    """One start of body, and what came of it."""

    def __init__(self, number, seed):
        self.number = number
        self.seed = seed + number
        self.options = options_of(number, seed)
        self.figures = {}

    def name(self):
        """How the round is written in messages."""
        return "round %d, seed %d, %s" % (
            self.number, self.seed, " ".join(
                "%s=%s" % item for item in sorted(self.options.items())))

    def run(self):
        """Start body, wait, judge; the figures. Raises Failed."""
        for name in ("trace", "report", "output"):
            if os.path.exists(name):
                os.unlink(name)
        workers = "3" if ROUND_S >= 12 else "2"
        command = [BODY, str(ROUND_S), workers, "report"]
        with open("output", "wb") as output:
            body = subprocess.Popen(
                command + ([TASKS] if TASKS else []), stdout=output,
                stderr=output, stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=environment(self.options, self.seed))
            try:
                status = body.wait(ROUND_S + WAIT_S)
            except subprocess.TimeoutExpired:
                hang = show_hang(body.pid)
                raise Failed("no end after %d s\n%s" % (
                    ROUND_S + WAIT_S, hang)) from None
            finally:
                try:
                    os.killpg(body.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
                body.wait()
        with open("output", encoding="utf-8", errors="replace") as file:
            printed = file.read()
        if status != 0 or printed:
            raise Failed("status %d\n%s%s" % (
                status, printed[:3000], self.last_words()))
        self.read_trace()
        self.read_report(int(workers))
        self.judge()
        return self.figures

    @staticmethod
    def last_words():
        """Lines of the library that are no collection's: what it died of."""
        with open("trace", encoding="utf-8", errors="replace") as file:
            return "".join(line for line in file if not (
                line.startswith("GC forced") or LINE.match(line)))[:3000]

    def read_trace(self):
        """Pauses and cycles of all processes of the round."""
        pauses, reasons, reclaimed, done = [], collections.Counter(), 0, 0
        ways = collections.Counter()
        with open("trace", encoding="utf-8", errors="replace") as file:
            for line in file:
                match = LINE.match(line)
                if not match:
                    continue
                reason = REASON.search(line)
                pauses += [float(match.group(i)) for i in (1, 3)
                           if float(match.group(i)) > 0]
                if reason:
                    reasons[reason.group(1)] += 1
                    continue
                done += 1
                reclaimed += int(match.group(4))
                way = re.search(r"in limbo, (\w+)", line)
                ways[way.group(1) if way else "none"] += 1
        pauses.sort()

        def at(percent):
            return pauses[min(len(pauses) - 1,
                              len(pauses) * percent // 100)] if pauses else 0

        self.figures.update(
            p50=at(50), p99=at(99), longest=at(100), cycles=done,
            ways=dict(ways), reasons=dict(reasons), reclaimed=reclaimed)

    def read_report(self, workers):
        """Figures that each worker wrote."""
        words = []
        with open("report", encoding="utf-8") as file:
            for line in file:
                words.append(line.split())

        def of(name):
            found = [line[1:] for line in words if line[0] == name]
            if name != "lost" and len(found) != workers:
                raise Failed("%d of %d workers reported %s" % (
                    len(found), workers, name))
            return found

        rss = [[int(n) for n in line] for line in of("rss")]
        stats = of("stats")
        self.figures.update(
            start=max(n[0] for n in rss), peak=max(n[1] for n in rss),
            end=max(n[2] for n in rss),
            late=sum(int(line[3]) for line in stats),
            reclaiming=min(int(line[4]) for line in stats),
            worker_cycles=min(int(line[0]) for line in stats),
            worker_reclaimed=sum(int(line[2]) for line in stats),
            lost=sum(int(line[2]) for line in of("lost")),
            tasks=[dict(item.split("=") for item in line)
                   for line in of("tasks")],
            shapes=[[line[0]] + [int(n) for n in line[1:]]
                    for line in of("lost")])

    def judge(self):
        """Raise Failed for figures that are not as they should be."""
        f = self.figures
        if f["late"] or not f["reclaiming"]:
            raise Failed("%d late frees, reclaiming: %d" % (
                f["late"], f["reclaiming"]))
        for worker in f["tasks"]:
            idle = [name for name, n in worker.items() if int(n) < MINIMUM]
            if idle and not TASKS:
                raise Failed("did nothing: " + " ".join(idle))
        if f["worker_cycles"] < 3:
            raise Failed("%d cycles in a worker; given up: %s" % (
                f["worker_cycles"], f["reasons"]))
        for shape, count, _, remembered, held in f["shapes"]:
            most = 3 + remembered * REMEMBERED_HELD
            if shape == "epoll" and count:
                most += remembered * min(1, 1.5 * EPOLL_RING / EPOLL_LOST /
                                         count)
            if shape == "coroutine" and "SOAK_STILL" not in self.options:
                most = remembered       # stacks are read whole
            if held > most:
                raise Failed("%s: %d of %d that were lost are still there" % (
                    shape, held, remembered))
        if f["worker_reclaimed"] < 0.8 * f["lost"]:
            raise Failed("%d bytes lost, %d reclaimed" % (
                f["lost"], f["worker_reclaimed"]))
        if f["peak"] > self.bound_kib():
            raise Failed("%d KiB resident, at most %d" % (
                f["peak"], self.bound_kib()))

    def bound_kib(self):
        """What a worker may have resident, whatever it has lost."""
        return 1024 * (400 if self.options.get("GCM_FREE") else 250)


class State:
    """Rounds that are done, in a file if there is one to be."""

    def __init__(self, path):
        self.path = path
        self.seed = int(os.environ.get("GCMTEST_SEED") or
                        time.time_ns() // 1000 % 1000000000)
        self.rounds = []
        if path and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                for line in file:
                    self.take(line)

    def take(self, line):
        """A line of the file; the last may be a torn one."""
        try:
            entry = json.loads(line)
        except ValueError:
            return
        self.seed = entry["seed"]
        if "number" in entry:
            self.rounds.append(entry)

    def next_number(self):
        """Of the round to do."""
        return self.rounds[-1]["number"] + 1 if self.rounds else 0

    def seconds(self):
        """Spent in rounds that are done."""
        return sum(entry["took"] for entry in self.rounds)

    def add(self, entry):
        """A round is done."""
        entry["seed"] = self.seed
        self.rounds.append(entry)
        if self.path:
            with open(self.path, "a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
                file.flush()
                os.fsync(file.fileno())


COLUMNS = (("round", "number", 1), ("s", "took", 1),
           ("start MB", "start", 1024), ("peak", "peak", 1024),
           ("end", "end", 1024), ("p50 ms", "p50", 0), ("p99", "p99", 0),
           ("max", "longest", 0), ("cycles", "cycles", 1),
           ("lost MB", "lost", MIB), ("reclaimed", "reclaimed", MIB),
           ("late", "late", 1))


def show(state):
    """The table."""
    print("first seed %d" % state.seed)
    print("".join("%10s" % column[0] for column in COLUMNS) +
          "  given up; options")
    for entry in state.rounds:
        line = "".join(
            "%10.3g" % entry[key] if unit == 0 else
            "%10.0f" % (entry[key] / unit) for _, key, unit in COLUMNS)
        reasons = ", ".join("%d %s" % (n, why) for why, n in
                            sorted(entry["reasons"].items())) or "none"
        print("%s  %s; %s" % (line, reasons, " ".join(
            "%s=%s" % item for item in sorted(entry["options"].items()))))
    total = collections.Counter()
    for entry in state.rounds:
        total.update(entry["reasons"])
    print("%d rounds, %d cycles, given up: %s; %d MB lost, %d MB reclaimed, "
          "%d late frees" % (
              len(state.rounds), sum(e["cycles"] for e in state.rounds),
              dict(total), sum(e["lost"] for e in state.rounds) // MIB,
              sum(e["reclaimed"] for e in state.rounds) // MIB,
              sum(e["late"] for e in state.rounds)))


def grew(rounds):
    """Does memory grow from round to round, among those of equal options?  It
    cannot, each is a process; but within them it may be that it did."""
    late = [e for e in rounds if e["end"] > 2 * e["start"] + 64 * 1024]
    return ["round %d: %d KiB at first, %d in the end" % (
        e["number"], e["start"], e["end"]) for e in late]


def main():
    """0; 1 when a round failed; 77 without a library."""
    if not LIBRARY:
        print("no library: GCMTEST_LIB")
        return 77
    path = os.environ.get("SOAK_STATE")
    state = State(path)
    alone = os.environ.get("SOAK_ROUND")
    status = 0
    while status == 0 and (alone or state.seconds() < SECONDS - ROUND_S / 2):
        number = int(alone) if alone else state.next_number()
        round_ = Round(number, state.seed)
        began = time.monotonic()
        try:
            entry = dict(round_.run(), number=number, options=round_.options)
            entry["took"] = time.monotonic() - began
            for key in ("tasks", "shapes"):
                del entry[key]
            state.add(entry)
        except Failed as why:
            print("FAIL %s: %s" % (round_.name(), why))
            print("again: GCMTEST_SEED=%d SOAK_ROUND=%d SOAK_SECONDS=%g" % (
                state.seed, number, SECONDS))
            status = 1
        if alone:
            break
    for line in grew(state.rounds):
        print("FAIL grows: " + line)
        status = 1
    if state.rounds and (LONG or status or os.environ.get("SOAK_SHOW")):
        show(state)
    return status


if __name__ == "__main__":
    sys.exit(main())
