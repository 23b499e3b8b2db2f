/* unit/maps.c -- the process's mappings, on the real kernel */
#define _GNU_SOURCE
#include "real.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scan/maps.h"

enum {
	MANY = 5000,
	READS = 300
};

static struct gcm_maps maps;

static void
read_maps(void)
{
	ck_assert_int_eq(gcm_maps_read(&maps), 0);
	ck_assert_uint_gt(maps.count, 5);
	for (size_t i = 0; i < maps.count; i++) {
		REAL_CHECK(maps.list[i].lo < maps.list[i].hi);
		REAL_CHECK(i == 0 || maps.list[i - 1].hi <= maps.list[i].lo);
		REAL_CHECK(maps.list[i].mark == 0);
	}
}

/* Flags of the mapping that is exactly [addr, addr + len). */
static uint32_t
flags_at(const void *addr, size_t len)
{
	struct gcm_mapping *mapping = gcm_maps_find(&maps, (uintptr_t)addr);

	ck_assert_ptr_nonnull(mapping);
	ck_assert_uint_eq(mapping->lo, (uintptr_t)addr);
	ck_assert_uint_eq(mapping->hi, (uintptr_t)addr + len);
	return mapping->flags;
}

/* A mapping between two pages without access, so that it merges with none. */
static char *
map_apart(int prot, int flags, int fd)
{
	size_t page = real_page();
	char *room =
	    mmap(NULL, 3 * page, PROT_NONE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(room, MAP_FAILED);
	ck_assert_ptr_ne(
	    mmap(room + page, page, prot, flags | MAP_FIXED, fd, 0),
	    MAP_FAILED);
	return room + page;
}

START_TEST(flags)
{
	const int priv = MAP_PRIVATE | MAP_ANONYMOUS;
	size_t page = real_page();
	int memfd = memfd_create("a name\nof two lines", 0);
	int file = real_file(page), zero = open("/dev/zero", O_RDWR);
	char *rw, *rx, *none, *shared, *filed, *memory, *zeros;

	ck_assert_int_eq(ftruncate(memfd, (off_t)page), 0);
	rw = map_apart(PROT_READ | PROT_WRITE, priv, -1);
	rx = map_apart(PROT_READ | PROT_EXEC, priv, -1);
	none = map_apart(PROT_NONE, priv, -1);
	shared = map_apart(PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1);
	filed = map_apart(PROT_READ | PROT_WRITE, MAP_PRIVATE, file);
	memory = map_apart(PROT_READ | PROT_WRITE, MAP_SHARED, memfd);
	zeros = map_apart(PROT_READ | PROT_WRITE, MAP_SHARED, zero);
	read_maps();
	ck_assert_uint_eq(flags_at(rw, page), GCM_MAP_READ | GCM_MAP_WRITE);
	ck_assert_uint_eq(flags_at(rx, page), GCM_MAP_READ | GCM_MAP_EXEC);
	ck_assert_uint_eq(flags_at(none, page), 0);
	ck_assert_uint_eq(flags_at(shared, page),
	    GCM_MAP_READ | GCM_MAP_SHARED | GCM_MAP_FILE | GCM_MAP_MEMORY);
	ck_assert_uint_eq(
	    flags_at(filed, page), GCM_MAP_READ | GCM_MAP_WRITE | GCM_MAP_FILE);
	ck_assert_uint_eq(flags_at(memory, page),
	    GCM_MAP_READ | GCM_MAP_WRITE | GCM_MAP_SHARED | GCM_MAP_FILE |
		GCM_MAP_MEMORY);
	ck_assert_uint_eq(flags_at(zeros, page),
	    GCM_MAP_READ | GCM_MAP_WRITE | GCM_MAP_SHARED | GCM_MAP_FILE |
		GCM_MAP_MEMORY);
}
END_TEST

START_TEST(places_of_the_system)
{
	struct gcm_mapping *at;
	int here = 0, device = open("/dev", O_TMPFILE | O_RDWR, 0600);

	read_maps();
	at = gcm_maps_find(&maps, (uintptr_t)&here);
	ck_assert(at->lo <= (uintptr_t)&here);
	ck_assert_uint_eq(
	    at->flags, GCM_MAP_READ | GCM_MAP_WRITE | GCM_MAP_STACK);
	at = gcm_maps_find(&maps, getauxval(AT_SYSINFO_EHDR));
	ck_assert((at->flags & GCM_MAP_KERNEL) != 0);
	at = gcm_maps_find(&maps, (uintptr_t)read_maps);
	ck_assert_uint_eq(at->flags & (GCM_MAP_KERNEL | GCM_MAP_DEVICE), 0);
	if (device >= 0 && ftruncate(device, (off_t)real_page()) == 0) {
		char *addr = map_apart(PROT_READ, MAP_SHARED, device);

		read_maps();
		ck_assert_uint_eq(flags_at(addr, real_page()),
		    GCM_MAP_READ | GCM_MAP_SHARED | GCM_MAP_FILE |
			GCM_MAP_DEVICE);
	}
}
END_TEST

/* Long and odd names: the kernel writes a newline as \012. */
START_TEST(lines_of_any_length)
{
	static const char *const odd[] = {
	    "a b  c", "x\ny", " (deleted)", "[stack]", "-", "7f00-7f01 rw-p"};
	size_t page = real_page();
	char name[256], *at[RIG_COUNT(odd) + 1];

	memset(name, 'n', 250);
	name[250] = '\0';
	for (int depth = 0; depth < 10; depth++) {
		ck_assert_int_eq(mkdir(name, 0700), 0);
		ck_assert_int_eq(chdir(name), 0);
	}
	for (size_t i = 0; i <= RIG_COUNT(odd); i++) {
		const char *path = i < RIG_COUNT(odd) ? odd[i] : name;
		int fd = open(path, O_CREAT | O_RDWR, 0600);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(ftruncate(fd, (off_t)page), 0);
		at[i] = map_apart(PROT_READ, MAP_PRIVATE, fd);
		unlink(path);
	}
	for (int depth = 0; depth < 10; depth++) {
		ck_assert_int_eq(chdir(".."), 0);
		ck_assert_int_eq(rmdir(name), 0);
	}
	read_maps();
	for (size_t i = 0; i <= RIG_COUNT(odd); i++)
		ck_assert_uint_eq(
		    flags_at(at[i], page), GCM_MAP_READ | GCM_MAP_FILE);
}
END_TEST

/* As libc's scanf reads them. */
static void
compare_with_stdio(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	size_t matched = 0, lines = 0;
	char *line = NULL;
	size_t room = 0;

	while (getline(&line, &room, file) > 0) {
		unsigned long lo, hi, inode;
		char perms[5];
		struct gcm_mapping *at;

		REAL_CHECK(sscanf(line, "%lx-%lx %4s %*s %*s %lu", &lo, &hi,
			       perms, &inode) == 4);
		at = gcm_maps_find(&maps, lo);
		lines++;
		if (at == NULL || at->lo != lo || at->hi != hi)
			continue; /* libc's heap has grown since */
		matched++;
		REAL_CHECK(
		    ((at->flags & GCM_MAP_READ) != 0) == (perms[0] == 'r'));
		REAL_CHECK(
		    ((at->flags & GCM_MAP_WRITE) != 0) == (perms[1] == 'w'));
		REAL_CHECK(
		    ((at->flags & GCM_MAP_EXEC) != 0) == (perms[2] == 'x'));
		REAL_CHECK(
		    ((at->flags & GCM_MAP_SHARED) != 0) == (perms[3] == 's'));
		REAL_CHECK(((at->flags & GCM_MAP_FILE) != 0) == (inode != 0));
	}
	free(line);
	fclose(file);
	ck_assert_uint_ge(matched + 3, lines);
}

START_TEST(thousands)
{
	size_t page = real_page();
	char *many = real_map(NULL, 2 * MANY * page);

	read_maps();
	compare_with_stdio();
	for (size_t i = 0; i < MANY; i++)
		ck_assert_int_eq(
		    mprotect(many + 2 * i * page, page, PROT_READ), 0);
	read_maps();
	ck_assert_uint_ge(maps.count, 2 * MANY);
	compare_with_stdio();
	for (size_t i = 0; i < 2 * MANY; i++) {
		struct gcm_mapping *at =
		    gcm_maps_find(&maps, (uintptr_t)many + i * page + 7);

		REAL_CHECK(at->lo <= (uintptr_t)many + i * page &&
			   at->hi > (uintptr_t)many + i * page);
		REAL_CHECK(((at->flags & GCM_MAP_WRITE) != 0) == (i % 2 == 1));
	}
	munmap(many + page, page);
	read_maps();
	ck_assert_uint_eq(gcm_maps_find(&maps, (uintptr_t)many + page)->lo,
	    (uintptr_t)many + 2 * page);
	ck_assert_uint_eq(gcm_maps_find(&maps, 0)->lo, maps.list[0].lo);
	ck_assert_ptr_null(gcm_maps_find(&maps, UINTPTR_MAX));
	gcm_maps_drop(&maps);
	ck_assert_ptr_null(gcm_maps_find(&maps, 0));
	ck_assert_int_eq(gcm_maps_reserve(&maps, 2 * MANY), 0);
	read_maps();
}
END_TEST

static _Atomic bool stop;

static void *
change_maps(void *arg)
{
	uint64_t state = rig_seed(1);
	size_t page = real_page();
	char *room = arg;

	while (!atomic_load(&stop)) {
		size_t from = rig_below(&state, 500),
		       n = rig_below(&state, 12) + 1;

		if (rig_chance(&state, 50))
			munmap(room + from * page, n * page);
		else
			mmap(room + from * page, n * page,
			    rig_chance(&state, 50) ? PROT_READ : PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
	}
	return NULL;
}

START_TEST(while_it_changes)
{
	size_t page = real_page();
	char *room = real_map(NULL, 512 * page);
	char *kept = map_apart(PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	pthread_t thread;

	pthread_create(&thread, NULL, change_maps, room);
	for (int i = 0; i < READS; i++) {
		read_maps();
		ck_assert_uint_eq(flags_at(kept, page), GCM_MAP_READ);
	}
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
}
END_TEST

static bool
read_alone(void)
{
	return gcm_maps_read(&maps) == 0 && maps.count > 5 &&
	       gcm_maps_find(&maps, (uintptr_t)&maps)->lo <= (uintptr_t)&maps;
}

START_TEST(the_main_thread_is_gone)
{
	ck_assert(real_without_leader(read_alone));
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase, flags);
	tcase_add_test(tcase, places_of_the_system);
	tcase_add_test(tcase, lines_of_any_length);
	tcase_add_test(tcase, thousands);
	tcase_add_test(tcase, while_it_changes);
	tcase_add_test(tcase, the_main_thread_is_gone);
}

int
main(void)
{
	return unit_run("maps", add_tests);
}
