# needs: python3
/usr/bin/python3 -c '
import numpy as np
rng = np.random.default_rng(1)
a = rng.integers(0, 1000, (400, 400)).astype(float)
for i in range(30): b = (a @ a.T) % 1009; a = b[::-1]
print(a.sum(), np.linalg.matrix_rank(a), a.dtype)
o = np.array([str(i) for i in range(100000)], dtype=object); print(len("".join(o[::-1])))
l = [np.full(i % 500, i) for i in range(30000)]; print(sum(int(x.sum()) for x in l))
v = a.view(); del a; print(v.base is not None, v[3, :5])
np.save("f.npy", v); m = np.load("f.npy", mmap_mode="r"); print(m.sum())
for i in range(200): x = np.fft.rfft(rng.random(4096)).real; y = np.sort(x)
print(round(float(y[7]), 6))
import lxml.etree as L
r = L.Element("r")
for i in range(20000):
    e = L.SubElement(r, "e", a=str(i)); e.text = str(i)
print(len(L.tostring(r)), len(r.xpath("//e[@a mod 7 = 0]")))
t = L.fromstring(L.tostring(r)); k = t[100]; del t, r; print(k.getparent().tag, k.getnext().text)
'
