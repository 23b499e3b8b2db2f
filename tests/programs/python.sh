#!/bin/sh
# python.sh -- CPython; PYTHONMALLOC=malloc sends every object to malloc
. "$GCMTEST_SRCDIR/tests/programs/compare"

workload py-start short python3 <<'END'
python3 -c pass
python3 -c 'import sys; print(sys.argv); sys.exit(3)' a b; echo $?
python3 -c '1/0'; echo $?
END

workload py-dicts short python3 <<'END'
export PYTHONMALLOC=malloc
python3 - <<'EOT'
d = {}
for i in range(300000):
    d[f"key{i * 7919 % 100003}"] = [i, str(i)]
for i in range(0, 100003, 3):
    d.pop(f"key{i}", None)
print(len(d), sum(len(v[1]) for v in d.values()))
s = set(range(100000)) ^ set(range(50000, 150000))
print(len(s), sorted(s)[::20000])
t = tuple([(i, (i, [i] * (i % 50))) for i in range(20000)])
print(sum(len(x[1][1]) for x in t))
print(sum(map(len, "".join(map(str, range(200000))).split("99"))))
EOT
END

workload py-json short python3 <<'END'
python3 - <<'EOT'
import json, hashlib
doc = {"list": [{"id": i, "name": "n" * (i % 40), "x": i / 7} for i in range(20000)],
       "deep": None}
for i in range(500):
    doc["deep"] = {"d": doc["deep"]}
for _ in range(5):
    text = json.dumps(doc, indent=1, sort_keys=True)
    doc = json.loads(text)
print(len(text), hashlib.md5(text.encode()).hexdigest())
EOT
END

workload py-regex short python3 <<'END'
PYTHONMALLOC=malloc python3 - <<'EOT'
import re
text = " ".join(f"user{i}@host{i % 97}.example.org {i:05d}-{i * 31 % 1000}" for i in range(20000))
print(len(re.findall(r"(\w+)@(\w+)\.example\.org", text)))
print(re.sub(r"(\d{5})-(\d+)", lambda m: m[2] + m[1], text)[-40:])
print(len(re.split(r"\s+|@|-", text)))
for n in range(1, 200):
    re.compile("(" * n + "a" + ")" * n if n < 90 else "a{%d}b|c" % n)
print(re.fullmatch(r"(a|b)*c", "ab" * 5000 + "c") is not None)
EOT
END

workload py-threads short python3 <<'END'
python3 - <<'EOT'
import threading, queue, zlib
q, done = queue.Queue(100), []
lock = threading.Lock()
def work():
    while (item := q.get()) is not None:
        data = bytes(range(256)) * (item % 300)
        out = zlib.decompress(zlib.compress(data))
        assert out == data
        with lock:
            done.append(len(out))
threads = [threading.Thread(target=work) for _ in range(16)]
for t in threads: t.start()
for i in range(4000): q.put(i)
for t in threads: q.put(None)
for t in threads: t.join()
print(len(done), sum(done))
for _ in range(300):
    t = threading.Thread(target=lambda: [0] * 10000); t.start(); t.join()
EOT
END

workload py-fork short python3 <<'END'
python3 - <<'EOT'
import multiprocessing as mp, os
def square(n):
    return n * n, len([str(i) for i in range(n % 5000)])
if __name__ == "__main__":
    ctx = mp.get_context("fork")
    with ctx.Pool(4) as pool:
        print(sum(a + b for a, b in pool.map(square, range(2000), 20)))
    r, w = ctx.Pipe()
    p = ctx.Process(target=lambda: w.send({"big": "x" * 1000000}))
    p.start(); print(len(r.recv()["big"])); p.join()
    for i in range(50):
        pid = os.fork()
        if pid == 0:
            x = [bytearray(1000) for _ in range(1000)]
            os._exit(i % 7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == i % 7
    print("forked")
EOT
END

workload py-spawn short python3 <<'END'
python3 - <<'EOT'
import subprocess, sys
for i in range(20):
    r = subprocess.run(["cat"], input=b"x" * i * 10000, capture_output=True)
    assert len(r.stdout) == i * 10000 and r.stderr == b""
p = [subprocess.Popen([sys.executable, "-c", f"print({i}**100)"], stdout=subprocess.PIPE, close_fds=True) for i in range(6)]
print([len(x.communicate()[0]) for x in p], [x.returncode for x in p])
print(subprocess.getoutput("echo $((6 * 7))"))
EOT
END

workload py-asyncio short python3 <<'END'
python3 -X dev -W error - <<'EOT'
import asyncio
async def client(n):
    reader, writer = await asyncio.open_unix_connection("sock")
    writer.write(b"%d\n" % n)
    line = await reader.readline()
    writer.close(); await writer.wait_closed()
    return int(line)
async def serve(reader, writer):
    n = int(await reader.readline())
    writer.write(b"%d\n" % (n * n)); await writer.drain()
    writer.close(); await writer.wait_closed()
async def main():
    server = await asyncio.start_unix_server(serve, "sock")
    for _ in range(3):
        print(sum(await asyncio.gather(*(client(i) for i in range(60)))))
    server.close(); await server.wait_closed()
asyncio.run(main())
EOT
END

workload py-codecs short python3 <<'END'
PYTHONMALLOC=malloc python3 - <<'EOT'
import bz2, hashlib, lzma, pickle, zlib, decimal, fractions, csv, io, base64
data = b"".join(b"%d:%d;" % (i, i * i) for i in range(60000))
for m in (bz2, lzma, zlib):
    c = m.compress(data); assert m.decompress(c) == data
    print(m.__name__, hashlib.sha1(c).hexdigest())
x = None
for i in range(3000): x = [x, i] if i % 500 else [i]
print(len(pickle.dumps([{"a": (i, str(i), float(i))} for i in range(30000)])))
decimal.getcontext().prec = 2000
print(hashlib.md5(str(decimal.Decimal(2).sqrt()).encode()).hexdigest())
print(hash(sum(fractions.Fraction(1, i) for i in range(1, 800))))
out = io.StringIO(); w = csv.writer(out)
for i in range(20000): w.writerow([i, "a,b" * (i % 5), i / 3])
print(len(list(csv.reader(io.StringIO(out.getvalue())))))
print((3 ** 40000).bit_length(), pow(7, 10 ** 30, 10 ** 25 + 13))
EOT
END

workload py-ctypes short python3 <<'END'
python3 - <<'EOT'
import ctypes as c
libc = c.CDLL(None, use_errno=True)
libc.malloc.restype = libc.realloc.restype = libc.calloc.restype = c.c_void_p
libc.malloc.argtypes = [c.c_size_t]; libc.free.argtypes = [c.c_void_p]
libc.realloc.argtypes = [c.c_void_p, c.c_size_t]
for n in range(1, 5000, 7):
    p = libc.malloc(n); c.memset(p, 65, n)
    p = libc.realloc(p, n * 3); assert c.string_at(p, n) == b"A" * n
    libc.free(p)
CMP = c.CFUNCTYPE(c.c_int, c.POINTER(c.c_int), c.POINTER(c.c_int))
a = (c.c_int * 3000)(*[i * 7919 % 3001 for i in range(3000)])
libc.qsort(a, 3000, 4, CMP(lambda x, y: x[0] - y[0]))
print(a[0], a[1500], a[2999])
print(libc.malloc(2 ** 63), c.get_errno())
EOT
END

workload py-sqlite short python3 <<'END'
python3 - <<'EOT'
import sqlite3
db = sqlite3.connect("f.db")
db.execute("create table t(a integer primary key, b text, c blob)")
db.executemany("insert into t values(?,?,?)", ((i, str(i) * (i % 20), bytes(i % 100)) for i in range(20000)))
db.create_function("twice", 1, lambda s: s * 2)
print(db.execute("select count(*), sum(length(twice(b))), sum(length(c)) from t").fetchone())
print(db.execute("select b from t where b like '%99%' order by b desc limit 3").fetchall())
db.commit(); db.close()
EOT
END

workload py-cycles short python3 <<'END'
PYTHONMALLOC=malloc python3 - <<'EOT'
import gc, weakref
class Node:
    def __init__(self, up): self.up, self.down, self.pay = up, [], "p" * 50
gone = 0
def note(_):
    global gone; gone += 1
refs = []
for round in range(30):
    root = Node(None)
    for i in range(2000):
        n = Node(root); root.down.append(n); n.down.append(root)
    refs.append(weakref.ref(root, note))
    del root, n
    gc.collect()
print(gone, len(gc.get_objects()) > 0)
EOT
END

workload py-limit short python3 <<'END'
ulimit -v 65536
python3 -c pass
python3 -c 'print(sum(range(100000)))'
END

workload py-memory-error short python3 <<'END'
ulimit -v 400000
PYTHONMALLOC=malloc python3 - <<'EOT'
for size in (10 ** 9, 2 ** 40, 2 ** 62):
    try:
        bytearray(size)
        print("got", size)
    except (MemoryError, OverflowError) as e:
        print(type(e).__name__)
blocks = []
try:
    while True:
        blocks.append(bytearray(1 << 20))
except MemoryError:
    n = len(blocks); blocks.clear()
print(100 < n < 400)
print(len([str(i) for i in range(300000)]))
EOT
END

# Anything that adds a thread makes newer ones warn at fork.
workload py-312-fork short "" <<'END'
set -- "$(getent passwd "$(id -u)" | cut -d: -f6)"/.pyenv/versions/3.1[2-9]*/bin/python3
[ -x "$1" ] || exit 77
for python; do
	"$python" -W error - <<'EOT'
import os
x = [bytearray(10000) for i in range(30000)]
del x
for i in range(20):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
print("no warning")
EOT
done
END

workload py-stdlib-tests long python3 <<'END'
python3 -c 'import test.test_json' 2>/dev/null || exit 77
python3 -m unittest -q test.test_dict test.test_list test.test_struct 2>&1 |
	sed 's/in [0-9.]*s/in T/'
END

workload py-tracemalloc long python3 <<'END'
python3 -X tracemalloc=5 - <<'EOT'
import tracemalloc
x = [str(i) * 10 for i in range(100000)]
snapshot = tracemalloc.take_snapshot()
print(len(snapshot.statistics("lineno")) > 0, tracemalloc.get_traced_memory()[0] > 1000000)
EOT
PYTHONMALLOC=debug python3 -c 'print(sum(len(str(i)) for i in range(200000)))'
END

workload py-old-and-new long "" <<'END'
set -- "$(getent passwd "$(id -u)" | cut -d: -f6)"/.pyenv/versions/*/bin/python
[ -x "$1" ] || exit 77
for python; do
	"$python" -c 'print(sum(len(str(i)) for i in range(300000)))'
	"$python" -c 'import json, re, threading, hashlib; print(hashlib.md5(json.dumps(list(range(9999))).encode()).hexdigest())'
done
END

finish
