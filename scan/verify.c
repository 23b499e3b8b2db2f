/* verify.c -- the mark checked by a second one
 *
 * MODEL   With the world stopped after a trace, everything is marked again from
 *         the roots, into bits of its own; whatever is reached must have the
 *         cycle's colour.  Each block remembers through which other, or which
 *         root, it was first reached, so that a miss can be explained (Go's
 *         checkmark mode).
 *
 *         What was first reached from shared memory, or from what the kernel
 *         holds, proves nothing: a parent or a child has the same epoll sets,
 *         and may have written to either between the two.
 *
 *         Nor does a word that the kernel wrote between the two, into the
 *         buffer of a call that waits or as a signal's frame: what is in it was
 *         the kernel's, and held there, but on a stack it holds the block
 *         before it as well.  So what a last stop looks at is looked at once
 *         more before the two marks are compared.
 */
#include "scan/trace.h"

enum {
	TEXT_BYTES = 512,
	CHAIN = 6 /* blocks of the way that are printed */
};

static bool
has_colour(const struct gcm_trace *trace, uintptr_t addr)
{
	uint8_t state = gcm_slot_get(addr);

	if (gcm_state_is_limbo(state)) /* a mark takes it out of there */
		return false;
	return (state & (GCM_ALLOC | GCM_SAMPLED)) == 0 ||
	       ((state ^ trace->colour) & GCM_COLOUR) == 0;
}

/* The start of the slot that holds addr. */
static uintptr_t
find_start(uintptr_t addr)
{
	uint32_t index = gcm_pageheap_find(addr);
	uint32_t class_id;
	uintptr_t lo;

	if (index == GCM_NO_PAGE)
		return 0;
	lo = gcm_page_addr(index);
	if (gcm_page_kind(gcm_page(index)) != GCM_KIND_SMALL)
		return lo;
	class_id = gcm_page_class(gcm_page(index));
	return lo + (uintptr_t)gcm_classes[class_id].size *
			gcm_class_index(class_id, (uint32_t)(addr - lo));
}

_Noreturn static void
report_miss(const struct gcm_mark_bits *bits, uintptr_t addr)
{
	char buffer[TEXT_BYTES];
	struct gcm_text text;

	gcm_text_init(&text, buffer, sizeof(buffer) - 1);
	gcm_text_add(&text, "gcmalloc: verify: reachable and not marked: ");
	gcm_text_add_hex(&text, addr);
	gcm_text_add(&text, " state ");
	gcm_text_add_hex(&text, gcm_slot_get(addr));
	for (size_t i = 0; addr != 0; i++) {
		uintptr_t from = atomic_load(
		    &bits->parent[(addr - bits->lo) >> GCM_GRANULE_SHIFT]);
		bool root = !gcm_zone_has(from);

		if (i == CHAIN && !root)
			gcm_text_add(&text, " ...");
		if (i < CHAIN || root) {
			gcm_text_add(&text, root ? " <- root " : " <- ");
			gcm_text_add_hex(&text, from);
			gcm_text_add(&text, " state ");
			gcm_text_add_hex(
			    &text, root ? 0 : gcm_slot_get(find_start(from)));
		}
		addr = root ? 0 : find_start(from);
	}
	gcm_text_add(&text, "\n");
	(void)gcm_report_write_apart(&text);
	gcm_os_abort();
}

/* The root that it was first reached from; 0: the kernel (scan/kernel.c). */
static uintptr_t
find_origin(const struct gcm_mark_bits *bits, uintptr_t addr)
{
	while (addr != 0 && gcm_zone_has(addr)) {
		uintptr_t from = atomic_load(
		    &bits->parent[(addr - bits->lo) >> GCM_GRANULE_SHIFT]);

		addr = gcm_zone_has(from) ? find_start(from) : from;
	}
	return addr;
}

/* Can no other process have put it there? */
static bool
is_proof(const struct gcm_tracer *tracer, uintptr_t origin)
{
	return origin != 0 && !gcm_roots_is_shared(&tracer->roots, origin);
}

static void
check_bits(const struct gcm_tracer *tracer, const struct gcm_mark_bits *bits)
{
	size_t nwords = ((bits->hi - bits->lo) >> GCM_GRANULE_SHIFT) / 64;

	for (size_t i = 0; i < nwords; i++) {
		uint64_t word = atomic_load_explicit(
		    &bits->reached[i], memory_order_relaxed);

		for (; word != 0; word &= word - 1) {
			size_t bit = i * 64 + (size_t)__builtin_ctzll(word);
			uintptr_t addr = bits->lo + (bit << GCM_GRANULE_SHIFT);

			if (!has_colour(tracer->trace, addr) &&
			    is_proof(tracer, find_origin(bits, addr)))
				report_miss(bits, addr);
		}
	}
}

void
gcm_trace_verify(
    struct gcm_tracer *tracer, bool (*look_again)(struct gcm_tracer *tracer))
{
	struct gcm_roots *roots = &tracer->roots;
	uint64_t stacks = roots->stack_bytes, globals = roots->global_bytes;
	struct gcm_mark_bits bits = {
	    .lo = gcm_zone.lo, .hi = gcm_page_addr(gcm_zone_pages())};
	enum gcm_abandon why;

	gcm_event_enter(GCM_PHASE_VERIFY);
	bits.reached_len = (bits.hi - bits.lo) / GCM_GRANULE / 8;
	bits.parent_len = (bits.hi - bits.lo) / 2;
	bits.reached = gcm_own_map_sparse(bits.reached_len);
	bits.parent = gcm_own_map_sparse(bits.parent_len);
	gcm_crew_count(tracer->trace);
	if (bits.reached != NULL && bits.parent != NULL) {
		gcm_crew_use(&bits);
		why = gcm_trace_whole(tracer);
		gcm_crew_use(NULL);
		if (why == GCM_ABANDON_NOT && look_again(tracer))
			check_bits(tracer, &bits);
	}
	if (bits.reached != NULL)
		gcm_own_unmap(bits.reached, bits.reached_len);
	if (bits.parent != NULL)
		gcm_own_unmap(bits.parent, bits.parent_len);
	roots->stack_bytes = stacks;
	roots->global_bytes = globals;
}
