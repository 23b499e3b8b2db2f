# needs: smbd smbclient
# timeout: 90
. ${0%/*}/common
top=$(mktemp -d /tmp/gcmtestsmXXXXXX); trap 'rm -rf "$top"' EXIT; chmod 755 "$top"; mkdir -p "$top/share/d" "$top/s"; chmod 777 "$top/share"
cat > "$top/conf" <<EOC
[global]
	interfaces = 127.0.0.1/8
	bind interfaces only = yes
	smb ports = 18201
	disable netbios = yes
	private dir = $top/s
	lock directory = $top/s
	state directory = $top/s
	cache directory = $top/s
	pid directory = $top/s
	ncalrpc dir = $top/s/n
	log file = $top/log
	map to guest = Bad User
	guest account = root
	load printers = no
	printing = bsd
	security = user
[s]
	path = $top/share
	guest ok = yes
	read only = no
	force user = root
EOC
seq 1 300000 > f; for i in $(seq 1 100); do seq $i $((i * 20)) > "$top/share/d/$i"; done
smbd -F -s "$top/conf" > out 2>&1 & pid=$!
C="smbclient //127.0.0.1/s -p 18201 -N -s $top/conf"; export C
up $C -c ls
sums '$C -c "lcd $PWD; put f g$$; get g$$ h$$; del g$$" > /dev/null 2>&1; md5sum < h$$' 5
$C -c 'cd d; ls' 2>&1 | awk '$2 == "N" || $2 == "A" { print $1, $3 }' | sort -n | md5sum
for i in 1 2 3; do mkdir -p m$i; $C -c "lcd m$i; prompt; recurse; cd d; mget *" > /dev/null 2>&1 & p="${p:-} $!"; done; wait $p; for i in 1 2 3; do cat $(ls m$i/* | sort -V) | md5sum; done
$C -c 'mkdir x; rename f y; cd x; rmdir y; cd ..; rmdir x; stat d' 2>&1 | grep -c NT_STATUS; $C -c 'get none' 2>&1 | head -1
end $pid; grep -ciE 'panic|internal error' "$top/log" out | sed 's/.*://'
