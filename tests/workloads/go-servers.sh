# needs: curl ab
# programs: caddy etcd etcdctl nats-server prometheus influxd
. ${0%/*}/common
mkdir html; seq 1 20000 > html/big
if command -v caddy > /dev/null; then
	printf '{\n admin off\n auto_https off\n}\nhttp://127.0.0.1:18241 {\n root * %s/html\n file_server\n encode gzip\n respond /hi "hello {path}"\n}\n' "$PWD" > Caddyfile
	caddy run --config Caddyfile > clog 2>&1 & p=$!; up curl -sf http://127.0.0.1:18241/hi; echo caddy; load 1000 20 http://127.0.0.1:18241/hi -k; load 200 10 http://127.0.0.1:18241/big; curl -s --compressed http://127.0.0.1:18241/big | md5sum; end $p
fi
if command -v etcd > /dev/null; then
	etcd --data-dir e --listen-client-urls http://127.0.0.1:18242 --advertise-client-urls http://127.0.0.1:18242 --listen-peer-urls http://127.0.0.1:18243 --initial-advertise-peer-urls http://127.0.0.1:18243 --initial-cluster default=http://127.0.0.1:18243 > elog 2>&1 & p=$!; export ETCDCTL_API=3 ETCDCTL_ENDPOINTS=http://127.0.0.1:18242; up etcdctl put a b; echo etcd
	for i in $(seq 1 12); do etcdctl put k$i v$i & done | grep -c OK; etcdctl get k --prefix | md5sum; etcdctl del k1 --prefix; etcdctl compact 20; end $p
fi
if command -v nats-server > /dev/null; then
	nats-server -a 127.0.0.1 -p 18244 > nlog 2>&1 & p=$!; sleep 1; echo nats; for i in 1 2 3 4; do (printf 'CONNECT {"verbose":false}\r\n'; seq 1 2000 | sed 's/.*/PUB a.b 3\r\nabc\r/'; printf 'PING\r\n'; sleep 0.5) | curl -s -m 3 --no-buffer telnet://127.0.0.1:18244 | grep -c PONG; done; end $p
fi
if command -v influxd > /dev/null; then
	printf '[meta]\n dir = "%s/i/m"\n[data]\n dir = "%s/i/d"\n wal-dir = "%s/i/w"\n[http]\n bind-address = "127.0.0.1:18245"\n log-enabled = false\nbind-address = "127.0.0.1:18246"\n' "$PWD" "$PWD" "$PWD" > i.conf; sed -i '$d' i.conf; sed -i '1i bind-address = "127.0.0.1:18246"\nreporting-disabled = true' i.conf
	influxd -config i.conf > ilog 2>&1 & p=$!; up curl -sf http://127.0.0.1:18245/ping; echo influx; curl -s -XPOST http://127.0.0.1:18245/query --data-urlencode 'q=CREATE DATABASE d' ; for i in 1 2 3 4; do seq 1 3000 | sed "s/.*/m,h=h$i v=&,w=$i &000000/" | curl -s -XPOST "http://127.0.0.1:18245/write?db=d" --data-binary @- & w="${w:-} $!"; done; wait $w; curl -sG http://127.0.0.1:18245/query --data-urlencode db=d --data-urlencode 'q=SELECT count(v), sum(w), max(v) FROM m GROUP BY h'; end $p
fi
if command -v prometheus > /dev/null; then
	printf 'scrape_configs:\n- job_name: p\n  scrape_interval: 200ms\n  static_configs:\n  - targets: [127.0.0.1:18247]\n' > p.yml; prometheus --config.file=p.yml --storage.tsdb.path=pr --web.listen-address=127.0.0.1:18247 > plog 2>&1 & p=$!; up curl -sf http://127.0.0.1:18247/-/ready; sleep 2; echo prometheus; up sh -c 'curl -sG http://127.0.0.1:18247/api/v1/query --data-urlencode "query=up" | grep "\"1\""'; load 200 8 'http://127.0.0.1:18247/api/v1/query?query=1%2B1' -l; end $p
fi
