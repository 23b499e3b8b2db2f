#!/usr/bin/env python3
"""trace_lines.py -- gctrace text: Go's lines of all versions are read, with
other output between them, and ours; parsers written for Go's read ours."""
import json
import os
import random
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["GCMTEST_SRCDIR"], "tests", "tools"))
sys.dont_write_bytecode = True
from trace_kit import BUILD, equal, fail, finish, run  # noqa: E402

# As programs of each version print them.
GO = {
    "1.5": "gc {n} @{t}s 0%: 0.024+0.35+0.072+0.73+0.095 ms clock, "
           "0.048+0.35+0+0.2/0.07/0.1+0.19 ms cpu, 4->5->2 MB, 4 MB goal, 4 P",
    "1.6": "gc {n} @{t}s 1%: 0.024+1.152+0.095 ms clock, "
           "0.048+0.2/0.07/0.1+0.19 ms cpu, 4->5->2 MB, 4 MB goal, 4 P",
    "1.14": "gc {n} @{t}s 1%: 0.024+1.152+0.095 ms clock, "
            "0.048+0.2/0.07/0.1+0.19 ms cpu, 4->5->2 MB, 4 MB goal, 4 P",
    "1.18": "gc {n} @{t}s 1%: 0.024+1.152+0.095 ms clock, "
            "0.048+0.2/0.07/0.1+0.19 ms cpu, 4->5->2 MB, 4 MB goal, "
            "0 MB stacks, 0 MB globals, 4 P",
    "1.22": "gc {n} @{t}s 1%: 0.024+1.152+0.095 ms clock, "
            "0.048+0.2/0.07/0.1+0.19 ms cpu, 4->5->2 MB, 4 MB goal, "
            "1 MB stacks, 12 MB globals, 4 P",
}
SCAVENGED = {
    "scvg0: inuse: 3, idle: 0, sys: 4, released: 0, consumed: 4 (MB)": 0,
    "scvg: 8 KB released": 8,
    "scvg-1: 2 MB released": 2048,
    "scav 0 122 KiB work, 123 KiB total, 99% util": 122,
    "scav 5 KiB work (bg), 7 KiB work (eager), 14336 KiB now, 63% util": 12,
    "scav 5 KiB work (bg), 0 KiB work (eager), 9 KiB now, 63% util (forced)": 5,
}
NOISE = ["", "hello", "gc", "gc 7 @", "gc 3 @0.1s 1%: 0.1+0.2", "x" * 9000,
         "gc 1 @0.071s 3%: a+b+c ms clock", "pacer: assist ratio=+1.0 (scan)",
         "gc 9 @0.1s 1%: 1+1+1+1+1+1+1+1+1+1+1 ms clock, 1 ms cpu", "\0\x01\xff",
         "gc 2 @0.1s 1%: 0.1+0.1+0.1 ms clock, 0+0/0/0+0 ms cpu, 99999999999999999"
         "99->1->1 MB, 4 MB goal, 4 P", "SCHED 141ms: threads=4 blocked=1"]
BEFORE = ["", "", "2024-05-01T14:03:11Z server[12]: ", "app_1  | ",
          "\033[36mweb.1\033[0m gc "]


def check_go():
    rng = random.Random(5)
    for version, line in GO.items():
        text, kib = [], 0
        for n in range(1, 21):
            text.append(rng.choice(BEFORE) + line.format(n=n, t="%d.071" % n) +
                        (" (forced)" if n % 4 == 0 else ""))
            if n % 5 == 3:
                text[-1] = "GC forced\n" + text[-1]
            if n % 3 == 0:
                said = rng.choice(list(SCAVENGED))
                kib += SCAVENGED[said]
                text.append(said)
            text.append(rng.choice(NOISE))
        raw = "\n".join(text).encode("latin-1")
        out = run("-", data=raw)
        for words in ("a Go program\n", "cycles       20: 20 completed",
                      "12 growth, 4 periodic, 4 forced", "pauses       40:",
                      "max 95.0 us", "of 4 CPUs",
                      "5.00 MiB at most, 2.00 MiB in the end",
                      "reclaimed    60.0 MiB"):
            if words not in out:
                fail("Go %s: no %r in\n%s" % (version, words, out))
        shown = re.search(r"scavenged +([\d.]+) (.)iB", out)
        is_ = float(shown.group(1)) * (1024 if shown.group(2) == "M" else 1) \
            if shown else 0
        if abs(is_ - kib) > kib / 100:
            fail("Go %s: scavenged %d KiB:\n%s" % (version, kib, out))
        json.loads(run("--perfetto", "-", data=raw))
    # Another process begins, with its numbers.
    line = GO["1.22"] + "\n"
    raw = "".join(line.format(n=n, t=t) for n, t in (
        (1, 0.5), (2, 0.6), (1, 0.1), (2, 0.4), (3, 0.9))).encode()
    equal("restarted", re.findall(r"cycles +(\d)", run("-", data=raw)),
          ["2", "3"])
    data = json.loads(run("--perfetto", "-", data=raw))["traceEvents"]
    equal("pids", {e["pid"] for e in data}, {1, 2})


def check_ours():
    line = (GO["1.22"].format(n=7, t="1.234") + " (forced), 5089280 B reclaimed "
            "in 4970 blocks, 77 B in limbo, pagemap, 4 stops, 0.500 ms "
            "(abandoned: a thread did not stop)\n")
    out = run("-", data=line.encode())
    for words in ("1 given up (1 a thread did not stop)", "1 forced",
                  "total 500 us", "4.85 MiB in 4970 blocks"):
        if words not in out:
            fail("ours: no %r in\n%s" % (words, out))
    out = run("--events", "-", data=line.encode())
    if "back_end back_end=pagemap" not in out or "limbo=77 " not in out:
        fail("ours:", out)


# What well-known readers of GODEBUG=gctrace=1 match, in the form their versions
# of Go need: gcvis, the exporters of Go 1.19 and later, and field splitters.
READERS = [
    r"gc \d+ @(?P<ElapsedTime>[\d.]+)s \d+%: (?P<STWSclock>[^+]+)\+"
    r"(?P<MASclock>[^+]+)\+(?P<STWMclock>[^+]+) ms clock, (?P<STWScpu>[^+]+)\+"
    r"(?P<MASAssistcpu>[^+]+)/(?P<MASBGcpu>[^+]+)/(?P<MASIdlecpu>[^+]+)\+"
    r"(?P<STWMcpu>[^+]+) ms cpu, (?P<Heap0>\d+)->(?P<Heap1>\d+)->(?P<Heap2>\d+) "
    r"MB, \d+ MB goal, (?:\d+ MB stacks, \d+ MB globals, )?\d+ P",
    r"^gc (\d+) @([0-9.]+)s (\d+)%: ([0-9.]+)\+([0-9.]+)\+([0-9.]+) ms clock, "
    r"([0-9.]+)\+([0-9.]+)/([0-9.]+)/([0-9.]+)\+([0-9.]+) ms cpu, "
    r"(\d+)->(\d+)->(\d+) MB, (\d+) MB goal, (\d+) MB stacks, (\d+) MB globals, "
    r"(\d+) P(?: \(forced\))?",
]
PROGRAM = r"""
#include <stdlib.h>
#include <string.h>
int main(void)
{
	for (int i = 0; i < 400000; i++)
		memset(malloc(100 + i % 50), 1, 100);
	return 0;
}
"""


def check_readers():
    open("leak.c", "w").write(PROGRAM)
    subprocess.run([os.environ.get("TEST_CC", "cc").split()[0], "-w", "-O0", "-o",
                    "leak", "leak.c"], check=True)
    clean = {k: v for k, v in os.environ.items() if not k.startswith("GCM")}
    subprocess.run(["./leak"], check=True, timeout=120, env=dict(
        clean, LD_PRELOAD=os.environ["GCMTEST_LIB"], GCM_LOG="log",
        GCM_DEBUG="gctrace=1,scavtrace=1"))
    lines = [x for x in open("log").read().splitlines() if x.startswith("gc ")]
    if not lines:
        fail("the library printed no line")
        return
    for reader in READERS:
        for line in lines:
            if not re.search(reader, line):
                fail("a reader of Go's lines does not read", line)
    out = run("log")
    equal("cycles", re.search(r"cycles +(\d+)", out).group(1), str(len(lines)))
    blocks = sum(int(re.search(r"in (\d+) blocks", x).group(1)) for x in lines)
    if blocks and "in %d blocks" % blocks not in out:
        fail("not %d blocks:" % blocks, out)


check_go()
check_ours()
if os.path.exists(os.environ.get("GCMTEST_LIB", "")):
    check_readers()
finish()
