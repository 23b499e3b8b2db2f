// operators.cc -- C++'s operators new and delete: all forms, what they throw,
// and a program's own handler
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <malloc.h>
#include <memory>
#include <new>
#include <string>
#include <vector>

#include "../stress/kit.h"

namespace
{

template <typename T>
T *
hide(T *p)
{
	__asm__ volatile("" : "+r"(p));
	return p;
}

size_t
hide(size_t n)
{
	__asm__ volatile("" : "+r"(n));
	return n;
}

void
every_form()
{
	for (size_t size = 0; size < 1 << 20; size = size * 5 / 4 + 1) {
		void *p = ::operator new(hide(size));

		KIT_CHECK(p != nullptr && (uintptr_t)p % 16 == 0);
		KIT_CHECK(malloc_usable_size(p) >= size);
		::operator delete(hide(p));
		p = ::operator new(hide(size));
		::operator delete(hide(p), size);
		p = ::operator new[](hide(size));
		::operator delete[](hide(p));
		p = ::operator new[](hide(size));
		::operator delete[](hide(p), size);
		p = ::operator new(hide(size), std::nothrow);
		::operator delete(hide(p), std::nothrow);
		p = ::operator new[](hide(size), std::nothrow);
		::operator delete[](hide(p), std::nothrow);
	}
	::operator delete(hide((void *)nullptr));
	::operator delete[](hide((void *)nullptr));
	::operator delete(hide((void *)nullptr), 100);
}

void
aligned_forms()
{
	for (size_t a = 1; a <= 1 << 20; a *= 2) {
		for (size_t size = 1; size < 100000; size *= 7) {
			std::align_val_t align{a};
			void *p = ::operator new(hide(size), align);

			KIT_CHECK((uintptr_t)p % a == 0);
			::operator delete(hide(p), align);
			p = ::operator new[](hide(size), align);
			KIT_CHECK((uintptr_t)p % a == 0);
			::operator delete[](hide(p), size, align);
			p = ::operator new(hide(size), align, std::nothrow);
			KIT_CHECK((uintptr_t)p % a == 0);
			::operator delete(hide(p), align, std::nothrow);
		}
	}
}

// Blocks of no bytes are different ones.
void
empty_blocks()
{
	void *p = ::operator new(hide((size_t)0));
	void *q = ::operator new(hide((size_t)0));

	KIT_CHECK(p != q && p != nullptr && q != nullptr);
	::operator delete(p);
	::operator delete(q);
}

template <typename F>
bool
throws(F allocate)
{
	try {
		allocate();
	} catch (const std::bad_alloc &) {
		return true;
	}
	return false;
}

void
too_large()
{
	const size_t sizes[] = {(size_t)PTRDIFF_MAX + 1, SIZE_MAX,
	    SIZE_MAX - 4096, (size_t)PTRDIFF_MAX};

	for (size_t size : sizes) {
		KIT_CHECK(throws([=] { hide(::operator new(hide(size))); }));
		KIT_CHECK(throws([=] { hide(::operator new[](hide(size))); }));
		KIT_CHECK(::operator new(hide(size), std::nothrow) == nullptr);
		KIT_CHECK(
		    ::operator new[](hide(size), std::nothrow) == nullptr);
	}
	// libstdc++ 12 rounds SIZE_MAX up to 0 there.
	KIT_CHECK(throws([] {
		hide(::operator new (
		    hide(SIZE_MAX / 2 + 1), std::align_val_t{64}));
	}));
	KIT_CHECK(throws([] { hide(new char[hide(SIZE_MAX / 2)]); }));
	KIT_CHECK(throws([] { hide(new double[hide(SIZE_MAX / 8)]); }));
}

int handler_calls;

void
give_up_at_third()
{
	if (++handler_calls == 3)
		std::set_new_handler(nullptr);
}

void
throw_int()
{
	throw 42;
}

// Called as long as there is one and it does not throw.
void
handler()
{
	int caught = 0;

	std::set_new_handler(give_up_at_third);
	KIT_CHECK(throws([] { hide(::operator new(hide(SIZE_MAX))); }));
	KIT_CHECK(handler_calls == 3);
	std::set_new_handler(throw_int);
	try {
		hide(::operator new(hide(SIZE_MAX)));
	} catch (int value) {
		caught = value;
	}
	KIT_CHECK(caught == 42);
	std::set_new_handler(nullptr);
	KIT_CHECK(::operator new(hide(SIZE_MAX), std::nothrow) == nullptr);
}

void
containers()
{
	std::vector<std::string> strings;

	for (int i = 0; i < 20000; i++)
		strings.push_back(std::string((size_t)i % 100, 'x'));
	for (int i = 0; i < 20000; i++)
		KIT_CHECK(strings[(size_t)i].size() == (size_t)i % 100);
	auto shared = std::make_shared<std::vector<int>>(1000, 7);
	KIT_CHECK(shared->at(999) == 7);
	std::unique_ptr<int[]> numbers(new int[5000]());
	for (int i = 0; i < 5000; i++)
		KIT_CHECK(numbers[(size_t)i] == 0);
}

} // namespace

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"every-form", every_form, 0, 0},
	    {"aligned-forms", aligned_forms, 0, 0},
	    {"empty-blocks", empty_blocks, 0, 0},
	    {"too-large", too_large, 0, 0},
	    {"handler", handler, 0, 0},
	    {"containers", containers, 0, 0},
	    {nullptr, nullptr, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
