/* memory.c -- blocks known from memory of every kind, and from words that are
 * no plain addresses
 *
 * Seen red:
 * A11: without GCM_PTRMASK and GCM_ALIGN in scan/mark.c: high-tags: "lost: 64
 * of 64 blocks", any-byte: "lost: 56 of 64 blocks", every-fourth: "lost: 32 of
 *     64 blocks".
 * A12: without gcm_roots_read in look_at_roots in scan/trace.c: opened, mapped,
 *     broken: "lost: 64 of 64 blocks".
 * A12: the same, and without end_tracking in mremap in preload/map.c: moved:
 *     "lost: 64 of 64 blocks".
 * A13: without gcm_mark_again in mark_written in scan/trace.c: copied,
 * received, written: "lost: 64 of 64 blocks". A16: without anonymous mappings
 * (read_range in scan/root.c): foreign-small, foreign-large: "lost: 64 of 64
 * blocks". A17: without gcm_alter_is_noted in scan/mark.c: hidden-block,
 * hidden-large: signal 11. A17: without copy_by_mem in scan/pages.c and with
 * what was not read taken for read (read_range in scan/root.c): hidden-mapping:
 * "lost: 64 of 64 blocks".
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "tests/traps/block.h"

enum {
	PAGE = 4096,
	BLOCKS = BLOCK_MANY,
	TAG_SHIFT = 48,
	ROUNDS = 20,
	MANY = 300000,
	WORDS = BLOCKS + 2, /* a message that is not looked at */
	BYTES = WORDS * (int)sizeof(void *)
};

#define REST 0.01

/* Words
 * ------------------------------------------------------------------------ */

/* A tag in the bits that no address has. */
static uint64_t *tagged;

static __attribute__((noinline)) void
set_tagged(void)
{
	tagged = malloc(BLOCKS * sizeof(*tagged));
	for (uint64_t i = 0; i < BLOCKS; i++)
		tagged[i] = (uint64_t)(uintptr_t)block_new() | (i + 1)
								   << TAG_SHIFT;
}

static void
high_tags(void)
{
	struct block_count count = {0, 0};

	block_want("GCM_PTRMASK", "0xffffffffffff", "high-tags");
	set_tagged();
	block_collect();
	for (uint64_t i = 0; i < BLOCKS; i++)
		block_count(&count,
		    (void *)(uintptr_t)(tagged[i] ^ (i + 1) << TAG_SHIFT),
		    BLOCK_BYTES);
	block_judge(&count);
}

/* In the low bits. */
static __attribute__((noinline)) void
set_low(void)
{
	tagged = malloc(BLOCKS * sizeof(*tagged));
	for (uint64_t i = 0; i < BLOCKS; i++)
		tagged[i] = (uint64_t)(uintptr_t)block_new() | (i & 15);
}

static void
low_tags(void)
{
	struct block_count count = {0, 0};

	set_low();
	block_collect();
	for (uint64_t i = 0; i < BLOCKS; i++)
		block_count(&count, (void *)(uintptr_t)(tagged[i] ^ (i & 15)),
		    BLOCK_BYTES);
	block_judge(&count);
}

/* At any byte, or at every fourth. */
static char *packed;

static __attribute__((noinline)) void
set_packed(size_t step, size_t offset)
{
	packed = calloc(BLOCKS + 2, step);
	for (size_t i = 0; i < BLOCKS; i++) {
		void *block = block_new();

		memcpy(packed + offset + i * step, &block, sizeof(block));
		block_forget(&block);
	}
}

static void
check_packed(size_t step, size_t offset)
{
	struct block_count count = {0, 0};

	set_packed(step, offset);
	block_collect();
	for (size_t i = 0; i < BLOCKS; i++) {
		void *block;

		memcpy(&block, packed + offset + i * step, sizeof(block));
		block_count(&count, block, BLOCK_BYTES);
	}
	block_judge(&count);
}

static void
any_byte(void)
{
	block_want("GCM_ALIGN", "1", "any-byte");
	check_packed(9, 1);
}

static void
every_fourth(void)
{
	block_want("GCM_ALIGN", "4", "every-fourth");
	check_packed(12, 4);
}

/* Memory that comes or is written while a cycle is under way
 * ------------------- */

/* What `late` points to is read long after what `early` does: markers take the
 * newest first, roots come by their addresses, and `many` leads to much. Blocks
 * go from there to the other place, and back.
 */
static struct {
	void **late, **many, **early;
} order;

static __attribute__((noinline)) void
begin_rest(void)
{
	order.late = calloc(WORDS, sizeof(*order.late));
	order.early = calloc(WORDS, sizeof(*order.early));
	order.many = malloc(MANY * sizeof(*order.many));
	for (int i = 0; i < MANY; i++)
		order.many[i] = calloc(1, BLOCK_BYTES);
	for (int i = 0; i < BLOCKS; i++)
		order.late[i] = block_new();
	block_clear_stack();
	block_drop();
}

static __attribute__((noinline)) void
move_to(void **place)
{
	memcpy(place, order.late, BYTES);
	memset(order.late, 0, BYTES);
}

static __attribute__((noinline)) void
move_back(void **place)
{
	memcpy(order.late, place, BYTES);
	memset(place, 0, BYTES);
}

/* Cycles begin and end. */
static void
rest(void)
{
	block_clear_stack();
	block_drop();
	kit_sleep(REST);
}

static void
end_rest(void)
{
	block_await_cycles();
	block_check(order.late, BLOCKS);
}

static void **
map_page(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	KIT_CHECK(page != MAP_FAILED);
	return page;
}

/* The data of a library. */
static void
opened(void)
{
	char path[PATH_MAX];

	KIT_CHECK(kit_beside("held_plugin.so", path, sizeof(path)));
	begin_rest();
	for (int i = 0; i < ROUNDS; i++) {
		void *handle = dlopen(path, RTLD_NOW);
		void **(*data)(void);

		KIT_CHECK(handle != NULL);
		*(void **)&data = dlsym(handle, "plugin_data");
		move_to(data() + 8);
		rest();
		move_back(data() + 8);
		KIT_CHECK(dlclose(handle) == 0);
		rest();
	}
	end_rest();
}

static void
mapped(void)
{
	begin_rest();
	for (int i = 0; i < ROUNDS; i++) {
		void **place = map_page();

		move_to(place);
		rest();
		move_back(place);
		KIT_CHECK(munmap(place, PAGE) == 0);
		rest();
	}
	end_rest();
}

static void
broken(void)
{
	begin_rest();
	for (int i = 0; i < ROUNDS; i++) {
		void **place = sbrk(PAGE);

		KIT_CHECK(place != (void *)-1);
		move_to(place);
		rest();
		move_back(place);
		KIT_CHECK(sbrk(-PAGE) != (void *)-1);
		rest();
	}
	end_rest();
}

/* Moved to another address. */
static void
moved(void)
{
	begin_rest();
	for (int i = 0; i < ROUNDS; i++) {
		void **place = map_page(), **to = map_page();

		KIT_CHECK(munmap(to, PAGE) == 0); /* its place is free */
		rest();
		move_to(place);
		KIT_CHECK(mremap(place, PAGE, PAGE,
			      MREMAP_MAYMOVE | MREMAP_FIXED, to) == to);
		rest();
		move_back(to);
		KIT_CHECK(munmap(to, PAGE) == 0);
	}
	end_rest();
}

/* Written by the program, and by the kernel. */
static void
copied(void)
{
	begin_rest();
	for (int i = 0; i < ROUNDS; i++) {
		move_to(order.early);
		rest();
		move_back(order.early);
		rest();
	}
	end_rest();
}

static void
received(void)
{
	int ends[2];

	KIT_CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	begin_rest();
	for (int i = 0; i < ROUNDS; i++) {
		KIT_CHECK(send(ends[1], order.late, BYTES, 0) == BYTES);
		KIT_CHECK(recv(ends[0], order.early, BYTES, 0) == BYTES);
		memset(order.late, 0, BYTES);
		rest();
		move_back(order.early);
		rest();
	}
	end_rest();
}

static void
written(void)
{
	begin_rest();
	for (int i = 0; i < ROUNDS; i++) {
		struct iovec from = {order.late, BYTES};
		struct iovec to = {order.early, BYTES};

		if (process_vm_writev(getpid(), &from, 1, &to, 1, 0) != BYTES)
			kit_skip("no process_vm_writev here");
		memset(order.late, 0, BYTES);
		memset(&from, 0, sizeof(from));
		memset(&to, 0, sizeof(to));
		__asm__ volatile("" : : "r"(&from), "r"(&to) : "memory");
		rest();
		move_back(order.early);
		rest();
	}
	end_rest();
}

/* Memory of others
 * ------------------------------------------------------------- */

/* Blocks of glibc's own malloc, which another namespace has. */
static void
check_foreign(size_t bytes)
{
	char path[PATH_MAX];
	void *handle, **words, *(*give)(size_t);

	KIT_CHECK(kit_beside("preload_plugin.so", path, sizeof(path)));
	handle = dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
	if (handle == NULL)
		kit_skip("no other namespace");
	*(void **)&give = dlsym(handle, "plugin_give");
	words = give(bytes);
	for (int i = 0; i < BLOCKS; i++)
		words[i] = block_new();
	block_collect();
	block_check(words, BLOCKS);
}

static void
foreign_small(void)
{
	check_foreign(BLOCKS * sizeof(void *));
}

static void
foreign_large(void)
{
	check_foreign(1 << 20);
}

/* Protected for a while
 * -------------------------------------------------------- */

static void
hide(void **page, int key)
{
	for (int i = 0; i < BLOCKS; i++)
		page[i] = block_new();
	if (key >= 0)
		KIT_CHECK(pkey_mprotect(
			      page, PAGE, PROT_READ | PROT_WRITE, key) == 0 &&
			  pkey_set(key, PKEY_DISABLE_ACCESS) == 0);
	else
		KIT_CHECK(mprotect(page, PAGE, PROT_NONE) == 0);
	block_clear_stack();
	for (int i = 0; i < ROUNDS; i++) {
		block_drop();
		kit_sleep(0.001);
	}
	if (key >= 0)
		KIT_CHECK(pkey_set(key, 0) == 0);
	else
		KIT_CHECK(mprotect(page, PAGE, PROT_READ | PROT_WRITE) == 0);
	block_collect();
	block_check(page, BLOCKS);
}

static void
hidden_block(void)
{
	hide(aligned_alloc(PAGE, PAGE), -1);
}

static void
hidden_large(void)
{
	hide(aligned_alloc(PAGE, 16 * PAGE), -1);
}

static void
hidden_mapping(void)
{
	hide(map_page(), -1);
}

static void
by_key(void)
{
	int key = pkey_alloc(0, PKEY_DISABLE_ACCESS);

	if (key < 0)
		kit_skip("no protection keys here");
	hide(map_page(), key);
}

int
main(int argc, char **argv)
{
	static const struct kit_case cases[] = {
	    {"high-tags", high_tags, 0, 0},
	    {"low-tags", low_tags, 0, 0},
	    {"any-byte", any_byte, 0, 0},
	    {"every-fourth", every_fourth, 0, 0},
	    {"opened", opened, KIT_PARALLEL, 0},
	    {"mapped", mapped, KIT_PARALLEL, 0},
	    {"broken", broken, KIT_PARALLEL, 0},
	    {"moved", moved, KIT_PARALLEL, 0},
	    {"copied", copied, KIT_PARALLEL, 0},
	    {"received", received, KIT_PARALLEL, 0},
	    {"written", written, KIT_PARALLEL, 0},
	    {"foreign-small", foreign_small, 0, 0},
	    {"foreign-large", foreign_large, 0, 0},
	    {"hidden-block", hidden_block, 0, 0},
	    {"hidden-large", hidden_large, 0, 0},
	    {"hidden-mapping", hidden_mapping, 0, 0},
	    {"by-key", by_key, 0, 0},
	    {NULL, NULL, 0, 0},
	};

	return block_main(argc, argv, cases);
}
