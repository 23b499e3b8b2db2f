#!/usr/bin/env python3
"""trace_page.py -- the page of gcmalloc trace --html in a browser: it finds what
was in the trace, draws it where it was, soon and with nothing from elsewhere.
Skipped where there is no chromium."""
import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.environ["GCMTEST_SRCDIR"], "tests", "tools"))
sys.dont_write_bytecode = True
from trace_kit import equal, fail, finish, run  # noqa: E402
import trace_make as make  # noqa: E402

BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or \
    shutil.which("google-chrome")
if not BROWSER:
    sys.exit(77)
LONG = os.environ.get("GCMTEST_LONG") == "1"
COLORS = {"stop": [207, 34, 46], "failed": [154, 103, 0]}


def browse(page):
    done = subprocess.run(
        [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu",
         "--user-data-dir=" + os.path.abspath("profile"),
         "--window-size=1600,1000", "--virtual-time-budget=4000", "--dump-dom",
         "file://" + os.path.abspath(page) + "#selftest"],
        capture_output=True, timeout=240)
    dom = done.stdout.decode()
    found = re.search(r'<pre id="selftest"[^>]*>(.*?)</pre>', dom, re.S)
    if not found or not found.group(1):
        if not dom:
            sys.exit(77) # a browser that does not run here
        fail("the page did not come to its end", dom[-2000:])
        finish()
    return json.loads(found.group(1).replace("&lt;", "<").replace("&gt;", ">")
                      .replace("&amp;", "&"))


def check(name, told, page):
    seen = browse(page)
    equal(name + ": processes", seen["processes"], len(told))
    for part, of in zip(seen["parts"], told):
        n = len(of["pauses"])
        equal(name + ": stops", part["stops"], n)
        equal(name + ": stopped", part["stopped"],
              sum(length for _, length in of["pauses"]) / 100, n)
        equal(name + ": cycles", part["cycles"], of["cycles"])
        equal(name + ": day", part["day"], "2023-11-14")
        at, worst = max(of["pauses"], key=lambda pause: pause[1])
        equal(name + ": worst", part["worst"], worst / 100, 1)
        title = part["tip"]["title"]
        failed = title == "Stop that failed"
        if not failed and title != "World stopped":
            fail(name, "at the longest pause there is", title)
        for i in (0, 1)[part["stood"] > 0:]:
            equal(name + ": drawn at", part["drawn"][i], part["meant"][i], 0.003)
        equal(name + ": colour", part["pixel"][:3],
              COLORS["failed" if failed else "stop"])
        rows = dict(part["tip"]["rows"])
        same = [b for b, length in of["pauses"] if length == worst]
        clock = ["%02d.%06d" % ((20 + (b - make.START) // make.SECOND) % 60,
                                (b - make.START) % make.SECOND // 1000)
                 for b in same]
        if not any(abs(float(rows["began"][6:]) - float(c)) < 2e-6 for c in clock):
            fail(name, "it began", rows["began"], clock)
        if not part["zoomed"] < worst / 100 * 10 + 5000:
            fail(name, "not zoomed:", part["zoomed"])
        if part["hits"] < of["cycles"] / 50:
            fail(name, "drew only", part["hits"])
    return seen


os.environ["TZ"] = "UTC"
told = make.trace("small", seed=11, processes=2, seconds=3.0)
run("--html", "-o", "small.html", "small")
check("small", told, "small.html")

# Ten threads for ten minutes: a page of some megabytes that opens at once.
told = make.trace("large", seed=12, seconds=600 if LONG else 60, nthreads=10,
                  period_ms=25, samples_ms=5)
run("--html", "-o", "large.html", "large")
size = os.path.getsize("large.html")
if size > 5e6:
    fail("a page of", size, "bytes")
seen = check("large", told, "large.html")
if seen["took"] > (1000 if LONG else 5000):
    fail("it took", seen["took"], "ms to open")

# gctrace text, which has no clock.
line = ("gc %d @%d.071s 3%%: 0.019+4.5+0.28 ms clock, 0.038+0.65/3.6/0+0.56 ms cpu, "
        "7->7->3 MB, 8 MB goal, 1 MB stacks, 0 MB globals, 2 P\n")
text = "".join(line % (n, n) for n in range(1, 30))
open("text.html", "w").write(run("--html", "-", data=text.encode()))
seen = browse("text.html")
equal("text: stops", seen["parts"][0]["stops"], 58)
equal("text: stopped", seen["parts"][0]["stopped"], 29 * 2990, 60)
equal("text: begin", seen["parts"][0]["begin"], "0.000 s")
finish()
