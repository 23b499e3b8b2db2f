#!/bin/sh
# trace_real.sh -- gcmalloc trace on what the library writes: a program with
# threads that loses memory, and forks.
. "$GCMTEST_SRCDIR/tests/tools/kit.sh"

build loser -pthread << 'END'
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
static void *lose(void *unused)
{
	for (int i = 0; i < 100000; i++)
		memset(malloc(100 + i % 300), 1, 100);
	return unused;
}
int main(void)
{
	pthread_t threads[3];
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, lose, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	pid_t child = fork();
	if (child == 0) {
		lose(NULL);
		exit(0);
	}
	waitpid(child, NULL, 0);
	return 0;
}
END
LD_PRELOAD=$GCMTEST_LIB GCM_TRACE=$PWD/trace ./loser
[ $? = 0 ] || fail "the program failed"
[ -s trace ] || exit 77 # not written yet

# shown [OPTION...] FILE: without a complaint.
shown() {
	timeout 60 "$gcmalloc" trace "$@" > out 2> err || fail "$*: status $?"
	[ ! -s err ] || { fail "$*: complaints:"; cat err; }
}
shown trace
grep -q '^loser, process' out || fail "no name"
grep -q 'cycles  *[1-9]' out || fail "no cycle"
grep -q 'pauses  *[1-9]' out || fail "no pause"
grep -q 'forks  *1' out || fail "no fork"
grep -q ', ended$' out || fail "no end"
[ $failed = 0 ] || cat out
shown --perfetto trace
python3 -c 'import json, sys
data = json.load(open("out"))["traceEvents"]
times = [e["ts"] for e in data]
open_ = {}
for e in data:
    key = e["pid"], e["tid"]
    open_[key] = open_.get(key, 0) + {"B": 1, "E": -1}.get(e["ph"], 0)
    if open_[key] < 0:
        sys.exit("an end too many: %s" % e)
if times != sorted(times) or any(open_.values()):
    sys.exit("not sorted, or open")' || fail "not what Chrome reads"
shown --html -o page.html trace
grep -q '"name":"loser"' page.html || fail "not in the page"
exit $failed
