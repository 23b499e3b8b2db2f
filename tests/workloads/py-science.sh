# needs: python3
# timeout: 90
cat > a.py <<'EOC'
import multiprocessing as mp, threading, hashlib, sys
def sq(x): return sum(i * x for i in range(2000))
if __name__ == "__main__":
    try:
        import pandas as pd, numpy as np
        r = np.random.RandomState(7); d = pd.DataFrame({"a": r.randint(0, 97, 50000), "b": r.rand(50000), "s": ["s%d" % (i * 7919 % 503) for i in range(50000)]})
        print(d.groupby("a").b.sum().round(6).sum().round(3), d.s.nunique(), len(d.merge(d.head(300), on="s"))); print(hashlib.md5(d.head(5000).to_csv(index=False, float_format="%.6f").encode()).hexdigest())
        print(d.pivot_table(index="a", columns=d.index % 3, values="b", aggfunc="count").sum().sum(), d.s.str.replace("7", "x").str.len().sum(), d.rolling(50, on=None).b.mean().round(4).sum().round(2) if False else d.b.rolling(50).mean().sum().round(2))
    except ImportError: print("no pandas")
    try:
        from scipy import sparse, linalg, optimize, spatial, signal; import numpy as np
        m = sparse.diags([1, -2, 1], [-1, 0, 1], shape=(3000, 3000)).tocsc(); from scipy.sparse.linalg import spsolve; print(round(float(abs(spsolve(m, np.ones(3000))).max()), 0))
        print(optimize.minimize(lambda x: ((x - 3) ** 2).sum(), np.zeros(5)).x.round(3).tolist(), spatial.cKDTree(np.arange(30000).reshape(-1, 3) % 97.0).query([5, 5, 5])[1] >= 0, round(float(signal.fftconvolve(np.ones(3000), np.ones(300)).max()), 3))
        ts = [threading.Thread(target=lambda: linalg.svdvals(np.arange(40000.0).reshape(200, 200) % 17)) for _ in range(4)]; [t.start() for t in ts]; [t.join() for t in ts]
    except ImportError: print("no scipy")
    for method in ("fork", "spawn", "forkserver"):
        with mp.get_context(method).Pool(3) as p: print(method, sum(p.map(sq, range(60))), sum(p.imap_unordered(sq, range(40))))
    q = mp.Queue(); ps = [mp.Process(target=lambda i: [q.put("x" * (i * 100)) for _ in range(50)], args=(i,)) for i in range(4)]; [p.start() for p in ps]; print(sum(len(q.get()) for _ in range(200))); [p.join() for p in ps]
    with mp.Manager() as m: l = m.list(); d = m.dict(); [l.append(i) for i in range(50)]; d.update({i: str(i) for i in range(50)}); print(len(l), len(d))
EOC
/usr/bin/python3 -W ignore a.py
if command -v cython3 > /dev/null && /usr/bin/python3 -c 'import sysconfig,os,sys; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))'; then printf 'from libc.stdlib cimport malloc, free\ncdef class N:\n    cdef object v\n    cdef N next\n    def __init__(self, v, N n): self.v = v; self.next = n\ndef f(int n):\n    cdef int i; cdef long s = 0; cdef int **p = <int **>malloc(n * sizeof(int *))\n    for i in range(n): p[i] = <int *>malloc(40); p[i][0] = i\n    l = None\n    for i in range(n): l = N(str(i), l)\n    for i in range(n): s += p[i][0]; free(p[i])\n    free(p); return s\n' > m.pyx; cython3 -3 m.pyx 2> /dev/null && gcc -O1 -shared -fPIC $(/usr/bin/python3 -c 'import sysconfig; print("-I" + sysconfig.get_path("include"))') m.c -o m.so && /usr/bin/python3 -c 'import m; print(sum(m.f(5000) for _ in range(10)))'; fi
