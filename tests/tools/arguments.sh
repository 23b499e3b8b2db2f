#!/bin/sh
# arguments.sh -- a command line that makes no sense: one line that says so,
# and status 2; what cannot be run: 126 and 127, as env(1) has it.
. "$GCMTEST_SRCDIR/tests/tools/kit.sh"

refused() { # STATUS PATTERN ARGUMENT...
	wanted=$1 pattern=$2
	shift 2
	expect "$wanted" "^gcmalloc: $pattern" "$gcmalloc" "$@"
	[ "$(wc -l < err)" = 1 ] || fail "$*: not one line"
	[ ! -s out ] || fail "$*: output"
}

refused 2 'what to do'
refused 2 'no such command: nonsense' nonsense
refused 2 'no such command: --help' --help more
refused 2 'no such command: ' ''
refused 2 'run: which program' run
refused 2 'run: which program' run --
refused 2 'gc: which process' gc
refused 2 'gc: which process' gc 1 2
refused 2 'no process id: x' gc x
refused 2 'no process id: -1' gc -1
refused 2 'no process id: 99999999999999999999' gc 99999999999999999999
refused 2 'doctor: which program' doctor
refused 2 'doctor: which program' doctor --
refused 2 'doctor: which program' doctor -n
refused 2 'doctor: no such option: -x' doctor -x true
refused 2 'doctor: -o: which file' doctor -o

mkdir folder
: > plain
chmod 644 plain
printf '#!/nowhere/sh\n' > orphan
chmod 755 orphan
for verb in run doctor; do
	refused 127 'nowhere: No such file' $verb nowhere
	refused 127 './nowhere: No such file' $verb ./nowhere
	refused 127 '.*: No such file' $verb ''
	refused 126 './folder: ' $verb ./folder
	refused 126 './plain: Permission denied' $verb ./plain
	refused 127 './orphan.*: No such file' $verb -- ./orphan
	(PATH=$PWD:$PATH; refused 126 'plain: Permission denied' $verb plain
		exit $failed) || failed=1
done
refused 126 '/nowhere/file: No such file' doctor -o /nowhere/file true
refused 127 'process 999999999: No such process' doctor 999999999
refused 127 '7: No such file' doctor -- 7

"$gcmalloc" --help > help || fail "--help"
for verb in run doctor gc trace; do
	grep -q "gcmalloc $verb " help || fail "--help: $verb"
done
exit $failed
