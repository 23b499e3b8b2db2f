#!/bin/sh
# probes.sh -- the probes of docs/probes.md are in the library, with as many
# arguments, and one fires.
. "$GCMTEST_SRCDIR/tests/tools/kit.sh"
grep -q '^#define GCM_PROBES 1' "$GCMTEST_BUILDDIR/config.h" || exit 77
command -v readelf > readelf.path || exit 77

readelf -n "$GCMTEST_LIB" 2> err |
	awk '/Provider:/ { provider = $2 }
		/Name:/ { name = $2 }
		/Arguments:/ && provider == "gcmalloc" {
			print name, gsub(/@/, "") }' | sort -u > there
sed -n 's/^| `\([a-z_]*\)` | \([^|]*\)|.*/\1,\2/p' \
	"$GCMTEST_SRCDIR/docs/probes.md" |
	awk -F, '{ print $1, $2 ~ /[a-z]/ ? NF - 1 : 0 }' | sort -u > documented
[ "$(wc -l < documented)" = 9 ] || fail "docs/probes.md: $(cat documented)"
diff documented there > difference ||
	fail "documented (<) is not there (>): $(cat difference)"
readelf -n "$GCMTEST_LIB" 2> err | grep 'Arguments:.*rip' &&
	fail "an argument that tracers cannot read"

build busy << 'EOF'
#include <stdlib.h>
int main(void)
{
	for (int i = 0; i < 600000; i++)
		*(volatile char *)malloc(100) = 1;
	return 0;
}
EOF
seen=
if command -v bpftrace > bpftrace.path && [ "$(id -u)" = 0 ] &&
	timeout 60 bpftrace -e 'BEGIN { exit(); }' > out 2> err; then
	timeout 60 bpftrace -e "
		BEGIN { printf(\"ready\\n\"); }
		usdt:$GCMTEST_LIB:gcmalloc:cycle_begin {
			printf(\"begin %d %d %d\\n\", arg0, arg2 > 1000000, arg3 > 0); }
		usdt:$GCMTEST_LIB:gcmalloc:stopped {
			printf(\"stopped %d %d %d\\n\", arg0 % 2, arg1, arg2); }
		usdt:$GCMTEST_LIB:gcmalloc:reclaim {
			printf(\"reclaim %d\\n\", arg0 > 1000000); exit(); }" \
		> out 2> err &
	tracer=$!
	i=0
	until grep -qx ready out || [ $((i += 1)) -gt 200 ]; do
		sleep 0.1
	done
	"$gcmalloc" run --grace 0 ./busy || fail "busy"
	wait $tracer || fail "bpftrace: $?"
	for line in 'begin 1 1 1' 'stopped 1 0 1' 'reclaim 1'; do
		grep -qx "$line" out || fail "bpftrace: no $line: $(cat out err)"
	done
	seen=1
fi
if command -v gdb > gdb.path; then
	timeout 60 gdb -nx -batch -ex 'set startup-with-shell off' \
		-ex "set environment LD_PRELOAD $GCMTEST_LIB" \
		-ex 'set breakpoint pending on' \
		-ex 'handle SIG62 nostop noprint pass' -ex 'break main' -ex run \
		-ex 'break -probe-stap gcmalloc:cycle_begin' -ex continue \
		-ex 'printf "number %d heap %d\n", $_probe_arg0, $_probe_arg2 > 1000000' \
		-ex kill ./busy > out 2> err < /dev/null
	grep -qx 'number 1 heap 1' out || fail "gdb: $(cat out err)"
	seen=1
fi
[ -n "$seen" ] || [ $failed != 0 ] || exit 77
exit $failed
