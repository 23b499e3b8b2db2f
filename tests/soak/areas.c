/* areas.c -- cells whose only address is in memory that the program maps,
 * moves, protects and unmaps, or on the stack of a coroutine
 */
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "tests/soak/soak.h"

enum {
	AREAS = 12,
	PAGE = 4096,
	PAGES_MAX = 96,
	COROUTINES = 8,
	STACK = 96 << 10
};

/* Mappings
 * --------------------------------------------------------------------- */

struct area {
	struct cell **words; /* NULL: none */
	size_t npages;
	bool shared, sealed, grows;
};
struct areas { /* one a worker, in a block */
	struct area list[AREAS];
};

static size_t
words_of(const struct area *area)
{
	return area->npages * (PAGE / sizeof(struct cell *));
}

static int
file_of(size_t size)
{
	int fd = memfd_create("area", MFD_CLOEXEC);

	KIT_CHECK(fd >= 0 && ftruncate(fd, (off_t)size) == 0);
	return fd;
}

static void
map_area(struct area *area, struct kit_rng *rng)
{
	size_t kind = kit_below(rng, 4), size;
	int flags = kind == 1 || kind == 2 ? MAP_SHARED : MAP_PRIVATE, fd = -1;

	area->npages = 1 + kit_size(rng, PAGES_MAX - 1);
	area->shared = flags == MAP_SHARED;
	area->sealed = false;
	area->grows = kind == 0; /* no file under it */
	size = area->npages * PAGE;
	if (kind >= 2)
		fd = file_of(size);
	else
		flags |= MAP_ANONYMOUS;
	area->words = mmap(NULL, size, PROT_READ | PROT_WRITE, flags, fd, 0);
	KIT_CHECK(area->words != MAP_FAILED);
	if (fd >= 0)
		close(fd);
}

static void
check_area(const struct area *area)
{
	for (size_t i = 0; i < words_of(area); i++)
		if (area->words[i] != NULL)
			cell_check(area->words[i], "mapping");
}

static void
put_some(struct area *area, struct kit_rng *rng)
{
	for (size_t n = kit_below(rng, 20); n > 0 && !area->sealed; n--) {
		struct cell **word =
		    &area->words[kit_below(rng, words_of(area))];

		if (*word != NULL)
			cell_free(*word, "mapping");
		*word = cell_any(rng);
	}
}

static void
seal(struct area *area, bool sealed)
{
	KIT_CHECK(mprotect(area->words, area->npages * PAGE,
		      sealed ? PROT_READ : PROT_READ | PROT_WRITE) == 0);
	area->sealed = sealed;
}

/* To another place, often larger.  To a given one not in all rounds: after
 * three of those the collector tracks no writes any more (preload/map.c).
 */
static void
move_area(struct area *area, struct kit_rng *rng)
{
	size_t size = area->npages * PAGE;
	void *to;

	if (kit_below(rng, 2) == 0 && getenv("SOAK_STILL") == NULL) {
		void *free = mmap(
		    NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		to = mremap(area->words, size, size,
		    MREMAP_MAYMOVE | MREMAP_FIXED, free);
	} else {
		size_t extra = area->grows ? kit_below(rng, 3) : 0;

		if (area->npages + extra > PAGES_MAX)
			extra = 0;
		to = mremap(
		    area->words, size, size + extra * PAGE, MREMAP_MAYMOVE);
	}
	KIT_CHECK(to != MAP_FAILED);
	area->words = to;
}

static void
end_area(struct area *area, bool lost, enum lost shape)
{
	for (size_t i = 0; i < words_of(area); i++) {
		struct cell *cell = area->words[i];

		if (cell != NULL && lost)
			lost_note(shape, cell, cell_bytes(cell));
		else if (cell != NULL)
			cell_free(cell, "end of mapping");
		if (shape != LOST_ADVISED && !area->sealed)
			area->words[i] = NULL;
	}
	if (shape == LOST_ADVISED)
		KIT_CHECK(madvise(area->words, area->npages * PAGE,
			      MADV_DONTNEED) == 0);
	else
		KIT_CHECK(munmap(area->words, area->npages * PAGE) == 0);
}

static void
step_area(struct area *area, struct kit_rng *rng)
{
	if (area->words == NULL)
		map_area(area, rng);
	check_area(area);
	switch (kit_below(rng, 9)) {
	case 0:
		move_area(area, rng);
		break;
	case 1:
		seal(area, !area->sealed);
		break;
	case 2:
		end_area(area, kit_below(rng, 4) == 0, LOST_MAPPING);
		area->words = NULL;
		break;
	case 3:
		/* What is shared, or a file's, comes back. */
		if (!area->shared && !area->sealed)
			end_area(area, true, LOST_ADVISED);
		break;
	default:
		put_some(area, rng);
	}
}

static void
run_mapping(struct kit_rng *rng)
{
	struct areas *areas = calloc(1, sizeof(*areas));

	while (soak_goes_on()) {
		step_area(&areas->list[kit_below(rng, AREAS)], rng);
		soak_nap(rng, 1000);
		soak_did(&task_mapping);
	}
	for (size_t i = 0; i < AREAS; i++)
		if (areas->list[i].words != NULL)
			end_area(&areas->list[i], false, LOST_MAPPING);
	free(areas);
}
struct task task_mapping = {"mapping", run_mapping, 1, 0};

/* Coroutines
 * ------------------------------------------------------------------- */

struct coroutine {
	ucontext_t context;
	char *stack;
	bool mapped, done;
	unsigned steps; /* left to go */
};
static __thread ucontext_t *home;
static __thread struct coroutine *current;
static __thread struct kit_rng *coroutine_rng;

static void
run_coroutine(void)
{
	struct cell *volatile own[6];

	for (size_t i = 0; i < KIT_COUNT(own); i++)
		own[i] = cell_any(coroutine_rng);
	for (; current->steps > 0; current->steps--) {
		size_t i = kit_below(coroutine_rng, KIT_COUNT(own));

		swapcontext(&current->context, home);
		cell_free(own[i], "coroutine");
		own[i] = cell_any(coroutine_rng);
	}
	for (size_t i = 0; i < KIT_COUNT(own); i++) {
		cell_free(own[i], "end of coroutine");
		own[i] = NULL;
	}
	current->done = true;
	setcontext(home);
}

/* Mapped ones not in all rounds: near a thread's own stack they make the
 * collector read all stacks whole (preload/stacks.c).
 */
static struct coroutine *
make_coroutine(struct kit_rng *rng)
{
	struct coroutine *co = calloc(1, sizeof(*co));

	co->mapped = kit_below(rng, 2) == 0 && getenv("SOAK_STILL") == NULL;
	co->stack = co->mapped
			? mmap(NULL, STACK, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0)
			: malloc(STACK);
	KIT_CHECK(co->stack != NULL && co->stack != MAP_FAILED);
	co->steps = 1 + (unsigned)kit_below(rng, 60);
	getcontext(&co->context);
	co->context.uc_stack.ss_sp = co->stack;
	co->context.uc_stack.ss_size = STACK;
	makecontext(&co->context, run_coroutine, 0);
	return co;
}

static void
resume(struct coroutine *co)
{
	current = co;
	swapcontext(home, &co->context);
	current = NULL;
}

/* One in the middle of its work is forgotten, and its stack, with whatever it
 * has: a cell that is known to be lost goes with it.
 */
static __attribute__((noinline)) void
lose_coroutine(struct coroutine *co, struct kit_rng *rng)
{
	struct cell *cell = cell_new(rng, 1, 500);

	*(struct cell **)(void *)co->stack = cell;
	cell_link(cell, 0, (struct cell *)(void *)co);
	lost_note(LOST_COROUTINE, cell, STACK + sizeof(*co));
}

static void
end_coroutine(struct coroutine *co)
{
	while (!co->done)
		resume(co);
	if (co->mapped)
		KIT_CHECK(munmap(co->stack, STACK) == 0);
	else
		free(co->stack);
	free(co);
}

static void
run_coroutines(struct kit_rng *rng)
{
	struct coroutine **list =
	    calloc(COROUTINES, sizeof(struct coroutine *));

	home = calloc(1, sizeof(*home));
	coroutine_rng = rng;
	while (soak_goes_on()) {
		struct coroutine **co = &list[kit_below(rng, COROUTINES)];

		if (*co == NULL) {
			*co = make_coroutine(rng);
		} else if (!(*co)->done && !(*co)->mapped &&
			   kit_below(rng, 300) == 0) {
			lose_coroutine(*co, rng);
			*co = NULL;
		} else if ((*co)->done) {
			end_coroutine(*co);
			*co = NULL;
		} else {
			resume(*co);
		}
		if (kit_below(rng, 4) == 0)
			soak_nap(rng, 2000);
		soak_did(&task_coroutine);
	}
	for (size_t i = 0; i < COROUTINES; i++)
		if (list[i] != NULL)
			end_coroutine(list[i]);
	free(list);
	free(home);
}
struct task task_coroutine = {"coroutine", run_coroutines, 1, 0};
