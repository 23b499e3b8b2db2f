# needs: named dig
N=$(command -v named)
awk 'BEGIN { print "$TTL 60\n@ SOA ns.x. r.x. 1 60 60 60 60\n@ NS ns\nns A 127.0.0.1"; for (i = 0; i < 20000; i++) print "h" i " A 10." int(i / 65536) "." int(i / 256) % 256 "." i % 256 "\nh" i " TXT \"t" i "\"" }' > zone
cat > conf <<EOT
options { directory "$PWD"; pid-file "$PWD/pid"; listen-on port 15353 { 127.0.0.1; }; listen-on-v6 { none; }; recursion no; session-keyfile "$PWD/sk"; managed-keys-directory "$PWD"; dnssec-validation no; };
controls { };
zone "x" { type primary; file "$PWD/zone"; allow-transfer { any; }; dnssec-policy none; };
logging { channel c { file "$PWD/log"; severity info; }; category default { c; }; };
EOT
cp "$N" ./named-copy; ./named-copy -c $PWD/conf -f -n 4 -g > glog 2>&1 & pid=$!
n=0; until dig +short +time=1 +tries=1 @127.0.0.1 -p 15353 h7.x A 2>/dev/null | grep -q 10.; do sleep 0.2; n=$((n + 1)); [ $n -lt 60 ] || { tail glog; exit 1; }; done
seq 0 3 12000 | sed 's/.*/h&.x A\nh&.x TXT/' > q; split -n l/4 q q.
for f in q.*; do dig +short @127.0.0.1 -p 15353 -f $f > a.$f & p="$p $!"; done; wait $p; cat a.q.* | md5sum
dig @127.0.0.1 -p 15353 x AXFR +noall +answer | sort | md5sum; kill -HUP $pid; sleep 1; dig +short @127.0.0.1 -p 15353 h19999.x TXT; kill $pid; wait $pid; echo $?; grep -ciE 'assert|INSIST|REQUIRE' glog
