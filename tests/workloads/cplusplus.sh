# needs: g++
# programs: clang++
# timeout: 90
. ${0%/*}/common
cat > a.cc <<'EOC'
#include <algorithm>
#include <future>
#include <iostream>
#include <map>
#include <memory>
#include <regex>
#include <string>
#include <vector>
int main() { std::map<std::string, std::shared_ptr<std::vector<int>>> m; for (int i = 0; i < 50000; i++) m[std::to_string(i * 7919L % 5003)] = std::make_shared<std::vector<int>>(i % 40, i);
std::cout << m.size() << std::endl; std::vector<std::future<size_t>> f; for (int t = 0; t < 6; t++) f.push_back(std::async(std::launch::async, [t] { std::vector<std::unique_ptr<std::string>> v; for (int i = 0; i < 20000; i++) v.push_back(std::make_unique<std::string>(i % 60, 'x')); std::sort(v.begin(), v.end(), [](auto &a, auto &b) { return a->size() < b->size(); }); return v.size() + t; })); size_t s = 0; for (auto &x : f) s += x.get(); std::cout << s << std::endl;
std::cout << std::regex_replace(std::string(2000, 'a') + "b", std::regex("a{3}"), "c").size() << std::endl; try { m.at("none"); } catch (std::out_of_range &) { std::cout << "out\n"; } }
EOC
command -v clang++ > /dev/null && clang++ -O1 a.cc -o c && ./c; g++ -O1 a.cc -o g && ./g
