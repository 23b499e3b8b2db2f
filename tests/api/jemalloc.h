/* jemalloc.h -- jemalloc's calls, found at run time: no package is needed */
#ifndef GCM_TESTS_JEMALLOC_H
#define GCM_TESTS_JEMALLOC_H

#include <stddef.h>

enum {
	JE_ZERO = 0x40
};
#define JE_LG_ALIGN(bits) (bits)
#define JE_ARENA(n) (((n) + 1) << 20)
#define JE_TCACHE_NONE (1 << 8)

struct jemalloc {
	void *(*mallocx)(size_t, int);
	void *(*rallocx)(void *, size_t, int);
	size_t (*xallocx)(void *, size_t, size_t, int);
	size_t (*sallocx)(const void *, int);
	void (*dallocx)(void *, int);
	void (*sdallocx)(void *, size_t, int);
	size_t (*nallocx)(size_t, int);
	int (*mallctl)(const char *, void *, size_t *, void *, size_t);
	int (*mallctlnametomib)(const char *, size_t *, size_t *);
	int (*mallctlbymib)(
	    const size_t *, size_t, void *, size_t *, void *, size_t);
	void (*malloc_stats_print)(
	    void (*)(void *, const char *), void *, const char *);
};

/* Fills itself at the first call; skips the case where there is none. */
const struct jemalloc *je(void);

#endif
