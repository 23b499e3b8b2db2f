/* realloc.c -- blocks that grow
 *
 * MODEL   `double`: many vectors side by side, each doubled when full, up to
 *         64 KiB.  `append`: strings that grow by a few bytes a call, as
 *         naive text builders do.  `huge`: few buffers that grow by 64 KiB a
 *         call to 32 MiB: a copy each time, or mremap, or growth in place.
 *         What a block held must still be there after each move.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum {
	NVECTORS = 64,
	KIB = 1024,
	MIB = 1024 * KIB
};

struct vector {
	unsigned char *bytes;
	size_t size;
};

static void
grow(struct vector *vector, size_t size)
{
	size_t before = vector->size;

	vector->bytes = gcm_bench_need(realloc(vector->bytes, size));
	if (before > 0 && vector->bytes[before - 1] != (before & 0xff))
		abort();
	vector->bytes[size - 1] = (unsigned char)size;
	vector->size = size;
}

static void
drop(struct vector *vector)
{
	free(vector->bytes);
	vector->bytes = NULL;
	vector->size = 0;
}

static uint64_t
double_vectors(uint32_t nsteps)
{
	struct vector vectors[NVECTORS] = {{NULL, 0}};
	struct gcm_bench_rng rng = {1};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nsteps; i++) {
		struct vector *v = &vectors[gcm_bench_below(&rng, NVECTORS)];
		uint32_t limit = 64 * KIB >> gcm_bench_below(&rng, 8);

		if (v->size >= limit)
			drop(v);
		else
			grow(v, v->size > 0 ? 2 * v->size : 16);
		sum += v->size;
	}
	for (uint32_t i = 0; i < NVECTORS; i++)
		drop(&vectors[i]);
	return sum;
}

static uint64_t
append_strings(uint32_t nsteps)
{
	struct vector vectors[NVECTORS] = {{NULL, 0}};
	struct gcm_bench_rng rng = {2};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nsteps; i++) {
		struct vector *v = &vectors[gcm_bench_below(&rng, NVECTORS)];

		if (v->size > 8 * KIB)
			drop(v);
		else
			grow(v, v->size + 1 + gcm_bench_below(&rng, 40));
		sum += v->size;
	}
	for (uint32_t i = 0; i < NVECTORS; i++)
		drop(&vectors[i]);
	return sum;
}

static uint64_t
grow_huge(uint32_t nrounds)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nrounds; i++) {
		struct vector two[2] = {{NULL, 0}, {NULL, 0}};

		for (size_t size = 64 * KIB; size <= 32 * MIB;
		     size += 64 * KIB) {
			grow(&two[0], size);
			grow(&two[1], size);
			sum += size;
		}
		drop(&two[0]);
		drop(&two[1]);
	}
	return sum;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "double";
	uint64_t sum;

	if (strcmp(mode, "huge") == 0)
		sum = grow_huge(gcm_bench_arg(argc, argv, 2, 5, 1));
	else if (strcmp(mode, "append") == 0)
		sum = append_strings(gcm_bench_arg(argc, argv, 2, 20000000, 1));
	else
		sum = double_vectors(gcm_bench_arg(argc, argv, 2, 20000000, 1));
	return gcm_bench_done(sum);
}
