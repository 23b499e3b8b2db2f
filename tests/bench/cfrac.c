/* cfrac.c -- continued-fraction factoring with heap-allocated numbers
 *
 * MODEL   The first half of the Morrison-Brillhart method: expand sqrt(N) as
 *         a continued fraction and divide each Q by a base of small primes.
 *         Every sum, product and remainder is a new block of 16 to 64 bytes
 *         that dies within a few calls: the purest small churn there is.
 *         Each step is proved by A*A = +-Q (mod N), which no broken
 *         allocator survives for long.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

/* A natural number, least significant digit first, no leading zeros. */
struct num {
	uint32_t len;     /* const once made */
	uint32_t digit[]; /* const once made */
};

enum {
	NPRIMES = 60
};

static struct num *
new_num(uint32_t len)
{
	struct num *n = gcm_bench_need(
	    malloc(sizeof(*n) + (len + 1) * sizeof(n->digit[0])));

	n->len = len;
	return n;
}

static struct num *
trim_num(struct num *n)
{
	while (n->len > 0 && n->digit[n->len - 1] == 0)
		n->len--;
	return n;
}

static struct num *
small_num(uint32_t value)
{
	struct num *n = new_num(1);

	n->digit[0] = value;
	return trim_num(n);
}

static struct num *
copy_num(const struct num *n)
{
	struct num *copy = new_num(n->len);

	memcpy(copy->digit, n->digit, n->len * sizeof(n->digit[0]));
	return copy;
}

static int
compare_num(const struct num *a, const struct num *b)
{
	if (a->len != b->len)
		return a->len < b->len ? -1 : 1;
	for (uint32_t i = a->len; i-- > 0;)
		if (a->digit[i] != b->digit[i])
			return a->digit[i] < b->digit[i] ? -1 : 1;
	return 0;
}

static struct num *
add_num(const struct num *a, const struct num *b)
{
	uint32_t len = (a->len > b->len ? a->len : b->len) + 1;
	struct num *sum = new_num(len);
	uint64_t carry = 0;

	for (uint32_t i = 0; i < len; i++) {
		carry += i < a->len ? a->digit[i] : 0;
		carry += i < b->len ? b->digit[i] : 0;
		sum->digit[i] = (uint32_t)carry;
		carry >>= 32;
	}
	return trim_num(sum);
}

/* a - b, where a is not the smaller. */
static struct num *
sub_num(const struct num *a, const struct num *b)
{
	struct num *difference = new_num(a->len);
	uint64_t borrow = 0;

	for (uint32_t i = 0; i < a->len; i++) {
		uint64_t d = (uint64_t)a->digit[i] -
			     (i < b->len ? b->digit[i] : 0) - borrow;

		difference->digit[i] = (uint32_t)d;
		borrow = d >> 63;
	}
	return trim_num(difference);
}

static struct num *
mul_num(const struct num *a, const struct num *b)
{
	struct num *product = new_num(a->len + b->len);

	memset(product->digit, 0, product->len * sizeof(product->digit[0]));
	for (uint32_t i = 0; i < a->len; i++) {
		uint64_t carry = 0;

		for (uint32_t j = 0; j < b->len; j++) {
			carry += (uint64_t)a->digit[i] * b->digit[j] +
				 product->digit[i + j];
			product->digit[i + j] = (uint32_t)carry;
			carry >>= 32;
		}
		product->digit[i + b->len] = (uint32_t)carry;
	}
	return trim_num(product);
}

/* a / d, its remainder in *rest. */
static struct num *
div_small(const struct num *a, uint32_t d, uint32_t *rest)
{
	struct num *quotient = new_num(a->len);
	uint64_t r = 0;

	for (uint32_t i = a->len; i-- > 0;) {
		r = r << 32 | a->digit[i];
		quotient->digit[i] = (uint32_t)(r / d);
		r %= d;
	}
	*rest = (uint32_t)r;
	return trim_num(quotient);
}

/* n shifted left by fewer than 32 bits, with a digit to spare. */
static struct num *
shift_num(const struct num *n, unsigned nbits)
{
	struct num *shifted = new_num(n->len + 1);
	uint32_t low = 0;

	for (uint32_t i = 0; i < n->len; i++) {
		uint64_t wide = (uint64_t)n->digit[i] << nbits;

		shifted->digit[i] = (uint32_t)wide | low;
		low = (uint32_t)(wide >> 32);
	}
	shifted->digit[n->len] = low;
	return shifted;
}

/* One digit of Knuth's algorithm D: u -= q * v at digit j. */
static uint32_t
quotient_digit(struct num *u, const struct num *v, uint32_t j)
{
	uint32_t n = v->len;
	uint64_t top = (uint64_t)u->digit[j + n] << 32 | u->digit[j + n - 1];
	uint64_t q = top / v->digit[n - 1];
	uint64_t r = top % v->digit[n - 1];
	uint64_t carry = 0;
	uint64_t borrow = 0;

	while (q >> 32 != 0 ||
	       q * v->digit[n - 2] > (r << 32 | u->digit[j + n - 2])) {
		q--;
		r += v->digit[n - 1];
		if (r >> 32 != 0)
			break;
	}
	for (uint32_t i = 0; i <= n; i++) {
		uint64_t d;

		carry += i < n ? q * v->digit[i] : 0;
		d = (uint64_t)u->digit[i + j] - (uint32_t)carry - borrow;
		carry >>= 32;
		u->digit[i + j] = (uint32_t)d;
		borrow = d >> 63;
	}
	if (borrow == 0)
		return (uint32_t)q;
	carry = 0;
	for (uint32_t i = 0; i <= n; i++) {
		carry += (uint64_t)u->digit[i + j] + (i < n ? v->digit[i] : 0);
		u->digit[i + j] = (uint32_t)carry;
		carry >>= 32;
	}
	return (uint32_t)q - 1;
}

/* a / b; the remainder, a new number too, in *rest. */
static struct num *
div_num(const struct num *a, const struct num *b, struct num **rest)
{
	struct num *u, *v, *quotient;
	unsigned nbits;
	uint32_t r;

	if (b->len == 1) {
		quotient = div_small(a, b->digit[0], &r);
		*rest = small_num(r);
		return quotient;
	}
	if (compare_num(a, b) < 0) {
		*rest = copy_num(a);
		return small_num(0);
	}
	nbits = (unsigned)__builtin_clz(b->digit[b->len - 1]);
	u = shift_num(a, nbits);
	v = trim_num(shift_num(b, nbits));
	quotient = new_num(a->len - b->len + 1);
	for (uint32_t j = quotient->len; j-- > 0;)
		quotient->digit[j] = quotient_digit(u, v, j);
	u->len = b->len;
	for (uint32_t i = 0; i < b->len; i++)
		u->digit[i] = (uint32_t)(((uint64_t)u->digit[i + 1] << 32 |
					     u->digit[i]) >>
					 nbits);
	free(v);
	*rest = trim_num(u);
	return trim_num(quotient);
}

/* a mod b; a is freed. */
static struct num *
reduce_num(struct num *a, const struct num *b)
{
	struct num *rest;

	free(div_num(a, b, &rest));
	free(a);
	return rest;
}

/* a with `next` in its place. */
static void
replace_num(struct num **a, struct num *next)
{
	free(*a);
	*a = next;
}

/* The whole part of n's square root, by Newton's method from above. */
static struct num *
root_num(const struct num *n)
{
	struct num *root = new_num(n->len / 2 + 2);

	memset(root->digit, 0, root->len * sizeof(root->digit[0]));
	root->digit[root->len - 1] = 1;
	for (;;) {
		struct num *rest;
		struct num *next = div_num(n, root, &rest);
		uint32_t bit;

		replace_num(&rest, add_num(next, root));
		replace_num(&next, div_small(rest, 2, &bit));
		free(rest);
		if (compare_num(next, root) >= 0) {
			free(next);
			return root;
		}
		replace_num(&root, next);
	}
}

static struct num *
parse_num(const char *text)
{
	struct num *ten = small_num(10);
	struct num *n = small_num(0);

	for (; *text != '\0'; text++) {
		struct num *digit = small_num((uint32_t)(*text - '0'));

		replace_num(&n, mul_num(n, ten));
		replace_num(&n, add_num(n, digit));
		free(digit);
	}
	free(ten);
	return n;
}

static void
find_primes(uint32_t *primes)
{
	uint32_t found = 0;

	for (uint32_t n = 2; found < NPRIMES; n++) {
		bool prime = true;

		for (uint32_t i = 0; i < found && prime; i++)
			prime = n % primes[i] != 0;
		if (prime)
			primes[found++] = n;
	}
}

/* What is left of q once every prime of the base is divided out: its lowest
 * digit, for the checksum. */
static uint32_t
divide_out(const struct num *q, const uint32_t *primes)
{
	struct num *left = copy_num(q);
	uint32_t low;

	for (unsigned i = 0; i < NPRIMES; i++) {
		for (;;) {
			uint32_t rest;
			struct num *next = div_small(left, primes[i], &rest);

			if (rest != 0) {
				free(next);
				break;
			}
			replace_num(&left, next);
		}
	}
	low = left->len > 0 ? left->digit[0] : 0;
	free(left);
	return low;
}

/* The expansion after some steps; every field owns its number. */
struct expansion {
	struct num *n, *root, *a, *p, *q, *convergent, *before;
};

static void
step_expansion(struct expansion *x, bool odd)
{
	struct num *t = mul_num(x->a, x->q);
	struct num *rest;

	replace_num(&x->p, sub_num(t, x->p));
	replace_num(&t, mul_num(x->p, x->p));
	replace_num(&t, sub_num(x->n, t));
	replace_num(&x->q, div_num(t, x->q, &rest));
	free(rest);
	replace_num(&t, mul_num(x->convergent, x->convergent));
	t = reduce_num(t, x->n);
	if (odd)
		replace_num(&t, sub_num(x->n, t));
	if (compare_num(t, x->q) != 0)
		abort();
	replace_num(&t, add_num(x->root, x->p));
	replace_num(&x->a, div_num(t, x->q, &rest));
	free(rest);
	replace_num(&t, mul_num(x->a, x->convergent));
	replace_num(&t, add_num(t, x->before));
	replace_num(&x->before, x->convergent);
	x->convergent = reduce_num(t, x->n);
}

int
main(int argc, char **argv)
{
	uint32_t nsteps = gcm_bench_arg(argc, argv, 1, 100000, 1);
	uint32_t primes[NPRIMES];
	uint64_t sum = 0;
	struct expansion x;

	find_primes(primes);
	x.n = parse_num("17545186520507317056371138836327483792789528");
	x.root = root_num(x.n);
	x.a = copy_num(x.root);
	x.p = small_num(0);
	x.q = small_num(1);
	x.convergent = copy_num(x.root);
	x.before = small_num(1);
	for (uint32_t i = 0; i < nsteps; i++) {
		step_expansion(&x, i % 2 == 0);
		sum = sum * 31 + divide_out(x.q, primes);
	}
	return gcm_bench_done(sum);
}
