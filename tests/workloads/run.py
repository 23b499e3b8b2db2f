#!/usr/bin/python3
"""Real programs with and without the library: what differs?

    run.py [-n] [-p PROFILE,...] [NAME...]  (no NAME: all beside this file)

GCMTEST_LIB is the library, WORKLOADS_DIR the folder for what they print and the
table results.jsonl (default: a new one, whose name is printed).  What that table
has of the same script with the same library is not run again, without -n; what
another run.py with the same folder is at is left to it.  The exit status is 1
when a program differed that does not differ from itself.

A workload is a shell script, NAME.sh, run in an empty folder (the
same path each time).  It is run plain, then once for each profile with the
library preloaded into everything it starts.  Exit status, standard output and
standard error must be equal; if not, a second plain run tells whether the
program differs from itself (UNSTABLE).

Lines of the script that begin with "# " and a word and a colon are read:
    # timeout: SECONDS        (60; 3 times that, preloaded)
    # needs: PROGRAMS         (not there: skipped)
    # programs: PROGRAMS      (others that it runs if they are there)
    # env: NAME=VALUE...      (for the preloaded runs: what users must set too)
    # because: TEXT           (why; docs/compatibility.md quotes it)
"""
import fcntl, glob, hashlib, json, os, re, shutil, signal, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ALL = os.environ.get("WORKLOADS_DIR") or tempfile.mkdtemp(prefix="workloads-")
os.makedirs(ALL, exist_ok=True)
os.chmod(ALL, 0o755)
held = []   # files that are locked until we end


def claim(name):
    f = open(f"{ALL}/.{name}.lock", "w")
    try:
        fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    held.append(f)
    return True


TOP = ALL + "/" + next(n for n in "0123456789" if claim(n))
os.makedirs(TOP, exist_ok=True)
LIB = os.environ.get("GCMTEST_LIB", "")
LOG = TOP + "/log.%p"
PROFILES = {
    "default": {},
    "trace": {"GCM_LOG": LOG, "GCM_DEBUG": "gctrace=1"},
    "stress": {"GCM_MINHEAP": "0", "GCM_INTERVAL": "5ms", "GCM_GRACE": "0",
               "GCM_LOG": LOG, "GCM_DEBUG": "poison=1,verify=1,gctrace=1"},
    "ignore": {"GCM_FREE": "ignore", "GCM_LOG": LOG,
               "GCM_DEBUG": "verify=1,gctrace=1"},
    "report": {"GCM_MODE": "report", "GCM_MINHEAP": "0",
               "GCM_INTERVAL": "20ms", "GCM_LOG": LOG,
               "GCM_DEBUG": "gctrace=1,audit=1"},
}
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def run(script, extra, limit):
    work = TOP + "/work"
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work + "/home")
    for old in glob.glob(TOP + "/log.*"):
        os.unlink(old)
    env = {"PATH": PATH, "HOME": work + "/home", "TMPDIR": work,
           "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "dumb", "PAGER": "cat",
           "PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1",
           "WORKLOADS_DIR": TOP}
    if extra is not None:
        env["INTO"] = "1"
    begun = time.time()
    with open(TOP + "/out", "wb") as out, open(TOP + "/err", "wb") as err:
        p = subprocess.Popen(
            ["/usr/bin/env"] + ([f"LD_PRELOAD={LIB}"] if extra is not None
                else []) + [f"{k}={v}" for k, v in (extra or {}).items()] +
            ["/bin/sh", script], cwd=work, env=env, stdin=subprocess.DEVNULL,
            stdout=out, stderr=err, start_new_session=True)
        try:
            status = p.wait(limit)
        except subprocess.TimeoutExpired:
            status = "timeout"
        took = time.time() - begun
        # What the workload left behind: its session only.
        for s in (signal.SIGTERM, signal.SIGKILL):
            left = subprocess.run(["/usr/bin/ps", "-o", "pid=", "-s",
                str(p.pid)], capture_output=True, text=True).stdout.split()
            if status == "timeout" and left and s == signal.SIGTERM:
                with open(TOP + "/hang", "w") as f:
                    subprocess.run(["ps", "-o", "pid,ppid,stat,wchan:20,cmd",
                        "-L", "-s", str(p.pid)], stdout=f)
            for pid in left:
                try:
                    os.kill(int(pid), s)
                except ProcessLookupError:
                    pass
            if left:
                time.sleep(0.3)
        p.wait()
    read = lambda f: open(TOP + "/" + f, "rb").read()
    return {"status": status, "out": read("out"), "err": read("err"),
            "took": took, **cycles(TOP + "/log.*")}


def cycles(logs):
    """Sums over the gctrace lines of all processes."""
    ran, done, why, stop, limbo, late, back = 0, 0, {}, 0.0, 0, 0, {}
    recl = wrong = 0
    notes = []
    for name in glob.glob(logs):
        for line in open(name, errors="replace"):
            if line.startswith("GC forced"):
                continue
            m = re.match(r"gc \d+ @", line)
            if not m:
                if re.match(r"gcmalloc: audit verdict wrong", line):
                    wrong += 1
                if not re.match(r"gcmalloc: (audit|  )", line):
                    notes.append(line.rstrip()[:300])
                continue
            ran += 1
            a = re.search(r"abandoned: ([^)]*)", line)
            if a:
                why[a[1]] = why.get(a[1], 0) + 1
            else:
                done += 1
            c = re.search(r"%: ([\d.]+)\+[\d.]+\+([\d.]+) ms clock", line)
            if c:
                stop = max(stop, float(c[1]), float(c[2]))
            r = re.search(r"(\d+) B reclaimed", line)
            recl += int(r[1]) if r else 0
            late += "late free" in line
            b = re.search(r"in limbo, (\w+)", line)
            if b:
                back[b[1]] = back.get(b[1], 0) + 1
    return {"ran": ran, "done": done, "why": why, "stop_ms": stop,
            "late": late, "wrong": wrong, "notes": notes, "reclaimed": recl, "back": back}


def same(a, b):
    return all(a[k] == b[k] for k in ("status", "out", "err"))


def keep(name, profile, r):
    d = f"{ALL}/diff/{name}.{profile}"
    shutil.rmtree(d, ignore_errors=True)
    os.makedirs(d)
    for k in ("out", "err"):
        open(f"{d}/{k}", "wb").write(r[k])
    open(d + "/status", "w").write(str(r["status"]) + "\n")
    for log in glob.glob(TOP + "/log.*"):
        shutil.move(log, d)
    if r["status"] == "timeout" and os.path.exists(TOP + "/hang"):
        shutil.move(TOP + "/hang", d)


def digest(name):
    return hashlib.sha256(open(name, "rb").read()).hexdigest()[:16]


def versions(head):
    """Debian's packages of the programs, with versions."""
    found = {}
    words = (head.get("needs", "") + " " + head.get("programs", "")).split()
    for x in filter(None, (shutil.which(x, path=PATH) for x in words)):
        for f in (os.path.realpath(x), x, x.replace("/usr/", "/", 1)):
            r = subprocess.run(["dpkg-query", "-S", f], capture_output=True,
                               text=True)
            if r.returncode == 0:
                break
        else:
            continue
        package = re.sub(r"(?m)^diversion.*\n", "",
                         r.stdout).split(": ")[0].split(",")[0]
        r = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", package],
                           capture_output=True, text=True)
        found[package.split(":")[0]] = r.stdout
    return found


def known():
    """What results.jsonl has: (workload, profile, script, library)."""
    try:
        rows = [json.loads(l) for l in open(ALL + "/results.jsonl")]
    except FileNotFoundError:
        rows = []
    return {(r["name"], r["profile"], r.get("script"), r.get("lib")): r
            for r in rows}


def main(args):
    if not os.path.exists(LIB):
        sys.exit("run.py: GCMTEST_LIB names no library")
    print("in", ALL)
    lib, afresh = digest(LIB), False
    if args[:1] == ["-n"]:
        args, afresh = args[1:], True
    profiles = list(PROFILES)
    if args[:1] == ["-p"]:
        profiles, args = args[1].split(","), args[2:]
    names = args or sorted(os.path.basename(f)[:-3]
                           for f in glob.glob(HERE + "/*.sh"))
    failed = 0
    for name in names:
        script = f"{HERE}/{name}.sh"
        text = open(script).read()
        head = dict(re.findall(r"^# (\w+): (.*)$", text, re.M))
        if any(not shutil.which(x, path=PATH)
               for x in head.get("needs", "").split()):
            print(f"{name:16} SKIP", flush=True)
            continue
        about = {"name": name, "script": digest(script), "lib": lib}
        if not claim(name):
            continue
        have, todo = {} if afresh else known(), []
        for profile in profiles:
            r = have.get((name, profile, about["script"], lib))
            failed |= bool(r) and r["verdict"].startswith("DIFFERENT")
            todo += [] if r else [profile]
        if not todo:
            print(f"{name:16} known", flush=True)
            continue
        limit = float(head.get("timeout", 60))
        more = dict(x.split("=", 1) for x in head.get("env", "").split())
        plain = run(script, None, limit)
        keep(name, "plain", plain)
        print(f"{name:16} plain status {plain['status']} "
              f"{plain['took']:.2f}s", flush=True)
        again = None
        for profile in todo:
            extra = {**more, **PROFILES[profile]}
            r = run(script, extra, 3 * limit)
            verdict = "ok"
            if not same(plain, r):
                if again is None:
                    again = run(script, None, limit)
                    # not the logs of the run that differs
                    r2 = run(script, extra, 3 * limit)
                    repeat = "same" if same(plain, r2) else "differs"
                    if same(plain, again):
                        verdict = f"DIFFERENT (again: {repeat})"
                    else:
                        verdict = "UNSTABLE"
                    keep(name, profile, r if repeat == "same" else r2)
                    r["notes"] += [f"kept status {r['status']}/{r2['status']}"]
                else:
                    verdict = "DIFFERENT" if same(plain, again) else "UNSTABLE"
                    keep(name, profile, r)
            if verdict == "ok" and r["wrong"]:
                verdict = f"DIFFERENT (audit of {r['wrong']} processes)"
                keep(name, profile, r)
            failed |= verdict.startswith("DIFFERENT")
            print(f"    {profile:8} {verdict:10} {r['took']:.2f}s "
                  f"x{r['took'] / max(plain['took'], .01):.2f} cycles "
                  f"{r['ran']}/{r['done']} stop {r['stop_ms']:.1f}ms "
                  f"{r['reclaimed'] >> 20}MB {r['back'] or ''} "
                  f"{r['why'] or ''} {'late!' if r['late'] else ''} "
                  f"{r['notes'][:3] or ''}", flush=True)
            with open(ALL + "/results.jsonl", "a") as f:
                f.write(json.dumps({**about, "profile": profile,
                    "verdict": verdict, "plain": plain["took"],
                    "versions": versions(head), "env": more,
                    "plain_status": plain["status"], "day":
                    time.strftime("%Y-%m-%d", time.gmtime()),
                    **{k: v for k, v in r.items() if k not in
                       ("out", "err")}}) + "\n")


    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
