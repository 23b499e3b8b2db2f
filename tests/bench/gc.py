#!/usr/bin/env python3
"""Time the collector beside other allocators and other collectors.

One table per benchmark: trees, server, mark, pauses, backends and, when
asked for by name, onoff. Runs of one table are interleaved, figures are
medians. See docs/benchmarks.md."""

import argparse
import copy
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True

import rows                                         # noqa: E402
import run                                          # noqa: E402

NUMBER = r"([0-9]+(?:\.[0-9]+)?)"
GRAMMAR = re.compile(
    r"gc (\d+) @Ns (\d+)%: N\+N\+N ms clock, N\+N/N/N\+N ms cpu, "
    r"(\d+)->(\d+)->(\d+) MB, (\d+) MB goal, (\d+) MB stacks, "
    r"(\d+) MB globals, (\d+) P(?:$|(?=[ ,]))(.*)"
    .replace("N", NUMBER))
FIELDS = ("number at percent clock1 clock2 clock3 cpu1 assist background "
          "idle cpu2 start_mb end_mb live_mb goal_mb stacks_mb globals_mb "
          "procs").split()


class NotGctrace(Exception):
    """A line that begins as gctrace's do and goes on otherwise."""


def parse_gctrace(text):
    """The cycles of a trace in Go's grammar; nothing else is guessed at.

    Lines that do not begin with `gc NUMBER ` are the program's own. Each
    cycle: FIELDS as floats, `pauses` (ms), `mark_cpu` (ms), `rest` (what
    stands behind ` P`), `forced`, `abandoned`, `end` (s)."""
    cycles = []
    for line in text.splitlines():
        if not re.match(r"gc \d+ ", line):
            continue
        match = GRAMMAR.fullmatch(line)
        if not match:
            raise NotGctrace(line)
        cycle = dict(zip(FIELDS, map(float, match.groups()[:-1])))
        cycle["rest"] = match.groups()[-1]
        cycle["forced"] = "(forced)" in cycle["rest"]
        cycle["abandoned"] = "(abandoned" in cycle["rest"]
        # A cycle within one stop has no second one; of more than two stops
        # of ours the second figure is the sum of all but the first.
        cycle["pauses"] = [ms for ms in (cycle["clock1"], cycle["clock3"])
                           if ms > 0]
        cycle["mark_cpu"] = (cycle["assist"] + cycle["background"] +
                             cycle["idle"])
        cycle["end"] = cycle["at"] + sum(
            cycle[key] for key in ("clock1", "clock2", "clock3")) / 1e3
        cycles.append(cycle)
    return cycles


class Variant:
    """One way to run a program: what is preloaded and what is set."""

    def __init__(self, name, command, library=None, env=None):
        self.name = name
        self.command = command
        self.library = library
        self.env = env or {}


class Bench:
    """Where things are, and what went wrong."""

    def __init__(self, args, work):
        self.args = args
        self.work = work
        self.ours = os.path.abspath(args.lib) if args.lib else None
        if self.ours and not rows.loads(self.ours):
            sys.exit("gc.py: %s: cannot preload" % self.ours)
        self.mimalloc = rows.find_library("libmimalloc.so.2*")
        self.left_out = []
        self.problems = []

    def program(self, name):
        """A program built by make."""
        return os.path.join(self.args.bin, name)

    def scaled(self, full, quick):
        """The size of this run."""
        return quick if self.args.quick else full

    def problem(self, text):
        """Said once below the tables; the exit status is then 1."""
        if text not in self.problems:
            self.problems.append(text)

    def build(self, name, command, env=None):
        """A peer's program, or None without its compiler or library."""
        target = os.path.join(os.path.abspath(self.work), name)
        if shutil.which(command[0]):
            done = subprocess.run(command[:1] + [
                target if word == "OUT" else word for word in command[1:]],
                env=dict(os.environ, **(env or {})), check=False,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if done.returncode == 0:
                return target
        self.left_out.append(name)
        return None

    def build_go(self, name):
        """The Go program of this name."""
        cache = os.path.join(os.path.abspath(self.work), "go-cache")
        return self.build(name + "_go", [
            "go", "build", "-o", "OUT", os.path.join(rows.HERE, name + ".go")],
            {"GO111MODULE": "off", "GOCACHE": cache, "GOFLAGS": ""})

    def build_libgc(self, name):
        """The C program of this name with Boehm's collector."""
        return self.build(name + "_libgc", [
            "cc", "-O2", "-DBENCH_LIBGC", "-DGC_THREADS", "-include", "gc.h",
            "-o", "OUT", os.path.join(rows.HERE, name + ".c"),
            os.path.join(rows.HERE, "bench.c"), "-lgc", "-lpthread"])

    def once(self, variant):
        """Figures of one run, with its stderr; None when it failed."""
        figures = os.path.join(self.work, "figures")
        if os.path.exists(figures):
            os.unlink(figures)
        with tempfile.TemporaryFile(dir=self.work) as out, \
                tempfile.TemporaryFile(dir=self.work) as err:
            try:
                subprocess.run(
                    [self.program("measure"), figures,
                     variant.library or "-"] + variant.command,
                    stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                    timeout=self.args.timeout, check=False,
                    env=rows.environment(**variant.env))
            except subprocess.TimeoutExpired:
                self.problem("%s: %s: no end after %d s" % (
                    variant.name, " ".join(variant.command[1:]),
                    self.args.timeout))
                return None
            out.seek(0)
            err.seek(0)
            result = run.Runner.collect(
                rows.Row(variant.name, "gc", variant.command), figures,
                out.read(), None)
            result["stderr"] = err.read().decode(errors="replace")
        if "failed" in result:
            self.problem("%s: %s: %s %s" % (
                variant.name, " ".join(variant.command), result["failed"],
                result["stderr"].strip()[:200]))
            return None
        return result

    def rounds(self, variants):
        """results[name]: the runs that worked; interleaved, and each round
        starts with another variant."""
        results = {variant.name: [] for variant in variants}
        for number in range(self.args.rounds):
            shift = number % len(variants)
            for variant in variants[shift:] + variants[:shift]:
                if sys.stderr.isatty():
                    sys.stderr.write("\r\033[Kround %d of %d: %s" % (
                        number + 1, self.args.rounds, variant.name))
                result = self.once(variant)
                if result:
                    results[variant.name].append(result)
        if sys.stderr.isatty():
            sys.stderr.write("\r\033[K")
        printed = {r["output"] for runs in results.values() for r in runs}
        if len(printed) > 1:
            first = results[variants[0].name]
            for variant in variants[1:]:
                if first and any(r["output"] != first[0]["output"]
                                 for r in results[variant.name]):
                    self.problem("%s: prints something else than %s" % (
                        variant.name, variants[0].name))
        return results

    def cycles(self, result, name, after_s, since="at"):
        """The cycles of a run that began, or ended, after a moment."""
        try:
            return [cycle for cycle in parse_gctrace(result["stderr"])
                    if cycle[since] >= after_s]
        except NotGctrace as line:
            if not any(text.startswith("gctrace:") for text in self.problems):
                self.problem("gctrace: %s: not Go's form: %s" % (name, line))
            return []


def median(values):
    """None for none."""
    values = [value for value in values if value is not None]
    return statistics.median(values) if values else None


def middle(runs, key):
    """The median of a figure or a metric over the runs."""
    return median(r[key] if key in r else r["metrics"].get(key)
                  for r in runs)


def percentile(values, percent):
    """Nearest rank; None for none."""
    values = sorted(values)
    rank = -(-len(values) * percent // 100)
    return values[max(rank, 1) - 1] if values else None


def ratio(a, b):
    """a / b, where both are there."""
    return a / b if a is not None and b else None


def cells(values, form):
    """Columns of ten: each with its own format, `-` where there is none."""
    return "".join("%10s" % ("-" if value is None else f % value)
                   for value, f in zip(values, form.split()))


def heading(title, *columns):
    """The table's name and its columns."""
    print("\n%-26s" % title + "".join("%10s" % c for c in columns))


def trees(bench):
    """Trees built and dropped, with free and without."""
    program, depth = bench.program("binary_trees"), bench.scaled("18", "14")
    go = bench.build_go("binary_trees")
    libgc = bench.build_libgc("binary_trees")
    for threads in "12":
        free = [program, depth, threads, "free"]
        leak = [program, depth, threads, "leak"]
        variants = [Variant("glibc+free", free)]
        if bench.mimalloc:
            variants += [Variant("mimalloc+free", free, bench.mimalloc)]
        if bench.ours:
            variants += [
                Variant("ours+free", free, bench.ours),
                Variant("ours no free", leak, bench.ours),
                Variant("ours GCM_FREE=ignore", free, bench.ours,
                        {"GCM_FREE": "ignore"})]
        if go:
            variants += [Variant("Go", [go, depth, threads])]
        if libgc:
            variants += [Variant("Boehm", [libgc, depth, threads, "leak"])]
        variants += [Variant("glibc no free", leak)]
        results = bench.rounds(variants)
        heading("trees, threads %s" % threads, "wall s", "ratio", "CPU s",
                "ratio", "peak MB", "ratio")
        base = results["glibc+free"]
        for variant in variants:
            runs, values = results[variant.name], []
            for key in ("wall", "cpu", "rss"):
                value = middle(runs, key)
                values += [value, ratio(value, middle(base, key))]
            print("%-26s" % variant.name +
                  cells(values, "%.3f %.2f %.3f %.2f %.1f %.2f"))


def server(bench):
    """One of N requests lost."""
    program = bench.program("leak_server")
    # 9.4 KB a request: 2 x 1.9 million, one of 8 lost, are 4 GB.
    lossy = [program, "2", bench.scaled("1900000", "40000"), "8", "20000",
             bench.scaled("64", "8")]
    clean = lossy[:3] + ["0"] + lossy[4:]
    variants = [Variant("glibc, no leak", clean),
                Variant("glibc", lossy)]
    if bench.mimalloc:
        variants += [Variant("mimalloc", lossy, bench.mimalloc)]
    if bench.ours:
        variants += [Variant("ours, no leak", clean, bench.ours),
                     Variant("ours", lossy, bench.ours),
                     Variant("ours GCM_MODE=off", lossy, bench.ours,
                             {"GCM_MODE": "off"})]
    results = bench.rounds(variants)
    heading("server", "req/s", "ratio", "CPU s", "ratio", "peak MB",
            "leaked MB", "at 25 %", "at 50 %", "at 75 %", "end MB")
    base = results["glibc, no leak"]
    for variant in variants:
        runs = results[variant.name]
        rates = [r["metrics"]["requests"] / r["wall"] for r in runs]
        plain = [r["metrics"]["requests"] / r["wall"] for r in base]
        print("%-26s" % variant.name + cells(
            [median(rates), ratio(median(rates), median(plain)),
             middle(runs, "cpu"),
             ratio(middle(runs, "cpu"), middle(base, "cpu")),
             middle(runs, "rss"), middle(runs, "leaked_mib"),
             middle(runs, "rss_25_mib"), middle(runs, "rss_50_mib"),
             middle(runs, "rss_75_mib"), middle(runs, "end_rss_mib")],
            "%.0f %.2f %.3f %.2f %.1f %.0f %.0f %.0f %.0f %.0f"))


def mark(bench):
    """Blocks and bytes per second of marking."""
    if not bench.ours:
        return
    variants = [Variant(shape, [
        bench.program("mark_rate"), shape, bench.scaled("512", "32"),
        # A cycle over cold links takes seconds, and one is under way.
        bench.scaled("15000" if shape == "shuffled" else "4000", "1000")],
        bench.ours,
        {"GCM_DEBUG": "gctrace=1", "GCM_PERCENT": "off",
         "GCM_INTERVAL": "200ms"})
        for shape in ("data64k data1k list shuffled tree small").split()]
    results = {v.name: [] for v in variants}
    for variant in variants:
        results.update(bench.rounds([variant]))
    heading("marking", "cycles", "CPU ms", "Mblocks/s", "GB/s", "memcpy",
            "ratio")
    for variant in variants:
        runs, figures = results[variant.name], []
        for result in runs:
            metrics = result["metrics"]
            costs = [c["mark_cpu"] for c in bench.cycles(
                result, "marking", metrics["ready_ms"] / 1e3)
                if not c["abandoned"]]
            cost = median(costs) or None
            figures.append({
                "cycles": len(costs) or None, "cost": cost,
                "blocks": ratio(metrics["blocks"] / 1e3, cost),
                "rate": ratio(metrics["bytes"] / 1e6, cost),
                "copy": metrics["memcpy_mb_s"] / 1e3,
                "ratio": ratio(ratio(metrics["bytes"] / 1e6, cost),
                               metrics["memcpy_mb_s"] / 1e3)})
        print("%-26s" % variant.name + cells(
            [median(f[key] for f in figures) for key in
             ("cycles", "cost", "blocks", "rate", "copy", "ratio")],
            "%.0f %.3f %.2f %.2f %.2f %.3f"))


def pause_columns(bench, name, runs, gib):
    """A run's cycles, and those given up; stops: p50 p99 max in ms, of all
    runs; mark CPU ms per GiB of the cycles that came to their end."""
    found = [c for r in runs for c in bench.cycles(
        r, name, r["metrics"]["ready_ms"] / 1e3, "end")]
    ended = [c for c in found if not c["abandoned"]]
    stops = [p for c in found for p in c["pauses"]]
    traced = found or any(re.search(r"(?m)^gc \d+ ", r["stderr"])
                          for r in runs)
    return [ratio(len(ended), len(runs)) if traced else None,
            ratio(len(found) - len(ended), len(runs)) if traced else None,
            percentile(stops, 50), percentile(stops, 99),
            max(stops, default=None),
            ratio(median(c["mark_cpu"] for c in ended), gib)]


GAP_COLUMNS = ("steps", "gaps", "gap_sum_us", "gap_p50_us", "gap_p99_us",
               "gap_p999_us", "gap_max_us")
EXCESS_US = 100     # below it are timer ticks, many more than stops


def longer_gaps(runs):
    """How many gaps of a run, on average, start at a bar or above it."""
    bars = {}
    for result in runs:
        for name, count in result["metrics"].items():
            if name.startswith("gap_ge_") and \
                    int(name[len("gap_ge_"):]) >= EXCESS_US:
                bar = int(name[len("gap_ge_"):])
                bars[bar] = bars.get(bar, 0) + count / len(runs)
    total, tail = 0, {}
    for bar in sorted(bars, reverse=True):
        total += bars[bar]
        tail[bar] = total
    return tail


def tail_at(tail, bar):
    """Of gaps no shorter than the bar."""
    return max((count for us, count in tail.items() if us >= bar), default=0)


def excess(runs, base):
    """Gaps that the base does not have: how many in a run, p50, p99, p99.9
    and the longest, in us. Of each length, those of it and longer are
    counted in both, and the base's taken off; None with no runs."""
    if not runs or not base:
        return [None] * 5
    ours, theirs = longer_gaps(runs), longer_gaps(base)
    most, left = 0, []
    for bar in sorted(ours, reverse=True):
        most = max(most, ours[bar] - tail_at(theirs, bar))
        left.append((bar, most))
    if most == 0:
        return [0] + [None] * 4
    values = [next(bar for bar, count in left if count >= most * share)
              for share in (0.5, 0.01, 0.001)]
    return [most] + values + [
        next(bar for bar, count in left if count > 0)]


def tell_excess(title, results, pairs):
    """A table of the gaps that some variants have beyond others."""
    heading(title, "added", "p50 us", "p99 us", "p99.9 us", "max us")
    for name, base in pairs:
        if name in results and base in results:
            print("%-26s" % name + cells(
                excess(results[name], results[base]),
                "%.0f %.0f %.0f %.0f %.0f"))


def pauses(bench):
    """Stops and the gaps that threads see."""
    program, go = bench.program("pauses"), bench.build_go("pauses")
    mib = bench.scaled("1024", "64")
    for threads in "24":
        tail = [mib, threads, bench.scaled("20000", "1500")]
        variants = [Variant("glibc", [program] + tail)]
        if bench.ours:
            variants += [
                Variant("ours GCM_MODE=off", [program] + tail, bench.ours,
                        {"GCM_MODE": "off"}),
                Variant("ours", [program] + tail, bench.ours,
                        {"GCM_DEBUG": "gctrace=1"}),
                Variant("ours, a cycle a second", [program] + tail,
                        bench.ours, {"GCM_DEBUG": "gctrace=1",
                                     "GCM_INTERVAL": "1s"})]
        if go:
            variants += [Variant("Go", [go] + tail, None,
                                 {"GODEBUG": "gctrace=1"})]
        results = bench.rounds(variants)
        heading("pauses, threads %s" % threads, "cycles", "given up",
                "p50 ms", "p99 ms", "max ms", "Msteps", "gaps", "sum ms",
                "p50 us", "p99 us", "p99.9 us", "max us", "peak MB")
        for variant in variants:
            runs = results[variant.name]
            values = [middle(runs, key) for key in GAP_COLUMNS]
            values[0] = ratio(values[0], 1e6)
            values[2] = ratio(values[2], 1e3)
            print("%-26s" % variant.name + cells(
                pause_columns(bench, variant.name, runs, 1)[:5] + values +
                [middle(runs, "rss")],
                "%.1f %.1f %.3f %.3f %.3f %.2f %.0f %.1f %.0f %.0f %.0f "
                "%.0f %.0f"))
        if go:
            stops = [ratio(middle(results["Go"], "stop_%s_ns" % key), 1e6)
                     for key in ("p50", "p99", "max")]
            print("%-26s" % "Go, runtime/metrics" +
                  cells([None, None] + stops, "%.1f %.1f %.3f %.3f %.3f"))
        tell_excess("gaps beyond GCM_MODE=off", results, [
            (v.name, "ours GCM_MODE=off") for v in variants
            if v.name.startswith("ours") and v.name != "ours GCM_MODE=off"])


def backends(bench):
    """Ways to track writes, by what is live."""
    if not bench.ours:
        return
    for mib in bench.scaled(("256", "1024"), ("32", "128")):
        tail = [mib, "2", bench.scaled("20000", "1500")]
        variants = [Variant(name, [bench.program("pauses")] + tail,
                            bench.ours, {"GCM_DEBUG": "gctrace=1",
                                         "GCM_INTERVAL": "500ms",
                                         "GCM_CONCURRENT": name})
                    for name in ("pagemap", "fork", "off")]
        variants += [Variant("GCM_MODE=off", variants[0].command, bench.ours,
                             {"GCM_MODE": "off"})]
        results = bench.rounds(variants)
        heading("back ends, %s MiB live" % mib, "cycles", "given up",
                "p50 ms", "p99 ms", "max ms", "mark/GiB", "max/GiB", "CPU s",
                "Msteps", "max us", "peak MB")
        gib = int(mib) / 1024
        for variant in variants:
            runs = results[variant.name]
            stops = pause_columns(bench, variant.name, runs, gib)
            print("%-26s" % variant.name + cells(
                stops + [ratio(stops[4], gib), middle(runs, "cpu"),
                         ratio(middle(runs, "steps"), 1e6),
                         middle(runs, "gap_max_us"), middle(runs, "rss")],
                "%.1f %.1f %.3f %.3f %.3f %.1f %.3f %.3f %.2f %.0f %.0f"))
        tell_excess("gaps beyond GCM_MODE=off", results, [
            (v.name, "GCM_MODE=off") for v in variants[:-1]])


def with_mode_off(row):
    """The same row with the collector off."""
    other = copy.copy(row)
    other.env = dict(row.env, GCM_MODE="off")
    return other


def onoff(bench):
    """The rows of rows.py: the collector against GCM_MODE=off, in pairs."""
    if not bench.ours:
        return
    runner = run.Runner(bench.args.bin, bench.work, bench.args.timeout)
    heading("collector on / off", "off s", "on/off", "off CPU s", "on/off",
            "off MB", "on/off")
    for row in rows.find_rows(bench.args.bin, bench.work):
        if not run.chosen(row, bench.args.rows.split(",")
                          if bench.args.rows else []):
            continue
        ways = [("off", with_mode_off(row)), ("on", row)]
        results = {"off": [], "on": []}
        for number in range(bench.args.rounds):
            for name, way in ways[::-1 if number % 2 else 1]:
                results[name].append(runner.run(way, bench.ours))
        for name, runs in results.items():
            for bad in {r["failed"] for r in runs if "failed" in r}:
                bench.problem("onoff: %s %s: %s" % (row.name, name, bad))
            results[name] = [r for r in runs if "failed" not in r]
        if len({r["output"] for r in results["on"] + results["off"]}) > 1:
            bench.problem("onoff: %s: prints something else" % row.name)
        values = []
        for key in ("wall", "cpu", "rss"):
            off = middle(results["off"], key)
            values += [off, ratio(middle(results["on"], key), off)]
        print("%-26s" % row.name +
              cells(values, "%.3f %.2f %.3f %.2f %.1f %.2f"), flush=True)


TABLES = {"trees": trees, "server": server, "mark": mark, "pauses": pauses,
          "backends": backends, "onoff": onoff}


def options():
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("tables", nargs="*", metavar="TABLE",
                        help="any of " + " ".join(TABLES) +
                        "; default all but onoff")
    parser.add_argument("--lib", default=os.environ.get("GCMTEST_LIB"),
                        help="our library (default $GCMTEST_LIB)")
    parser.add_argument("--bin", default=rows.HERE,
                        help="folder of the built programs")
    parser.add_argument("--work", help="folder for peers' programs and "
                        "inputs, kept (default: a temporary one)")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--timeout", type=float, default=300,
                        help="seconds for one run")
    parser.add_argument("--quick", action="store_true",
                        help="small sizes: whether it works, not how well")
    parser.add_argument("--rows", help="for onoff: comma list of rows or "
                        "groups of run.py, * allowed")
    args = parser.parse_args()
    unknown = [name for name in args.tables if name not in TABLES]
    if unknown:
        parser.error("no table " + unknown[0])
    return args


def main():
    """Exit status 1 when a run failed or a trace could not be read."""
    args = options()
    work = args.work or tempfile.mkdtemp(prefix="gcm-bench-")
    os.makedirs(work, exist_ok=True)
    try:
        bench = Bench(args, work)
        for name in args.tables or [n for n in TABLES if n != "onoff"]:
            TABLES[name](bench)
            sys.stdout.flush()
        if bench.left_out:
            print("\nleft out, could not be built: " +
                  " ".join(bench.left_out))
        for text in bench.problems:
            print(text)
        return int(bool(bench.problems))
    finally:
        if not args.work:
            shutil.rmtree(work)


if __name__ == "__main__":
    sys.exit(main())
