# programs: perf readelf objdump
# Tools that look at programs, not at those that run with the library.
cat > t.c <<'EOC'
#include <stdio.h>
struct n { struct n *next; int v; } a[100];
int f(int x) { return x < 2 ? x : f(x - 1) + f(x - 2); }
int main(void) { for (int i = 0; i < 99; i++) a[i].next = &a[i + 1], a[i].v = i; printf("%d\n", f(20)); return 0; }
EOC
gcc -g -O0 t.c -o t
env -u DEBUGINFOD_URLS gdb -nx -batch -ex 'set startup-with-shell off' -ex 'set environment LD_PRELOAD' -ex 'break f if x == 1' -ex run -ex bt -ex 'p a[7]' -ex 'delete' -ex 'python print(len([s for s in gdb.lookup_static_symbol("a").value()["next"].type.fields()]) if False else sum(range(10)))' -ex continue ./t 2>&1 | grep -avE 'process|libthread|Using host|^$|warning|Debuginfod' | sed 's/0x[0-9a-f]*/X/g'
readelf -aW t | wc -l; objdump -dS t | wc -l; nm t | wc -l; strings -a t | wc -l; gdb -nx -batch -ex 'info functions' -ex 'ptype struct n' -ex 'disassemble f' t 2>&1 | grep -v warning | md5sum; ld --verbose | md5sum; as --version | head -1; ar rcs l.a /dev/null 2>&1; size t | wc -l; addr2line -e t -f main | head -1 | wc -l; systemd-analyze calendar --iterations=3 --base-time=2020-01-01 '*-*-01' 2>&1 | md5sum; busctl --version | wc -l; journalctl --file /nonexistent 2>&1 | wc -l
