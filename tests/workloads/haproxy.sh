# needs: haproxy ab curl
. ${0%/*}/common
seq 1 3000 > big
cat > conf <<EOC
global
	nbthread 2
	stats socket $PWD/s mode 600 level admin expose-fd listeners
	log stderr local0 emerg
defaults
	mode http
	timeout client 10s
	timeout server 10s
	timeout connect 5s
	compression algo gzip
	compression type text/plain
frontend f
	bind 127.0.0.1:18101
	http-request set-header X-Seen %[src]-%[path,crc32]
	acl many path_beg /many
	stick-table type ip size 1k expire 30s store http_req_rate(10s)
	http-request track-sc0 src
	use_backend many if many
	default_backend b
backend b
	balance roundrobin
	server a 127.0.0.1:18102 check inter 100ms
	server c 127.0.0.1:18103 check inter 100ms
backend many
	http-request return status 200 content-type text/plain lf-string "%[path] %[rand(1)] %[str(abc),sha2(256),hex]"
frontend back
	bind 127.0.0.1:18102
	bind 127.0.0.1:18103
	http-request return status 200 content-type text/plain file $PWD/big if { path /big }
	http-request return status 200 content-type text/plain lf-string "hello %[path]"
EOC
haproxy -W -db -f conf 2> err & pid=$!
up curl -sf http://127.0.0.1:18101/x
for u in x big many/1; do load 1500 20 http://127.0.0.1:18101/$u -k -H 'Accept-Encoding: gzip'; load 300 10 http://127.0.0.1:18101/$u; done
curl -s http://127.0.0.1:18101/big | md5sum; curl -s --compressed http://127.0.0.1:18101/big | md5sum
for i in 1 2 3; do
	kill -USR2 $pid
	sums 'for j in 1 2 3 4 5; do curl -s --retry 3 --retry-connrefused http://127.0.0.1:18101/p; echo; done' 8
	sleep 0.3; up curl -sf http://127.0.0.1:18101/x
done
end $pid TERM; grep -ciE 'alert.*(signal|crash)|core dumped' err
