# needs: lighttpd ab curl
. ${0%/*}/common
mkdir -p html/cgi; seq 1 50000 > html/big.txt; echo hello > html/a.txt
printf '#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n"; echo "$QUERY_STRING"; cat | wc -c\n' > html/cgi/e.cgi; chmod +x html/cgi/e.cgi
cat > conf <<EOC
server.document-root = "$PWD/html"
server.port = 18111
server.bind = "127.0.0.1"
server.errorlog = "$PWD/err"
server.modules = ("mod_cgi", "mod_deflate", "mod_rewrite", "mod_accesslog", "mod_proxy", "mod_status", "mod_redirect")
accesslog.filename = "$PWD/acc"
cgi.assign = (".cgi" => "")
mimetype.assign = (".txt" => "text/plain")
deflate.mimetypes = ("text/plain")
deflate.allowed-encodings = ("gzip", "deflate")
url.rewrite-once = ("^/r/(.*)" => "/\$1")
\$HTTP["url"] =~ "^/p/" { proxy.server = ("" => (("host" => "127.0.0.1", "port" => 18111))) proxy.header = ("map-urlpath" => ("/p/" => "/")) }
EOC
lighttpd -D -f conf & pid=$!
up curl -sf http://127.0.0.1:18111/a.txt
load 200 10 http://127.0.0.1:18111/big.txt; for u in a.txt r/a.txt p/a.txt none; do load 600 15 http://127.0.0.1:18111/$u -k -H 'Accept-Encoding: gzip'; done
sums 'for i in $(seq 1 15); do curl -s http://127.0.0.1:18111/cgi/e.cgi?x=$i; done | md5sum' 6
sums 'curl -s -d @html/big.txt http://127.0.0.1:18111/cgi/e.cgi?y | tr "\n" " "; curl -s --compressed http://127.0.0.1:18111/p/big.txt | md5sum' 8
end $pid INT; grep -cE '" 200 ' acc; grep -c 'signal' err
