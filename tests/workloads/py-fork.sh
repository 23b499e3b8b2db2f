cat > a.py <<'EOT'
import multiprocessing as mp, os, threading, subprocess, sys
from multiprocessing import shared_memory
def f(n): return sum(len(str(i) * 3) for i in range(n))
def g(name, i):
    s = shared_memory.SharedMemory(name); s.buf[i] = i; s.close()
if __name__ == "__main__":
    for how in ("fork", "spawn", "forkserver"):
        c = mp.get_context(how)
        with c.Pool(3) as p: print(how, p.map(f, range(0, 20000, 400), chunksize=3))
        q = c.Queue(); ps = [c.Process(target=q.put, args=([i] * 20000,)) for i in range(4)]
        [p.start() for p in ps]; got = sorted(q.get()[0] for _ in ps); [p.join() for p in ps]; print(got)
    s = shared_memory.SharedMemory(create=True, size=100)
    ps = [mp.Process(target=g, args=(s.name, i)) for i in range(8)]
    [p.start() for p in ps]; [p.join() for p in ps]; print(bytes(s.buf[:8])); s.close(); s.unlink()
    stop = False
    def churn():
        while not stop: [str(i) for i in range(2000)]
    t = [threading.Thread(target=churn) for _ in range(3)]; [x.start() for x in t]
    for i in range(60):
        pid = os.fork()
        if pid == 0:
            x = [str(j) * 5 for j in range(4000)]; os._exit(len(x) % 251)
        assert os.waitpid(pid, 0)[1] >> 8 == 4000 % 251
    print(sum(len(subprocess.run(["echo", str(i)], capture_output=True).stdout) for i in range(50)))
    stop = True; [x.join() for x in t]; print("done")
EOT
/usr/bin/python3 a.py
