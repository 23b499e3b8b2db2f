#!/bin/sh
# servers.sh -- daemons, reached through sockets in the file system
. "$GCMTEST_SRCDIR/tests/programs/compare"

# until_true SECONDS COMMAND...
UNTIL='until_true() {
	n=$(($1 * 20)); shift
	until "$@" > /dev/null 2>&1; do
		sleep 0.05; n=$((n - 1)); [ $n -gt 0 ] || return 1
	done
}
'

workload redis short "redis-server redis-cli" <<END
$UNTIL
redis-server --port 0 --unixsocket s --save '' --logfile log --io-threads 2 --dir . &
c() { redis-cli -s s "\$@"; }
until_true 10 c ping || exit 1
seq 1 20000 | awk '{print "SET key:" \$1, "value-" \$1 * 7919}' | c --pipe | tail -n 1
c eval 'for i = 1, 3000 do redis.call("RPUSH", "list", i, string.rep("x", i % 200)) redis.call("ZADD", "z", i * 7 % 1000, i) redis.call("HSET", "h" .. i % 50, "f" .. i, i) end return redis.call("LLEN", "list")' 0
c zrange z 100 105 WITHSCORES; c hlen h7; c get key:777; c dbsize
c setrange big 3000000 end; c strlen big; c append big more; c getrange big 3000000 -1
c sort list limit 0 3 alpha desc; c object encoding list
c bgsave; until_true 10 sh -c 'redis-cli -s s info persistence | grep -q rdb_bgsave_in_progress:0'
c bgrewriteaof > /dev/null
c memory usage key:1 > /dev/null; c memory malloc-stats > /dev/null; c memory doctor > /dev/null
c memory purge; c config set activedefrag yes > /dev/null 2>&1
c debug reload 2>/dev/null | wc -l; c lastsave > /dev/null
c flushall; c dbsize; c wrong; c shutdown nosave
wait; echo \$?
END

workload nginx short "nginx curl" <<END
$UNTIL
mkdir -p html t
seq 1 100000 > html/big; echo hello > html/index.html
cat > conf <<EOT
\$([ "\$(id -u)" = 0 ] && echo 'user root;')
daemon off; master_process on; worker_processes 2; pid \$PWD/pid; error_log \$PWD/err;
events { worker_connections 64; }
http {
	access_log \$PWD/acc; root \$PWD/html; gzip on; gzip_min_length 10; gzip_types *;
	client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
	server { listen unix:s; location /p/ { proxy_pass http://unix:s:/; } location /r { return 301 /; }
		location /e { return 200 "\\\$request_method \\\$arg_x"; } }
}
EOT
nginx -e err -p "\$PWD" -c conf &
g() { curl -s --unix-socket s "http://h/\$1" \$2 \$3; }
until_true 10 g e || exit 1
g; g big | md5sum; g big --compressed | md5sum; g p/big | md5sum; g p/p/p/ ; g none | grep title
g 'e?x=7'; echo; g r -I | grep -E 'HTTP|Location' | tr -d '\\r'
for i in 1 2 3 4 5 6 7 8 9 10; do g "p/big" -r"\$i-\$((i * 1000))" | wc -c; done
nginx -e err -p "\$PWD" -c conf -s reload; sleep 0.3
(for i in \$(seq 1 40); do g "e?x=\$i" & done; wait) | tr ' ' '\\n' | grep -c GET
nginx -e err -p "\$PWD" -c conf -s quit; wait; echo \$?
grep -c . acc
END

# Postgres refuses to run for root; its socket's path must be short.
workload postgres short "initdb postgres psql" <<'END'
bin=$(dirname "$(readlink -f "$(command -v postgres)")")
PATH=$bin:$PATH
top=$(mktemp -d /tmp/pgXXXXXX) || exit 77
trap 'rm -rf "$top"' EXIT
as=
if [ "$(id -u)" = 0 ]; then
	command -v setpriv > /dev/null || exit 77
	as='setpriv --reuid=65534 --regid=65534 --clear-groups'
	chown 65534:65534 "$top"
fi
$as test -r "${PROGRAMS_LIB:-/}" || exit 77
export HOME="$top" TMPDIR="$top"
cd "$top"
$as initdb -D "$top/d" -U u --no-sync --no-locale -E UTF8 2>&1 | sed "s,$top,TOP,g"
$as postgres -D "$top/d" -k "$top" -c listen_addresses= -c fsync=off -c max_parallel_workers_per_gather=2 \
	-c min_parallel_table_scan_size=0 -c parallel_setup_cost=0 > "$top/log" 2>&1 &
server=$!
n=0
until $as psql -X -q -h "$top" -U u -c 'select 1' postgres > /dev/null 2>&1; do
	sleep 0.1; n=$((n + 1)); [ $n -lt 200 ] || exit 1
done
$as psql -X -q -h "$top" -U u postgres <<'EOT' 2>&1
create table t as select i, md5(i::text) s, array[i, i * 2] a from generate_series(1, 40000) i;
create index on t(s); analyze t;
select count(*), sum(i), max(s), min(s) from t;
select count(*) from t x join t y on x.s = y.s where y.i % 3 = 0;
select substr(s, 1, 1) k, count(*) from t group by 1 order by 1;
select length(string_agg(s, ',' order by i)) from t;
select jsonb_object_agg(i, s) -> '777' from t where i < 2000;
create function f(n int) returns int language plpgsql as 'begin if n < 2 then return n; end if; return f(n - 1) + f(n - 2); end';
select f(17);
begin; update t set s = upper(s) where i % 2 = 0; rollback;
select regexp_replace(repeat('ab', 3000), 'b(a)b', 'x\1', 'g') = '' as e;
select 1 / 0; select * from nothing;
vacuum full t; checkpoint;
\copy t to 'out.csv' csv
select pg_size_pretty(count(*)) from t;
EOT
$as md5sum "$top/out.csv" | cut -d' ' -f1
kill -INT $server; wait $server; echo $?
grep -cE 'PANIC|FATAL:  out of|signal' "$top/log"
true
END

# Many connections at once: a process each in postgres, a thread pool here.
workload python-http short "python3 curl" <<END
$UNTIL
cat > server.py <<'EOT'
import http.server, socketserver, os, socket
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = (self.path * 1000).encode()
        self.send_response(200); self.end_headers(); self.wfile.write(body)
    def log_message(self, *a): pass
    def address_string(self): return "x"
class S(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 128
S("s", H).serve_forever()
EOT
python3 server.py &
g() { curl -s --unix-socket s "http://h/\$1"; }
until_true 10 g || exit 1
(for i in \$(seq 1 40); do g "\$i" | wc -c & done; wait) | sort -n | md5sum
g word | md5sum
kill \$!; wait; true
END

workload sshd long "/usr/sbin/sshd ssh-keygen" <<'END'
ssh-keygen -q -t ed25519 -N '' -f key
/usr/sbin/sshd -t -h "$PWD/key" -f /dev/null 2>&1 | wc -l
END

finish
