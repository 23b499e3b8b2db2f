"""A strict reader of the execution trace, for tests.

It knows core/event_format.h's frame and nothing of event.def: all it says of
events comes from the table of the process. What is not as written there is an
error."""

import struct

MAGIC = 0x3154434d47
TABLE, EVENTS = 1, 2
BATCH = 4096
HEAD = struct.Struct("<QIIIIQQ")
TEXT_WORDS = 4


class Broken(Exception):
    """The file is not what event_format.h says."""


class Event:
    """One record."""
    def __init__(self, name, pid, tid, time, fields):
        self.name, self.pid, self.tid = name, pid, tid
        self.time, self.fields = time, fields

    def __getattr__(self, field):
        return self.fields[field]

    def __repr__(self):
        return "%s(%d/%d @%d %s)" % (self.name, self.pid, self.tid, self.time,
                                     self.fields)


class Table:
    """What the numbers mean in a process."""
    def __init__(self, text):
        self.events, self.enums, self.sets = {}, {}, {}
        for line in text.rstrip("\n").split("\n"):
            word, rest = line.split(" ", 1)
            if word == "event":
                number, name, *fields = rest.split()
                self.events[int(number)] = (name, [tuple(field.split(":"))
                                                   for field in fields])
            elif word == "enum":
                name, number, value = rest.split()
                self.enums[name, int(number)] = value
            elif word == "set":
                name, _, value = rest.partition(" ")
                self.sets[name] = value
            else:
                raise Broken("a line of the table: %r" % line)
        for name in ("version", "pid", "page_size", "realtime_ns",
                     "monotonic_ns", "cpus", "exe", "option.TRACE"):
            if name not in self.sets:
                raise Broken("no %s in the table" % name)
        kinds = {name for name, _ in self.enums} | {
            "ns", "bytes", "count", "tid", "addr", "bool", "text"}
        for name, fields in self.events.values():
            for _, kind in fields:
                if kind not in kinds:
                    raise Broken("%s has a field of kind %s" % (name, kind))

    def value(self, kind, words):
        """The value of a field, off the front of words."""
        if kind == "text":
            raw = struct.pack("<%dQ" % TEXT_WORDS, *words[:TEXT_WORDS])
            del words[:TEXT_WORDS]
            return raw.rstrip(b"\0").decode()
        number = words.pop(0)
        if kind in ("ns", "bytes", "count", "tid", "addr", "bool"):
            return number
        if (kind, number) not in self.enums:
            raise Broken("no %s %d" % (kind, number))
        return self.enums[kind, number]


def records(table, pid, body):
    """Events of one batch."""
    at, last = 0, {}
    while at < len(body):
        first = struct.unpack_from("<Q", body, at)[0]
        if first == 0:
            if any(body[at:]):
                raise Broken("something behind the last record")
            return
        number, nwords, tid = first & 255, first >> 8 & 255, first >> 32
        if nwords < 2 or at + nwords * 8 > len(body) or first >> 16 & 65535:
            raise Broken("a record of %d words" % nwords)
        if number not in table.events:
            raise Broken("no event %d" % number)
        name, fields = table.events[number]
        words = list(struct.unpack_from("<%dQ" % (nwords - 1), body, at + 8))
        time, values = words.pop(0), {}
        for field, kind in fields:
            if not words:
                raise Broken("%s lacks %s" % (name, field))
            values[field] = table.value(kind, words)
        if words:
            raise Broken("%s has %d words too many" % (name, len(words)))
        if time < last.get(tid, 0):
            raise Broken("time of %d goes back in a batch" % tid)
        last[tid] = time
        yield Event(name, pid, tid, time, values)
        at += nwords * 8


class Trace:
    """A file: tables and events by process, lost events."""
    def __init__(self, path, ring=False, cut=False):
        self.tables, self.events, self.lost = {}, [], {}
        self.numbers, self.batches, self.cut = {}, 0, False
        with open(path, "rb") as file:
            data = file.read()
        at = 0
        while at < len(data):
            if len(data) - at < HEAD.size:
                self.cut = True
                break
            (magic, kind, nbytes, pid, unused, number,
             lost) = HEAD.unpack_from(data, at)
            if magic != MAGIC or nbytes % 8 or nbytes < HEAD.size or unused:
                raise Broken("a batch's head at %d" % at)
            if at + nbytes > len(data):
                self.cut = True
                break
            self.batch(kind, pid, number, lost, data[at + HEAD.size:
                                                     at + nbytes], ring)
            at += nbytes
        if self.cut and not cut:
            raise Broken("cut short")
        if ring and (at % BATCH or self.cut):
            raise Broken("a ring of %d bytes" % at)
        self.events.sort(key=lambda event: event.time)

    def batch(self, kind, pid, number, lost, body, ring):
        """Take one batch in."""
        if kind == TABLE:
            self.tables[pid] = Table(body.decode())
            if self.tables[pid].sets["pid"] != str(pid):
                raise Broken("the table of another process")
            self.numbers[pid] = set()
            return
        if kind != EVENTS or pid not in self.tables:
            raise Broken("events of %d before its table" % pid)
        if len(body) + HEAD.size > BATCH:
            raise Broken("a batch of %d bytes" % len(body))
        if ring and number == 0:
            if any(body):
                raise Broken("a batch that was not begun has something")
            return
        if number == 0 or number in self.numbers[pid]:
            raise Broken("batch %d of %d again" % (number, pid))
        self.numbers[pid].add(number)
        self.lost[pid] = max(self.lost.get(pid, 0), lost)
        self.batches += 1
        self.events += records(self.tables[pid], pid, body)

    def of(self, name, pid=None):
        """Events of that name."""
        return [event for event in self.events if event.name == name and
                pid in (None, event.pid)]


PAIRS = (("cycle_begin", "cycle_end"), ("stop_begin", "stop_end"),
         ("collector_begin", "collector_end"))


def check(trace, open_end=False, ring=False):
    """Begins and ends match, in each process."""
    for pid in trace.tables:
        events = [event for event in trace.events if event.pid == pid]
        if not ring and (not events or events[0].name != "process_begin"):
            raise Broken("%d does not begin: %r" % (pid, events[:1]))
        for begin, end in PAIRS:
            inside, first = None, True
            for event in events:
                if event.name == begin:
                    if inside:
                        raise Broken("%s twice: %r" % (begin, event))
                    inside, first = event, False
                elif event.name in (end, "stop_failed" if end == "stop_end"
                                    else end):
                    if not inside and not (ring and first):
                        raise Broken("%s of nothing: %r" % (end, event))
                    if inside and inside.tid != event.tid:
                        raise Broken("%s by another thread" % end)
                    if inside and event.time < inside.time:
                        raise Broken("%s before its begin" % end)
                    inside, first = None, False
        ended = [event for event in events if event.name == "process_end"]
        if not open_end and not ring and len(ended) != 1:
            raise Broken("%d process_end of %d" % (len(ended), pid))
        last = None
        for event in events:
            if event.name == "phase":
                if event.phase == last:
                    raise Broken("the same phase again: %r" % event)
                last = event.phase
