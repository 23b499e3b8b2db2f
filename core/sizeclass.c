/* sizeclass.c -- the sizes of slots
 *
 * MODEL   Slot sizes follow tcmalloc's and Go's reasoning (four classes a
 *         doubling keep internal waste below 20 %, 10 % on average); span
 *         lengths are the shortest whose tail waste is below an eighth, so
 *         that small heaps stay small, and grow up to four times under
 *         demand.
 */
#include "core/sizeclass.h"

#include "core/table.h"

enum {
	BIN_BYTES = 256 << 10, /* a bin holds at most this much, */
	BIN_SLOTS_MIN = 16,    /* at least so many slots, */
	BIN_SLOTS = 511        /* and at most so many */
};

struct gcm_class gcm_classes[GCM_NCLASSES];
uint8_t gcm_class_of_byte[GCM_BYTE_MAX + 1];

static uint32_t
size_of_class(uint32_t class_id)
{
	uint32_t step;

	if (class_id == 0 || class_id == GCM_CLASS_ZERO)
		return GCM_GRANULE;
	if (class_id <= 8)
		return class_id * 16;
	step = (class_id - 9) / 4;
	return (32u << step) * ((class_id - 9) % 4 + 5);
}

static uint32_t
pages_for_class(uint32_t class_id, uint32_t size)
{
	uint32_t npages = 1;

	if (class_id == GCM_CLASS_ZERO)
		return GCM_SPAN_PAGES_MAX; /* each is a mapping of its own */
	while (npages * GCM_PAGE_SIZE < size ||
	       (npages * GCM_PAGE_SIZE) % size > npages * GCM_PAGE_SIZE / 8)
		npages++;
	return npages;
}

static void
init_class(uint32_t class_id)
{
	struct gcm_class *class = &gcm_classes[class_id];
	uint32_t size = size_of_class(class_id);

	class->size = size;
	class->usable = size;
	if (class_id == 0)
		class->usable = GCM_TINY_MAX;
	else if (class_id == GCM_CLASS_ZERO)
		class->usable = 0;
	else if (size > GCM_FULL_MAX && size <= GCM_HEADER_MAX)
		class->usable = size - 1;
	class->pages_min = pages_for_class(class_id, size);
	class->pages_max = class->pages_min;
	while (class->pages_max * 2 <= GCM_SPAN_PAGES_MAX &&
	       class->pages_max < class->pages_min * 4)
		class->pages_max *= 2;
	class->reciprocal = (uint32_t)(((1ull << 32) + size - 1) / size);
	class->cached_max = BIN_BYTES / size;
	if (class->cached_max > BIN_SLOTS)
		class->cached_max = BIN_SLOTS;
	if (class->cached_max < BIN_SLOTS_MIN)
		class->cached_max = BIN_SLOTS_MIN;
}

void
gcm_sizeclass_init(void)
{
	for (uint32_t i = 0; i < GCM_NCLASSES; i++)
		init_class(i);
	for (uint32_t size = 0; size <= GCM_BYTE_MAX; size++)
		gcm_class_of_byte[size] = (uint8_t)gcm_class_of_size(size);
}
