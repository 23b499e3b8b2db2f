#!/usr/bin/python3
"""CPython's own tests with and without the library: what fails that did not?

    cpython.py [-p PROFILE,...] [-j N] [--python PROGRAM] [--again] [TEST...]
    cpython.py --table

GCMTEST_LIB is the library.  WORKLOADS_DIR is the folder for results (default: a
new one, whose name is printed); what its results.jsonl has already is not run
again, unless it differed and --again asks for that.  No TEST: all that the
interpreter finds.  The tests are Debian's libpython3.11-testsuite.

MODEL   Each test file is run alone, by regrtest, plain and in each profile of
        run.py; a profile with "+m" sets PYTHONMALLOC=malloc as well, for both
        (then every object is ours, and not pymalloc's).  A run is what became
        of each case, from regrtest's XML, and the exit status.
VERDICT ok       no case failed that passes plain, no passing case is missing
        known    those that did are in cpython.known, with the reason
        unstable they differ again, but plain differs from plain too
        slow     it ran out of time; not run again but with --again
        once     the same profile, run again, does not differ
        NEW      the rest
        The exit status is 1 if there was a NEW one.
"""
import argparse, concurrent.futures, ctypes, glob, json, os, re, shutil
import signal, subprocess, sys, tempfile, time
import xml.etree.ElementTree as xml

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
sys.dont_write_bytecode = True
import run as workloads

TOP = workloads.TOP
LIB = os.environ.get("GCMTEST_LIB", "")
LIMIT = 240
FIRST = """test_threading test_thread test_signal test_subprocess test_os
test_posix test_fork1 test_multiprocessing_fork test_multiprocessing_forkserver
test_multiprocessing_spawn test_multiprocessing_main_handling test_asyncio
test_ssl test_socket test_select test_selectors test_epoll test_poll test_mmap
test_ctypes test_gc test_capi test_embed test_faulthandler test_io test_json
test_pickle test_sqlite3 test_resource test_wait3 test_wait4 test_pty
test_concurrent_futures test_queue test_weakref test_regrtest test_cmd_line
test_venv test_eintr test_file_eintr test_threadsignals test_threading_local
test_threadedtempfile test_popen test_openpty test_ioctl test_fcntl test_httplib
test_socketserver test_httpservers test_logging test_sys test_tracemalloc
test_atexit test_import test_site test_memoryview test_buffer test_decimal
test_xml_etree_c test_pyexpat test_hashlib test_zlib test_bz2 test_lzma
test_readline test_curses test_tcl test_dbm_gnu test_largefile""".split()
SUBREAPER = 36


def environment(work, profile, log):
    base, _, malloc = profile.partition("+")
    env = {"PATH": workloads.PATH, "HOME": work, "TMPDIR": work,
           "LC_ALL": "C.UTF-8", "TZ": "UTC", "TERM": "xterm"}
    if malloc:
        env["PYTHONMALLOC"] = "malloc"
    if base != "plain":
        env["LD_PRELOAD"] = LIB
        for k, v in workloads.PROFILES[base].items():
            env[k] = log if k == "GCM_LOG" else v
    return env


def children(pid):
    for name in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            yield from (int(x) for x in open(name).read().split())
        except OSError:
            pass


def below(pid):
    for child in children(pid):
        yield child
        yield from below(child)


def sweep_processes():
    """What a test has left behind comes to us, and ends here."""
    for _ in range(50):
        left = list(below(os.getpid()))
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.05)


def describe_processes(name):
    with open(name, "w") as out:
        subprocess.run(["ps", "-o", "pid,ppid,stat,wchan:20,cmd", "-L", "-p",
            ",".join(str(p) for p in below(os.getpid()))], stdout=out)


def cases(name):
    """What became of each case: a dictionary, or None if no XML was left."""
    try:
        tree = xml.parse(name)
    except (OSError, xml.ParseError):
        return None
    found = {}
    for case in tree.iter("testcase"):
        what = "ok"
        for tag in ("error", "failure", "skipped"):
            if case.find(tag) is not None:
                what = tag
        if case.get("result") == "skipped" or case.get("status") == "notrun":
            what = "skipped"
        key = case.get("name")
        # Of a case's subtests the worst.
        if found.get(key) not in ("error", "failure"):
            found[key] = what
    return found


def one(python, test, profile, limit):
    work = tempfile.mkdtemp(prefix="w", dir=TOP)
    logs = f"{work}-log"
    os.mkdir(logs)
    os.makedirs(f"{TOP}/out", exist_ok=True)
    out = f"{TOP}/out/{test}.{profile}"
    begun = time.time()
    with open(out, "wb") as f:
        p = subprocess.Popen(
            [python, "-m", "test", "-v", "--fail-env-changed",
             "--timeout", str(limit - 10), "--junit-xml", logs + "/xml", *never(),
             test],
            cwd=work, env=environment(work, profile, logs + "/log.%p"),
            stdin=subprocess.DEVNULL, stdout=f, stderr=f,
            start_new_session=True)
        try:
            status = p.wait(limit)
        except subprocess.TimeoutExpired:
            status = "timeout"
            describe_processes(out + ".hang")
    took = time.time() - begun
    sweep_processes()
    r = {"test": test, "profile": profile, "status": status, "took": took,
         "cases": cases(logs + "/xml"), **workloads.cycles(logs + "/log.*")}
    r["late_end"] = status == "timeout" or any(line.startswith("Timeout (")
        or "... Timeout (" in line for line in open(out, errors="replace"))
    with open(out, "a") as f:
        f.write("".join(f"\n-- note: {x}" for x in r["notes"]))
    shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(logs, ignore_errors=True)
    return r


def differences(plain, r):
    """Cases that are worse than plain, and '(status)' if that alone is."""
    if r["cases"] is None or plain["cases"] is None:
        return [] if r["status"] == plain["status"] else ["(status)"]
    worse = [f"{k}: {r['cases'].get(k, 'missing')}"
             for k, v in plain["cases"].items()
             if v == "ok" and r["cases"].get(k) != "ok" or
             v == "skipped" and r["cases"].get(k) in ("error", "failure")]
    worse += [f"{k}: {v}" for k, v in r["cases"].items()
              if k not in plain["cases"] and v in ("error", "failure")]
    if not worse and r["status"] != plain["status"] and r["status"] != 0:
        worse = ["(status)"]
    return sorted(worse)


def known_exceptions():
    """Lines of cpython.known: PROFILES CASE REASON.

    PROFILES may be '*'; 'never' if the case is not to be run at all.
    """
    found = []
    for line in open(HERE + "/cpython.known"):
        if line.strip() and not line.startswith("#"):
            profiles, case, reason = line.split(None, 2)
            found.append((profiles.split(","), re.compile(case), reason))
    return found


def never():
    """For regrtest: the cases that are not run."""
    for profiles, case, _ in known_exceptions():
        if profiles == ["never"]:
            yield from ("--ignore", f"*{case.pattern}*")


def is_known(known, profile, what):
    return any((p == ["*"] or profile in p or profile.partition("+")[0] in p)
               and case.search(what) for p, case, _ in known)


def judge(python, test, profile, plain, limit, known):
    """One run in a profile, and those it takes to know what it means."""
    r = one(python, test, profile, limit)
    worse = differences(plain, r)
    verdict = "ok"
    new = [w for w in worse
           if not is_known(known, profile, test if w == "(status)" else w)]
    if worse and not new:
        verdict = "known"
    elif new and r["late_end"]:
        verdict = "slow"
    elif new:
        out = f"{TOP}/out/{test}.{profile}"
        shutil.copy(out, out + ".first")
        again = differences(plain, one(python, test, profile, limit))
        base = "plain" + profile[profile.find("+"):] * ("+" in profile)
        other = one(python, test, base, limit)
        if set(new) & set(differences(plain, other)):
            verdict = "unstable"
        elif set(new) & set(again):
            verdict = "NEW"
        else:
            verdict = "once"
    r.update(verdict=verdict, worse=worse, plain=plain["took"])
    del r["cases"]
    return r


def begin_worker():
    ctypes.CDLL(None).prctl(SUBREAPER, 1)
    os.nice(2)


def job(python, test, profiles, have, known):
    """All that is asked of one test file."""
    bad = False
    for profile in profiles:
        if profile in have and not profile.startswith("plain"):
            continue
        base = "plain+m" if profile.endswith("+m") else "plain"
        if base not in have:
            have[base] = one(python, test, base, LIMIT)
            tell(have[base])
        if profile == base:
            continue
        limit = min(900, max(LIMIT, 10 * have[base]["took"]))
        if have[base]["status"] == "timeout":
            continue
        r = judge(python, test, profile, have[base], limit, known)
        tell(r)
        bad |= r["verdict"] == "NEW"
    return bad


def read_results(again):
    have = {}
    try:
        for line in open(TOP + "/results.jsonl"):
            r = json.loads(line)
            if again and r.get("verdict", "ok") != "ok":
                continue
            have.setdefault(r["test"], {})[r["profile"]] = r  # the last
    except FileNotFoundError:
        pass
    return have


def show(r):
    if "verdict" not in r:
        bad = [k for k, v in (r["cases"] or {}).items()
               if v in ("error", "failure")]
        print(f"{r['test']:32} {r['profile']:10} status {r['status']} "
              f"{r['took']:.1f}s {' '.join(bad[:3])}", flush=True)
        return
    print(f"{r['test']:32} {r['profile']:10} {r['verdict']:8} "
          f"{r['took']:.1f}s x{r['took'] / max(r['plain'], .01):.1f} cycles "
          f"{r['ran']}/{r['done']} {r['back'] or ''} {r['why'] or ''} "
          f"{'late!' if r['late'] else ''} {' '.join(r['worse'][:4])} "
          f"{r['notes'][:2] or ''}", flush=True)


def tell(r):
    """Into the results at once: the whole may be ended any time."""
    with open(TOP + "/results.jsonl", "a") as f:
        f.write(json.dumps(r) + "\n")
    show(r)


def table():
    """What the results say, a line a profile; then what is not ok."""
    counts, odd = {}, []
    for tests in read_results(False).values():
        for profile, r in tests.items():
            verdict = r.get("verdict") or ("ok" if r["status"] == 0 else "bad")
            c = counts.setdefault(profile, {"files": 0, "cycles": 0, "s": 0})
            c["files"] += 1
            c[verdict] = c.get(verdict, 0) + 1
            c["cycles"] += r["done"]
            c["s"] += r["took"]
            if verdict != "ok":
                odd.append((r["test"], profile, verdict, r.get("worse") or ""))
    print("| profile | files | ok | known | slow | unstable | once | NEW | "
          "cycles | seconds |\n|---|---|---|---|---|---|---|---|---|---|")
    for profile, c in sorted(counts.items()):
        print("|", profile, "|", " | ".join(str(round(c.get(k, 0))) for k in (
            "files", "ok", "known", "slow", "unstable", "once", "NEW",
            "cycles", "s")), "|")
    for line in sorted(odd):
        print(*line)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-p", default="default,stress,stress+m")
    parser.add_argument("-j", type=int, default=1)
    parser.add_argument("--python", default="/usr/bin/python3")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("tests", nargs="*")
    parser.add_argument("--table", action="store_true")
    args = parser.parse_args()
    if args.table:
        return table()
    if not os.path.exists(LIB):
        sys.exit("cpython.py: GCMTEST_LIB names no library")
    os.makedirs(TOP, exist_ok=True)
    print("in", TOP)
    found = subprocess.run([args.python, "-m", "test", "--list-tests"],
        capture_output=True, text=True).stdout.split()
    if not found:
        sys.exit("cpython.py: no tests: install libpython3.11-testsuite")
    tests = args.tests or [t for t in FIRST if t in found] + \
        [t for t in found if t not in FIRST]
    have, known, bad = read_results(args.again), known_exceptions(), False
    with concurrent.futures.ProcessPoolExecutor(args.j,
            initializer=begin_worker) as pool:
        for done in concurrent.futures.as_completed([pool.submit(job,
                args.python, t, args.p.split(","), have.get(t, {}), known)
                for t in tests]):
            bad |= done.result()
    return bad


if __name__ == "__main__":
    sys.exit(main())
