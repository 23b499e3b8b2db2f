# needs: squid lighttpd ab curl
# timeout: 90
. ${0%/*}/common
top=$(mktemp -d /tmp/gcmtestsqXXXXXX); trap 'rm -rf "$top"' EXIT; chmod 777 "$top"; mkdir html; seq 1 60000 > html/big; for i in $(seq 1 60); do seq $i $((i * 50)) > html/$i; done
cat > l.conf <<EOC
server.document-root = "$PWD/html"
server.port = 18121
server.bind = "127.0.0.1"
EOC
lighttpd -D -f l.conf 2> /dev/null & web=$!
cat > conf <<EOC
http_port 127.0.0.1:18122
http_access allow all
pid_filename $top/pid
cache_log $top/log
access_log stdio:$top/acc
cache_mem 8 MB
maximum_object_size_in_memory 64 KB
netdb_filename none
coredump_dir $top
shutdown_lifetime 1 seconds
visible_hostname h
pinger_enable off
EOC
squid -f conf -N > /dev/null 2>&1 & pid=$!
up curl -sf -x 127.0.0.1:18122 http://127.0.0.1:18121/1
load 800 15 http://127.0.0.1:18121/7 -X 127.0.0.1:18122 -k; load 200 8 http://127.0.0.1:18121/big -X 127.0.0.1:18122
sums 'for i in $(seq 1 30); do curl -s -x 127.0.0.1:18122 http://127.0.0.1:18121/$i; done | md5sum' 4
sums 'curl -s -x 127.0.0.1:18122 -r 100-20000 -H "Cache-Control: no-cache" http://127.0.0.1:18121/big | md5sum' 6
curl -s -o /dev/null -w '%{http_code}\n' -x 127.0.0.1:18122 http://127.0.0.1:1/
end $pid TERM; kill $web; wait $web; grep -cE 'assertion|FATAL|signal' $top/log
