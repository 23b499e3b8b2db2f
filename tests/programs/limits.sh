#!/bin/sh
# limits.sh -- programs under limits that leave no room for waste
. "$GCMTEST_SRCDIR/tests/programs/compare"

workload address-space-64m short "python3 perl bash sqlite3" <<'END'
ulimit -v 65536
python3 -c pass; echo $?
perl -e 'my @x = (1) x 300000; print scalar(@x), "\n"'
bash -c 'x=$(seq 1 50000); echo ${#x}'
echo 'select 6 * 7;' | sqlite3
seq 1 100000 | sort -S 5M -n -r | md5sum
awk 'BEGIN { for (i = 0; i < 50000; i++) a[i] = i; print length(a) }'
END

workload data-64m short "python3 perl" <<'END'
ulimit -d 65536
python3 -c 'print(len([str(i) for i in range(200000)]))'
perl -e 'my %h; $h{$_} = "x$_" for 1 .. 100000; print scalar(keys %h), "\n"'
seq 1 200000 | sort -S 10M -n -r | md5sum
END

workload little-stack short "python3 bash perl" <<'END'
# The loader and the environment need some of it themselves.
ulimit -s 256
bash -c 'echo $((6 * 7))'; perl -e 'print "perl\n"'; python3 -c 'print("python")'
ulimit -s 96
sh -c 'echo shell'; awk 'BEGIN { print "awk" }'; seq 1 10 | sort -r | tail -n 1
END

workload few-descriptors short "python3 bash" <<'END'
ulimit -n 14
python3 -c 'import os; print(len(os.listdir("/proc/self/fd")))'
bash -c 'ls /proc/self/fd | wc -l'
ulimit -n 16
sh -c 'echo text | cat'; seq 1 1000 > f; sort -r f | tail -n 1
END

# A file may not grow, so nothing may be written that the program does not.
workload no-files short "python3" <<'END'
(
	trap '' XFSZ
	ulimit -f 0
	python3 -c 'print(sum(len(str(i)) for i in range(100000)))'
	sh -c 'echo text'
) | cat
END

workload no-more-processes short "setpriv bash python3" <<'END'
[ "$(id -u)" = 0 ] && [ -r "${PROGRAMS_LIB:-/}" ] || exit 77
setpriv --reuid=65533 --regid=65533 --clear-groups test -r "${PROGRAMS_LIB:-/}" || exit 77
cd /
setpriv --reuid=65533 --regid=65533 --clear-groups bash -c '
ulimit -u 1
exec python3 -c "
import time
x = [bytearray(3000) for i in range(30000)]
del x
time.sleep(1.5)
print(len([str(i) for i in range(100000)]))"'
END

workload one-processor short "taskset python3" <<'END'
taskset -c "$(taskset -cp $$ | sed 's/.*[ ,-]//')" python3 - <<'EOT'
import threading
n = []
def work():
    n.append(sum(len(str(i) * 3) for i in range(20000)))
t = [threading.Thread(target=work) for _ in range(20)]
for x in t: x.start()
for x in t: x.join()
print(sum(n))
EOT
END

workload lowest-priority short "nice python3" <<'END'
nice -n 19 python3 -c 'print(sum(len(str(i)) for i in range(200000)))'
END

# Strict accounting: what is mapped must be backed.  The setting is the whole
# machine's, so these two want KIT_SYSCTL=1.
workload strict-overcommit long "python3" <<'END'
[ -n "${KIT_SYSCTL:-}" ] && [ -w /proc/sys/vm/overcommit_memory ] || exit 77
old=$(cat /proc/sys/vm/overcommit_memory)
trap 'echo $old > /proc/sys/vm/overcommit_memory' EXIT
echo 2 > /proc/sys/vm/overcommit_memory || exit 77
python3 -c 'print(len([str(i) for i in range(300000)]))'
seq 1 300000 | sort -n -r | md5sum
perl -e 'my %h; $h{$_} = 1 for 1 .. 100000; print scalar(keys %h), "\n"'
END

workload few-mappings long "python3" <<'END'
[ -n "${KIT_SYSCTL:-}" ] && [ -w /proc/sys/vm/max_map_count ] || exit 77
old=$(cat /proc/sys/vm/max_map_count)
trap 'echo $old > /proc/sys/vm/max_map_count' EXIT
echo 250 > /proc/sys/vm/max_map_count || exit 77
PYTHONMALLOC=malloc python3 -c '
x = [bytearray(i * 37 % 300000) for i in range(3000)]
del x[::2]
print(len(x), len([str(i) for i in range(300000)]))'
END

# What is asked for when there is nobody to say so on: closed 0, 1 and 2.
workload closed-descriptors short "python3" <<'END'
python3 -c 'import os; open("f", "w").write(str([str(i) for i in range(90000)]))' <&- >&- 2>&-
md5sum f
sh -c 'seq 1 1000 > g' >&- 2>&-; md5sum g
END

finish
