# needs: redis-server redis-benchmark
redis-server --port 0 --unixsocket s --save '' --logfile log --enable-debug-command local --io-threads 2 --dir . & pid=$!
c() { redis-cli -s s "$@"; }
n=0; until [ "$(c ping 2>/dev/null)" = PONG ]; do sleep 0.1; n=$((n + 1)); [ $n -lt 100 ] || exit 1; done
cat > drive.py <<'EOT'
import socket, threading, hashlib
res = {}
def conn():
    s = socket.socket(socket.AF_UNIX); s.connect("s"); return s, s.makefile("rb")
def cmd(*a):
    a = [x if isinstance(x, bytes) else str(x).encode() for x in a]
    return b"*%d\r\n" % len(a) + b"".join(b"$%d\r\n%s\r\n" % (len(x), x) for x in a)
def reply(f):
    l = f.readline()
    if l[:1] == b"$": n = int(l[1:]); return None if n < 0 else f.read(n + 2)[:-2]
    if l[:1] == b"*": return [reply(f) for _ in range(int(l[1:]))]
    return l.strip()
def work(t):
    s, f = conn(); h = hashlib.md5(); bad = 0
    for r in range(10):
        b = []
        for i in range(100):
            k = f"k{t}:{i}"; v = (f"v{t}:{i}:{r}:" * (i % 40 + 1))
            b += [cmd("SET", k, v), cmd("RPUSH", f"l{t}:{i%9}", v), cmd("ZADD", f"z{t}", i * r % 97, v), cmd("HSET", f"h{t}:{i%5}", i, v), cmd("SADD", f"s{t}", i * r % 501)]
        s.sendall(b"".join(b))
        for _ in b: h.update(str(reply(f)).encode())
        for i in range(100):
            s.sendall(cmd("GET", f"k{t}:{i}"))
            if reply(f) != (f"v{t}:{i}:{r}:" * (i % 40 + 1)).encode(): bad += 1
        if r % 5 == 4: s.sendall(cmd("DEL", f"l{t}:3", f"z{t}")); reply(f)
    for i in range(9): s.sendall(cmd("LRANGE", f"l{t}:{i}", 0, -1)); h.update(str(reply(f)).encode())
    s.sendall(cmd("HGETALL", f"h{t}:1")); h.update(str(sorted(reply(f))).encode())
    res[t] = (bad, h.hexdigest())
ts = [threading.Thread(target=work, args=(i,)) for i in range(5)]; [t.start() for t in ts]; [t.join() for t in ts]
for k in sorted(res): print(k, *res[k])
EOT
env -u LD_PRELOAD /usr/bin/python3 drive.py
redis-benchmark -s s -q -n 8000 -c 20 -t set,get,lpush,sadd,zadd > bench 2>&1; echo $?; tr '\r' '\n' < bench | grep -c 'requests per second.*p50'
c bgsave > /dev/null; while c info persistence | grep -q rdb_bgsave_in_progress:1; do sleep 0.1; done; c info persistence | grep -a last_bgsave_status | tr -d '\r'
c debug reload; c config set activedefrag yes > /dev/null 2>&1; sleep 0.5; c debug digest 2>&1 | wc -c
c eval 'local s = 0 for i = 1, 200000 do local t = {i, tostring(i)} s = s + #t[2] end return s' 0
c flushall async; c dbsize; c shutdown nosave; wait $pid; echo $?; grep -ciE 'crash|bug report|assert' log
