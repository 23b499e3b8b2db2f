/* stl.cc -- containers of the C++ library, through operator new
 *
 * MODEL   `map`: a red-black tree of 100,000 keys with random inserts and
 *         erases.  `list`: many linked lists that splice, grow and shrink.
 *         `string`: a hash table of strings, most too long for the inline
 *         buffer, looked up, replaced and rehashed.
 */
#include "bench.h"

#include <cstdlib>
#include <cstring>
#include <list>
#include <map>
#include <string>
#include <unordered_map>
#include <vector>

static uint64_t
churn_map(uint32_t nsteps)
{
	std::map<uint32_t, uint64_t> tree;
	gcm_bench_rng rng = {1};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nsteps; i++) {
		uint32_t key = gcm_bench_below(&rng, 200000);
		auto found = tree.find(key);

		if (found == tree.end()) {
			tree.emplace(key, i);
			continue;
		}
		sum += found->second;
		tree.erase(found);
	}
	return sum + tree.size();
}

static uint64_t
churn_lists(uint32_t nsteps)
{
	std::vector<std::list<uint64_t>> lists(256);
	gcm_bench_rng rng = {2};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nsteps; i++) {
		auto &list = lists[gcm_bench_below(&rng, 256)];
		auto &other = lists[gcm_bench_below(&rng, 256)];
		uint32_t dice = gcm_bench_below(&rng, 64);

		if (list.size() > 500 || dice == 0) {
			sum += list.size();
			list.clear();
		} else if (dice == 1 && &list != &other) {
			list.splice(list.begin(), other);
		} else {
			for (uint32_t n = 0; n < 16; n++)
				list.push_back(i);
			for (uint32_t n = 0; n < 8; n++) {
				sum += list.front();
				list.pop_front();
			}
		}
	}
	return sum;
}

static uint64_t
churn_strings(uint32_t nsteps)
{
	std::unordered_map<std::string, std::string> table;
	gcm_bench_rng rng = {3};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nsteps; i++) {
		std::string key = "a key too long to be kept inline: " +
				  std::to_string(gcm_bench_below(&rng, 20000));
		uint32_t length = gcm_bench_below(&rng, 200);

		if (gcm_bench_below(&rng, 4) == 0) {
			sum += table.erase(key);
			continue;
		}
		auto &value = table[key];
		sum += value.size();
		value = std::string(length, 'x');
	}
	return sum;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "map";
	uint64_t sum;

	if (std::strcmp(mode, "list") == 0)
		sum = churn_lists(gcm_bench_arg(argc, argv, 2, 2000000, 1));
	else if (std::strcmp(mode, "string") == 0)
		sum = churn_strings(gcm_bench_arg(argc, argv, 2, 4000000, 1));
	else
		sum = churn_map(gcm_bench_arg(argc, argv, 2, 1500000, 1));
	return gcm_bench_done(sum);
}
