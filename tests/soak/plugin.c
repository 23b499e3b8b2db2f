/* plugin.c -- an object that is opened, keeps addresses in its data, its bss
 * and thread-local memory, and is closed
 */
#include <stddef.h>

void plugin_keep(unsigned place, void *p);
void *plugin_take(unsigned place);

static void *data[4] = {&data, &data, &data, &data};
static void *bss[300];
static __thread void *local[4];

static void **
find_place(unsigned place)
{
	switch (place % 3) {
	case 0:
		return &data[place / 3 % 4];
	case 1:
		return &bss[place % 300];
	default:
		return &local[place / 3 % 4];
	}
}

void
plugin_keep(unsigned place, void *p)
{
	*find_place(place) = p;
}

void *
plugin_take(unsigned place)
{
	void *p = *find_place(place);

	*find_place(place) = NULL;
	return p;
}
