# preload: the interposed symbols, and the library itself.

lib_LTLIBRARIES += libgcmalloc.la

# -fno-builtin*: a calloc written as malloc and memset is otherwise compiled
# into a call of calloc.
libgcmalloc_la_CPPFLAGS = $(LIB_CPPFLAGS)
libgcmalloc_la_CFLAGS = $(LIB_CFLAGS) -fno-builtin -fno-builtin-malloc
libgcmalloc_la_SOURCES = \
	%D%/preload.h \
	%D%/init.c \
	%D%/malloc.c \
	%D%/foreign.c \
	%D%/operator.c \
	%D%/compat.c \
	%D%/jemalloc_api.c \
	%D%/ctl.def \
	%D%/ctl.h \
	%D%/ctl.c \
	%D%/ctl_value.c \
	%D%/ctl_count.c \
	%D%/ctl_print.c \
	%D%/thread.c \
	%D%/stacks.c \
	%D%/api.c \
	%D%/next.def \
	%D%/next.h \
	%D%/next.c \
	%D%/process.c \
	%D%/signal.h \
	%D%/signal.c \
	%D%/blocking.def \
	%D%/blocking.h \
	%D%/blocking.c \
	%D%/exec.h \
	%D%/exec.c \
	%D%/cancel.c \
	%D%/vfork.h \
	%D%/vfork.c \
	%D%/seccomp.c \
	%D%/map.c \
	%D%/kernel.c \
	%D%/faults.c \
	%D%/ring.h \
	%D%/ring.c \
	%D%/flight.h \
	%D%/flight.c \
	%D%/flight_call.c \
	%D%/dl.c \
	%D%/image.h \
	%D%/image.c

if X86_64
libgcmalloc_la_SOURCES += %D%/vfork_x86_64.c
else
EXTRA_DIST += %D%/vfork_x86_64.c
endif

if AARCH64
libgcmalloc_la_SOURCES += %D%/vfork_aarch64.c
else
EXTRA_DIST += %D%/vfork_aarch64.c
endif

libgcmalloc_la_LIBADD = scan/libscan.la core/libcore.la

# noseparate-code: two mappings instead of four, so that a program's start has
# fewer system calls.
libgcmalloc_la_LDFLAGS = -module -avoid-version -shared \
	-Wl,-z,defs -Wl,-z,relro -Wl,-z,now -Wl,-z,nodelete \
	-Wl,-z,noseparate-code -Wl,--hash-style=gnu -Wl,-O1 \
	-Wl,--gc-sections \
	-Wl,--version-script=$(top_srcdir)/%D%/exports.map
EXTRA_libgcmalloc_la_DEPENDENCIES = %D%/exports.map
EXTRA_DIST += %D%/exports.map
