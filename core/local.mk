# core: the heap.  Knows nothing of the folders above it (tests/core-alone.la
# does not link otherwise).

# libcore-noos is all but the system, for which tests have a fake.
noinst_LTLIBRARIES += %D%/libcore.la %D%/libcore-noos.la

%C%_libcore_la_CPPFLAGS = $(LIB_CPPFLAGS)
%C%_libcore_la_CFLAGS = $(LIB_CFLAGS)
%C%_libcore_la_SOURCES = \
	%D%/os_linux.c \
	%D%/os_linux_file.c \
	%D%/os_linux_socket.c \
	%D%/os_linux_trace.c
%C%_libcore_la_LIBADD = %D%/libcore-noos.la

%C%_libcore_noos_la_CPPFLAGS = $(LIB_CPPFLAGS)
%C%_libcore_noos_la_CFLAGS = $(LIB_CFLAGS)
%C%_libcore_noos_la_SOURCES = \
	%D%/core.h \
	%D%/about.def \
	%D%/about_format.h \
	%D%/event.def \
	%D%/event_format.h \
	%D%/event.h \
	%D%/event_state.h \
	%D%/event.c \
	%D%/event_file.c \
	%D%/event_table.c \
	%D%/tick.h \
	%D%/tick.c \
	%D%/schedtrace.h \
	%D%/schedtrace.c \
	%D%/about.h \
	%D%/about.c \
	%D%/base.h \
	%D%/channel.h \
	%D%/channel.c \
	%D%/figure.def \
	%D%/figure.h \
	%D%/figure.c \
	%D%/live.def \
	%D%/os_socket.h \
	%D%/resident.h \
	%D%/resident.c \
	%D%/serve.h \
	%D%/serve.c \
	%D%/own.h \
	%D%/scanner.h \
	%D%/cycle.h \
	%D%/own.c \
	%D%/pace.h \
	%D%/pace.c \
	%D%/limit.h \
	%D%/limit.c \
	%D%/gctrace.h \
	%D%/gctrace.c \
	%D%/cycle.c \
	%D%/cycle_state.h \
	%D%/cycle_thread.c \
	%D%/cycle_count.c \
	%D%/probe.h \
	%D%/pin.h \
	%D%/pin.c \
	%D%/sweep.h \
	%D%/sweep.c \
	%D%/audit.h \
	%D%/audit.c \
	%D%/audit_state.h \
	%D%/audit_print.c \
	%D%/arch.h \
	%D%/os.h \
	%D%/lock.def \
	%D%/lock.h \
	%D%/lock.c \
	%D%/option.def \
	%D%/option.h \
	%D%/option.c \
	%D%/option_format.h \
	%D%/option_value.c \
	%D%/stat.def \
	%D%/stat.h \
	%D%/stat.c \
	%D%/meta.h \
	%D%/meta.c \
	%D%/sizeclass.h \
	%D%/sizeclass.c \
	%D%/table.h \
	%D%/table.c \
	%D%/line.h \
	%D%/line.c \
	%D%/pageheap.h \
	%D%/pageheap.c \
	%D%/span.h \
	%D%/span.c \
	%D%/cache.h \
	%D%/cache.c \
	%D%/cache_set.c \
	%D%/orphan.h \
	%D%/orphan.c \
	%D%/alter.h \
	%D%/alter.c \
	%D%/large.h \
	%D%/large.c \
	%D%/heap.h \
	%D%/heap.c \
	%D%/scavenge.h \
	%D%/scavenge.c \
	%D%/report.h \
	%D%/report.c \
	%D%/verify.h \
	%D%/verify.c

if X86_64
%C%_libcore_noos_la_SOURCES += %D%/arch_x86_64.c %D%/line_x86_64.c
else
EXTRA_DIST += %D%/arch_x86_64.c %D%/line_x86_64.c
endif

if AARCH64
%C%_libcore_noos_la_SOURCES += %D%/arch_aarch64.c %D%/line_aarch64.c
else
EXTRA_DIST += %D%/arch_aarch64.c %D%/line_aarch64.c
endif
