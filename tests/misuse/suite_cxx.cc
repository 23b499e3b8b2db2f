/* suite_cxx.cc -- the C++ programs of the misuse suite: blocks given back by
 * another operator than the one they came from, or as another type
 */
#include "suite.h"

#include <string>

namespace
{

/* Keeps the compiler from pairing what it sees on both sides. */
template <typename T>
T *
hide(T *p)
{
	__asm__ volatile("" : "+r"(p));
	return p;
}

struct big {
	size_t words[9];
};

void
delete_bigger(size_t, ptrdiff_t)
{
	void *p = hide(new char);

	delete static_cast<big *>(p);
	missed();
}

void
array_delete_char(size_t, ptrdiff_t)
{
	char *p = hide(new char);

	delete[] p;
	missed();
}

void
array_delete_string(size_t, ptrdiff_t)
{
	std::string *p = hide(new std::string);

	delete[] p;
	missed();
}

void
delete_char_array(size_t size, ptrdiff_t)
{
	char *p = hide(new char[size]);

	delete p;
	missed();
}

void
delete_string_array(size_t size, ptrdiff_t)
{
	std::string *p = hide(new std::string[size]);

	delete p;
	missed();
}

} // namespace

const struct wrong wrongs[] = {
    {"delete-bigger", delete_bigger, 0},
    {"array-delete-char", array_delete_char, 0},
    {"array-delete-string", array_delete_string, 0},
    {"delete-char-array", delete_char_array, 0},
    {"delete-string-array", delete_string_array, 0},
    {nullptr, nullptr, 0},
};
