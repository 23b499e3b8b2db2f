"""The rows of the benchmark: own programs and real ones.

A row is a name, a group, a command and what goes with it. Groups:
  shape   the well-known allocator benchmarks; in the means
  real    real programs on generated inputs; in the means
  edge    one unusual operation each; shown, not in the means
  memory  not about time: what they print as `metric` lines counts"""

import functools
import glob
import os
import shutil
import subprocess
import sys

import inputs

HERE = os.path.dirname(os.path.abspath(__file__))


class Row:
    """One program with its arguments."""

    def __init__(self, name, group, command, env=None, stdin=None,
                 server=None):
        self.name = name
        self.group = group
        self.command = command
        self.env = env or {}
        self.stdin = stdin      # path of a file, or nothing
        self.server = server    # a Server whose clients are not measured


class Server:
    """How to load and stop a server that is the measured program."""

    def __init__(self, socket, load, stop):
        self.socket = socket
        self.load = load
        self.stop = stop


OWN = [
    ("cfrac", "shape", "cfrac 700000"),
    ("espresso", "shape", "espresso 400"),
    ("barnes", "shape", "barnes 60"),
    ("larson", "shape", "larson 2 100 5000 100000"),
    ("larson-many", "shape", "larson 16 20 1000 40000"),
    ("xmalloc", "shape", "xmalloc 2 20000 64"),
    ("xmalloc-mixed", "shape", "xmalloc 2 12000 0"),
    ("alloc-test-1", "shape", "alloc_test 1 10000 30000000"),
    ("alloc-test-2", "shape", "alloc_test 2 100000 8000000"),
    ("alloc-test-1m", "shape", "alloc_test 1 1000000 5000000"),
    ("cache-scratch", "shape", "cache scratch 2 1000 80000"),
    ("cache-thrash", "shape", "cache thrash 2 1000 80000"),
    ("glibc-simple", "shape", "glibc_simple 1500000"),
    ("glibc-thread", "shape", "glibc_thread 2 20000000"),
    ("mstress", "shape", "mstress 4 200 50000"),
    ("rptest", "shape", "rptest 2 16000"),
    ("sh6bench", "shape", "sh 1 30000"),
    ("sh8bench", "shape", "sh 8 4000"),
    ("large-touched", "shape", "large touched 2000"),
    ("mleak", "shape", "threads 20000 leave"),
    ("stl-map", "shape", "stl map 1500000"),
    ("stl-list", "shape", "stl list 2000000"),
    ("stl-string", "shape", "stl string 3000000"),
    ("threads-64", "shape", "many 64 1000000"),
    ("realloc-double", "shape", "realloc double 12000000"),
    ("realloc-append", "shape", "realloc append 15000000"),
    ("drift", "shape", "frag 300000"),
    ("realloc-huge", "edge", "realloc huge 5"),
    ("large-untouched", "edge", "large untouched 40000"),
    ("calloc", "edge", "calloc 6000000"),
    ("memalign", "edge", "memalign 5000000"),
    ("threads-5000", "memory", "threads 5000"),
    ("free-only", "memory", "handoff 4000000"),
    ("idle", "memory", "idle 256 1000"),
]


def own_rows(programs):
    """The rows of our own programs, built in the folder `programs`."""
    return [Row(name, group,
                [os.path.join(programs, command.split()[0])] +
                command.split()[1:])
            for name, group, command in OWN]


def script_rows():
    """Interpreters, each on its script in inputs/."""
    def script(name):
        return os.path.join(HERE, "inputs", name)

    python = os.path.realpath(sys.executable)
    env = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    churn = [python, "-S", script("churn.py")]
    return [
        Row("python3", "real", churn, env),
        Row("python3-malloc", "real", churn,
            dict(env, PYTHONMALLOC="malloc")),
        Row("perl", "real", ["perl", script("churn.pl")],
            {"PERL_HASH_SEED": "0"}),
        Row("ruby", "real", ["ruby", "--disable=gems", script("churn.rb")]),
        Row("php", "real", ["php", "-n", "-d", "memory_limit=-1",
                            script("churn.php")], {"USE_ZEND_ALLOC": "0"}),
        Row("sqlite3", "real", ["sqlite3", ":memory:"],
            stdin=script("churn.sql")),
    ]


def tool_rows(work):
    """Compilers, git and text tools on generated inputs."""
    made = functools.partial(inputs.make, work)
    rows = [
        Row("jq", "real", ["jq", "-c", "map(select(.id % 3 == 0))|"
                           "group_by(.at.x)|map(length)|add",
                           made("items.json", inputs.json_text)]),
        Row("xmllint", "real", ["xmllint", "--format", "--output",
                                "/dev/null",
                                made("items.xml", inputs.xml_text)]),
        Row("gcc", "real", ["gcc", "-O2", "-S", "-w", "-o", "/dev/null",
                            made("unit.c", inputs.c_unit)]),
        Row("g++", "real", ["g++", "-O1", "-S", "-w", "-o", "/dev/null",
                            made("unit.cc", inputs.cxx_unit)]),
        Row("clang", "real", ["clang", "-O2", "-S", "-w", "-o", "/dev/null",
                              made("unit.c", inputs.c_unit)]),
    ]
    if shutil.which("git"):
        git = ["git", "-C", made("history.git", inputs.git_repository),
               "-c", "pack.threads=1"]
        rows += [
            Row("git-log", "real", git + ["log", "-p", "--stat", "main"]),
            Row("git-gc", "real", git + ["pack-objects", "--all", "--stdout",
                                         "-q", "--no-reuse-delta",
                                         "--window=20"]),
        ]
    return rows


def redis_row(work):
    """redis-server on a socket in `work`, driven by redis-benchmark."""
    socket = os.path.relpath(os.path.join(work, "redis.sock"))
    client = ["redis-benchmark", "-s", socket, "-q", "-n", "30000", "-P",
              "16", "-r", "30000", "-d", "100", "-t",
              "set,get,incr,lpush,rpop,sadd,hset,zadd,mset"]
    server = Server(socket, client,
                    ["redis-cli", "-s", socket, "shutdown", "nosave"])
    return Row("redis", "real",
               ["redis-server", "--port", "0", "--unixsocket", socket,
                "--save", "", "--loglevel", "warning", "--logfile",
                "/dev/null"], server=server)


def find_rows(programs, work):
    """Every row whose program is there."""
    rows = (own_rows(programs) + script_rows() + tool_rows(work) +
            [redis_row(work)])
    return [row for row in rows if shutil.which(row.command[0])]


def find_library(pattern):
    """The first library of the usual folders that matches, or None."""
    multiarch = "*-linux-gnu"
    for folder in (os.path.join("/usr/lib", multiarch), "/usr/lib64",
                   "/usr/lib", "/usr/local/lib"):
        found = sorted(glob.glob(os.path.join(folder, pattern)))
        if found:
            return found[0]
    return None


def find_allocators(ours, extra):
    """Name and library of each allocator that is there, glibc first."""
    allocators = {"glibc": None}
    for name, pattern in (("jemalloc", "libjemalloc.so.2"),
                          ("mimalloc", "libmimalloc.so.2*"),
                          ("tcmalloc", "libtcmalloc_minimal.so.4")):
        library = find_library(pattern)
        if library:
            allocators[name] = library
    for item in extra:
        name, _, library = item.partition("=")
        allocators[name] = os.path.abspath(library)
    if ours:
        allocators["ours"] = os.path.abspath(ours)
    for name, library in allocators.items():
        if library and not loads(library):
            sys.exit("run.py: %s: cannot preload %s" % (name, library))
    return allocators


def environment(**more):
    """Ours without the test suite's own names, which our library would take
    for options, and a fixed locale."""
    own = ("GCMTEST_LIB", "GCMTEST_SRCDIR", "GCMTEST_BUILDDIR", "GCMTEST_LONG")
    kept = {k: v for k, v in os.environ.items() if k not in own}
    return dict(kept, LC_ALL="C", **more)


def loads(library):
    """Whether the loader takes it; a failing preload is only a warning."""
    done = subprocess.run(["/bin/true"], env={"LD_PRELOAD": library},
                          stderr=subprocess.PIPE, check=False)
    return done.returncode == 0 and not done.stderr
