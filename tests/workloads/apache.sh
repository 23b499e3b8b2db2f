# needs: apache2 ab curl
mkdir html; seq 1 50000 > html/big; echo hello > html/index.html
M=/usr/lib/apache2/modules
cat > conf <<EOT
ServerRoot $PWD
ServerName x
Listen 127.0.0.1:18083
PidFile $PWD/pid
ErrorLog $PWD/err
LoadModule mpm_event_module $M/mod_mpm_event.so
LoadModule authz_core_module $M/mod_authz_core.so
LoadModule dir_module $M/mod_dir.so
LoadModule deflate_module $M/mod_deflate.so
LoadModule filter_module $M/mod_filter.so
LoadModule proxy_module $M/mod_proxy.so
LoadModule proxy_http_module $M/mod_proxy_http.so
LoadModule rewrite_module $M/mod_rewrite.so
DefaultRuntimeDir $PWD
DocumentRoot $PWD/html
User www-data
StartServers 2
ThreadsPerChild 16
MaxConnectionsPerChild 500
ProxyPass /p/ http://127.0.0.1:18083/
RewriteEngine on
RewriteRule ^/r/(.*) /\$1 [PT]
AddOutputFilterByType DEFLATE text/plain text/html
EOT
chmod 711 .. . ; apache2 -f $PWD/conf -DFOREGROUND > out 2>&1 & pid=$!
n=0; until curl -s http://127.0.0.1:18083/ > /dev/null; do sleep 0.1; n=$((n + 1)); [ $n -lt 100 ] || { cat out err; exit 1; }; done
for u in index.html r/big none; do ab -q -n 400 -c 12 -H 'Accept-Encoding: gzip' http://127.0.0.1:18083/$u 2>&1 | grep -E 'Complete|Failed|Non-2xx'; done
for i in 1 2 3; do kill -USR1 $pid; sleep 0.3; for j in $(seq 1 10); do curl -s --compressed http://127.0.0.1:18083/p/r/big | md5sum; done | sort -u; done
kill -TERM $pid; wait $pid; echo $?; grep -cE 'seg|exit signal|alert' err
