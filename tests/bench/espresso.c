/* espresso.c -- complementing two-level logic covers
 *
 * MODEL   The inner loop of a logic minimiser: the complement of a cover of
 *         cubes by Shannon expansion on the most binate variable.  Each level
 *         of the recursion allocates cofactor covers cube by cube, grows
 *         their arrays with realloc and frees them in another order than it
 *         made them.  Random points must lie in exactly one of the two covers.
 */
#include "bench.h"

#include <stdlib.h>

/* Two bits a variable: 01 complemented, 10 plain, 11 does not matter. */
struct cube {
	uint32_t nwords; /* const once made */
	uint32_t word[]; /* const once it is in a cover */
};

struct cover {
	uint32_t ncubes;
	uint32_t capacity;
	struct cube **cubes; /* owned, as are the cubes */
};

enum {
	VARS_A_WORD = 16
};

static struct cube *
new_cube(uint32_t nwords)
{
	struct cube *cube = gcm_bench_need(
	    malloc(sizeof(*cube) + nwords * sizeof(cube->word[0])));

	cube->nwords = nwords;
	for (uint32_t i = 0; i < nwords; i++)
		cube->word[i] = UINT32_MAX;
	return cube;
}

static struct cube *
copy_cube(const struct cube *from)
{
	struct cube *cube = new_cube(from->nwords);

	for (uint32_t i = 0; i < from->nwords; i++)
		cube->word[i] = from->word[i];
	return cube;
}

static uint32_t
literal_get(const struct cube *cube, uint32_t var)
{
	return cube->word[var / VARS_A_WORD] >> var % VARS_A_WORD * 2 & 3;
}

static void
literal_set(struct cube *cube, uint32_t var, uint32_t literal)
{
	uint32_t shift = var % VARS_A_WORD * 2;
	uint32_t *word = &cube->word[var / VARS_A_WORD];

	*word = (*word & ~(UINT32_C(3) << shift)) | literal << shift;
}

static bool
cube_contains(const struct cube *outer, const struct cube *inner)
{
	for (uint32_t i = 0; i < outer->nwords; i++)
		if ((inner->word[i] & ~outer->word[i]) != 0)
			return false;
	return true;
}

static bool
cube_is_universe(const struct cube *cube)
{
	for (uint32_t i = 0; i < cube->nwords; i++)
		if (cube->word[i] != UINT32_MAX)
			return false;
	return true;
}

static void
add_cube(struct cover *cover, struct cube *cube)
{
	if (cover->ncubes == cover->capacity) {
		size_t size;

		cover->capacity += cover->capacity / 2 + 4;
		size = cover->capacity * sizeof(cover->cubes[0]);
		cover->cubes = gcm_bench_need(realloc(cover->cubes, size));
	}
	cover->cubes[cover->ncubes++] = cube;
}

static struct cover *
new_cover(void)
{
	return gcm_bench_need(calloc(1, sizeof(struct cover)));
}

static void
free_cover(struct cover *cover)
{
	for (uint32_t i = 0; i < cover->ncubes; i++)
		free(cover->cubes[i]);
	free(cover->cubes);
	free(cover);
}

/* The cover where `var` has the value `literal`: what opposes it is left
 * out, the variable itself no longer matters. */
static struct cover *
cofactor(const struct cover *cover, uint32_t var, uint32_t literal)
{
	struct cover *half = new_cover();

	for (uint32_t i = 0; i < cover->ncubes; i++) {
		struct cube *cube;

		if ((literal_get(cover->cubes[i], var) & literal) == 0)
			continue;
		cube = copy_cube(cover->cubes[i]);
		literal_set(cube, var, 3);
		add_cube(half, cube);
	}
	return half;
}

static uint32_t
most_binate(const struct cover *cover, uint32_t nvars)
{
	uint32_t best = 0;
	uint32_t best_score = 0;

	for (uint32_t var = 0; var < nvars; var++) {
		uint32_t plain = 0;
		uint32_t negated = 0;
		uint32_t score;

		for (uint32_t i = 0; i < cover->ncubes; i++) {
			uint32_t literal = literal_get(cover->cubes[i], var);

			plain += literal == 2;
			negated += literal == 1;
		}
		score = plain + negated + (plain < negated ? plain : negated);
		if (score > best_score) {
			best_score = score;
			best = var;
		}
	}
	return best;
}

/* Add to `sum` every cube of `half` that none of the last few there contains,
 * limited to one value of `var`; `half` is freed. */
static void
merge_half(
    struct cover *sum, struct cover *half, uint32_t var, uint32_t literal)
{
	for (uint32_t i = 0; i < half->ncubes; i++) {
		struct cube *cube = copy_cube(half->cubes[i]);
		bool kept = true;

		literal_set(cube, var, literal);
		for (uint32_t n = 1; n <= sum->ncubes && n <= 4 && kept; n++)
			kept =
			    !cube_contains(sum->cubes[sum->ncubes - n], cube);
		if (kept)
			add_cube(sum, cube);
		else
			free(cube);
	}
	free_cover(half);
}

/* De Morgan: one cube for each literal of a lone cube. */
static void
complement_cube(struct cover *sum, const struct cube *cube, uint32_t nvars)
{
	for (uint32_t var = 0; var < nvars; var++) {
		uint32_t literal = literal_get(cube, var);
		struct cube *part;

		if (literal == 3)
			continue;
		part = new_cube(cube->nwords);
		literal_set(part, var, 3 - literal);
		add_cube(sum, part);
	}
}

static struct cover *
complement(const struct cover *cover, uint32_t nvars, uint32_t nwords)
{
	struct cover *sum = new_cover();
	uint32_t var;

	if (cover->ncubes == 0) {
		add_cube(sum, new_cube(nwords));
		return sum;
	}
	for (uint32_t i = 0; i < cover->ncubes; i++)
		if (cube_is_universe(cover->cubes[i]))
			return sum;
	if (cover->ncubes == 1) {
		complement_cube(sum, cover->cubes[0], nvars);
		return sum;
	}
	var = most_binate(cover, nvars);
	for (uint32_t literal = 1; literal <= 2; literal++) {
		struct cover *half = cofactor(cover, var, literal);

		merge_half(sum, complement(half, nvars, nwords), var, literal);
		free_cover(half);
	}
	return sum;
}

static struct cover *
random_cover(struct gcm_bench_rng *rng, uint32_t nvars, uint32_t ncubes)
{
	struct cover *cover = new_cover();
	uint32_t nwords = (nvars + VARS_A_WORD - 1) / VARS_A_WORD;

	for (uint32_t i = 0; i < ncubes; i++) {
		struct cube *cube = new_cube(nwords);

		for (uint32_t n = 0; n < 5; n++)
			literal_set(cube, gcm_bench_below(rng, nvars),
			    1 + gcm_bench_below(rng, 2));
		add_cube(cover, cube);
	}
	return cover;
}

static bool
cover_has(const struct cover *cover, const struct cube *point)
{
	for (uint32_t i = 0; i < cover->ncubes; i++)
		if (cube_contains(cover->cubes[i], point))
			return true;
	return false;
}

static void
check_points(struct gcm_bench_rng *rng, const struct cover *cover,
    const struct cover *rest, uint32_t nvars)
{
	for (uint32_t i = 0; i < 16; i++) {
		struct cube *point =
		    new_cube((nvars + VARS_A_WORD - 1) / VARS_A_WORD);

		for (uint32_t var = 0; var < nvars; var++)
			literal_set(point, var, 1 + gcm_bench_below(rng, 2));
		if (cover_has(cover, point) == cover_has(rest, point))
			abort();
		free(point);
	}
}

int
main(int argc, char **argv)
{
	uint32_t nproblems = gcm_bench_arg(argc, argv, 1, 400, 1);
	struct gcm_bench_rng rng = {17};
	uint64_t sum = 0;

	for (uint32_t i = 0; i < nproblems; i++) {
		uint32_t nvars = 10 + i % 11;
		uint32_t nwords = (nvars + VARS_A_WORD - 1) / VARS_A_WORD;
		struct cover *cover = random_cover(&rng, nvars, 3 * nvars);
		struct cover *rest = complement(cover, nvars, nwords);

		check_points(&rng, cover, rest, nvars);
		sum = sum * 31 + rest->ncubes;
		free_cover(cover);
		free_cover(rest);
	}
	return gcm_bench_done(sum);
}
