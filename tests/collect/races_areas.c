/* races_areas.c -- memory of every kind: see races.h */
#define _GNU_SOURCE
#include "tests/collect/races.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/collect/kit.h"

enum {
	PAGE = 4096,
	MAP_PAGES = 3,
	LARGE = 2 << 20
};

static struct {
	void *volatile slots[AREA_SLOTS];
} bss[AREA_THREADS], data[AREA_THREADS] = {{{&bss}}};
static _Thread_local void *volatile tls[AREA_SLOTS];

static void *
map(size_t size, int protection, int flags, int fd)
{
	void *p = mmap(NULL, size, protection, flags, fd, 0);

	if (p == MAP_FAILED)
		KIT_FAIL("mmap");
	return p;
}

static void *
map_pages(int flags, int fd)
{
	return map(MAP_PAGES * PAGE, PROT_READ | PROT_WRITE, flags, fd);
}

static int
make_file(void)
{
	int fd = memfd_create("area", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, MAP_PAGES * PAGE) != 0)
		KIT_FAIL("memfd_create");
	return fd;
}

static void
map_file(struct area *area)
{
	int fd = make_file();
	int flags = area->kind == AREA_PRIVATE ? MAP_PRIVATE : MAP_SHARED;

	area->slots = map_pages(flags, fd);
	if (area->kind == AREA_MEMFD)
		area->alias = map_pages(flags, fd);
	close(fd);
}

/* sbrk is not for several threads at once. */
static void *
take_break(void)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	char *p;

	pthread_mutex_lock(&lock);
	p = sbrk(PAGE);
	pthread_mutex_unlock(&lock);
	if (p == (void *)-1)
		KIT_FAIL("sbrk");
	return p + (-(uintptr_t)p & 15);
}

static void *volatile *
block_of(size_t size)
{
	return calloc(1, size);
}

void
area_make(struct area *area, enum area_kind kind, unsigned thread,
    void *volatile *stack)
{
	static const char *const names[AREA_KINDS] = {"data", "bss",
	    "thread_local", "stack", "heap", "large block", "mmap", "brk",
	    "MAP_SHARED", "memfd", "private file", "PROT_READ"};

	*area = (struct area){.name = names[kind], .kind = kind};
	if (kind == AREA_DATA)
		area->slots = data[thread].slots;
	else if (kind == AREA_BSS)
		area->slots = bss[thread].slots;
	else if (kind == AREA_TLS)
		area->slots = tls;
	else if (kind == AREA_STACK)
		area->slots = stack;
	else if (kind == AREA_HEAP)
		area->slots = block_of(AREA_SLOTS * sizeof(void *));
	else if (kind == AREA_LARGE)
		area->slots = block_of(LARGE) + LARGE / 16;
	else if (kind == AREA_BREAK)
		area->slots = take_break();
	else if (kind == AREA_SHARED)
		area->slots = map_pages(MAP_SHARED | MAP_ANONYMOUS, -1);
	else if (kind == AREA_MEMFD || kind == AREA_PRIVATE)
		map_file(area);
	else
		area->slots = map_pages(MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (area->alias == NULL)
		area->alias = area->slots;
	for (size_t i = 0; i < AREA_SLOTS; i++)
		area_put(area, i, NULL);
	if (kind == AREA_READONLY)
		mprotect((void *)(uintptr_t)area->slots, PAGE, PROT_READ);
}

void
area_put(struct area *area, size_t slot, void *value)
{
	void *page = (void *)(uintptr_t)area->slots;

	if (area->kind == AREA_READONLY &&
	    mprotect(page, PAGE, PROT_READ | PROT_WRITE) != 0)
		KIT_FAIL("mprotect");
	area->alias[slot] = value;
	if (area->kind == AREA_READONLY && mprotect(page, PAGE, PROT_READ) != 0)
		KIT_FAIL("mprotect");
}
