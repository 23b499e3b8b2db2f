// cxx.cc -- C++ on our heap: thread_local objects, static ones, exceptions
//
// MODEL   Objects with destructors are where C++ frees memory late: those of
//         thread_local storage run through __cxa_thread_atexit after the
//         thread's function, static ones in exit(), exceptions in flight
//         hold memory of their own.  operator new must throw where malloc
//         would return NULL.
#include "kit.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

std::atomic<int> ndestroyed;

struct Keeper {
	std::vector<std::string> words;
	std::unique_ptr<int[]> numbers{new int[1000]()};

	void add(int n)
	{
		words.push_back(std::string(static_cast<size_t>(n % 300), 'x'));
	}

	~Keeper()
	{
		std::map<int, std::string> last;

		for (size_t i = 0; i < words.size(); i++) {
			for (char c : words[i])
				KIT_CHECK(c == 'x');
			last[static_cast<int>(i)] = words[i];
		}
		ndestroyed++;
	}
};

// The second is made by the destructor of the first.
thread_local Keeper keeper;

struct Reviver {
	bool used = false;

	~Reviver()
	{
		thread_local Keeper late;

		for (int i = 0; used && i < 50; i++)
			late.add(i);
	}
};

thread_local Reviver reviver;
Keeper for_the_program;

void
thread_locals()
{
	long rounds = kit_scale(200, 10000);

	for (long i = 0; i < rounds; i++) {
		std::vector<std::thread> threads;

		for (int t = 0; t < 4; t++) {
			threads.emplace_back([t] {
				reviver.used = true;
				for (int n = 0; n < 100; n++)
					keeper.add(n + t);
			});
		}
		for (std::thread &thread : threads)
			thread.join();
	}
	KIT_CHECK(ndestroyed == rounds * 8);
	for_the_program.add(100);
}

// Thrown in one thread, caught in another; nested while unwinding.
void
exceptions()
{
	for (long i = 0; i < kit_scale(2000, 50000); i++) {
		std::exception_ptr caught;
		std::thread thread([&caught, i] {
			try {
				std::string big(static_cast<size_t>(i), 'y');
				throw std::runtime_error(big);
			} catch (...) {
				caught = std::current_exception();
			}
		});

		thread.join();
		try {
			std::rethrow_exception(caught);
		} catch (const std::runtime_error &e) {
			KIT_CHECK(std::strlen(e.what()) ==
			    static_cast<size_t>(i));
		}
	}
}

void
bad_alloc()
{
	volatile size_t huge = std::numeric_limits<ptrdiff_t>::max();
	int nthrown = 0;

	for (int i = 0; i < 100; i++) {
		try {
			delete[] new char[huge - 4096];
		} catch (const std::bad_alloc &) {
			nthrown++;
		}
	}
	KIT_CHECK(nthrown == 100);
	KIT_CHECK(operator new(huge, std::nothrow) == nullptr);
}

struct alignas(256) Wide {
	unsigned char bytes[256];
};

void
operators()
{
	for (int i = 1; i < 2000; i++) {
		auto wide = std::make_unique<Wide[]>(
		    static_cast<size_t>(i % 20 + 1));
		auto plain = std::make_unique<std::string[]>(
		    static_cast<size_t>(i));
		void *sized = operator new(static_cast<size_t>(i));

		KIT_CHECK(reinterpret_cast<uintptr_t>(wide.get()) % 256 == 0);
		std::memset(wide.get(), i, sizeof(Wide));
		plain[0] = std::string(100, 'z');
		operator delete(sized, static_cast<size_t>(i));
	}
}

// Containers in threads that hand them over by move.
void
containers()
{
	using Table = std::unordered_map<std::string, std::vector<int>>;
	Table passed;

	for (long i = 0; i < kit_scale(60, 3000); i++) {
		std::thread thread([&passed, i] {
			Table mine = std::move(passed);

			passed = Table();
			for (int n = 0; n < 2000; n++)
				mine[std::to_string(n * (i % 7 + 1))].push_back(
				    n);
			passed = std::move(mine);
		});

		thread.join();
	}
	KIT_CHECK(passed["0"].size() ==
	    static_cast<size_t>(kit_scale(60, 3000)));
}

} // namespace

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"thread-locals", thread_locals, 0, 0},
	    {"exceptions", exceptions, 0, 0},
	    {"bad-alloc", bad_alloc, 0, 0},
	    {"operators", operators, 0, 0},
	    {"containers", containers, 0, 0},
	    {nullptr, nullptr, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
