# timeout: 60
cat > t.c <<'EOT'
#include <pthread.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
static void *work(void *a) { char *l[100] = {0}; for (int i = 0; i < 300000; i++) { free(l[i % 100]); l[i % 100] = malloc(i % 500 + 1); memset(l[i % 100], 7, 1); } for (int i = 0; i < 100; i++) free(l[i]); return a; }
__attribute__((noinline)) int stop_here(int x) { return x + 1; }
int main(void) { pthread_t t[4]; void **leak = 0; for (int i = 0; i < 4; i++) pthread_create(&t[i], 0, work, 0); for (int i = 0; i < 4; i++) pthread_join(t[i], 0);
for (int i = 0; i < 100000; i++) { void **p = malloc(64); p[0] = leak; leak = p; } printf("%d\n", stop_here(4)); fflush(stdout); return 7; }
EOT
gcc -g -O0 t.c -o t -pthread
env -u GCM_LOG gdb -nx -batch -ex 'set debuginfod enabled off' -ex 'break stop_here' -ex run -ex 'p x' -ex finish -ex 'python print(sum(len(str(i)) for i in range(200000)))' -ex continue ./t 2>&1 | grep -avE 'process [0-9]+|LWP|^warning|libthread_db|Breakpoint|^0x|Run till|^$' 
strace -f -qq -e trace=none -e signal=none -o /dev/null ./t; echo $?
strace -f -qq -e trace=write ./t 2>&1 | grep -c '5'
[ -n "${INTO:-}" ] && echo 'ERROR' > /dev/null; valgrind -q --error-exitcode=9 ./t; echo $?
./t; echo $?; timeout 10 ltrace -f ./t > /dev/null 2>&1; true
