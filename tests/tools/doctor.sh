#!/bin/sh
# doctor.sh -- each verdict, of a program built for it; and that the program
# itself is left alone.
. "$GCMTEST_SRCDIR/tests/tools/kit.sh"

doctor() { # STATUS PATTERN ARGUMENT...
	wanted=$1 pattern=$2
	shift 2
	expect "$wanted" "$pattern" "$gcmalloc" doctor "$@"
}

# Files ----------------------------------------------------------------------

cat > main.c <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Prints its arguments, and whether the library is there. */
int main(int argc, char **argv)
{
	char line[4096];
	FILE *maps = fopen("/proc/self/maps", "r");
	int there = 0;

	while (maps != NULL && fgets(line, sizeof(line), maps) != NULL)
		there |= strstr(line, "libgcmalloc.so") != NULL;
	printf("%s", there ? "there" : "not there");
	for (int i = 1; i < argc; i++)
		printf(" %s", argv[i]);
	puts("");
	fprintf(stderr, "of the program\n");
	return argc > 1 ? atoi(argv[1]) : 0;
}
END
build plain < main.c || exit 77

doctor 0 'plain: active and collecting' ./plain 0 a 'b  c'
[ "$(cat out)" = 'there 0 a b  c' ] || fail "the program's output"
grep -qx 'of the program' err || fail "the program's errors"
doctor 0 'note +run .* status 3$' ./plain 3
doctor 0 'plain: would be active and collecting' -n ./plain
doctor 0 'ok +back end +pagemap|warn +back end' -n ./plain
[ ! -s out ] || fail "-n: it was run"
doctor 0 'ok +collector +works: ' -- ./plain
"$gcmalloc" doctor -o file ./plain > out 2> err || fail "-o: status"
[ "$(cat err)" = 'of the program' ] || fail "-o: more on stderr"
grep -q 'active and collecting' file || fail "-o: no file"

# run says so in one line, and runs it.
inactive() { # PATTERN PROGRAM
	doctor 3 "FAIL .*$1" "$2" 5
	grep -q 'would be not active' err || fail "$2: no verdict"
	[ -s out ] && fail "$2: it was run"
	expect 5 "^gcmalloc: no effect: .*$1" "$gcmalloc" run "$2" 5
	grep -q '^not there' out || fail "$2: the library is there"
	[ "$(wc -l < err)" = 2 ] || fail "$2: not one line"
}

if build static -static < main.c 2> cc.err; then
	inactive 'statically linked' ./static
	printf '#!%s 5\n' "$PWD/static" > script
	printf '#!/usr/bin/env -S static 5\n' > env-script
	chmod 755 script env-script
	inactive 'statically linked' ./script
	(PATH=$PWD:$PATH; inactive 'statically linked' ./env-script
		exit $failed) || failed=1
fi
printf 'echo shell' > text
chmod 755 text
doctor 0 'script, run by /bin/sh' ./text
[ "$(cat out)" = shell ] || fail "a text without #!"

# Where such bits have an effect.
cp plain setuid
echo '#include <sys/auxv.h>
int main(void) { return getauxval(AT_SECURE) == 0; }' | build secure
if chown 65533 setuid secure 2> chown.err && chmod 4755 setuid secure &&
    ./secure; then
	inactive 'setuid' ./setuid
	cp plain setgid
	chgrp 65533 setgid
	chmod 2755 setgid
	inactive 'setgid' ./setgid
	cp plain capable
	nobody="setpriv --reuid=65533 --regid=65533 --clear-groups"
	if setcap cap_net_raw+ep capable 2> cap.err &&
	    $nobody test -x "$PWD/capable" -a -x "$gcmalloc" 2>> cap.err; then
		expect 3 'FAIL +rights .*capable has capabilities' \
			$nobody "$gcmalloc" doctor "$PWD/capable"
		doctor 0 'active and collecting' ./capable # root gains nothing
	fi
fi

# Headers of other machines: 4 is the class, 18 the machine.
cp plain narrow
patch_bytes narrow 4 001
doctor 3 'FAIL .*32-bit' ./narrow
cp plain foreign
patch_bytes foreign 18 363 000
doctor 3 'FAIL .* for riscv' ./foreign
: > ld-musl-x.so.1
chmod 755 ld-musl-x.so.1
build musl "-Wl,--dynamic-linker=$PWD/ld-musl-x.so.1" < main.c &&
	doctor 3 'FAIL .*musl' -n ./musl
build lonely -Wl,--dynamic-linker=/nowhere/ld.so < main.c &&
	doctor 127 'nowhere/ld.so, which is not there' ./lonely

# Nothing but a line comes of a damaged file.
size=$(wc -c < plain)
for offset in 16 24 32 40 52 54 56 58 60 62 64 80 96 104; do
	cp plain damaged
	patch_bytes damaged $offset 377 377 377 377 377 377
	timeout 20 "$gcmalloc" doctor -n ./damaged 2> err
	[ $? -lt 128 ] || fail "damaged at $offset"
done
for length in 1 20 63 64 70 200 1000 $((size / 2)); do
	head -c $length plain > damaged
	timeout 20 "$gcmalloc" doctor -n ./damaged 2> err
	[ $? -lt 128 ] || fail "cut at $length"
done

# Other allocators -----------------------------------------------------------

cat > own.c <<'END'
#include <stddef.h>
static char arena[1 << 24];
static size_t used;
void *malloc(size_t n)
{
	void *block = arena + used;
	used += (n + 15) & ~(size_t)15;
	return block;
}
void free(void *block) {}
void *calloc(size_t n, size_t size) { return malloc(n * size); }
void *realloc(void *block, size_t n)
{
	char *new = malloc(n), *old = block;
	for (size_t i = 0; old != NULL && i < n; i++)
		new[i] = old[i];
	return new;
}
int main(void) { free(malloc(1)); return 0; }
END
build own -rdynamic < own.c
doctor 3 'FAIL .*malloc of its own' ./own
# Without section headers only the library itself can tell: 40 is their offset.
patch_bytes own 40 0 0 0 0 0 0 0 0
patch_bytes own 58 0 0 0 0 0 0
doctor 3 "FAIL .*malloc is another's" ./own
grep -q 'own: not active' err || fail "own: no verdict"
if build sanitized -fsanitize=address < main.c 2> cc.err; then
	doctor 3 'FAIL .*(sanitizer|libasan)' ./sanitized
fi
for name in jemalloc asan; do
	echo 'int unused;' | build lib$name.so -shared -fPIC
done
build linked -L. -Wl,--no-as-needed -ljemalloc -Wl,-rpath,"$PWD" < main.c
doctor 0 'note .*linked with libjemalloc.so' ./linked
LD_PRELOAD=$PWD/libjemalloc.so doctor 0 'note +preload .*libjemalloc' ./plain
LD_PRELOAD=$PWD/libasan.so doctor 3 'FAIL +preload .*libasan' ./plain

# Conditions -----------------------------------------------------------------

GCM_MODE=off doctor 1 'warn +collector +off: .*GCM_MODE' ./plain
GCM_MODE=report doctor 1 'warn +collector .*GCM_MODE is report' ./plain
GCM_CONCURRENT=fork doctor 1 'warn +back end +fork: .*GCM_CONCURRENT' ./plain
GCM_CONCURRENT=off doctor 1 'warn +back end +off: .*GCM_CONCURRENT' ./plain
(
	ulimit -v 400000
	doctor 1 'warn +limits +RLIMIT_AS is 390.6 MiB' ./plain
	exit $failed
) || failed=1
limited=$( (ulimit -f 0; "$gcmalloc" doctor ./plain 2>&1 > /dev/null))
echo "$limited" | grep -Eq 'warn +library +could not be listened to' ||
	fail "no files: $limited"

cat > filter.c <<'END'
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* filter refuse|kill|allow [NUMBER PROGRAM...]: that system call from now on */
int main(int argc, char **argv)
{
	unsigned what = SECCOMP_RET_KILL_PROCESS;
	unsigned number = argc > 2 ? (unsigned)atoi(argv[2]) : 9999;
	struct sock_filter steps[] = {
		{BPF_LD | BPF_W | BPF_ABS, 0, 0, 0},
		{BPF_JMP | BPF_JEQ | BPF_K, 0, 1, number},
		{BPF_RET | BPF_K, 0, 0, 0},
		{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW},
	};
	struct sock_fprog program = {4, steps};
	static void *volatile block;

	if (strcmp(argv[1], "refuse") == 0)
		what = SECCOMP_RET_ERRNO | EPERM;
	steps[2].k = what;
	block = malloc(100);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 77;
	if (argc < 4)
		return 0;
	execvp(argv[3], argv + 3);
	return 126;
}
END
build filter < filter.c
printf '#include <sys/syscall.h>\nuserfaultfd=SYS_userfaultfd\nopenat=SYS_openat\nreadv=SYS_process_vm_readv\n' |
	${TEST_CC:-cc} -E -P - | grep = > numbers
. ./numbers
if ./filter allow; then
	filtered() { # STATUS PATTERN refuse|kill NUMBER ARGUMENT...
		wanted=$1 pattern=$2 how=$3 number=$4
		shift 4
		expect "$wanted" "$pattern" \
			./filter $how $number "$gcmalloc" doctor "$@"
		grep -Eq 'note +seccomp' err || fail "$how: no word of seccomp"
	}
	filtered 1 'warn +back end +fork: .*filter' refuse $userfaultfd ./plain
	filtered 1 'warn +back end +fork: .*filter' refuse $userfaultfd -n ./plain
	filtered 1 'warn +back end +none: a filter kills' kill $userfaultfd ./plain
	filtered 1 'warn +back end +none: a filter kills' kill $userfaultfd -n ./plain
	filtered 1 'warn +memory +a process may not read' refuse $readv -n ./plain
	doctor 1 'warn +collector +off: .*filter' ./filter allow
	# One that kills who opens a file: nothing is written at the end.
	doctor 1 'ended with status 0$' ./filter kill $openat
	grep -Eq 'warn +collector +off: .*filter' err || fail "openat: not off"
fi

# In the process -------------------------------------------------------------

echo 'int unused;' | build libswipl.so -shared -fPIC
build prolog -L. -Wl,--no-as-needed -lswipl -Wl,-rpath,"$PWD" < main.c
doctor 1 'warn +collector +gives up: a library hides' ./prolog
cat > hide.c <<'END'
#include <gcmalloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

static volatile uintptr_t hidden[1000];
static void *volatile kept[1 << 20];

static void *hide(void *arg)
{
	for (int i = 0; i < 1000; i++)
		hidden[i] = ~(uintptr_t)malloc(100);
	return arg;
}

/* Have one collection, by growth: the blocks are in limbo then. */
int main(int argc, char **argv)
{
	struct gcm_stats stats = {0};
	pthread_t thread;

	pthread_create(&thread, NULL, hide, NULL);
	pthread_join(thread, NULL);
	for (int i = 0; i < 1 << 20 && stats.cycles == 0; i++) {
		kept[i] = malloc(64);
		if (i % 1024 == 0) {
			usleep(100);
			gcm_stats(&stats, sizeof(stats));
		}
	}
	for (int i = 0; i < 1000; i++)
		free((void *)~hidden[i]);
	if (argc > 1) /* for a look at the process */
		sleep(30);
	return 0;
}
END
build hide -pthread < hide.c
doctor 1 'warn +collector +reclaims nothing any more' ./hide

# The program's log ----------------------------------------------------------

GCM_DEBUG=gctrace=1 GCM_LOG=log.%p doctor 0 'active and collecting' ./plain
grep -q '^gc 1 ' log.* || fail "the program's own lines are lost"
grep -q 'gcmalloc doctor' log.* && fail "our lines in the program's log"
grep -q '^gc 1 ' err && fail "the log's lines on stderr"
[ -z "$(ls -d "$TMPDIR"/gcmalloc-* 2> /dev/null)" ] || fail "a folder is left"

# Signals go to the program.
"$gcmalloc" doctor sh -c 'trap "echo got it; exit 4" TERM
	: > ready; while :; do sleep 0.1; done' > out 2> err &
doctor=$!
while [ ! -e ready ]; do sleep 0.1; done
kill $doctor
wait $doctor || :
grep -q 'got it' out || fail "SIGTERM was not passed on"
grep -q 'status 4' err || fail "SIGTERM: no verdict"
exit $failed
