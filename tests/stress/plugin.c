/* plugin.c -- a shared object that allocates from its first moment to its
 * last: in an IFUNC resolver, a constructor, thread-local storage and a
 * destructor
 *
 * MODEL   Preloaded before or after the library, its resolver runs while
 *         that one may not be relocated yet.  Opened by dlopen, its
 *         thread-local block comes from malloc through the loader, in each
 *         thread that touches it.  A fault ends the process with 3.
 */
#define _GNU_SOURCE
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	EARLY = 300,
	THREAD_LOCAL = 6000
};

int plugin_chosen(int n);
int plugin_play(int n);

static unsigned char *early, *middle;
static __thread unsigned char buffer[THREAD_LOCAL] = {7};
static __thread unsigned char *held;

static int
add_one(int n)
{
	return n + 1;
}

static int (*choose(void))(int)
{
	early = malloc(EARLY);
	if (early != NULL)
		memset(early, 0x42, EARLY);
	free(malloc(50000));
	free(calloc(3, 7));
	return add_one;
}

/* Static: its relocation is the object's last, after malloc's own. */
static int chosen(int n) __attribute__((ifunc("choose")));

int
plugin_chosen(int n)
{
	return chosen(n);
}

static void
insist(int truth)
{
	if (!truth) {
		if (write(2, "plugin: wrong\n", 14) < 0)
			_exit(4);
		_exit(3);
	}
}

__attribute__((constructor)) static void
begin(void)
{
	insist(plugin_chosen(1) == 2 && early != NULL);
	middle = calloc(1, 100000);
	insist(middle != NULL && middle[99999] == 0);
	memset(middle, 1, 100000);
	early = realloc(early, 2 * EARLY);
	insist(early != NULL && malloc_usable_size(early) >= 2 * EARLY);
}

int
plugin_play(int n)
{
	unsigned char *p = malloc((size_t)n * 20 + 1);

	insist(p != NULL && buffer[0] == 7 && buffer[THREAD_LOCAL - 1] == 0);
	memset(p, n, (size_t)n * 20 + 1);
	free(held);
	held = p;
	if (n == 0) {
		free(held);
		held = NULL;
	}
	return plugin_chosen(n);
}

__attribute__((destructor)) static void
end(void)
{
	for (int i = 0; i < EARLY; i++)
		insist(early[i] == 0x42);
	free(early);
	free(middle);
	free(malloc(10));
}
