cat > g.awk <<'EOT'
BEGIN { print "#include <map>\n#include <string>\n#include <vector>\n#include <algorithm>\n#include <iostream>"
for (i = 0; i < 150; i++) printf "template <int N> struct S%d { std::map<std::string, std::vector<int>> m; int f(int x) { for (int k = 0; k < x; k++) m[std::to_string(k * N)].push_back(k); return (int)m.size() + N; } };\nint g%d() { S%d<%d> s; return s.f(%d); }\n", i, i, i, i, i
print "int main() { int t = 0;"; for (i = 0; i < 150; i++) print "t += g" i "();"; print "std::cout << t << std::endl; }" }
EOT
awk -f g.awk > a.cc
g++ -O2 -frandom-seed=1 -g0 -c a.cc -o a.o && md5sum < a.o && g++ a.o -o a && ./a
g++ -O1 -flto -frandom-seed=1 a.cc -o b && ./b
clang++ -O2 -c a.cc -o c.o 2>&1 | head -3; md5sum < c.o; clang++ c.o -o c && ./c
gcc -x c - -E -dM < /dev/null | md5sum; objdump -d a.o | md5sum; nm -C a.o | md5sum; strip -o st a && md5sum < st
