/* cell.c -- blocks with a checksum over their links and words
 *
 * MODEL   The words follow from the serial number, so whatever is written into
 *         a cell or handed out a second time shows.  All numbers have their top
 *         bit set: no cell is kept by chance.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "tests/soak/soak.h"

#define TOP ((uint64_t)1 << 63)

static _Atomic uint64_t serials;

static uint64_t
mix(uint64_t x)
{
	x = (x ^ (x >> 31)) * 0xd6e8feb86659fd93u;
	return x ^ (x >> 32);
}

static uint64_t *
words_of(const struct cell *cell)
{
	return (uint64_t *)(uintptr_t)(cell->links + cell->nlinks);
}

static uint64_t
word_of(const struct cell *cell, size_t i)
{
	return TOP | mix(cell->serial + i * 0x9e3779b97f4a7c15u);
}

static uint64_t
sum_of(const struct cell *cell)
{
	uint64_t sum = mix(cell->serial ^ cell->nlinks) + cell->nwords;

	for (uint32_t i = 0; i < cell->nlinks; i++)
		sum = mix(sum + (uint64_t)(uintptr_t)cell->links[i]);
	return TOP | sum;
}

size_t
cell_bytes(const struct cell *cell)
{
	return sizeof(*cell) + 8 * ((size_t)cell->nlinks + cell->nwords);
}

__attribute__((noinline)) struct cell *
cell_new(struct kit_rng *rng, unsigned nlinks, size_t nwords)
{
	size_t size = sizeof(struct cell) + 8 * (nlinks + nwords);
	bool zeroed = kit_below(rng, 4) == 0;
	struct cell *cell = zeroed ? calloc(1, size) : malloc(size);

	if (cell == NULL)
		KIT_FAIL("no memory for %zu bytes", size);
	cell->serial = TOP | atomic_fetch_add(&serials, 1);
	cell->nlinks = nlinks;
	cell->nwords = (uint32_t)nwords;
	for (unsigned i = 0; i < nlinks; i++)
		cell->links[i] = NULL;
	for (size_t i = 0; i < nwords; i++)
		words_of(cell)[i] = word_of(cell, i);
	cell->sum = sum_of(cell);
	return cell;
}

__attribute__((noinline)) struct cell *
cell_any(struct kit_rng *rng)
{
	return cell_new(
	    rng, 0, kit_size(rng, kit_below(rng, 50) == 0 ? 20000 : 200));
}

__attribute__((noinline)) void
cell_link(struct cell *cell, unsigned i, struct cell *to)
{
	cell->links[i] = to;
	cell->sum = sum_of(cell);
}

__attribute__((noinline)) void
cell_check(const struct cell *cell, const char *where)
{
	if (cell == NULL)
		KIT_FAIL("%s: no cell", where);
	if ((cell->serial & TOP) == 0 || cell->nlinks > 64 ||
	    cell->sum != sum_of(cell))
		KIT_FAIL("LOST %s: cell %p: sum %" PRIx64 ", serial %" PRIx64
			 ", %" PRIx32 " links",
		    where, (const void *)cell, cell->sum, cell->serial,
		    cell->nlinks);
	for (size_t i = 0; i < cell->nwords; i++) {
		if (words_of(cell)[i] != word_of(cell, i))
			KIT_FAIL("LOST %s: cell %p, serial %" PRIx64
				 ": word %zu of %" PRIu32 " is %" PRIx64,
			    where, (const void *)cell, cell->serial, i,
			    cell->nwords, words_of(cell)[i]);
	}
}

__attribute__((noinline)) void
cell_free(struct cell *cell, const char *where)
{
	cell_check(cell, where);
	free(cell);
}

__attribute__((noinline)) struct cell *
tree_new(struct kit_rng *rng, unsigned width, unsigned depth)
{
	struct cell *tree =
	    cell_new(rng, depth > 0 ? width : 0, kit_below(rng, 24));

	for (unsigned i = 0; i < tree->nlinks; i++)
		cell_link(tree, i, tree_new(rng, width, depth - 1));
	return tree;
}

size_t
tree_check(const struct cell *tree, const char *where)
{
	size_t n = 1;

	cell_check(tree, where);
	for (unsigned i = 0; i < tree->nlinks; i++)
		if (tree->links[i] != NULL)
			n += tree_check(tree->links[i], where);
	return n;
}

void
tree_free(struct cell *tree, const char *where)
{
	cell_check(tree, where);
	for (unsigned i = 0; i < tree->nlinks; i++)
		if (tree->links[i] != NULL)
			tree_free(tree->links[i], where);
	free(tree);
}
