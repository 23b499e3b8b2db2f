#!/bin/sh
# top.sh -- gcmalloc top as text: five processes at once, others' processes,
# those that vanish, and a command line that makes no sense.
. "$GCMTEST_SRCDIR/tests/tools/kit.sh"

build grows << 'EOF'
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>
char *volatile kept[4000];
int main(int argc, char **argv)
{
	unsigned seed = 1;

	if (argc > 1)
		prctl(PR_SET_NAME, "\033[31mred");
	for (;;) {
		for (int i = 0; i < 5000; i++)
			kept[rand_r(&seed) % 4000] = calloc(1, 1000);
		usleep(30000);
	}
}
EOF
pids=
for i in 1 2 3 4 5; do
	timeout 200 "$gcmalloc" run ./grows $([ $i = 5 ] && echo red) &
	pids="$pids $!"
done
trap 'kill $pids 2> /dev/null' EXIT

# Of timeout's child: those that are called grows, or red.
ours() {
	"$gcmalloc" top --list | sed -n 's/	grows$//p; s/	?\[31mred$//p'
}
i=0
until [ "$(ours | wc -l)" = 5 ] || [ $((i += 1)) -gt 100 ]; do
	sleep 0.1
done
sleep 1.5
all=$(ours)

"$gcmalloc" top -b -n 2 -d 0.2 $all > out 2> err || fail "status $?: $(cat err)"
[ "$(grep -c '^ *PID COMMAND .*HEAP .*STATE$' out)" = 2 ] || fail "heads: $(cat out)"
for pid in $all; do
	[ "$(grep -Ec "^ *$pid (grows|.\[31mred) +[0-9.]+M +[0-9.]+M +[0-9.]+M +[0-9.]+[KM] +[1-9][0-9]* .* [0-9]+ (idle|collecting)$" out)" = 2 ] ||
		fail "process $pid: $(cat out)"
done
[ "$(wc -l < out)" = 13 ] || fail "$(wc -l < out) lines: $(cat out)"
grep -q "$(printf '\033')" out && fail "an escape sequence"
grep -q '?\[31mred' out || fail "no red: $(cat out)"

# Sorted by a column; in a pipe once, without being told so.
"$gcmalloc" top --sort pid $all | sed 1d | awk '{ print $1 }' > order
echo "$all" | sort -rn | cmp -s - order || fail "order: $(cat order)"
for pid in $all; do
	"$gcmalloc" top | grep -q "^ *$pid " || fail "process $pid is not found"
done

# One that vanishes, one without the library, one that never was.
set -- $all
kill -9 "$1"
i=0
while kill -0 "$1" 2> /dev/null && [ $((i += 1)) -lt 100 ]; do
	sleep 0.1
done
sleep 60 &
plain=$!
pids="$pids $plain"
until grep -qx sleep /proc/$plain/comm; do
	sleep 0.05
done
"$gcmalloc" top -b -n 1 "$1" $plain 999999999 > out 2> err || fail "gone: $?"
grep -q "^ *$1 .* gone$" out || fail "not gone: $(cat out)"
grep -q "^ *$plain sleep .* no library$" out || fail "a stranger: $(cat out)"
grep -q "^ *999999999 .* gone$" out || fail "never was: $(cat out)"
"$gcmalloc" top -b -n 1 > out
grep -q "^ *$1 " out && fail "still listed: $(cat out)"
grep -q "^ *$plain " out && fail "a stranger is listed"

for words in "-bn1" "-n1" "-b -n1 -d0.5" "-bn 1"; do
	# shellcheck disable=SC2086
	timeout 60 "$gcmalloc" top $words > out 2> err || fail "$words: $?"
	[ "$(grep -c PID out)" = 1 ] || fail "$words: $(cat out)"
done

# Another user sees that they are there, and no more.
if [ "$(id -u)" = 0 ] && command -v setpriv > setpriv.path &&
	cp "$gcmalloc" seen && chmod 755 seen . &&
	setpriv --reuid 65534 --regid 65534 --clear-groups ./seen --version > out 2>&1; then
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		./seen top -b -n 1 "$2" > out 2> err
	grep -Eq "^ *$2 (grows|.*red) +- +- .* no access$" out ||
		fail "another user: $(cat out err)"
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		./seen top -b -n 1 > out 2> err
	grep -Eq "^ *$2 .* no access$" out || fail "another user's list: $(cat out err)"
fi

refused() { # PATTERN WORD...
	pattern=$1
	shift
	expect 2 "^gcmalloc: $pattern" "$gcmalloc" top "$@"
	[ "$(wc -l < err)" = 1 ] || fail "$*: not one line"
	[ ! -s out ] || fail "$*: output"
}
refused 'no process id: x' x
refused 'no process id: 0' 0
refused 'top: no such option: -x' -x
refused 'top: -d: no value' -d
refused 'top: -d: not 0 ' -d 0
refused 'top: -d: not 1s ' -d 1s
refused 'top: -d: not nan ' -d nan
refused 'top: -d: not 99999 ' -d 99999
refused 'top: -n: not 0' -n 0
refused 'top: -n: not -1' -n -1
refused 'top: no such column: size' --sort size
exit $failed
