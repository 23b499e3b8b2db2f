export PYTHONMALLOC=malloc
cat > a.py <<'EOT'
import gc, json, pickle, decimal, fractions, re, threading, weakref, collections, hashlib, copy, random
random.seed(1)
class Node:
    __slots__ = ("kids", "up", "v", "__weakref__")
    def __init__(self, v): self.v, self.kids, self.up = v, [], None
def tree(d):
    n = Node(str(d) * 3)
    if d:
        for _ in range(3):
            k = tree(d - 1); k.up = weakref.ref(n); n.kids.append(k)
    return n
def count(n): return 1 + sum(count(k) for k in n.kids if k.up() is n)
t = tree(8); print(count(t))
d = {}
for i in range(150000): d.setdefault("k%d" % (i * 7919 % 30011), []).append((i, str(i)))
s = json.dumps(d, sort_keys=True); print(hashlib.md5(s.encode()).hexdigest())
p = pickle.dumps(d); print(len(p), pickle.loads(p) == d)
print(hashlib.md5(repr(sorted(copy.deepcopy(d).items())).encode()).hexdigest())
decimal.getcontext().prec = 200
x = decimal.Decimal(2)
for i in range(3000): x = (x * 3).sqrt() + i
print(x)
q = collections.deque()
for i in range(200000):
    q.append([i]);
    if len(q) > 1000: q.popleft()
print(sum(a[0] for a in q))
out = {}
def work(n):
    r = random.Random(n); l = []
    for i in range(20000):
        l.append({"a": i, "b": "x" * r.randrange(60)})
        if len(l) > 3000: del l[r.randrange(len(l))]
    out[n] = sum(len(e["b"]) for e in l)
ts = [threading.Thread(target=work, args=(i,)) for i in range(6)]
[a.start() for a in ts]; [a.join() for a in ts]
print(sorted(out.items()))
for i in range(20):
    a = []; a.append(a); [Node(1) for _ in range(10000)]
print(gc.collect() >= 0, count(t))
print(len(re.sub(r"(\d+)", lambda m: hex(int(m[1])), s)))
EOT
/usr/bin/python3 a.py
