# needs: g++
# env: GCM_PTRMASK=0xffffffffffff
# because: the top 16 bits of its pointers count their changes
cat > a.cc <<'EOT'
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/stack.hpp>
#include <thread>
#include <vector>
#include <iostream>
#include <cstring>
#include <unistd.h>
int main() {
	boost::lockfree::queue<long> q(0); boost::lockfree::stack<long> s(0);
	for (long r = 0; r < 20; r++) { long v; for (long i = 0; i < 3000; i++) { q.push(i); s.push(i); } for (int i = 0; i < 2500; i++) { q.pop(v); s.pop(v); } }
	std::vector<std::thread> t; std::atomic<long> sum{0}, n{0}; std::atomic<bool> done{false};
	for (int k = 0; k < 2; k++) t.emplace_back([&] { for (long i = 0; i < 200000; i++) { q.push(i); if (i % 3 == 0) s.push(i); std::vector<char> junk(i % 300); } });
	for (int k = 0; k < 2; k++) t.emplace_back([&] { long v; while (!done || !q.empty()) { if (q.pop(v)) { sum += v; n++; } } });
	t[0].join(); t[1].join(); done = true; t[2].join(); t[3].join();
	usleep(300000); long v, c = 0, x = 0; while (s.pop(v)) { c++; x += v; }
	std::cout << n << " " << sum << " " << c << " " << x << std::endl;
}
EOT
env -u LD_PRELOAD g++ -O2 a.cc -o a -pthread -latomic && ./a
