/* scanner.h -- what a cycle needs of the folders above: finding what is live
 *
 * core knows nothing of threads' stacks, ELF or /proc.  scan/ fills this struct
 * and preload/init.c hands it over (gcm_cycle_use).  All functions are called
 * by the collector's thread, which has no TLS and its own table of descriptors.
 */
#ifndef GCM_CORE_SCANNER_H
#define GCM_CORE_SCANNER_H

#include "core/base.h"

enum {
	GCM_PAUSES_MAX = 16 /* stops of one cycle that are noted */
};

/* Why a cycle was given up; none is an error.  event.def has their numbers. */
enum gcm_abandon {
	GCM_ABANDON_NOT = 0,
	GCM_ABANDON_STOP,  /* a thread did not answer in time */
	GCM_ABANDON_ASKED, /* fork, setuid, unshare... wanted our thread gone */
	GCM_ABANDON_MEMORY,   /* none for the collector itself */
	GCM_ABANDON_ROOTS,    /* a root could not be read */
	GCM_ABANDON_SIGNALS,  /* a handler that we do not know of */
	GCM_ABANDON_TRACKING, /* writes could not be tracked */
	GCM_ABANDON_OUTRUN,   /* only a long stop would have ended it */
	GCM_ABANDON_HIDDEN,   /* code that keeps blocks by other addresses */
	GCM_ABANDON_FAULTS,   /* the program serves page faults that we have */
	GCM_ABANDON_STACKS,   /* coroutines came to light while marking */
	GCM_ABANDON_SHARED,   /* memory, with a process that we cannot stop */
	GCM_ABANDON_FILTER,   /* a filter kills who makes our system calls */
	GCM_ABANDON_DEAF      /* a thread has our signal blocked */
};

/* One trace of what is reachable: in, and out. */
struct gcm_trace {
	/* In: ALLOC | colour of this cycle, which no block has.  The trace
	 * tells the caches (gcm_cache_set_colour): blocks made from then on are
	 * black without having been read, so the program must be stopped, or
	 * its writes seen, at that time.
	 */
	uint8_t colour;
	uint64_t pause_ns;               /* in: budget of one stop */
	bool urgent;                     /* in: a long stop rather than none */
	const char *back_end;            /* out: "pagemap", "fork", "off" */
	uint32_t npauses;                /* out: stops, also more than noted */
	uint64_t pause_sum_ns;           /* out: of all stops */
	uint64_t pauses[GCM_PAUSES_MAX]; /* out: ns each; the last one is the
					    longest of those from there on */
	uint64_t mark_ns;       /* out: concurrent marking, wall clock */
	uint64_t mark_cpu_ns;   /* out: CPU of all markers, stops apart */
	uint64_t stop_cpu_ns;   /* out: CPU in stops */
	uint64_t stack_bytes;   /* out: scanned of stacks */
	uint64_t global_bytes;  /* out: scanned of other roots */
	uint64_t marked_blocks; /* out */
	uint64_t marked_bytes;  /* out */
	uint64_t scanned_bytes; /* out: words read in blocks */
	uint32_t nthreads;      /* out: threads of the program */
	uint32_t nmarkers;      /* out */
};

/* Who is there. */
struct gcm_crowd {
	uint32_t threads;               /* of the program */
	uint32_t blocked;               /* in a blocked-safe call */
	uint32_t markers, markers_most; /* at work; in a cycle to be */
};

struct gcm_scanner {
	/* The collector's thread begins and ends. */
	void (*open)(void);
	void (*close)(void);
	/* While it sleeps: a signal sent to it is gcm_cycle_ask. */
	void (*listen)(bool on);
	/* Give every block that is reachable trace->colour.  Returns why not:
	 * then nothing may be concluded from the colours.
	 */
	enum gcm_abandon (*trace)(struct gcm_trace *trace);
	/* Copy memory of this process that may not be there: bytes copied. */
	size_t (*read)(void *to, uintptr_t from, size_t len);
	/* Whole pages in [lo, hi): has one been written since the last trace
	 * ended?  False when that is not known.
	 */
	bool (*written)(uintptr_t lo, uintptr_t hi);
	/* The signal that ends a wait for sockets, and that only the thread's
	 * own wait lets in; 0: there is none, or a filter forbids sockets.
	 */
	int (*rouser)(void);
	/* Visit the ranges of [lo, hi) that are in memory; 0 or -errno. */
	int (*present)(uintptr_t lo, uintptr_t hi,
	    void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg);
	/* Visit the mappings that are threads' stacks; 0 or -errno. */
	int (*stacks)(
	    void (*visit)(uintptr_t lo, uintptr_t hi, void *arg), void *arg);
	/* Count the program's threads and ours, while the world runs. */
	void (*count)(struct gcm_crowd *crowd);
	/* In a forked child, by its only thread: nothing of the parent's
	 * threads, stops and descriptors is left.
	 */
	void (*reset)(void);
};

#endif
