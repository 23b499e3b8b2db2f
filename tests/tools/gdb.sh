#!/bin/sh
# gdb.sh -- the script for gdb: loaded by itself, of a process that runs, of a
# core file, with and without debug information of the library.
. "$GCMTEST_SRCDIR/tests/tools/kit.sh"
command -v gdb > gdb.path || exit 77
gdb -nx -batch -ex 'python print("py" + "thon")' 2> err | grep -qx python ||
	exit 77
script=libgcmalloc.so-gdb.py

build program -g -pthread << 'EOF'
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <unistd.h>
char *small, *large, *freed;
static sem_t sem;
static void *wait_in_thread(void *arg)
{
	free(malloc(100));
	sem_wait(&sem);
	return arg;
}
__attribute__((noinline)) void here(void) { __asm__ volatile(""); }
int main(void)
{
	pthread_t thread;

	sem_init(&sem, 0, 0);
	pthread_create(&thread, NULL, wait_in_thread, NULL);
	small = malloc(200);
	large = malloc(5 << 20);
	freed = malloc(60);
	for (int i = 0; i < 300000; i++)
		*(volatile char *)malloc(100) = 1;
	free(freed);
	here();
	return 0;
}
EOF

# ask LIBRARY PATTERN...: run to here() and ask; each pattern is on a line.
# Stops once more at most, for nothing but the breakpoint.
ask() {
	library=$1
	shift
	GCM_MINHEAP=0 timeout 100 gdb -nx -batch \
		-iex "add-auto-load-safe-path ${library%/*}" \
		-ex 'set startup-with-shell off' \
		-ex "set environment LD_PRELOAD $library" \
		-ex 'break here' -ex run -ex 'bt 1' \
		-ex 'info gcmalloc' \
		-ex 'gcmalloc block small + 5' -ex 'gcmalloc block large' \
		-ex 'gcmalloc block large + 3000000' \
		-ex 'gcmalloc block freed' -ex 'gcmalloc block &small' \
		-ex 'printf "%s\n", $gcm_state(0x93)' \
		-ex 'print gcm_cycle' \
		-ex "generate-core-file $PWD/a.core" -ex kill \
		./program > out 2> err < /dev/null
	has "$@"
}

has() {
	missed=
	for pattern; do
		grep -Eq -e "$pattern" out || {
			fail "no '$pattern'"
			missed=1
		}
	done
	[ -z "$missed" ] || cat out err
	grep -q 'received signal' out && fail "stopped: $(grep received out)"
	return 0
}

cp "$GCMTEST_LIB" "$GCMTEST_BUILDDIR/tools/$script" . || exit 1
ask "$PWD/libgcmalloc.so" \
	'^library +[0-9.]+ /.*libgcmalloc.so' '^heap +[0-9.]+ MiB, zone 0x6' \
	'^cycle +[1-9][0-9]* began, [1-9]' '^collector on, back end [a-z]' \
	'^reclaimed [0-9.]+ MiB in [0-9]{4,}' '^goal ' \
	'^thread 2 .LWP [0-9]+.: in a blocked-safe call' \
	'^block 0x6[0-9a-f]+, (208|224) bytes, class [0-9]+' '^offset  5$' \
	'^state   0x8[0-3]: allocated, colour' \
	'^owner   cache [0-9]+ of thread 1 .LWP' \
	'^block 0x6[0-9a-f]+, 52[0-9]{5} bytes, large' '^offset  3000000$' \
	'^state   0x0[12]: free' '^0x[0-9a-f]+ is not in the heap' \
	'^allocated, colour 3$' '^[$]1 = cycle [0-9]+, colour [0-3]'
[ -s a.core ] || fail "no core file"

timeout 100 gdb -nx -batch -iex "add-auto-load-safe-path $PWD" \
	-ex 'info gcmalloc' -ex 'gcmalloc block small + 5' \
	-ex 'gcmalloc block large + 3000000' \
	./program a.core > out 2> err < /dev/null
has '^cycle +[1-9]' '^heap +[0-9.]+ MiB' '^block 0x6[0-9a-f]+, (208|224) bytes' \
	'^offset  5$' '^offset  3000000$' '^owner   cache [0-9]+ of thread'

# Nothing but what is there without debug information and symbols.
mkdir stripped
strip -o stripped/libgcmalloc.so libgcmalloc.so && cp $script stripped/
ask "$PWD/stripped/libgcmalloc.so" \
	'^library +[0-9.]+ /.*libgcmalloc.so' \
	'^cycles +[1-9][0-9]* ended, [0-9]+ given up, back end [a-z]' \
	'^block 0x6[0-9a-f]+, (208|224) bytes, class [0-9]+' '^offset  5$' \
	'^last +heap [0-9.]+ .*, goal [0-9.]+ ' '^pauses +[1-9]' \
	'^owner   cache [0-9]+$' '^More is known where' '^offset  3000000$'

# A process that runs, where its library lies; another signal.
GCM_MINHEAP=0 "$gcmalloc" run sleep 50 &
process=$!
i=0
until grep -q libgcmalloc /proc/$process/maps || [ $((i += 1)) -gt 100 ]; do
	sleep 0.05
done
if timeout 60 gdb -nx -batch -x "$script" \
	-p $process -ex 'info gcmalloc' -ex 'info signals SIG62' \
	> out 2> err < /dev/null && ! grep -q 'ptrace:' out err; then
	has '^library ' '^SIG62.*No.*No.*Yes'
fi
kill $process
wait $process 2> err
exit $failed
