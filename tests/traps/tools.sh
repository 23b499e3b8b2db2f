#!/bin/sh
# tools.sh -- debuggers, core files, other preloaded libraries, programs that
# are built in other ways: each as without the library
#
# B22: with the heap's extents under MADV_DONTDUMP (core/os_linux.c) "core" had
# "-$1 = "block 2 is here"" and "+$1 = '\000' <repeats 39 times>".
# B21: nothing is done for these, so nothing can be taken out.
. "$GCMTEST_SRCDIR/tests/programs/compare"

GCM_INTERVAL=10ms GCM_MINHEAP=0
export GCM_INTERVAL GCM_MINHEAP

# Built once, here: a program that loses memory for a while, with three blocks
# in a list, and one for sanitizers, which may use a block after its end.
built=$scratch/built
mkdir "$built"
cat > "$built/victim.c" <<'END'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct block {
	char text[40];
	struct block *next;
} *head;
static int lost;

void
mark(struct block *block)
{
	lost += block->text[0];
}

int
main(int argc, char **argv)
{
	for (int i = 0; i < 3; i++) {
		struct block *block = malloc(sizeof *block);

		sprintf(block->text, "block %d is here", i);
		block->next = head;
		head = block;
	}
	for (int i = 0; i < 100; i++) {
		for (int j = 0; j < 300; j++)
			*(volatile char *)malloc(j * 8 + 8) = 1;
		usleep(1000);
	}
	mark(head);
	if (argc > 1 && strcmp(argv[1], "abort") == 0)
		abort();
	if (argc > 1 && strcmp(argv[1], "wait") == 0) {
		puts("ready");
		fflush(stdout);
		for (int i = 0; i < 3000 && access("go", F_OK) != 0; i++)
			usleep(10000);
	}
	printf("%d\n", lost);
	return 7;
}
END
cat > "$built/late.c" <<'END'
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *
run(void *arg)
{
	for (int i = 0; i < 20000; i++) {
		char *p = malloc(i % 500 + 1);

		p[0] = 1;
		p = realloc(p, 700);
		free(p);
	}
	return arg;
}

int
main(int argc, char **argv)
{
	pthread_t t[2];
	char *volatile p = malloc(10);

	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], 0, run, argv);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], 0);
	puts("late");
	free(p);
	if (argc > 1)
		p[0] = 1;
	return 4;
}
END
# build NAME SOURCE COMPILER FLAG...
build() {
	name=$1 source=$2
	shift 2
	"$@" -g -O0 -pthread -o "$built/$name" "$built/$source" 2> /dev/null ||
		return 0
}
build victim victim.c gcc
build still victim.c gcc -static
build small victim.c gcc -m32
build asan-gcc late.c gcc -fsanitize=address
build asan-clang late.c clang -fsanitize=address
build tsan late.c clang -fsanitize=thread

workload gdb-run short "gdb gcc" <<END
cp $built/victim . || exit 77
gdb -batch -ex 'handle SIG62 nostop noprint pass' -ex 'break mark' -ex run \
	-ex 'p *block' -ex 'p block->next->next->text' -ex bt -ex continue \
	./victim 2>&1 | grep -e ' = ' -e '^#' -e exited |
	grep -v LWP |
	sed 's/0x[0-9a-f]*/ADDRESS/g; s/process [0-9]*/PROCESS/'
END

workload gdb-attach short "gdb gcc" <<END
cp $built/victim . || exit 77
./victim wait > said &
until grep -q ready said; do sleep 0.05; done
gdb -batch -p \$! -ex 'p head->text' -ex 'p head->next->text' ./victim \
	2>/dev/null | grep ' = '
touch go
wait \$!
echo \$?
cat said
END

workload core short "gdb gcc" <<END
cp $built/victim . || exit 77
ulimit -c unlimited 2> /dev/null || exit 77
case \$(cat /proc/sys/kernel/core_pattern) in */* | '|'*) exit 77 ;; esac
setsid -w ./victim abort 2> /dev/null
echo \$?
set -- core*
[ -s "\$1" ] || { echo no core; exit 0; }
gdb -batch ./victim "\$1" -ex 'p head->text' -ex 'p head->next->next->text' \
	-ex 'p lost' -ex 'frame function main' -ex 'p i' 2> /dev/null |
	grep -e ' = ' -e terminated
END

workload strace short "strace gcc" <<END
cp $built/victim . || exit 77
strace -o /dev/null true || exit 77
strace -f -o trace ./victim
echo \$?
grep -q 'exited with 7' trace && echo so
END

# chain NAME LIBRARY: another library before and behind ours.
SORT='seq 1 20000 | sort -r | md5sum
awk "BEGIN { for (i = 0; i < 50000; i++) a[i % 5000] = \"x\" i i; print length(a) }"
grep -c 1 /etc/passwd > /dev/null; ls / > /dev/null; echo $?'
chain() {
	set -- "$1" "$(ls $2 2> /dev/null | head -n 1)"
	workload "$1" short "${2:-$1}" <<END
ours=\$LD_PRELOAD
LD_PRELOAD="\$ours $2"; export LD_PRELOAD
$SORT
LD_PRELOAD="$2 \$ours"; export LD_PRELOAD
$SORT
END
}
chain eatmydata '/usr/lib/*/libeatmydata.so*'
chain faketime '/usr/lib/*/faketime/libfaketime.so.1'
chain jemalloc '/usr/lib/*/libjemalloc.so.2'
chain tcmalloc '/usr/lib/*/libtcmalloc_minimal.so.4'
chain mimalloc '/usr/lib/*/libmimalloc.so.2'

workload fakeroot short fakeroot <<'END'
fakeroot -- sh -c 'id -u; touch a; chown 12:13 a; stat -c %u:%g a
	tar cf - a | tar tvf - | cut -d" " -f 2; seq 1 9999 | sort | md5sum'
END

workload heaptrack short "heaptrack gcc" <<END
cp $built/victim . || exit 77
heaptrack -o track ./victim > said 2> /dev/null
echo \$?
grep -c '^294\$\|^98\$' said
ls track* | wc -l
END

# A runtime whose malloc is the program's own: the library steps aside.
RUN='./late; echo $?
./late use 2> said; echo $?
grep -o "heap-use-after-free" said | head -n 1'

workload asan-clang short clang <<END
cp $built/asan-clang late || exit 77
ASAN_OPTIONS=detect_leaks=0; export ASAN_OPTIONS
$RUN
END

workload asan-gcc short gcc <<END
cp $built/asan-gcc late || exit 77
ASAN_OPTIONS=detect_leaks=0; export ASAN_OPTIONS
LD_PRELOAD="\$(gcc -print-file-name=libasan.so) \$LD_PRELOAD"; export LD_PRELOAD
$RUN
END

workload tsan short clang <<END
cp $built/tsan late || exit 77
./late > /dev/null 2>&1 || [ \$? = 4 ] || exit 77
./late
echo \$?
END

workload static short gcc <<END
cp $built/still . || exit 77
./still
echo \$?
END

# The loader itself says that it cannot preload into such a program.
workload 32-bit short gcc <<END
cp $built/small . || exit 77
./small 2> said
echo \$?
grep -v 'cannot be preloaded' said
END

finish
