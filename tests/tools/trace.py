#!/usr/bin/env python3
"""trace.py -- gcmalloc trace: made-up traces come out as they went in; what is
damaged is read as far as it goes, and said."""
import json
import os
import re
import struct
import sys

sys.path.insert(0, os.path.join(os.environ["GCMTEST_SRCDIR"], "tests", "tools"))
sys.dont_write_bytecode = True
from trace_kit import equal, fail, finish, run  # noqa: E402
import trace_make as make  # noqa: E402

UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9, "B": 1, "KiB": 1024,
         "MiB": 1 << 20, "GiB": 1 << 30}


def amount(text, before="", after=""):
    """A number with a unit, as the summary shows it."""
    found = re.search(before + r"([\d.]+) (ns|us|ms|s|B|KiB|MiB|GiB)\b" + after,
                      text)
    if not found:
        fail("no amount like %r %r" % (before, after))
        return 0
    return float(found.group(1)) * UNITS[found.group(2)]


def check_summary(path, told):
    text = run(path, "--pid", str(told["pid"]))
    near = lambda x: abs(x) * 0.01 + 1
    for line in (r"server, process %d\b" % told["pid"],
                 r"cycles +%d: %d completed" % (
                     told["cycles"], told["cycles"] - told["given_up"]),
                 r"why +.*\b%d growth" % told["why"]["growth"],
                 r"pauses +%d:" % len(told["pauses"]),
                 r" from 2023-11-14 22:13:20\.\d{3}"):
        if not re.search(line, text):
            fail("no line like %r in\n%s" % (line, text))
    if told["given_up"] and "(%d stop)" % told["given_up"] not in text:
        fail("not why cycles were given up")
    lengths = sorted(length for _, length in told["pauses"])
    pauses = re.search("pauses .*", text).group()
    equal("max", amount(pauses, "max "), lengths[-1], near(lengths[-1]))
    equal("total", amount(pauses, "total "), sum(lengths), near(sum(lengths)))
    middle = lengths[(len(lengths) - 1) // 2]
    equal("p50", amount(pauses, "p50 "), middle, middle * 0.07)
    bars = re.findall(r"^ .* - .*? (\d+)(?:  #+)?$", text, re.M)
    equal("bars", sum(map(int, bars)), len(lengths))
    equal("reclaimed", amount(text, "reclaimed +"), told["reclaimed"],
          near(told["reclaimed"]))
    equal("scavenged", amount(text, "scavenged +"), told["scavenged"],
          near(told["scavenged"]))
    if told["assists"]:
        line = re.search(r"assists +(\d+): waited (.*)", text)
        equal("assists", int(line.group(1)), told["assists"])
        equal("waited", amount(line.group(2), "total "), told["waited"],
              near(told["waited"]))
    for window, shown in ((1, "1.00 ms"), (10, "10.0 ms"), (100, "100 ms")):
        found = re.search(r"([\d.]+) % of each " + shown.replace(".", r"\."), text)
        equal("utilization of " + shown, float(found.group(1)),
              utilization(told["pauses"], window * make.MS) * 100, 0.06)


def utilization(pauses, window):
    """By trying each place where a window may be at its worst."""
    worst = 0
    for at in [b for b, _ in pauses] + [b + n - window for b, n in pauses]:
        worst = max(worst, sum(max(0, min(b + n, at + window) - max(b, at))
                               for b, n in pauses))
    return 1 - min(worst, window) / window


def check_events(path, told):
    lines = run("--events", path).splitlines()
    equal("events", len(lines), sum(t["events"] for t in told))
    times = [float(line.split()[0]) for line in lines]
    equal("order", times, sorted(times))
    equal("cycles", sum(" cycle_begin " in line for line in lines),
          sum(t["cycles"] for t in told))
    if not any(line.endswith('user text="a \\u003cb>\\"word\\" \\u0026 more"')
               for line in lines):
        fail("no text:", [line for line in lines if " user " in line])


def check_json(path, told):
    data = json.loads(run("--perfetto", path))["traceEvents"]
    times = [e["ts"] for e in data]
    equal("sorted", times, sorted(times))
    stacks, slices, depth = {}, {}, 0
    for e in data:
        if not (isinstance(e["pid"], int) and isinstance(e["tid"], int)):
            fail("ids:", e)
        track = stacks.setdefault((e["pid"], e["tid"]), [])
        if e["ph"] == "B":
            track.append(e)
            depth = max(depth, len(track))
        elif e["ph"] == "E":
            if not track:
                fail("an end too many:", e)
            else:
                track.pop()
        elif e["ph"] == "X":
            slices.setdefault((e["pid"], e["tid"]), []).append(
                (e["ts"], e["ts"] + e["dur"]))
        elif e["ph"] not in "iCM":
            fail("what is", e)
    equal("open", [t for t in stacks.values() if t], [])
    equal("depth", depth, 2)
    for track in slices.values():
        for (a, b), (c, d) in zip(track, track[1:]):
            if a < c < b - 1e-9 and d > b + 1e-9:
                fail("slices overlap:", (a, b), (c, d))
    named = lambda ph, name: sum(e["ph"] == ph and e.get("name") == name
                                 for e in data)
    equal("stops", named("B", "stop"), sum(len(t["pauses"]) for t in told))
    equal("assists", named("X", "assist"), sum(t["assists"] for t in told))
    equal("processes", named("M", "process_name"), len(told))
    equal("counters", named("C", "memory"), sum(t["cycles"] for t in told))
    if not any(e["ph"] == "M" and e["args"]["name"] == "worker-1" for e in data):
        fail("no thread's name")
    lengths = [e["ts"] for e in data if e["tid"] == 1 << 30 and e["ph"] in "BE"]
    equal("span", max(lengths) - min(lengths), 5e6, 4e6)


def check_page(path, told):
    page = run("--html", path)
    found = re.search(r'id="data">\n(.*?)</script>', page, re.S)
    data = json.loads(found.group(1))
    equal("processes", len(data["processes"]), len(told))
    for part, of in zip(data["processes"], told):
        equal("cycles", len(part["cycles"]), of["cycles"])
        equal("stops", len(part["stops"]), 9 * len(of["pauses"]))
        equal("stopped", part["stopped"], sum(n for _, n in of["pauses"]) / 100,
              len(of["pauses"]))
        equal("lost", part["lost"], of["lost"])
        for window, share, of_thread in part["mmu"]:
            equal("utilization of %d" % window, share,
                  utilization(of["pauses"], window * 100), 2e-4)
            if of_thread > share:
                fail("a thread that is better off than all")
    for word in ("http:", "https:", "@DATA@", "@INCLUDE", "<link", "src="):
        if word in page:
            fail("the page has", word)
    if "<b>" in found.group(1):
        fail("a text of the program's is not escaped")


def check_limits():
    """More than a page has: joined, and nothing is lost of the sums."""
    told = make.trace("many", seed=5, seconds=40.0, nthreads=2, period_ms=1,
                      samples_ms=1000, speed=40)[0]
    page = run("--html", "many")
    part = json.loads(re.search(r'id="data">\n(.*?)</script>', page,
                                re.S).group(1))["processes"][0]
    if not told["cycles"] > 8000 < len(told["pauses"]) > 14000:
        fail("too few", told["cycles"], len(told["pauses"]))
    stops = list(zip(*[iter(part["stops"])] * 9))
    if not 1000 < len(stops) <= 12000:
        fail("so many stops in the page:", len(stops))
    equal("stops", sum(s[6] for s in stops), len(told["pauses"]))
    total = sum(length for _, length in told["pauses"]) / 100
    equal("stopped", sum(s[1] if s[6] == 1 else s[7] for s in stops), total,
          total / 1000)
    longest = max(length for _, length in told["pauses"])
    equal("longest", max(s[1] for s in stops if s[6] == 1), longest / 100, 1)
    rest = list(zip(*[iter(part["rest"])] * 5))
    if len(part["cycles"]) > 6000:
        fail("so many cycles in the page:", len(part["cycles"]))
    equal("cycles", len(part["cycles"]) + sum(r[2] for r in rest),
          told["cycles"])
    for thread in part["threads"][:2]:
        lane = list(zip(*[iter(thread["stops"])] * 5))
        equal("thread", sum(x[2] for x in lane), thread["n"])
    if len(page) > 5e6:
        fail("a page of", len(page))


def damaged(path, pieces, pattern=None, status=0, form="--events"):
    with open(path, "wb") as file:
        file.write(b"".join(pieces))
    text = run(form, path, status=status)
    lines = run.err.splitlines()
    if pattern is None and lines:
        fail(path, "complains:", lines)
    elif pattern and not (len(lines) == 1 and re.search(pattern, lines[0])):
        fail(path, "no line like %r:" % pattern, lines)
    return text.splitlines()


def check_damage():
    rng = make.random.Random(7)
    batches, told = make.process(rng, seconds=1.0)
    all_ = damaged("whole", batches)
    equal("whole", len(all_), told["events"])
    cut = damaged("cut", batches[:-1] + [batches[-1][:1000]],
                  "cut short, 1000 bytes")
    if not 0 < len(cut) < len(all_):
        fail("cut:", len(cut))
    damaged("head", batches[:-1] + [batches[-1][:20]], "cut short, 20 bytes")
    equal("holes", damaged("hole", batches[:2] + [bytes(8192)] + batches[2:],
                           "8192 bytes are no batch"), all_)
    equal("odd", damaged("odd", batches[:2] + [b"xyz\0\0\0\0\0"] + batches[2:],
                         "8 bytes are no batch"), all_)
    for length in (0, 8, 39, 41, 1 << 31, 0xFFFFFFF8):
        wrong = batches[2][:12] + struct.pack("<I", length) + batches[2][16:]
        some = damaged("length", batches[:2] + [wrong] + batches[3:], ".")
        if not len(all_) - 200 < len(some) < len(all_):
            fail("length %d: %d events" % (length, len(some)))
    # A record longer than its batch, and one without a time.
    for words in (255, 1, 0):
        bad = make.batch(make.EVENTS, 1000, 3, struct.pack(
            "<2Q", 3 | words << 8, make.START) + bytes(80), length=136)
        damaged("record", batches[:2] + [bad] + batches[3:], "read in part")
    # Kinds and events of other versions.
    other = make.batch(9, 1000, 1, bytes(4056))
    equal("kind", damaged("kind", batches[:1] + [other] + batches[1:]), all_)
    more = dict(make.EVENT, novel=(200, [["size", "bytes"], ["by", "sort"]]))
    words = dict(make.WORD, sort={"soft": 0, "hard": 1})
    table = make.batch(make.TABLE, 1000, 1, make.table_text(
        {"exe": "/x"}, more, words))
    record = struct.pack("<4Q", 200 | 4 << 8 | 77 << 32, make.START, 5, 1)
    strange = struct.pack("<2Q", 199 | 2 << 8, make.START)
    text = damaged("novel", [table, make.batch(make.EVENTS, 1000, 2,
                                               strange + record)])
    equal("novel", text, ["0.000000 1000 77 novel size=5 by=hard"])
    # Without a table ours is taken; one that comes later is as good.
    equal("no table", damaged("bare", batches[1:]), all_)
    equal("late table", damaged("late", batches[1:] + batches[:1]), all_)
    # A ring: the order of the batches does not matter.
    ring = batches[1:]
    rng.shuffle(ring)
    equal("ring", run_summary("ring", batches[:1] + ring),
          run_summary("whole", batches))
    # The same process runs another program.
    again, _ = make.process(make.random.Random(8), seconds=0.3, exe="/bin/other",
                            start=make.START + 9 * make.SECOND)
    text = run_summary("exec", batches + again)
    if "server, process 1000" not in text or "other, process 1000" not in text:
        fail("exec:", text)
    # An event without the fields that we know.
    short = struct.pack("<2Q", make.EVENT["cycle_begin"][0] | 2 << 8, make.START)
    text = run_summary("short", batches[:1] +
                       [make.batch(make.EVENTS, 1000, 2, short)])
    if "1 not ended" not in text:
        fail("short:", text)
    # Ends without begins, begins twice.
    keep = [b for b in batches]
    for form in ([], ["--html"], ["--perfetto"]):
        for drop in range(1, len(keep)):
            with open("part", "wb") as file:
                file.write(b"".join(keep[:drop] + keep[drop + 1:]))
            run(*form, "part")


def run_summary(path, pieces):
    with open(path, "wb") as file:
        file.write(b"".join(pieces))
    return run(path)


def check_refusals():
    def refused(pattern, *arguments, status=1, data=None):
        text = run(*arguments, status=status, data=data)
        if text or not re.fullmatch("gcmalloc: %s\n" % pattern, run.err):
            fail(arguments, "not refused:", text[:100], run.err)

    open("empty", "w").close()
    open("plain", "w").write("no trace\n" * 1000)
    head = struct.pack(">Q", make.MAGIC)
    open("swapped", "wb").write(head)
    open("table", "wb").write(make.batch(make.TABLE, 1, 1, b"\n"))
    refused("trace: which file.", status=2)
    refused("trace: one file", "a", "b", status=2)
    refused("trace: no such option: -x", "-x", status=2)
    refused("trace: -o: which file.", "--html", "-o", status=2)
    refused("trace: --pid: which process.", "--pid", "x", "plain", status=2)
    refused("nowhere: No such file.*", "nowhere")
    refused(r"\.: Is a directory", ".")
    refused("empty is empty", "empty")
    refused("standard input is empty", "-", data=b"")
    refused("plain: neither .* nor gctrace lines", "plain")
    refused("swapped: of a machine of the other byte order", "swapped")
    refused("table: an execution trace without any event", "table")
    refused("trace: nothing of process 7", "--pid", "7", "trace")
    refused("/nowhere/x: No such file.*", "--html", "-o", "/nowhere/x", "trace")
    refused("/dev/full: No space left.*", "--html", "-o", "/dev/full", "trace")
    refused("empty is empty", "--html", "-o", "left", "empty")
    refused("plain: neither .*", "--html", "-o", "left", "plain")
    if os.path.exists("left"):
        fail("a file is left over")


os.environ["TZ"] = "UTC"
told = make.trace("trace", seed=3, processes=3, lost=17, late_free=True)
for one in told:
    check_summary("trace", one)
check_events("trace", told)
check_json("trace", told)
check_page("trace", told)
text = run("trace")
for words in ("LOST EVENTS  17", "LATE FREES   1:", "forks        2",
              "child of 1000"):
    if words not in text:
        fail("no", words)
raw = open("trace", "rb").read()
equal("a pipe", run("-", data=raw), text)
run("--html", "-o", "page.html", "trace")
equal("-o", open("page.html").read(), run("--html", "trace"))
check_limits()
check_damage()
check_refusals()
finish()
