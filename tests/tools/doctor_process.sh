#!/bin/sh
# doctor_process.sh -- the same of processes that run: what the library says in
# their memory.
. "$GCMTEST_SRCDIR/tests/tools/kit.sh"

# look STATUS PATTERN: at the process $process
look() {
	status=0
	"$gcmalloc" doctor "$process" > out 2> err || status=$?
	[ $status = "$1" ] || {
		fail "status $status, not $1"
		cat out err
	}
	grep -Eq -e "$2" out || {
		fail "no line like '$2'"
		cat out err
	}
}

# start [NAME=VALUE...] PROGRAM...: in the background, once it has begun
start() {
	rm -f ready
	env "$@" > start.out 2>&1 &
	process=$!
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		[ -e ready ] && return
		sleep 0.5
	done
	fail "$*: did not begin"
}
end() {
	kill $process
	wait $process 2> /dev/null || :
}

cat > waits.c <<'END'
#include <fcntl.h>
#include <gcmalloc.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sock_filter step = {BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
	struct sock_fprog program = {1, &step};

	if (argc > 1 && strcmp(argv[1], "collect") == 0 && gcm_collect() < 0)
		return 1;
	if (argc > 1 && strcmp(argv[1], "filter") == 0) {
		prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
	}
	close(open("ready", O_CREAT | O_WRONLY, 0666));
	sleep(60);
	return 0;
}
END
build waits < waits.c || exit 77
lib="LD_PRELOAD=$GCMTEST_LIB"
strip="-u GCMTEST_LIB -u GCMTEST_SRCDIR -u GCMTEST_BUILDDIR -u GCMTEST_LONG"

start ./waits
look 3 'FAIL +library +is not in this process'
end
start LD_PRELOAD=/nowhere/libgcmalloc.so ./waits
look 3 'FAIL +library +was to be preloaded'
end
start $strip "$lib" ./waits
# Who may not read a process is not told what it decided.
if ! dd if=/proc/$process/mem bs=1 count=0 2> dd.err; then
	end
	exit 77
fi
look 0 'note +collector +has not begun'
end
start $strip "$lib" ./waits collect
look 0 'ok +collector +works: [0-9]+ collections'
grep -Eq 'ok +back end +pagemap|warn +back end' out || fail "no back end"
end
start $strip "$lib" GCM_CONCURRENT=fork ./waits collect
look 1 'warn +back end +fork: .*GCM_CONCURRENT'
end
start $strip "$lib" GCM_MODE=off ./waits
look 1 'warn +collector +off: .*GCM_MODE'
end
start $strip "$lib" ./waits filter
look 1 'warn +collector +off: .*filter'
end
echo 'int unused;' | build libjemalloc.so -shared -fPIC
start $strip "LD_PRELOAD=$PWD/libjemalloc.so:$GCMTEST_LIB" ./waits
look 3 'FAIL +preload .*libjemalloc.so before'
end
if build static -static < waits.c 2> cc.err; then
	start ./static
	look 3 'FAIL +program .*statically'
	end
fi
exit $failed
