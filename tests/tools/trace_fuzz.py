#!/usr/bin/env python3
"""trace_fuzz.py [SEED [SECONDS]] -- damaged traces, and gctrace text with
damage: gcmalloc trace ends in time with 0, or with 1 and one line; built with
sanitizers, if the compiler has them."""
import os
import random
import struct
import subprocess
import sys
import time

TOP = os.environ["GCMTEST_SRCDIR"]
BUILD = os.environ["GCMTEST_BUILDDIR"]
sys.path.insert(0, os.path.join(TOP, "tests", "tools"))
sys.dont_write_bytecode = True
import trace_make as make  # noqa: E402
from trace_lines_sample import LINES  # noqa: E402

FORMS = [[], ["--events"], ["--html"], ["--perfetto"], ["--pid", "1000"]]


def build():
    """The command with sanitizers; the built one where there are none."""
    tools = os.path.join(TOP, "tools")
    sources = [os.path.join(tools, name) for name in sorted(os.listdir(tools))
               if name.endswith(".c")]
    command = os.environ.get("TEST_CC", "cc").split() + [
        "-std=gnu11", "-O1", "-g", "-w", "-D_GNU_SOURCE", "-DGCM_LIBDIR=\"/\"",
        "-fsanitize=address,undefined", "-fno-sanitize-recover=all",
        "-I", TOP, "-I", BUILD, "-include", os.path.join(BUILD, "config.h"),
        "-o", "gcmalloc-checked", *sources]
    if subprocess.run(command, capture_output=True).returncode == 0 and \
            subprocess.run(["./gcmalloc-checked", "--version"],
                           capture_output=True).returncode == 0:
        return "./gcmalloc-checked"
    return os.path.join(BUILD, "tools", "gcmalloc")


def good_trace(rng):
    batches, _ = make.process(
        rng, seconds=rng.choice([0.2, 0.6]), nthreads=rng.randrange(1, 6),
        period_ms=rng.randrange(5, 200), lost=rng.randrange(2),
        late_free=rng.random() < 0.5)
    if rng.random() < 0.5:
        more, _ = make.process(rng, pid=rng.choice([1000, 2000]), seconds=0.2)
        batches += more
    return batches


EXTREME = [0, 1, 2, 7, 0x7F, 0x80, 0xFF, 0xFFFF, 1 << 31, (1 << 32) - 1, 1 << 63,
           (1 << 64) - 1, (1 << 63) - 1, make.MAGIC]


def mutate_table(rng, batch):
    """Words of a table's text, the batch's length kept right."""
    words = batch[40:].split(b" ")
    numbers = [i for i, word in enumerate(words) if word.isdigit()]
    for _ in range(rng.choice([1, 5, 50])):
        at = rng.choice(numbers) if rng.random() < 0.5 and numbers else \
            rng.randrange(len(words))
        words[at] = rng.choice([
            b"", b"\n", b"0", b"255", b"256", b"99999", b"-1", b"x" * 70, b":",
            b"event", b"enum", b"set", b"event 3 x", b"a:text", b"\xc3\x28",
            b"18446744073709551615", b"b:ns " * 90, words[at] + b"\0",
            rng.choice(words)])
    text = b" ".join(words)
    text += b"\n" * (-len(text) % 8)
    return batch[:12] + struct.pack("<I", 40 + len(text)) + batch[16:40] + text


def mutate_records(rng, batch):
    """How many words a record has, and its kind."""
    batch, at = bytearray(batch), 40
    while at + 16 <= len(batch) and batch[at + 1] >= 2:
        length = 8 * batch[at + 1]
        if rng.random() < 0.05:
            batch[at + rng.randrange(2)] = rng.choice([0, 1, 2, 3, 40, 255])
        at += length
    if rng.random() < 0.3: # to the last word
        batch[-16:] = struct.pack("<2Q", 1 | 255 << 8, make.START)
        batch[at:-16] = b"".join(
            struct.pack("<2Q", 200 | 2 << 8, make.START)
            for _ in range((len(batch) - 16 - at) // 16))
    return bytes(batch)


def mutate(rng, batches):
    for i, batch in enumerate(batches):
        if rng.random() < 0.2:
            change = mutate_table if batch[8] == make.TABLE else mutate_records
            batches[i] = change(rng, batch)
    if rng.random() < 0.3:
        rng.shuffle(batches)
    if rng.random() < 0.3:
        batches.insert(rng.randrange(len(batches)), rng.choice(batches))
    if rng.random() < 0.2:
        del batches[rng.randrange(len(batches))]
    data = bytearray(b"".join(batches))
    for _ in range(rng.choice([0, 1, 3, 10, 100])):
        if not data:
            break
        at = rng.randrange(len(data))
        kind = rng.randrange(6)
        if kind == 0:
            data[at] = rng.randrange(256)
        elif kind == 1:
            data[at] ^= 1 << rng.randrange(8)
        elif kind == 2 and len(data) > 16:
            at = at // 8 * 8 if at + 8 <= len(data) else 0
            data[at:at + 8] = struct.pack("<Q", rng.choice(EXTREME))
        elif kind == 3:
            del data[at:at + rng.choice([1, 8, 40, 4096])]
        elif kind == 4:
            data[at:at] = bytes(rng.choice([1, 8, 4096]))
        else:
            data[at:at + 64] = bytes(min(64, len(data) - at))
    if rng.random() < 0.3:
        del data[rng.randrange(len(data) + 1):]
    return bytes(data)


def mutate_lines(rng):
    text = bytearray()
    for _ in range(rng.randrange(1, 30)):
        line = bytearray(rng.choice(LINES), "ascii")
        for _ in range(rng.choice([0, 0, 1, 2, 5])):
            at = rng.randrange(len(line))
            line[at:at + rng.randrange(3)] = rng.choice([
                b"9" * 25, b"", b"0", b".", b"->", b"+", b"/", b"\0", b"\xff",
                b"gc ", b"-1", b" P", b"1e9"])
        text += line + b"\n"
    return bytes(text)


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else random.randrange(1 << 30)
    long_ = os.environ.get("GCMTEST_LONG") == "1"
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 300 if long_ else 8
    command = build()
    os.environ["ASAN_OPTIONS"] = "allocator_may_return_null=1:detect_leaks=1"
    end = time.monotonic() + seconds
    count = 0
    while time.monotonic() < end:
        rng = random.Random("%d %d" % (seed, count))
        data = (mutate_lines(rng) if rng.random() < 0.25
                else mutate(rng, good_trace(rng)))
        open("case", "wb").write(data)
        form = rng.choice(FORMS)
        try:
            done = subprocess.run([command, "trace", *form, "case"],
                                  capture_output=True, timeout=60)
            err = done.stderr.decode(errors="replace")
            lines = err.splitlines()
            good = (done.returncode == 0 and len(lines) <= 3 or
                    done.returncode == 1 and 1 <= len(lines) <= 4) and \
                all(line.startswith("gcmalloc: ") for line in lines)
        except subprocess.TimeoutExpired:
            good, err = False, "it does not end"
        if not good:
            print("seed %d, case %d, %s:\n%s" % (seed, count, form, err))
            os.replace("case", os.path.join(BUILD, "trace_fuzz.case"))
            sys.exit(1)
        count += 1
    if os.environ.get("TRACE_FUZZ_COUNT"):
        print(count, "cases")


main()
