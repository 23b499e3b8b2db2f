#!/bin/sh
# run.sh -- gcmalloc run: options are put into the environment, merged with
# what is there, and refused before the program starts.
. "$GCMTEST_SRCDIR/tests/tools/kit.sh"
for name in $(env | sed -n 's/^\(GCM_[A-Z]*\)=.*/\1/p'); do
	unset "$name"
done

# sets PATTERN WORD...: the environment that a program has with those words
# before it, one variable a line.
sets() {
	pattern=$1
	shift
	"$gcmalloc" run "$@" -- env > out 2> err || fail "run $*: status $?"
	grep -qx -e "$pattern" out || {
		fail "run $*: no $pattern"
		grep GCM_ out
	}
	[ ! -s err ] || {
		fail "run $*: said something"
		cat err
	}
}

refused() { # PATTERN WORD...
	pattern=$1
	shift
	rm -f started
	expect 2 "^gcmalloc: run: $pattern" "$gcmalloc" run "$@" touch started
	[ "$(wc -l < err)" = 1 ] || fail "$*: not one line"
	[ ! -e started ] || fail "$*: the program was started"
}

sets GCM_PERCENT=50 --percent 50
sets GCM_PERCENT=50 --percent=50
sets GCM_PERCENT=off --percent off
sets GCM_MINHEAP=64MiB --min-heap 64MiB
sets GCM_MINHEAP=64MiB --minheap 64MiB
sets GCM_MEMLIMIT=cgroup --mem-limit=cgroup
sets GCM_MODE=report --mode report
sets GCM_FREE=ignore --free ignore
sets "GCM_LOG=$PWD/a log" --log "$PWD/a log"
sets GCM_DEBUG=gctrace=1 --gctrace --log /dev/null
sets GCM_DEBUG=gctrace=2 --gctrace=2 --log /dev/null
sets GCM_DEBUG=gctrace=1,scavtrace=1,stats=1 --gctrace --scavtrace --stats \
	--log /dev/null
sets GCM_DEBUG=schedtrace=100 --schedtrace 100 --log /dev/null
sets GCM_PERCENT=51 --percent 50 --percent 51
sets "LD_PRELOAD=.*/libgcmalloc.so"

# Options win; keys are added.
(
	GCM_PERCENT=70 GCM_GRACE=2 GCM_DEBUG=stats=1 GCM_LOG=/dev/null
	export GCM_PERCENT GCM_GRACE GCM_DEBUG GCM_LOG
	sets GCM_PERCENT=50 --percent 50
	sets GCM_GRACE=2 --percent 50
	sets GCM_DEBUG=stats=1,stats=0 --stats=0
	sets GCM_DEBUG=stats=1,poison=1 --poison
	exit $failed
) || failed=1

# What is preloaded stays, behind.
cp "$GCMTEST_LIB" other.so
LD_PRELOAD=$PWD/other.so "$gcmalloc" run env > out 2> err
grep -q "^LD_PRELOAD=/.*/libgcmalloc.so:$PWD/other.so$" out ||
	fail "LD_PRELOAD: $(grep LD_PRELOAD out)"

# Every row of the table has its option; "-" is a value of file names only.
"$gcmalloc" --options-md | sed -n 's/^| `GCM_\([^`]*\)`.*/\1/p' > rows
[ "$(wc -l < rows)" -gt 20 ] || fail "rows: $(wc -l < rows)"
while read -r row; do
	name=$(echo "${row#DEBUG=}" | tr '[:upper:]_' '[:lower:]-')
	case $row in
	LOG | TRACE) refused "--$name: not  " "--$name=" ;;
	*) refused "--$name: not - .it takes: " "--$name=-" ;;
	esac
done < rows

refused 'no such option: --nonsense' --nonsense
refused 'no such option: --percen$' --percen
refused 'no such option: --percents' --percents 4
refused 'no such option: -p' -p
refused 'no such option: ---percent' ---percent 5
refused 'no such option: --=' --=
refused '--percent: not x ' --percent x
refused '--percent: not 0 .it takes: percent, off' --percent 0
refused '--percent: not  ' --percent=
refused '--min-heap: not 64Mb ' --min-heap 64Mb
refused '--mode: not collected ' --mode collected
refused '--gctrace: not 3 ' --gctrace=3
refused '--pause: not 10s0 ' --percent 5 --pause 10s0
refused '--flight wants --trace FILE' --flight 1MiB
expect 2 '^gcmalloc: run: --percent: no value' "$gcmalloc" run --percent
expect 2 '^gcmalloc: run: which program' "$gcmalloc" run --percent 5
expect 2 '^gcmalloc: run: which program' "$gcmalloc" run --gctrace --

# Words of the program are its own.
"$gcmalloc" run --grace 2 echo --percent x > out || fail "echo"
[ "$(cat out)" = "--percent x" ] || fail "echo: $(cat out)"

# Its status is that of the program, as env(1) has it.
status=0
"$gcmalloc" run --grace 2 sh -c 'exit 7' || status=$?
[ $status = 7 ] || fail "exit 7: $status"
expect 127 'nowhere: No such file' "$gcmalloc" run --grace 2 nowhere
expect 126 'Permission denied' "$gcmalloc" run --grace=2 -- /etc/passwd

# It does what it says.
build busy << 'EOF'
#include <stdlib.h>
int main(void)
{
	for (int i = 0; i < 300000; i++)
		*(volatile char *)malloc(100) = 1;
	return 0;
}
EOF
"$gcmalloc" run --min-heap 0 --gctrace --log "$PWD/lines" ./busy ||
	fail "busy: $?"
grep -q '^gc 1 @' lines || fail "no line of a collection"

# A tree that was copied elsewhere finds its own.
mkdir -p tree/bin tree/lib
cp "$gcmalloc" tree/bin/ && cp "$GCMTEST_LIB" tree/lib/
for place in tree/lib tree/bin; do
	tree/bin/gcmalloc run env > out 2> err || fail "$place: $(cat err)"
	grep -q '^LD_PRELOAD=/.*/libgcmalloc.so$' out || fail "$place: not there"
	[ ! -e tree/lib/libgcmalloc.so ] || mv tree/lib/libgcmalloc.so tree/bin/
done
exit $failed
