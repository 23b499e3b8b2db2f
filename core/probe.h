/* probe.h -- places where tracers look in: docs/probes.md
 *
 * A probe is one no-op and a note in the file that says where it is and where
 * its arguments lie; nothing runs when nobody looks.  At cycle, stop and slow
 * path grain only.
 */
#ifndef GCM_CORE_PROBE_H
#define GCM_CORE_PROBE_H

/* The header is the machine's own: there may be none for another one. */
#if GCM_PROBES && __has_include(<sys/sdt.h>)
#define SDT_USE_VARIADIC 1
/* Registers and numbers: tracers know little of memory operands. */
#define STAP_SDT_ARG_CONSTRAINT nr
#include <sys/sdt.h>
#define GCM_PROBE(name, ...) STAP_PROBEV(gcmalloc, name, ##__VA_ARGS__)
#else
#define GCM_PROBE(name, ...) ((void)0)
#endif

#endif
