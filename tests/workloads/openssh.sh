# needs: ssh scp sftp ssh-keygen
# timeout: 90
. ${0%/*}/common
sshd=/usr/sbin/sshd; [ -x $sshd ] || exit 0
mkdir -p /run/sshd; chmod 755 .; top=$(mktemp -d /tmp/gcmtestshXXXXXX); trap 'rm -rf "$top"' EXIT; chmod 755 "$top"
ssh-keygen -q -t ed25519 -N '' -f "$top/host"; ssh-keygen -q -t rsa -b 2048 -N '' -f "$top/key"; ssh-keygen -q -t ecdsa -N '' -f "$top/key2"
cat "$top/key.pub" "$top/key2.pub" > "$top/auth"; chmod 600 "$top/auth"
cat > "$top/conf" <<EOC
Port 18141
ListenAddress 127.0.0.1
HostKey $top/host
AuthorizedKeysFile $top/auth
PermitRootLogin yes
StrictModes no
UsePAM no
PidFile $top/pid
MaxStartups 100
AcceptEnv INTO
Subsystem sftp internal-sftp
EOC
$sshd -D -e -f "$top/conf" 2> log & pid=$!
o="-F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=$top/known -o IdentitiesOnly=yes -o LogLevel=ERROR -i $top/key"
up ssh $o -p 18141 root@127.0.0.1 true
seq 1 300000 > f
S="ssh $o -p 18141 root@127.0.0.1"; export S o
sums 'exec 2> /dev/null; $S "cat | md5sum" < f' 4
sums 'exec 2> /dev/null; $S -C "seq 1 50000" | md5sum; $S exit 7; echo $?' 3
for i in 1 2; do scp -q $o -P 18141 f root@127.0.0.1:$PWD/g$i; cmp f g$i; scp -q -r $o -P 18141 root@127.0.0.1:$PWD/g$i h$i; md5sum < h$i; done
printf 'cd %s\nput f s1\nrename s1 s2\nget s2 s3\nls -1 s2\nmkdir d\nrmdir d\n' "$PWD" | sftp -q $o -P 18141 -b - root@127.0.0.1 | grep -v '^sftp>' ; cmp f s3
ssh $o -i "$top/key2" -o ControlMaster=yes -o ControlPath=$top/cm -f -N -p 18141 root@127.0.0.1
sums 'ssh -F none -o ControlPath=${o##*=}x -o LogLevel=ERROR x true 2> /dev/null; echo $?' 2
for i in $(seq 1 6); do ssh -F none -o ControlPath=$top/cm x "echo $i" & done | sort -n | tr '\n' ' '; ssh -F none -o ControlPath=$top/cm -O exit x 2> /dev/null; echo
ssh $o -p 18141 -L 18142:127.0.0.1:18141 -N root@127.0.0.1 & t=$!; up ssh $o -p 18142 root@127.0.0.1 true; ssh $o -p 18142 root@127.0.0.1 'seq 1 60000' | md5sum; kill $t; wait $t 2> /dev/null
$S -tt 'tty > /dev/null && echo tty; stty size > /dev/null; seq 1 2000' < /dev/null | tr -d '\r' | md5sum
ssh-agent sh -c "ssh-add -q $top/key2; ssh-add -l | wc -l; ssh -F none -o StrictHostKeyChecking=no -o UserKnownHostsFile=$top/known -p 18141 root@127.0.0.1 echo agent"
kill -HUP $pid; sleep 0.5; up $S true; kill -TERM $(cat "$top/pid"); wait $pid; echo $?; grep -ciE 'fatal|segfault|signal 11|terminated by' log
