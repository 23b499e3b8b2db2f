# needs: openssl curl
# programs: stunnel4 tinyproxy lighttpd
. ${0%/*}/common
mkdir html; seq 1 100000 > html/big; for i in $(seq 1 50); do seq $i $((i * 50)) > html/$i; done
printf 'server.document-root = "%s/html"\nserver.port = 18231\nserver.bind = "127.0.0.1"\n' "$PWD" > l.conf; lighttpd -D -f l.conf 2> /dev/null & w=$!; up curl -sf http://127.0.0.1:18231/1
openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=x -days 1 2> /dev/null; cat k c > kc
if command -v stunnel4 > /dev/null; then
	printf 'foreground = yes\npid = \nsyslog = no\ndebug = 0\n[s]\naccept = 127.0.0.1:18232\nconnect = 127.0.0.1:18231\ncert = %s/kc\n[c]\nclient = yes\naccept = 127.0.0.1:18233\nconnect = 127.0.0.1:18232\n' "$PWD" > s.conf
	stunnel4 s.conf > slog 2>&1 & s=$!; up curl -skf https://127.0.0.1:18232/1
	sums 'curl -sk https://127.0.0.1:18232/big | md5sum; for i in $(seq 1 10); do curl -sk https://127.0.0.1:18232/$i; done | md5sum; curl -s "http://127.0.0.1:18233/[1-20]" | md5sum' 6
	kill -HUP $s; sleep 0.5; up curl -skf https://127.0.0.1:18232/1; sums 'curl -s http://127.0.0.1:18233/big | md5sum' 8; end $s
fi
if command -v tinyproxy > /dev/null; then
	printf 'Port 18234\nListen 127.0.0.1\nTimeout 60\nMaxClients 100\nLogLevel Critical\n' > t.conf; tinyproxy -d -c t.conf > tlog 2>&1 & t=$!; up curl -sf -x 127.0.0.1:18234 http://127.0.0.1:18231/1
	sums 'curl -s -x 127.0.0.1:18234 http://127.0.0.1:18231/big | md5sum; for i in $(seq 1 20); do curl -s -x 127.0.0.1:18234 http://127.0.0.1:18231/$i; done | md5sum; curl -s -p -x 127.0.0.1:18234 http://127.0.0.1:18231/7 | md5sum' 6; end $t
fi
openssl s_server -accept 127.0.0.1:18235 -cert c -key k -www -quiet -tls1_3 > /dev/null 2>&1 & o=$!; sleep 0.5; openssl s_time -connect 127.0.0.1:18235 -new -time 1 > /dev/null 2>&1; echo $?; for i in $(seq 1 10); do echo "GET / HTTP/1.0" | timeout 10 openssl s_client -quiet -connect 127.0.0.1:18235 2> /dev/null | grep -c s_server; done | sort | uniq -c; kill $o $w
