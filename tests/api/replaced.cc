// replaced.cc -- a program that brings some operators of its own: the others,
// wherever they live, must end in these, as they do without us
#include <cstdlib>
#include <new>

#include "../stress/kit.h"

static int nnews, ndeletes;

void *
operator new(size_t size)
{
	char *p = static_cast<char *>(std::malloc(size + 16));

	nnews++;
	if (p == nullptr)
		throw std::bad_alloc();
	return p + 16; // not what malloc gave: free of it would be misuse
}

void
operator delete(void *p) noexcept
{
	ndeletes += p != nullptr;
	if (p != nullptr)
		std::free(static_cast<char *>(p) - 16);
}

// What compilers call when they know the size.
void
operator delete(void *p, size_t) noexcept
{
	operator delete(p);
}

namespace
{

template <typename T>
T *
hide(T *p)
{
	__asm__ volatile("" : "+r"(p));
	return p;
}

void
others_end_here()
{
	void *p = hide(::operator new(100));

	::operator delete(p);
	p = hide(::operator new[](100));
	::operator delete[](p);
	p = hide(::operator new(100, std::nothrow));
	::operator delete(p, std::nothrow);
	p = hide(::operator new[](100, std::nothrow));
	::operator delete[](p, std::nothrow);
	p = hide(::operator new(100));
	::operator delete(p, (size_t)100);
	p = hide(::operator new[](100));
	::operator delete[](p, (size_t)100);
	KIT_CHECK(nnews == 6 && ndeletes == 6);
}

} // namespace

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"others-end-here", others_end_here, 0, 0},
	    {nullptr, nullptr, 0, 0},
	};

	return kit_main(argc, argv, cases);
}
