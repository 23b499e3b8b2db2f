/* sizeclass.h -- the sizes of slots
 *
 * Class 0 holds requests of 0 to 7 bytes, which cannot hold a pointer: its
 * usable size is 7 and it is never scanned.  Then 16-byte steps to 128, then
 * four classes a doubling to 32 KiB.  Everything larger is a span of its own.
 *
 * Slots of 32 to 128 bytes hold a byte less than that: a block of the size of a
 * header is often held by nothing but the address behind it, where a body
 * would be, and that address has to be the block's own (as in Boehm's
 * collector, whose blocks of all sizes are a byte longer than asked for).
 * Requests of 0 bytes have a class, too, whose slots cannot be read or written
 * (as OpenBSD's malloc does): nobody may use them for more than their address.
 */
#ifndef GCM_CORE_SIZECLASS_H
#define GCM_CORE_SIZECLASS_H

#include "core/base.h"

enum {
	GCM_NCLASSES = 42,
	GCM_CLASS_ZERO = 41,    /* requests of 0 bytes */
	GCM_TINY_MAX = 7,       /* largest request of class 0 */
	GCM_FULL_MAX = 16,      /* larger ones have a byte behind them */
	GCM_HEADER_MAX = 128,   /* to here */
	GCM_BYTE_MAX = 1024,    /* largest request looked up by byte */
	GCM_SMALL_MAX = 32768,  /* largest request that gets a slot */
	GCM_SPAN_PAGES_MAX = 16 /* longest span of slots, in pages */
};

struct gcm_class {
	uint32_t size;       /* bytes from slot to slot */
	uint32_t usable;     /* bytes the program may use */
	uint32_t pages_min;  /* span length a small heap uses */
	uint32_t pages_max;  /* span length under demand */
	uint32_t reciprocal; /* gcm_class_index: ceil(2^32 / size) */
	uint32_t cached_max; /* slots one bin may hold */
};

/* const once gcm_sizeclass_init has run */
extern GCM_HIDDEN struct gcm_class gcm_classes[GCM_NCLASSES];
extern GCM_HIDDEN uint8_t
    gcm_class_of_byte[GCM_BYTE_MAX + 1]; /* of a request */

void gcm_sizeclass_init(void);

/* The class of a request above GCM_HEADER_MAX and up to GCM_SMALL_MAX bytes. */
static inline uint32_t
gcm_class_of_large(size_t size)
{
	uint32_t log = 63u - (uint32_t)__builtin_clzl(size - 1);

	return (log - 7) * 4 + (uint32_t)((size - 1) >> (log - 2)) - 4 + 9;
}

/* The class of any request up to GCM_SMALL_MAX bytes. */
static inline uint32_t
gcm_class_of_size(size_t size)
{
	if (size <= GCM_TINY_MAX)
		return size == 0 ? GCM_CLASS_ZERO : 0;
	if (size <= GCM_FULL_MAX)
		return 1;
	if (size < GCM_HEADER_MAX)
		return (uint32_t)size / 16 + 1;
	return gcm_class_of_large(size == GCM_HEADER_MAX ? size + 1 : size);
}

/* Number of the slot that byte `offset` of a span lies in.  Exact for offsets
 * below 2^17 (spans have at most 16 pages), a test tries them all: Granlund
 * and Montgomery, "Division by Invariant Integers", 1994.
 */
static inline uint32_t
gcm_class_index(uint32_t class_id, uint32_t offset)
{
	return (uint32_t)((uint64_t)offset * gcm_classes[class_id].reciprocal >>
			  32);
}

#endif
