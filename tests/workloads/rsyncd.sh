# needs: rsync
. ${0%/*}/common
mkdir -p src/d dst; for i in $(seq 1 300); do seq $i $((i * 20)) > src/d/$i; done; seq 1 300000 > src/big; ln -s big src/link
printf 'port = 18151\naddress = 127.0.0.1\nuse chroot = no\nuid = root\ngid = root\nmunge symlinks = no\nlog file = %s/log\n[src]\npath = %s/src\nread only = no\n[dst]\npath = %s/dst\nread only = no\n' "$PWD" "$PWD" "$PWD" > conf
rsync --daemon --no-detach --config=conf & pid=$!
up rsync rsync://127.0.0.1:18151/
sums 'rm -rf c$$; rsync -az rsync://127.0.0.1:18151/src/ c$$/; (cd c$$; find . -type f | LC_ALL=C sort | xargs md5sum | md5sum)' 5
for i in 1 2 3; do echo $i >> src/big; rm -f src/d/${i}7; sed -i s/1/x/ src/d/$i; rsync -a --checksum --delete --stats src/ rsync://127.0.0.1:18151/dst/ | grep -E 'Number of (created|deleted|regular)|Literal|Matched'; diff -r src dst; done
rsync -a --partial --bwlimit=0 --inplace --no-whole-file src/big dst/big; rsync -an --itemize-changes --omit-dir-times dst/ rsync://127.0.0.1:18151/src/ | wc -l
end $pid
