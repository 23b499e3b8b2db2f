#!/usr/bin/env python3
"""Servers as they are and preloaded: requests a second, 99th percentile, and
what a request costs the server.

Each round runs every server plain and preloaded, one right after the other,
first the one and then the other way round. The client is never preloaded and
has one CPU to itself, the server another one. See docs/benchmarks.md."""

import argparse
import collections
import glob
import json
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time

sys.dont_write_bytecode = True

import rows                                         # noqa: E402

THROUGHPUT_BAR = 0.97       # of plain, at least
LATENCY_BAR = 1.10          # of plain, at most
INSTRUCTION_BAR = 1.03
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
START_S = 120               # for a server to answer, also in an emulator
PORT = 18271


class Trouble(Exception):
    """A server or a client did not do what it should."""


def start(command, cpu, folder, env=None, output="client", user=None):
    """A process with its standard streams in a file, on one CPU."""
    def prepare():
        if cpu is not None:
            os.sched_setaffinity(0, {cpu})
    if user and os.geteuid() == 0:
        command = ["setpriv", "--reuid=" + user, "--regid=" + user,
                   "--clear-groups"] + command
    with open(os.path.join(folder, output), "wb") as file:
        return subprocess.Popen(
            command, cwd=folder, env=env or rows.environment(), stdout=file,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            preexec_fn=prepare, start_new_session=True)


def finish(process, folder, output="client"):
    """What the process printed; it must end with 0."""
    status = process.wait()
    with open(os.path.join(folder, output), encoding="utf-8",
              errors="replace") as file:
        text = file.read()
    if status != 0:
        raise Trouble("status %d: %s: %s" % (
            status, " ".join(process.args[:3]), text[-400:]))
    return text


class Server:
    """A server, how to load it, and how to end it."""

    needs = ()
    requests = 0        # of a timed run
    counted = 0         # of the short run whose instructions are counted
    user = None         # who runs it where we are root
    stop_signal = signal.SIGTERM
    limits = []         # what its program is started by under a tool

    def __init__(self, folder, programs):
        self.folder = folder
        self.programs = programs

    @classmethod
    def is_there(cls):
        """Whether all its programs are."""
        return all(shutil.which(name) for name in cls.needs)

    def prepare(self):
        """Once, before all runs."""

    def command(self):
        """The server's."""
        raise NotImplementedError

    def answers(self):
        """Whether it is ready."""
        raise NotImplementedError

    def load(self, count, cpu):
        """Run the client; (requests a second, 99th percentile in ms)."""
        raise NotImplementedError

    def client(self, command, cpu, env=None):
        """The client's output."""
        return finish(start(command, cpu, self.folder, env, "client",
                            self.user), self.folder)

    def accepts(self, path):
        """Whether somebody listens on this socket."""
        with socket.socket(socket.AF_UNIX) as sock:
            try:
                sock.connect(os.path.join(self.folder, path))
            except OSError:
                return False
        return True


class Redis(Server):
    """GET, SET, lists, sets, hashes; some of it pipelined."""

    needs = ("redis-server", "redis-benchmark")
    requests = 60000
    counted = 4000
    tests = "set,get,incr,lpush,lpop,sadd,hset,zadd"

    def command(self):
        return ["redis-server", "--port", "0", "--unixsocket", "s", "--save",
                "", "--appendonly", "no", "--dir", self.folder]

    def answers(self):
        return self.accepts("s")

    def load(self, count, cpu):
        text = self.client(
            ["redis-benchmark", "-s", "s", "-c", "20", "-P", "4", "-r",
             "20000", "-d", "200", "--csv", "-t", self.tests, "-n",
             str(count)], cpu)
        lines = [line.strip().strip('"').split('","')
                 for line in text.splitlines() if line.startswith('"')]
        if len(lines) < 2 or "p99_latency_ms" not in lines[0]:
            raise Trouble("redis-benchmark: " + text[-300:])
        rps = [float(line[lines[0].index("rps")]) for line in lines[1:]]
        p99 = [float(line[lines[0].index("p99_latency_ms")])
               for line in lines[1:]]
        return statistics.harmonic_mean(rps), statistics.mean(p99)

    def per_run(self, count):
        """How many requests that makes."""
        return count * len(self.tests.split(","))


class Nginx(Server):
    """A file compressed anew each time, by way of a proxy."""

    needs = ("nginx", "ab")
    requests = 12000
    counted = 400
    stop_signal = signal.SIGQUIT

    def prepare(self):
        os.makedirs(os.path.join(self.folder, "html"), exist_ok=True)
        with open(os.path.join(self.folder, "html/index.html"), "w",
                  encoding="utf-8") as file:
            file.write("".join("<p>line %d of the page\n" % i
                               for i in range(300)))
        with open(os.path.join(self.folder, "conf"), "w",
                  encoding="utf-8") as file:
            file.write("""
%sdaemon off; master_process on; worker_processes 1; pid pid;
error_log err; events { worker_connections 256; }
http { access_log off; gzip on; gzip_types *; proxy_http_version 1.1;
  client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t;
  uwsgi_temp_path t; scgi_temp_path t; keepalive_requests 1000000;
  upstream self { server 127.0.0.1:%d; keepalive 16; }
  server { listen 127.0.0.1:%d; root html;
    location /p/ { proxy_pass http://self/; proxy_set_header Connection ""; }
} }
""" % ("user root; " if os.geteuid() == 0 else "", PORT, PORT))

    def command(self):
        return ["nginx", "-e", "err", "-p", self.folder, "-c",
                os.path.join(self.folder, "conf")]

    def answers(self):
        with socket.socket() as sock:
            return sock.connect_ex(("127.0.0.1", PORT)) == 0

    def load(self, count, cpu):
        text = self.client(
            ["ab", "-q", "-k", "-c", "16", "-n", str(count), "-e",
             "percentiles", "-H", "Accept-Encoding: gzip",
             "http://127.0.0.1:%d/p/" % PORT], cpu)
        rate = re.search(r"Requests per second:\s+([0-9.]+)", text)
        with open(os.path.join(self.folder, "percentiles"),
                  encoding="utf-8") as file:
            p99 = re.search(r"\n99,([0-9.]+)", file.read())
        failed = re.search(r"(Failed requests:\s+[1-9]|Non-2xx).*", text)
        if not rate or not p99 or failed:
            raise Trouble("ab: " + text[-300:])
        return float(rate.group(1)), float(p99.group(1))


class Memcached(Server):
    """Nine gets to a set; one worker thread."""

    needs = ("memcached",)
    requests = 150000
    counted = 4000
    # It sets its limit of descriptors, of which valgrind keeps twelve.
    limits = ["prlimit", "--nofile=200:200"]

    def command(self):
        user = ["-u", "root"] if os.geteuid() == 0 else []
        return ["memcached", "-s", os.path.join(self.folder, "m"), "-m",
                "64", "-t", "1", "-c", "188"] + user

    def answers(self):
        return self.accepts("m")

    def load(self, count, cpu):
        text = self.client(
            [os.path.join(self.programs, "memcached_load"), "m", "24",
             str(count), "5000"], cpu)
        rate, p99 = text.split()
        return float(rate), float(p99)


class Postgres(Server):
    """pgbench's own mix of updates; no fsync, for that is the disk's time."""

    needs = ("pgbench",)
    requests = 4000
    counted = 150
    user = "postgres"
    stop_signal = signal.SIGINT

    @classmethod
    def tools(cls):
        """The folder of the newest version's programs."""
        found = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
        return found[-1] if found else os.path.dirname(
            shutil.which("initdb") or "")

    @classmethod
    def is_there(cls):
        return bool(super().is_there() and cls.tools() and
                    shutil.which("setpriv"))

    def environment(self):
        """For the clients."""
        return rows.environment(PGHOST=self.folder, PGUSER="u",
                                PGDATABASE="postgres", HOME=self.folder)

    def prepare(self):
        if os.geteuid() == 0:
            shutil.chown(self.folder, self.user)
        self.client([os.path.join(self.tools(), "initdb"), "-D", "d", "-U",
                     "u", "--no-sync", "--no-locale", "-E", "UTF8"], None)
        process = start(self.command(), None, self.folder, None, "server",
                        self.user)
        await_answer(self, process)
        self.client(["pgbench", "-i", "-q", "-s", "5"], None,
                    self.environment())
        end(self, process)

    def command(self):
        return [os.path.join(self.tools(), "postgres"), "-D", "d", "-k",
                self.folder, "-c", "listen_addresses=", "-c", "fsync=off",
                "-c", "synchronous_commit=off", "-c", "autovacuum=off", "-c",
                "checkpoint_timeout=1h", "-c", "jit=off"]

    def answers(self):
        return subprocess.run(
            [os.path.join(self.tools(), "pg_isready"), "-q"],
            env=self.environment(), check=False).returncode == 0

    def load(self, count, cpu):
        for name in glob.glob(os.path.join(self.folder, "pgbench_log.*")):
            os.unlink(name)
        text = self.client(
            ["pgbench", "-n", "-c", "8", "-j", "1", "-t", str(count // 8),
             "-l"], cpu, self.environment())
        rate = re.search(r"tps = ([0-9.]+)", text)
        times = []
        for name in glob.glob(os.path.join(self.folder, "pgbench_log.*")):
            with open(name, encoding="utf-8") as file:
                times += [int(line.split()[2]) for line in file]
        if not rate or not times:
            raise Trouble("pgbench: " + text[-300:])
        return float(rate.group(1)), sorted(times)[
            len(times) * 99 // 100] / 1e3


SERVERS = {"redis": Redis, "nginx": Nginx, "memcached": Memcached,
           "postgres": Postgres}


def await_answer(server, process):
    """Until it is ready."""
    until = time.monotonic() + START_S
    while not server.answers():
        if process.poll() is not None or time.monotonic() > until:
            raise Trouble("does not start: " + finish(
                process, server.folder, "server")[-300:])
        time.sleep(0.05)


def family(pid):
    """A process and all that come from it."""
    found = [pid]
    for parent in found:
        for path in glob.glob("/proc/%d/task/*/children" % parent):
            try:
                with open(path, encoding="utf-8") as file:
                    found += [int(word) for word in file.read().split()]
            except OSError:
                continue
    return found


def cpu_seconds(pid):
    """User and system time of a family, ended children included."""
    total = 0
    for member in family(pid):
        try:
            with open("/proc/%d/stat" % member, encoding="utf-8") as file:
                fields = file.read().rpartition(")")[2].split()
        except OSError:
            continue
        total += sum(int(field) for field in fields[11:15])
    return total * TICK_S


def end(server, process):
    """Stop it the gentle way; what it printed is not asked for."""
    try:
        os.kill(process.pid, server.stop_signal)
        process.wait(60)
    except ProcessLookupError:
        raise Trouble("has ended by itself") from None
    except subprocess.TimeoutExpired:
        raise Trouble("does not end") from None
    finally:
        try:
            os.killpg(process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        process.wait()
    if process.returncode not in (0, -server.stop_signal):
        raise Trouble("ended with status %d" % process.returncode)


class Bench:
    """What is compared, and where."""

    def __init__(self, args):
        self.args = args
        self.library = os.path.abspath(args.lib)
        if not rows.loads(self.library):
            sys.exit("servers.py: %s: cannot preload" % self.library)
        cpus = sorted(os.sched_getaffinity(0))
        self.server_cpu, self.client_cpu = cpus[-1], cpus[0]
        if len(cpus) < 2:
            print("one CPU only: server and client share it")

    def environment(self, preloaded):
        """The server's."""
        if not preloaded:
            return rows.environment()
        settings = dict(word.split("=", 1) for word in self.args.set)
        return rows.environment(LD_PRELOAD=self.library, **settings)

    def run(self, server, preloaded):
        """One timed run: throughput, 99th percentile, CPU us a request."""
        count = max(server.requests // self.args.quick, 100)
        process = start(server.command(), self.server_cpu, server.folder,
                        self.environment(preloaded), "server", server.user)
        try:
            await_answer(server, process)
            server.load(max(count // 10, 100), self.client_cpu)     # warm
            before = cpu_seconds(process.pid)
            rate, p99 = server.load(count, self.client_cpu)
            spent = cpu_seconds(process.pid) - before
        finally:
            end(server, process)
        total = getattr(server, "per_run", int)(count)
        return {"rate": rate, "p99": p99, "cpu": spent / total * 1e6}

    def timed(self, server):
        """Pairs of runs."""
        pairs = []
        for number in range(self.args.rounds):
            order = (False, True) if number % 2 == 0 else (True, False)
            pair = {}
            for preloaded in order:
                pair[preloaded] = self.run(server, preloaded)
            pairs.append(pair)
        return pairs


class Counter:
    """Instructions of a server, by a tool around it."""

    def __init__(self, bench):
        self.bench = bench
        probe = subprocess.run(
            ["perf", "stat", "-x,", "-e", "instructions:u", "true"],
            stderr=subprocess.PIPE, universal_newlines=True,
            check=False) if shutil.which("perf") else None
        if probe and re.match(r"\d", probe.stderr):
            self.tool = "perf"
        else:
            self.tool = "callgrind" if shutil.which("valgrind") else None

    def once(self, server, preloaded, count, seconds=0):
        """Instructions of all processes while they answer so many requests,
        start and end included: {(object, function): instructions}; and how
        long it took, at least so many seconds. The library is put into the
        server alone, not into the tool."""
        for name in glob.glob(os.path.join(server.folder, "count.*")):
            os.unlink(name)
        if self.tool == "perf":
            tool = ["perf", "stat", "-x,", "-e", "instructions:u", "-o",
                    "count.perf", "--"]
        else:
            tool = ["valgrind", "-q", "--tool=callgrind",
                    "--trace-children=yes", "--callgrind-out-file=count.%p"]
        env = self.bench.environment(preloaded)
        # No collections: the emulator's own code would be marked as the
        # program's is. What they cost is in the CPU column.
        if self.tool == "callgrind":
            for name in ("GCM_PERCENT", "GCM_INTERVAL", "GCM_MEMLIMIT"):
                env[name] = "off"
        library = env.pop("LD_PRELOAD", None)
        if library:
            tool += ["env", "LD_PRELOAD=" + library]
        process = start(server.limits + tool + server.command(), None, server.folder, env,
                        "server", server.user)
        try:
            await_answer(server, process)
            began = time.monotonic()
            server.load(count, None)
            took = time.monotonic() - began
            time.sleep(max(0, seconds - took))
        finally:
            end(server, process)
        return self.read(server.folder), took

    def read(self, folder):
        """What the tool has written."""
        counts = collections.Counter()
        if self.tool == "perf":
            with open(os.path.join(folder, "count.perf"),
                      encoding="utf-8") as file:
                for line in file:
                    if "instructions" in line:
                        counts["", "all"] += int(line.split(",")[0])
            return counts
        for name in glob.glob(os.path.join(folder, "count.*")):
            with open(name, encoding="utf-8", errors="replace") as file:
                read_callgrind(file, counts)
        return counts

    def per_request(self, server, preloaded):
        """From two runs of equal length with four times the requests in one of
        them: what is spent at the start and in the end falls out, and so does
        what a server does ten times a second, request or not, which would be
        a lot where the tool makes it fifty times slower."""
        count = max(server.counted // self.bench.args.quick, 100)
        many, took = self.once(server, preloaded, 4 * count)
        few, _ = self.once(server, preloaded, count, took)
        total = getattr(server, "per_run", int)
        more = total(4 * count) - total(count)
        return {key: (many[key] - few[key]) / more for key in many}


def read_callgrind(file, counts):
    """Add up the instructions of each function itself. The line after one of
    `calls=` is what the called function cost. Names are given once and are
    numbers after that."""
    names = {"ob": {}, "fn": {}}
    at = {"ob": "", "fn": ""}
    skip = False
    for line in file:
        match = re.match(r"(ob|fn|cob|cfi|cfn|cfl)=\((\d+)\)(?: (.*))?", line)
        if match:
            kind, number, name = match.groups()
            known = names.get(kind.replace("c", ""))
            if known is not None and name:
                known[number] = name
            if kind in at:
                at[kind] = known[number]
        elif line.startswith("calls="):
            skip = True
        elif line[:1] in "0123456789+-*":
            if skip:
                skip = False
                continue
            words = line.split()
            if len(words) == 2:
                key = os.path.basename(at["ob"]), at["fn"].split("'")[0]
                counts[key] += int(words[1])


def ratio(pairs, key):
    """The median of the pairs' own ratios."""
    return statistics.median(
        pair[True][key] / pair[False][key] for pair in pairs
        if pair[False][key])


def mark(value, bad):
    """A ratio, with a star where it is beyond the bar."""
    return "%9.3f%s" % (value, "*" if bad else " ")


def show_costs(name, plain, ours, lines):
    """The functions that cost most, in the library and instead of it."""
    print("  %s: instructions a request, by object" % name)
    objects = collections.Counter()
    for sign, figures in ((-1, plain), (1, ours)):
        for (where, _), count in figures.items():
            objects[where] += sign * count
    for where, count in sorted(objects.items(), key=lambda item: -abs(
            item[1]))[:4]:
        print("    %+10.0f  %s" % (count, where))
    differences = collections.Counter(ours)
    for key, count in plain.items():
        differences[key] -= count
    print("  functions that make the difference")
    for (where, function), count in sorted(
            differences.items(), key=lambda item: -abs(item[1]))[:lines]:
        print("    %+10.0f  %-24s %s" % (count, where, function))


def report(name, pairs, counted):
    """A line; whether it is within the bars."""
    rate, p99, cpu = (ratio(pairs, key) for key in ("rate", "p99", "cpu"))
    instructions = None
    if counted:
        plain, ours = (sum(figures.values()) for figures in counted)
        instructions = ours / plain
    bad = [rate < THROUGHPUT_BAR, p99 > LATENCY_BAR,
           bool(instructions) and instructions > INSTRUCTION_BAR]
    middle = {key: statistics.median(pair[False][key] for pair in pairs)
              for key in ("rate", "p99", "cpu")}
    print("%-10s%12.0f%s%12.3f%s%12.2f%s%s" % (
        name, middle["rate"], mark(rate, bad[0]), middle["p99"],
        mark(p99, bad[1]), middle["cpu"], mark(cpu, False),
        "%14.0f%s" % (plain, mark(instructions, bad[2]))
        if instructions else "%14s%9s" % ("-", "-")))
    sys.stdout.flush()
    return not any(bad)


def main():
    """1 when a server failed, or with --strict is beyond a bar."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("servers", nargs="*", metavar="SERVER",
                        help="of " + ", ".join(SERVERS))
    parser.add_argument("--lib", default=os.environ.get("GCMTEST_LIB"),
                        help="our library (default $GCMTEST_LIB)")
    parser.add_argument("--bin", default=rows.HERE,
                        help="folder of the built programs")
    parser.add_argument("--work", default="servers-work",
                        help="where servers keep their files")
    parser.add_argument("--rounds", type=int, default=5, help="pairs of runs")
    parser.add_argument("--quick", nargs="?", type=int, const=10, default=1,
                        help="a tenth of the requests, or so many times less")
    parser.add_argument("--no-insn", action="store_true",
                        help="do not count instructions")
    parser.add_argument("--costs", nargs="?", type=int, const=12, default=0,
                        help="say which functions make the difference")
    parser.add_argument("--set", action="append", default=[],
                        metavar="NAME=VALUE", help="an option of the library")
    parser.add_argument("--strict", action="store_true",
                        help="beyond a bar is a failure")
    parser.add_argument("--json", help="every single figure")
    args = parser.parse_args()
    bench = Bench(args)
    counter = Counter(bench)
    print("medians of plain; ratios preloaded to plain; * beyond the bar; "
          "instructions by %s" % counter.tool)
    print("%-10s%12s%10s%12s%10s%12s%10s%14s%10s" % (
        "", "requests/s", "ratio", "p99 ms", "ratio", "CPU us", "ratio",
        "instructions", "ratio"))
    good, figures, costs = True, {}, []
    for name in args.servers or SERVERS:
        kind = SERVERS[name]
        if not kind.is_there():
            print("%-10snot installed" % name)
            continue
        folder = os.path.abspath(os.path.join(args.work, name))
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        server = kind(folder, os.path.abspath(args.bin))
        counted = None
        try:
            server.prepare()
            pairs = bench.timed(server)
            if counter.tool and not args.no_insn:
                counted = [counter.per_request(server, preloaded)
                           for preloaded in (False, True)]
            within = report(name, pairs, counted)
        except Trouble as trouble:
            print("%-10sFAILED: %s" % (name, trouble))
            good = False
            continue
        good = good and (within or not args.strict)
        figures[name] = [{"plain": pair[False], "preloaded": pair[True]}
                         for pair in pairs]
        if counted:
            costs.append((name, counted[0], counted[1]))
    for name, plain, ours in costs if args.costs else ():
        show_costs(name, plain, ours, args.costs)
    if args.json:
        with open(args.json, "w", encoding="utf-8") as file:
            json.dump(figures, file, indent=1)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
