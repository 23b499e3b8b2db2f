/* gcmalloc.h -- for programs that know of gcmalloc
 *
 * Include it and link nothing.  With libgcmalloc.so preloaded the calls reach
 * it; without, they do nothing, and gcm_malloc_noscan is malloc.  C99 or C++11,
 * GCC or clang.  None may be called from a signal handler.
 *
 * The library is found through weak symbols.  Programs that are linked
 * statically do not find it.
 */
#ifndef GCMALLOC_H
#define GCMALLOC_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Figures since the process began.  Members are only ever added, at the end. */
struct gcm_stats {
	uint64_t cycles;           /* collections that were completed */
	uint64_t forced;           /* cycles that growth did not start */
	uint64_t abandoned;        /* given up: nothing was reclaimed */
	uint64_t reclaimed_bytes;  /* by the collector */
	uint64_t reclaimed_blocks; /* by the collector */
	uint64_t limbo_bytes;      /* unreachable, kept one more cycle */
	uint64_t limbo_blocks;
	uint64_t live_bytes; /* after the last cycle */
	uint64_t live_blocks;
	uint64_t goal_bytes; /* heap at which the next cycle should end */
	uint64_t pauses;     /* times the program was stopped */
	uint64_t pause_total_ns;
	uint64_t pause_max_ns;
	uint64_t mark_cpu_ns;
	uint64_t late_frees;  /* of blocks that seemed unreachable */
	uint64_t reclaiming;  /* 1: what is unreachable is reclaimed */
	const char *back_end; /* how writes were tracked; "" before a cycle */
	/* With GCM_MODE=report and GCM_DEBUG=audit=1, else 0. */
	uint64_t due_blocks; /* would have been reclaimed */
	uint64_t due_bytes;
	uint64_t due_late;    /* of these: freed, resized, asked about later */
	uint64_t due_written; /* written later, of the sample that is watched */
	uint64_t due_reached; /* a pointer to it was found again */
};

/* What the library exports: found below, and by dlsym. */
#if defined __x86_64__ && defined __LP64__
#define GCM_API_
/* Linkers settle an undefined weak name at link time unless it goes through the
 * GOT, which compilers leave out in programs with a fixed address.
 */
#define GCM_API_FIND_(to, name)                                                \
	__asm__(".weak " #name "\n\tmovq " #name "@GOTPCREL(%%rip), %0"        \
		: "=r"(to))
#elif defined __aarch64__ && defined __LP64__
#define GCM_API_
#define GCM_API_FIND_(to, name)                                                \
	__asm__(".weak " #name "\n\tadrp %0, :got:" #name                      \
		"\n\tldr %0, [%0, :got_lo12:" #name "]"                        \
		: "=r"(to))
#else
#define GCM_API_ __attribute__((weak))
#define GCM_API_FIND_(to, name) ((to) = (name))
#endif
#define GCM_API_VISIBLE_ __attribute__((visibility("default"))) GCM_API_
GCM_API_VISIBLE_ int gcm_api_is_active(void);
GCM_API_VISIBLE_ int64_t gcm_api_collect(void);
GCM_API_VISIBLE_ int gcm_api_stats_get(struct gcm_stats *stats, size_t size);
GCM_API_VISIBLE_ void *gcm_api_malloc_noscan(size_t size);
GCM_API_VISIBLE_ int gcm_api_add_roots(const void *lo, const void *hi);
GCM_API_VISIBLE_ int gcm_api_remove_roots(const void *lo, const void *hi);
GCM_API_VISIBLE_ void gcm_api_log(const char *text);

/* Is the library preloaded, and its malloc the one that the program uses? */
static inline int
gcm_is_active(void)
{
	int (*call)(void);

	GCM_API_FIND_(call, gcm_api_is_active);
	return call != NULL && call();
}

/* A full collection now, waited for: with GCM_GRACE as many cycles as it takes
 * to reclaim what is unreachable.  The bytes reclaimed meanwhile; -1 when there
 * is no collector, or it gave up.
 */
static inline int64_t
gcm_collect(void)
{
	int64_t (*call)(void);

	GCM_API_FIND_(call, gcm_api_collect);
	return call == NULL ? -1 : call();
}

/* `size` is sizeof(struct gcm_stats) of the program: an older or a newer
 * library fills what both know, and the rest is zero.  0; -1 when the library
 * is not preloaded: then all is zero.
 */
static inline int
gcm_stats(struct gcm_stats *stats, size_t size)
{
	int (*call)(struct gcm_stats *, size_t);

	GCM_API_FIND_(call, gcm_api_stats_get);
	if (call != NULL)
		return call(stats, size);
	memset(stats, 0, size);
	return -1;
}

/* malloc of a block that will hold no pointers to other blocks: what lies in it
 * is not looked at.  To be freed and resized as any other; realloc forgets
 * about it only if the block moves.
 */
static inline void *
gcm_malloc_noscan(size_t size)
{
	void *(*call)(size_t);

	GCM_API_FIND_(call, gcm_api_malloc_noscan);
	return call == NULL ? malloc(size) : call(size);
}

/* What the words of [lo, hi) point to is kept, wherever they are: in a block
 * that is not looked at, say.  All mapped memory of the program's own counts
 * anyhow.  The range must stay readable until it is removed, by the same
 * bounds: while it is not, nothing is collected.  0; -1 when the library is not
 * preloaded, there are too many (256), or there is no such range.
 */
static inline int
gcm_add_roots(const void *lo, const void *hi)
{
	int (*call)(const void *, const void *);

	GCM_API_FIND_(call, gcm_api_add_roots);
	return call == NULL ? -1 : call(lo, hi);
}

static inline int
gcm_remove_roots(const void *lo, const void *hi)
{
	int (*call)(const void *, const void *);

	GCM_API_FIND_(call, gcm_api_remove_roots);
	return call == NULL ? -1 : call(lo, hi);
}

/* A mark in the execution trace (GCM_TRACE), by the calling thread; what is
 * longer than 32 bytes is cut.  Nothing without a trace.
 */
static inline void
gcm_log(const char *text)
{
	void (*call)(const char *);

	GCM_API_FIND_(call, gcm_api_log);
	if (call != NULL)
		call(text);
}

#undef GCM_API_
#undef GCM_API_FIND_
#undef GCM_API_VISIBLE_

#ifdef __cplusplus
}
#endif
#endif
