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
	%D%/filter.h \
	%D%/maps.h \
	%D%/pages.h \
	%D%/dirty.h
