# needs: dig
# programs: unbound dnsmasq knotd nsd
. ${0%/*}/common
top=$(mktemp -d /tmp/gcmtestdnXXXXXX); chmod 777 "$top"; cd "$top"; trap 'rm -rf "$top"' EXIT
(echo '$TTL 60'; echo '@ SOA ns. a. 1 60 60 60 60'; echo '@ NS ns.example.'; for i in $(seq 1 3000); do echo "h$i A 10.1.$((i / 250)).$((i % 250))"; echo "h$i TXT \"text $i\""; done) > example.zone
for i in $(seq 1 1000); do echo "h$((i * 7 % 4000)).example A"; done > q
ask() { sums "dig -p $1 @127.0.0.1 +short +tries=3 +time=9 -f q | md5sum" 4; dig -p $1 @127.0.0.1 +short +tcp h17.example TXT; dig -p $1 @127.0.0.1 +tries=1 none.example | grep -o 'status: [A-Z]*'; }
if command -v nsd > /dev/null; then
	printf 'server:\n ip-address: 127.0.0.1@18161\n username: ""\n pidfile: "%s/nsd.pid"\n database: ""\n zonelistfile: "%s/zl"\n xfrdfile: "%s/xf"\n zonesdir: "%s"\n server-count: 2\n rrl-ratelimit: 0\nremote-control:\n control-enable: no\nzone:\n name: example\n zonefile: example.zone\n' "$top" "$top" "$top" "$top" > nsd.conf
	nsd -d -c nsd.conf > nsd.log 2>&1 & nsd=$!; up dig -p 18161 @127.0.0.1 +tries=1 +time=1 h1.example; echo nsd; ask 18161
	kill -HUP $nsd; sleep 0.5; ask 18161
fi
if command -v unbound > /dev/null && [ -n "${nsd:-}" ]; then
	printf 'server:\n interface: 127.0.0.1@18162\n username: ""\n chroot: ""\n directory: "%s"\n pidfile: ""\n use-syslog: no\n num-threads: 2\n do-not-query-localhost: no\n module-config: "iterator"\n local-zone: "example" nodefault\n msg-cache-size: 1m\n rrset-cache-size: 1m\nremote-control:\n control-enable: no\nstub-zone:\n name: example\n stub-addr: 127.0.0.1@18161\n' "$top" > u.conf
	unbound -d -c u.conf > u.log 2>&1 & u=$!; up dig -p 18162 @127.0.0.1 +tries=1 +time=1 h1.example; echo unbound; ask 18162; kill -HUP $u; sleep 0.5; ask 18162; end $u
fi
if command -v dnsmasq > /dev/null && [ -n "${nsd:-}" ]; then
	dnsmasq -k -C /dev/null -p 18163 -i lo --bind-interfaces -u root -g root --no-resolv --no-hosts --server=/example/127.0.0.1#18161 --cache-size=1000 -x "$top/dm.pid" 2> dm.log & d=$!; up dig -p 18163 @127.0.0.1 +tries=1 +time=1 h1.example; echo dnsmasq; ask 18163; end $d
fi
if command -v knotd > /dev/null; then
	mkdir kj; printf 'server:\n  rundir: "%s"\n  listen: 127.0.0.1@18164\n  udp-workers: 2\n  tcp-workers: 2\n  background-workers: 2\ndatabase:\n  storage: "%s/kj"\ntemplate:\n  - id: default\n    storage: "%s"\n    file: "%%s.zone"\n    dnssec-signing: off\n    zonefile-sync: -1\n    journal-content: none\nzone:\n  - domain: example\n' "$top" "$top" "$top" > k.conf
	knotd -c k.conf > k.log 2>&1 & k=$!; up dig -p 18164 @127.0.0.1 +tries=1 +time=1 h1.example; up sh -c 'dig -p 18164 @127.0.0.1 +short h1.example | grep 10.1'; echo knot; ask 18164; sed -i 's/ a. 1 / a. 2 /' example.zone; kill -HUP $k; sleep 1; dig -p 18164 @127.0.0.1 +short example SOA; ask 18164; end $k
fi
[ -z "${nsd:-}" ] || { end $nsd; }
