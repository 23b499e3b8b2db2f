# needs: memcached
memcached -u root -s $PWD/s -m 64 -t 4 > log 2>&1 & pid=$!
sleep 0.5
cat > drive.py <<'EOT'
import socket, threading
res = {}
def work(t):
    s = socket.socket(socket.AF_UNIX); s.connect("s"); f = s.makefile("rb"); bad = 0
    for r in range(10):
        for i in range(600):
            v = (f"v{t}:{i}:{r}:" * (i % 300 + 1)).encode()
            s.sendall(b"set k%d:%d 0 0 %d\r\n%s\r\n" % (t, i, len(v), v))
            if f.readline() != b"STORED\r\n": bad += 1
        for i in range(600):
            s.sendall(b"get k%d:%d\r\n" % (t, i)); l = f.readline()
            v = (f"v{t}:{i}:{r}:" * (i % 300 + 1)).encode()
            if l == b"END\r\n": bad += 1; continue
            if f.read(int(l.split()[3]) + 2)[:-2] != v: bad += 1
            f.readline()
    res[t] = bad
ts = [threading.Thread(target=work, args=(i,)) for i in range(6)]; [t.start() for t in ts]; [t.join() for t in ts]
print(sorted(res.items()))
def many():
    l = []
    for i in range(300):
        s = socket.socket(socket.AF_UNIX); s.connect("s"); s.sendall(b"version\r\n"); l.append(s)
    print(sum(s.recv(100).startswith(b"VERSION") for s in l))
many(); many()
EOT
env -u LD_PRELOAD /usr/bin/python3 drive.py
kill $pid; wait $pid; echo $?
