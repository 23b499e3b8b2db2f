#!/usr/bin/python3
"""docs/compatibility.md, from what run.py found.

    table.py RESULTS.JSONL LIBRARY > docs/compatibility.md

Only runs of this build of the library and of the scripts as they are count;
the last one of each.
"""
import glob, hashlib, json, os, platform, re, sys

HERE = os.path.dirname(os.path.abspath(__file__))
PROFILES = ["default", "trace", "stress", "ignore", "report"]


def digest(name):
    return hashlib.sha256(open(name, "rb").read()).hexdigest()[:16]


def cell(row):
    if row is None:
        return "-"
    verdict = row["verdict"]
    if verdict == "ok":
        return "same"
    if verdict == "UNSTABLE":
        return "itself"
    return "once" if "again: same" in verdict else "**differs**"


def upstream(version):
    """1:2.3.4-5+deb12u1 -> 2.3.4"""
    version = version.split(":", 1)[-1]
    return re.split(r"[-+~]", version.rsplit("-", 1)[0])[0]


def main(results, lib):
    rows, build = {}, digest(lib)
    for line in open(results):
        row = json.loads(line)
        if row.get("lib") == build:
            rows[row["name"], row["profile"]] = row
    names = sorted(os.path.basename(f)[:-3] for f in glob.glob(HERE + "/*.sh"))
    table, absent, notes, count, days = [], [], [], {}, set()
    for name in names:
        script = f"{HERE}/{name}.sh"
        text, now = open(script).read(), digest(script)
        got = {p: rows.get((name, p)) for p in PROFILES}
        got = {p: r if r and r["script"] == now else None
               for p, r in got.items()}
        some = [r for r in got.values() if r]
        if not some:
            absent.append(name)
            continue
        days |= {r["day"] for r in some}
        programs = ", ".join(f"{k} {upstream(v)}" for k, v in
                             sorted(some[-1]["versions"].items()))
        cells = [cell(got[p]) for p in PROFILES]
        for c in cells:
            count[c] = count.get(c, 0) + 1
        took = min(r["plain"] for r in some)
        mark = ""
        if some[-1]["env"]:
            why = re.search(r"^# because: (.*)$", text, re.M)
            notes.append("`" + " ".join(f"{k}={v}" for k, v in
                         some[-1]["env"].items()) + f"` for {name}: {why[1]}.")
            mark = " (set: below)"
        table.append(f"| {name}{mark} | {programs} | {took:.0f} | " +
                     " | ".join(cells) + " |")
    say = lambda *lines: print(*lines, sep="\n")
    libc = " ".join(platform.libc_ver())
    say("# Compatibility", "",
        "Made by `make compatibility` from runs of "
        f"[tests/workloads](../tests/workloads/README); not edited by hand.", "",
        f"{len(table)} workloads, {' and '.join(sorted(days))}; build {build}, "
        f"{libc}, Linux {platform.release().split('-')[0]}, "
        f"{platform.machine()}, Debian's packages.", "",
        "Exit status, standard output and standard error are compared with a "
        "run without the library:", "",
        "| | |", "|---|---|",
        "| same | equal |",
        "| itself | differed, and so does the program from itself without the "
        "library |",
        "| once | differed, and was equal when run again |",
        "| **differs** | differed, though it does not differ from itself |",
        "| - | not run |", "",
        "The profiles: *default*, as shipped; *trace*, with gctrace=1; "
        "*stress*, a collection every 5 ms without grace, freed memory "
        "poisoned, every mark verified; *ignore*, GCM_FREE=ignore: the "
        "collector alone reclaims; *report*, GCM_MODE=report every 20 ms with "
        "an audit, whose verdict must not be *wrong*.", "",
        ", ".join(f"{n} {k}" for k, n in sorted(count.items(),
                  key=lambda x: -x[1])) + ".", "",
        "| workload | programs | plain, s | " + " | ".join(PROFILES) + " |",
        "|---|---|---|" + "---|" * len(PROFILES), *table, "")
    for note in notes:
        say(note, "")
    if absent:
        say("Not run with this build: " + ", ".join(absent) + ".", "")
    sys.stdout.write(open(HERE + "/limits.md").read())


main(*sys.argv[1:])
