# needs: python3
# programs: beanstalkd rsyslogd tarantool
. ${0%/*}/common
if command -v beanstalkd > /dev/null; then
	beanstalkd -l 127.0.0.1 -p 18251 -b . 2> /dev/null & p=$!
	cat > b.py <<'EOC'
import socket, threading, time
def conn():
    for _ in range(300):
        try: s = socket.create_connection(("127.0.0.1", 18251)); return s, s.makefile("rb")
        except OSError: time.sleep(0.1)
def put(t):
    s, f = conn(); s.sendall(b"use tube%d\r\n" % (t % 2)); f.readline()
    for i in range(2000): b = b"x%d" % i * (i % 60); s.sendall(b"put %d 0 60 %d\r\n%s\r\n" % (i % 5, len(b), b)); f.readline()
def get(t):
    s, f = conn(); s.sendall(b"watch tube%d\r\n" % (t % 2)); f.readline(); n = 0
    while True:
        s.sendall(b"reserve-with-timeout 2\r\n"); l = f.readline().split()
        if l[0] != b"RESERVED": break
        n += len(f.read(int(l[2]) + 2)) - 2; s.sendall(b"delete %s\r\n" % l[1]); f.readline()
    total[t] = n
total = {}
ts = [threading.Thread(target=f, args=(i,)) for i in range(4) for f in (put, get)]; [t.start() for t in ts]; [t.join() for t in ts]; print(sum(total.values()))
EOC
	env -u LD_PRELOAD /usr/bin/python3 b.py; end $p
fi
if command -v rsyslogd > /dev/null; then
	printf 'module(load="imudp")\nmodule(load="imtcp")\ninput(type="imtcp" port="18252" address="127.0.0.1")\ntemplate(name="t" type="string" string="%%msg%%\\n")\nruleset(name="r") { if $msg contains "7" then action(type="omfile" file="%s/seven" template="t")\naction(type="omfile" file="%s/all" template="t") }\ninput(type="imtcp" port="18253" address="127.0.0.1" ruleset="r")\n' "$PWD" "$PWD" > r.conf
	rsyslogd -n -f r.conf -i "$PWD/pid" > rlog 2>&1 & p=$!; cat > r.py <<'EOC'
import socket, threading, time
def send(t):
    for _ in range(300):
        try: s = socket.create_connection(("127.0.0.1", 18253)); break
        except OSError: time.sleep(0.1)
    for i in range(3000): s.sendall(b"<13>Jan  1 00:00:00 h p: t%d m%d %s\n" % (t, i, b"x" * (i % 50)))
    s.close()
ts = [threading.Thread(target=send, args=(i,)) for i in range(5)]; [t.start() for t in ts]; [t.join() for t in ts]
EOC
	env -u LD_PRELOAD /usr/bin/python3 r.py; n=0; until [ "$(wc -l < all)" = 15000 ] || [ $n -gt 100 ]; do sleep 0.1; n=$((n + 1)); done; sort all | md5sum; kill -HUP $p; sleep 0.3; end $p; sort seven | md5sum
fi
if command -v tarantool > /dev/null; then
	cat > t.lua <<'EOC'
box.cfg{memtx_memory = 64 * 1024 * 1024, log = "tlog", wal_mode = "write", work_dir = "."}
local s = box.schema.space.create("s"); s:create_index("p", {parts = {1, "unsigned"}}); s:create_index("k", {parts = {2, "string"}, unique = false})
local fiber = require("fiber"); local ch = fiber.channel(8)
for f = 1, 8 do fiber.create(function() for i = f, 20000, 8 do s:replace{i, "k" .. i * 7919 % 503, {a = i}} if i % 50 == 0 then fiber.yield() end end ch:put(f) end) end
for f = 1, 8 do ch:get() end
print(s:len(), s.index.k:count("k17")); local n = 0 for _, t in s:pairs() do n = n + t[3].a end print(n); box.snapshot(); print(#box.execute("select 1").rows)
for i = 1, 20000, 2 do s:delete(i) end collectgarbage() print(s:len()); os.exit(0)
EOC
	tarantool t.lua
fi
