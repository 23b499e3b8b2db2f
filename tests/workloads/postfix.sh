# needs: smtp-source smtp-sink
. ${0%/*}/common
mkdir -p x; cd x
smtp-sink -u root -d "$PWD/m%M." 127.0.0.1:18221 50 > /dev/null 2>&1 & p=$!; sleep 0.5
smtp-sink -u root 127.0.0.1:18222 50 > /dev/null 2>&1 & q=$!; sleep 0.5
smtp-source -s 10 -m 300 -l 5000 -f a@x -t b@x 127.0.0.1:18221; echo $?; smtp-source -c -s 20 -m 2000 -l 20000 -f a@x -t b@x 127.0.0.1:18222 | tr '\r' '\n' | tail -n 1; echo $?
ls | wc -l; cat m* | grep -c '^X-Mail-Args\|^Subject'; end $p; end $q
for i in $(seq 1 3000); do echo "k$i v$((i * 7919 % 5003))"; done > t; mkdir c; for v in "queue_directory = $PWD" "compatibility_level = 3.6"; do echo "$v"; done > c/main.cf
for t in hash btree texthash; do postmap -c c $t:t; echo $?; for i in 1 17 2999 none; do postmap -c c -q k$i $t:t; done; seq 1 3000 | sed s/^/k/ | postmap -c c -q - $t:t | sort | md5sum; done
postconf -c c -n | md5sum; postconf -d | wc -l
