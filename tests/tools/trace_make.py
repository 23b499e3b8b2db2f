"""trace_make.py -- execution traces made up, for the tests of gcmalloc trace

As core/event_format.h has them, from the table core/event.def.  A process is
made by `process`, and says what became of it in a dict that tests compare with.
As a program: trace_make.py FILE [NAME=NUMBER...], the keywords of `trace`.
"""
import os
import random
import re
import struct
import sys

MAGIC = 0x3154434D47
TABLE, EVENTS = 1, 2
BATCH = 4096
MS = 1000 * 1000
SECOND = 1000 * MS
START = 5000 * SECOND
WALL = 1700000000 * SECOND
TOP = os.environ.get("GCMTEST_SRCDIR") or os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..")


def read_def():
    """event.def as (events, enums): name -> (id, fields), kind -> word -> n."""
    text = open(os.path.join(TOP, "core", "event.def")).read()
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
    events, enums = {}, {}
    for name, rest in re.findall(r'EVENT\((\w+),((?:\s*"[^"]*")+)', text):
        fields = "".join(re.findall(r'"([^"]*)"', rest)).split()
        events[name] = (len(events) + 1, [f.split(":") for f in fields])
    for kind, number, word in re.findall(r'ENUM\((\w+), (\d+), "(\w+)"\)', text):
        enums.setdefault(kind, {})[word] = int(number)
    return events, enums


EVENT, WORD = read_def()


def table_text(sets, events=None, words=None):
    lines = ["event %d %s %s" % (i, name, " ".join(":".join(f) for f in fields))
             for name, (i, fields) in (events or EVENT).items()]
    lines += ["enum %s %d %s" % (kind, n, word)
              for kind, all in (words or WORD).items() for word, n in all.items()]
    lines += ["set %s %s" % pair for pair in sets.items()]
    return "".join(line + "\n" for line in lines).encode()


def record(name, ns, tid, /, **values):
    number, fields = EVENT[name]
    words = []
    for field, kind in fields:
        value = values.pop(field, 0)
        if kind == "text":
            raw = str(value or "").encode()[:32].ljust(32, b"\0")
            words += struct.unpack("<4Q", raw)
        else:
            words.append(WORD[kind][value] if isinstance(value, str) else value)
    assert not values, (name, values)
    return struct.pack("<%dQ" % (2 + len(words)),
                       number | (2 + len(words)) << 8 | tid << 32, ns, *words)


def batch(kind, pid, number, body, lost=0, length=None):
    if kind == TABLE:
        body += b"\n" * (-len(body) % 8)
    elif length is None:
        body = body.ljust(BATCH - 40, b"\0")
    return struct.pack("<QIIIIQQ", MAGIC, kind, length or 40 + len(body), pid, 0,
                       number, lost) + body


class Process:
    """Events, gathered in a buffer of each thread, as a process writes them."""

    def __init__(self, pid, exe, lost=0):
        self.pid, self.lost = pid, lost
        self.number = 1
        self.buffers = {}
        self.out = [batch(TABLE, pid, 1, table_text({
            "version": "0.1.0", "pid": pid, "page_size": 4096, "cpus": 4,
            "realtime_ns": WALL, "monotonic_ns": START, "exe": exe,
            "option.PERCENT": 100}))]
        self.events = 0

    def note(self, name, ns, tid, /, **values):
        data = record(name, int(ns), tid, **values)
        buffer = self.buffers.setdefault(tid, [])
        if sum(map(len, buffer)) + len(data) > BATCH - 40:
            self.flush(tid)
        self.buffers.setdefault(tid, []).append(data)
        self.events += 1

    def flush(self, tid):
        self.number += 1
        self.out.append(batch(EVENTS, self.pid, self.number,
                              b"".join(self.buffers.pop(tid)), self.lost))

    def finish(self):
        for tid in list(self.buffers):
            self.flush(tid)
        return self.out


def make_cycle(p, rng, told, number, ns, threads, heap, speed=1):
    """One cycle; when it ended, and the heap then."""
    ours = p.pid + 1
    why = rng.choice(["growth"] * 5 + ["forced", "periodic", "urgent"])
    given_up = rng.random() < 0.1
    goal = heap + heap // 4
    p.note("cycle_begin", ns, ours, number=number, why=why, heap=heap,
           live=heap // 2, trigger=heap, goal=goal)
    p.note("phase", ns, ours, phase="begin")
    p.note("heap", ns, ours, heap=heap, goal=goal)
    p.note("memory", ns, ours, resident=heap * 5 // 4, held=heap * 9 // 8,
           spare=heap // 16)
    p.note("back_end", ns, ours, back_end="pagemap")
    spent = 0
    for phase, stops in (("arm", 1), ("stacks", 0), ("mark", 0), ("preclean", 0),
                         ("finish", 1), ("sweep", 0)):
        p.note("phase", ns, ours, phase=phase)
        if stops:
            length = int(rng.expovariate(1 / 0.3) * MS / speed) + 20000
            if rng.random() < 0.02:
                length += 15 * MS // speed
            p.note("stop_begin", ns, ours)
            if given_up and phase == "finish":
                length = 20 * MS // speed
                p.note("stop_failed", ns + length, ours, error=110,
                       late=threads[-1])
                told["failed"] += 1
            else:
                p.note("stopped", ns + length // 4, ours, threads=len(threads),
                       signalled=len(threads) // 2)
                p.note("stop_end", ns + length, ours)
                for tid in threads:
                    latency = rng.randrange(length // 4)
                    p.note("thread_stop", ns + length + 1000, ours, thread=tid,
                           latency=latency)
                    if rng.random() < 0.1: # it woke while it was to stop
                        p.note("assist", ns + latency // 2, tid, waited=200000)
                        told["assists"] += 1
                        told["waited"] += 200000
            told["pauses"].append((ns, length))
            ns += length
        took = int(rng.expovariate(1 / (20 if phase == "mark" else 2)) * MS /
                   speed)
        if phase == "mark" and rng.random() < 0.3:
            waited = min(took, int(rng.random() * 5 * MS))
            p.note("assist", ns + took, rng.choice(threads), waited=waited)
            told["assists"] += 1
            told["waited"] += waited
        spent += took
        ns += took
        if given_up and phase == "finish":
            break
    p.note("mark", ns, ours, marker=0, blocks=heap // 64, bytes=heap // 2,
           cpu=spent)
    reclaimed = 0 if given_up else heap // 10
    live = heap if given_up else heap - reclaimed
    if not given_up:
        p.note("sweep", ns, ours, freed=reclaimed, limbo=heap // 20, live=live)
        p.note("scavenge", ns, ours, bytes=heap // 100, took=30000)
        told["scavenged"] += heap // 100
    p.note("cycle_end", ns, ours, number=number,
           abandoned="stop" if given_up else "no", live=live,
           reclaimed=reclaimed, reclaimed_blocks=reclaimed // 64,
           limbo=heap // 20, goal=live * 2)
    p.note("phase", ns, ours, phase="idle")
    told["why"][why] = told["why"].get(why, 0) + 1
    told["given_up"] += given_up
    told["reclaimed"] += reclaimed
    told["mark_cpu"] += spent
    told["cycles"] += 1
    return ns, live


def process(rng, pid=1000, exe="/usr/bin/server", parent=1, start=START,
            seconds=5.0, nthreads=4, period_ms=150, lost=0, samples_ms=20,
            late_free=False, children=(), speed=1):
    p = Process(pid, exe, lost)
    told = {"pid": pid, "pauses": [], "cycles": 0, "given_up": 0, "failed": 0,
            "assists": 0, "waited": 0, "reclaimed": 0, "scavenged": 0,
            "mark_cpu": 0, "why": {}, "start": start}
    threads = [pid] + [pid + 2 + i for i in range(nthreads - 1)]
    p.note("process_begin", start, pid, parent=parent, threads=1)
    for i, tid in enumerate(threads):
        p.note("thread_begin", start + i * MS, tid,
               name="main" if i == 0 else "worker-%d" % i)
    p.note("thread_begin", start + 20 * MS, pid + 1, name="gcmalloc")
    p.note("collector_begin", start + 20 * MS, pid + 1, back_end="pagemap")
    end = start + int(seconds * SECOND)
    ns, heap, number = start + 30 * MS, 64 << 20, 0
    for child, at in children:
        p.note("fork", start + at, pid, child=child)
    while ns < end:
        number += 1
        ns, heap = make_cycle(p, rng, told, number, ns, threads, heap, speed)
        pause = int(period_ms * MS * (0.5 + rng.random()))
        step = samples_ms * MS
        for k in range(pause // step):
            heap += int(heap * 0.02 * rng.random() * min(samples_ms, 20) / 20) + 1
            p.note("heap", ns + k * step, rng.choice(threads), heap=heap,
                   goal=heap * 3 // 2)
        heap = min(heap, 512 << 20)
        ns += pause
    if late_free:
        p.note("late_free", ns, threads[0], block=0x7F1234567890)
    p.note("user", ns, threads[0], text="a <b>\"word\" & more")
    p.note("process_end", ns, pid, status=0)
    told["end"] = ns
    told["lost"] = lost
    told["events"] = p.events
    return p.finish(), told


def trace(path, seed=1, processes=1, **options):
    """A file of some processes, their batches mixed; what is told of each."""
    rng = random.Random(seed)
    parts, told = [], []
    for i in range(processes):
        batches, of_it = process(
            rng, pid=1000 + 1000 * i, parent=1 if i == 0 else 1000,
            start=START + i * SECOND // 4,
            children=[(1000 + 1000 * k, k * SECOND // 4)
                      for k in range(1, processes)] if i == 0 else [],
            **options)
        parts.append(batches)
        told.append(of_it)
    mixed = [part.pop(0) for part in parts]
    while any(parts):
        mixed.append(rng.choice([part for part in parts if part]).pop(0))
    with open(path, "wb") as file:
        file.write(b"".join(mixed))
    return told


if __name__ == "__main__":
    trace(sys.argv[1], **{
        name: float(value) if "." in value else int(value)
        for name, value in (word.split("=") for word in sys.argv[2:])})
