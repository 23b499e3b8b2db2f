# scan: finding and following words.  Knows core/core.h and nothing above.

noinst_LTLIBRARIES += %D%/libscan.la

%C%_libscan_la_CPPFLAGS = $(LIB_CPPFLAGS)
%C%_libscan_la_CFLAGS = $(LIB_CFLAGS)
%C%_libscan_la_SOURCES = \
	%D%/scan.h \
	%D%/scanner.h \
	%D%/scanner.c \
	%D%/thread.h \
	%D%/thread.c \
	%D%/stop.h \
	%D%/stop.c \
	%D%/stop_signal.c \
	%D%/filter.h \
	%D%/filter.c \
	%D%/maps.h \
	%D%/maps.c \
	%D%/pagemap.h \
	%D%/pagemap.c \
	%D%/pages.h \
	%D%/pages.c \
	%D%/dirty.h \
	%D%/dirty_pagemap.c \
	%D%/regs.h \
	%D%/task.h \
	%D%/task.c \
	%D%/deaf.h \
	%D%/deaf.c \
	%D%/work.h \
	%D%/work.c \
	%D%/slot.h \
	%D%/mark.h \
	%D%/mark.c \
	%D%/mark_again.c \
	%D%/mark_foreign.c \
	%D%/mark_distance.c \
	%D%/root.h \
	%D%/root.c \
	%D%/root_named.c \
	%D%/sandbox.h \
	%D%/sandbox.c \
	%D%/flight.h \
	%D%/flight.c \
	%D%/kernel.h \
	%D%/kernel.c \
	%D%/crew.h \
	%D%/crew.c \
	%D%/trace.h \
	%D%/trace.c \
	%D%/trace_fork.c \
	%D%/verify.c

if X86_64
%C%_libscan_la_SOURCES += %D%/regs_x86_64.c %D%/filter_x86_64.c
else
EXTRA_DIST += %D%/regs_x86_64.c %D%/filter_x86_64.c
endif

if AARCH64
%C%_libscan_la_SOURCES += %D%/regs_aarch64.c %D%/filter_aarch64.c
else
EXTRA_DIST += %D%/regs_aarch64.c %D%/filter_aarch64.c
endif
