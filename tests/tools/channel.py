#!/usr/bin/env python3
"""channel.py -- the live channel of programs that run: who is answered, and
that the program does not notice.

C3: with admit_clients taking anybody: "a stranger was told something"; without
is_process in tools/client.c: "a squatter was believed"; without stays(): "no
channel in a program of several threads"; without is_stopped, or with figures
that nobody knows as 0: "top", "unknown figures"; with YOUNG_NS of 30 s in
core/serve.c: "0 of 200 got no answer, the others in 30.3 s".
"""
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import time

BUILD = os.environ.get("GCMTEST_BUILDDIR", "")
GCMALLOC = os.path.join(BUILD, "tools/gcmalloc")
PROGRAM = os.path.join(BUILD, "tests/tools/channel_program")
LIB = os.environ["GCMTEST_LIB"]
if not os.access(GCMALLOC, os.X_OK) or not os.access(PROGRAM, os.X_OK):
    sys.exit(77)

failed = False
running = []


PATIENCE = 6  # of a machine that others use


def fail(text):
    global failed
    failed = True
    print("channel.py:", text)


def check(condition, text):
    if not condition:
        fail(text)
    return condition


class Program:
    def __init__(self, *arguments, preload=True, **options):
        env = {k: v for k, v in os.environ.items()
               if not k.startswith("GCM")}
        if preload:
            env["LD_PRELOAD"] = LIB
        for name, value in options.items():
            env["GCM_" + name] = value
        command = [str(a) for a in arguments]
        if command[0].isdigit():
            command.insert(0, PROGRAM)
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE,
                                        stdin=subprocess.PIPE, env=env)
        self.pid = self.process.pid
        running.append(self.process)
        if command[0] == PROGRAM:
            self.process.stdout.readline()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
        self.process.stdin.close()

    def threads(self):
        return len(os.listdir(f"/proc/{self.pid}/task"))

    def finish(self):
        """Have it end by itself: what it printed."""
        self.process.stdin.close()
        text = self.process.stdout.read().decode()
        check(self.process.wait() == 0, "the program failed")
        check("interrupted" not in text, "a call was interrupted")
        check("descriptors" not in text, "a descriptor was seen")
        return text


def name_of(pid):
    space = os.stat(f"/proc/{pid}/ns/pid").st_ino
    return f"gcmalloc-{space}-{pid}"


def is_listening(pid):
    name = "@" + name_of(pid)
    with open("/proc/net/unix") as file:
        return any(line.split()[-1] == name for line in file)


def connect(pid, patience=3):
    """Waits where others do: one with a timeout of Python's would not."""
    one = socket.socket(socket.AF_UNIX)
    one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                   struct.pack("ll", patience * PATIENCE, 0))
    one.connect("\0" + name_of(pid))
    one.settimeout(patience * PATIENCE)
    return one


def receive(one):
    """One answer: its first line, and its body."""
    text = b""
    while b"\n" not in text:
        got = one.recv(1)
        if not got:
            return None, text
        text += got
    head = text.decode().rstrip("\n")
    body = b""
    if head.startswith("ok "):
        while len(body) < int(head[3:]):
            got = one.recv(int(head[3:]) - len(body))
            if not got:
                return None, body
            body += got
    return head, body.decode()


def ask(pid, request):
    with connect(pid) as one:
        one.sendall(request.encode() + b"\n")
        head, body = receive(one)
    if head is None or not head.startswith("ok "):
        return head
    return dict(line.split(" ", 1) for line in body.splitlines())


def command(*arguments, status=0):
    done = subprocess.run([GCMALLOC] + [str(a) for a in arguments],
                          capture_output=True, text=True, timeout=120)
    check(status is None or done.returncode == status,
          f"{arguments}: status {done.returncode}: {done.stderr}")
    return done.stdout + done.stderr


def await_that(condition, seconds, text):
    end = time.monotonic() + seconds * PATIENCE
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.05)
    fail(text)
    return False


def resident(pid):
    with open(f"/proc/{pid}/smaps_rollup") as file:
        for line in file:
            if line.startswith("Rss:"):
                return int(line.split()[1]) << 10
    return 0


PARTS = ("live", "limbo", "cached", "spans", "free", "own", "stacks", "other")


def is_ours(lo, name, before):
    """The windows of core/table.h, the library and its bss, stacks."""
    return (0x604000000000 <= lo < 0x700000000000 or
            0x4000000000 <= lo < 0x70000000000 or
            "/libgcmalloc.so" in name or "[stack]" in name or
            (name == "" and "/libgcmalloc.so" in before[0] and
             lo == before[1]))


def resident_elsewhere(pid):
    """By the mappings' addresses; threads' stacks are small, and in it."""
    total, ours, before = 0, False, ("", 0)
    for line in open(f"/proc/{pid}/smaps"):
        match = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ \S+ \S+ \S+ *(.*)",
                         line)
        if match:
            lo, hi, name = (int(match.group(1), 16), int(match.group(2), 16),
                            match.group(3))
            ours = is_ours(lo, name, before)
            before = (name, hi)
        elif line.startswith("Rss:") and not ours:
            total += int(line.split()[1]) << 10
    return total


def check_split(pid, heap, text):
    """The parts are the whole; those of the heap are what its mapping has."""
    before = resident(pid)
    split = ask(pid, "rss")
    if not check(isinstance(split, dict) and split, f"{text}: no rss"):
        return
    number = {k: int(v) for k, v in split.items()}
    whole = number["resident_bytes"]
    total = sum(number[f"resident_{part}_bytes"] for part in PARTS)
    check(abs(total - whole) <= whole / 100, f"{text}: sum {total} of {whole}")
    check(abs(whole - before) <= before / 100,
          f"{text}: {whole}, and smaps says {before}")
    other = resident_elsewhere(pid)
    check(abs(number["resident_other_bytes"] - other) <= whole / 100 + 65536,
          f"{text}: not ours {number['resident_other_bytes']}, mapped {other}")
    check(number["resident_live_bytes"] >= heap,
          f"{text}: live {number['resident_live_bytes']} of {heap}")


def answers():
    with Program(3, 40, 60) as one:
        if not await_that(lambda: is_listening(one.pid), 5,
                          "no channel in a program of several threads"):
            return
        stat = ask(one.pid, "stat")
        check(stat["pid"] == str(one.pid) and stat["threads"] == "3",
              f"stat: {stat}")
        names = re.findall(r"^(?:KEPT|ASKED|WORDS)\((\w+)",
                           open(os.environ["GCMTEST_SRCDIR"] +
                                "/core/figure.def").read(), re.M)
        check(all(name in stat for name in names), "a figure is missing")
        cycles = int(stat["cycles"])
        command("gc", one.pid)
        await_that(lambda: int(ask(one.pid, "stat")["cycles"]) > cycles, 5,
                   "gc: no collection")
        check_split(one.pid, 38 << 20, "threads")
        data = json.loads(command("stat", one.pid, "--json"))
        check(data["source"] == "channel" and data["pid"] == one.pid and
              data["resident_bytes"] > 40 << 20, f"json: {data}")
        check("resident_own_bytes" in command("stat", one.pid), "table")
        text = command("stat", "--all", "--prometheus")
        check(f'gcmalloc_cycles_total{{pid="{one.pid}",comm="channel_program"}}'
              in text, "prometheus: no such sample")
        if shutil.which("promtool"):
            done = subprocess.run(["promtool", "check", "metrics"],
                                  input=text, text=True, capture_output=True)
            check(done.returncode == 0, "promtool: " + done.stderr)
        goal = int(ask(one.pid, "stat")["goal_bytes"])
        command("set", one.pid, "percent=20", "gctrace=0")
        after = ask(one.pid, "stat")
        check(after["percent"] == "20" and int(after["goal_bytes"]) < goal,
              "set: the goal is the same")
        check("no such option" in
              command("set", one.pid, "nonsense=1", status=1), "set: nonsense")
        check("at the start only" in
              command("set", one.pid, "align=4", status=1), "set: align")
        command("set", one.pid, "mode=report")
        check(ask(one.pid, "stat")["reclaiming"] == "0", "set: mode")
        check("no execution trace" in command("dump", one.pid, status=1),
              "dump")
    with Program(2, 20, 60, "sparse") as one:
        await_that(lambda: is_listening(one.pid), 5, "sparse: no channel")
        time.sleep(0.5)
        check_split(one.pid, 27 << 20, "sparse")
        live = int(ask(one.pid, "rss")["resident_live_bytes"])
        with open("/sys/kernel/mm/transparent_hugepage/enabled") as file:
            always = "[always]" in file.read()
        check(always or live < 42 << 20, f"sparse: live {live}")
    with Program("python3", "-c", "import time\n"
                 "keep = [b'x' * (i % 3000) for i in range(30000)]\n"
                 "print(len(keep), flush=True)\n"
                 "time.sleep(60)", CHANNEL="always") as one:
        one.process.stdout.readline()
        await_that(lambda: is_listening(one.pid), 5, "python: no channel")
        check_split(one.pid, 30 << 20, "python")


def cpu_of_ours(pid):
    total = 0
    for tid in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{tid}/stat") as file:
            name, rest = file.read().rsplit(")", 1)
        if name.endswith("(gcmalloc"):
            fields = rest.split()
            total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")


def flood(name, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            with socket.socket(socket.AF_UNIX) as one:
                one.settimeout(0.1)
                one.connect("\0" + name)
                one.sendall(b"stat\n" * 20)
        except OSError:
            pass


def strangers():
    if os.getuid() != 0:
        return
    with Program(2, 1, 60, CHANNEL="always") as one:
        await_that(lambda: is_listening(one.pid), 5, "no channel")
        reader, writer = os.pipe()
        name = name_of(one.pid)
        child = os.fork()
        if child == 0:
            os.setgid(54321)
            os.setuid(54321)
            told = b""
            try:
                other = connect_by_name(name)
                other.sendall(b"stat\ngc\n")
                told = other.recv(100)
            except OSError:
                pass
            os.write(writer, b"told" if told else b"nothing")
            os._exit(0)
        os.waitpid(child, 0)
        check(os.read(reader, 10) == b"nothing",
              "a stranger was told something")
        check(ask(one.pid, "version") != "", "a stranger closed the channel")
        before = cpu_of_ours(one.pid)
        child = os.fork()
        if child == 0:
            os.setgid(54321)
            os.setuid(54321)
            flood(name, 2)
            os._exit(0)
        os.waitpid(child, 0)
        took = cpu_of_ours(one.pid) - before
        check(took < 0.1, f"strangers cost {took} s in two")


def squatters():
    with Program("cat", preload=False) as victim, \
            socket.socket(socket.AF_UNIX) as squatter:
        squatter.bind("\0" + name_of(victim.pid))
        squatter.listen(4)
        text = command("stat", victim.pid, status=1)
        check("does not run under" in text, "a squatter was believed: " + text)
        check("taken by another" in command("set", victim.pid, "percent=1",
                                            status=1),
              "a squatter was asked")
    # Taken before the library comes: no channel, and nothing else.
    with Program("sh", "-c", f"read x; LD_PRELOAD={LIB} exec {PROGRAM} 2 30 60",
                 preload=False) as one, \
            socket.socket(socket.AF_UNIX) as squatter:
        squatter.bind("\0" + name_of(one.pid))
        squatter.listen(4)
        one.process.stdin.write(b"\n")
        one.process.stdin.flush()
        one.process.stdout.readline()
        check("another process has the name" in
              command("doctor", one.pid, status=None), "doctor: no reason")
        one.finish()


def rudeness():
    with Program(3, 20, 120, "busy") as one:
        await_that(lambda: is_listening(one.pid), 5, "no channel")
        with connect(one.pid) as bad:
            for line in (b"\n", b"nonsense\n", b"stat now\n", b"\xff\x00\n",
                         b"set\n", b"set =\n", b"GET / HTTP/1.1\n"):
                bad.sendall(line)
                head, _ = receive(bad)
                check(head and head.startswith("error "), f"{line}: {head}")
            bad.sendall(b"stat\nversion\nstat\n")
            check([receive(bad)[0][:3] for _ in range(3)] == ["ok "] * 3,
                  "three at once")
        with connect(one.pid) as long:
            long.sendall(b"x" * 5000)
            head, _ = receive(long)
            check(head == "error too long a request", f"long: {head}")
        with connect(one.pid) as slow:
            began = time.monotonic()
            try:
                for _ in range(100):
                    slow.sendall(b"s")
                    time.sleep(0.1)
            except OSError:
                pass
            check(0.7 < time.monotonic() - began < 8,
                  "a slow client is kept for %.1f s" %
                  (time.monotonic() - began))
        with connect(one.pid) as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            deaf.setblocking(False)
            end = time.monotonic() + 5 * PATIENCE
            gone = False
            while not gone and time.monotonic() < end:
                try:
                    deaf.sendall(b"stat\n" * 50)
                except BlockingIOError:
                    time.sleep(0.05)
                except OSError:
                    gone = True
            check(gone, "who reads no answer is kept")
        crowd(one.pid)
        one.finish()


def crowd(pid):
    """200 at once: each gets its answer, some after the silent have gone."""
    idle = [connect(pid) for _ in range(8)]
    began = time.monotonic()
    children = []
    for _ in range(200):
        child = os.fork()
        if child == 0:
            for _ in range(3):  # who was silent for 0.2 s may be dropped
                try:
                    if "cycles" in (ask(pid, "stat") or ""):
                        os._exit(0)
                except OSError:
                    pass
            os._exit(1)
        children.append(child)
    lost = sum(os.waitpid(child, 0)[1] != 0 for child in children)
    took = time.monotonic() - began
    check(lost == 0 and took < 2 * PATIENCE,
          f"{lost} of 200 got no answer, the others in {took:.1f} s")
    for one in idle:
        one.close()


def collecting():
    """Answers come while a collection runs, and soon."""
    with Program(2, 600, 60, CONCURRENT="pagemap") as one:
        if not await_that(lambda: is_listening(one.pid), 10, "no channel"):
            return
        time.sleep(0.5)
        with connect(one.pid, 10) as channel:
            worst, during = 0, 0
            for i in range(12):
                channel.sendall(b"gc\n")
                receive(channel)
                end = time.monotonic() + 0.5
                while time.monotonic() < end:
                    began = time.monotonic()
                    channel.sendall(b"stat\n")
                    head, body = receive(channel)
                    took = time.monotonic() - began
                    if "\ncollecting 1\n" in body:
                        during += 1
                        worst = max(worst, took)
                if during > 20:
                    break
            if os.environ.get("CHANNEL_SHOW"):
                print("answers while collecting:", during, "worst", worst)
            check(during > 0, "no answer while collecting")
            check(worst < 0.5 * PATIENCE, f"an answer took {worst:.2f} s")


def signals():
    """The program takes the library's signal for itself."""
    with Program(2, 30, 120, "takes") as one, \
            Program(2, 30, 120, "takes-raw") as raw:
        await_that(lambda: is_listening(one.pid), 5, "no channel")
        await_that(lambda: is_listening(raw.pid), 5, "no channel")
        one.process.stdout.readline()
        raw.process.stdout.readline()
        for _ in range(20):
            for pid in (one.pid, raw.pid):
                subprocess.run([GCMALLOC, "stat", str(pid)],
                               capture_output=True)
                subprocess.run([GCMALLOC, "gc", str(pid)],
                               capture_output=True)
        await_that(lambda: not is_listening(raw.pid), 6,
                   "taken by a raw call: the channel stays")
        check("a signal" not in one.finish(), "the program's signal came")
        check("no signal" not in raw.finish(), "raw: not taken")


def children():
    with Program(1, 8, 60, "fork", CHANNEL="always") as one:
        with open(f"/proc/{one.pid}/task/{one.pid}/children") as file:
            child = int(file.read().split()[0])
        for pid in (one.pid, child):
            if await_that(lambda: is_listening(pid), 5, "fork: no channel"):
                check(ask(pid, "stat")["pid"] == str(pid),
                      "fork: another's answer")
        os.kill(child, signal.SIGKILL)


def threads():
    """Who has a thread, and a channel, and for how long."""
    with Program(1, 30, 60) as lonely, Program(2, 30, 60) as two, \
            Program(2, 1, 60) as small, Program(2, 30, 60, CHANNEL="off") as \
            off, Program(1, 1, 60, CHANNEL="always") as always:
        await_that(lambda: is_listening(two.pid), 5, "two threads: no channel")
        check(not is_listening(small.pid), "a small heap has a channel")
        check(small.threads() == 2, "a small heap has a thread of ours")
        check(not is_listening(off.pid), "a channel in spite of the option")
        await_that(lambda: is_listening(always.pid), 5, "always: no channel")
        await_that(lambda: lonely.threads() == 1, 15,
                   "a single thread has ours beside it")
        check(not is_listening(lonely.pid), "a channel without a thread")
        await_that(lambda: off.threads() == 2, 15, "off: the thread stays")
        time.sleep(6)
        check(is_listening(two.pid), "two threads: the channel went away")
        check(is_listening(always.pid), "always: it went away")
        stat = json.loads(command("stat", lonely.pid, "--json"))
        check(stat["source"] == "memory" and stat["cycles"] > 0 and
              stat["reclaimed_bytes"] > 10 << 20, f"memory: {stat}")
        check("the last collection" in command("stat", lonely.pid),
              "memory: does not say so")
        check("has no collector" in command("set", lonely.pid, "percent=1",
                                            status=1), "set: no thread")
    for verb in (["stat"], ["gc"], ["set", "percent=1"], ["dump"]):
        for pid, words in ((999999999, "no such process"),
                           (2, "does not run under")):
            check(words in command(verb[0], pid, *verb[1:], status=1),
                  f"{verb} of {pid}")
    with Program("cat", preload=False) as other:
        check("does not run under" in command("stat", other.pid, status=1),
              "stat of another program")


def silence():
    """Who cannot answer is not taken for one without a collector."""
    with Program(2, 30, 60) as one:
        await_that(lambda: is_listening(one.pid), 5, "no channel")
        await_that(lambda: ask(one.pid, "stat")["cycles"] != "0", 5, "cycles")
        os.kill(one.pid, signal.SIGSTOP)
        check("it is stopped: these are" in command("stat", one.pid), "stat")
        check(re.search(" stopped$", command("top", "-n", "1", one.pid),
                        re.M), "top")
        check("is stopped: it may" in command("gc", one.pid, status=1), "gc")
        check("is stopped: it may" in
              command("set", one.pid, "percent=30", status=1), "set")
        os.kill(one.pid, signal.SIGCONT)
        await_that(lambda: ask(one.pid, "stat")["percent"] == "30", 5,
                   "not done later")
    if os.getuid() == 0 and shutil.which("unshare") and \
            subprocess.run(["unshare", "-n", "true"]).returncode == 0:
        with Program("unshare", "-n", PROGRAM, 2, 30, 60,
                     CHANNEL="always") as one:
            one.process.stdout.readline()
            check("in another network namespace" in
                  command("set", one.pid, "percent=1", status=1), "apart: set")
            check("in another network namespace" in command("stat", one.pid),
                  "apart: stat")
            command("gc", one.pid)
    with Program(2, 0, 60) as small:
        text = command("stat", small.pid)
        check("no collection has ended yet" in text and
              not re.search(r"^(threads|goal_bytes)", text, re.M),
              "unknown figures: " + text)
        check(re.search(r"^ *\d+ \S+ +\S+ +- .* - quiet$",
                        command("top", "-n", "1", small.pid), re.M),
              "top: small")


def connect_by_name(name):
    one = socket.socket(socket.AF_UNIX)
    one.settimeout(3)
    one.connect("\0" + name)
    return one


def main():
    only = sys.argv[1:]
    for case in (answers, strangers, squatters, rudeness, collecting, children,
                 signals, threads, silence):
        if not only or case.__name__ in only:
            case()
    for process in running:
        if process.poll() is None:
            process.kill()
    sys.exit(failed)


if __name__ == "__main__":
    main()
