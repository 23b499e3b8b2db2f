# needs: nginx ab curl
mkdir -p html t; seq 1 100000 > html/big; echo hello > html/index.html
cat > conf <<EOT
user root; daemon off; master_process on; worker_processes 2; pid $PWD/pid; error_log $PWD/err;
events { worker_connections 256; }
http { access_log $PWD/acc; root $PWD/html; gzip on; gzip_min_length 10; gzip_types *; proxy_http_version 1.1;
	client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
	server { listen 127.0.0.1:18081; location /p/ { proxy_pass http://127.0.0.1:18081/; } location /e { return 200 "\$request_method \$arg_x"; } } }
EOT
nginx -e err -p "$PWD" -c conf & pid=$!
n=0; until curl -s http://127.0.0.1:18081/e > /dev/null; do sleep 0.1; n=$((n + 1)); [ $n -lt 100 ] || exit 1; done
for u in index.html p/index.html p/big e?x=1 p/p/p/big none; do
	ab -q -n 400 -c 20 -k -H 'Accept-Encoding: gzip' http://127.0.0.1:18081/$u 2>&1 | grep -E 'Complete|Failed|Non-2xx|Document Length'
done
curl -s http://127.0.0.1:18081/p/p/big | md5sum; curl -s --compressed http://127.0.0.1:18081/p/big | md5sum
for i in 1 2 3; do kill -HUP $pid; (for j in $(seq 1 30); do curl -s "http://127.0.0.1:18081/e?x=$j" & done; wait) | grep -o GET | wc -l; done
kill -QUIT $pid; wait $pid; echo $?; wc -l < acc; grep -cE 'alert|emerg|signal' err
