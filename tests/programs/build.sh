#!/bin/sh
# build.sh -- compilers, linkers and what drives them
. "$GCMTEST_SRCDIR/tests/programs/compare"

workload gcc short gcc <<'END'
cat > a.c <<'EOT'
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define F(n) static int f##n(int x) { int a[8]; for (int i = 0; i < 8; i++) a[i] = x * i ^ n; return a[x & 7] + n; }
F(1) F(2) F(3) F(4) F(5) F(6) F(7) F(8) F(9)
int main(void)
{
	char **v = NULL;
	unsigned long sum = 0;
	for (int i = 0; i < 100000; i++) {
		v = realloc(v, (size_t)(i + 1) * sizeof(*v));
		v[i] = malloc((size_t)(i % 200) + 20);
		sprintf(v[i], "%d %d", i, f1(i) + f5(i) - f9(i));
		sum = sum * 31 + strlen(v[i]);
	}
	printf("%lu %s\n", sum, v[99999]);
	return 7;
}
EOT
for o in -O0 -O2 "-O3 -g" "-O2 -flto"; do
	gcc $o -o a a.c && ./a; echo $?
done
gcc -O2 -S -o - a.c | md5sum
gcc -E a.c | wc -l
echo 'int main(void) { return undeclared; }' > bad.c; gcc bad.c; echo $?
END

workload gxx short g++ <<'END'
cat > a.cc <<'EOT'
#include <algorithm>
#include <iostream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>
int main()
{
	std::map<std::string, std::vector<int>> m;
	for (int i = 0; i < 100000; i++) m["k" + std::to_string(i * 7919 % 5003)].push_back(i);
	std::cout << m.size() << ' ' << m["k17"].size() << '\n';
	std::vector<std::thread> t; std::vector<long> sums(8);
	for (int n = 0; n < 8; n++) t.emplace_back([n, &sums] {
		std::stringstream s; for (int i = 0; i < 20000; i++) s << i * n << ' ';
		std::string w; while (s >> w) sums[n] += static_cast<long>(w.size()); });
	for (auto &x : t) x.join();
	for (long x : sums) std::cout << x << ' ';
	std::cout << std::string(200, 'a') << '\n';
	try { std::make_unique<char[]>(1ul << 62); } catch (const std::bad_alloc &e) { std::cout << e.what() << '\n'; }
}
EOT
g++ -std=c++17 -O1 -pthread -o a a.cc && ./a
END

workload clang short clang <<'END'
cat > a.c <<'EOT'
#include <stdio.h>
int fib(int n) { return n < 2 ? n : fib(n - 1) + fib(n - 2); }
int main(void) { printf("%d\n", fib(25)); return 0; }
EOT
clang -O2 -g -o a a.c && ./a
clang -O2 -S -emit-llvm -o - a.c | md5sum
clang --analyze -o /dev/null a.c; echo $?
echo 'int main(void) { return undeclared; }' > bad.c; clang bad.c 2>&1 | head -n 1
END

workload gfortran short gfortran <<'END'
cat > a.f90 <<'EOT'
program a
  real(8), allocatable :: x(:,:), y(:,:)
  integer :: i
  do i = 1, 30
    allocate(x(i*7, i*5)); x = i; y = matmul(x, transpose(x)); deallocate(x)
  end do
  print *, sum(y), size(y)
end program
EOT
gfortran -O1 -o a a.f90 && ./a
END

workload make short make <<'END'
cat > Makefile <<'EOT'
N := $(shell seq 1 60)
all: $(N:%=out/%)
	@cat $(sort $^) | md5sum
out/%: | out
	@seq 1 $$(($* * 20)) > $@
out: ; @mkdir $@
words := $(foreach i,$(N),$(foreach j,$(N),w$(i)_$(j)))
count: ; @echo $(words $(filter w1%,$(words)))
define rule
gen$(1): ; @echo gen$(1) $$(words $$(words))
endef
$(foreach i,$(N),$(eval $(call rule,$(i))))
EOT
make -s -j4 all && make -s count gen7 && make -n all | md5sum
make nothing; echo $?
END

workload cmake short cmake <<'END'
cat > CMakeLists.txt <<'EOT'
cmake_minimum_required(VERSION 3.10)
project(p C)
set(CMAKE_C_FLAGS_RELEASE -O1)
foreach(i RANGE 1 6)
  file(WRITE ${CMAKE_BINARY_DIR}/s${i}.c "int f${i}(void) { return ${i}; }\n")
  list(APPEND srcs ${CMAKE_BINARY_DIR}/s${i}.c)
endforeach()
add_library(l STATIC ${srcs})
add_executable(e main.c)
target_link_libraries(e l)
EOT
echo 'int f6(void); int main(void) { return f6(); }' > main.c
cmake -S . -B b > log 2>&1 && cmake --build b -j 2 > log2 2>&1; echo $?
b/e; echo $?
END

workload autotools long "autoconf automake" <<'END'
cat > configure.ac <<'EOT'
AC_INIT([p], [1])
AM_INIT_AUTOMAKE([foreign])
AC_PROG_CC
AC_CHECK_HEADERS([stdio.h malloc.h])
AC_CONFIG_FILES([Makefile])
AC_OUTPUT
EOT
printf 'bin_PROGRAMS = p\np_SOURCES = p.c\n' > Makefile.am
echo 'int main(void) { return 0; }' > p.c
autoreconf -i 2>/dev/null >/dev/null; ./configure -q && make -s && ./p; echo $?
END

workload rustc short "rustc cc" <<'END'
rustc --version > /dev/null 2>&1 || exit 77
cat > a.rs <<'EOT'
use std::collections::HashMap;
use std::thread;
fn main() {
    let t: Vec<_> = (0..6u64).map(|n| thread::spawn(move || {
        let mut m: HashMap<String, Vec<u64>> = HashMap::new();
        for i in 0..20000u64 { m.entry(format!("k{}", i * 7919 % 997)).or_default().push(i * n); }
        m.values().map(|v| v.iter().sum::<u64>()).sum::<u64>()
    })).collect();
    let s: Vec<u64> = t.into_iter().map(|x| x.join().unwrap()).collect();
    println!("{:?}", s);
    let mut b: Vec<Box<[u8]>> = Vec::new();
    for i in 0..3000 { b.push(vec![i as u8; i].into_boxed_slice()); }
    println!("{}", b.iter().map(|x| x.len()).sum::<usize>());
    std::process::exit(b.len() as i32 % 100 + 1);
}
EOT
rustc -O a.rs 2>&1 && ./a; echo $?
echo 'fn main() { let x: i32 = "s"; }' > bad.rs; rustc --error-format short bad.rs; echo $?
END

workload cargo long "cargo rustc cc" <<'END'
cargo --version > /dev/null 2>&1 || exit 77
cargo new --vcs none p > /dev/null 2>&1 || exit 77
cd p && cargo build --offline -q && ./target/debug/p
cargo test --offline -q 2>&1 | grep -c 'test result'
cargo metadata --offline --format-version 1 --no-deps | wc -l
END

workload linkers long "ld ld.gold gcc" <<'END'
for i in $(seq 1 200); do
	echo "int f$i(int x) { return x + $i; } char s$i[] = \"string number $i\";" > f$i.c
done
echo 'int f7(int); int main(void) { return f7(1); }' > main.c
gcc -c *.c && ar rcs lib.a f*.o && ranlib lib.a
for l in bfd gold; do
	gcc -fuse-ld=$l -Wl,--gc-sections,--build-id=none -o a main.o lib.a && ./a; echo $?
done
gcc -shared -fPIC -o l.so f*.o 2>&1 | head -n 1
END

finish
