# needs: varnishd varnishadm gcc lighttpd ab curl
# timeout: 90
. ${0%/*}/common
top=$(mktemp -d /tmp/gcmtestvaXXXXXX); chmod 755 "$top"; trap 'rm -rf "$top"' EXIT
mkdir html; seq 1 60000 > html/big; for i in $(seq 1 60); do seq $i $((i * 50)) > html/$i; done
printf 'server.document-root = "%s/html"\nserver.port = 18131\nserver.bind = "127.0.0.1"\n' "$PWD" > l.conf
lighttpd -D -f l.conf 2> /dev/null & web=$!
cat > "$top/v.vcl" <<'EOC'
vcl 4.1; import std;
backend b { .host = "127.0.0.1"; .port = "18131"; }
sub vcl_recv { if (req.url ~ "^/s/") { return (synth(200, "synth " + req.url)); } unset req.http.Cookie; }
sub vcl_backend_response { set beresp.ttl = 2m; set beresp.do_gzip = (bereq.url == "/big"); if (bereq.url ~ "9$") { set beresp.ttl = 0s; } }
sub vcl_deliver { unset resp.http.Via; set resp.http.X = regsuball(req.url, "[0-9]", "n"); }
EOC
varnishd -j none -F -n "$top/n" -a 127.0.0.1:18132 -f "$top/v.vcl" -s malloc,30m -p cli_timeout=60 -p thread_pools=2 -p thread_pool_min=20 > vlog 2>&1 & pid=$!
up curl -sf http://127.0.0.1:18132/1
load 800 20 http://127.0.0.1:18132/7 -k; load 60 8 http://127.0.0.1:18132/big -H 'Accept-Encoding: gzip'; load 200 10 http://127.0.0.1:18132/9; load 100 10 http://127.0.0.1:18132/s/x -l
sums 'for i in $(seq 1 20); do curl -s http://127.0.0.1:18132/$i; done | md5sum; curl -s --compressed http://127.0.0.1:18132/big | md5sum' 4
for i in 1 2; do varnishadm -n "$top/n" vcl.load v$i "$top/v.vcl" > /dev/null; echo $?; varnishadm -n "$top/n" vcl.use v$i > /dev/null; echo $?; varnishadm -n "$top/n" ban 'req.url ~ .' > /dev/null; echo $?; load 100 8 http://127.0.0.1:18132/5 -k; done
varnishadm -n "$top/n" panic.show 2>&1 | head -1
end $pid TERM; kill $web; grep -ciE 'panic|child.*died' vlog
